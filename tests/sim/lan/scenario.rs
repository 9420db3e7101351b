//! One sender's stream over one network, as data.

use std::time::Duration;

use proto::{Fec, Pace, Random, RecvConfig};

use super::{Lan, MTU, Outcome, ReceiverSetup, Setup};

/// What is sent, and over what.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The network; see [`proto::netem::Impairment`].
    pub(crate) network: String,
    /// The way back.
    pub(crate) back: String,
    /// What is done about loss.
    pub(crate) means: Means,
    /// How many frames are pushed.
    pub(crate) frames: u32,
    /// How many of them are pushed before latency counts.
    pub(crate) warm_up: u32,
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
    /// Whether everything is sealed.
    pub(crate) keyed: bool,
    /// How long the sender is there before the first frame.
    pub(crate) lead: Duration,
    /// In how many parts frames come, and how far these are apart.
    pub(crate) parts: u8,
    pub(crate) apart: Duration,
}

/// What is done about loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Means {
    /// How much parity goes with each frame.
    pub(crate) fec: Fec,
    /// Whether what is missing is asked for, and sent again.
    pub(crate) resend: bool,
    /// Whether the receiver says anything back.
    pub(crate) feedback: bool,
}

impl Means {
    /// One way: nothing is said back, and nothing repairs.
    pub(crate) const SILENT: Self = Self { fec: Fec::Off, resend: false, feedback: false };
    /// Reports, and nothing that repairs.
    pub(crate) const NONE: Self = Self { feedback: true, ..Self::SILENT };
    /// Parity by what is reported.
    pub(crate) const PARITY: Self = Self { fec: Fec::Auto, ..Self::NONE };
    /// Parity that nobody reports to.
    pub(crate) const BLIND: Self = Self { fec: Fec::Auto, ..Self::SILENT };
    /// Resends alone.
    pub(crate) const RESEND: Self = Self { resend: true, ..Self::NONE };
    /// As it comes.
    pub(crate) const BOTH: Self = Self { fec: Fec::Auto, ..Self::RESEND };

    /// As much of it as is a receiver's.
    pub(crate) fn recv(self) -> RecvConfig {
        RecvConfig { feedback: self.feedback, resend: self.resend, ..RecvConfig::default() }
    }

    /// As much of it as is a sender's.
    pub(crate) fn setup(self) -> Setup {
        Setup { fec: self.fec, resend: self.resend, ..Setup::default() }
    }
}

impl Default for Scenario {
    /// 200 frames of about 60 KB at 30 frames per second, unpaced, over a network that does nothing to them.
    fn default() -> Self {
        Self {
            network: String::new(),
            back: String::new(),
            means: Means::SILENT,
            frames: 200,
            warm_up: 0,
            interval: Duration::from_nanos(33_333_333),
            least: 54_000,
            most: 66_000,
            pace: Pace::Off,
            deadline: RecvConfig::default().deadline,
            datagram_bytes: MTU - 28,
            first: 0,
            keyed: false,
            lead: Duration::ZERO,
            parts: 1,
            apart: Duration::ZERO,
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
        // What came later has chances of its own, so that a seed's network stays what it was.
        let mut later = Random::new(!seed);
        let means = [
            Means::SILENT,
            Means::NONE,
            Means::PARITY,
            Means::BLIND,
            Means::RESEND,
            Means::BOTH,
            Means::BOTH,
        ];
        let fecs = [None, None, Some(Fec::Percent(1 + later.below(50) as u8))];
        let mut means = means[later.below(means.len() as u64) as usize];
        means.fec = fecs[later.below(3) as usize].unwrap_or(means.fec);
        let mut back = format!("seed={}", !seed);
        for (key, value) in harm {
            if later.below(4) == 0 {
                back.push_str(&format!(",{key}={}", value(&mut later)));
            }
        }
        let mut latest = Random::new(seed.rotate_left(32) ^ 0x9a47);
        let parts = [1, 1, 2, 4, 8][latest.below(5) as usize];
        let apart = Duration::from_micros([0, 100, 3000][latest.below(3) as usize]);
        let paces = [Pace::Off, Pace::Auto, Pace::Rate(1e6 + random.below(200_000_000) as f64)];
        let size_class = random.below(3) as usize;
        let most = 1 + random.below([100, 5_000, 100_000][size_class]) as usize;
        Self {
            network,
            back,
            means,
            frames: 60,
            warm_up: 0,
            interval: Duration::from_micros(1_000 + random.below(100_000)),
            least: 1 + random.below(most as u64) as usize,
            most,
            pace: paces[random.below(3) as usize],
            deadline: Duration::from_millis(1 + random.below(500)),
            datagram_bytes: [100, 548, 1232, 1472, 8972][random.below(5) as usize],
            first: random.next() as u32,
            keyed: false,
            lead: Duration::ZERO,
            parts,
            apart,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Outcome {
        let config = RecvConfig { deadline: self.deadline, ..self.means.recv() };
        let mut lan =
            Lan::with(&[ReceiverSetup { config, back: self.back.clone(), ..ReceiverSetup::default() }]);
        if self.keyed {
            lan = lan.keyed(1);
        }
        let station = lan.add(Setup {
            network: self.network.clone(),
            pace: self.pace,
            interval: Some(self.interval),
            datagram_bytes: self.datagram_bytes,
            first: self.first,
            parts: self.parts,
            apart: self.apart,
            ..self.means.setup()
        });
        lan.run_for(self.lead);
        let mut sizes = Random::new(17);
        for number in 0..self.frames {
            if number == self.warm_up {
                lan.measure_from_now();
            }
            let bytes = self.least + sizes.below((self.most - self.least) as u64 + 1) as usize;
            lan.push(station, bytes);
            lan.run_for(self.interval);
        }
        lan.finish()
    }
}
