//! What a sender's hellos say of its frames, compared with what arrived of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::frame::MediaTime;
use crate::seq::FrameId;

/// The last hello of a session.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// The frame that was to come next.
    pub(super) next: Option<FrameId>,
    /// The hello that the next ones are compared with.
    compared: Option<Compared>,
    /// When the last ones were sent, by the sender's clock: one that is played back says nothing.
    sent: VecDeque<MediaTime>,
}

#[derive(Clone, Copy, Debug)]
struct Compared {
    next: FrameId,
    /// When it was sent, by the sender's clock, and when it came.
    sent: MediaTime,
    came: Instant,
    /// The newest frame that was known then.
    newest: Option<FrameId>,
}

impl Announced {
    /// Whether a hello takes frames back: it says that one is still to come which was known when a hello before it
    /// came.
    ///
    /// A forged frame, or many, would otherwise make all true ones look late until their numbers have come up to it.
    /// Two hellos must say so that are as far apart as they were sent, and between them nothing newer may have come: so
    /// none is taken for it that was only overtaken.
    pub(super) fn takes_back(
        &mut self,
        sent: MediaTime,
        next: FrameId,
        newest: Option<FrameId>,
        now: Instant,
    ) -> bool {
        if self.sent.contains(&sent) {
            return false;
        }
        if self.sent.len() == MOST_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
        let this = Compared { next, sent, came: now, newest };
        let before = *self.compared.get_or_insert(this);
        let apart = now.saturating_duration_since(before.came);
        if apart < LEAST_APART {
            return false;
        }
        let sent_apart = sent.as_micros().checked_sub(before.sent.as_micros()).map(Duration::from_micros);
        let is_steady = sent_apart.is_some_and(|sent_apart| sent_apart.abs_diff(apart) < MOST_JITTER);
        let rises = !before.next.is_newer_than(next);
        // A stream that goes on has newer frames by now.
        let was_known =
            before.newest.is_some_and(|known| !next.is_newer_than(known)) && before.newest == newest;
        let takes_back = is_steady && rises && was_known;
        self.compared = Some(if takes_back { Compared { newest: None, ..this } } else { this });
        takes_back
    }
}

/// Hellos remembered. Of a longer recording that is played back at random hardly two are as far apart as they were
/// sent.
const MOST_SENT: usize = 32;
/// Longer than frames and the hello in front of them overtake each other, and shorter than hellos are apart.
const LEAST_APART: Duration = Duration::from_millis(150);
/// Hellos that come less evenly say nothing.
const MOST_JITTER: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    /// What comes of hellos, each with: when it came and was sent, in milliseconds, what it says comes next, and what
    /// was known then.
    fn takes_back(hellos: &[(u64, u64, u32, u32)]) -> Vec<bool> {
        let (mut announced, t0) = (Announced::default(), t0());
        let take = |&(came, sent, next, newest): &(u64, u64, u32, u32)| {
            let sent = MediaTime::from_micros(sent * 1000);
            let now = t0 + Duration::from_millis(came);
            announced.takes_back(sent, FrameId::new(next), Some(FrameId::new(newest)), now)
        };
        hellos.iter().map(take).collect()
    }

    #[test]
    fn frames_that_nobody_sent_are_taken_back_by_the_second_hello() {
        assert_eq!(takes_back(&[(0, 0, 10, 90), (200, 200, 16, 90)]), [false, true]);
        // Also where numbers wrap.
        assert_eq!(takes_back(&[(0, 0, u32::MAX, 70), (200, 200, 5, 70)]), [false, true]);
    }

    #[test]
    fn hellos_that_are_played_back_take_nothing_back() {
        let first = [(0, 0, 1, 8), (180, 180, 6, 8)];
        assert_eq!(takes_back(&first), [false, true]);
        let again = [(0, 0, 1, 8), (10, 180, 6, 8), (400, 0, 1, 8), (580, 180, 6, 8)];
        assert_eq!(takes_back(&again), [false; 4]);
    }

    #[test]
    fn a_hello_that_is_only_overtaken_takes_nothing_back() {
        // Frames come up to 100 ms in front of the hellos that were sent before them.
        assert_eq!(takes_back(&[(100, 0, 10, 12), (300, 200, 16, 18), (500, 400, 22, 24)]), [false; 3]);
        // One that was delayed by itself.
        assert_eq!(takes_back(&[(0, 0, 10, 9), (600, 200, 16, 27), (601, 600, 28, 27)]), [false; 3]);
        assert_eq!(takes_back(&[(0, 0, 10, 30), (400, 200, 16, 30)]), [false; 2]);
        assert_eq!(takes_back(&[(0, 0, 10, 30), (100, 100, 11, 30)]), [false; 2]);
    }
}
