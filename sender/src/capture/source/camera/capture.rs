//! One device, opened and streaming.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use proto::sys::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use v4l::Device;
use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::prelude::MmapStream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;

use super::choose::choose;
use super::list::{CameraIdentity, identify};
use super::mode::{self, CameraFormat, CameraInterval, Mode};
use super::trouble::Trouble;
use super::unpack::BufferLayout;
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
    /// When the picture was taken.
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
        let stream = started(&device)?;
        let shape = BufferLayout::new(mode.format, &set);
        Ok(Self { stream: Some(stream), device, identity, mode: Mode { interval, ..mode }, shape })
    }

    /// Waits for a buffer until `until`, or for `stop`.
    pub(super) fn wait(&self, stop: &Stop, until: Instant) -> io::Result<Waited> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut files = [
                PollFd::new(stop, PollFlags::IN),
                PollFd::from_borrowed_fd(super::sys::descriptor(&self.device), PollFlags::IN),
            ];
            match poll(&mut files, Some(&left)) {
                Ok(_) if !files[0].revents().is_empty() => return Ok(Waited::Stopped),
                Ok(0) => return Ok(Waited::TimedOut),
                Ok(_) => return Ok(Waited::Ready),
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
            if is_ready(&self.device)? {
                skipped += 1;
                continue;
            }
            let bytes = &bytes[..bytes.len().min(about.bytesused as usize)];
            let is_damaged = about.flags.contains(Flags::ERROR);
            return Ok(read(Filled { bytes, is_damaged, at: taken(about), skipped }));
        }
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
    let mut file = [PollFd::from_borrowed_fd(super::sys::descriptor(device), PollFlags::IN)];
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut file, Some(&none))?;
    Ok(file[0].revents().contains(PollFlags::IN))
}

/// When a picture was taken: the driver's word for it, if that is possible at all.
///
/// Some drivers' clocks are not the system's, and some stamp the end of a picture that is still to come.
fn taken(about: &Metadata) -> Instant {
    let now = Instant::now();
    if about.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return now;
    }
    let clock = clock_gettime(ClockId::Monotonic);
    let stamp_micros = about.timestamp.sec * 1_000_000 + about.timestamp.usec;
    let age_micros = clock.tv_sec * 1_000_000 + clock.tv_nsec / 1000 - stamp_micros;
    u64::try_from(age_micros)
        .ok()
        .map(Duration::from_micros)
        .filter(|&age| age <= OLDEST)
        .and_then(|age| now.checked_sub(age))
        .unwrap_or(now)
}

/// One is being read, one being filled, and the others bridge what the scheduler or the bus takes. More would not make
/// pictures older: the newest is taken.
const BUFFERS: u32 = 5;
/// V4L2's own bound, VIDEO_MAX_FRAME.
const MOST_BUFFERS: usize = 32;
/// For a driver that says that a buffer is ready and then has none.
const NEVER_LONG: Duration = Duration::from_millis(50);
/// A time stamp older than this is no time stamp of this picture.
const OLDEST: Duration = Duration::from_secs(1);
