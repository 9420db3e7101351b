//! Whatever feedback comes, the stream to everybody else goes on, and nobody is flooded.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::clip::Clip;
use crate::common::forgery::{Attacker, Feedback, Tap, raw_socket};
use crate::common::journey::{EACH_FRAME, LEARNING_SECONDS, TO, Transit, is_long, percentile, transits};
use crate::common::lab::Lab;
use crate::common::running::{Running, count, sender_adds_up};
use crate::common::viewer::{Viewer, hosts_and_footage, viewing};
use crate::common::{alone, figure, pause, seconds};

#[test]
fn strangers_who_flood_a_sender_are_neither_answered_nor_noticed() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(3) else { return };
    let mut watch = WatchedStream::begin(&lab, TO, &file, &clip);
    // Beside the receiver, and elsewhere.
    for host in ["host1", "host2"] {
        let mut attacker = watch.attacker(&lab, host);
        for (name, token) in [("no token", 0), ("a made-up token", MADE_UP)] {
            let begun = watch.begun;
            // Around the newest frame.
            let newest = || (begun.elapsed().as_secs_f64() * 30.0) as u32;
            watch.under(&format!("requests from {host}, {name}"), |until| {
                attacker
                    .flood(until, |n| Feedback::Request((newest() + 2).saturating_sub(n as u32 % 8), token));
            });
        }
        watch.under(&format!("pings from {host}"), |until| attacker.flood(until, |_| Feedback::Ping));
        attacker.drain(|_| {});
        figure(&format!("{host} sent bytes, and got back"), format!("{} {}", attacker.fired, attacker.back));
        assert!(attacker.back <= attacker.fired, "{} of {}", attacker.back, attacker.fired);
    }
    watch.end(&clip);
}

#[test]
fn a_greedy_member_of_a_group_and_a_forged_address_cost_the_others_nothing() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(4) else { return };
    let tap = Tap::of(lab.on("host2", || {
        let socket = UdpSocket::bind("0.0.0.0:9000").unwrap();
        socket.join_multicast_v4(&Ipv4Addr::new(239, 255, 10, 1), &Ipv4Addr::new(10, 77, 0, 3)).unwrap();
        socket
    }));
    let victim = lab.on("host3", || UdpSocket::bind(VICTIM).unwrap());
    let mut watch = WatchedStream::begin(&lab, "239.255.10.1:9000", &file, &clip);

    let (mut attacker, mut other) = (watch.attacker(&lab, "host2"), watch.attacker(&lab, "host2"));
    let token = attacker.prove();
    // All of the newest frames, again and again.
    let newest = |n: u64, token| Feedback::Request(tap.newest().saturating_sub(n as u32 % 4), token);
    for (name, token) in [("a made-up token", MADE_UP), ("another's token", token)] {
        let [resent, _] = watch.resent_under(&format!("a group, requests with {name}"), |until| {
            other.flood(until, |n| newest(n, token));
        });
        assert!(resent == 0, "{resent} datagrams were sent again for {name}");
    }
    let [resent, streamed] = watch.resent_under("a group, a proven member asks for everything", |until| {
        attacker.flood(until, |n| newest(n, token));
    });
    figure("sent again for it, of datagrams streamed", format!("{resent} {streamed}"));
    assert!(resent > 0, "nothing was sent again, so this shows nothing: {}", watch.sender.stats().unwrap());
    assert!(resent <= streamed / 4 + AT_ONCE, "{resent} of {streamed}: {}", watch.sender.stats().unwrap());
    for attacker in [&mut attacker, &mut other] {
        attacker.drain(|_| {});
        figure("they sent bytes, and got back", format!("{} {}", attacker.fired, attacker.back));
        assert!(attacker.back <= attacker.fired, "{} of {}", attacker.back, attacker.fired);
    }

    let mut forger = Attacker::forging(lab.on("host2", raw_socket), VICTIM, &watch.viewer.running);
    let [resent, _] = watch.resent_under("a group, pings and requests from a forged address", |until| {
        forger.flood(until, |n| if n % 2 == 0 { Feedback::Ping } else { newest(n, token) });
    });
    assert!(resent == 0, "{resent} datagrams were sent again for a forged address");
    let (mut buffer, mut reached) = ([0; 2048], 0);
    victim.set_nonblocking(true).unwrap();
    while let Ok(length) = victim.recv(&mut buffer) {
        reached += length as u64;
    }
    figure("forged bytes, and what reached the forged address", format!("{} {reached}", forger.fired));
    assert!(reached > 0, "no forged ping was answered: {}", watch.sender.stats().unwrap());
    assert!(reached <= forger.fired, "{reached} of {}", forger.fired);

    // Whom the sender's computer looks for, with what is for him, for seconds.
    let nobody = |number: u8| SocketAddrV4::new(Ipv4Addr::new(10, 77, 9, number), 7777);
    let mut nobodies: Vec<_> = (0..=255)
        .map(|number| Attacker::forging(lab.on("host2", raw_socket), nobody(number), &watch.viewer.running))
        .collect();
    watch.under("a group, pings from addresses that nobody has", |until| {
        let each = (until - Instant::now()) / 256;
        nobodies.iter_mut().for_each(|nobody| nobody.flood(Instant::now() + each, |_| Feedback::Ping));
    });
    watch.end(&clip);
}

/// A stream that is watched by one receiver on host1 while others attack the sender.
struct WatchedStream {
    viewer: Viewer,
    sender: Running,
    begun: Instant,
    /// What was done from when to when, in seconds after the first frame.
    phases: Vec<(String, f64, f64)>,
}

impl WatchedStream {
    /// A stream from host0, which has gone on for a while already.
    fn begin(lab: &Lab, to: &str, file: &Path, clip: &Arc<Clip>) -> Self {
        let arguments = [&viewing(to)[..], &["--stats-interval", EACH_FRAME]].concat();
        let viewer = Viewer::on(lab, "host1", &arguments, clip);
        let source = ["--source", file.to_str().unwrap(), "--loop", "--fps", "30"];
        let sender = lab.sender("host0", &[&["--dest", to, "--interface", "eth0"], &source[..]].concat());
        viewer.collector.wait_for(1, Duration::from_secs(5)).expect("the stream begins");
        let mut watch = Self { viewer, sender, begun: Instant::now(), phases: Vec::new() };
        pause(u64::from(LEARNING_SECONDS) * 1000);
        watch.under("from behind, calm", |until| {
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        });
        watch
    }

    fn attacker(&self, lab: &Lab, host: &str) -> Attacker {
        Attacker::new(lab.on(host, || UdpSocket::bind("0.0.0.0:0").unwrap()), &self.viewer.running)
    }

    /// Does something for a while.
    fn under(&mut self, name: &str, attack: impl FnOnce(Instant)) {
        let begun = self.begun.elapsed().as_secs_f64();
        attack(Instant::now() + Duration::from_secs(seconds().div_ceil(5).max(2).into()));
        self.phases.push((name.into(), begun, self.begun.elapsed().as_secs_f64()));
        // Statistics are written so often.
        pause(300);
    }

    /// The same; how many datagrams were sent again meanwhile that the honest receiver had not asked for, and how many
    /// were streamed.
    fn resent_under(&mut self, name: &str, attack: impl FnOnce(Instant)) -> [u64; 2] {
        // Both ends write their counts now and then: what is sent again after the first count of it was asked for after
        // the first count of that, and the same in the end.
        let asked = |watch: &Self| count(&watch.viewer.running.stats().unwrap(), "/repair/asked");
        let sent = |watch: &Self| {
            let stats = watch.sender.stats().unwrap();
            ["/datagrams/resent", "/datagrams/data"].map(|name| count(&stats, name))
        };
        let asked_before = asked(self);
        pause(300);
        let sent_before = sent(self);
        self.under(name, attack);
        let sent_after = sent(self);
        pause(300);
        let asked = asked(self) - asked_before;
        let [resent, streamed] = [0, 1].map(|i| sent_after[i] - sent_before[i]);
        [resent.saturating_sub(asked), streamed]
    }

    /// Ends it. All was delivered, and in time throughout.
    fn end(self, clip: &Clip) {
        let sent = self.sender.interrupt();
        pause(300);
        let (received, _) = self.viewer.finish(clip);
        sender_adds_up(sent.totals());
        let account = format!("sender: {}\nreceiver: {}", sent.totals(), received.totals());
        let total = count(sent.totals(), "/frames/sent");
        let came = count(received.totals(), "/frames/delivered");
        figure(&format!("attacked from behind, delivered of {total}"), came);
        // The last may be under way when it ends.
        assert!(came + 1 + total / 1000 >= total, "{account}");
        let transits = transits(&received.stats);
        let late: Vec<f64> = self.phases.iter().map(|phase| late(&transits, phase)).collect();
        for ((name, ..), late) in self.phases.iter().zip(&late) {
            figure(&format!("{name}: late, ms"), format!("{late:.1}"));
        }
        for ((name, ..), late_then) in self.phases.iter().zip(&late) {
            assert!(
                *late_then <= late[0] + LATER_MS,
                "{name}: {late_then:.1} ms, calm {:.1}: {account}",
                late[0]
            );
        }
    }
}

/// How late frames were during a phase: the 99th percentile, or of a short run, in which that is the worst of sixty,
/// the 90th.
fn late(transits: &[Transit], (_, from, to): &(String, f64, f64)) -> f64 {
    let during = transits.iter().filter(|transit| (*from..*to).contains(&transit.at));
    percentile(during.map(|transit| transit.ms), if is_long() { 0.99 } else { 0.9 })
}

const VICTIM: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 4), 7777);
const MADE_UP: u64 = 0x5eed_5eed_5eed_5eed;
/// Of a proven receiver's budget, what need not be earned first: 400 KB in datagrams, or two frames.
const AT_ONCE: u64 = 280;
/// The attacker, the switch and both programs share two cores.
const LATER_MS: f64 = 2.0 + 1.0;
