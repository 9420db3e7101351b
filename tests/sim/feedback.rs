//! Feedback to a sender may be anything; and what is learned from honest feedback. Every run is also watched: no
//! address may ever be sent more than it sent itself, and no clock may be further off than it says. See `lan`.

use std::ops::Range;
use std::time::Duration;

use crate::lan::{Lan, Means, Outcome, ReceiverSetup, Setup, Skew, forge};
use proto::{FrameId, Pace, Random};

#[test]
fn forged_requests_change_nothing() {
    let quiet = attacked(Viewers::One, |_, _| {});
    let mut random = Random::new(1);
    let outcome = attacked(Viewers::One, |lan, newest| {
        let session = lan.session(0);
        for from in [0, 1000, 1001 + random.below(1 << 40) as usize] {
            for token in [0, 1, random.next()] {
                let request = forge::request(session, newest, token, &[EVERYTHING]);
                lan.inject(0, from, &request);
            }
        }
    });
    assert!(outcome.sent.feedback.unproven > 50_000, "{:#?}", outcome.sent);
    is_the_same(&outcome, &quiet);
}

#[test]
fn nonsense_changes_nothing() {
    let quiet = attacked(Viewers::One, |_, _| {});
    let mut random = Random::new(1);
    let outcome = attacked(Viewers::One, |lan, newest| {
        let mut request = forge::request(lan.session(0), newest, random.next(), &[EVERYTHING]);
        lan.inject(0, 0, &request[..random.below(request.len() as u64) as usize]);
        let bit = random.below(request.len() as u64 * 8) as usize;
        request[bit / 8] ^= 1 << (bit % 8);
        lan.inject(0, 0, &request);
        random.fill(&mut request);
        lan.inject(0, 1000, &request);
    });
    assert!(outcome.sent.feedback.malformed > 15_000, "{:#?}", outcome.sent);
    is_the_same(&outcome, &quiet);
}

#[test]
fn a_flood_of_pings_is_answered_with_no_more_than_came_and_delays_nothing() {
    let quiet = attacked(Viewers::One, |_, _| {});
    let mut random = Random::new(1);
    let mut pinged = 0;
    let outcome = attacked(Viewers::One, |lan, _| {
        let ping = forge::ping(lan.session(0), 0);
        for _ in 0..100 {
            pinged += 1;
            lan.inject(0, 1000 + random.below(1 << 30) as usize, &ping);
        }
        assert_eq!(lan.viewers(0), 1, "an unproven address is nobody");
    });
    let replies = outcome.traffic.replies.datagrams - quiet.traffic.replies.datagrams;
    assert!(replies <= pinged, "{replies} answers to {pinged} pings");
    assert_eq!(outcome.latencies, quiet.latencies);
}

#[test]
fn whoever_asks_for_everything_gets_no_more_than_the_budget() {
    for viewers in [Viewers::One, Viewers::Group] {
        let quiet = attacked(viewers, |_, _| {});
        let mut token = None;
        let outcome = attacked(viewers, |lan, newest| {
            let session = lan.session(0);
            let token = *token.get_or_insert_with(|| {
                lan.inject(0, 1000, &forge::ping(session, 0));
                lan.run_for(Duration::from_millis(1));
                forge::token_of(lan.mail(1000).unwrap())
            });
            for back in 0..6 {
                let frame = FrameId::new(newest.get().wrapping_sub(back));
                lan.inject(0, 1000, &forge::request(session, frame, token, &[EVERYTHING]));
            }
        });
        assert!(outcome.sent.feedback.too_much > 10_000, "{:#?}", outcome.sent);
        let more = outcome.traffic.resent.wire - quiet.traffic.resent.wire;
        let budget = (outcome.traffic.data.wire + outcome.traffic.parity.wire) / 4 + 500_000;
        assert!(more <= budget, "{more} bytes of a budget of {budget}");
        for receiver in 0..outcome.receivers.len() {
            let delivered = (outcome.delivered_to(receiver), quiet.delivered_to(receiver));
            assert!(delivered.0 >= 0.999 && delivered.1 >= 0.999, "{delivered:?}");
            for (now, before) in
                outcome.receivers[receiver].latency.into_iter().zip(quiet.receivers[receiver].latency)
            {
                let later = now.unwrap() - before.unwrap();
                assert!(later < 0.5, "{later:.2} ms later ({viewers:?})");
            }
        }
    }
}

/// Who reports what never was gets parity for it, and no more than the worst path would.
#[test]
fn a_liar_costs_bounded_parity() {
    let mut token = None;
    let mut lost: u32 = 0;
    let outcome = attacked(Viewers::One, |lan, _| {
        let session = lan.session(0);
        let token = *token.get_or_insert_with(|| {
            lan.inject(0, 1000, &forge::ping(session, 0));
            lan.run_for(Duration::from_millis(1));
            forge::token_of(lan.mail(1000).unwrap())
        });
        lost = lost.wrapping_add(1_000_000);
        lan.inject(0, 1000, &forge::report(session, token, 0, lost));
    });
    assert!(outcome.delivered() >= 0.999);
    assert!(outcome.traffic.repair() <= 0.6, "{}", outcome.traffic.repair());
}

#[derive(Clone, Copy, Debug)]
enum Viewers {
    One,
    Group,
}

/// Ten seconds of 1080p to honest receivers that lose 1 % each, while `attack` is done a thousand times a second.
fn attacked(viewers: Viewers, mut attack: impl FnMut(&mut Lan, FrameId)) -> Outcome {
    let receiver = |seed| {
        let path = format!("loss=1%,delay=100us,seed={seed}");
        let config = proto::RecvConfig { seed, ..Means::BOTH.recv() };
        ReceiverSetup { config, network: path.clone(), back: path, ..ReceiverSetup::default() }
    };
    let (receivers, to) = match viewers {
        Viewers::One => (vec![receiver(1)], Some(0)),
        Viewers::Group => (vec![receiver(1), receiver(2), receiver(3)], None),
    };
    let mut lan = Lan::with(&receivers);
    let interval = Duration::from_nanos(33_333_333);
    let setup = Setup { to, pace: Pace::Auto, interval: Some(interval), ..Means::BOTH.setup() };
    let station = lan.add(setup);
    for number in 0..300 {
        if number == 60 {
            lan.measure_from_now();
        }
        lan.push(station, 170_000);
        for _ in 0..33 {
            lan.run_for(interval / 33);
            attack(&mut lan, FrameId::new(number));
        }
    }
    lan.finish()
}

/// Not one datagram more was sent, and no frame came later.
fn is_the_same(outcome: &Outcome, quiet: &Outcome) {
    assert_eq!(outcome.latencies, quiet.latencies);
    assert_eq!(outcome.sent.bytes, quiet.sent.bytes);
    assert_eq!(outcome.received, quiet.received);
}

/// The sender's time, and with it the latency from capture to display, is known to a millisecond, whatever the clocks
/// show and however they drift; and never further off than it says, which every run checks.
#[test]
fn the_latency_shown_agrees_with_the_truth() {
    let hours = |hours: u64| Duration::from_secs(3600 * hours);
    let cases = [
        // (sender, receiver, there, back, frame bytes)
        (Skew { ahead: hours(7), drift_ppm: 0 }, Skew::default(), "", "", 60_000),
        (Skew { ahead: hours(0), drift_ppm: 100 }, Skew { ahead: hours(9), drift_ppm: 0 }, "", "", 60_000),
        (Skew { ahead: hours(3), drift_ppm: -50 }, Skew { ahead: hours(0), drift_ppm: 50 }, "", "", 60_000),
        (
            Skew { ahead: hours(3), drift_ppm: 0 },
            Skew { ahead: hours(5), drift_ppm: -100 },
            "jitter=2ms",
            "jitter=2ms",
            60_000,
        ),
        // A lopsided path: half the difference cannot be known.
        (Skew { ahead: hours(1), drift_ppm: 100 }, Skew::default(), "delay=1500us", "delay=100us", 60_000),
        // A stream so thin that it is reported on every three seconds.
        (Skew { ahead: hours(1), drift_ppm: 100 }, Skew::default(), "", "jitter=1ms", 4_000),
    ];
    for (sender, receiver, there, back, bytes) in cases {
        let over =
            |path: &str| if path.contains("delay") { path.into() } else { format!("delay=200us,{path}") };
        let receiver = ReceiverSetup {
            network: over(there),
            back: over(back),
            clock: receiver,
            ..ReceiverSetup::default()
        };
        let mut lan = Lan::with(&[receiver]);
        let interval = Duration::from_millis(if bytes < 10_000 { 1000 } else { 50 });
        let setup = Setup { interval: Some(interval), clock: sender, ..Means::BOTH.setup() };
        let station = lan.add(setup);
        lan.stream(station, bytes, interval, Duration::from_secs(120));
        let outcome = lan.finish();
        let (clock, delivered) = (outcome.receivers[0].clock, outcome.received.delivered);
        let known = clock.readings as f64 / delivered as f64;
        assert!(known > 0.98, "known for {known} of the frames: {}", outcome.description);
        assert!(clock.worst < 1000, "{} us off: {}", clock.worst, outcome.description);
    }
}

/// More chunks than the frames here have.
const EVERYTHING: Range<u16> = 0..200;
