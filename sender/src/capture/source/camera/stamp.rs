//! A driver's stamp on a buffer, and what it is the time of.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use v4l::buffer::{Flags, Metadata};

use super::capture_time::{DriverStamp, StampMeaning};

/// How a device's stamps are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StampReader {
    /// What the driver calls the start of the exposure.
    start: StampMeaning,
}

impl StampReader {
    /// Of the device with this driver.
    ///
    /// The driver of USB cameras marks all stamps as starts of exposure. But it takes them when the first data of a
    /// frame comes, unless it was told to use those of the camera, which are the time "when the raw frame capture
    /// begins" (USB Video Class 1.5, section 2.4.3.3).
    pub(super) fn of_driver(driver: &str) -> Self {
        let hardware = || std::fs::read_to_string(HARDWARE_STAMPS).unwrap_or_default();
        Self::of(driver, hardware)
    }

    fn of(driver: &str, hardware: impl FnOnce() -> String) -> Self {
        let is_software = driver == "uvcvideo" && hardware().trim().parse().unwrap_or(0) == 0;
        Self { start: if is_software { StampMeaning::FirstData } else { StampMeaning::ExposureStart } }
    }

    /// The stamp of a buffer that was just taken; `None` if it has none that can be one.
    pub(super) fn read(self, about: &Metadata, oldest: Duration) -> Option<DriverStamp> {
        self.read_at(about, oldest, clock_gettime(ClockId::Monotonic))
    }

    fn read_at(self, about: &Metadata, oldest: Duration, now: Timespec) -> Option<DriverStamp> {
        // Copied ones are of whatever somebody else did, and of unknown ones not even the clock is known.
        if about.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
            return None;
        }
        let meaning = match about.flags & Flags::TSTAMP_SRC_MASK {
            Flags::TSTAMP_SRC_EOF => StampMeaning::FrameEnd,
            Flags::TSTAMP_SRC_SOE => self.start,
            _ => return None,
        };
        let stamp = about.timestamp.sec.checked_mul(1_000_000)?.checked_add(about.timestamp.usec)?;
        let age = (now.tv_sec * 1_000_000 + now.tv_nsec / 1000).checked_sub(stamp)?;
        // One of the future is not of a picture that is here.
        let age = Duration::from_micros(u64::try_from(age).ok()?);
        (age <= oldest).then_some(DriverStamp { meaning, age })
    }
}

/// Whether the driver of USB cameras uses their stamps.
const HARDWARE_STAMPS: &str = "/sys/module/uvcvideo/parameters/hwtimestamps";

#[cfg(test)]
mod tests {
    use v4l::timestamp::Timestamp;

    use super::*;

    const OLDEST: Duration = Duration::from_secs(1);
    const NOW: Timespec = Timespec { tv_sec: 100, tv_nsec: 5_000_000 };

    fn about(flags: Flags, sec: i64, usec: i64) -> Metadata {
        Metadata { flags, timestamp: Timestamp { sec, usec }, ..Metadata::default() }
    }

    fn read(driver: &str, hardware: &str, flags: Flags) -> Option<(StampMeaning, u128)> {
        let reader = StampReader::of(driver, || hardware.to_owned());
        let stamp = reader.read_at(&about(flags, 99, 995_000), OLDEST, NOW);
        stamp.map(|stamp| (stamp.meaning, stamp.age.as_millis()))
    }

    #[test]
    fn flags_and_driver_say_what_it_is_the_time_of() {
        let monotonic = Flags::TIMESTAMP_MONOTONIC;
        let soe = monotonic | Flags::TSTAMP_SRC_SOE;
        assert_eq!(read("vivid", "", monotonic), Some((StampMeaning::FrameEnd, 10)));
        assert_eq!(read("vivid", "", soe), Some((StampMeaning::ExposureStart, 10)));
        assert_eq!(read("uvcvideo", "0\n", soe), Some((StampMeaning::FirstData, 10)));
        assert_eq!(read("uvcvideo", "", soe), Some((StampMeaning::FirstData, 10)));
        assert_eq!(read("uvcvideo", "1\n", soe), Some((StampMeaning::ExposureStart, 10)));
    }

    #[test]
    fn what_is_no_stamp_of_this_picture_is_none() {
        let monotonic = Flags::TIMESTAMP_MONOTONIC;
        assert_eq!(read("vivid", "", Flags::TIMESTAMP_UNKNOWN), None);
        assert_eq!(read("vivid", "", Flags::TIMESTAMP_COPY), None);
        assert_eq!(
            read("vivid", "", monotonic | Flags::from(0x0002_0000)),
            None,
            "a source of a later kernel"
        );
        let reader = StampReader::of("vivid", String::new);
        for (sec, usec) in
            [(100, 6000), (98, 999_000), (i64::MAX, 0), (i64::MIN, 0), (i64::MIN, i64::MIN), (0, 0)]
        {
            assert_eq!(reader.read_at(&about(monotonic, sec, usec), OLDEST, NOW), None, "{sec} s {usec} us");
        }
    }
}
