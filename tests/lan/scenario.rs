//! One sender's stream over one network, as data.

use std::time::Duration;

use proto::netem::NetemCounts;
use proto::{Pace, Random, RecvConfig, RecvStats, SendStats};

use super::watch::Watch;
use super::{Lan, MTU, Setup};

/// What is sent, and over what.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The network; see [`proto::netem::Impairment`].
    pub(crate) network: String,
    /// How many frames are pushed.
    pub(crate) frames: u32,
    /// How far they are apart.
    pub(crate) interval: Duration,
    /// The smallest frame, in bytes.
    pub(crate) least: usize,
    /// The largest.
    pub(crate) most: usize,
    /// How they are paced.
    pub(crate) pace: Pace,
    /// When the receiver gives up a frame.
    pub(crate) deadline: Duration,
    /// The largest datagram.
    pub(crate) datagram_bytes: usize,
    /// The number of the first frame.
    pub(crate) first: u32,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the senders counted.
    pub(crate) sent: SendStats,
    /// What the receiver counted.
    pub(crate) received: RecvStats,
    /// What the networks did.
    pub(crate) network: NetemCounts,
    /// From push to delivery, shortest first.
    pub(crate) latencies: Vec<Duration>,
    /// What was simulated, seeds included.
    pub(crate) description: String,
}

impl Default for Scenario {
    /// 200 frames of about 60 KB at 30 frames per second, unpaced, over a network that does nothing to them.
    fn default() -> Self {
        Self {
            network: String::new(),
            frames: 200,
            interval: Duration::from_nanos(33_333_333),
            least: 54_000,
            most: 66_000,
            pace: Pace::Off,
            deadline: RecvConfig::default().deadline,
            datagram_bytes: MTU - 28,
            first: 0,
        }
    }
}

impl Scenario {
    /// Some short stream over some network.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut network = format!("seed={seed}");
        type Harm = fn(&mut Random) -> String;
        let harm: [(&str, Harm); 7] = [
            ("loss", |r| format!("{}%", r.below(200) as f64 / 10.0)),
            ("burst", |r| format!("{}/{}", 1 + r.below(80), 100 + r.below(900))),
            ("delay", |r| format!("{}us", r.below(40_000))),
            ("jitter", |r| format!("{}us", r.below(60_000))),
            ("reorder", |r| format!("{}%/{}us", r.below(50), r.below(1_000_000))),
            ("dup", |r| format!("{}%", r.below(30))),
            ("rate", |r| format!("{}mbit,queue={}k", 1 + r.below(400), r.below(300))),
        ];
        for (key, value) in harm {
            if random.below(3) == 0 {
                network.push_str(&format!(",{key}={}", value(&mut random)));
            }
        }
        if random.below(4) == 0 {
            network.push_str(",corrupt=1%");
        }
        let paces = [Pace::Off, Pace::Auto, Pace::Rate(1e6 + random.below(200_000_000) as f64)];
        let size_class = random.below(3) as usize;
        let most = 1 + random.below([100, 5_000, 100_000][size_class]) as usize;
        Self {
            network,
            frames: 60,
            interval: Duration::from_micros(1_000 + random.below(100_000)),
            least: 1 + random.below(most as u64) as usize,
            most,
            pace: paces[random.below(3) as usize],
            deadline: Duration::from_millis(1 + random.below(500)),
            datagram_bytes: [100, 548, 1232, 1472, 8972][random.below(5) as usize],
            first: random.next() as u32,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Outcome {
        let mut lan = Lan::new(RecvConfig { deadline: self.deadline });
        let station = lan.add(Setup {
            network: self.network.clone(),
            pace: self.pace,
            interval: Some(self.interval),
            datagram_bytes: self.datagram_bytes,
            first: self.first,
        });
        let mut sizes = Random::new(17);
        for _ in 0..self.frames {
            let bytes = self.least + sizes.below((self.most - self.least) as u64 + 1) as usize;
            lan.push(station, bytes);
            lan.run_for(self.interval);
        }
        lan.finish()
    }
}

impl Outcome {
    pub(super) fn new(watch: Watch, sent: SendStats, received: RecvStats, network: NetemCounts) -> Self {
        let (latencies, description) = watch.into_latencies();
        Self { sent, received, network, latencies, description }
    }

    /// Frames delivered of those pushed, from 0 to 1.
    pub(crate) fn delivered(&self) -> f64 {
        self.received.delivered as f64 / self.sent.pushed as f64
    }

    /// The latency that `percent` percent of all delivered frames kept, in milliseconds.
    pub(crate) fn latency(&self, percent: usize) -> Option<f64> {
        let last = self.latencies.len().checked_sub(1)?;
        Some(self.latencies[last * percent / 100].as_secs_f64() * 1e3)
    }

    /// Frames sent of which nothing arrived at all.
    pub(crate) fn vanished(&self) -> u64 {
        self.sent.sent - self.received.delivered - self.received.lost.total()
    }
}
