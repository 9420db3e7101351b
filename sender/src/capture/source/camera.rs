//! A camera under V4L2.
//!
//! nokhwa says which video devices there are; the `v4l` crate that it is built on does the rest, because nokhwa's own
//! stream cannot be relied on for weeks: it waits for ever on a camera that stalls, hands out whole buffers without
//! saying how much of them was written, stays broken after one failed read, does not open a camera that another
//! program left in a format it has no name for, and knows neither rates like 12.5 or 29.97 nor grey cameras. Listing is
//! what it does for every system, so that is where another system's cameras would come in.
//!
//! The mode is chosen [here](choose()), from everything that the camera offers, and then set exactly. A camera that
//! stalls, fails or is unplugged is closed and reopened with increasing pauses, without end; that it is gone is said
//! once for each reason and outage.

mod capture;
mod capture_time;
mod choose;
mod exposure;
mod frame_distance;
mod list;
mod mode;
mod rate_watch;
mod slow;
mod stamp;
mod sys;
mod trouble;
mod unpack;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use proto::Pool;
use proto::sys::Stop;

use capture::{CameraCapture, Filled, Waited};
pub(crate) use list::{CameraIdentity, FoundCamera, cameras};
pub use mode::CameraFormat;
#[cfg(test)]
pub(crate) use mode::CameraInterval;
pub(crate) use mode::{FrameRate, Mode};
use trouble::{Trouble, WAY_OUT};

use super::{NextPicture, Source, SourceDrops, Timing, WantedMode, Which};
use crate::picture::Captured;

/// Opens a camera in the mode nearest to what is wanted, and starts it.
///
/// # Errors
///
/// If there is no such camera, if it is in use (an [`std::io::ErrorKind::ResourceBusy`]), if this user may not open it,
/// or if it has no usable format; the message says what to do.
pub(crate) fn open(which: Which, wanted: WantedMode) -> anyhow::Result<Box<dyn Source>> {
    open_in(None, which, wanted)
}

/// Opens a camera like `open`, but only in this format.
///
/// # Errors
///
/// As `open`, and if it does not have that format.
pub fn open_in(
    format: Option<CameraFormat>,
    which: Which,
    wanted: WantedMode,
) -> anyhow::Result<Box<dyn Source>> {
    let path = match &which {
        Which::First => match cameras().into_iter().next() {
            Some(first) => first.path,
            None => return Err(anyhow!("no camera found; {WAY_OUT}")),
        },
        Which::Index(index) => list::path_of(*index),
        Which::Path(path) => path.clone(),
    };
    let capture = CameraCapture::start(&path, format, &wanted).map_err(|trouble| {
        let text = trouble.at_start(&path);
        let is_busy = matches!(trouble, Trouble::Busy);
        if is_busy {
            std::io::Error::new(std::io::ErrorKind::ResourceBusy, text).into()
        } else {
            anyhow!(text)
        }
    })?;
    Ok(Box::new(Camera {
        is_named_by_path: matches!(which, Which::Path(_)),
        path,
        format,
        wanted,
        identity: capture.identity.clone(),
        mode: capture.mode,
        capture: Some(capture),
        broken: None,
        last_picture: Instant::now(),
        damaged_since: 0,
        outage: None,
        pool: Pool::new(BUFFERS),
        dropped: SourceDrops::default(),
    }))
}

/// Everything that the camera with this device file can be set to and that can be used.
///
/// # Errors
///
/// If it cannot be opened or asked.
pub(crate) fn modes(path: &Path) -> std::io::Result<Vec<Mode>> {
    let all = mode::all(&v4l::Device::with_path(path)?, &WantedMode::default())?;
    Ok(all.into_iter().map(|(mode, _)| mode).collect())
}

struct Camera {
    /// Where it was found last.
    path: PathBuf,
    /// Whether the user named that path; then whatever is there is meant.
    is_named_by_path: bool,
    /// The only format to be used, if there is one.
    format: Option<CameraFormat>,
    wanted: WantedMode,
    identity: CameraIdentity,
    mode: Mode,
    /// `None` while there is no camera.
    capture: Option<CameraCapture>,
    /// The one before, which is closed only after a pause: Linux up to at least 6.1 crashes, and takes the thread with
    /// it, when a camera is closed at the very moment of its unplugging (`media_device_unregister_entity` against
    /// `media_device_unregister`).
    broken: Option<CameraCapture>,
    /// When the last whole picture came, or the camera was opened.
    last_picture: Instant,
    /// Damaged pictures since then.
    damaged_since: u64,
    /// From the first sign of trouble to the next whole picture.
    outage: Option<Outage>,
    pool: Pool,
    dropped: SourceDrops,
}

struct Outage {
    began: Instant,
    /// How long to wait before the next try.
    pause: Duration,
    said: Vec<Trouble>,
}

impl Source for Camera {
    fn next(&mut self, stop: &Stop) -> anyhow::Result<NextPicture> {
        loop {
            let trouble = match self.capture.take() {
                Some(mut capture) => {
                    let next = self.picture(&mut capture, stop);
                    let held = if next.is_ok() { &mut self.capture } else { &mut self.broken };
                    *held = Some(capture);
                    match next {
                        Ok(next) => return Ok(next),
                        Err(trouble) => trouble,
                    }
                }
                None => {
                    let pause = self.outage.as_mut().map_or(Duration::ZERO, Outage::next_pause);
                    let is_stopped = stop.wait(pause);
                    self.broken = None;
                    if is_stopped {
                        return Ok(NextPicture::End);
                    }
                    match self.reopen() {
                        Ok(()) => continue,
                        Err(trouble) => trouble,
                    }
                }
            };
            if let Some(message) = self.news(trouble) {
                return Ok(NextPicture::Gone(message));
            }
        }
    }

    fn describe(&self) -> String {
        format!("camera {} ({}): {}", self.path.display(), self.identity.name, self.mode)
    }

    fn timing(&self) -> Timing {
        Timing::Live(self.mode.fps())
    }

    fn dropped(&self) -> SourceDrops {
        self.dropped
    }

    fn capture_error(&self) -> Option<Duration> {
        self.capture.as_ref()?.watch.error()
    }

    fn diagnosis(&self) -> Option<&str> {
        self.capture.as_ref()?.watch.diagnosis()
    }
}

impl Camera {
    /// The next whole picture from a running camera, which is of no use any more if there is trouble.
    fn picture(&mut self, capture: &mut CameraCapture, stop: &Stop) -> Result<NextPicture, Trouble> {
        let patience = patience(&self.mode);
        let until = self.last_picture + patience;
        loop {
            match capture.wait(stop, until)? {
                Waited::Stopped => return Ok(NextPicture::End),
                Waited::TimedOut => return Err(Trouble::Silent(patience, self.damaged_since)),
                Waited::Ready => {}
            }
            let (shape, pool, dropped) = (capture.shape, &mut self.pool, &mut self.dropped);
            let captured = capture.newest(|filled: Filled<'_>| {
                dropped.superseded += filled.skipped;
                let picture = if filled.is_damaged { None } else { shape.unpack(filled.bytes, pool) };
                picture.map(|picture| Captured { picture, at: filled.at })
            })?;
            if let Some(captured) = captured {
                self.last_picture = Instant::now();
                self.damaged_since = 0;
                self.outage = None;
                return Ok(NextPicture::Picture(captured));
            }
            capture.watch.damaged();
            self.dropped.damaged += 1;
            self.damaged_since += 1;
            if Instant::now() >= until {
                return Err(Trouble::Silent(patience, self.damaged_since));
            }
        }
    }

    fn reopen(&mut self) -> Result<(), Trouble> {
        let path = self.locate().ok_or(Trouble::Missing)?;
        let capture = CameraCapture::start(&path, self.format, &self.wanted)?;
        self.path = path;
        self.identity = capture.identity.clone();
        self.mode = capture.mode;
        self.capture = Some(capture);
        self.last_picture = Instant::now();
        self.damaged_since = 0;
        Ok(())
    }

    /// Where the camera is now. The same camera may come back under another number, and another camera may come up
    /// under its number; so it is looked for by what it is, and taken by its number only when it stays away.
    fn locate(&self) -> Option<PathBuf> {
        if self.is_named_by_path {
            return Some(self.path.clone());
        }
        let found = cameras();
        let is_it =
            |found: &&FoundCamera| found.identity.as_ref().is_ok_and(|identity| *identity == self.identity);
        let stays_away = self.outage.as_ref().is_some_and(|outage| outage.began.elapsed() > FOR_THE_SAME);
        let is_there = |found: &&FoundCamera| stays_away && found.path == self.path;
        found.iter().find(is_it).or_else(|| found.iter().find(is_there)).map(|found| found.path.clone())
    }

    /// Notes the trouble; the message if it is the first of its kind in this outage.
    fn news(&mut self, trouble: Trouble) -> Option<String> {
        let outage = self.outage.get_or_insert_with(|| Outage {
            began: Instant::now(),
            pause: FIRST_PAUSE,
            said: Vec::new(),
        });
        if outage.said.iter().any(|said| said.is_like(&trouble)) {
            return None;
        }
        let message = trouble.later(&self.identity.name, &self.path);
        outage.said.push(trouble);
        Some(message)
    }
}

impl Outage {
    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (2 * pause).min(LONGEST_PAUSE);
        pause
    }
}

/// How long a camera may give nothing: a slow one's few pictures are no stall.
fn patience(mode: &Mode) -> Duration {
    let interval = mode.fps().and_then(|fps| Duration::try_from_secs_f64(1.0 / fps).ok()).unwrap_or_default();
    SHORTEST_STALL.max(interval.saturating_mul(5)).min(LONGEST_STALL)
}

/// Pictures in use at once: being encoded or sent, waiting, and being filled, with some to spare.
const BUFFERS: usize = 8;
/// A USB camera that changes its exposure can pause for half a second; nobody waits for two without wondering.
const SHORTEST_STALL: Duration = Duration::from_secs(2);
/// For a driver that claims one picture in an hour.
const LONGEST_STALL: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long only the same camera is waited for, before whichever has its number is taken.
const FOR_THE_SAME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    #[test]
    fn a_slow_camera_is_given_more_time() {
        let mode = |interval| Mode { format: CameraFormat::Raw(Layout::Gray), width: 8, height: 8, interval };
        assert_eq!(patience(&mode(CameraInterval::at(30.0))), Duration::from_secs(2));
        assert_eq!(patience(&mode(CameraInterval::at(1.0))), Duration::from_secs(5));
        assert_eq!(patience(&mode(CameraInterval::at(0.001))), Duration::from_secs(60));
        assert_eq!(patience(&mode(None)), Duration::from_secs(2));
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut outage = Outage { began: Instant::now(), pause: FIRST_PAUSE, said: Vec::new() };
        let pauses: Vec<u128> = (0..5).map(|_| outage.next_pause().as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 2000]);
    }

    #[test]
    fn a_camera_that_is_not_there_is_an_error_with_a_way_out() {
        let path = PathBuf::from("/dev/no-such-camera");
        let error = open(Which::Path(path), WantedMode::default()).err().unwrap().to_string();
        assert!(error.contains("/dev/no-such-camera") && error.contains("--source pattern"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_camera_is_named() {
        let error = open(Which::Path("/dev/null".into()), WantedMode::default()).err().unwrap().to_string();
        assert!(error.contains("/dev/null is no camera"), "{error}");
    }
}
