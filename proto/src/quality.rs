//! Chooses the JPEG quality of the next picture, so that its bytes fit the frame budget: down at once, up slowly,
//! constant in between.

mod curve;

use std::str::FromStr;
use std::time::{Duration, Instant};

use thiserror::Error;

use curve::Curve;

/// The JPEG qualities that may be used, both ends included; 1 to 100, as libjpeg counts.
///
/// Written as `40..80`, or `80` where it is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityRange {
    min: u8,
    max: u8,
}

/// What is wrong with a quality range as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QualityRangeError {
    /// It is no number from 1 to 100, nor two of them.
    #[error("{0:?} is no quality; give a number from 1 to 100, or a range such as 40..80")]
    BadValue(String),
    /// The smaller number does not stand first.
    #[error("{0}..{1} is empty; write the lower quality first: {1}..{0}")]
    Reversed(u8, u8),
}

impl QualityRange {
    /// The lowest quality.
    pub const fn min(self) -> u8 {
        self.min
    }

    /// The highest, which is used where the path carries it.
    pub const fn max(self) -> u8 {
        self.max
    }
}

impl FromStr for QualityRange {
    type Err = QualityRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        match (min.parse(), max.parse()) {
            (Ok(min @ 1..=100), Ok(max @ 1..=100)) if min <= max => Ok(Self { min, max }),
            (Ok(min @ 1..=100), Ok(max @ 1..=100)) => Err(QualityRangeError::Reversed(min, max)),
            _ => Err(QualityRangeError::BadValue(text.into())),
        }
    }
}

/// Picks the quality of each picture before it is encoded, from how large those before it became.
///
/// What a picture needs at a quality is predicted by a curve that is fitted to the frames seen. A prediction
/// beyond the budget lowers the quality at once, and as far as it takes; it rises by single steps, and only into room
/// that it does not have to give back.
#[derive(Clone, Debug)]
pub struct QualityControl {
    range: QualityRange,
    curve: Curve,
    current: u8,
    /// Until when it does not rise, nor is trimmed again.
    rest: Option<Instant>,
}

impl QualityControl {
    /// One that has seen no picture yet, and begins at the best quality.
    pub fn new(range: QualityRange) -> Self {
        Self { range, curve: Curve::default(), current: range.max, rest: None }
    }

    /// The quality to encode the next picture with. It may have `budget` bytes if the path is to carry the stream;
    /// `None`: there is no limit, or none is known, and the best quality is used.
    pub fn next(&mut self, budget: Option<usize>, now: Instant) -> u8 {
        let before = self.current;
        let reason = self.choose(budget, now);
        if self.current != before {
            tracing::debug!(quality = self.current, before, budget, reason, "JPEG quality");
        }
        self.current
    }

    /// Chooses it, and says why.
    fn choose(&mut self, budget: Option<usize>, now: Instant) -> &'static str {
        let (Some(budget), true) = (budget, self.curve.is_known()) else {
            // Without a limit, the best. Without a picture, nobody knows better: the first one tells.
            self.current = self.range.max;
            return "no limit is known";
        };
        let budget = budget.max(1) as f64;
        if self.curve.soon(self.current) > budget * self.curve.chance() {
            let best = self.best(|quality| self.curve.soon(quality) <= AIM * budget);
            if best < self.current {
                self.current = best;
                self.rest = Some(now + AFTER_DROP);
            }
            return "the next picture would be too large";
        }
        if self.rest.is_some_and(|rest| rest > now) {
            return "it rests";
        }
        let before = self.current;
        let is_above = self.curve.usual(before) > TRIM_ABOVE * budget;
        if is_above {
            self.current = before.saturating_sub(1).max(self.range.min);
        } else {
            let most = before.saturating_add(STEPS).min(self.range.max);
            let fits = |quality| self.curve.highest(quality) <= RISE_BELOW * budget;
            self.current = (before + 1..=most).take_while(|&quality| fits(quality)).last().unwrap_or(before);
        }
        if self.current != before {
            self.rest = Some(now + STEPS_EVERY);
        }
        if is_above { "pictures fill the budget" } else { "there is room for more" }
    }

    /// Tells what became of a picture: its JPEG at `quality` has so many `bytes`.
    pub fn encoded(&mut self, quality: u8, bytes: usize) {
        self.curve.add(quality, bytes);
    }

    /// The highest quality of the range that `fits`, or its lowest.
    fn best(&self, fits: impl Fn(u8) -> bool) -> u8 {
        (self.range.min..=self.range.max).rev().find(|&quality| fits(quality)).unwrap_or(self.range.min)
    }
}

/// Where a drop ends, of the budget: what is left is for pictures that turn out larger than predicted.
const AIM: f64 = 0.9;
/// A rise must stay below this share of the budget,
const RISE_BELOW: f64 = 0.92;
/// and is taken back, a step at a time, above this one. The smoothed size does not wander from one to the other.
const TRIM_ABOVE: f64 = 0.96;
/// How far quality rises at a time,
const STEPS: u8 = 2;
/// and how often: from 40 to 80 in five seconds.
const STEPS_EVERY: Duration = Duration::from_millis(250);
/// How long it stays after a drop: what made it necessary (a scene, a queue on the path) is often not over at once.
const AFTER_DROP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
