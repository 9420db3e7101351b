//! Whether the sender in a slot is let in whole during a flood.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::SessionId;

use super::timeouts::{TRIAL, TRIAL_AGAIN};

/// What the sender in a slot came to in this session.
#[derive(Debug, Default)]
pub(super) struct Standing {
    whose: Option<(SocketAddr, SessionId)>,
    /// Whether it has shown a picture.
    has_shown: bool,
    /// Since when it has been waited for one.
    since: Option<Instant>,
    /// Datagrams that came meanwhile.
    count: u32,
}

impl Standing {
    /// A datagram came of the sender in the slot; whether that was of use, as far as can be told.
    ///
    /// Who begins a session with each, or sends pieces of nothing, is of none.
    #[inline]
    pub(super) fn heard(&mut self, holder: Option<(SocketAddr, SessionId)>, now: Instant) -> bool {
        if self.whose != holder {
            *self = Self { whose: holder, ..Self::default() };
            return false;
        }
        self.has_shown || self.may_yet_show(now)
    }

    /// A picture came of the sender in the slot.
    pub(super) fn showed(&mut self, holder: Option<(SocketAddr, SessionId)>) {
        *self = Self { whose: holder, has_shown: true, ..Self::default() };
    }

    /// Who is to be heard whatever else comes.
    pub(super) fn favoured(&self, now: Instant) -> Option<(SocketAddr, SessionId)> {
        let is_on_trial = self.count > 0 && self.count <= MOST && self.waited(now) < TRIAL;
        self.whose.filter(|_| self.has_shown || is_on_trial)
    }

    fn may_yet_show(&mut self, now: Instant) -> bool {
        if self.since.is_none() || self.waited(now) > TRIAL_AGAIN {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= MOST && self.waited(now) < TRIAL
    }

    fn waited(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

/// More datagrams than the largest picture has, with as much parity again.
const MOST: u32 = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shows_nothing_for_long_or_begins_with_each_datagram_is_not_favoured() {
        let (mut standing, t0) = (Standing::default(), Instant::now());
        let source: SocketAddr = ([10, 0, 0, 1], 9000).into();
        let holder = |session| Some((source, SessionId::new(session)));
        for session in 0..100 {
            assert!(!standing.heard(holder(session), t0));
            assert_eq!(standing.favoured(t0), None);
        }
        let one = holder(99);
        let count = (0..MOST + 100).filter(|_| standing.heard(one, t0)).count();
        assert_eq!((count, standing.favoured(t0)), (MOST as usize, None));
        let later = t0 + TRIAL_AGAIN + TRIAL;
        assert!(standing.heard(one, later));
        assert_eq!(standing.favoured(later), one);
        assert_eq!(standing.favoured(later + TRIAL), None);
        assert!(!standing.heard(one, later + TRIAL));
        standing.showed(one);
        assert!((0..2 * MOST).all(|_| standing.heard(one, later)));
        assert_eq!(standing.favoured(later), one);
        assert!(!standing.heard(holder(100), later), "another session shows for itself");
        assert_eq!(standing.favoured(later), None);
    }
}
