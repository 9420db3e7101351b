//! When each datagram of a frame is due.

use std::ops::Range;
use std::time::Duration;

use crate::rate::{CEILING, SPRINT_BYTES};

/// How far into a frame its datagrams go, and how many at once.
#[derive(Debug)]
pub(super) struct Schedule {
    /// How long each takes, and how many go at once.
    pub(super) each: Duration,
    pub(super) group: usize,
    /// Those that go at [`CEILING`], and the same of these.
    sprint: Range<usize>,
    sprint_each: Duration,
    sprint_group: usize,
}

impl Schedule {
    /// Of no frame.
    pub(super) fn none() -> Self {
        Self { each: Duration::ZERO, group: 1, sprint: 0..0, sprint_each: Duration::ZERO, sprint_group: 1 }
    }

    /// Of datagrams of so many bits on the wire at `rate` bits per second.
    pub(super) fn at(rate: f64, datagram_bits: f64) -> Self {
        let each = Duration::from_secs_f64(datagram_bits / rate);
        let in_time = GROUP.as_secs_f64() / each.as_secs_f64();
        let in_bytes = GROUP_BYTES * 8.0 / datagram_bits;
        Self {
            each,
            group: (in_time.min(in_bytes) as usize).clamp(1, MOST_AT_ONCE),
            sprint_each: Duration::from_secs_f64(datagram_bits / CEILING),
            sprint_group: (in_bytes as usize).clamp(1, MOST_AT_ONCE),
            ..Self::none()
        }
    }

    /// The [`SPRINT_BYTES`] before datagram `end`, of so many bits each, go at [`CEILING`].
    pub(super) fn with_sprint_before(self, end: usize, datagram_bits: f64) -> Self {
        let sprint = end.saturating_sub((SPRINT_BYTES * 8.0 / datagram_bits) as usize)..end;
        Self { sprint, ..self }
    }

    /// Those that go at [`CEILING`]; none if that is no faster.
    pub(super) fn sprint(&self) -> Range<usize> {
        self.sprint.clone()
    }

    /// How many go at once from there on.
    pub(super) fn group_at(&self, index: usize) -> usize {
        if self.sprint.contains(&index) { self.sprint_group } else { self.group }
    }

    /// How long after the frame's first datagram the one at `index` is due.
    pub(super) fn offset(&self, index: usize) -> Duration {
        let sprinting = index.clamp(self.sprint.start, self.sprint.end) - self.sprint.start;
        self.each * (index - sprinting) as u32 + self.sprint_each * sprinting as u32
    }

    /// How many whole datagrams' time that is.
    pub(super) fn gone_by(&self, elapsed: Duration) -> usize {
        let [start, end] = [self.sprint.start, self.sprint.end].map(|index| (index, self.offset(index)));
        let ((from, begun), each) = match elapsed {
            _ if elapsed < start.1 => ((0, Duration::ZERO), self.each),
            _ if elapsed < end.1 => (start, self.sprint_each),
            _ => (end, self.each),
        };
        from.saturating_add(((elapsed - begun).as_secs_f64() / each.as_secs_f64()) as usize)
    }
}

/// Long enough that segmentation offload pays and a timer can keep it, short enough for a switch's buffer.
pub(super) const GROUP: Duration = Duration::from_micros(500);
/// The most of a group on the wire. At the pace of a fast path half a millisecond is 50 KB and more, which is most of a
/// small switch's 64 KB buffer where a faster port feeds a slower one; this is a quarter of it, and still takes
/// segmentation's profit.
const GROUP_BYTES: f64 = 16.0 * 1024.0;
/// What the kernel's segmentation takes in one call.
pub(crate) const MOST_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_by_a_time_is_what_was_due_before_it() {
        let plain = || Schedule::at(90e6, 12_000.0);
        for schedule in
            [plain(), plain().with_sprint_before(100, 12_000.0), plain().with_sprint_before(9, 12_000.0)]
        {
            for index in 0..130 {
                let offset = schedule.offset(index);
                assert_eq!(schedule.gone_by(offset + Duration::from_nanos(50)), index, "{schedule:?}");
                assert!(offset < schedule.offset(index + 1));
            }
        }
        let sprinting = plain().with_sprint_before(100, 12_000.0);
        assert_eq!(sprinting.sprint(), 74..100);
        assert_eq!(sprinting.offset(130), sprinting.each * 104 + sprinting.sprint_each * 26);
        assert_eq!((sprinting.group_at(73), sprinting.group_at(74), sprinting.group_at(100)), (3, 10, 3));
    }
}
