//! A sender's figures for the window, sampled twice a second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proto::{Histogram, Percentiles, RecvStats};

use super::history::{PlotHistory, STEP, Sample};
use crate::feed::{Agreement, FeedCounters, loss_percent};

/// The figures of one sender, and where they come from.
#[derive(Debug)]
pub(crate) struct Samples {
    /// Delays of the pictures shown since the last look.
    latency: Histogram,
    /// The looks of the last two seconds, the oldest first: a rate that is told is of as long, so that it stands still.
    looks: VecDeque<(Instant, RecvStats)>,
    /// The last half minute.
    pub(crate) history: PlotHistory,
    /// What was found at the last look.
    pub(crate) now: Now,
}

/// Figures of the last half second, and counts since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Now {
    /// Pictures delivered per second.
    pub(crate) fps: f64,
    /// Megabits of them per second.
    pub(crate) mbps: f64,
    /// Frames lost, of a hundred sent.
    pub(crate) loss_percent: f64,
    /// From capture to the screen, in milliseconds.
    pub(crate) latency: Percentiles,
    /// By how much that is wrong at most, in milliseconds; `None` if delays are relative.
    pub(crate) error_ms: Option<f64>,
    /// Whether delays are relative to the shortest.
    pub(crate) is_relative: bool,
    /// Frames that parity made whole, and what was sent again.
    pub(crate) repaired: (u64, u64),
    /// Frames and datagrams that were dropped, by cause.
    pub(crate) dropped: [(&'static str, u64); CAUSES],
}

impl Samples {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            latency: Histogram::default(),
            looks: VecDeque::from([(now, RecvStats::default())]),
            history: PlotHistory::new(now),
            now: Now::default(),
        }
    }

    /// Adds the delay of a picture that was shown.
    pub(crate) fn add(&mut self, latency: Duration) {
        self.latency.add(latency);
    }

    /// Takes a sample, if it is time to; whether it was.
    pub(crate) fn look(
        &mut self,
        counters: &FeedCounters,
        clock_error: Option<Duration>,
        now: Instant,
    ) -> bool {
        let (looked, before) = *self.looks.back().expect("the last look is kept");
        if now.saturating_duration_since(looked) < STEP {
            return false;
        }
        let (since, then) = *self.looks.front().expect("the last look is kept");
        let passed = now.saturating_duration_since(since);
        let latency = self.latency.percentiles();
        self.latency.clear();
        let stream = counters.stream;
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed.as_secs_f64();
        self.now = Now {
            fps: per_second(stream.delivered, then.delivered),
            mbps: per_second(stream.delivered_bytes, then.delivered_bytes) * 8.0 / 1e6,
            loss_percent: loss_percent(&stream, &before),
            latency,
            error_ms: clock_error.map(|error| error.as_secs_f64() * 1000.0),
            is_relative: counters.clock == Agreement::Relative,
            repaired: (stream.repair.by_parity, stream.repair.by_resend),
            dropped: [
                ("lost", stream.lost.total() + stream.unseen),
                ("kernel", counters.kernel_dropped),
                ("not decoded", counters.undecoded),
                ("not shown", counters.unshown),
                ("refused", counters.refused),
                ("damaged", stream.datagrams.bad_checksum),
                ("foreign", stream.datagrams.foreign),
                ("not written", counters.outputs.iter().map(|output| output.dropped).sum()),
            ],
        };
        let is_silent = stream.delivered == before.delivered;
        let loss_percent = (!is_silent || self.now.loss_percent > 0.0).then_some(self.now.loss_percent);
        self.history.record(now, Sample { p50: latency.p50, p99: latency.p99, loss_percent });
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, stream));
        true
    }
}

/// Looks that are kept: two seconds of them.
const LOOKS: usize = 4;
/// Ways to be dropped.
const CAUSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_two_seconds_and_delays_of_the_time_since_the_last_look() {
        let (mut counters, t0) = (FeedCounters::default(), Instant::now());
        let mut samples = Samples::new(t0);
        assert!(!samples.look(&counters, None, t0 + STEP / 2));
        counters.stream =
            RecvStats { delivered: 15, delivered_bytes: 1_000_000, unseen: 5, ..RecvStats::default() };
        samples.add(Duration::from_millis(7));
        assert!(samples.look(&counters, Some(Duration::from_micros(200)), t0 + STEP));
        let now = &samples.now;
        assert_eq!((now.fps, now.mbps, now.loss_percent), (30.0, 16.0, 25.0));
        assert_eq!((now.error_ms, now.dropped[0]), (Some(0.2), ("lost", 5)));
        assert!(now.latency.p50.is_some_and(|ms| (6.9..7.1).contains(&ms)), "{now:?}");
        assert!(samples.look(&counters, None, t0 + 2 * STEP));
        assert_eq!((samples.now.fps, samples.now.latency.p50), (15.0, None));
        for steps in 3..=6 {
            assert!(samples.look(&counters, None, t0 + steps * STEP));
        }
        assert_eq!(samples.now.fps, 0.0, "two seconds after the last picture");
    }
}
