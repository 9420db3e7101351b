//! Frame and session ids, and serial number arithmetic for those that wrap (RFC 1982).

use std::fmt;

/// One run of one sender: random, new at every start, never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(u64);

impl SessionId {
    /// The session with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number, as it travels.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// A frame's number within its session: one more for each frame sent, and after the largest comes 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameId(u32);

impl FrameId {
    /// The frame with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, as it travels.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The frame after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The frame before this one.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// How many frames this one is ahead of `other`; negative if it is behind. Exact up to half the range: of two
    /// frames that are 2^31 apart each is taken for an old one, as far behind the other as there is. The result is
    /// never `i32::MIN`, so that it can be negated, and counted on from.
    pub const fn ahead_of(self, other: Self) -> i32 {
        match self.0.wrapping_sub(other.0) as i32 {
            i32::MIN => -i32::MAX,
            ahead => ahead,
        }
    }

    /// Whether this frame was sent after `other`.
    pub const fn is_newer_than(self, other: Self) -> bool {
        self.ahead_of(other) > 0
    }
}

/// A part of a frame: those of one frame are sent one after the other, before those of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartId {
    /// The frame.
    pub frame: FrameId,
    /// Which of its parts, from 0.
    pub part: u8,
}

impl PartId {
    /// Whether this part was sent after `other`.
    pub const fn is_newer_than(self, other: Self) -> bool {
        let ahead = self.frame.ahead_of(other.frame);
        ahead > 0 || ahead == 0 && self.part > other.part
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => self.frame.fmt(f),
            part => write!(f, "{}/{part}", self.frame),
        }
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_across_the_wrap() {
        let last = FrameId::new(u32::MAX);
        assert_eq!(last.next(), FrameId::new(0));
        assert!(last.next().is_newer_than(last) && !last.is_newer_than(last.next()));
        assert_eq!(FrameId::new(3).ahead_of(FrameId::new(u32::MAX - 1)), 5);
        assert_eq!(FrameId::new(u32::MAX - 1).ahead_of(FrameId::new(3)), -5);
        assert!(!last.is_newer_than(last));
    }

    #[test]
    fn the_parts_of_a_frame_are_in_order_and_before_those_of_the_next() {
        let part = |frame, part| PartId { frame: FrameId::new(frame), part };
        assert!(part(3, 1).is_newer_than(part(3, 0)) && !part(3, 1).is_newer_than(part(3, 1)));
        assert!(part(0, 0).is_newer_than(part(u32::MAX, 7)) && !part(u32::MAX, 7).is_newer_than(part(0, 0)));
        assert_eq!([part(3, 0), part(3, 2)].map(|part| part.to_string()), ["3", "3/2"]);
    }

    #[test]
    fn of_frames_half_the_range_apart_each_is_old_and_the_distance_can_be_reckoned_with() {
        for number in [0, 1, 77, u32::MAX, 1 << 31] {
            let (one, other) = (FrameId::new(number), FrameId::new(number.wrapping_add(1 << 31)));
            assert!(!one.is_newer_than(other) && !other.is_newer_than(one));
            assert_eq!([one.ahead_of(other), other.ahead_of(one)], [-i32::MAX; 2]);
            assert!(other.next().ahead_of(one) == -i32::MAX && one.next().is_newer_than(one));
        }
    }
}
