//! When a group is joined again.

use std::time::Instant;

use super::timeouts::{REJOIN, REJOIN_LATER, REJOIN_SOON_FOR, SILENT};

/// Whether a group comes here, as far as is heard.
///
/// A switch may take this computer for gone while the group is joined. Then its sender still answers what it is sent, so
/// that only what was sent to the group itself counts here.
#[derive(Debug)]
pub(super) struct Membership {
    /// When a sender was last heard by the group.
    heard: Option<Instant>,
    /// Since when nothing has come, as far as is known.
    since: Instant,
    join_again: Instant,
}

impl Membership {
    /// It has just been joined.
    pub(super) fn begin(now: Instant) -> Self {
        Self { heard: None, since: now, join_again: now + REJOIN }
    }

    /// Something came by the group.
    pub(super) fn hear(&mut self, now: Instant) {
        *self = Self { heard: Some(now), since: now, join_again: now + SILENT + REJOIN };
    }

    /// When a sender was last heard by the group, since it was joined.
    pub(super) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// When it is to be joined again, if nothing comes before.
    pub(super) fn next_look(&self) -> Instant {
        self.join_again
    }

    /// Often at first, when somebody misses the picture; rarely later.
    pub(super) fn is_time_to_join_again(&mut self, now: Instant) -> bool {
        let is_time = self.join_again <= now;
        if is_time {
            let is_long = now.saturating_duration_since(self.since) > REJOIN_SOON_FOR;
            self.join_again = now + if is_long { REJOIN_LATER } else { REJOIN };
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_group_is_joined_again_while_nothing_comes_by_it_and_not_while_something_does() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut membership = Membership::begin(start);
        for ms in (0..3000).step_by(200) {
            membership.hear(at(ms));
            assert!(!membership.is_time_to_join_again(at(ms)));
        }
        let joined = (3000..123_000).step_by(100).filter(|&ms| membership.is_time_to_join_again(at(ms)));
        let joined: Vec<u64> = joined.collect();
        // Last heard at 2.8 s: again after a silence and a moment, each half second for a minute, then rarely.
        assert_eq!(joined[..3], [4300, 4800, 5300]);
        assert_eq!(joined.iter().filter(|&&ms| ms > 65_000).count(), 5, "{joined:?}");
    }
}
