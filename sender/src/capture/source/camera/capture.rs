//! One device, opened and streaming.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use proto::sys::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use v4l::Device;
use v4l::buffer::{Flags, Type};
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::prelude::MmapStream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;

use super::choose::choose;
use super::exposure::ExposureControls;
use super::list::{CameraIdentity, identify};
use super::mode::{self, CameraFormat, CameraInterval, Mode};
use super::stamp::StampReader;
use super::sys::{self, control};
use super::trouble::Trouble;
use super::unpack::BufferLayout;
use super::watch::CameraWatch;
use crate::capture::source::WantedMode;

/// A camera that is giving pictures. Dropping it closes the device.
pub(super) struct CameraCapture {
    /// `None` only while it is dropped.
    stream: Option<MmapStream<'static>>,
    device: Device,
    /// Which camera it is.
    pub(super) identity: CameraIdentity,
    /// What it was set to, with the rate that the driver settled on.
    pub(super) mode: Mode,
    /// How pictures lie in its buffers.
    pub(super) shape: BufferLayout,
    /// What is found out about it while it runs.
    pub(super) watch: CameraWatch,
    stamps: StampReader,
    /// When no buffer was ready for certain: what is ready now came later.
    empty: Instant,
    /// When the controls are to be asked again; `None` if the camera is too slow to be asked.
    ask_controls: Option<Instant>,
}

/// What a wait ended with.
pub(super) enum Waited {
    /// A buffer, or an error that reading will tell.
    Ready,
    /// Nothing in time.
    TimedOut,
    /// The request to stop.
    Stopped,
}

/// A buffer that the driver filled.
pub(super) struct Filled<'a> {
    /// As many bytes as the driver says that it wrote.
    pub(super) bytes: &'a [u8],
    /// Whether the driver says that they are damaged.
    pub(super) is_damaged: bool,
    /// When the picture was captured: the middle of its exposure.
    pub(super) at: Instant,
    /// How many older pictures were skipped for this one.
    pub(super) skipped: u64,
}

impl CameraCapture {
    /// Opens the device, puts it into the mode nearest to what is wanted (if `format` is given, only in that) and
    /// starts it.
    pub(super) fn start(
        path: &Path,
        format: Option<CameraFormat>,
        wanted: &WantedMode,
    ) -> Result<Self, Trouble> {
        let start = || Self::start_unguarded(path, format, wanted);
        // The v4l crate panics where a driver says something of a format that it has no name for.
        catch_unwind(start)
            .unwrap_or_else(|_| Err(io::Error::other("its driver describes it in an unknown way").into()))
    }

    fn start_unguarded(
        path: &Path,
        format: Option<CameraFormat>,
        wanted: &WantedMode,
    ) -> Result<Self, Trouble> {
        let device = Device::with_path(path)?;
        let identity = identify(&device)?.ok_or(Trouble::NoCamera)?;
        let mut modes = mode::all(&device, wanted)?;
        modes.retain(|(mode, _)| format.is_none_or(|format| mode.format == format));
        let only_modes: Vec<Mode> = modes.iter().map(|&(mode, _)| mode).collect();
        let Some(best) = choose(&only_modes, wanted) else {
            let offered = device.enum_formats()?.iter().map(|format| format.fourcc.to_string()).collect();
            return Err(Trouble::NoFormat(offered));
        };
        let (mode, code) = modes[best];
        let (size, fps) = (wanted.size.map(|(width, height)| format!("{width}x{height}")), wanted.fps);
        let reason = if size.is_none() && fps.is_none() {
            "serves most people best"
        } else {
            "nearest to what is wanted"
        };
        tracing::debug!(camera = %path.display(), %mode, offered = modes.len(), size, fps, reason, "camera mode chosen");

        let set = device.set_format(&v4l::Format::new(mode.width, mode.height, code))?;
        if (set.fourcc, set.width, set.height) != (code, mode.width, mode.height) {
            let found = format!("it lists {mode} but sets {} {}x{}", set.fourcc, set.width, set.height);
            return Err(io::Error::other(found).into());
        }
        // After the format, which takes the rate back to its default. A driver without rates refuses; it has its own.
        let rate = mode.interval.map_or_else(
            || device.params(),
            |interval| device.set_params(&Parameters::new(interval.fraction())),
        );
        let interval = rate.ok().and_then(|rate| CameraInterval::of(rate.interval)).or(mode.interval);
        let mode = Mode { interval, ..mode };
        let controls = ExposureControls::read(|id| control(&device, id));
        let stamps = StampReader::of_driver(&sys::capability(&device)?.driver);
        tracing::debug!(camera = %path.display(), ?controls, ?stamps, "what is known of capture times");
        let watch = CameraWatch::new(path.to_owned(), identity.name.clone(), &mode, controls);
        let shape = BufferLayout::new(mode.format, &set);
        let stream = Some(started(&device)?);
        let (empty, ask_controls) = (Instant::now(), Some(Instant::now() + ASK_EVERY));
        Ok(Self { stream, device, identity, mode, shape, watch, stamps, empty, ask_controls })
    }

    /// Waits for a buffer until `until`, or for `stop`.
    pub(super) fn wait(&mut self, stop: &Stop, until: Instant) -> io::Result<Waited> {
        self.ask_controls();
        let had_none = !is_ready(&self.device)?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut files = [
                PollFd::new(stop, PollFlags::IN),
                PollFd::from_borrowed_fd(sys::descriptor(&self.device), PollFlags::IN),
            ];
            match poll(&mut files, Some(&left)) {
                Ok(_) if !files[0].revents().is_empty() => return Ok(Waited::Stopped),
                Ok(0) => return Ok(Waited::TimedOut),
                Ok(_) => {
                    if had_none {
                        self.empty = Instant::now();
                    }
                    return Ok(Waited::Ready);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Hands the newest filled buffer to `read`; to be called when one is ready. The buffer goes back to the driver
    /// with the next call. After an error the stream is of no use any more.
    pub(super) fn newest<T>(&mut self, read: impl FnOnce(Filled<'_>) -> T) -> io::Result<T> {
        let mut skipped = 0;
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        loop {
            let (bytes, about) = stream.next()?;
            let now = Instant::now();
            let stamp = self.stamps.read(about, self.watch.oldest_stamp());
            let waited = now.saturating_duration_since(self.empty);
            let at = self.watch.captured(about.sequence, stamp, waited, now);
            if is_ready(&self.device)? {
                skipped += 1;
                continue;
            }
            self.empty = now;
            let bytes = &bytes[..bytes.len().min(about.bytesused as usize)];
            let is_damaged = about.flags.contains(Flags::ERROR);
            return Ok(read(Filled { bytes, is_damaged, at, skipped }));
        }
    }

    /// Asks the controls again, if it is time: people turn knobs while a camera runs. Between two frames there is time
    /// for that; a camera that takes too long for it is asked no more.
    fn ask_controls(&mut self) {
        let now = Instant::now();
        if self.ask_controls.is_none_or(|due| now < due) {
            return;
        }
        self.watch.set_controls(ExposureControls::read(|id| control(&self.device, id)));
        let took = now.elapsed();
        if took > SLOW_ANSWER {
            tracing::debug!(?took, reason = "it answers slowly", "the camera's controls are asked no more");
        }
        self.ask_controls = (took <= SLOW_ANSWER).then(|| now + ASK_EVERY);
    }
}

impl Drop for CameraCapture {
    fn drop(&mut self) {
        // Stopping panics on any error but that the device is gone; there is nothing to be done about one.
        let stream = AssertUnwindSafe(self.stream.take());
        let _ = catch_unwind(|| drop({ stream }.0.take()));
    }
}

/// A stream that is running, and holds back its first buffer.
///
/// The v4l crate gives the content of a buffer only through `next`, which first queues the buffer that it gave before.
/// So one has to be left out at the start; and `next` must not be called before a buffer is ready, since after a
/// time-out it would queue the same one again, and fail from then on.
fn started(device: &Device) -> io::Result<MmapStream<'static>> {
    let mut stream = MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
    stream.set_timeout(NEVER_LONG);
    // The driver decides how many buffers there are, and refuses the first number that there is not.
    let mut queued = 0;
    for index in 1..MOST_BUFFERS {
        match stream.queue(index) {
            Ok(()) => queued += 1,
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
            Err(error) => return Err(error),
        }
    }
    if queued == 0 {
        return Err(io::Error::other("its driver has no memory for pictures"));
    }
    stream.start()?;
    Ok(stream)
}

fn is_ready(device: &Device) -> io::Result<bool> {
    let mut file = [PollFd::from_borrowed_fd(sys::descriptor(device), PollFlags::IN)];
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut file, Some(&none))?;
    Ok(file[0].revents().contains(PollFlags::IN))
}

/// One is being read, one being filled, and the others bridge what the scheduler or the bus takes. More would not make
/// pictures older: the newest is taken.
const BUFFERS: u32 = 5;
/// V4L2's own bound, VIDEO_MAX_FRAME.
const MOST_BUFFERS: usize = 32;
/// For a driver that says that a buffer is ready and then has none.
const NEVER_LONG: Duration = Duration::from_millis(50);
/// A person who changes the exposure sees the error bar follow soon.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// Far less than a frame lasts.
const SLOW_ANSWER: Duration = Duration::from_millis(10);
