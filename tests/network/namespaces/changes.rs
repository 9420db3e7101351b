//! Both programs while the network changes under them: cards that are plugged in again, other addresses and names.

use crate::common::lab::Lab;
use crate::common::running::{Running, count};
use crate::common::{beside_others, comes_to, figure, pause};
use std::time::Instant;

/// A sender on host0 and a receiver on host1.
struct Pair {
    way: String,
    sender: Running,
    receiver: Running,
}

impl Pair {
    fn new(lab: &Lab, sending: &str, receiving: &str) -> Self {
        let way = format!("{sending} | {receiving}");
        let words = |text: &str, more: &str| -> Vec<String> {
            text.split(' ').chain(more.split(' ')).map(str::to_owned).collect()
        };
        let receiving = words(receiving, "--output none");
        let sending = words(sending, "--source pattern --size 160x120 --fps 10 --announce off");
        let text = |words: &[String]| words.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        let (receiving, sending) = (text(&receiving), text(&sending));
        let receiver = lab.finder("host1", None, &receiving.split('\n').collect::<Vec<_>>());
        let sender = lab.sender("host0", &sending.split('\n').collect::<Vec<_>>());
        Self { way, sender, receiver }
    }

    fn delivered(&self) -> u64 {
        self.receiver.stats().map_or(0, |stats| count(&stats, "/frames/delivered"))
    }

    fn said(&self) -> String {
        format!("{}\n{}\n{}", self.way, self.sender.said(), self.receiver.said())
    }
}

/// Each of them gets a second of pictures from now on.
fn go_on(pairs: &[Pair], after: &str) {
    let began = Instant::now();
    let before: Vec<u64> = pairs.iter().map(Pair::delivered).collect();
    for (pair, before) in pairs.iter().zip(before) {
        assert!(comes_to(|| pair.delivered() >= before + 10), "after {after}: {}", pair.said());
    }
    figure(&format!("after {after}: a second of pictures for all after ms"), began.elapsed().as_millis());
}

fn plug_again(lab: &Lab, host: &str) {
    lab.netlab(&["unplug", host]);
    pause(1000);
    lab.netlab(&["plug", host]);
}

#[test]
fn pictures_come_back_when_a_card_is_plugged_again_or_has_another_address_or_name() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    // By the card's own number, which is another one each time.
    let scoped = "[fe80::aff:fe4d:2%eth0]:9008";
    let ways = [
        ("--dest 10.77.0.2:9001", "--listen 0.0.0.0:9001"),
        ("--dest 10.77.0.2:9002 --interface eth0", "--listen 0.0.0.0:9002 --interface eth0"),
        ("--dest 239.255.10.1:9003", "--listen 239.255.10.1:9003"),
        (
            "--dest 239.255.10.2:9004 --interface 10.77.0.1",
            "--listen 239.255.10.2:9004 --interface 10.77.0.2",
        ),
        ("--dest 239.255.10.3:9005 --format rtp", "--listen 239.255.10.3:9005 --format rtp"),
        // From here on what needs an address that host0 keeps.
        ("--serve 9006 --interface eth0", "--connect 10.77.0.1:9006 --interface eth0"),
        ("--serve [::]:9007", "--connect [fd77::1]:9007"),
        (&format!("--dest {scoped}"), "--listen [::]:9008"),
        ("--dest [ff15::77]:9009 --interface eth0", "--listen [ff15::77]:9009 --interface eth0"),
        ("--dest [ff02::4d:77%eth0]:9010", "--listen [ff02::4d:77%eth0]:9010"),
    ];
    let pairs: Vec<Pair> =
        ways.iter().map(|(sending, receiving)| Pair::new(&lab, sending, receiving)).collect();
    go_on(&pairs, "the start");
    for host in ["host0", "host1"] {
        plug_again(&lab, host);
        go_on(&pairs, &format!("{host}'s card was plugged in again"));
    }
    let ip = |arguments: &str| {
        lab.run("host0", &[&["ip"], &arguments.split(' ').collect::<Vec<_>>()[..]].concat());
    };
    ip("addr del 10.77.0.1/24 dev eth0");
    ip("addr add 10.77.0.50/24 dev eth0");
    ip("route add default dev eth0");
    go_on(&pairs[..5], "it was lent another address");
    ip("link set eth0 down");
    ip("link set eth0 name lan0");
    ip("link set lan0 up");
    ip("route add default dev lan0");
    go_on(&pairs[..5], "it has another name");
    for Pair { sender, receiver, .. } in pairs {
        assert!(sender.interrupt().status.success() && receiver.interrupt().status.success());
    }
}

#[test]
fn programs_that_start_before_the_network_is_up_wait_for_it_and_keep_nobody_waiting() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    lab.netlab(&["unplug", "host0"]);
    lab.netlab(&["unplug", "host1"]);
    let near = lab.receiver("host0", &["--listen", "127.0.0.1:9000", "--output", "none"]);
    let pairs = [
        ("--dest 10.77.0.2:9001 --dest 127.0.0.1:9000", "--listen 0.0.0.0:9001 --interface eth0"),
        ("--dest 239.255.10.1:9002", "--listen 239.255.10.1:9002"),
        ("--dest [fe80::aff:fe4d:2%eth0]:9003", "--listen [::]:9003"),
        ("--serve 9005 --interface eth0", "--connect 10.77.0.1:9005 --interface eth0"),
    ];
    let pairs = pairs.map(|(sending, receiving)| Pair::new(&lab, sending, receiving));
    let arrives = || near.stats().is_some_and(|stats| count(&stats, "/frames/delivered") >= 10);
    assert!(comes_to(arrives), "the one that can be reached: {}", pairs[0].said());
    for (pair, word) in pairs.iter().zip(["no route to 10.77.0.2", "no route to the group", "%eth0", "eth0"])
    {
        assert!(comes_to(|| pair.sender.said().contains(word)), "{}", pair.said());
    }
    lab.netlab(&["plug", "host0"]);
    lab.netlab(&["plug", "host1"]);
    go_on(&pairs, "the network came up");
}
