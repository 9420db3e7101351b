use std::net::UdpSocket;
use std::time::Duration;

use proto::diagnosis::WANTED_BUFFER;
use socket2::{Domain, Protocol, Type};

use super::*;

#[test]
fn datagrams_arrive_one_by_one_whatever_the_kernel_joined() {
    let mut socket = ReceiveSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let to = socket.stream.socket.local_addr().unwrap().as_socket().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [1200, 1200, 1200, 7, 0, 900] {
        sender.send_to(&vec![length as u8; length], to).unwrap();
    }
    let (stop, mut found) = (Stop::new().unwrap(), Vec::new());
    while found.len() < 6 {
        assert_eq!(
            socket.wait(Some(Instant::now() + Duration::from_secs(5)), &stop).unwrap(),
            Woken::Datagrams
        );
        socket
            .receive(|from, to, _, datagram| {
                assert_eq!(to, Some(Ipv4Addr::LOCALHOST.into()));
                assert_eq!(from, sender.local_addr().unwrap());
                found.push(datagram.len());
                true
            })
            .unwrap();
    }
    assert_eq!(found, [1200, 1200, 1200, 7, 0, 900]);
    socket.receive(|_, _, _, _| unreachable!("nothing is there")).unwrap();
    stop.request();
    assert_eq!(socket.wait(None, &stop).unwrap(), Woken::Stop);
}

#[test]
fn a_taken_port_is_said_with_the_way_out() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = ReceiveSocket::open(taken.local_addr().unwrap(), None).err().unwrap();
    assert!(error.to_string().contains("--listen"), "{error}");
}

/// Reads until so many came.
fn received(socket: &mut ReceiveSocket, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Instant, Vec<u8>)> {
    let (stop, mut found) = (Stop::new().unwrap(), Vec::new());
    while found.len() < count {
        let woken = socket.wait(Some(Instant::now() + Duration::from_secs(5)), &stop).unwrap();
        assert_eq!(woken, Woken::Datagrams, "{found:?}");
        socket
            .receive(|from, to, arrived, datagram| {
                found.push((from, to, arrived, datagram.to_vec()));
                true
            })
            .unwrap();
    }
    found
}

fn port(socket: &ReceiveSocket) -> u16 {
    socket.stream.socket.local_addr().unwrap().as_socket().unwrap().port()
}

#[test]
fn the_buffer_is_as_large_as_is_asked_for_or_as_the_system_allows() {
    let socket = ReceiveSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let allowed = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let allowed: usize = allowed.trim().parse().unwrap();
    assert_eq!(buffer(&socket.stream.socket), WANTED_BUFFER.min(allowed));
}

fn sender() -> UdpSocket {
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    sender
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let mut socket = ReceiveSocket::open(listen.parse().unwrap(), None).unwrap();
        for address in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
            let (sender, asked) = (sender(), SocketAddr::new(address.parse().unwrap(), port(&socket)));
            sender.send_to(b"ping", asked).unwrap();
            let (from, to, ..) = received(&mut socket, 1).remove(0);
            assert_eq!(to.map(|to| to.to_canonical()), Some(asked.ip()));
            socket.send(from, to, b"pong").unwrap();
            let mut bytes = [0; 10];
            assert_eq!(sender.recv_from(&mut bytes).unwrap(), (4, asked), "{listen}");
        }
    }
}

#[test]
fn answers_to_a_group_have_a_source_of_their_own_and_can_be_answered() {
    let listen: SocketAddr = "239.255.78.1:9478".parse().unwrap();
    let mut viewers: Vec<_> = (0..2).map(|_| ReceiveSocket::open(listen, Some("lo")).unwrap()).collect();
    let socket = Socket::from(sender());
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let sender = UdpSocket::from(socket);
    sender.send_to(b"frame", listen).unwrap();
    let mut sources = Vec::new();
    for socket in &mut viewers {
        let (from, to, _, bytes) = received(socket, 1).remove(0);
        assert_eq!((from, to, &bytes[..]), (sender.local_addr().unwrap(), None, &b"frame"[..]));
        socket.send(from, to, b"ping").unwrap();
        let source = sender.recv_from(&mut [0; 10]).unwrap().1;
        assert_eq!(source.ip(), Ipv4Addr::LOCALHOST);
        assert_ne!(source.port(), listen.port());
        sender.send_to(b"pong", source).unwrap();
        let (from, to, _, bytes) = received(socket, 1).remove(0);
        // It did not come by the group, and that can be told.
        assert_eq!((from, to), (sender.local_addr().unwrap(), Some(source.ip())));
        assert_eq!(bytes, b"pong");
        sources.push(source);
    }
    assert_ne!(sources[0], sources[1]);
}

#[test]
fn datagrams_are_as_far_apart_as_they_arrived_however_late_they_are_read() {
    let mut socket = ReceiveSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let (sender, to) = (sender(), SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port(&socket)));
    let apart = Duration::from_millis(4);
    // The kernel begins to stamp some time after the first socket that wants stamps was opened.
    let is_stamped = |socket: &mut ReceiveSocket| {
        sender.send_to(&[0], to).unwrap();
        std::thread::sleep(apart);
        let read = Instant::now();
        received(socket, 1)[0].2 + apart / 2 < read
    };
    assert!((0..250).any(|_| is_stamped(&mut socket)), "nothing is stamped in a second");
    let mut sent = Vec::new();
    for number in 0..5_u8 {
        sent.push(Instant::now());
        sender.send_to(&[number], to).unwrap();
        std::thread::sleep(apart);
    }
    let read = Instant::now();
    let arrived: Vec<_> = received(&mut socket, 5).into_iter().map(|(_, _, arrived, _)| arrived).collect();
    let took = sent[0].elapsed();
    let slack = Duration::from_millis(1);
    assert!(
        sent.iter().zip(&arrived).all(|(sent, arrived)| *sent - slack <= *arrived),
        "{sent:?} {arrived:?}"
    );
    assert!(arrived.is_sorted(), "{arrived:?}");
    // A computer that was held up for too long, until it had read them, stamps them all alike.
    if took < Duration::from_millis(80) {
        assert!(arrived[0] + apart < read, "the first is not told from when it was read: {arrived:?}");
    }
}

#[test]
fn drops_are_counted_while_nobody_reads() {
    let socket = ReceiveSocket::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    socket.stream.socket.set_recv_buffer_size(4096).unwrap();
    let (sender, to) = (sender(), SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port(&socket)));
    for _ in 0..50 {
        sender.send_to(&[0; 1000], to).unwrap();
    }
    assert!((1..50).contains(&socket.kernel_dropped()));
    assert_eq!(socket.kernel_dropped(), socket.probe().unwrap().kernel_dropped());
}

/// Asks for the address as another user of this computer, in all ways there are; `None` without the right to be one.
fn asked_for_by_another_user(at: SocketAddr) -> Option<[io::Result<Socket>; 4]> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let ask = std::thread::spawn(move || {
        // It is the thread that is another user, and it ends here.
        let nobody = Some(rustix::process::Uid::from_raw(65_534));
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        [(false, false), (true, false), (false, true), (true, true)].map(|(address, port)| {
            let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_reuse_address(address).unwrap();
            socket.set_reuse_port(port).unwrap();
            socket.bind(&at.into()).map(|()| socket)
        })
    });
    Some(ask.join().unwrap())
}

#[test]
fn no_other_user_of_this_computer_shares_the_port() {
    for (listen, host) in [("0.0.0.0:0", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.1"), ("[::]:0", "::1")] {
        let Ok(socket) = ReceiveSocket::open(listen.parse().unwrap(), None) else {
            continue;
        };
        socket.make_way_for_groups().unwrap();
        for ip in [socket.local().ip(), host.parse().unwrap()] {
            for tried in asked_for_by_another_user((ip, port(&socket)).into()).into_iter().flatten() {
                assert_eq!(tried.map_err(|error| error.kind()).unwrap_err(), io::ErrorKind::AddrInUse);
            }
        }
    }
}

#[test]
fn viewers_of_a_group_hear_it_whoever_else_on_this_computer_does_and_beside_who_listens_on_its_port() {
    let open = |listen| ReceiveSocket::open(listen, Some("lo")).unwrap();
    let own = open((Ipv4Addr::UNSPECIFIED, 0).into());
    own.make_way_for_groups().unwrap();
    let group = SocketAddr::from((Ipv4Addr::new(239, 255, 78, 2), port(&own)));
    let mut viewers = [open(group), open(group)];
    drop(own);
    // A group is public: who listens to it takes nothing from others.
    let others = asked_for_by_another_user(group);
    let socket = Socket::from(sender());
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let sender = UdpSocket::from(socket);
    for _ in 0..3 {
        sender.send_to(b"frame", group).unwrap();
        for socket in &mut viewers {
            assert_eq!(received(socket, 1)[0].3, b"frame");
        }
    }
    drop(others);
}
