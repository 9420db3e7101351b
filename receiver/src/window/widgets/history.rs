//! The last half minute of a stream, for the running plots.

use std::time::{Duration, Instant};

/// What was measured within one step. `None` where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Latency in milliseconds: half of the pictures were faster.
    pub(crate) p50: Option<f64>,
    /// Latency in milliseconds: one in a hundred was slower.
    pub(crate) p99: Option<f64>,
    /// Frames lost, of a hundred sent.
    pub(crate) loss_percent: Option<f64>,
}

/// The last [`STEPS`] samples, one for each [`STEP`]. It allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct PlotHistory {
    start: Instant,
    /// How many steps since `start` are there; the last is the newest.
    steps: u64,
    samples: [Sample; STEPS],
}

impl PlotHistory {
    /// One that is empty, and begins now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { start: now, steps: 0, samples: [Sample::default(); STEPS] }
    }

    /// Puts a sample into the step of `now`, instead of what was there. Steps without a sample stay empty.
    pub(crate) fn record(&mut self, now: Instant, sample: Sample) {
        let step = (now.saturating_duration_since(self.start).as_millis() / STEP.as_millis()) as u64;
        let steps = (step + 1).max(self.steps);
        for skipped in self.steps.max(steps.saturating_sub(STEPS as u64))..steps {
            self.samples[index(skipped)] = Sample::default();
        }
        self.steps = steps;
        self.samples[index(steps - 1)] = sample;
    }

    /// Exactly [`STEPS`] samples, the oldest first; those before the beginning are empty.
    pub(crate) fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        (self.steps..self.steps + STEPS as u64).map(|step| self.samples[index(step)])
    }
}

fn index(step: u64) -> usize {
    (step % STEPS as u64) as usize
}

/// How much time a sample stands for.
pub(crate) const STEP: Duration = Duration::from_millis(500);
/// Half a minute of them.
pub(crate) const STEPS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(p50: f64) -> Sample {
        Sample { p50: Some(p50), ..Sample::default() }
    }

    fn seen(history: &PlotHistory) -> Vec<Option<f64>> {
        history.samples().map(|sample| sample.p50).collect()
    }

    #[test]
    fn the_newest_is_last_and_what_was_skipped_is_empty() {
        let start = Instant::now();
        let mut history = PlotHistory::new(start);
        assert_eq!(seen(&history), [None; STEPS]);
        history.record(start, latency(1.0));
        history.record(start + STEP / 2, latency(2.0));
        history.record(start + 3 * STEP, latency(3.0));
        assert_eq!(seen(&history)[STEPS - 5..], [None, Some(2.0), None, None, Some(3.0)]);
    }

    #[test]
    fn after_half_a_minute_the_oldest_goes() {
        let start = Instant::now();
        let mut history = PlotHistory::new(start);
        for step in 0..100 {
            history.record(start + STEP * step, latency(f64::from(step)));
        }
        assert!(seen(&history).into_iter().eq((40..100).map(|step| Some(f64::from(step)))));
        // A night later, nothing of before is there.
        history.record(start + Duration::from_secs(36_000), latency(7.0));
        assert_eq!(seen(&history).iter().flatten().collect::<Vec<_>>(), [&7.0]);
        // The clock of another thread is a little behind.
        history.record(start, latency(8.0));
        assert_eq!(seen(&history)[STEPS - 1], Some(8.0));
    }
}
