//! What repair achieves, at what cost in bytes and time: the figures that Chunkcast promises. Every run is also watched
//! for what must always hold: see `lan`.

use std::time::Duration;

use crate::lan::{Lan, Means, Outcome, ReceiverSetup, Scenario, Setup, Skew, Traffic};
use proto::{Pace, Random, RecvConfig};

/// At least delivered, at most overhead, and how much later than without loss 99 of 100 frames may be.
struct Promise {
    delivered: f64,
    overhead: f64,
    added_ms: f64,
}

#[test]
fn a_clean_path_costs_nothing() {
    keeps(Means::BOTH, "", "", &Promise { delivered: 1.0, overhead: 0.01, added_ms: 0.1 });
}

#[test]
fn loss_of_1_percent_is_repaired() {
    let promise = Promise { delivered: 0.999, overhead: 0.10, added_ms: 5.0 };
    keeps(Means::BOTH, "loss=1%", "loss=1%", &promise);
}

#[test]
fn loss_of_5_percent_is_repaired() {
    let promise = Promise { delivered: 0.999, overhead: 0.20, added_ms: 8.0 };
    keeps(Means::BOTH, "loss=5%", "loss=5%", &promise);
}

#[test]
fn bursts_of_20_are_repaired() {
    keeps(Means::BOTH, "burst=20/2000", "", &Promise { delivered: 0.999, overhead: 0.10, added_ms: 8.0 });
}

#[test]
fn loss_of_1_percent_is_repaired_where_nothing_can_be_said_back() {
    keeps(Means::BLIND, "loss=1%", "", &Promise { delivered: 0.99, overhead: 0.15, added_ms: 3.0 });
}

/// 1080p over a path, and over the same path with nothing wrong, without repair.
fn keeps(means: Means, there: &str, back: &str, promise: &Promise) {
    let run = |means, frames, there: &str, back: &str| {
        let [network, back] = [there, back].map(|path| format!("delay=100us,{path}"));
        let sizes = Scenario { least: 160_000, most: 180_000, pace: Pace::Auto, ..Scenario::default() };
        Scenario { network, back, means, frames, warm_up: 60, ..sizes }.run()
    };
    let clean = run(Means { feedback: means.feedback, ..Means::SILENT }, 360, "", "");
    for seed in 1..=2 {
        let [there, back] = [there, back].map(|path| format!("seed={seed},{path}"));
        let outcome = run(means, 1200, &there, &back);
        let added = outcome.latency(99).unwrap() - clean.latency(99).unwrap();
        let (delivered, overhead) = (outcome.delivered(), outcome.traffic.overhead());
        let said = format!("{delivered:.4} delivered, {overhead:.4} overhead, {added:.2} ms later");
        let kept =
            delivered >= promise.delivered && overhead <= promise.overhead && added <= promise.added_ms;
        assert!(kept, "{said}: {outcome:#?}");
    }
}

#[test]
fn everybody_in_a_group_of_64_is_served_with_little() {
    // A hundred chunks each, small ones: 64 receivers repair two frames in three.
    let outcome = Group { receivers: 64, frame_bytes: 50_000, datagram_bytes: 548, seconds: 10 }.run().0;
    for receiver in 0..64 {
        let delivered = outcome.delivered_to(receiver);
        assert!(delivered >= 0.999, "receiver {receiver}: {delivered}: {:#?}", outcome.receivers[receiver]);
    }
    let (back, repair) = (outcome.traffic.back(), outcome.traffic.repair());
    assert!(back <= 0.05 && repair <= 0.15, "{back:.4} back, {repair:.4} repair: {:#?}", outcome.traffic);
}

#[test]
fn a_group_of_1000_says_no_more_than_one_of_64() {
    let [few, many] = [64, 1000].map(|receivers| {
        // Few large datagrams, so that a thousand receivers can be simulated.
        let group = Group { receivers, frame_bytes: 60_000, datagram_bytes: 8972, seconds: 3 };
        let (outcome, before) = group.run();
        let worst = (0..receivers).map(|receiver| outcome.delivered_to(receiver)).reduce(f64::min).unwrap();
        assert!(worst > 0.95, "{receivers} receivers: {worst}");
        (outcome.traffic.feedback.wire + outcome.traffic.requests.wire
            - before.feedback.wire
            - before.requests.wire) as f64
    });
    assert!(many <= 1.2 * few, "{many} bytes instead of {few}");
}

/// One loses a lot: the others do not notice.
#[test]
fn a_bad_receiver_in_a_group_of_three_harms_nobody() {
    let group = |loss: &str| {
        let receivers = [("", 1), (loss, 2), ("", 3)].map(|(loss, seed)| receiver(loss, seed));
        let mut lan = Lan::with(&receivers);
        let station = lan.add(group_setup());
        lan.stream(station, 170_000, FRAME, Duration::from_secs(2));
        lan.measure_from_now();
        lan.stream(station, 170_000, FRAME, Duration::from_secs(48));
        lan.finish()
    };
    let (clean, outcome) = (group(""), group("loss=5%"));
    for good in [0, 2] {
        assert_eq!(outcome.delivered_to(good), 1.0);
        let p99 = |outcome: &Outcome| outcome.receivers[good].latency[1].unwrap();
        let added = p99(&outcome) - p99(&clean);
        assert!(added < 0.3, "{added:.2} ms later at receiver {good}");
    }
    assert!(outcome.delivered_to(1) >= 0.999, "{:#?}", outcome.receivers[1]);
}

/// Nothing was learned of such paths: no frame was whole, and what is known of a frame that was sent was forgotten
/// before it was told how it came. Where the queue is as long as a frame, chance decides how many are.
#[test]
fn a_path_that_carries_a_quarter_of_the_stream_shows_nearly_that_many_frames() {
    let delivered = |network: &str| {
        let mut lan = Lan::new(RecvConfig::default());
        let server = lan.add(Setup { network: network.into(), pace: Pace::Auto, ..Means::BOTH.setup() });
        lan.stream(server, 32_000, FRAME, Duration::from_secs(4));
        let (delivered, sent) = (lan.delivered().len(), lan.sent(server).sent);
        lan.stream(server, 32_000, FRAME, Duration::from_secs(10));
        let (delivered, sent) = (lan.delivered().len() - delivered, lan.sent(server).sent - sent);
        assert!(delivered >= 40 && sent < 130, "{network}: {delivered} of {sent}");
        lan.finish();
        delivered
    };
    for network in ["rate=2mbit,queue=200k", "rate=3mbit,queue=64k,delay=5ms"] {
        assert!(delivered(network) >= 55, "{network}");
    }
    let queues = [28, 30, 32, 34, 36, 40];
    let all: usize = queues.iter().map(|queue| delivered(&format!("rate=2mbit,queue={queue}k"))).sum();
    assert!(all >= 52 * queues.len(), "{all}");
}

/// A group whose members each lose 1 % of their own.
struct Group {
    receivers: usize,
    frame_bytes: usize,
    datagram_bytes: usize,
    seconds: u64,
}

impl Group {
    /// How it ended, and what was on the wire in the first second, in which all introduce themselves.
    fn run(&self) -> (Outcome, Traffic) {
        let receivers: Vec<_> = (1..=self.receivers as u64).map(|seed| receiver("loss=1%", seed)).collect();
        let mut lan = Lan::with(&receivers);
        let station = lan.add(Setup { datagram_bytes: self.datagram_bytes, ..group_setup() });
        lan.stream(station, self.frame_bytes, FRAME, Duration::from_secs(1));
        let before = lan.traffic();
        lan.stream(station, self.frame_bytes, FRAME, Duration::from_secs(self.seconds));
        // The first report of some is lost, and the next one is due in seconds.
        assert!(lan.viewers(station) >= self.receivers * 97 / 100, "{} are known", lan.viewers(station));
        (lan.finish(), before)
    }
}

fn receiver(loss: &str, seed: u64) -> ReceiverSetup {
    let path = format!("{loss}{}delay=100us,seed={seed}", if loss.is_empty() { "" } else { "," });
    let config = RecvConfig { seed, ..RecvConfig::default() };
    ReceiverSetup { config, network: path.clone(), back: path, ..ReceiverSetup::default() }
}

fn group_setup() -> Setup {
    Setup { to: None, pace: Pace::Auto, interval: Some(FRAME), ..Means::BOTH.setup() }
}

/// Random groups on random networks, with clocks that differ, and somebody who talks nonsense to the sender: what must
/// always hold, holds. `SEEDS=from..to` runs others.
#[test]
fn no_group_breaks_what_must_always_hold() {
    let seeds = std::env::var("SEEDS").unwrap_or_else(|_| "1..40".into());
    let (from, to) = seeds.split_once("..").expect("SEEDS=from..to");
    for seed in from.parse().unwrap()..to.parse().unwrap() {
        random_group(seed);
    }
}

fn random_group(seed: u64) {
    let mut random = Random::new(seed);
    let mut scenario = || Scenario::random(random.next() >> 20);
    let Scenario { network, means, pace, datagram_bytes, most, interval, .. } = scenario();
    let receivers: Vec<_> = (0..1 + seed % 6)
        .map(|number| {
            let Scenario { network, back, deadline, means, .. } = scenario();
            let config = RecvConfig { deadline, seed: number, ..means.recv() };
            let clock =
                Skew { ahead: Duration::from_secs(seed * number), drift_ppm: number as i32 * 30 - 90 };
            ReceiverSetup { config, network, back, clock, ..ReceiverSetup::default() }
        })
        .collect();
    let mut lan = Lan::with(&receivers);
    let to = seed.is_multiple_of(3).then_some(0);
    let station = lan.add(Setup { network, to, pace, datagram_bytes, ..means.setup() });
    for _ in 0..40 {
        lan.push(station, 1 + random.below(most as u64) as usize);
        let mut nonsense = vec![0; random.below(120) as usize];
        random.fill(&mut nonsense);
        lan.inject(station, 1000, &nonsense);
        lan.run_for(interval);
    }
    lan.finish();
}

const FRAME: Duration = Duration::from_nanos(33_333_333);
