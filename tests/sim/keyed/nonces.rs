//! No nonce is used twice: one that is gives away what both datagrams say, and with AES-GCM the key.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use super::house::{House, Way};
use crate::lan::{Lan, Means, ReceiverSetup, Seen, Setup};
use proto::{Pace, Random};

/// The numbers that were sealed with, which are the nonces.
///
/// A sender's keys differ by session and salt, of which each run has others, by receiver, stream and epoch. Stream and
/// epoch are in the number, and of one stream the receiver is one; but for replies, which are counted together. So if no
/// number comes twice in a session, none does under one key. Receivers' keys differ by session and receiver: if no number
/// comes twice of a receiver, none does under one key.
#[derive(Default)]
struct Numbers {
    senders: HashSet<(u64, u64)>,
    receivers: HashSet<(u64, u64)>,
}

impl Numbers {
    fn note(&mut self, sealed: &[u8]) {
        let at = |from: usize| u64::from_be_bytes(sealed[from..from + 8].try_into().unwrap());
        let (kind, session, number) = (sealed[3], at(4), at(36));
        let is_a_receivers = matches!(kind, 5..=7 | 11);
        let is_new = match is_a_receivers {
            true => self.receivers.insert((at(52), number)),
            false => self.senders.insert((session, number)),
        };
        assert!(is_new, "twice: number {number:x} of {session:x}, {sealed:x?}");
    }

    fn count(&self) -> [usize; 2] {
        [self.senders.len(), self.receivers.len()]
    }
}

#[test]
fn no_nonce_comes_twice_to_a_group_an_address_and_subscribers_with_restarts() {
    let time = time();
    let ways = [Way::Group, Way::Group, Way::Unicast, Way::Subscribed, Way::Subscribed];
    let mut house = House::new(3, "loss=3%,delay=1ms,jitter=2ms,reorder=2%,dup=1%", &ways, 6000);
    let (mut numbers, mut random) = (Numbers::default(), Random::new(5));
    let mut restarts = 0;
    while house.at < time {
        house.step();
        house.air.drain(..).for_each(|on_air| numbers.note(&on_air.sealed));
        if random.below(10_000) == 0 {
            house.restart(Duration::from_millis(250 + random.below(3000)));
            restarts += 1;
        }
    }
    let delivered: Vec<_> = house.viewers.iter().map(|viewer| viewer.delivered).collect();
    println!(
        "{time:?}: {:?} numbers, {restarts} restarts, {delivered:?} of {}",
        numbers.count(),
        house.pushed
    );
    let least = house.pushed * 8 / 10;
    assert!(delivered.iter().all(|delivered| *delivered >= least), "{delivered:?} of {}", house.pushed);
}

#[test]
fn no_nonce_comes_twice_of_senders_that_repair_and_restart() {
    let time = time();
    let numbers = Rc::new(RefCell::new(Numbers::default()));
    let receivers = [1, 2, 3].map(|seed| {
        let path = format!("loss=5%,burst=20/3000,delay=1ms,dup=1%,reorder=1%,seed={seed}");
        let config = proto::RecvConfig { seed, ..Means::BOTH.recv() };
        let subscribes = seed == 3;
        ReceiverSetup { config, network: path.clone(), back: path, subscribes, ..ReceiverSetup::default() }
    });
    let mut lan = Lan::with(&receivers).keyed(13);
    let ear = numbers.clone();
    lan.tap(Box::new(move |seen, sealed| {
        if seen == Seen::Sealed {
            ear.borrow_mut().note(sealed);
        }
    }));
    let stations = [None, Some(2)].map(|to| {
        let interval = Some(INTERVAL);
        lan.add(Setup { to, pace: Pace::Auto, interval, ..Means::BOTH.setup() })
    });
    let mut random = Random::new(7);
    let frames = (time.as_nanos() / INTERVAL.as_nanos()) as u64;
    for _ in 0..frames {
        stations.iter().for_each(|station| {
            lan.push(*station, 2000 + random.below(8000) as usize);
        });
        if random.below(600) == 0 {
            lan.kill_and_restart(stations[random.below(2) as usize]);
        }
        lan.run_for(INTERVAL);
    }
    let outcome = lan.finish();
    println!("{time:?}: {:?} numbers, {} sessions", numbers.borrow().count(), outcome.received.sessions);
    assert!(outcome.sent.resent > frames / 100 && outcome.sent.parity > 0, "{:?}", outcome.sent);
}

/// So long is looked at, of the simulated time: `CHUNKCAST_NONCES=3600` is an hour.
fn time() -> Duration {
    let seconds = std::env::var("CHUNKCAST_NONCES").map_or(40, |time| time.parse().expect("seconds"));
    Duration::from_secs(seconds)
}

const INTERVAL: Duration = Duration::from_millis(33);
