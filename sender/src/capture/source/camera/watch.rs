//! What is found out about a camera while it runs: how far its frames are apart, how exactly their capture times are
//! known, and why there are too few.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::capture_time::{CaptureAge, DriverStamp, capture_age};
use super::exposure::ExposureControls;
use super::frame_distance::FrameDistance;
use super::mode::Mode;
use super::rate_watch::{FrameRates, RateWatch};
use super::slow::SlowCause;

/// Watches a camera that runs.
#[derive(Debug)]
pub(super) struct CameraWatch {
    path: PathBuf,
    name: String,
    controls: ExposureControls,
    rate: RateWatch,
    distance: FrameDistance,
    error: WidestError,
    /// Windows in a row in which there were too few frames.
    slow: u32,
    /// The same with enough.
    enough: u32,
    /// Why, and what is said of it; `None` while there are enough.
    diagnosis: Option<(SlowCause, String)>,
}

impl CameraWatch {
    /// Watches the camera with this device file, which is called that and was set to this mode.
    pub(super) fn new(path: PathBuf, name: String, mode: &Mode, controls: ExposureControls) -> Self {
        Self {
            path,
            name,
            controls,
            rate: RateWatch::new(mode.fps()),
            distance: FrameDistance::new(mode.fps()),
            error: WidestError::default(),
            slow: 0,
            enough: 0,
            diagnosis: None,
        }
    }

    /// Takes over what the controls say now.
    pub(super) fn set_controls(&mut self, controls: ExposureControls) {
        self.controls = controls;
    }

    /// Notes a buffer that was taken from the driver, where it had waited for `waited` at most; when it was captured.
    pub(super) fn captured(
        &mut self,
        sequence: u32,
        stamp: Option<DriverStamp>,
        waited: Duration,
        now: Instant,
    ) -> Instant {
        let taken = now.checked_sub(stamp.map_or(Duration::ZERO, |stamp| stamp.age)).unwrap_or(now);
        self.distance.learn(sequence, taken);
        let CaptureAge { age, error } =
            capture_age(stamp, waited, self.controls.exposure, self.distance.longest());
        self.error.add(error, now);
        if let Some(rates) = self.rate.add(sequence, now) {
            self.look(&rates);
        }
        now.checked_sub(age).unwrap_or(now)
    }

    /// Notes that the newest buffer has no whole picture.
    pub(super) fn damaged(&mut self) {
        self.rate.damaged();
    }

    /// By how much capture times are wrong at most; `None` before the first.
    pub(super) fn error(&self) -> Option<Duration> {
        self.error.told
    }

    /// Why there are too few frames, in a sentence; `None` while there are enough.
    pub(super) fn diagnosis(&self) -> Option<&str> {
        self.diagnosis.as_ref().map(|(_, text)| text.as_str())
    }

    /// How old a stamp can be.
    pub(super) fn oldest_stamp(&self) -> Duration {
        OLDEST.max(self.distance.longest().saturating_mul(4))
    }

    fn look(&mut self, rates: &FrameRates) {
        let Some(cause) = SlowCause::of(rates, &self.controls) else {
            (self.slow, self.enough) = (0, self.enough.saturating_add(1));
            // One window more, so that it does not come and go at the very edge.
            if self.enough >= SURE {
                self.diagnosis = None;
            }
            return;
        };
        (self.slow, self.enough) = (self.slow.saturating_add(1), 0);
        let is_told = self.diagnosis.as_ref().is_some_and(|(told, _)| told.is_like(cause));
        // A computer that was held up for a moment makes one window slow.
        if self.slow >= SURE && !is_told {
            let FrameRates { exposed, given, whole, .. } = *rates;
            tracing::debug!(?cause, exposed, given, whole, controls = ?self.controls, "camera slower than its mode");
            self.diagnosis = Some((cause, cause.told(rates, &self.name, &self.path)));
        }
    }
}

/// The widest error of the last seconds. What receivers are told changes rarely, and covers each frame.
#[derive(Debug, Default)]
struct WidestError {
    told: Option<Duration>,
    /// Since when, and the widest since then.
    window: Option<(Instant, Duration)>,
}

impl WidestError {
    fn add(&mut self, error: Duration, now: Instant) {
        let (began, widest) = self.window.get_or_insert((now, error));
        *widest = error.max(*widest);
        let (passed, widest) = (now.saturating_duration_since(*began), *widest);
        let is_over = passed >= WINDOW;
        if is_over {
            self.window = None;
        }
        let is_narrower = is_over && self.told.is_some_and(|told| widest < told.mul_f64(NEWS));
        if is_narrower || self.told.is_none_or(|told| error > told) {
            self.told = Some(rounded_up(widest));
        }
    }
}

/// To a tenth of a millisecond, which is more than anybody can use.
fn rounded_up(error: Duration) -> Duration {
    let tenths = error.as_micros().div_ceil(100).max(1);
    Duration::from_micros(u64::try_from(tenths).unwrap_or(u64::MAX).saturating_mul(100))
}

/// Windows in a row until it is said that there are too few frames, or enough again.
const SURE: u32 = 2;
/// A time stamp older than this, or than some frames, is no time stamp of this picture.
const OLDEST: Duration = Duration::from_secs(1);
/// How long a wide error counts.
const WINDOW: Duration = Duration::from_secs(5);
/// An error that is narrower by less than a tenth is no news.
const NEWS: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::source::camera::capture_time::StampMeaning;
    use crate::capture::source::camera::mode::{CameraFormat, CameraInterval};

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn watch(fps: f64, controls: ExposureControls) -> CameraWatch {
        let (format, interval) = (CameraFormat::Mjpeg, CameraInterval::at(fps));
        let mode = Mode { format, width: 640, height: 480, interval };
        CameraWatch::new("/dev/video0".into(), "Door Cam".to_owned(), &mode, controls)
    }

    /// Runs it for `seconds`; when the camera was at its end.
    fn run(watch: &mut CameraWatch, from: Instant, fps: f64, seconds: f64) -> Instant {
        let at = |count: u32| from + Duration::from_secs_f64(f64::from(count) / fps);
        let frames = (seconds * fps) as u32;
        let stamp = DriverStamp { meaning: StampMeaning::FrameEnd, age: ms(2) };
        for count in 1..=frames {
            let captured = watch.captured(count, Some(stamp), ms(1), at(count));
            assert!(captured < at(count), "its light came before it");
        }
        at(frames)
    }

    #[test]
    fn a_camera_that_halves_its_rate_is_named_once_with_the_cause_until_it_does_no_more() {
        let controls = ExposureControls { is_automatic: true, may_lower_rate: true, exposure: None };
        let mut watch = watch(30.0, controls);
        let now = run(&mut watch, Instant::now(), 30.0, 7.0);
        assert_eq!(watch.diagnosis(), None);
        let now = run(&mut watch, now, 15.0, 8.0);
        let said = watch.diagnosis().unwrap().to_owned();
        assert!(said.contains("gives 15 fps instead of 30: automatic exposure"), "{said}");
        let now = run(&mut watch, now, 14.0, 20.0);
        assert_eq!(watch.diagnosis(), Some(&*said), "it is the same trouble");
        run(&mut watch, now, 30.0, 8.0);
        assert_eq!(watch.diagnosis(), None);
    }

    #[test]
    fn one_moment_is_no_trouble() {
        let mut watch = watch(30.0, ExposureControls::default());
        let now = run(&mut watch, Instant::now(), 30.0, 4.0);
        let now = run(&mut watch, now, 1.0, 2.0);
        run(&mut watch, now, 30.0, 8.0);
        assert_eq!(watch.diagnosis(), None);
    }

    #[test]
    fn the_bar_follows_the_frames_and_what_is_known_of_the_exposure() {
        let within = |error: Option<Duration>, from: u64, to: u64| {
            assert!(error.is_some_and(|error| (ms(from)..ms(to)).contains(&error)), "{error:?}");
        };
        let mut dark = watch(50.0, ExposureControls::default());
        assert_eq!(dark.error(), None);
        let now = run(&mut dark, Instant::now(), 50.0, 3.0);
        within(dark.error(), 10, 11);
        let now = run(&mut dark, now, 25.0, 3.0);
        within(dark.error(), 19, 22);
        dark.set_controls(ExposureControls { exposure: Some(ms(5)), ..ExposureControls::default() });
        run(&mut dark, now, 50.0, 20.0);
        within(dark.error(), 5, 6);
    }

    #[test]
    fn a_camera_without_a_rate_is_measured() {
        let mut watch = watch(0.0, ExposureControls::default());
        run(&mut watch, Instant::now(), 50.0, 20.0);
        assert!(watch.error().is_some_and(|error| error < ms(11)), "{:?}", watch.error());
        assert_eq!(watch.diagnosis(), None);
    }
}
