//! Sends faster than the known limit for a short time, and judges the trains of that time.

use std::time::{Duration, Instant};

use super::dispersion::Dispersion;

/// One attempt to pass a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    opens: Instant,
    length: Duration,
    /// How much faster than the limit its trains go.
    pub(super) factor: f64,
    /// How long it waited to begin.
    pub(super) wait: Duration,
    /// How many of its trains were heard.
    heard: u32,
    /// Where the most favourable one arrived: 0 as sent, 1 as the limit would have it.
    nearest: f64,
    /// The slowest pace of them.
    pace: f64,
    /// The best rate that one came through at.
    pub(super) through: f64,
}

/// What a probe says so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ProbeResult {
    /// Too little was heard.
    Open,
    /// The limit stands.
    Stays,
    /// Trains of at least this pace, in bits per second, arrived as they were sent.
    Moved(f64),
}

impl Probe {
    /// A probe of `factor` times the limit that begins `wait` after `now`.
    pub(super) fn at(now: Instant, wait: Duration, factor: f64) -> Self {
        Self {
            opens: now + wait,
            length: LENGTH,
            factor,
            wait,
            heard: 0,
            nearest: f64::INFINITY,
            pace: f64::INFINITY,
            through: 0.0,
        }
    }

    /// How much faster than the limit a train may go that begins now; `None` while this does not probe.
    pub(super) fn factor(&self, now: Instant) -> Option<f64> {
        (self.opens..self.opens + self.length).contains(&now).then_some(self.factor)
    }

    /// Takes a train. Any that was paced above the limit serves, whoever had it go so fast.
    pub(super) fn heard(&mut self, train: &Dispersion, limit: f64, is_stretched: bool) {
        if train.pace < limit * ABOVE {
            return;
        }
        let limited = train.bits / limit;
        let room = limited - train.as_sent;
        let nearest = if room >= TELLING {
            train.excess() / room
        } else if limited < SHORT && !is_stretched {
            // So short a train fits any queue: nothing is lost by believing it.
            0.0
        } else {
            return;
        };
        self.heard += 1;
        self.nearest = self.nearest.min(nearest);
        self.pace = self.pace.min(train.pace);
        self.through = self.through.max(train.through);
    }

    /// What was heard means; begins once more if trains did not come.
    pub(super) fn verdict(&mut self, now: Instant) -> ProbeResult {
        if self.heard >= ENOUGH {
            // A bottleneck delivers no train faster than it is; noise only makes them later. So the best one counts.
            return if self.nearest < 0.5 { ProbeResult::Moved(self.pace) } else { ProbeResult::Stays };
        }
        if now > self.opens + self.length + ANSWER {
            (self.opens, self.length) = (now, (self.length * 2).min(LONGEST));
        }
        ProbeResult::Open
    }
}

/// Three frames at 30 a second.
const LENGTH: Duration = Duration::from_millis(100);
/// For streams of few frames.
const LONGEST: Duration = Duration::from_secs(1);
/// A report's interval, the way there and back, and a report that was lost.
const ANSWER: Duration = Duration::from_millis(300);
/// Trains that must have been heard.
const ENOUGH: u32 = 2;
/// A train paced this much above the limit tells of it.
const ABOVE: f64 = 1.02;
/// Seconds between arriving as sent and arriving at the limit that stamps can tell apart.
const TELLING: f64 = 200e-6;
/// Seconds of a train that is too short to be measured at the limit.
const SHORT: f64 = 1.5e-3;
