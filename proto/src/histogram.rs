//! The distribution of a duration: median, 99th percentile, maximum.

use std::time::Duration;

use serde::Serialize;

/// Collects durations of up to a minute at 0.1 % or better, in constant memory, without allocating.
#[derive(Clone, Debug)]
pub struct Histogram {
    micros: hdrhistogram::Histogram<u64>,
}

/// A [`Histogram`] in milliseconds; each is `None` where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of all were at most this.
    pub p50: Option<f64>,
    /// 99 of 100 were at most this.
    pub p99: Option<f64>,
    /// All were at most this.
    pub max: Option<f64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            micros: hdrhistogram::Histogram::new_with_bounds(1, MOST_MICROS, 2)
                .expect("the bounds are in order"),
        }
    }
}

impl Histogram {
    /// Adds one duration.
    pub fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.micros.saturating_record(micros.min(MOST_MICROS));
    }

    /// Forgets all that was added.
    pub fn clear(&mut self) {
        self.micros.reset();
    }

    /// What was collected.
    pub fn percentiles(&self) -> Percentiles {
        if self.micros.is_empty() {
            return Percentiles::default();
        }
        let millis = |micros: u64| Some((micros as f64) / 1000.0);
        Percentiles {
            p50: millis(self.micros.value_at_quantile(0.5)),
            p99: millis(self.micros.value_at_quantile(0.99)),
            max: millis(self.micros.max()),
        }
    }
}

/// A [`Histogram`] since the last look, and one since the beginning.
#[derive(Clone, Debug, Default)]
pub struct WindowedHistogram {
    recent: Histogram,
    all: Histogram,
}

impl WindowedHistogram {
    /// Adds one duration to both.
    pub fn add(&mut self, duration: Duration) {
        self.recent.add(duration);
        self.all.add(duration);
    }

    /// What was added since this was last called.
    pub fn recent(&mut self) -> Percentiles {
        let percentiles = self.recent.percentiles();
        self.recent.clear();
        percentiles
    }

    /// Forgets all that was added to either.
    pub fn clear(&mut self) {
        self.recent.clear();
        self.all.clear();
    }

    /// What was added since the beginning, or since it was cleared.
    pub fn all(&self) -> Percentiles {
        self.all.percentiles()
    }
}

const MOST_MICROS: u64 = 60_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let mut histogram = Histogram::default();
        for millis in 1..=100 {
            histogram.add(Duration::from_millis(millis));
        }
        let p = histogram.percentiles();
        assert!((p.p50.unwrap() - 50.0).abs() < 0.6 && (p.p99.unwrap() - 99.0).abs() < 1.0, "{p:?}");
        histogram.clear();
        assert_eq!(histogram.percentiles(), Percentiles::default());
    }

    #[test]
    fn a_cleared_meter_has_forgotten_both_spreads() {
        let mut meter = WindowedHistogram::default();
        meter.add(Duration::from_millis(5));
        meter.clear();
        assert_eq!((meter.recent(), meter.all()), (Percentiles::default(), Percentiles::default()));
    }

    #[test]
    fn absurd_durations_do_not_panic() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::MAX);
        histogram.add(Duration::ZERO);
        assert!(histogram.percentiles().max.unwrap() >= 60_000.0);
    }
}
