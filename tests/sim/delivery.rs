//! What arrives of a stream over which network. Every run is also watched for what must always hold: see `lan`.

use std::ops::Range;
use std::time::Duration;

use crate::lan::{Lan, Means, Outcome, Scenario, Setup};
use proto::{LossReason, MAX_FRAME_BYTES, Pace, Random, RecvConfig, SILENCE};

/// Frames of about 100 KB in four parts, repaired by all means.
fn in_parts(scenario: Scenario) -> Scenario {
    Scenario { parts: 4, least: 90_000, most: 110_000, means: Means::BOTH, ..scenario }
}

#[test]
fn scenarios_end_as_they_should() {
    for (what, scenario, check) in scenarios() {
        let outcome = scenario.run();
        assert!(check(&outcome), "{what}: {outcome:#?}");
    }
}

pub(crate) type Check = fn(&Outcome) -> bool;

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario, Check)> {
    let over = |network: &str| Scenario { network: network.into(), ..Scenario::default() };
    let paced = |network: &str| Scenario { pace: Pace::Auto, ..over(network) };
    vec![
        ("a clean network delivers everything at once", over(""), |o| {
            o.delivered() == 1.0 && o.latency(100) == Some(0.0)
        }),
        ("pacing costs the time on the wire and loses nothing", paced(""), |o| {
            o.delivered() == 1.0 && o.latency(100).unwrap() < 7.0
        }),
        ("rare loss costs single frames", over("loss=0.1%"), |o| (0.93..0.99).contains(&o.delivered())),
        ("loss of 1 % costs a third of frames of 42 chunks", over("loss=1%"), |o| {
            (0.58..0.74).contains(&o.delivered())
        }),
        ("loss of 5 % leaves one frame in nine", over("loss=5%"), |o| (0.06..0.18).contains(&o.delivered())),
        ("loss of 10 % leaves next to nothing, and every loss has its name", over("loss=10%"), |o| {
            o.delivered() < 0.05 && o.received.lost.total() > 190
        }),
        ("a burst of 5 costs one frame or two", over("burst=5/1000"), |o| {
            (8..=18).contains(&o.received.lost.total())
        }),
        ("a burst of 20 costs one frame or two", over("burst=20/1000"), |o| {
            (8..=18).contains(&(o.received.lost.total() + o.vanished()))
        }),
        ("a burst of 60 costs two frames or three", over("burst=60/1000"), |o| {
            (16..=27).contains(&(o.received.lost.total() + o.vanished()))
        }),
        ("chunks out of order cost nothing", over("reorder=20%/5ms"), |o| {
            o.delivered() == 1.0 && o.network.reordered > 100 && o.latency(100).unwrap() <= 5.0
        }),
        ("nor do they when paced", paced("reorder=20%/5ms,jitter=2ms,delay=1ms"), |o| o.delivered() == 1.0),
        ("copies cost nothing and are counted", over("dup=30%"), |o| {
            let d = o.received.datagrams;
            o.delivered() == 1.0 && d.duplicate + d.late > 2000
        }),
        ("damage is noticed, and costs what loss costs", over("corrupt=1%"), |o| {
            let d = o.received.datagrams;
            let noticed = d.bad_checksum + d.malformed + d.unknown;
            (0.58..0.74).contains(&o.delivered()) && noticed == o.network.corrupted
        }),
        (
            "everything at once",
            paced("loss=0.5%,burst=10/2000,delay=2ms,jitter=2ms,reorder=2%,dup=1%,corrupt=0.1%"),
            |o| (0.65..0.9).contains(&o.delivered()),
        ),
        (
            "a 100 Mbit/s port with a small buffer carries a paced stream",
            paced("rate=100mbit,queue=64k"),
            |o| o.delivered() == 1.0 && o.network.overflowed == 0,
        ),
        (
            "and large frames too",
            Scenario { least: 150_000, most: 170_000, ..paced("rate=100mbit,queue=64k") },
            |o| o.delivered() == 1.0 && o.latency(100).unwrap() < 17.0,
        ),
        (
            "but not unpaced",
            Scenario { least: 150_000, most: 170_000, ..over("rate=100mbit,queue=64k") },
            |o| o.delivered() == 0.0 && o.network.overflowed > 0,
        ),
        (
            "a sender that makes more than its pace supersedes, and latency does not grow",
            Scenario { pace: Pace::Rate(10e6), ..over("") },
            |o| {
                o.sent.superseded > 50 && o.latency(100).unwrap() < 2.1 * 53.0 && o.received.lost.total() == 0
            },
        ),
        ("frames in parts lose nothing on a clean network", in_parts(over("")), |o| {
            o.delivered() == 1.0 && o.received.repair.requests == 0
        }),
        (
            "nor through a 100 Mbit/s port with a small buffer, however slowly their parts come",
            Scenario {
                pace: Pace::Auto,
                apart: Duration::from_millis(4),
                ..in_parts(over("rate=100mbit,queue=64k"))
            },
            |o| o.delivered() == 1.0 && o.network.overflowed == 0,
        ),
        (
            "bursts that take whole parts are made good on request",
            Scenario { pace: Pace::Auto, frames: 600, ..in_parts(over("delay=200us,burst=60/2000")) },
            |o| o.delivered() > 0.99 && o.received.repair.by_resend > 20,
        ),
        (
            "loss, reordering and copies cost frames in parts no more than whole ones",
            Scenario {
                pace: Pace::Auto,
                frames: 600,
                ..in_parts(over("loss=1%,delay=2ms,jitter=1ms,reorder=2%,dup=1%"))
            },
            |o| o.delivered() > 0.995,
        ),
        ("numbers wrap", Scenario { first: u32::MAX - 20, ..over("loss=1%") }, |o| {
            (0.58..0.74).contains(&o.delivered())
        }),
        (
            "frames of one byte",
            Scenario {
                least: 1,
                most: 1,
                frames: 1000,
                interval: Duration::from_millis(1),
                ..over("loss=2%")
            },
            |o| o.received.lost.total() == 0 && (0.96..0.995).contains(&o.delivered()),
        ),
        (
            "the largest frames",
            Scenario { least: MAX_FRAME_BYTES, most: MAX_FRAME_BYTES, frames: 3, ..over("") },
            |o| o.delivered() == 1.0,
        ),
        (
            "a frame too large is refused by name, and the stream goes on",
            Scenario { least: MAX_FRAME_BYTES, most: MAX_FRAME_BYTES + 1, frames: 4, ..over("") },
            |o| o.sent.refused > 0 && o.received.delivered == o.sent.sent && o.sent.sent > 0,
        ),
        ("the smallest IPv6 path", Scenario { datagram_bytes: 1232, ..over("loss=0.1%") }, |o| {
            o.delivered() > 0.9
        }),
        (
            "a short deadline gives up what is slow",
            Scenario { deadline: Duration::from_millis(1), ..paced("") },
            |o| o.delivered() == 0.0 && o.received.lost.deadline == 200,
        ),
    ]
}

/// Random networks and streams, a different one for each seed: what must always hold, holds. `SEEDS=from..to` runs
/// others; one that fails becomes a line in `regressions.rs`.
#[test]
fn no_network_breaks_what_must_always_hold() {
    for seed in seeds() {
        Scenario::random(seed).run();
    }
}

/// The same for senders that come, restart, fall silent and sleep.
#[test]
fn no_senders_life_breaks_what_must_always_hold() {
    for seed in seeds() {
        let mut random = Random::new(seed);
        let mut lan = Lan::new(RecvConfig::default());
        let mut speaking = Vec::new();
        for _ in 0..100 {
            let some = speaking.get(random.below(speaking.len() as u64) as usize).copied();
            match (random.below(40), some) {
                (0..3, _) | (_, None) => {
                    let Scenario { network, means, pace, datagram_bytes, first, .. } =
                        Scenario::random(random.next() >> 20);
                    speaking.push(lan.add(Setup { network, pace, datagram_bytes, first, ..means.setup() }));
                }
                (3..6, Some(station)) => lan.restart(station),
                (6, Some(station)) => {
                    lan.unplug(station);
                    speaking.retain(|other| *other != station);
                }
                (7, _) => lan.jump(Duration::from_millis(random.below(3000))),
                (_, Some(station)) => {
                    lan.push(station, 1 + random.below(20_000) as usize);
                }
            }
            lan.run_for(Duration::from_micros(1 + random.below(60_000)));
        }
        lan.finish();
    }
}

fn seeds() -> Range<u64> {
    let seeds = std::env::var("SEEDS").unwrap_or_else(|_| "1..60".into());
    let (from, to) = seeds.split_once("..").expect("SEEDS=from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn a_restarted_sender_takes_over_at_once() {
    let mut lan = Lan::new(RecvConfig::default());
    let server = lan.add(Setup { network: "delay=1ms".into(), ..Setup::default() });
    stream(&mut lan, server, 10);
    // Half of a frame is under way when the sender dies.
    lan.push(server, 50_000);
    lan.kill_and_restart(server);
    lan.run_for(FRAME);
    assert_eq!(lan.heard(), Some(lan.session(server)), "at the first hello");
    stream(&mut lan, server, 10);
    let new = lan.session(server);
    assert_eq!(lan.delivered().iter().filter(|(session, _)| *session == new).count(), 10);
    let outcome = lan.finish();
    assert_eq!(outcome.received.sessions, 2);
}

#[test]
fn stragglers_of_a_restarted_sender_do_not_take_it_back() {
    let mut lan = Lan::new(RecvConfig::default());
    let server = lan.add(Setup { network: "reorder=30%/200ms".into(), ..Setup::default() });
    for _ in 0..20 {
        stream(&mut lan, server, 3);
        lan.kill_and_restart(server);
    }
    stream(&mut lan, server, 20);
    assert_eq!(lan.heard(), Some(lan.session(server)));
    let outcome = lan.finish();
    assert_eq!(outcome.received.sessions, 21, "each began once");
    assert!(outcome.received.datagrams.late > 0);
}

#[test]
fn another_sender_waits_for_silence() {
    let mut lan = Lan::new(RecvConfig::default());
    let first = lan.add(Setup::default());
    stream(&mut lan, first, 5);
    let second = lan.add(Setup::default());
    for _ in 0..10 {
        lan.push(first, 20_000);
        lan.push(second, 20_000);
        lan.run_for(FRAME);
    }
    assert_eq!(lan.heard(), Some(lan.session(first)));
    assert_eq!(lan.delivered().len(), 15);

    lan.unplug(first);
    let frames_in_silence = (SILENCE.as_millis() / FRAME.as_millis()) as u32;
    stream(&mut lan, second, frames_in_silence - 2);
    assert_ne!(lan.heard(), Some(lan.session(second)), "not yet silent for long enough");
    stream(&mut lan, second, 12);
    assert_eq!(lan.heard(), Some(lan.session(second)));
    let outcome = lan.finish();
    assert!(outcome.received.datagrams.foreign > 0 && outcome.received.delivered > 20);
}

#[test]
fn a_suspended_computer_loses_what_was_under_way_and_goes_on() {
    let mut lan = Lan::new(RecvConfig::default());
    let setup = Setup { pace: Pace::Auto, interval: Some(FRAME), ..Setup::default() };
    let server = lan.add(Setup { network: "delay=2ms".into(), ..setup });
    for hours in [1, 24 * 30] {
        stream(&mut lan, server, 10);
        lan.push(server, 100_000);
        lan.run_for(Duration::from_millis(3));
        lan.jump(Duration::from_secs(3600 * hours));
        let before = lan.delivered().len();
        lan.run_for(FRAME);
        stream(&mut lan, server, 10);
        assert!(lan.delivered().len() >= before + 10, "after {hours} hours");
    }
    lan.finish();
}

#[test]
fn a_frame_that_lost_its_end_is_given_up_when_the_next_is_whole_or_at_its_deadline() {
    for (frames, reason) in [(2, LossReason::Superseded), (1, LossReason::Deadline)] {
        let mut lan = Lan::new(RecvConfig::default());
        // One hello and ten chunks: the queue has room for the first ones.
        let server = lan.add(Setup { network: "rate=100mbit,queue=8k".into(), ..Setup::default() });
        lan.push(server, 14_000);
        lan.run_for(FRAME);
        for _ in 1..frames {
            lan.push(server, 4_000);
            lan.run_for(FRAME);
        }
        lan.run_for(RecvConfig::default().deadline);
        let lost = lan.stats().lost;
        let by_reason = match reason {
            LossReason::Superseded => lost.superseded,
            LossReason::Deadline => lost.deadline,
            LossReason::Evicted => lost.evicted,
            LossReason::Damaged => lost.damaged,
        };
        assert_eq!((by_reason, lost.total()), (1, 1), "{lost:?}");
        lan.finish();
    }
}

fn stream(lan: &mut Lan, station: usize, frames: u32) {
    for _ in 0..frames {
        lan.push(station, 20_000);
        lan.run_for(FRAME);
    }
}

const FRAME: Duration = Duration::from_millis(33);
