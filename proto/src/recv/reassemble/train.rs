//! How the datagrams of one frame arrive: order, dispersion, loss.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::wire::TrainEntry;

/// How the datagrams of a frame arrive: data first, then parity.
#[derive(Debug)]
pub(crate) struct ArrivalTrain {
    /// When the first was read.
    pub(crate) first: Instant,
    /// When the furthest so far was read.
    pub(crate) last: Instant,
    first_index: usize,
    pub(crate) last_index: usize,
    /// When the furthest so far reached this computer.
    last_arrived: Instant,
    /// From which datagram on the train is measured, and when that reached this computer.
    pub(super) from_index: usize,
    from_arrived: Instant,
    /// The first that will do for that, until it has come.
    from: usize,
    /// Chunks that were passed over, and when: each behind the one before, so that a request names none twice. Once the
    /// train is over, all behind its furthest datagram is in the last.
    pub(crate) gaps: Vec<Gap>,
    /// Whether nothing more is to be expected.
    pub(crate) is_over: bool,
    /// Whether that is because a newer frame has begun.
    is_past: bool,
    /// Whether it was said how it arrived.
    pub(super) is_told: bool,
}

/// How a frame arrived, if that was not told before, and how many of its data chunks did and did not when they were
/// first sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrainReport {
    pub(crate) entry: Option<TrainEntry>,
    pub(crate) arrived: u64,
    pub(crate) missing: u64,
}

/// Chunks that had not come when a later one did.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub(crate) range: Range<usize>,
    pub(crate) since: Instant,
}

impl ArrivalTrain {
    pub(super) fn empty(now: Instant) -> Self {
        Self {
            first: now,
            last: now,
            first_index: 0,
            last_index: 0,
            last_arrived: now,
            from_index: 0,
            from_arrived: now,
            from: 0,
            gaps: Vec::with_capacity(MOST_GAPS),
            is_over: false,
            is_past: false,
            is_told: false,
        }
    }

    /// Begins with the datagram at `index`; it is measured from the first at or behind `from` on.
    pub(super) fn begin(&mut self, index: usize, from: usize, arrived: Instant, now: Instant) {
        (self.first, self.last, self.last_arrived) = (now, now, arrived);
        (self.from_index, self.from_arrived, self.from) = (index, arrived, from);
        (self.first_index, self.last_index) = (index, index);
        (self.is_over, self.is_past, self.is_told) = (false, false, false);
        self.gaps.clear();
        if index > 0 {
            self.gaps.push(Gap { range: 0..index, since: now });
        }
    }

    /// Notes that a datagram came when it was first sent; if a later one was before it, how long ago.
    pub(super) fn passed(&mut self, index: usize, arrived: Instant, now: Instant) -> Option<u32> {
        if index > self.last_index {
            self.go_on();
            // Of a train that is past, all behind the furthest is in a gap already.
            if !self.is_over {
                self.open_gap(self.last_index + 1..index, now);
            }
            (self.last_index, self.last, self.last_arrived) = (index, now, arrived);
            if self.from_index < self.from {
                (self.from_index, self.from_arrived) = (index, arrived);
            }
            return None;
        }
        let gap = self.gaps.iter().find(|gap| gap.range.contains(&index))?;
        Some(u32::try_from(now.saturating_duration_since(gap.since).as_micros()).unwrap_or(u32::MAX))
    }

    /// Nothing more of `datagrams` is to be expected since `since`.
    pub(super) fn end(&mut self, datagrams: usize, since: Instant, is_past: bool) {
        self.is_past |= is_past;
        if !std::mem::replace(&mut self.is_over, true) {
            self.open_gap(self.last_index + 1..datagrams, since);
        }
    }

    /// What seemed to be the end was a sender that paused: what was overdue is still to come.
    fn go_on(&mut self) {
        if self.is_over && !self.is_past {
            self.is_over = false;
            let next = self.last_index + 1;
            self.gaps.retain_mut(|gap| {
                gap.range.end = gap.range.end.min(next);
                !gap.range.is_empty()
            });
        }
    }

    fn open_gap(&mut self, range: Range<usize>, since: Instant) {
        if range.is_empty() {
            return;
        }
        debug_assert!(self.gaps.last().is_none_or(|last| last.range.end <= range.start), "gaps rise");
        let is_full = self.gaps.len() == MOST_GAPS;
        match self.gaps.last_mut().filter(|_| is_full) {
            // Of a frame in so many pieces it does not matter what was passed over when.
            Some(last) => *last = Gap { range: last.range.start..range.end, since },
            None => self.gaps.push(Gap { range, since }),
        }
    }

    /// How long what is measured of it took.
    pub(super) fn span(&self) -> Duration {
        self.last_arrived.saturating_duration_since(self.from_arrived)
    }

    /// How long a datagram of this frame takes, if enough have come to tell.
    pub(crate) fn spacing(&self) -> Option<Duration> {
        let datagrams = self.last_index.saturating_sub(self.first_index);
        (datagrams >= ENOUGH).then(|| self.last.saturating_duration_since(self.first) / datagrams as u32)
    }
}

/// Gaps told apart in one frame.
const MOST_GAPS: usize = 64;
/// Datagrams that tell how quickly they come.
const ENOUGH: usize = 8;
