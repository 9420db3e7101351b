//! How much of its path a stream uses, and so how much faster than the known rate a train may go without filling a
//! small queue.

use std::time::Instant;

use super::train::Train;

/// The size of a stream's trains and how much of the time they take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Bits of a large train, fading.
    large: f64,
    /// The share of the time in which a train is going out, smoothed.
    busy: f64,
    heard: Option<Instant>,
}

impl Load {
    pub(super) fn heard(&mut self, trains: &[Train], now: Instant) {
        for train in trains.iter().filter(|train| train.bits.is_finite()) {
            self.large = (self.large * FADING).max(train.bits.min(LARGEST));
        }
        if let Some(before) = self.heard.replace(now) {
            let sending: f64 = trains.iter().map(|train| train.sent.as_secs_f64()).sum();
            let passed = now.saturating_duration_since(before).as_secs_f64().max(0.001);
            self.busy += ((sending / passed).min(2.0) - self.busy) / 4.0;
        }
    }

    /// The pace to try after `good`: half more, or less where a train of this stream would put more than [`OVERSHOOT`]
    /// into the queue of a link that carries `good` and no more.
    pub(super) fn next_pace(&self, good: f64) -> f64 {
        good * factor(self.large, OVERSHOOT).clamp(LEAST_STEP, MOST_STEP)
    }

    /// How much faster than a limit a probe goes.
    pub(super) fn probe_factor(&self, limit: f64) -> f64 {
        // Where trains follow each other closely, the queue does not drain between them.
        let bits = if self.busy > BUSY { limit * PROBE_SECONDS } else { self.large };
        factor(bits, PROBE_OVERSHOOT).clamp(LEAST_PROBE, MOST_PROBE)
    }
}

/// How much faster than a link `bits` may be sent for only `overshoot` of them to wait before it.
fn factor(bits: f64, overshoot: f64) -> f64 {
    if bits > overshoot { bits / (bits - overshoot) } else { f64::INFINITY }
}

/// What the queue of a small switch (64 KB) takes beside a late group, in bits.
const OVERSHOOT: f64 = 40e3 * 8.0;
/// What a probe may put there, again and again.
const PROBE_OVERSHOOT: f64 = 24.0 * 1024.0 * 8.0;
/// A rise that is slower than this would take seconds; a frame that large does not fit a slow path anyway.
const LEAST_STEP: f64 = 1.2;
/// From 90 to 940 Mbit/s in six reports.
const MOST_STEP: f64 = 1.5;
/// Less cannot be told from what is known.
const LEAST_PROBE: f64 = 1.04;
/// More is not needed.
const MOST_PROBE: f64 = 1.65;
/// How long probing trains may follow each other, in seconds.
const PROBE_SECONDS: f64 = 0.1;
/// The share of the time from which on trains are taken to follow each other.
const BUSY: f64 = 0.75;
/// A large frame is forgotten over some hundred.
const FADING: f64 = 0.98;
/// More bits than any frame has.
const LARGEST: f64 = 1e10;
