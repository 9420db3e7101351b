//! When each tick's code was shown.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The ticks of the last while, in constant memory.
#[derive(Debug, Default)]
pub(crate) struct TickLog {
    /// The number of the oldest that is remembered.
    first: u64,
    shown: VecDeque<Instant>,
}

/// Between two instants, and nothing is known of where: from one tick to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl TickLog {
    /// The number of the tick to be shown next.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.shown.len() as u64
    }

    /// That one was shown.
    pub(crate) fn shown(&mut self, at: Instant) {
        if self.shown.len() == REMEMBERED {
            self.shown.pop_front();
            self.first += 1;
        }
        self.shown.push_back(at);
    }

    /// When a picture was taken in which `tick` is the newest, and which was itself shown at `presented`: before the next
    /// tick; or about that, if the code of that `is_changing`, and before the one after it. `None` for a tick that was
    /// not shown by then, or so long ago that it is forgotten.
    pub(crate) fn taken(&self, tick: u64, is_changing: bool, presented: Instant) -> Option<Between> {
        let at = usize::try_from(tick.checked_sub(self.first)?).ok()?;
        let from = *self.shown.get(at)?;
        let end = at + 1 + usize::from(is_changing);
        let to = self.shown.get(end).map_or(presented, |end| presented.min(*end));
        (from < presented).then_some(Between { from, to })
    }
}

impl Between {
    /// What is nearest to wherever it is.
    pub(crate) fn middle(self) -> Instant {
        self.from + self.half()
    }

    /// By how much the middle is wrong at most.
    pub(crate) fn half(self) -> Duration {
        self.to.saturating_duration_since(self.from) / 2
    }
}

/// Twenty seconds at the shortest ticks: no camera takes that long.
const REMEMBERED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_was_taken_between_its_newest_tick_and_the_next() {
        let (t0, ms) = (Instant::now(), Duration::from_millis);
        let mut log = TickLog::default();
        for tick in 0..3 {
            assert_eq!(log.next(), tick);
            log.shown(t0 + ms(10 * tick));
        }
        let between = log.taken(1, false, t0 + ms(50)).unwrap();
        assert_eq!((between.from, between.to), (t0 + ms(10), t0 + ms(20)));
        assert_eq!((between.middle(), between.half()), (t0 + ms(15), ms(5)));
        // It was on the screen before the next tick was.
        let between = log.taken(1, false, t0 + ms(14)).unwrap();
        assert_eq!((between.to, between.half()), (t0 + ms(14), ms(2)));
        assert_eq!(log.taken(2, false, t0 + ms(26)).map(Between::half), Some(ms(3)));
        // About the tick after it.
        let between = log.taken(0, true, t0 + ms(50)).unwrap();
        assert_eq!((between.middle(), between.half()), (t0 + ms(10), ms(10)));
    }

    #[test]
    fn a_tick_that_was_not_shown_is_refused() {
        let t0 = Instant::now();
        let mut log = TickLog::default();
        assert_eq!(log.taken(0, false, t0), None);
        log.shown(t0);
        assert_eq!(log.taken(0, false, t0), None, "not before it was shown itself");
        assert_eq!(log.taken(1, false, t0 + Duration::from_secs(1)), None);
        for tick in 1..2 * REMEMBERED as u64 {
            log.shown(t0 + Duration::from_millis(tick));
        }
        assert_eq!((log.taken(0, false, t0 + Duration::from_secs(60)), log.shown.len()), (None, REMEMBERED));
        assert_eq!(log.taken(u64::MAX, false, t0 + Duration::from_secs(60)), None);
    }
}
