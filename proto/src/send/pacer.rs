//! Spreads a frame's datagrams over time, so that they do not meet a full queue on their way.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::schedule::{GROUP, MOST_AT_ONCE, Schedule};
use crate::rate::CEILING;

/// How fast a frame goes out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// At once.
    Off,
    /// As fast as the path was found to carry. While nobody reports: at most 90 Mbit/s, so that a 100 Mbit/s port
    /// carries it, unless the stream itself needs more: then spread over at most 60 % of the frame interval.
    Auto,
    /// At this many bits per second on the wire.
    Rate(f64),
}

/// Gives each datagram of a frame its instant.
///
/// Datagrams go out in groups of half a millisecond and 16 KB at most, at absolute instants: lateness does not add up.
/// Whoever polls late may send what was due meanwhile, but never more than [`MOST_LATE`] and [`MOST_LATE_BYTES`] at
/// once; the rest of the frame moves.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    /// What the path was found to carry, in bits per second on the wire.
    learned: Option<f64>,
    /// Before which datagram frames go as fast as they can, to show what the path carries.
    sprint_before: Option<usize>,
    /// What a datagram costs on the wire beside its payload, in bytes.
    overhead: usize,
    /// Bits of a usual frame on the wire, smoothed.
    usual_bits: Option<f64>,
    /// When the current frame's first datagram was due, and when the others are after it.
    start: Option<Instant>,
    schedule: Schedule,
    rate: Option<f64>,
    /// How much lateness is made up for.
    most_late: Duration,
    /// When the frame before is off the wire.
    free: Option<Instant>,
    /// When what was sent out of turn is.
    repair_free: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace, overhead: usize) -> Self {
        Self {
            pace,
            learned: None,
            sprint_before: None,
            overhead,
            usual_bits: None,
            start: None,
            schedule: Schedule::none(),
            rate: None,
            most_late: Duration::ZERO,
            free: None,
            repair_free: None,
        }
    }

    /// Sets what the path was found to carry, in bits per second on the wire. From the next frame on [`Pace::Auto`]
    /// goes by it instead of its cautious guess; `None`, or what is no rate, goes back to that. The other paces ignore
    /// it.
    pub(crate) fn set_rate(&mut self, learned: Option<f64>) {
        self.learned = learned.filter(|rate| rate.is_finite() && *rate >= LEAST_LEARNED);
    }

    /// Has what comes before this datagram of the next frame go at [`CEILING`], by [`Pace::Auto`] alone.
    pub(crate) fn sprint_before(&mut self, datagram: Option<usize>) {
        self.sprint_before = datagram.filter(|_| self.pace == Pace::Auto);
    }

    /// Begins a frame of `datagrams` datagrams and `bytes` bytes; frames come every `interval`, where that is known.
    pub(crate) fn begin(&mut self, datagrams: usize, bytes: usize, interval: Option<Duration>, now: Instant) {
        self.begin_part(datagrams, bytes, 1, interval, now);
    }

    /// The same of one of `parts` parts of a frame, which are about as large as each other.
    pub(crate) fn begin_part(
        &mut self,
        datagrams: usize,
        bytes: usize,
        parts: usize,
        interval: Option<Duration>,
        now: Instant,
    ) {
        let bits = ((bytes + datagrams * self.overhead) * 8) as f64;
        let of_frame = bits * parts as f64;
        let memory = 16.0 * parts as f64;
        let usual = self.usual_bits.map_or(of_frame, |usual| usual + (of_frame - usual) / memory);
        self.usual_bits = Some(usual);
        let before = self.rate;
        self.rate = match self.pace {
            Pace::Off => None,
            Pace::Rate(rate) => Some(rate),
            Pace::Auto => Some(self.learned.unwrap_or_else(|| auto_rate(of_frame, usual, interval))),
        };
        let Some(rate) = self.rate else { return };
        if before.is_none_or(|before| (rate - before).abs() > before * TOLD) {
            let reason = match (self.pace, self.learned) {
                (Pace::Auto, Some(_)) => "what the path was found to carry",
                (Pace::Auto, None) => "nothing is known of the path",
                _ => "as it was chosen",
            };
            tracing::debug!(mbit = rate / 1e6, before_mbit = before.map(|rate| rate / 1e6), reason, "pace");
        }
        let datagram_bits = bits / datagrams as f64;
        let schedule = Schedule::at(rate, datagram_bits);
        self.schedule = match self.sprint_before.filter(|_| rate < CEILING) {
            Some(end) => schedule.with_sprint_before(end, datagram_bits),
            None => schedule,
        };
        let Schedule { each, group, .. } = self.schedule;
        // What was missed goes together with the group that is due.
        let missed = ((MOST_LATE_BYTES * 8.0 / datagram_bits) as usize).saturating_sub(group).max(1);
        self.most_late = MOST_LATE.min(each.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX)));
        let start = self.free.map_or(now, |free| free.max(now));
        self.start = Some(start);
        self.free = Some(start + self.schedule.offset(datagrams));
    }

    /// How many datagrams may go now, `sent` of the frame's `all` having gone; or else when the next may.
    pub(crate) fn due(&mut self, sent: usize, all: usize, now: Instant) -> Result<usize, Instant> {
        let (Some(_), Some(mut start)) = (self.rate, self.start) else { return Ok(all - sent) };
        let next = start + self.schedule.offset(sent);
        if next > now {
            return Err(next);
        }
        let late = now - next;
        if late > self.most_late {
            // What was missed cannot be made up for: the rest of the frame moves.
            let moved = late - self.most_late;
            start += moved;
            self.start = Some(start);
            self.free = self.free.map(|free| free + moved);
        }
        let due = self.schedule.gone_by(now - start).saturating_add(1).saturating_sub(sent).max(1);
        Ok(due.next_multiple_of(self.schedule.group_at(sent)).min(all - sent))
    }

    /// Which datagrams of the frame go at [`CEILING`] instead of the pace.
    pub(crate) fn sprint(&self) -> Range<usize> {
        self.schedule.sprint()
    }

    /// Makes room for `bytes` in `datagrams` datagrams that are sent now, out of turn: what else is to go moves by
    /// their time on the wire. They may go from [`repair_due`](Self::repair_due) on.
    ///
    /// While a frame is going (`beside_a_frame`), as much time is left to it: retransmissions never stop a frame.
    pub(crate) fn repair(&mut self, datagrams: usize, bytes: usize, beside_a_frame: bool, now: Instant) {
        let Some(rate) = self.rate else { return };
        let time = Duration::from_secs_f64(((bytes + datagrams * self.overhead) * 8) as f64 / rate);
        self.start = self.start.map(|start| start + time);
        self.free = Some(self.free.map_or(now, |free| free.max(now)) + time);
        let until_next = if beside_a_frame { 2 * time } else { time };
        self.repair_free = Some(self.repair_free.map_or(now, |free| free.max(now)) + until_next);
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

    /// The same, and `bytes` more on the wire.
    pub(crate) fn free_after(&self, bytes: usize) -> Option<Instant> {
        let time = self.rate.map_or(0.0, |rate| bytes as f64 * 8.0 / rate);
        Some(self.free? + Duration::try_from_secs_f64(time).unwrap_or_default())
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
/// No path worth a video is slower; what is below is no measurement.
const LEAST_LEARNED: f64 = 1e4;
/// A pace that changes by less is no news.
const TOLD: f64 = 0.02;
/// The most that is made up for at once after a late wake-up, in time at the frame's rate.
const MOST_LATE: Duration = Duration::from_millis(2);
/// The most that goes at once after a late wake-up, on the wire: half of that buffer.
const MOST_LATE_BYTES: f64 = 32.0 * 1024.0;

#[cfg(test)]
mod tests;
