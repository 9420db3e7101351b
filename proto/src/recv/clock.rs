//! Estimates the sender's clock from the exchange of pings and pongs.
//!
//! Both ends use their monotonic clocks only. The sender's travels as [`MediaTime`], which was read from a wall clock
//! once, at its start, so that the receiver finds hours of difference as easily as microseconds. No wall clock enters
//! here: both may be wrong and may jump without any effect. The four times of an exchange are those of RFC 5905
//! section 8; that each bounds the other clock whatever the asymmetry of the path is F. Cristian, "Probabilistic clock
//! synchronization", Distributed Computing 3 (1989); that the bounds are intersected and aged by the greatest drift is
//! K. Marzullo and S. Owicki, "Maintaining the time in a distributed system", PODC 1983.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::frame::MediaTime;

mod bound;
#[cfg(test)]
mod tests;

pub use bound::Exchange;
use bound::{Bound, Drift};

/// Learns the sender's clock from exchanges, some of which may be slow, lopsided or forged.
///
/// Of every two seconds the closest exchange is remembered, and the sender's clock is where all those agree. How fast
/// it runs beside ours is bounded by the crystals' tolerance and, better, by exchanges far apart. Memory is constant
/// and taken at the start.
#[derive(Clone, Debug)]
pub struct ClockFilter {
    /// The oldest first.
    best: VecDeque<Best>,
    reading: Option<ClockReading>,
    suspect: Option<Suspect>,
    last_sent: Option<Instant>,
    jumps: u64,
}

/// The closest bound of a span of time.
#[derive(Clone, Copy, Debug)]
struct Best {
    since: Instant,
    bound: Bound,
}

/// An exchange that contradicts what is known, until another confirms or refutes it.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    bound: Bound,
    /// How many in a row contradicted.
    doubts: u32,
}

impl ClockFilter {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self { best: VecDeque::with_capacity(MOST), reading: None, suspect: None, last_sent: None, jumps: 0 }
    }

    /// Learns from an exchange. Exchanges are given in the order in which they were begun.
    ///
    /// Returns whether it was believed. Absurd ones are refused: answered before they were heard or received before
    /// they were sent, on their way for a negative time or for more than a second, or no newer than the one before. One
    /// that contradicts what is known is not believed either, until the next one confirms it: then the sender's clock
    /// has jumped (its computer was suspended, or ours), and what was known is forgotten.
    pub fn add(&mut self, exchange: Exchange) -> bool {
        let Some(bound) = Bound::of(&exchange).filter(|bound| bound.width() <= LONGEST) else { return false };
        // An answer that the network repeats confirms nothing.
        if self.last_sent.is_some_and(|last| exchange.sent <= last) {
            return false;
        }
        self.last_sent = Some(exchange.sent);

        let suspect = self.suspect.take().filter(|suspect| is_fresh(suspect.bound.at, bound.at));
        let is_confirmation = suspect.is_some_and(|suspect| {
            suspect.bound.carried(bound.at, Drift::GREATEST).intersection(bound).is_some()
        });
        match self.reading {
            Some(known) if known.carried(bound.at).intersection(bound).is_none() => {
                let doubts = suspect.map_or(0, |suspect| suspect.doubts) + 1;
                if let Some(suspect) = suspect.filter(|_| is_confirmation) {
                    self.forget();
                    self.believe(suspect.bound);
                } else if doubts >= TOO_MANY_DOUBTS || !is_fresh(known.bound.at, bound.at) {
                    self.forget();
                } else {
                    self.suspect = Some(Suspect { bound, doubts });
                    return false;
                }
            }
            // A vague one that agrees with both sides does not clear the suspect.
            Some(_) => self.suspect = suspect.filter(|_| is_confirmation),
            None => {}
        }
        self.believe(bound);
        true
    }

    /// The sender's clock as it is known; `None` before the first exchange, and when the last one that was believed was
    /// over a minute before `now`.
    pub fn reading(&self, now: Instant) -> Option<ClockReading> {
        self.reading.filter(|reading| is_fresh(reading.bound.at, now))
    }

    /// How often the clock was found to have jumped.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    fn believe(&mut self, bound: Bound) {
        let drift = self.reading.map_or(Drift::GREATEST, |reading| reading.drift);
        match self.best.back_mut() {
            Some(best) if bound.at.saturating_duration_since(best.since) < SPAN => {
                if bound.width() <= best.bound.carried(bound.at, drift).width() {
                    best.bound = bound;
                }
            }
            _ => {
                if self.best.len() == MOST {
                    self.best.pop_front();
                }
                self.best.push_back(Best { since: bound.at, bound });
            }
        }
        let drift = self.drift();
        let (mut agreed, mut agreeing) = (bound, 0);
        for best in self.best.iter().rev() {
            let Some(closer) = agreed.intersection(best.bound.carried(bound.at, drift)) else { break };
            (agreed, agreeing) = (closer, agreeing + 1);
        }
        // Whatever is older is of a clock that has run otherwise since, by too little to contradict at once.
        self.best.drain(..self.best.len() - agreeing);
        self.reading = Some(ClockReading { bound: agreed, drift: self.drift() });
    }

    /// How fast the sender's clock runs beside ours, by all pairs of what is remembered.
    fn drift(&self) -> Drift {
        let bounds = || self.best.iter().map(|best| best.bound);
        let pairs = bounds().enumerate().flat_map(|(n, older)| bounds().skip(n + 1).map(move |b| (older, b)));
        pairs
            .filter_map(|(older, newer)| Drift::between(older, newer))
            .try_fold(Drift::GREATEST, Drift::intersection)
            .unwrap_or(Drift::GREATEST)
    }

    fn forget(&mut self) {
        self.best.clear();
        self.reading = None;
        self.jumps += 1;
    }
}

impl Default for ClockFilter {
    fn default() -> Self {
        Self::new()
    }
}

/// The sender's clock at one moment, and how it goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    bound: Bound,
    drift: Drift,
}

impl ClockReading {
    /// What the sender's clock shows at `instant`, give or take [`error_at`](Self::error_at).
    pub fn at(&self, instant: Instant) -> MediaTime {
        let micros = self.carried(instant).middle().div_euclid(1000);
        MediaTime::from_micros(u64::try_from(micros.max(0)).unwrap_or(u64::MAX))
    }

    /// By how much [`at`](Self::at) is wrong at most: half of what exchanges leave open, growing with the distance from
    /// the last of them by what is not known of the drift, and the microsecond that a [`MediaTime`] cannot tell.
    pub fn error_at(&self, instant: Instant) -> Duration {
        let nanos = self.carried(instant).width() / 2 + 1000;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn carried(&self, to: Instant) -> Bound {
        self.bound.carried(to, self.drift)
    }
}

fn is_fresh(then: Instant, now: Instant) -> bool {
    now.saturating_duration_since(then) < FRESH
}

/// How many bounds are remembered: over half a minute or more, after which a round trip of 0.5 ms tells the drift to
/// within 16 ppm, and no longer than a crystal's temperature stays what it is.
const MOST: usize = 16;
/// The time of which one bound is remembered.
const SPAN: Duration = Duration::from_secs(2);
/// A bound that leaves more open tells nothing, in nanoseconds.
const LONGEST: i128 = 1_000_000_000;
/// After this many contradictions in a row nothing that was known holds, even if they contradict each other too: the
/// clock is being slewed faster than crystals drift.
const TOO_MANY_DOUBTS: u32 = 4;
/// Twenty times the longest interval between exchanges.
const FRESH: Duration = Duration::from_secs(60);
