//! Sequence numbers that wrap every few seconds, extended to ones that do not (RFC 3550 appendix A.1).

use std::time::Instant;

use crate::recv::QUIET;

/// Follows the sequence numbers of one source.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The highest so far, counted on from the first.
    highest: Option<u64>,
    /// When it last rose.
    rose: Option<Instant>,
    /// The one that must come next, if the stream is really to go on so far away.
    suspect: Option<u16>,
}

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketPlace {
    /// Here.
    At(u64),
    /// Here, and nothing before it belongs to the same stream.
    Restart(u64),
    /// Too far away to be believed by itself.
    Astray,
}

impl Sequence {
    /// The place of a packet with this number. Of a stream that is not `running`, any is believed; and one behind the
    /// others is where the stream is now, if it has not come up to them for a while: they were not the sender's.
    pub(super) fn place(&mut self, number: u16, is_running: bool, now: Instant) -> PacketPlace {
        let Some(highest) = self.highest else {
            // Room for packets that were overtaken by the first.
            return self.restart(u64::from(u16::MAX) + 1 + u64::from(number), now);
        };
        let ahead = number.wrapping_sub(highest as u16) as i16;
        let place = highest.saturating_add_signed(i64::from(ahead));
        if i32::from(ahead).abs() <= FURTHEST {
            self.suspect = None;
            if place > highest {
                (self.highest, self.rose) = (Some(place), Some(now));
            }
            if self.rose.is_none_or(|rose| now.saturating_duration_since(rose) < QUIET) {
                return PacketPlace::At(place);
            }
            return self.restart_behind(highest, number, now);
        }
        if is_running && self.suspect.replace(number.wrapping_add(1)) != Some(number) {
            return PacketPlace::Astray;
        }
        self.restart_behind(highest, number, now)
    }

    /// Whether a packet with this number would be the highest so far.
    pub(super) fn is_ahead(&self, number: u16) -> bool {
        self.highest.is_none_or(|highest| number.wrapping_sub(highest as u16) as i16 > 0)
    }

    /// Later than anything before it, whatever its number.
    fn restart_behind(&mut self, highest: u64, number: u16, now: Instant) -> PacketPlace {
        let turns = (highest >> 16) + 2;
        self.restart((turns << 16) | u64::from(number), now)
    }

    fn restart(&mut self, place: u64, now: Instant) -> PacketPlace {
        (self.highest, self.suspect, self.rose) = (Some(place), None, Some(now));
        PacketPlace::Restart(place)
    }
}

/// How far a packet may be from the highest number: 0.7 s of a full 1080p stream. RFC 3550 has the same ahead.
const FURTHEST: i32 = 3000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    #[test]
    fn numbers_are_counted_on_when_they_wrap_and_back_when_they_come_late() {
        let mut sequence = Sequence::default();
        let PacketPlace::Restart(first) = sequence.place(65_534, true, t0()) else {
            panic!("the first begins")
        };
        for (number, place) in [(65_535, 1), (2, 4), (0, 2), (65_533, -1), (3, 5)] {
            assert_eq!(
                sequence.place(number, true, t0()),
                PacketPlace::At(first.saturating_add_signed(place))
            );
        }
    }

    #[test]
    fn a_leap_is_believed_when_it_goes_on_or_after_a_pause() {
        let mut sequence = Sequence::default();
        let PacketPlace::Restart(first) = sequence.place(100, true, t0()) else { panic!("the first begins") };
        for lie in [20_000, 30_000, 20_000, 50_000] {
            assert_eq!(sequence.place(lie, true, t0()), PacketPlace::Astray);
        }
        assert_eq!(sequence.place(101, true, t0()), PacketPlace::At(first + 1));
        assert_eq!(sequence.place(20_000, true, t0()), PacketPlace::Astray);
        let PacketPlace::Restart(second) = sequence.place(20_001, true, t0()) else { panic!("two in a row") };
        assert!(second > first);
        let PacketPlace::Restart(third) = sequence.place(5, false, t0()) else { panic!("after a pause") };
        assert!(third > second);
    }

    #[test]
    fn packets_ahead_that_the_stream_does_not_come_up_to_are_not_waited_for() {
        let (mut sequence, t0) = (Sequence::default(), t0());
        let PacketPlace::Restart(first) = sequence.place(100, true, t0) else { panic!("the first begins") };
        assert_eq!(sequence.place(3000, true, t0), PacketPlace::At(first + 2900));
        assert_eq!(sequence.place(101, true, t0 + QUIET / 2), PacketPlace::At(first + 1));
        let PacketPlace::Restart(again) = sequence.place(102, true, t0 + QUIET) else {
            panic!("it goes on here")
        };
        assert!(again > first + 2900);
        assert_eq!(sequence.place(103, true, t0 + QUIET), PacketPlace::At(again + 1));
    }
}
