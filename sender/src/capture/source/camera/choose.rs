//! Chooses one of a camera's modes.

use super::mode::{CameraFormat, Mode};
use crate::capture::source::WantedMode;

/// The best of `modes`: the nearest to what is wanted, and where nothing is, what serves most people best. `None` only
/// if there are none.
///
/// A wanted size comes before a wanted rate, and both before the format: a camera's own JPEG costs nothing, but not
/// what the user asked for. Without wishes it is the largest MJPEG up to 1920x1080 at 25 fps or more (nearest to 30);
/// then MJPEG, then pixels, at 15 fps or more; then whatever is fastest.
pub(crate) fn choose(modes: &[Mode], wanted: &WantedMode) -> Option<usize> {
    (0..modes.len()).min_by_key(|&at| key(&modes[at], wanted))
}

/// What modes are ordered by; the least is the best. Each part is 0 where it does not matter.
fn key(mode: &Mode, wanted: &WantedMode) -> (u64, u64, u8, u64, bool, u64, usize, u64) {
    let pixels = u64::from(mode.width) * u64::from(mode.height);
    let rate = mode.fps().unwrap_or(USUAL_FPS);
    let wrong_size = wanted.size.map_or(0, |(width, height)| {
        u64::from(mode.width.abs_diff(width)) + u64::from(mode.height.abs_diff(height))
    });
    // 29.97 is as good as 30, so that it does not decide about the format.
    let wrong_rate = wanted.fps.map_or(0, |fps| ((rate - fps).abs() / fps / 0.02) as u64);
    let is_mjpeg = mode.format == CameraFormat::Mjpeg;
    let class = match (is_mjpeg, wanted.fps) {
        (true, Some(_)) => 0,
        (false, Some(_)) => 1,
        (true, None) if rate >= SMOOTH_FPS => 0,
        (true, None) if rate >= USABLE_FPS => 1,
        (false, None) if rate >= USABLE_FPS => 2,
        (_, None) => 3,
    };
    let too_slow = if class == 3 { u64::MAX - milli(rate) } else { 0 };
    let too_large = wanted.size.is_none() && pixels > MOST_PIXELS;
    let by_size = if too_large { pixels } else { u64::MAX - pixels };
    let off_rate = milli((rate - wanted.fps.unwrap_or(USUAL_FPS)).abs());
    (wrong_size, wrong_rate, class, too_slow, too_large, by_size, mode.format.rank(), off_rate)
}

fn milli(value: f64) -> u64 {
    (value * 1000.0) as u64
}

/// More pixels than this are taken only when asked for: they cost more to show than most screens can show of them.
const MOST_PIXELS: u64 = 1920 * 1080;
/// The rate that is preferred where nothing is asked for, and assumed where a driver names none.
const USUAL_FPS: f64 = 30.0;
/// From here on motion looks smooth, so that more pixels are worth more than more pictures; 25 within rounding.
const SMOOTH_FPS: f64 = 24.9;
/// Below this, more pictures are worth more than more pixels; 15 within rounding.
const USABLE_FPS: f64 = 14.9;

#[cfg(test)]
mod tests {
    use super::super::mode::CameraInterval;
    use super::*;
    use crate::picture::Layout;

    const YUYV: CameraFormat = CameraFormat::Raw(Layout::Yuyv);
    const NV12: CameraFormat = CameraFormat::Raw(Layout::Nv12);
    const GREY: CameraFormat = CameraFormat::Raw(Layout::Gray);

    /// Modes as a table: format, width, height, and rates.
    fn modes(table: &[(CameraFormat, u32, u32, &[f64])]) -> Vec<Mode> {
        let mode = |format, width, height, fps: f64| Mode {
            format,
            width,
            height,
            interval: CameraInterval::at(fps),
        };
        table.iter().flat_map(|&(f, w, h, rates)| rates.iter().map(move |&fps| mode(f, w, h, fps))).collect()
    }

    fn chosen(modes: &[Mode], size: Option<(u32, u32)>, fps: Option<f64>) -> String {
        modes[choose(modes, &WantedMode { size, fps }).unwrap()].to_string()
    }

    /// What most webcams offer.
    fn webcam() -> Vec<Mode> {
        modes(&[
            (YUYV, 640, 480, &[30.0, 15.0]),
            (YUYV, 1280, 720, &[10.0]),
            (YUYV, 1920, 1080, &[5.0]),
            (CameraFormat::Mjpeg, 640, 480, &[60.0, 30.0, 15.0]),
            (CameraFormat::Mjpeg, 1280, 720, &[60.0, 30.0]),
            (CameraFormat::Mjpeg, 1920, 1080, &[30.0, 15.0]),
            (CameraFormat::Mjpeg, 3840, 2160, &[30.0]),
        ])
    }

    #[test]
    fn without_wishes_a_webcam_gives_mjpeg_in_full_hd() {
        assert_eq!(chosen(&webcam(), None, None), "MJPEG 1920x1080 at 30 fps");
    }

    #[test]
    fn a_wanted_size_is_met_even_beyond_full_hd() {
        assert_eq!(chosen(&webcam(), Some((3840, 2160)), None), "MJPEG 3840x2160 at 30 fps");
        assert_eq!(chosen(&webcam(), Some((800, 600)), None), "MJPEG 640x480 at 30 fps");
    }

    #[test]
    fn a_wanted_rate_is_met_at_the_largest_size_that_has_it() {
        assert_eq!(chosen(&webcam(), None, Some(60.0)), "MJPEG 1280x720 at 60 fps");
        assert_eq!(chosen(&webcam(), None, Some(15.0)), "MJPEG 1920x1080 at 15 fps");
        assert_eq!(chosen(&webcam(), None, Some(5.0)), "YUYV 1920x1080 at 5 fps");
    }

    #[test]
    fn size_and_rate_come_before_the_format() {
        let modes = modes(&[
            (CameraFormat::Mjpeg, 640, 480, &[15.0]),
            (YUYV, 640, 480, &[30.0]),
            (YUYV, 800, 600, &[10.0]),
        ]);
        assert_eq!(chosen(&modes, Some((640, 480)), Some(30.0)), "YUYV 640x480 at 30 fps");
        assert_eq!(chosen(&modes, Some((800, 600)), None), "YUYV 800x600 at 10 fps");
        assert_eq!(chosen(&modes, Some((640, 480)), Some(10.0)), "MJPEG 640x480 at 15 fps");
    }

    #[test]
    fn ntsc_rates_count_as_whole_ones() {
        let modes = modes(&[(YUYV, 640, 480, &[30.0]), (CameraFormat::Mjpeg, 640, 480, &[29.97])]);
        assert_eq!(chosen(&modes, Some((640, 480)), Some(30.0)), "MJPEG 640x480 at 29.97 fps");
    }

    #[test]
    fn pixels_are_taken_where_there_is_no_usable_mjpeg() {
        let raw = [(YUYV, 640, 480, &[25.0][..]), (NV12, 640, 480, &[25.0]), (YUYV, 1280, 720, &[12.5])];
        assert_eq!(chosen(&modes(&raw), None, None), "YUYV 640x480 at 25 fps");
        let slow = [(GREY, 640, 480, &[10.0, 5.0][..]), (YUYV, 1280, 720, &[7.5])];
        assert_eq!(chosen(&modes(&slow), None, None), "grey 640x480 at 10 fps");
        let mixed = [(CameraFormat::Mjpeg, 640, 480, &[5.0][..]), (YUYV, 320, 240, &[15.0])];
        assert_eq!(chosen(&modes(&mixed), None, None), "YUYV 320x240 at 15 fps");
    }

    #[test]
    fn of_only_huge_modes_the_smallest_is_taken() {
        let modes =
            modes(&[(CameraFormat::Mjpeg, 4000, 3000, &[30.0]), (CameraFormat::Mjpeg, 3840, 2160, &[30.0])]);
        assert_eq!(chosen(&modes, None, None), "MJPEG 3840x2160 at 30 fps");
    }

    #[test]
    fn a_mode_without_a_rate_can_be_chosen() {
        let modes = [Mode { format: YUYV, width: 640, height: 480, interval: None }];
        assert_eq!(chosen(&modes, None, Some(10.0)), "YUYV 640x480");
        assert_eq!(choose(&[], &WantedMode::default()), None);
    }
}
