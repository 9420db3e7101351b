use super::*;

use std::time::Instant;

use proto::host::wait_until;
use rustix::event::{PollFd, PollFlags};

fn pair() -> (Link, UdpSocket) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    (Link::open(receiver.local_addr().unwrap(), &NetworkOptions::default()).unwrap(), receiver)
}

fn received(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffer = [0; 2000];
    let mut one = || socket.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap();
    (0..count).map(|_| one()).collect()
}

#[test]
fn many_datagrams_arrive_cut_alike_with_and_without_offload() {
    let (mut link, receiver) = pair();
    let bytes: Vec<u8> = (0..5000).map(|i| (i % 251) as u8).collect();
    let cut: Vec<Vec<u8>> = bytes.chunks(1200).map(<[u8]>::to_vec).collect();
    for offload in [true, false, true] {
        link.offload = offload;
        link.send(&Transmit { to: None, bytes: &bytes, segment: 1200 }).unwrap();
        assert_eq!(received(&receiver, 5), cut, "offload {offload}");
    }
}

#[test]
fn a_single_datagram_is_never_cut_by_the_segment_size_before() {
    let (mut link, receiver) = pair();
    link.send(&Transmit { to: None, bytes: &[1; 300], segment: 100 }).unwrap();
    link.send(&Transmit { to: None, bytes: &[2; 900], segment: 900 }).unwrap();
    assert_eq!(received(&receiver, 4).last().unwrap().len(), 900);
}

/// Reads until so many came from the receiver.
fn come_back(link: &mut Link, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut found = Vec::new();
    while found.len() < count {
        let until = Some(Instant::now() + Duration::from_secs(5));
        let mut files = [PollFd::new(link, PollFlags::IN)];
        assert_eq!(wait_until(&mut files, until).unwrap(), 1, "{found:?}");
        link.receive(1, |from, datagram| found.push((from, datagram.to_vec()))).unwrap();
    }
    found
}

fn address(link: &Link) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, link.socket.local_addr().unwrap().as_socket().unwrap().port()).into()
}

#[test]
fn only_the_receiver_itself_is_heard() {
    let (mut link, receiver) = pair();
    let (to, other) = (address(&link), UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = receiver.local_addr().unwrap().port();
    // Where the neighbouring address has that port free, it is somebody else too.
    let others = [Some(other), UdpSocket::bind(("127.0.0.2", port)).ok()];
    let mut strangers = 0;
    for other in others.iter().flatten() {
        strangers += u64::from(other.send_to(b"stranger", to).is_ok());
    }
    receiver.send_to(&[1; PLACE + 1], to).unwrap();
    receiver.send_to(&[2; PLACE], to).unwrap();
    receiver.send_to(b"", to).unwrap();
    let from = receiver.local_addr().unwrap();
    assert_eq!(come_back(&mut link, 2), [(from, vec![2; PLACE]), (from, vec![])]);
    assert_eq!(link.strangers(), strangers + 1);
    assert_eq!(link.receive(5, |_, _| unreachable!("nothing is there")).unwrap(), 0);
}

#[test]
fn a_batch_is_no_longer_than_asked_for() {
    let (mut link, receiver) = pair();
    for _ in 0..5 {
        receiver.send_to(b"feedback", address(&link)).unwrap();
    }
    come_back(&mut link, 1);
    let mut count = 0;
    assert_eq!(link.receive(3, |_, _| count += 1).unwrap(), 3);
    assert_eq!(link.receive(3, |_, _| count += 1).unwrap(), 1);
    assert_eq!(count, 4);
}

#[test]
fn a_closed_port_disturbs_neither_sending_nor_reading() {
    let (mut link, receiver) = pair();
    let to = receiver.local_addr().unwrap();
    drop(receiver);
    for _ in 0..3 {
        link.send(&Transmit { to: None, bytes: b"x", segment: 1 }).unwrap();
        assert_eq!(link.receive(5, |_, _| ()).unwrap(), 0);
    }
    let receiver = UdpSocket::bind(to).unwrap();
    receiver.send_to(b"back", address(&link)).unwrap();
    assert_eq!(come_back(&mut link, 1), [(to, b"back".to_vec())]);
}

#[test]
fn anybody_may_answer_a_group_and_is_answered_alone_and_whole() {
    let group = "239.255.77.1:9000".parse().unwrap();
    let options = NetworkOptions { interface: Some("lo".into()), ..Default::default() };
    let mut link = Link::open(group, &options).unwrap();
    let viewers: Vec<_> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for viewer in &viewers {
        viewer.send_to(b"report", address(&link)).unwrap();
    }
    link.send(&Transmit { to: None, bytes: &[1; 300], segment: 100 }).unwrap();
    for ((from, bytes), viewer) in come_back(&mut link, 2).into_iter().zip(&viewers) {
        assert_eq!((from, &bytes[..]), (viewer.local_addr().unwrap(), &b"report"[..]));
        link.send_to(from, &[7; 900]).unwrap();
        assert_eq!(received(viewer, 1), [vec![7; 900]]);
    }
}

#[test]
fn a_scope_counts_where_both_have_one() {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    assert!(is_same(at("[fe80::1%3]:9"), at("[fe80::1%3]:9")));
    assert!(is_same(at("[fe80::1]:9"), at("[fe80::1%3]:9")));
    assert!(!is_same(at("[fe80::1%2]:9"), at("[fe80::1%3]:9")));
    assert!(!is_same(at("[fe80::1]:9"), at("[fe80::1]:8")));
    assert!(is_same(at("0.0.0.0:9"), at("127.0.0.1:9")));
}

#[test]
fn nothing_larger_than_the_mtu_is_sent() {
    let (mut link, _receiver) = pair();
    assert_eq!((link.mtu(), link.datagram_bytes()), (1500, 1472));
    let options = NetworkOptions { interface: Some("nosuch0".into()), ..Default::default() };
    assert!(Link::open(link.to(), &options).unwrap_err().to_string().contains("nosuch0"));
    assert!(link.send(&Transmit { to: None, bytes: &vec![0; 65_600], segment: 65_600 }).is_err());
    assert!(link.is_local());
}
