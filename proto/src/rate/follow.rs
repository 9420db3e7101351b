//! One pace for a stream with many receivers: which of them it follows, and which are too slow to be followed.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use thiserror::Error;

/// Which of its receivers a stream's pace follows (`--follow slowest|10..100`). Those that are ill are not counted.
///
/// `slowest`: nobody is sent more than its path carries. A number is a percentile of what the receivers' paths carry:
/// with `20` the pace is the highest that at least 80 % of them can take, so that up to one in five may be too slow for
/// it and does not hold up the others; `100` follows the fastest. Among few, where less than one may be left out, a
/// percentile is the slowest too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// The slowest.
    #[default]
    Slowest,
    /// The receiver below which at most this share of them lies, in percent; 10 to 100.
    Percentile(u8),
}

/// Why a text names nobody to follow.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{0}' is neither slowest nor a percentile of the receivers from 10 to 100")]
pub struct FollowError(String);

impl FromStr for Follow {
    type Err = FollowError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("slowest", _) => Ok(Self::Slowest),
            (_, Ok(percentile @ 10..=100)) => Ok(Self::Percentile(percentile)),
            _ => Err(FollowError(text.into())),
        }
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slowest => f.write_str("slowest"),
            Self::Percentile(percentile) => write!(f, "{percentile}"),
        }
    }
}

/// Makes one pace of many.
#[derive(Debug)]
pub(crate) struct PaceControl {
    follow: Follow,
    /// Kept for its memory.
    rates: Vec<f64>,
}

impl PaceControl {
    pub(crate) fn new(follow: Follow) -> Self {
        Self { follow, rates: Vec::new() }
    }

    /// The pace in bits per second by what each healthy receiver's path may be sent at; `None` if there is none.
    pub(crate) fn follow(&mut self, rates: impl Iterator<Item = f64>) -> Option<f64> {
        let percentile = match self.follow {
            Follow::Slowest => return rates.reduce(f64::min),
            Follow::Percentile(percentile) => usize::from(percentile),
        };
        self.rates.clear();
        self.rates.extend(rates);
        let last = self.rates.len().checked_sub(1)?;
        let left_out = (self.rates.len() * percentile / 100).min(last);
        let (_, rate, _) = self.rates.select_nth_unstable_by(left_out, f64::total_cmp);
        Some(*rate)
    }
}

/// Whether a receiver's path may set the pace of the others.
///
/// One that for [`PATIENCE`] completes less than half of its frames, repaired though they are, is not helped by a
/// slower pace: it would have shown a bottleneck, and been followed, long before. It counts again when it has completed
/// at least half for as long.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Health {
    is_ill: bool,
    /// Since when what is heard contradicts that.
    contradicted: Option<Instant>,
}

impl Health {
    /// Takes how many frames a receiver has completed and lost since its report before.
    pub(crate) fn heard(&mut self, delivered: u64, lost: u64, now: Instant) {
        if delivered == 0 && lost == 0 {
            return;
        }
        let fails = delivered < lost;
        if fails == self.is_ill {
            self.contradicted = None;
            return;
        }
        let since = *self.contradicted.get_or_insert(now);
        if now.saturating_duration_since(since) >= PATIENCE {
            *self = Self { is_ill: fails, contradicted: None };
        }
    }

    /// What it says contradicts itself: it does not count, until it has completed its frames for [`PATIENCE`].
    pub(crate) fn is_refuted(&mut self) {
        *self = Self { is_ill: true, contradicted: None };
    }

    /// Whether it counts.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.is_ill
    }
}

/// Long enough for the rate to have been learned and for a short disturbance to be over.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    fn pace(follow: &str, rates: &[f64]) -> Option<f64> {
        PaceControl::new(follow.parse().unwrap()).follow(rates.iter().copied())
    }

    #[test]
    fn the_pace_follows_the_slowest_or_a_percentile() {
        let rates = [500.0, 100.0, 400.0, 300.0, 200.0];
        assert_eq!(pace("slowest", &rates), Some(100.0));
        assert_eq!(pace("10", &rates), Some(100.0), "nobody can be left out");
        assert_eq!(pace("20", &rates), Some(200.0), "four of five can take it");
        assert_eq!(pace("50", &rates), Some(300.0));
        assert_eq!(pace("100", &rates), Some(500.0));
        assert_eq!(pace("50", &[7.0]), Some(7.0));
        assert_eq!((pace("slowest", &[]), pace("50", &[])), (None, None));
    }

    #[test]
    fn at_least_the_promised_share_can_take_a_percentile() {
        for n in 1..50_usize {
            let rates: Vec<f64> = (0..n).map(|i| ((i * 7) % n) as f64).collect();
            for percentile in (10..=90_usize).step_by(10) {
                let pace = pace(&percentile.to_string(), &rates).unwrap();
                let can = rates.iter().filter(|rate| **rate >= pace).count();
                assert!(can * 100 >= n * (100 - percentile), "{can} of {n} at {percentile}");
            }
        }
    }

    #[test]
    fn what_names_nobody_is_refused_by_name() {
        for text in ["", "fastest", "9", "101", "-5", "50%"] {
            let error = text.parse::<Follow>().unwrap_err().to_string();
            assert!(error.contains(&format!("'{text}'")) && error.contains("10 to 100"), "{error}");
        }
        for text in ["slowest", "10", "100"] {
            assert_eq!(text.parse::<Follow>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn who_fails_for_two_seconds_no_longer_counts_until_it_works_for_two_seconds() {
        let (t0, mut health) = (t0(), Health::default());
        let at = |millis| t0 + Duration::from_millis(millis);
        for millis in (0..1900).step_by(100) {
            health.heard(1, 2, at(millis));
        }
        health.heard(3, 0, at(1900));
        health.heard(0, 0, at(1950));
        for millis in (2000..4000).step_by(100) {
            health.heard(1, 2, at(millis));
            assert!(health.is_healthy(), "one good report in between begins it anew");
        }
        health.heard(0, 3, at(4000));
        assert!(!health.is_healthy());
        for millis in (4100..6100).step_by(100) {
            health.heard(2, 1, at(millis));
            assert!(!health.is_healthy());
        }
        health.heard(2, 2, at(6100));
        assert!(health.is_healthy());
    }
}
