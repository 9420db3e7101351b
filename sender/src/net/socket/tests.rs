use super::*;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use proto::sys::wait_until;
use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, Protocol, Type};

use crate::net::NetworkOptions;

fn pair() -> (SendSocket, Route, UdpSocket) {
    let receiver = receiver();
    let (socket, route) = open(receiver.local_addr().unwrap(), &NetworkOptions::default());
    (socket, route, receiver)
}

fn receiver() -> UdpSocket {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    receiver
}

fn open(to: SocketAddr, options: &NetworkOptions) -> (SendSocket, Route) {
    let route = Route::find(to, options).unwrap();
    (SendSocket::open(&route, options).unwrap(), route)
}

fn received(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffer = [0; 2000];
    let mut one = || socket.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap();
    (0..count).map(|_| one()).collect()
}

#[test]
fn many_datagrams_arrive_cut_alike_with_and_without_offload() {
    let (mut socket, mut route, receiver) = pair();
    let bytes: Vec<u8> = (0..5000).map(|i| (i % 251) as u8).collect();
    let cut: Vec<Vec<u8>> = bytes.chunks(1200).map(<[u8]>::to_vec).collect();
    for offload in [true, false, true] {
        route.offload = offload;
        socket.send(&mut route, &Transmit { to: None, bytes: &bytes, segment: 1200 }).unwrap();
        assert_eq!(received(&receiver, 5), cut, "offload {offload}");
    }
}

#[test]
fn a_single_datagram_is_never_cut_by_the_segment_size_before() {
    let (mut socket, mut route, receiver) = pair();
    socket.send(&mut route, &Transmit { to: None, bytes: &[1; 300], segment: 100 }).unwrap();
    socket.send(&mut route, &Transmit { to: None, bytes: &[2; 900], segment: 900 }).unwrap();
    assert_eq!(received(&receiver, 4).last().unwrap().len(), 900);
}

/// Reads until so many came from the receiver.
fn come_back(socket: &mut SendSocket, route: &Route, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut found = Vec::new();
    while found.len() < count {
        let until = Some(Instant::now() + Duration::from_secs(5));
        let mut files = [PollFd::new(socket, PollFlags::IN)];
        assert_eq!(wait_until(&mut files, until).unwrap(), 1, "{found:?}");
        let mut take = |from, datagram: &mut [u8]| found.push((from, datagram.to_vec()));
        socket
            .receive(1, |_, Peer { address: from, .. }, datagram| {
                route.is_receiver(from).then(|| take(from, datagram)).is_some()
            })
            .unwrap();
    }
    found
}

fn address(socket: &SendSocket) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, socket.socket.local_addr().unwrap().as_socket().unwrap().port()).into()
}

#[test]
fn only_the_receiver_itself_is_heard() {
    let (mut socket, route, receiver) = pair();
    let (to, other) = (address(&socket), UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = receiver.local_addr().unwrap().port();
    // Where the neighbouring address has that port free, it is somebody else too.
    let others = [Some(other), UdpSocket::bind(("127.0.0.2", port)).ok()];
    let mut strangers = 0;
    for other in others.iter().flatten() {
        strangers += u64::from(other.send_to(b"other", to).is_ok());
    }
    receiver.send_to(&[1; PLACE + 1], to).unwrap();
    receiver.send_to(&[2; PLACE], to).unwrap();
    receiver.send_to(b"", to).unwrap();
    let from = receiver.local_addr().unwrap();
    assert_eq!(come_back(&mut socket, &route, 2), [(from, vec![2; PLACE]), (from, vec![])]);
    assert_eq!(socket.strangers(), strangers + 1);
    assert_eq!(socket.receive(5, |_, _, _| unreachable!("nothing is there")).unwrap(), 0);
}

#[test]
fn a_batch_is_no_longer_than_asked_for() {
    let (mut socket, route, receiver) = pair();
    for _ in 0..5 {
        receiver.send_to(b"feedback", address(&socket)).unwrap();
    }
    come_back(&mut socket, &route, 1);
    let mut count = 0;
    let mut take = |_: &mut SendSocket, _, _: &mut [u8]| {
        count += 1;
        true
    };
    assert_eq!(socket.receive(3, &mut take).unwrap(), 3);
    assert_eq!(socket.receive(3, &mut take).unwrap(), 1);
    assert_eq!(count, 4);
}

#[test]
fn a_closed_port_disturbs_neither_sending_nor_reading() {
    let (mut socket, mut route, receiver) = pair();
    let to = receiver.local_addr().unwrap();
    drop(receiver);
    for _ in 0..3 {
        socket.send(&mut route, &Transmit { to: None, bytes: b"x", segment: 1 }).unwrap();
        assert_eq!(socket.receive(5, |_, _, _| true).unwrap(), 0);
    }
    let receiver = UdpSocket::bind(to).unwrap();
    receiver.send_to(b"back", address(&socket)).unwrap();
    assert_eq!(come_back(&mut socket, &route, 1), [(to, b"back".to_vec())]);
}

#[test]
fn anybody_may_answer_a_group_and_is_answered_alone_and_whole() {
    let group = "239.255.77.1:9000".parse().unwrap();
    let options = NetworkOptions { interface: Some("lo".into()), ..Default::default() };
    let (mut socket, mut route) = open(group, &options);
    let viewers: Vec<_> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for viewer in &viewers {
        viewer.send_to(b"report", address(&socket)).unwrap();
    }
    socket.send(&mut route, &Transmit { to: None, bytes: &[1; 300], segment: 100 }).unwrap();
    for ((from, bytes), viewer) in come_back(&mut socket, &route, 2).into_iter().zip(&viewers) {
        assert_eq!((from, &bytes[..]), (viewer.local_addr().unwrap(), &b"report"[..]));
        socket.send(&mut route, &Transmit { to: Some(from), bytes: &[7; 900], segment: 900 }).unwrap();
        assert_eq!(received(viewer, 1), [vec![7; 900]]);
    }
}

#[test]
fn one_socket_sends_to_many_each_cut_as_its_own_way_allows() {
    let (mut socket, mut route, receiver) = pair();
    let other = self::receiver();
    let mut other_route = Route::find(other.local_addr().unwrap(), &NetworkOptions::default()).unwrap();
    other_route.offload = false;
    for segment in [1200, 500, 1200] {
        let bytes = vec![segment as u8; 3000];
        let cut: Vec<Vec<u8>> = bytes.chunks(segment).map(<[u8]>::to_vec).collect();
        for (route, receiver) in [(&mut route, &receiver), (&mut other_route, &other)] {
            socket.send(route, &Transmit { to: None, bytes: &bytes, segment }).unwrap();
            assert_eq!(received(receiver, cut.len()), cut, "{segment} to {}", route.to());
        }
    }
}

#[test]
fn each_who_asked_is_sent_to_from_there_by_a_socket_that_hears_nobody() {
    let options = NetworkOptions::default();
    let mut asked = SendSocket::serve("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let at = address(&asked);
    let subscribers = [receiver(), receiver()];
    let mut owns: Vec<SendSocket> = Vec::new();
    for round in 0..2 {
        for subscriber in &subscribers {
            subscriber.send_to(b"ask", at).unwrap();
        }
        let mut peers = Vec::new();
        while peers.len() < subscribers.len() {
            wait_until(&mut [PollFd::new(&asked, PollFlags::IN)], Some(Instant::now() + SOON)).unwrap();
            let read = asked.receive(1, |_, peer, _| {
                peers.push(peer);
                true
            });
            assert_eq!(read.unwrap(), 1, "what is asked comes to the socket that is asked, in round {round}");
        }
        owns.extend(peers.iter().map(|peer| asked.back_to(*peer, &options).unwrap()));
        for ((peer, own), subscriber) in peers.iter().zip(&mut owns).zip(&subscribers) {
            let mut route = Route::back(*peer, &options).unwrap();
            let transmit = Transmit { to: None, bytes: &[9; 300], segment: 100 };
            assert_eq!(own.send(&mut route, &transmit).unwrap(), 300);
            for _ in 0..3 {
                assert_eq!(subscriber.recv_from(&mut [0; 200]).unwrap(), (100, at));
            }
            assert_eq!(own.receive(1, |_, _, _| true).unwrap(), 0);
        }
    }
    let error = SendSocket::serve(at, &options).unwrap_err();
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    assert_eq!(kind, Some(io::ErrorKind::AddrInUse), "the port is still nobody else's");
}

const SOON: Duration = Duration::from_secs(5);

#[test]
fn nothing_larger_than_the_mtu_is_sent() {
    let (mut socket, mut route, _receiver) = pair();
    assert_eq!((route.mtu(), route.datagram_bytes()), (1500, 1472));
    assert!(
        socket.send(&mut route, &Transmit { to: None, bytes: &vec![0; 65_600], segment: 65_600 }).is_err()
    );
    assert!(route.is_local());
}

#[test]
fn no_other_user_of_this_computer_shares_the_port_at_which_a_sender_is_asked() {
    for (at, host) in [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"), ("[::1]:0", "::1")] {
        let options = NetworkOptions::default();
        let Ok(mut asked) = SendSocket::serve(at.parse().unwrap(), &options) else { continue };
        let host: IpAddr = host.parse().unwrap();
        let subscriber = UdpSocket::bind((host, 0)).unwrap();
        subscriber.send_to(b"ask", (host, asked.port().unwrap())).unwrap();
        let mut peers = Vec::new();
        wait_until(&mut [PollFd::new(&asked, PollFlags::IN)], Some(Instant::now() + SOON)).unwrap();
        let note = |_: &mut SendSocket, peer, _: &mut [u8]| {
            peers.push(peer);
            true
        };
        assert_eq!(asked.receive(1, note).unwrap(), 1);
        let _own = asked.back_to(peers[0], &options).unwrap();
        let port = asked.port().unwrap();
        for other in [at.parse::<SocketAddr>().unwrap().ip(), host] {
            is_shut_to_others(SocketAddr::new(other, port));
        }
    }
}

/// Asks for the address as another user of this computer, in all ways there are.
fn is_shut_to_others(at: SocketAddr) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let tried = std::thread::spawn(move || {
        // It is the thread that is another user, and it ends here.
        let nobody = Some(rustix::process::Uid::from_raw(65_534));
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        for (address, port) in [(false, false), (true, false), (false, true), (true, true)] {
            let thief = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP)).unwrap();
            thief.set_reuse_address(address).unwrap();
            thief.set_reuse_port(port).unwrap();
            let error = thief.bind(&at.into()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{at}: {address} {port}");
        }
    });
    tried.join().unwrap();
}
