//! When the light of a picture was gathered, by what the driver says of it.
//!
//! A capture time is the middle of the exposure: halfway between the moment when the first row began to be exposed and
//! the moment when the last row was read out. On average the light of the picture came then, and what moves is seen
//! where it was then. Of all moments it is also the one that can be told best by both kinds of stamp: it is as far from
//! the start of the exposure, of which some drivers speak, as from the end of the frame, of which the others do.
//!
//! How long that is depends on two times, of which neither is longer than the time between two frames (T): the exposure
//! of a row (E), which ends before the same row is exposed for the next frame, and the time in which the rows are read
//! out one after the other (R), which ends before the next frame is read out. So the first row begins E + R before the
//! end of the frame, at most 2 T, and the middle is (E + R) / 2 from either end: within T / 4 of E / 2 + T / 4 where
//! the exposure is known, and within T / 2 of T / 2 where it is not.
//!
//! What a camera keeps back inside beyond one frame, no stamp shows and nobody tells; that is in no bar.

use std::time::Duration;

/// What a driver's stamp is the time of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StampMeaning {
    /// The first row began to be exposed.
    ExposureStart,
    /// The first data of the frame came: its first row had been exposed at least, the whole frame had been read out at
    /// most.
    FirstData,
    /// The last data of the frame came.
    FrameEnd,
}

/// A driver's stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DriverStamp {
    /// What it is the time of.
    pub(super) meaning: StampMeaning,
    /// How long before the picture was taken from the driver that was.
    pub(super) age: Duration,
}

/// How old a picture was when it was taken from the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CaptureAge {
    /// Since the middle of its exposure.
    pub(super) age: Duration,
    /// By how much that is wrong at most.
    pub(super) error: Duration,
}

/// How old a picture is that was just taken from the driver, where it had waited for `waited` at most. `exposure` is
/// that of a row, if it is known, and `interval` the time between two frames.
///
/// A stamp that contradicts what is certain is not believed: the picture was whole when it was taken, so that all its
/// light had come.
pub(super) fn capture_age(
    stamp: Option<DriverStamp>,
    waited: Duration,
    exposure: Option<Duration>,
    interval: Duration,
) -> CaptureAge {
    let bounds = Bounds::new(exposure, interval);
    let stamped = stamp.map(|stamp| bounds.since_stamp(stamp)).and_then(|range| bounds.certain(range));
    let (least, most) = stamped.unwrap_or_else(|| bounds.since_arrival(micros(waited)));
    let duration = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    let age = (least + most) / 2;
    CaptureAge { age: duration(age), error: duration(most - age) }
}

/// What is known of the two times, in microseconds.
struct Bounds {
    shortest_exposure: i64,
    longest_exposure: i64,
    longest_readout: i64,
}

impl Bounds {
    fn new(exposure: Option<Duration>, interval: Duration) -> Self {
        let interval = micros(interval);
        let (shortest, longest) = match exposure.map(micros) {
            Some(exposure) if exposure <= interval => (exposure, interval.min(exposure + EXPOSURE_UNIT)),
            // It contradicts the rate, and either may be wrong.
            Some(exposure) => (0, exposure),
            None => (0, interval),
        };
        Self {
            shortest_exposure: shortest,
            longest_exposure: longest,
            longest_readout: interval.max(longest),
        }
    }

    /// The least and the most that the middle can be ago.
    fn since_stamp(&self, DriverStamp { meaning, age }: DriverStamp) -> (i64, i64) {
        let age = micros(age);
        match meaning {
            StampMeaning::ExposureStart => (age - self.longest_half(), age - self.shortest_half()),
            // The data may begin with the readout, or behind all of it.
            StampMeaning::FirstData => {
                (age + self.shortest_half() - self.longest_readout / 2, age + self.longest_half())
            }
            StampMeaning::FrameEnd => (age + self.shortest_half(), age + self.longest_half()),
        }
    }

    /// The same where the arrival is all that is known.
    fn since_arrival(&self, waited: i64) -> (i64, i64) {
        (self.shortest_half(), waited.saturating_add(self.longest_half()))
    }

    /// What remains of a range, as half of the exposure at least was after the middle and is over; `None` if nothing.
    fn certain(&self, (least, most): (i64, i64)) -> Option<(i64, i64)> {
        let least = least.max(self.shortest_half());
        (least <= most).then_some((least, most))
    }

    /// From the middle to either end, at least.
    fn shortest_half(&self) -> i64 {
        self.shortest_exposure / 2
    }

    /// The same, at most.
    fn longest_half(&self) -> i64 {
        (self.longest_exposure + self.longest_readout) / 2
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

/// Microseconds in which V4L2 counts the exposure: what is told may be rounded.
const EXPOSURE_UNIT: i64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = ms(40);

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn stamped(meaning: StampMeaning, age: Duration, exposure: Option<Duration>) -> CaptureAge {
        capture_age(Some(DriverStamp { meaning, age }), Duration::ZERO, exposure, T)
    }

    fn covers(CaptureAge { age, error }: CaptureAge, truth: Duration) -> bool {
        age.abs_diff(truth) <= error
    }

    #[test]
    fn both_kinds_of_stamp_mean_the_middle_and_are_known_equally_well() {
        // Exposed for 10 ms; taken 90 ms after the start of that, or 40 after the end of the frame.
        let start = stamped(StampMeaning::ExposureStart, ms(90), Some(ms(10)));
        assert_eq!((start.age.as_millis(), start.error.as_micros()), (74, 10_025));
        let end = stamped(StampMeaning::FrameEnd, ms(40), Some(ms(10)));
        assert_eq!((end.age.as_millis(), end.error.as_micros()), (55, 10_025));
        let unknown = stamped(StampMeaning::FrameEnd, ms(5), None);
        assert_eq!(unknown, CaptureAge { age: ms(25), error: ms(20) });
        let unknown = stamped(StampMeaning::ExposureStart, ms(85), None);
        assert_eq!(unknown, CaptureAge { age: ms(65), error: ms(20) });
    }

    #[test]
    fn whatever_the_camera_does_the_truth_is_within_the_bar() {
        for exposure in [0, 1, 10, 25, 40].map(ms) {
            for readout in [0, 1, 16, 33, 40].map(ms) {
                // What the camera keeps back, of its first row, and how long the picture then travels.
                for kept in [Duration::ZERO, readout / 3, readout] {
                    for travel in [0, 1, 30].map(ms) {
                        let whole = exposure + readout;
                        let taken = whole + travel;
                        let truth = taken - whole / 2;
                        for known in [None, Some(exposure)] {
                            let start = stamped(StampMeaning::ExposureStart, taken, known);
                            assert!(covers(start, truth), "{exposure:?} {readout:?} {travel:?}: {start:?}");
                            let end = stamped(StampMeaning::FrameEnd, travel, known);
                            assert!(covers(end, truth), "{exposure:?} {readout:?} {travel:?}: {end:?}");
                            let first = (taken - exposure).checked_sub(kept).unwrap_or_default();
                            let first = stamped(StampMeaning::FirstData, first, known);
                            assert!(covers(first, truth), "{exposure:?} {readout:?} {kept:?}: {first:?}");
                            let arrived = capture_age(None, travel, known, T);
                            assert!(
                                covers(arrived, truth),
                                "{exposure:?} {readout:?} {travel:?}: {arrived:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_certain_narrows_the_bar() {
        // It was exposed, read out and taken within 3 ms: no more is open than these.
        let quick = stamped(StampMeaning::ExposureStart, ms(3), None);
        assert_eq!(
            quick,
            CaptureAge { age: Duration::from_micros(1500), error: Duration::from_micros(1500) }
        );
    }

    #[test]
    fn a_stamp_that_cannot_be_is_not_believed() {
        // The exposure is said to take 30 ms, and to have begun 10 ms before the picture was whole.
        let absurd = stamped(StampMeaning::ExposureStart, ms(10), Some(ms(30)));
        assert_eq!(absurd, capture_age(None, Duration::ZERO, Some(ms(30)), T));
    }

    #[test]
    fn absurd_exposures_widen_the_bar_and_break_nothing() {
        let claimed = stamped(StampMeaning::FrameEnd, ms(1), Some(ms(400)));
        assert_eq!(claimed, CaptureAge { age: ms(201), error: ms(200) });
        for interval in [Duration::ZERO, T, Duration::MAX] {
            for exposure in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
                for age in [Duration::ZERO, Duration::MAX] {
                    for meaning in
                        [StampMeaning::ExposureStart, StampMeaning::FirstData, StampMeaning::FrameEnd]
                    {
                        capture_age(Some(DriverStamp { meaning, age }), Duration::MAX, exposure, interval);
                    }
                }
            }
        }
    }
}
