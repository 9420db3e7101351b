//! A keyed stream arrives as the same stream does without a key, over whatever network.

use std::time::Duration;

use crate::delivery::scenarios;
use crate::lan::{Lan, Means, Outcome, ReceiverSetup, Scenario, Setup};
use proto::Pace;

#[test]
fn scenarios_end_keyed_as_they_should() {
    for (what, scenario, check) in scenarios() {
        let outcome = Scenario { keyed: true, lead: LEAD, ..scenario }.run();
        let refused = outcome.receivers[0].refused;
        let is_fine = match what {
            // What is damaged and what comes twice does not get as far as to be counted by the stream.
            "damage is noticed, and costs what loss costs" => {
                let noticed = refused.forged + refused.malformed + refused.unkeyed;
                let noticed = noticed + refused.wrong_key + refused.early + refused.replayed;
                (0.58..0.74).contains(&outcome.delivered()) && noticed == outcome.network.corrupted
            }
            "copies cost nothing and are counted" => outcome.delivered() == 1.0 && refused.replayed > 2000,
            _ => check(&outcome),
        };
        assert!(is_fine, "{what}: {outcome:#?}");
    }
}

#[test]
fn delivered_overhead_and_latency_are_those_without_a_key() {
    for (path, back) in PATHS {
        for means in [Means::NONE, Means::PARITY, Means::RESEND, Means::BOTH] {
            let scenario = Scenario {
                network: format!("delay=100us,{path}"),
                back: format!("delay=100us,{back}"),
                means,
                pace: Pace::Auto,
                frames: 660,
                warm_up: 60,
                least: 54_000,
                most: 66_000,
                lead: LEAD,
                ..Scenario::default()
            };
            let [open, keyed] = [false, true].map(|keyed| Scenario { keyed, ..scenario.clone() }.run());
            is_alike(&format!("{path}, {means:?}"), &keyed, &open);
        }
    }
}

fn is_alike(what: &str, keyed: &Outcome, open: &Outcome) {
    let differ = |of: fn(&Outcome) -> f64| of(keyed) - of(open);
    let delivered = differ(Outcome::delivered);
    // Where nothing repairs, a frame's life is a matter of chance.
    let is_repaired = open.delivered() > 0.98;
    let overhead = differ(|outcome| outcome.traffic.overhead());
    // In the middle and at the end; the mean, since latency has steps, of one request more each.
    let figures: [fn(&Outcome) -> f64; 2] = [mean, |outcome| outcome.latency(99).unwrap_or_default()];
    let [mean, late] = figures.map(|of| (of(open), of(keyed) - of(open)));
    let said =
        format!("{what}: {delivered:+.4} delivered, {overhead:+.4} overhead, {mean:.2?} and {late:.2?} ms");
    println!("{said}");
    assert!(delivered.abs() <= if is_repaired { 0.01 } else { 0.06 }, "{said}");
    // Where a burst comes rarely, chance decides how much parity there is after it, and how long its frames take.
    let (noise, held_up) = if what.starts_with("burst=60") { (0.05, 0.2) } else { (0.02, 0.1) };
    assert!(overhead.abs() <= noise, "{said}");
    let is_noise = |(before, added): (f64, f64), least: f64| added.abs() <= least + 0.15 * before;
    assert!(is_noise(mean, held_up) && is_noise(late, 3.0), "{said}");
}

/// Of the latencies of the frames that were delivered, in milliseconds.
fn mean(outcome: &Outcome) -> f64 {
    let all: f64 = outcome.latencies.iter().map(Duration::as_secs_f64).sum();
    all * 1e3 / outcome.latencies.len().max(1) as f64
}

/// Each receiver of a group has a network of its own.
#[test]
fn a_group_is_served_as_without_a_key() {
    let run = |keyed: bool| {
        let receivers = [("loss=1%", 1), ("loss=5%", 2), ("burst=20/2000", 3)].map(|(loss, seed)| {
            let path = format!("{loss},delay=100us,seed={seed}");
            let config = proto::RecvConfig { seed, ..Means::BOTH.recv() };
            ReceiverSetup { config, network: path.clone(), back: path, ..ReceiverSetup::default() }
        });
        let mut lan = Lan::with(&receivers);
        if keyed {
            lan = lan.keyed(7);
        }
        let setup = Setup { to: None, pace: Pace::Auto, interval: Some(FRAME), ..Means::BOTH.setup() };
        let station = lan.add(setup);
        lan.run_for(LEAD);
        lan.stream(station, 60_000, FRAME, Duration::from_secs(20));
        lan.finish()
    };
    let [open, keyed] = [false, true].map(run);
    for receiver in 0..3 {
        let [before, now] = [&open, &keyed].map(|outcome| outcome.delivered_to(receiver));
        assert!(
            before >= 0.99 && now >= before - 0.005,
            "receiver {receiver}: {now:.4} instead of {before:.4}"
        );
    }
    let [open, keyed] = [open, keyed].map(|outcome| outcome.traffic.overhead());
    assert!((keyed - open).abs() < 0.02, "{keyed:.4} instead of {open:.4}");
}

/// The first frames of a run come before it is proven to be alive, but where it is sealed for the receiver alone.
#[test]
fn a_sender_that_restarts_is_seen_again_within_a_few_frames() {
    for subscribes in [false, true] {
        let config = Means::BOTH.recv();
        let path = "delay=500us".to_owned();
        let receiver = ReceiverSetup {
            config,
            network: path.clone(),
            back: path,
            subscribes,
            ..ReceiverSetup::default()
        };
        let mut lan = Lan::with(&[receiver]).keyed(9);
        let station = lan.add(Setup { pace: Pace::Auto, interval: Some(FRAME), ..Means::BOTH.setup() });
        lan.run_for(LEAD);
        for _ in 0..5 {
            lan.stream(station, 60_000, FRAME, Duration::from_secs(2));
            lan.kill_and_restart(station);
            let before = lan.delivered().len();
            lan.stream(station, 60_000, FRAME, Duration::from_millis(500));
            let missed = 15 - (lan.delivered().len() - before);
            assert!(missed <= if subscribes { 0 } else { 3 }, "subscribes {subscribes}: {missed} frames");
        }
        lan.finish();
    }
}

/// What a receiver says back that is harmed on its way is no reason to believe anything.
#[test]
fn what_is_harmed_on_its_way_to_the_sender_is_refused_and_counted() {
    let receiver = ReceiverSetup {
        config: Means::BOTH.recv(),
        network: "loss=3%".into(),
        back: "corrupt=20%,dup=20%,reorder=20%/30ms".into(),
        ..ReceiverSetup::default()
    };
    let mut lan = Lan::with(&[receiver]).keyed(11);
    let station = lan.add(Setup { pace: Pace::Auto, interval: Some(FRAME), ..Means::BOTH.setup() });
    lan.run_for(LEAD);
    lan.stream(station, 60_000, FRAME, Duration::from_secs(20));
    let outcome = lan.finish();
    let (refused, feedback) = (outcome.refused, outcome.sent.feedback);
    assert!(refused.forged > 10 && refused.replayed > 10, "{refused:?}");
    assert_eq!(feedback.malformed + feedback.foreign, 0, "{feedback:?}");
    assert!(outcome.delivered() > 0.99, "{outcome:#?}");
}

const PATHS: [(&str, &str); 9] = [
    ("", ""),
    ("loss=1%", "loss=1%"),
    ("loss=5%", "loss=5%"),
    ("loss=10%", "loss=10%"),
    ("burst=20/2000", ""),
    ("burst=60/6000", ""),
    ("reorder=5%/5ms", "reorder=5%/5ms"),
    ("dup=5%", "dup=5%"),
    ("corrupt=0.5%", "corrupt=0.5%"),
];

/// Until then a sender is proven to be alive, or nothing comes back from it.
const LEAD: Duration = Duration::from_millis(1500);
const FRAME: Duration = Duration::from_nanos(33_333_333);
