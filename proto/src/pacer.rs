//! Spreads a frame's datagrams over time, so that they do not meet a full queue on their way.

use std::time::{Duration, Instant};

/// How fast a frame goes out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// At once.
    Off,
    /// At most 90 Mbit/s, so that a 100 Mbit/s port carries it, unless the stream itself needs more: then spread over
    /// at most 60 % of the frame interval.
    Auto,
    /// At this many bits per second on the wire.
    Rate(f64),
}

/// Gives each datagram of a frame its instant.
///
/// Datagrams go out in groups of about [`GROUP`], at absolute instants: lateness does not add up. Whoever polls late
/// may send what was due meanwhile, but never more than [`MOST_LATE`] of it at once.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    /// What a datagram costs on the wire beside its payload, in bytes.
    overhead: usize,
    /// Bits of a usual frame on the wire, smoothed.
    usual_bits: Option<f64>,
    /// When the current frame's first datagram was due, and how long each takes.
    start: Option<Instant>,
    each: Duration,
    rate: Option<f64>,
    group: usize,
    /// When the frame before is off the wire.
    free: Option<Instant>,
    /// When what was sent out of turn is.
    repair_free: Option<Instant>,
    learned: Option<f64>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace, overhead: usize) -> Self {
        let (each, rate) = (Duration::ZERO, None);
        Self { pace, overhead, usual_bits: None, start: None, each, rate, group: 1, free: None, repair_free: None, learned: None }
    }

    pub(crate) fn set_rate(&mut self, rate: Option<f64>) {
        self.learned = rate;
    }

    /// Begins a frame of `datagrams` datagrams and `bytes` bytes; frames come every `interval`, where that is known.
    pub(crate) fn begin(&mut self, datagrams: usize, bytes: usize, interval: Option<Duration>, now: Instant) {
        let bits = ((bytes + datagrams * self.overhead) * 8) as f64;
        let usual = self.usual_bits.map_or(bits, |usual| usual + (bits - usual) / 16.0);
        self.usual_bits = Some(usual);
        self.rate = match self.pace {
            Pace::Off => None,
            Pace::Rate(rate) => Some(rate),
            Pace::Auto => Some(auto_rate(bits, usual, interval)),
        };
        let Some(rate) = self.rate else { return };
        self.each = Duration::from_secs_f64(bits / rate / datagrams as f64);
        self.group = ((GROUP.as_secs_f64() / self.each.as_secs_f64()) as usize).clamp(1, MOST_AT_ONCE);
        let start = self.free.map_or(now, |free| free.max(now));
        self.start = Some(start);
        self.free = Some(start + Duration::from_secs_f64(bits / rate));
    }

    /// How many datagrams may go now, `sent` of the frame's `all` having gone; or else when the next may.
    pub(crate) fn due(&mut self, sent: usize, all: usize, now: Instant) -> Result<usize, Instant> {
        let (Some(_), Some(mut start)) = (self.rate, self.start) else { return Ok(all - sent) };
        let next = start + self.each * sent as u32;
        if next > now {
            return Err(next);
        }
        let late = now - next;
        if late > MOST_LATE {
            // What was missed cannot be made up for: the rest of the frame moves.
            let moved = late - MOST_LATE;
            start += moved;
            self.start = Some(start);
            self.free = self.free.map(|free| free + moved);
        }
        let elapsed = (now - start).as_secs_f64() / self.each.as_secs_f64();
        let due = (elapsed as usize).saturating_add(1).saturating_sub(sent).max(1);
        Ok(due.next_multiple_of(self.group).min(all - sent))
    }

    /// Makes room for `bytes` in `datagrams` datagrams that are sent now, out of turn: what else is to go moves by their
    /// time on the wire. They may go from [`repair_due`](Self::repair_due) on.
    pub(crate) fn repair(&mut self, datagrams: usize, bytes: usize, now: Instant) {
        let Some(rate) = self.rate else { return };
        let time = Duration::from_secs_f64(((bytes + datagrams * self.overhead) * 8) as f64 / rate);
        self.start = self.start.map(|start| start + time);
        self.free = Some(self.free.map_or(now, |free| free.max(now)) + time);
        self.repair_free = Some(self.repair_free.map_or(now, |free| free.max(now)) + time);
    }

    /// When something may be sent out of turn again.
    pub(crate) fn repair_due(&self) -> Option<Instant> {
        self.repair_free
    }

    /// How many datagrams of `bytes` bytes may be sent out of turn at once.
    pub(crate) fn repair_group(&self, bytes: usize) -> usize {
        let Some(rate) = self.rate else { return MOST_AT_ONCE };
        ((GROUP.as_secs_f64() * rate / 8.0) as usize / (bytes + self.overhead)).clamp(1, MOST_AT_ONCE / 4)
    }

    /// When all that has begun is off the wire.
    pub(crate) fn free(&self) -> Option<Instant> {
        self.free
    }

    /// Bits of a usual frame on the wire.
    pub(crate) fn usual_bits(&self) -> Option<f64> {
        self.usual_bits
    }

    /// Bits per second at which the current frame goes out; `None` if at once.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.rate
    }
}

fn auto_rate(bits: f64, usual: f64, interval: Option<Duration>) -> f64 {
    let Some(interval) = interval.map(|interval| interval.as_secs_f64()).filter(|&s| s > 0.0) else {
        return CAUTIOUS_RATE;
    };
    if usual / interval <= CAUTIOUS_RATE * CAUTIOUS_SHARE {
        return CAUTIOUS_RATE;
    }
    CAUTIOUS_RATE.max(bits / (SPREAD_SHARE * interval))
}

/// What a 100 Mbit/s port carries with room for others.
const CAUTIOUS_RATE: f64 = 90e6;
/// A stream that fills more than this of the cautious rate has frames that would not be done before the next one.
const CAUTIOUS_SHARE: f64 = 0.85;
/// The most of a frame interval that sending takes where the stream needs more than the cautious rate.
const SPREAD_SHARE: f64 = 0.6;
/// Long enough that segmentation offload pays and a timer can keep it, short enough for a switch's buffer.
const GROUP: Duration = Duration::from_micros(500);
/// The most that is sent at once after a late wake-up, in time at the frame's rate.
const MOST_LATE: Duration = Duration::from_millis(2);
/// What the kernel's segmentation takes in one call.
pub(crate) const MOST_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    const OVERHEAD: usize = 66;

    /// Sends one frame, polling at every instant it asks for (plus `lateness`); returns (microsecond, datagrams).
    fn sent_at(pacer: &mut Pacer, all: usize, t0: Instant, lateness: Duration) -> Vec<(u64, usize)> {
        let (mut now, mut sent, mut groups) = (t0, 0, Vec::new());
        while sent < all {
            match pacer.due(sent, all, now) {
                Ok(count) => {
                    groups.push(((now - t0).as_micros() as u64, count));
                    sent += count;
                }
                Err(next) => now = next + lateness,
            }
        }
        groups
    }

    fn ms(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    #[test]
    fn a_frame_goes_out_at_90_mbit_in_groups_of_half_a_millisecond() {
        let t0 = t0();
        let mut pacer = Pacer::new(Pace::Auto, OVERHEAD);
        pacer.begin(120, 170_000, ms(33), t0);
        let groups = sent_at(&mut pacer, 120, t0, Duration::ZERO);
        let wire_us = (170_000 + 120 * OVERHEAD) as u64 * 8 / 90;
        let last = groups.last().unwrap();
        assert!(groups.iter().all(|&(_, count)| count <= 4), "{groups:?}");
        assert!(
            last.0 < wire_us && last.0 > wire_us * 9 / 10,
            "the last group at {} of {wire_us} us",
            last.0
        );
    }

    #[test]
    fn a_stream_that_needs_more_is_spread_over_most_of_its_interval() {
        let t0 = t0();
        let mut pacer = Pacer::new(Pace::Auto, OVERHEAD);
        pacer.begin(700, 1_000_000, ms(33), t0);
        let last = *sent_at(&mut pacer, 700, t0, Duration::ZERO).last().unwrap();
        assert!((18_000..19_800).contains(&last.0), "60 % of 33 ms, not {} us", last.0);
    }

    #[test]
    fn lateness_does_not_add_up_and_bursts_are_bounded() {
        let t0 = t0();
        let mut pacer = Pacer::new(Pace::Rate(90e6), OVERHEAD);
        pacer.begin(120, 170_000, None, t0);
        let late = sent_at(&mut pacer, 120, t0, Duration::from_micros(300));
        assert!(late.last().unwrap().0 < 16_500, "{late:?}");

        let mut stalled = Pacer::new(Pace::Rate(90e6), OVERHEAD);
        stalled.begin(120, 170_000, None, t0);
        let burst = stalled.due(4, 120, t0 + Duration::from_millis(12)).unwrap();
        assert!(burst <= 20, "{burst} datagrams at once");
    }

    #[test]
    fn a_frame_waits_for_the_one_before_to_be_off_the_wire() {
        let t0 = t0();
        let mut pacer = Pacer::new(Pace::Rate(8e6), 0);
        pacer.begin(10, 10_000, None, t0);
        sent_at(&mut pacer, 10, t0, Duration::ZERO);
        pacer.begin(10, 10_000, None, t0 + Duration::from_millis(2));
        assert_eq!(pacer.due(0, 10, t0 + Duration::from_millis(2)), Err(t0 + Duration::from_millis(10)));
    }

    #[test]
    fn off_sends_everything_at_once() {
        let t0 = t0();
        let mut pacer = Pacer::new(Pace::Off, OVERHEAD);
        pacer.begin(120, 170_000, ms(33), t0);
        assert_eq!(pacer.due(0, 120, t0), Ok(120));
    }
}
