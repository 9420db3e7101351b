//! Estimates what each path carries, from how the trains of datagrams arrive at the other end.
//!
//! A train that is sent faster than the narrowest link on its way comes out of that link at the link's own rate: its
//! dispersion shows the bottleneck (C. Dovrolis, P. Ramanathan and D. Moore, "What do packet dispersion techniques
//! measure?", INFOCOM 2001). As in BBR (N. Cardwell et al., "BBR: congestion-based congestion control", ACM Queue
//! 14(5), 2016) a path is what its delivery rate says, not what it loses: chance loses datagrams on every wireless
//! path.

use std::time::{Duration, Instant};

use super::dispersion::{CEILING, Dispersion, Recent};
use super::load::Load;
use super::policer::{Policed, PolicerDetector};
use super::probe::{Probe, ProbeResult};
use super::sprint::{Sprint, SprintResult};
use super::stretch::{StretchDetector, is_late};
use super::train::Train;
use super::trial::RateTrial;

/// What the path to one receiver carries.
///
/// It starts at [`START_RATE`], with trains whose ends show in two frames what the path carries (see [`Sprint`]), and
/// rises from there with every report as long as trains at that pace arrive as they were sent.
/// When they arrive stretched, the rate at which they arrive is the bottleneck's, and the path may be sent at a little
/// less; about once a second a few trains go faster, to see whether the bottleneck has moved. Loss says nothing, unless
/// it falls on the ends of trains again and again (see [`PolicerDetector`]). A frame of fewer than
/// [`LEAST_DATAGRAMS`](dispersion::LEAST_DATAGRAMS) datagrams, or one sent at once, teaches nothing but that.
///
/// What it hears may be made up: whatever it is, the rate stays between [`LEAST_RATE`] and [`CEILING`].
#[derive(Clone, Debug)]
pub(crate) struct PathRate {
    state: PathState,
    sprint: Sprint,
    load: Load,
    tail: PolicerDetector,
    stretch: StretchDetector,
    /// The best rate at which each of the last verdicts had trains come through.
    through: Recent<f64, 6>,
}

#[derive(Clone, Copy, Debug)]
enum PathState {
    /// No bottleneck below `good`; on trial at `rate`. Where one was there before, it `was_limited`.
    Rising { good: f64, rate: f64, trial: RateTrial, was_limited: bool },
    /// A bottleneck at `limit`. Where it was found by loss, it is `policed`.
    Limited { limit: f64, probe: Probe, policed: bool },
}

impl PathRate {
    /// A path of which nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            state: PathState::rising(START_RATE, START_RATE, false),
            sprint: Sprint::default(),
            load: Load::default(),
            tail: PolicerDetector::default(),
            stretch: StretchDetector::default(),
            through: Recent::default(),
        }
    }

    /// Takes the trains of one report, oldest first; each train is told once.
    pub(crate) fn heard(&mut self, trains: &[Train], now: Instant) {
        self.load.heard(trains, now);
        for train in trains {
            let dispersion = Dispersion::of(train);
            if train.missing_tail > train.missing_head.saturating_add(FEW) {
                self.sprint.end();
            }
            let is_sprint = self.sprint.heard(dispersion.as_ref());
            let is_stretched = dispersion.is_some_and(|dispersion| {
                if is_sprint { is_late(&dispersion) } else { self.weigh(&dispersion, now) }
            });
            self.tail.heard(train, is_stretched, dispersion.map(|dispersion| dispersion.through));
            if let Some(dispersion) =
                dispersion.filter(|dispersion| is_stretched && dispersion.shows_overflow(train))
            {
                self.limit_to(dispersion.through, now);
            }
        }
        if let Some(met) = self.tail.policed() {
            self.policed(met, now);
        }
        self.conclude(now);
    }

    /// What the path may be sent at now, in bits per second on the wire.
    pub(crate) fn rate(&self, now: Instant) -> f64 {
        let rate = match &self.state {
            PathState::Rising { rate, .. } => *rate,
            PathState::Limited { limit, probe, .. } => limit * probe.factor(now).unwrap_or(BELOW_LIMIT),
        };
        rate.clamp(LEAST_RATE, CEILING)
    }

    /// Whether the ends of trains are to go at [`CEILING`].
    pub(crate) fn wants_sprints(&self) -> bool {
        self.sprint.is_wanted()
    }

    /// The bottleneck in bits per second on the wire, or, where it has moved out of the way, what has come through
    /// since; `None` if none has ever shown itself.
    pub(crate) fn limit(&self) -> Option<f64> {
        match self.state {
            PathState::Rising { was_limited: false, .. } => None,
            PathState::Rising { good, .. } => Some(good),
            PathState::Limited { limit, .. } => Some(limit),
        }
    }

    /// Counts one train for or against the present rate; returns whether it arrived stretched.
    fn weigh(&mut self, train: &Dispersion, now: Instant) -> bool {
        let carried = self.carried();
        let is_stretched = self.stretch.heard(train, train.pace <= carried * KNOWN);
        match &mut self.state {
            PathState::Rising { good, rate, trial, .. } if train.pace >= *rate * NEAR => {
                let known = if *good < *rate { *good } else { *rate * UNTRIED };
                trial.heard(train, known, is_stretched)
            }
            PathState::Limited { limit, probe, .. } => probe.heard(train, *limit, is_stretched),
            PathState::Rising { .. } => {}
        }
        if let Some(through) = self.stretch.agreed() {
            self.limit_to(through, now);
        }
        is_stretched
    }

    /// Whether there is nothing more to learn: the path carries as much as is ever sent.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, PathState::Rising { good, .. } if good >= CEILING)
    }

    /// Whether the next trains may show at once that the path carries more.
    pub(crate) fn is_rising(&self) -> bool {
        match &self.state {
            PathState::Rising { trial, .. } => !self.is_settled() && !trial.is_tedious(),
            PathState::Limited { .. } => false,
        }
    }

    /// The pace that the path is known to carry.
    pub(crate) fn carried(&self) -> f64 {
        match self.state {
            PathState::Rising { good, .. } => good,
            PathState::Limited { limit, .. } => limit,
        }
    }

    /// Sets the limit by stretched trains, the best of which came through at this rate.
    fn limit_to(&mut self, best: f64, now: Instant) {
        self.sprint.end();
        let known = match self.state {
            PathState::Limited { limit, policed: false, .. } => Some(limit),
            _ => None,
        };
        if known.is_none_or(|limit| best < limit * CLEARLY_LESS) {
            self.through.clear();
        }
        self.through.push(best);
        self.stretch.forget_run();
        // A link never delivers faster than it is, and often seems slower, as when the sender itself was late: so the
        // best counts, but not one that alone is so good, as its first datagram may have been held up.
        let rank = usize::from(self.through.len() > 2);
        let limit = self.through.largest(rank).unwrap_or(best).clamp(LEAST_RATE, CEILING);
        let probe = Probe::at(now, PROBE_EVERY, self.load.probe_factor(limit));
        if known.is_none_or(|known| (known - limit).abs() > known * TOLD) {
            tell("path is limited", limit, best, "trains arrive stretched");
        }
        self.state = PathState::Limited { limit, probe, policed: false };
    }

    /// Something on the path drops what exceeds its rate, and queues nothing or has a full queue; trains met it.
    fn policed(&mut self, met: Policed, now: Instant) {
        let lowered = |sent_at: f64| (sent_at * POLICED).min(met.most) / BELOW_LIMIT;
        let (limit, wait) = match &self.state {
            PathState::Rising { rate, .. } => (lowered(*rate), POLICED_WAIT),
            // Only the probe met it: the rate itself does not.
            PathState::Limited { limit, probe, policed: true } if met.pace > *limit => {
                (*limit, probe.wait * 2)
            }
            PathState::Limited { limit, probe, .. } => {
                (lowered(limit * BELOW_LIMIT), probe.wait.max(POLICED_WAIT))
            }
        };
        let limit = limit.clamp(LEAST_RATE, CEILING);
        tell("path is limited", limit, met.pace, "trains lose their ends");
        self.sprint.end();
        self.tail.clear();
        self.stretch.forget_run();
        let probe = Probe::at(now, wait.min(LONGEST_WAIT), self.load.probe_factor(limit));
        self.state = PathState::Limited { limit, probe, policed: true };
    }

    /// Rises, or ends a probe, if what was heard suffices for it.
    fn conclude(&mut self, now: Instant) {
        match (self.sprint.verdict(), &self.state) {
            (Some(SprintResult::AtLeast(carried)), PathState::Rising { good, rate, .. })
                if carried > *rate =>
            {
                tell("path is tried faster", carried, *rate, "the ends of trains came so fast");
                self.state = PathState::rising(*good, carried, false);
                if carried >= CEILING {
                    self.sprint.excesses().for_each(|excess| self.stretch.noise_was(excess));
                }
                return;
            }
            (Some(SprintResult::Limit(limit)), PathState::Rising { .. }) => {
                self.limit_to(limit, now);
                return;
            }
            _ => {}
        }
        match &mut self.state {
            PathState::Rising { rate, trial, was_limited, .. } if trial.is_passed() => {
                trial.excesses().for_each(|excess| self.stretch.noise_was(excess));
                let next = self.load.next_pace(*rate).min(CEILING);
                if next > *rate {
                    tell("path is tried faster", next, *rate, "trains arrive as they were sent");
                }
                self.state = PathState::rising(*rate, next, *was_limited);
            }
            PathState::Rising { .. } => {}
            PathState::Limited { limit, probe, policed } => match probe.verdict(now) {
                ProbeResult::Open => {}
                ProbeResult::Moved(pace) if *policed => {
                    tell("path is limited", pace, *limit, "a probe came through");
                    *limit = pace.clamp(LEAST_RATE, CEILING);
                    *probe = Probe::at(now, probe.wait, self.load.probe_factor(*limit));
                }
                ProbeResult::Moved(pace) => {
                    tell("path is limited no more", pace, *limit, "a probe came through");
                    self.through.clear();
                    self.state = PathState::rising(pace, self.load.next_pace(pace), true);
                }
                ProbeResult::Stays if *policed => *probe = Probe::at(now, probe.wait, probe.factor),
                ProbeResult::Stays => {
                    let best = probe.through;
                    self.limit_to(best, now);
                }
            },
        }
    }
}

/// Tells what was decided, by a rate in bits per second.
fn tell(what: &str, rate: f64, by: f64, reason: &str) {
    tracing::debug!(mbit = rate / 1e6, by_mbit = by / 1e6, reason, "{what}");
}

impl PathState {
    fn rising(good: f64, rate: f64, was_limited: bool) -> Self {
        let good = good.clamp(LEAST_RATE, CEILING);
        Self::Rising { good, rate: rate.min(CEILING), trial: RateTrial::default(), was_limited }
    }
}

/// A train that loses more of its end than of its beginning, and so many datagrams more, met a policer or a full queue.
const FEW: u32 = 3;
/// A limit that moves by less is no news.
const TOLD: f64 = 0.02;
/// What a 100 Mbit/s port carries with room for others.
pub(crate) const START_RATE: f64 = 90e6;
/// No path that carries video is slower; what measures less is not believed.
pub(crate) const LEAST_RATE: f64 = 1e6;
/// A queue before the bottleneck drains at this share of its rate, and the measure may err by a percent or two.
const BELOW_LIMIT: f64 = 0.96;
/// A measure this far below the known limit is not that limit's noise.
const CLEARLY_LESS: f64 = 0.93;
/// What is left of the rate when a policer shows itself.
const POLICED: f64 = 0.8;
/// What a path is taken to carry for certain, as a share of the rate that it is first sent at.
const UNTRIED: f64 = 0.75;
/// A train of at least this share of the rate tells whether the path carries the rate.
const NEAR: f64 = 0.9;
/// Up to this much above what the path carries is as good as that.
const KNOWN: f64 = 1.02;
/// How long after a probe the next begins: with the rise that follows, a path that has become ten times faster is known
/// within two seconds.
const PROBE_EVERY: Duration = Duration::from_millis(600);
/// How long after a policer showed itself it is first tried again.
const POLICED_WAIT: Duration = Duration::from_secs(1);
/// A policer does not go away; each attempt to pass it costs datagrams.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
