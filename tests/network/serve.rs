//! A serving sender and its subscribers, on hosts of their own.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::common::lab::Lab;
use crate::common::running::{Running, count, sender_adds_up};
use crate::common::subscriber::SubscribedViewer;
use crate::common::{Folder, alone, beside_others, figure, pause};
use serde_json::Value;

#[test]
fn who_asks_is_sent_pictures_who_leaves_or_is_killed_is_not_and_a_restarted_sender_is_back() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let mut sender = serving(&lab, &[]);
    let (one, two) = (asking(&lab, "host1"), asking(&lab, "host2"));
    for (name, viewer) in [("one", &one), ("two", &two)] {
        let waited = viewer.wait_for(1, SOON).unwrap_or_else(|| panic!("{name}: {}", sender.said()));
        figure(&format!("viewer {name}: first picture after ms"), waited.as_millis());
        assert!(waited < Duration::from_secs(2), "{name} waited {waited:?}");
    }
    sender.kill();
    pause(300);
    sender = serving(&lab, &[]);
    for (name, viewer) in [("one", &one), ("two", &two)] {
        let waited = viewer.wait_for(1, SOON).unwrap_or_else(|| panic!("{name}: {}", sender.said()));
        figure(&format!("viewer {name}: after a restart back after ms"), waited.as_millis());
        assert!(waited < Duration::from_secs(1), "{name} waited {waited:?}");
    }
    one.leave();
    let left = until(&sender, |stats| viewers(stats).len() == 1);
    figure("a viewer left: its stream ended after ms", left.as_millis());
    assert!(left < Duration::from_secs(1), "{left:?}");
    two.kill();
    let gone = until(&sender, |stats| viewers(stats).is_empty());
    figure("a viewer was killed: its stream ended after ms", gone.as_millis());
    assert!(gone < Duration::from_secs(3), "{gone:?}");
    let before = bytes(&sender);
    pause(500);
    let ended = sender.interrupt();
    assert_eq!(count(ended.totals(), "/bytes/sent"), before, "nothing is sent to nobody");
    assert!(count(ended.totals(), "/frames/unwatched") > 0 && count(ended.totals(), "/frames/sent") > 0);
    sender_adds_up(ended.totals());
}

#[test]
fn there_is_room_for_so_many_and_who_leaves_makes_room() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let sender = serving(&lab, &["--max-viewers", "1"]);
    let one = asking(&lab, "host1");
    one.wait_for(1, SOON).unwrap_or_else(|| panic!("{}", sender.said()));
    let two = asking(&lab, "host2");
    pause(500);
    assert!(two.is_full() && two.count() == 0);
    one.leave();
    assert!(two.wait_for(1, SOON).is_some(), "{}", sender.said());
    let ended = sender.interrupt();
    assert!(count(ended.totals(), "/asks/full") > 0, "{}", ended.totals());
}

#[test]
fn where_multicast_dns_is_blocked_or_off_the_address_is_enough() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    ["host0", "host1"].iter().for_each(|host| lab.block_mdns(host));
    for more in [&[][..], &["--announce", "off"]] {
        let sender = serving(&lab, more);
        let viewer = asking(&lab, "host1");
        assert!(viewer.wait_for(10, SOON).is_some(), "{}", sender.said());
        assert!(sender.interrupt().status.success());
    }
}

#[test]
fn who_asks_one_of_several_addresses_is_answered_from_there() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    lab.run("host0", &["ip", "addr", "add", "10.77.0.101/24", "dev", "eth0"]);
    for address in ["fd77::101/64", "fe80::101/64"] {
        lab.run("host0", &["ip", "addr", "add", address, "dev", "eth0", "nodad"]);
    }
    let index = lab.run("host1", &["cat", "/sys/class/net/eth0/ifindex"]);
    let of_the_link = format!("[fe80::101%{}]:9001", index.trim());
    let sender = serving(&lab, &[]);
    for (from, to) in [
        ("0.0.0.0:0", "10.77.0.101:9001"),
        ("[::]:0", "[fd77::1]:9001"),
        ("[::]:0", "[fd77::101]:9001"),
        ("[::]:0", &of_the_link),
    ] {
        let socket = lab.on("host1", || UdpSocket::bind(from).unwrap());
        let viewer = SubscribedViewer::by(socket, to.parse().unwrap());
        assert!(viewer.wait_for(10, SOON).is_some(), "{to}: {}", sender.said());
    }
}

#[test]
fn who_asks_another_address_of_a_sender_that_already_shows_it_pictures_is_shown_them_from_there() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    lab.run("host0", &["ip", "addr", "add", "10.77.0.101/24", "dev", "eth0"]);
    let sender = serving(&lab, &[]);
    // The same port throughout, as of a receiver that goes on with another address once the first is silent.
    let socket = lab.on("host1", || UdpSocket::bind("0.0.0.0:0").unwrap());
    for to in ["10.77.0.101:9001", AT, "10.77.0.101:9001"] {
        let viewer = SubscribedViewer::by(socket.try_clone().unwrap(), to.parse().unwrap());
        assert!(viewer.wait_for(10, SOON).is_some(), "{to}: {}", sender.said());
        viewer.kill();
        assert_eq!(viewers(&sender.stats().unwrap()).len(), 1, "{}", sender.said());
    }
    sender_adds_up(sender.interrupt().totals());
}

#[test]
fn a_sender_asked_by_name_is_found_again_at_another_address() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let folder = Folder::new();
    let hosts = folder.join("hosts");
    let is_at = |address: &str| std::fs::write(&hosts, format!("{address} door.example\n")).unwrap();
    is_at("10.77.0.1");
    let first = serving(&lab, &[]);
    let viewer = lab.receiver_with_hosts("host2", &hosts, &["--connect", "door.example", "--output", "none"]);
    until(&viewer, |stats| count(stats, "/frames/delivered") > 10);
    first.kill();
    let before = count(&viewer.stats().unwrap(), "/frames/delivered");
    is_at("10.77.0.2");
    let second = lab.sender("host1", &["--source", "pattern", "--size", "640x360"]);
    let found = until(&viewer, |stats| count(stats, "/frames/delivered") > before + 10);
    figure("the sender of that name has another address: its pictures are there after ms", found.as_millis());
    let said = viewer.interrupt().said;
    assert!(said.contains("door.example is at 10.77.0.2:9001 now"), "{said}");
    assert!(second.interrupt().status.success());
}

#[test]
fn a_name_that_is_not_known_keeps_no_other_sender_from_being_shown_and_is_asked_once_it_is() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let folder = Folder::new();
    let hosts = folder.join("hosts");
    let known = |names: &str| std::fs::write(&hosts, names).unwrap();
    known("10.77.0.1 door.example\n");
    let (_one, _other) = (serving(&lab, &[]), lab.sender("host1", &["--source", "pattern"]));
    let connect = ["--connect", "door.example", "--connect", "yard.example", "--output", "none"];
    let viewer = lab.receiver_with_hosts("host2", &hosts, &connect);
    until(&viewer, |stats| count(stats, "/frames/delivered") > 10);
    assert!(viewer.said().contains("\"yard.example\" is not known"), "{}", viewer.said());
    known("10.77.0.1 door.example\n10.77.0.2 yard.example\n");
    let both = |stats: &Value| {
        let senders = stats["senders"].as_array().map_or(&[][..], Vec::as_slice);
        senders.iter().filter(|sender| count(sender, "/frames/delivered") > 10).count() == 2
    };
    let begun = Instant::now();
    while !viewer.stats().is_some_and(|stats| both(&stats)) {
        assert!(begun.elapsed() < 2 * SOON, "{:?}: {}", viewer.stats(), viewer.said());
        pause(50);
    }
    viewer.interrupt().totals();
}

#[test]
fn a_slow_viewer_harms_no_other() {
    let _alone = alone();
    let Some(lab) = Lab::up(3) else { return };
    lab.netlab(&["rate", "host2", "4mbit", "32768"]);
    let sender = serving(&lab, &[]);
    let (fast, slow) = (asking(&lab, "host1"), asking(&lab, "host2"));
    fast.wait_for(30, SOON).unwrap_or_else(|| panic!("{}", sender.said()));
    slow.wait_for(1, SOON).expect("the slow one sees something");
    let begun = (Instant::now(), fast.count(), slow.count());
    pause(4000);
    let seconds = begun.0.elapsed().as_secs_f64();
    let rates = [fast.count() - begun.1, slow.count() - begun.2].map(|frames| frames as f64 / seconds);
    figure("beside a viewer at 4 Mbit/s: fps of the fast and the slow", format!("{rates:.1?}"));
    let stats = sender.stats().unwrap();
    assert!(rates[0] > 28.5, "the fast one gets {rates:?}: {stats}");
    assert!(rates[1] > 0.5 && rates[1] < 28.0, "the slow one gets what its path carries: {rates:?}: {stats}");
    assert_eq!(stats["quality"], 80, "{stats}");
    assert_eq!(viewers(&stats).len(), 2);
    sender_adds_up(sender.interrupt().totals());
}

#[test]
fn a_viewer_behind_an_interface_that_stalls_holds_up_no_other() {
    let _alone = alone();
    let Some(lab) = Lab::up(3) else { return };
    // host0 and host2 have a network of their own besides.
    let (near, far) = (lab.namespace("host0"), lab.namespace("host2"));
    lab.run(
        "host0",
        &["ip", "link", "add", "eth1", "netns", &near, "type", "veth", "peer", "eth1", "netns", &far],
    );
    for (host, address) in [("host0", "10.78.0.1/24"), ("host2", "10.78.0.3/24")] {
        lab.run(host, &["ip", "addr", "add", address, "dev", "eth1"]);
        lab.run(host, &["ip", "link", "set", "eth1", "up"]);
    }
    let sender = serving(&lab, &[]);
    let socket = lab.on("host2", || UdpSocket::bind("0.0.0.0:0").unwrap());
    let (one, held) =
        (asking(&lab, "host1"), SubscribedViewer::by(socket, "10.78.0.1:9001".parse().unwrap()));
    for viewer in [&one, &held] {
        viewer.wait_for(10, SOON).unwrap_or_else(|| panic!("{}", sender.said()));
    }
    let before = one.count();
    // Its queue takes more than a socket's buffer holds, and gives nothing back.
    let stall = ["tc", "qdisc", "add", "dev", "eth1", "root", "tbf", "rate", "8kbit", "burst", "1600"];
    lab.run("host0", &[&stall[..], &["limit", "100000000"]].concat());
    pause(2000);
    let came = one.count() - before;
    figure("beside a viewer behind a stalled interface, frames in 2 s at 30 fps", came);
    let stats = sender.stats().unwrap();
    assert!(came > 50, "{came} frames: {stats}");
    for viewer in viewers(&stats) {
        let is_held = viewer["address"].as_str().unwrap().starts_with("10.78.");
        assert_eq!(
            count(viewer, "/errors") > 0,
            is_held,
            "what is held back is given up, and counted: {stats}"
        );
    }
    sender_adds_up(sender.interrupt().totals());
}

#[test]
fn an_ask_in_anothers_name_brings_it_no_more_bytes_than_it_had() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let sender = serving(&lab, &[]);
    // host2 says that it is host1; nobody but itself believes it.
    lab.run(
        "host2",
        &["sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"],
    );
    lab.run("host2", &["ip", "addr", "add", "10.77.0.2/32", "dev", "lo"]);
    let forger = lab.on("host2", || UdpSocket::bind("10.77.0.2:7777").unwrap());
    let rules = "add table netdev victim; \
                 add chain netdev victim arrive { type filter hook ingress device eth0 priority 0; }; \
                 add rule netdev victim arrive udp sport 9001 counter";
    lab.run("host1", &["nft", rules]);
    let ask = ask();
    for _ in 0..ASKS {
        forger.send_to(&ask, AT).unwrap();
        pause(2);
    }
    pause(300);
    let counted = lab.run("host1", &["nft", "list", "chain", "netdev", "victim", "arrive"]);
    let mut words = counted.split_whitespace().skip_while(|word| *word != "counter");
    let mut number = |name: &str| -> usize {
        let mut words = words.by_ref().skip_while(|word| *word != name);
        words.nth(1).unwrap_or_else(|| panic!("{counted}")).parse().unwrap()
    };
    let (packets, bytes) = (number("packets"), number("bytes"));
    let sent = ASKS * (ask.len() + IP_AND_UDP);
    figure(&format!("bytes at the victim for {sent} in its name"), bytes);
    assert!(packets > ASKS / 2 && bytes <= sent, "{packets} packets, {bytes} bytes for {sent}");
    let ended = sender.interrupt();
    assert_eq!(count(ended.totals(), "/asks/welcomed"), 0, "{}", ended.totals());
}

/// A sender on host0 that serves, once it does.
fn serving(lab: &Lab, more: &[&str]) -> Running {
    lab.sender("host0", &[&["--source", "pattern", "--size", "1280x720", "--fps", "30"], more].concat())
}

/// A viewer on `host`.
fn asking(lab: &Lab, host: &str) -> SubscribedViewer {
    let socket = lab.on(host, || UdpSocket::bind("0.0.0.0:0").unwrap());
    SubscribedViewer::by(socket, AT.parse::<SocketAddr>().unwrap())
}

/// The first word of who wants to watch.
fn ask() -> Vec<u8> {
    match proto::Subscriber::new(Instant::now()).poll(Instant::now()) {
        proto::SubscribeOutput::Transmit(ask) => ask.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Waits until a sender's statistics are so; returns how long that took.
fn until(sender: &Running, what: impl Fn(&Value) -> bool) -> Duration {
    let begun = Instant::now();
    while !sender.stats().is_some_and(|stats| what(&stats)) {
        assert!(begun.elapsed() < SOON, "{:?}", sender.stats());
        pause(10);
    }
    begun.elapsed()
}

fn viewers(stats: &Value) -> Vec<&Value> {
    stats["destinations"].as_array().unwrap().iter().filter(|d| d["served"] == true).collect()
}

fn bytes(sender: &Running) -> u64 {
    count(&sender.stats().unwrap(), "/bytes/sent")
}

/// Where the sender can be asked.
const AT: &str = "10.77.0.1:9001";
const SOON: Duration = Duration::from_secs(10);
const ASKS: usize = 100;
const IP_AND_UDP: usize = 28;
