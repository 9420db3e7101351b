//! A camera's modes: formats, sizes and rates.

use std::fmt;
use std::io;

use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::{FrameSizeEnum, Stepwise};
use v4l::video::Capture as _;
use v4l::{Device, FourCC, Fraction};

use crate::capture::source::WantedMode;
use crate::picture::Layout;

/// One way in which a camera can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// How its pictures are coded.
    pub format: CameraFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Time between pictures, where the driver says so.
    pub interval: Option<CameraInterval>,
}

/// How a camera's pictures are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraFormat {
    /// Each a JPEG.
    Mjpeg,
    /// Each a field of pixels.
    Raw(Layout),
}

/// Time between two pictures: `numerator / denominator` seconds. Never zero, and not always a whole number of pictures
/// a second (1001/30000).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CameraInterval {
    numerator: u32,
    denominator: u32,
}

impl Mode {
    /// Pictures per second, where the driver says so.
    pub(crate) fn fps(&self) -> Option<f64> {
        self.interval.map(CameraInterval::fps)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.format, self.width, self.height)?;
        match self.fps() {
            Some(fps) => write!(f, " at {} fps", FrameRate(fps)),
            None => Ok(()),
        }
    }
}

impl CameraFormat {
    /// The format with this V4L2 code, if it is one that can be used.
    pub(super) fn of(code: FourCC) -> Option<Self> {
        CODES.iter().find(|(_, codes)| codes.contains(&&code.repr)).map(|&(format, _)| format)
    }

    /// Its place in the order of preference; 0 is the best.
    pub(super) fn rank(self) -> usize {
        CODES.iter().position(|&(format, _)| format == self).unwrap_or(CODES.len())
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mjpeg => "MJPEG",
            Self::Raw(Layout::Yuyv) => "YUYV",
            Self::Raw(Layout::Nv12) => "NV12",
            Self::Raw(Layout::I420) => "YUV 4:2:0",
            Self::Raw(Layout::I422) => "YUV 4:2:2",
            Self::Raw(Layout::I444) => "YUV 4:4:4",
            Self::Raw(Layout::Gray) => "grey",
            Self::Raw(Layout::Rgb) => "RGB",
            Self::Raw(Layout::Bgr) => "BGR",
        })
    }
}

impl CameraInterval {
    /// An interval of `numerator / denominator` seconds, if that is longer than nothing.
    pub(crate) fn new(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// The interval at this rate in pictures per second, to a thousandth.
    pub(crate) fn at(fps: f64) -> Option<Self> {
        Self::new(1000, (fps * 1000.0).round() as u32)
    }

    /// Pictures per second.
    pub(crate) fn fps(self) -> f64 {
        f64::from(self.denominator) / f64::from(self.numerator)
    }

    pub(super) fn of(fraction: Fraction) -> Option<Self> {
        Self::new(fraction.numerator, fraction.denominator)
    }

    pub(super) fn fraction(self) -> Fraction {
        Fraction::new(self.numerator, self.denominator)
    }
}

/// Everything that `device` offers and that can be used here, with its V4L2 code. Of a range of sizes or rates, what
/// is `wanted` and what is usual.
pub(super) fn all(device: &Device, wanted: &WantedMode) -> io::Result<Vec<(Mode, FourCC)>> {
    let mut modes = Vec::new();
    for description in device.enum_formats()? {
        let code = description.fourcc;
        let Some(format) = CameraFormat::of(code) else { continue };
        for (width, height) in sizes(device, code, wanted)? {
            for interval in intervals(device, code, (width, height), wanted) {
                modes.push((Mode { format, width, height, interval }, code));
            }
        }
    }
    Ok(modes)
}

fn sizes(device: &Device, code: FourCC, wanted: &WantedMode) -> io::Result<Vec<(u32, u32)>> {
    let Ok(offered) = device.enum_framesizes(code) else {
        // A driver need not list its sizes; then there is the one that it stands at.
        let now = device.format()?;
        return Ok(vec![(now.width, now.height)]);
    };
    let mut sizes = Vec::new();
    for size in offered {
        match size.size {
            FrameSizeEnum::Discrete(size) => sizes.push((size.width, size.height)),
            FrameSizeEnum::Stepwise(range) => sizes.extend(sizes_in(&range, wanted.size)),
        }
    }
    Ok(sizes)
}

/// Sizes out of a range: the usual ones and what is wanted, each moved to the nearest that the range holds.
fn sizes_in(range: &Stepwise, wanted: Option<(u32, u32)>) -> Vec<(u32, u32)> {
    let near = |(width, height)| {
        (
            on_step(width, range.min_width, range.max_width, range.step_width),
            on_step(height, range.min_height, range.max_height, range.step_height),
        )
    };
    let mut sizes: Vec<_> = USUAL_SIZES.into_iter().filter(|&size| near(size) == size).collect();
    sizes.push(near((range.max_width, range.max_height)));
    sizes.extend(wanted.map(near));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// The value nearest to `value` among `min`, `min + step`, ... up to `max`.
fn on_step(value: u32, min: u32, max: u32, step: u32) -> u32 {
    let (max, step) = (max.max(min), step.max(1));
    let steps = (value.clamp(min, max) - min).saturating_add(step / 2) / step;
    min + steps.min((max - min) / step) * step
}

fn intervals(
    device: &Device,
    code: FourCC,
    size: (u32, u32),
    wanted: &WantedMode,
) -> Vec<Option<CameraInterval>> {
    let mut intervals = Vec::new();
    for offered in device.enum_frameintervals(code, size.0, size.1).unwrap_or_default() {
        match offered.interval {
            FrameIntervalEnum::Discrete(one) => intervals.extend(CameraInterval::of(one).map(Some)),
            FrameIntervalEnum::Stepwise(range) => {
                let (Some(fastest), Some(slowest)) =
                    (CameraInterval::of(range.min), CameraInterval::of(range.max))
                else {
                    continue;
                };
                intervals.extend(intervals_in(fastest, slowest, wanted.fps).into_iter().map(Some));
            }
        }
    }
    if intervals.is_empty() {
        intervals.push(None);
    }
    intervals
}

/// Intervals out of a range: its ends, the usual ones in it, and the nearest to what is wanted.
fn intervals_in(
    fastest: CameraInterval,
    slowest: CameraInterval,
    wanted: Option<f64>,
) -> Vec<CameraInterval> {
    let mut intervals = vec![fastest, slowest];
    let inside = |fps: &f64| (slowest.fps()..=fastest.fps()).contains(fps);
    intervals.extend(USUAL_RATES.into_iter().chain(wanted).filter(inside).filter_map(CameraInterval::at));
    intervals.sort_by(|a, b| a.fps().total_cmp(&b.fps()));
    intervals.dedup_by(|a, b| a.fps() == b.fps());
    intervals
}

/// A rate for people: without decimals where it is whole.
pub(crate) struct FrameRate(pub(crate) f64);

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round() / 100.0;
        write!(f, "{hundredths}")
    }
}

/// The formats that can be used, best first, and their V4L2 codes.
const CODES: [(CameraFormat, &[&[u8; 4]]); 7] = [
    (CameraFormat::Mjpeg, &[b"MJPG", b"JPEG"]),
    (CameraFormat::Raw(Layout::Yuyv), &[b"YUYV"]),
    (CameraFormat::Raw(Layout::Nv12), &[b"NV12"]),
    (CameraFormat::Raw(Layout::I420), &[b"YU12"]),
    (CameraFormat::Raw(Layout::Gray), &[b"GREY"]),
    (CameraFormat::Raw(Layout::Rgb), &[b"RGB3"]),
    (CameraFormat::Raw(Layout::Bgr), &[b"BGR3"]),
];

const USUAL_SIZES: [(u32, u32); 8] =
    [(320, 240), (640, 360), (640, 480), (800, 600), (1024, 768), (1280, 720), (1280, 960), (1920, 1080)];

const USUAL_RATES: [f64; 8] = [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 60.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_range_of_sizes_the_wanted_one_is_moved_onto_a_step() {
        let range = Stepwise {
            min_width: 32,
            max_width: 1300,
            step_width: 16,
            min_height: 32,
            max_height: 720,
            step_height: 2,
        };
        let sizes = sizes_in(&range, Some((650, 481)));
        assert!(sizes.contains(&(656, 482)) && sizes.contains(&(640, 480)), "{sizes:?}");
        assert!(sizes.contains(&(1296, 720)), "the largest: {sizes:?}");
        assert!(!sizes.contains(&(1920, 1080)));
    }

    #[test]
    fn a_step_of_zero_or_a_range_turned_round_does_no_harm() {
        assert_eq!(on_step(100, 32, 64, 0), 64);
        assert_eq!(on_step(0, 32, 16, 8), 32);
    }

    #[test]
    fn of_a_range_of_rates_the_wanted_one_is_there() {
        let (fastest, slowest) = (CameraInterval::new(1, 40).unwrap(), CameraInterval::new(1, 2).unwrap());
        let rates: Vec<f64> =
            intervals_in(fastest, slowest, Some(12.5)).into_iter().map(CameraInterval::fps).collect();
        assert_eq!(rates, [2.0, 5.0, 10.0, 12.5, 15.0, 20.0, 25.0, 30.0, 40.0]);
    }

    #[test]
    fn rates_read_well() {
        assert_eq!(FrameRate(30.0).to_string(), "30");
        assert_eq!(FrameRate(12.5).to_string(), "12.5");
        assert_eq!(FrameRate(30000.0 / 1001.0).to_string(), "29.97");
    }
}
