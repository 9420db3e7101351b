//! How large packets are while others say what the path takes: the truth, or not.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::common::lab::Lab;
use crate::common::running::{Running, count};
use crate::common::{beside_others, comes_to, pause};

#[test]
fn packets_are_as_large_as_the_interface_takes_now_and_nobody_makes_them_small_for_good() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    // The one on this network, the other somewhere behind it.
    lab.run("host1", &["ip", "addr", "add", "10.88.0.2/32", "dev", "lo"]);
    lab.run("host0", &["sysctl", "-qw", "net.ipv4.route.mtu_expires=2"]);
    let receiver = lab.receiver("host1", &["--listen", "0.0.0.0:9000", "--output", "none"]);
    for (to, is_near) in [("10.77.0.2", true), ("10.88.0.2", false)] {
        let source = ["--source", "pattern", "--size", "320x240", "--fps", "20", "--frames", "100000"];
        let sender = lab.sender("host0", &[&["--dest", &format!("{to}:9000")], &source[..]].concat());
        let says = |word: &str| comes_to(|| sender.said().contains(word));
        goes_on(&receiver);
        let from = receiver.stats().unwrap().pointer("/source").unwrap().as_str().unwrap().to_owned();
        let from: SocketAddr = from.parse().unwrap();
        for _ in 0..3 {
            lab.on("host2", || forge(from.port(), to.parse().unwrap()));
            pause(300);
        }
        goes_on(&receiver);
        if is_near {
            assert!(!sender.said().contains("takes only"), "{}", sender.said());
            for mtu in [1300, 1500] {
                lab.run("host0", &["ip", "link", "set", "eth0", "mtu", &mtu.to_string()]);
                assert!(says(&format!("takes {mtu} bytes")), "{}", sender.said());
                goes_on(&receiver);
            }
        } else {
            assert!(says("takes only") && says("takes 1500 bytes"), "{}", sender.said());
            goes_on(&receiver);
        }
        assert!(sender.interrupt().status.success());
        // Its place is free for the next one.
        pause(1500);
    }
}

fn goes_on(receiver: &Running) {
    let delivered = || receiver.stats().map_or(0, |stats| count(&stats, "/frames/delivered"));
    let before = delivered();
    assert!(comes_to(|| delivered() >= before + 10), "{}", receiver.said());
}

/// Tells host0 that what it sends from this port takes packets of 68 bytes (RFC 792, fragmentation needed).
fn forge(port: u16, to: Ipv4Addr) {
    let mut message = vec![3, 4, 0, 0, 0, 0, 0, 68];
    message.extend([0x45, 0, 5, 0xdc, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 77, 0, 1]);
    message.extend(to.octets());
    message.extend(port.to_be_bytes());
    message.extend([0x23, 0x28, 5, 0xc8, 0, 0]);
    let sum: u32 = message.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !(sum % 0xffff) as u16;
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).unwrap();
    socket.send_to(&message, &SocketAddr::from(([10, 77, 0, 1], 0)).into()).unwrap();
}
