//! What each path carries, learned from how the trains of datagrams that frames are arrive at the other end.
//!
//! A train that is sent faster than the narrowest link on its way comes out of that link at the link's own rate: its
//! dispersion shows the bottleneck (C. Dovrolis, P. Ramanathan and D. Moore, "What do packet dispersion techniques
//! measure?", INFOCOM 2001). As in BBR (N. Cardwell et al., "BBR: congestion-based congestion control", ACM Queue 14(5),
//! 2016) a path is what its delivery rate says, not what it loses: chance loses datagrams on every wireless path.

mod follow;
mod load;
mod measure;
mod probe;
mod tail;

use std::time::{Duration, Instant};

pub use follow::{Follow, FollowError};
pub(crate) use follow::{Health, PaceControl};
use load::Load;
use measure::{Measure, Recent};
use probe::{Probe, Verdict};
use tail::TailLoss;

/// How one frame's train of datagrams went out and came in at one receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Train {
    /// Bits on the wire, headers and framing counted, from the first datagram that arrived to the last, by index; those
    /// of the first are not counted, those of datagrams lost between the two are.
    pub(crate) bits: f64,
    /// Time between the sending of these two.
    pub(crate) sent: Duration,
    /// Time between their arrivals, by the kernel's stamps.
    pub(crate) arrived: Duration,
    /// Datagrams that `bits` counts.
    pub(crate) datagrams: u32,
    /// Datagrams lost in the first half of the whole train.
    pub(crate) missing_head: u32,
    /// Datagrams lost in its second half.
    pub(crate) missing_tail: u32,
    /// Datagrams in the train.
    pub(crate) total: u32,
    /// Bits per second on the wire that it was paced at; `None` if it went at once.
    pub(crate) pace: Option<f64>,
}

/// What the path to one receiver carries.
///
/// It starts at [`START_RATE`] and rises with every report as long as trains at that pace arrive as they were sent. When
/// they arrive stretched, the rate at which they arrive is the bottleneck's, and the path may be sent at a little less;
/// about once a second a few trains go faster, to see whether the bottleneck has moved. Loss says nothing, unless it
/// falls on the ends of trains again and again (see [`TailLoss`]). A frame of fewer than
/// [`LEAST_DATAGRAMS`](measure::LEAST_DATAGRAMS) datagrams, or one sent at once, teaches nothing but that.
///
/// What it hears may be made up: whatever it is, the rate stays between [`LEAST_RATE`] and [`CEILING`].
#[derive(Clone, Debug)]
pub(crate) struct PathRate {
    state: State,
    load: Load,
    tail: TailLoss,
    /// By how many seconds trains at paces that the path carries arrived longer than they were sent.
    noise: Recent<f64, 16>,
    /// The last trains in a row that arrived stretched.
    run: Recent<Stretched, 6>,
    /// The rates that stretched trains came through at.
    through: Recent<f64, 8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stretched {
    /// Bits per second that it came through at.
    through: f64,
    /// Seconds that it arrived longer than it was sent.
    excess: f64,
    /// Whether no noise explains it.
    clear: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No bottleneck below `good`; being sent at `rate`, at which `as_sent` trains came as sent and `stretched` did not.
    Rising { good: f64, rate: f64, as_sent: u32, stretched: u32 },
    /// A bottleneck at `limit`. Where it was found by loss, it is `policed`.
    Limited { limit: f64, probe: Probe, policed: bool },
}

impl PathRate {
    /// A path of which nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            state: State::rising(START_RATE, START_RATE),
            load: Load::default(),
            tail: TailLoss::default(),
            noise: Recent::default(),
            run: Recent::default(),
            through: Recent::default(),
        }
    }

    /// Takes the trains of one report, oldest first; each train is told once.
    pub(crate) fn heard(&mut self, trains: &[Train], now: Instant) {
        self.load.heard(trains, now);
        for train in trains {
            let measure = Measure::of(train);
            let is_stretched = measure.is_some_and(|measure| self.weigh(&measure, now));
            self.tail.heard(train, is_stretched);
        }
        if let Some(pace) = self.tail.policed_at() {
            self.policed(pace, now);
        }
        self.conclude(now);
    }

    /// What the path may be sent at now, in bits per second on the wire.
    pub(crate) fn rate(&self, now: Instant) -> f64 {
        let rate = match &self.state {
            State::Rising { rate, .. } => *rate,
            State::Limited { limit, probe, .. } => limit * probe.factor(now).unwrap_or(BELOW_LIMIT),
        };
        rate.clamp(LEAST_RATE, CEILING)
    }

    /// The bottleneck in bits per second on the wire; `None` if none has shown itself, or if it has moved out of the way.
    pub(crate) fn limit(&self) -> Option<f64> {
        match self.state {
            State::Rising { .. } => None,
            State::Limited { limit, .. } => Some(limit),
        }
    }

    /// Counts one train for or against the present rate; returns whether it arrived stretched.
    fn weigh(&mut self, train: &Measure, now: Instant) -> bool {
        let (excess, tolerance) = (train.excess(), self.tolerance(train));
        let is_stretched = excess > tolerance;
        if is_stretched {
            let clear = excess > 2.0 * tolerance + CLEARLY.as_secs_f64();
            self.run.push(Stretched { through: train.through, excess, clear });
        } else {
            // Whatever stretched the ones before was no bottleneck.
            for stretched in self.run.iter() {
                self.noise.push(stretched.excess.min(MOST_NOISE.as_secs_f64()));
            }
            self.run.clear();
            self.noise.push(excess);
        }
        match &mut self.state {
            State::Rising { rate, as_sent, stretched, .. } if train.pace >= *rate * NEAR => {
                *(if is_stretched { stretched } else { as_sent }) += 1;
            }
            State::Limited { limit, probe, .. } => probe.heard(train, *limit, is_stretched),
            State::Rising { .. } => {}
        }
        let clear = self.run.iter().filter(|stretched| stretched.clear).map(|stretched| stretched.through);
        let (slowest, fastest) = clear.clone().fold((f64::INFINITY, 0.0), |(slowest, fastest), through| {
            (through.min(slowest), through.max(fastest))
        });
        let agree = clear.count() >= AGREEING_CLEARLY && slowest >= fastest * ALIKE;
        if agree || self.run.len() >= AGREEING {
            self.stretched(now);
        }
        is_stretched
    }

    /// How many seconds longer than it was sent a train may arrive on a path that carries it.
    fn tolerance(&self, train: &Measure) -> f64 {
        // The second longest: one train alone may have met anything.
        let noise = if self.noise.len() < 3 { 0.0 } else { self.noise.largest(1).unwrap_or(0.0) };
        NOISE.as_secs_f64() + noise.clamp(0.0, MOST_NOISE.as_secs_f64()) + train.as_sent * TOLERANCE
    }

    /// Trains in a row agree that there is a bottleneck.
    fn stretched(&mut self, now: Instant) {
        let mut samples = Recent::<f64, 6>::default();
        self.run.iter().for_each(|stretched| samples.push(stretched.through));
        self.run.clear();
        self.limit_to(samples.iter(), now);
    }

    /// Sets the limit by trains that came through at these rates.
    fn limit_to(&mut self, samples: impl Iterator<Item = f64> + Clone, now: Instant) {
        let best = samples.clone().fold(0.0, f64::max);
        let known = match self.state {
            State::Limited { limit, policed: false, .. } => Some(limit),
            _ => None,
        };
        if known.is_none_or(|limit| best < limit * CLEARLY_LESS) {
            self.through.clear();
        }
        samples.for_each(|through| self.through.push(through));
        // A link never delivers faster than it is, and often looks slower, as when the sender itself was late: nearly
        // the fastest counts.
        let rank = usize::from(self.through.len() > 2);
        let limit = self.through.largest(rank).unwrap_or(best).clamp(LEAST_RATE, CEILING);
        let probe = Probe::at(now, PROBE_EVERY, self.load.probe_factor(limit));
        self.state = State::Limited { limit, probe, policed: false };
    }

    /// Something on the path drops what exceeds its rate and queues nothing; trains of this pace met it.
    fn policed(&mut self, pace: f64, now: Instant) {
        let (sent_at, wait) = match &self.state {
            State::Rising { rate, .. } => (*rate, POLICED_WAIT),
            // Only the probe met it: the rate itself does not.
            State::Limited { limit, probe, policed: true } if pace > *limit => {
                (limit * BELOW_LIMIT / POLICED, probe.wait * 2)
            }
            State::Limited { limit, probe, .. } => (limit * BELOW_LIMIT, probe.wait.max(POLICED_WAIT)),
        };
        let limit = (sent_at * POLICED / BELOW_LIMIT).clamp(LEAST_RATE, CEILING);
        self.tail.clear();
        self.run.clear();
        let probe = Probe::at(now, wait.min(SELDOM), self.load.probe_factor(limit));
        self.state = State::Limited { limit, probe, policed: true };
    }

    /// Rises, or ends a probe, if what was heard suffices for it.
    fn conclude(&mut self, now: Instant) {
        match &mut self.state {
            State::Rising { rate, as_sent, stretched, .. } => {
                if *as_sent >= AS_SENT && *as_sent > *stretched && *rate < CEILING {
                    self.state = State::rising(*rate, self.load.next_pace(*rate));
                }
            }
            State::Limited { limit, probe, policed } => match probe.verdict(now) {
                Verdict::Open => {}
                Verdict::Moved(pace) if *policed => {
                    (*limit, *probe) = (pace, Probe::at(now, probe.wait, self.load.probe_factor(pace)));
                }
                Verdict::Moved(pace) => {
                    self.through.clear();
                    self.state = State::rising(pace, self.load.next_pace(pace));
                }
                Verdict::Stays if *policed => *probe = Probe::at(now, probe.wait, probe.factor),
                Verdict::Stays => {
                    let through = probe.through;
                    self.limit_to(through.iter(), now);
                }
            },
        }
    }
}

impl State {
    fn rising(good: f64, rate: f64) -> Self {
        Self::Rising { good, rate: rate.min(CEILING), as_sent: 0, stretched: 0 }
    }
}

/// What a 100 Mbit/s port carries with room for others.
pub(crate) const START_RATE: f64 = 90e6;
/// What a 1000 Mbit/s port carries with room for others.
pub(crate) const CEILING: f64 = 940e6;
/// No path that carries video is slower; what measures less is not believed.
pub(crate) const LEAST_RATE: f64 = 1e6;
/// A queue before the bottleneck drains at this share of its rate, and the measure may err by a percent or two.
const BELOW_LIMIT: f64 = 0.96;
/// A measure this far below the known limit is not that limit's noise.
const CLEARLY_LESS: f64 = 0.93;
/// What is left of the rate when a policer shows itself.
const POLICED: f64 = 0.8;
/// A train of at least this share of the rate tells whether the path carries the rate.
const NEAR: f64 = 0.9;
/// Kernel stamps, timers and interrupt moderation, without a network.
const NOISE: Duration = Duration::from_micros(250);
/// As much of a train may be a timer's doing.
const TOLERANCE: f64 = 0.05;
/// More than this is taken for a bottleneck, though it be a wireless network that waits for its turn.
const MOST_NOISE: Duration = Duration::from_micros(2500);
/// Longer than twice what is tolerated and this: no noise that was seen before.
const CLEARLY: Duration = Duration::from_millis(1);
/// So many trains in a row must agree that the path is narrower,
const AGREEING: usize = 5;
/// and so many if they are clear about it,
const AGREEING_CLEARLY: usize = 3;
/// the slowest of them coming through at this share of the fastest.
const ALIKE: f64 = 0.75;
/// So many must arrive as they were sent for the rate to rise.
const AS_SENT: u32 = 2;
/// How long after a probe the next begins: with the rise that follows, a path that has become ten times faster is known
/// within two seconds.
const PROBE_EVERY: Duration = Duration::from_millis(600);
/// How long after a policer showed itself it is first tried again.
const POLICED_WAIT: Duration = Duration::from_secs(1);
/// A policer does not go away; each attempt to pass it costs datagrams.
const SELDOM: Duration = Duration::from_secs(30);

#[cfg(test)]
mod path;
#[cfg(test)]
mod tests;
