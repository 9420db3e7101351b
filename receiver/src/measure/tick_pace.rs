//! How long a tick lasts: as short as the camera's exposure allows.
//!
//! A code that changes while a picture is exposed counts as what it was for most of that time, or cannot be read if it
//! changed about the middle: which tells the same. If all of a strip change, none can be read, or only those that
//! changed soonest, and the figure would be too long. So ticks begin short, and are made longer until most codes of a
//! strip can be read; only then are samples taken.

use std::time::{Duration, Instant};

use super::code::LANES;

/// Chooses the length of ticks by what can be read of the strip.
#[derive(Debug)]
pub(crate) struct TickPace {
    tick: Duration,
    /// When it was chosen.
    since: Instant,
    /// Pictures with this length, and codes that were read in them.
    pictures: u32,
    codes: u32,
    is_settled: bool,
    /// Since when no picture has shown the strip.
    missing: Instant,
}

impl TickPace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { tick: SHORTEST, since: now, pictures: 0, codes: 0, is_settled: false, missing: now }
    }

    /// How long each tick lasts, about.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// Learns how many codes of the strip were read in a picture that was shown at `presented`; says whether a sample may
    /// be made of that.
    pub(crate) fn read(&mut self, codes: usize, presented: Instant, now: Instant) -> bool {
        if codes > 0 {
            self.missing = now;
        }
        if self.is_settled {
            if now.saturating_duration_since(self.missing) >= LOST {
                self.choose(SHORTEST, now);
                self.is_settled = false;
            }
            return codes >= ENOUGH;
        }
        // One that was on its way when the ticks became longer does not show them.
        if presented.saturating_duration_since(self.since) < ON_ITS_WAY.max(self.tick * LANES as u32) {
            return false;
        }
        self.pictures += 1;
        self.codes += codes.min(LANES) as u32;
        if self.pictures < TRIED {
            return false;
        }
        let longer = self.tick * 2;
        // Where a code is covered, none is long enough, and the longest does: half of it is the error that is told.
        let wanted = if longer > LONGEST { SOME_OF_TWO } else { MOST_OF_TWO };
        if 2 * self.codes >= wanted * self.pictures {
            self.is_settled = true;
        } else {
            self.choose(if longer > LONGEST { SHORTEST } else { longer }, now);
        }
        false
    }

    fn choose(&mut self, tick: Duration, now: Instant) {
        (self.tick, self.since, self.pictures, self.codes, self.missing) = (tick, now, 0, 0, now);
    }
}

/// Half of it is the error of a sample; shorter ones would cost more than they tell.
const SHORTEST: Duration = Duration::from_millis(5);
/// More than the exposure of a camera at 15 pictures a second.
const LONGEST: Duration = Duration::from_millis(80);
/// Pictures from before a change of the ticks come for as long as this, or else are few.
const ON_ITS_WAY: Duration = Duration::from_millis(400);
/// Pictures by which a length is judged.
const TRIED: u32 = 6;
/// Codes in two pictures, of eight.
const MOST_OF_TWO: u32 = 6;
const SOME_OF_TWO: u32 = 2 * ENOUGH as u32;
/// Codes without which a picture is no sample: two that agree are no accident.
const ENOUGH: usize = 2;
/// After so long without the strip, ticks are looked for anew: it may be another light.
const LOST: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    /// What it comes to in so many pictures of a camera in which `codes` can be read, by the length of ticks.
    fn settled(
        pace: &mut TickPace,
        now: &mut Instant,
        codes: impl Fn(Duration) -> usize,
    ) -> Option<Duration> {
        for _ in 0..400 {
            *now += Duration::from_millis(33);
            if pace.read(codes(pace.tick()), *now, *now) {
                return Some(pace.tick());
            }
        }
        None
    }

    #[test]
    fn ticks_are_as_short_as_the_exposure_allows() {
        let ms = Duration::from_millis;
        for (exposure, tick) in [(ms(0), ms(5)), (ms(8), ms(10)), (ms(33), ms(40)), (ms(60), ms(80))] {
            let mut now = Instant::now();
            let mut pace = TickPace::new(now);
            let read = |tick| if tick >= exposure { 3 } else { 2 * usize::from(2 * tick >= exposure) };
            assert_eq!(settled(&mut pace, &mut now, read), Some(tick), "{exposure:?}");
        }
    }

    #[test]
    fn where_there_is_no_strip_there_is_no_sample_and_one_that_comes_later_is_found() {
        let mut now = Instant::now();
        let mut pace = TickPace::new(now);
        assert_eq!(settled(&mut pace, &mut now, |_| 0), None);
        assert_eq!(settled(&mut pace, &mut now, |_| 1), None, "one alone is no strip");
        assert!(settled(&mut pace, &mut now, |_| 4).is_some());
        assert_eq!(settled(&mut pace, &mut now, |_| 0), None);
        let found = settled(&mut pace, &mut now, |tick| if tick > SHORTEST { 4 } else { 0 });
        assert!(found.is_some_and(|tick| tick > SHORTEST), "{found:?}");
    }

    #[test]
    fn where_codes_are_covered_the_longest_ticks_do() {
        let mut now = Instant::now();
        let mut pace = TickPace::new(now);
        assert_eq!(settled(&mut pace, &mut now, |_| 2), Some(LONGEST));
    }
}
