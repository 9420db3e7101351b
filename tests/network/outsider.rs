//! Who has no key, or does not exist. Somebody in the group of a keyed stream hears all of it, and can send in
//! anybody's name; and somebody subscribes in the name of addresses that nobody has.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proto::wire::{self, Header, Hello, Kind, SourceState};
use proto::{FrameId, MediaTime, Random, SessionId};
use serde_json::Value;
use socket2::Socket;

use crate::common::forgery::{control, packet, raw_socket};
use crate::common::lab::Lab;
use crate::common::running::{Running, count, receiver_adds_up, run};
use crate::common::{Folder, alone, comes_to, figure, pause};

const GROUP: &str = "239.255.10.1:9000";

struct Outsider {
    /// Hears the group.
    tap: UdpSocket,
    raw: Socket,
    sender: SocketAddrV4,
    random: Random,
    heard: Vec<Vec<u8>>,
    sent: u64,
}

impl Outsider {
    fn on(lab: &Lab, host: &str, own: Ipv4Addr, sender: SocketAddrV4) -> Self {
        let (tap, raw) = lab.on(host, || {
            let tap = UdpSocket::bind(GROUP).unwrap();
            tap.join_multicast_v4(&Ipv4Addr::new(239, 255, 10, 1), &own).unwrap();
            tap.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            (tap, raw_socket())
        });
        Self { tap, raw, sender, random: Random::new(1), heard: Vec::new(), sent: 0 }
    }

    /// Does to each datagram that he hears all that he can.
    fn attack(&mut self, time: Duration) {
        let (until, mut datagram) = (Instant::now() + time, [0; 2048]);
        while Instant::now() < until {
            let Ok(length) = self.tap.recv(&mut datagram) else { continue };
            // His own are among what he hears.
            if datagram[2] == SEALED && self.random.below(8) == 0 {
                self.speak_up(&datagram[..length]);
                self.heard.push(datagram[..length].to_vec());
            }
        }
    }

    fn speak_up(&mut self, heard: &[u8]) {
        let session = SessionId::new(u64::from_be_bytes(heard[4..12].try_into().unwrap()));
        let (own, group) = (self.sender, GROUP.parse().unwrap());
        let old = self.heard.get(self.random.below(self.heard.len().max(1) as u64) as usize).cloned();
        let mut flipped = heard.to_vec();
        flipped[self.random.below(heard.len() as u64) as usize] ^= 1 << self.random.below(8);
        // As if it were the next but one.
        let mut ahead = heard.to_vec();
        ahead[COUNTER_ENDS - 1] ^= 2;
        let mut as_goodbye = ahead.clone();
        as_goodbye[3] = GOODBYE;
        let newer = SessionId::new(session.get() + 1);
        for datagram in [
            heard.to_vec(),
            old.clone().unwrap_or_default(),
            flipped.clone(),
            ahead,
            as_goodbye,
            control(Kind::Goodbye, session, &[]),
            control(Kind::Goodbye, newer, &[]),
            hello(session),
            hello(newer),
        ] {
            self.send(own, group, &datagram);
        }
        // What viewers say: that all is lost, that all be sent again, and that a thousand more want it.
        let viewer = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 2), 9000);
        let number = self.random.below(1000);
        let nobody =
            SocketAddrV4::new(Ipv4Addr::new(10, 77, (number / 250) as u8 + 1, (number % 250) as u8), 9000);
        let lost: Vec<u8> = (0..64).map(|at| if at < 8 { 0 } else { 0xff }).collect();
        for datagram in [
            control(Kind::Report, session, &lost),
            control(Kind::Resend, session, &[&[0; 8][..], &[0, 200, 0, 1, 0, 0, 0, 200]].concat()),
            control(Kind::Ping, session, &[0; 24]),
            heard.to_vec(),
            flipped,
        ] {
            self.send(viewer, self.sender, &datagram);
        }
        self.send(nobody, self.sender, &control(Kind::Subscribe, SessionId::new(u64::MAX), &[0; 80]));
    }

    fn send(&mut self, from: SocketAddrV4, to: SocketAddrV4, datagram: &[u8]) {
        let sent = self.raw.send_to(&packet(from, to, datagram), &SocketAddr::V4(to).into());
        self.sent += u64::from(sent.is_ok());
    }
}

fn hello(session: SessionId) -> Vec<u8> {
    let header = Header::control(Kind::Hello, session, FrameId::new(1), MediaTime::from_micros(1));
    let hello = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: None,
        interval: None,
        signer: None,
        capture_error: None,
    };
    let mut datagram = Vec::new();
    wire::emit_control(&header, Some(&hello), &mut datagram);
    datagram
}

/// What the sender does about its viewers: the quality, and how many parity datagrams go with so many frames. On a busy
/// computer one is lost at the start now and then, and there is some.
fn policy(stats: &Value) -> (Value, u64, u64) {
    (stats["quality"].clone(), count(stats, "/datagrams/parity"), count(stats, "/frames/sent"))
}

#[test]
fn an_outsider_in_the_group_of_a_keyed_stream_changes_nothing() {
    let _alone = alone();
    let Some(lab) = Lab::up(4) else { return };
    let folder = Folder::new();
    let key = folder.join("key");
    assert!(run("sender", &["key", "new", "--key-file", &key]).status.success());
    let viewers = ["host1", "host2"]
        .map(|host| lab.receiver(host, &["--listen", GROUP, "--key-file", &key, "--output", "none"]));
    let source = ["--source", "pattern", "--size", "640x480", "--fps", "30", "--name", "door"];
    let sender = lab.sender("host0", &[&source[..], &["--dest", GROUP, "--key-file", &key]].concat());
    let has = |viewer: &Running, frames| {
        viewer.stats().is_some_and(|stats| count(&stats, "/frames/delivered") >= frames)
    };
    assert!(comes_to(|| viewers.iter().all(|viewer| has(viewer, 60))), "{}", viewers[0].said());
    let asked = |viewers: &[Running]| -> u64 {
        viewers.iter().map(|viewer| count(&viewer.stats().unwrap(), "/repair/asked")).sum()
    };
    let before = (sender.stats().unwrap(), asked(&viewers));
    let from = viewers[0].stats().unwrap()["source"].as_str().unwrap().parse().unwrap();

    let mut outsider = Outsider::on(&lab, "host3", Ipv4Addr::new(10, 77, 0, 4), from);
    outsider.attack(Duration::from_secs(5));
    figure("an outsider's datagrams", outsider.sent);
    assert!(outsider.sent > 2000, "{}", outsider.sent);
    let sent = sender.interrupt();
    let (quality, parity, total) = policy(sent.totals());
    let (quality_before, parity_before, total_before) = policy(&before.0);
    assert_eq!(quality, quality_before, "{}", sent.said);
    assert!(total - total_before > 120, "it went on at 30 a second");
    let each = [(parity_before, total_before), (parity - parity_before, total - total_before)];
    let [each_before, each] = each.map(|(parity, frames)| parity.div_ceil(frames));
    assert!(
        each <= each_before,
        "{parity_before} of {total_before}, then {parity} of {total}: {}",
        sent.said
    );
    let again = count(sent.totals(), "/datagrams/resent") - count(&before.0, "/datagrams/resent");
    assert!(again <= asked(&viewers) - before.1, "{again}: {}", sent.said);
    for viewer in viewers {
        assert!(comes_to(|| viewer.said().contains("ended")), "{}", viewer.said());
        let ended = viewer.interrupt();
        let totals = ended.totals();
        receiver_adds_up(totals);
        let refused = ["unkeyed", "forged", "replayed"].map(|why| count(totals, &format!("/keyed/{why}")));
        figure("frames of it; refused unkeyed, forged, replayed", format!("{total}; {refused:?}"));
        assert!(refused.iter().all(|count| *count > 50), "{totals}");
        assert!(refused[0] > 1000, "{totals}");
        assert_eq!(count(totals, "/frames/lost") + count(totals, "/frames/unseen"), 0, "{totals}");
        // Before it had made sure that the sender is alive, it showed none.
        assert!(count(totals, "/frames/delivered") + 15 >= total, "{total}: {totals}");
        assert_eq!(count(totals, "/sessions"), 1, "{totals}");
    }
}

#[test]
fn a_viewer_is_let_in_while_a_flood_subscribes_for_addresses_that_nobody_has() {
    let _alone = alone();
    let Some(lab) = Lab::up(3) else { return };
    let raw = lab.on("host2", raw_socket);
    let sender = lab.sender("host0", &["--source", "pattern", "--size", "320x240", "--fps", "30"]);
    assert!(comes_to(|| sender.stats().is_some()), "{}", sender.said());
    let over = AtomicBool::new(false);
    let (shown, sent) = std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let (begun, mut count) = (Instant::now(), 0_u64);
            let to = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 1), 9001);
            let subscribe = control(Kind::Subscribe, SessionId::new(u64::MAX), &[0; 80]);
            while !over.load(Ordering::Relaxed) {
                while (count as f64) < begun.elapsed().as_secs_f64() * 2000.0 {
                    let nobody = SocketAddrV4::new(Ipv4Addr::new(10, 77, 9, count as u8), 9000);
                    raw.send_to(&packet(nobody, to, &subscribe), &SocketAddr::V4(to).into()).unwrap();
                    count += 1;
                }
                pause(1);
            }
            count
        });
        pause(2000);
        let begun = Instant::now();
        let viewing = ["--connect", "10.77.0.1", "--output", "none"];
        let viewer = Running::start("receiver", &["ip", "netns", "exec", &lab.namespace("host1")], &viewing);
        let is_shown = || viewer.stats().is_some_and(|stats| count(&stats, "/frames/delivered") > 0);
        let shown = comes_to(is_shown).then(|| begun.elapsed());
        over.store(true, Ordering::Relaxed);
        (shown, flood.join().unwrap())
    });
    figure("a flood of subscriptions", sent);
    figure("a viewer's first picture beside it, s", format!("{shown:.2?}"));
    assert!(shown.is_some_and(|shown| shown < Duration::from_secs(3)), "{shown:?}: {}", sender.said());
}

/// The version of what is sealed.
const SEALED: u8 = 2;
const COUNTER_ENDS: usize = 44;
/// The number of a goodbye.
const GOODBYE: u8 = 4;
