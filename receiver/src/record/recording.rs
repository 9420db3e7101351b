//! A recording: one Matroska file after the other.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use proto::jpeg::{JpegHead, scan_head};
use proto::sys::is_pipe;
use proto::{Frame, RateLimiter};

use super::matroska::MatroskaFile;
use super::names::{self, Names};
use super::split::Split;
use crate::frame::Received;
use crate::sync::lock;

/// Writes frames to a file, and goes on in a new one when another sender's come, when the pictures' size changes, when
/// their times jump, and when the file is as long as it is to be. No file is written over.
///
/// A sender can make all that happen with every frame. So files are limited, and frames that do not go into the file
/// that is open when no other may be begun are left out.
#[derive(Debug)]
pub(crate) struct Recording {
    names: Names,
    split: Option<Split>,
    open: Option<(PathBuf, MatroskaFile)>,
    /// Whose frame was written last.
    sender: u32,
    progress: Arc<Progress>,
    /// Whether it was said that something came that is no picture.
    has_complained: bool,
    files: RateLimiter,
    messages: RateLimiter,
}

/// What a recording has come to, to be looked at meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    path: Mutex<Option<PathBuf>>,
    frames: AtomicU64,
    bytes: AtomicU64,
    millis: AtomicU64,
}

impl Recording {
    /// A recording to `path`, or, if that is there, to the same name with the next number.
    ///
    /// # Errors
    /// If there is no such folder, nothing can be written in it, or it is a pipe.
    pub(crate) fn to(path: &Path, split: Option<Split>) -> Result<Self> {
        let shown = path.display();
        if is_pipe(path) {
            bail!(
                "{shown} is a pipe, and a Matroska file is finished at its beginning, which a pipe has not; call the pipe \
                 {}, or use --output - | ffmpeg -f mjpeg -i - ...",
                path.with_extension("mjpeg").display()
            );
        }
        let folder = names::folder_of(path);
        let access = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
        let names = access.map_err(io::Error::from).and_then(|()| Names::behind_earlier(path));
        Ok(Self::new(names.with_context(|| format!("cannot write {shown}"))?, split))
    }

    /// A recording to files of these names.
    pub(super) fn new(names: Names, split: Option<Split>) -> Self {
        let files = RateLimiter::with_burst(FILES_AT_ONCE, FILE_EVERY);
        let messages = RateLimiter::of_messages();
        let (progress, has_complained) = (Arc::default(), false);
        Self { names, split, open: None, sender: 0, progress, has_complained, files, messages }
    }

    /// The same of frames that came in so long, and are written at once.
    #[must_use]
    pub(super) fn of_replay(mut self, span: Duration) -> Self {
        let seconds = u32::try_from(span.as_secs()).unwrap_or(u32::MAX - FILES_AT_ONCE);
        let at_once = FILES_AT_ONCE.saturating_add(seconds);
        self.files = RateLimiter::with_burst(at_once, FILE_EVERY);
        self
    }

    /// What it has come to.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Appends a frame; says whether it was one that can be recorded now.
    ///
    /// # Errors
    /// What failed, what is kept nevertheless, and what to do about it. The recording has then ended.
    pub(crate) fn write(&mut self, received: &Received) -> Result<bool> {
        let Received { sender, frame, .. } = received;
        let head = match scan_head(&frame.jpeg) {
            Ok(head) => head,
            Err(error) => {
                if !std::mem::replace(&mut self.has_complained, true) {
                    tracing::info!("not recorded, because it is no JPEG: {error}");
                }
                return Ok(false);
            }
        };
        if let Some((_, file)) = &self.open
            && let Some(why) = self.why_new_file(file, received, &head)
        {
            let now = Instant::now();
            // What is full has the bytes that a person asked for.
            if why != FULL && !self.files.is_due(now) {
                if self.messages.is_due(now) {
                    tracing::info!(
                        "not all is recorded: {why}, and that too often; a recording begins a file a second at most"
                    );
                }
                return Ok(false);
            }
            self.finish()?;
            self.open_next(frame, &head)?;
            if self.messages.is_due(now) {
                let next = self.progress.path().unwrap_or_default();
                tracing::info!("the recording goes on in {}: {why}", next.display());
            }
        }
        if self.open.is_none() {
            self.files.is_due(Instant::now());
            self.open_next(frame, &head)?;
        }
        self.sender = *sender;
        let (path, file) = self.open.as_mut().expect("it was opened above");
        if let Err(error) = file.write(frame, &head) {
            let error = explained(path, file, &error);
            let (path, file) = self.open.take().expect("as above");
            if file.frames() == 0 {
                let _ = fs::remove_file(path);
            } else {
                // It failed already; as much as can be is kept.
                let _ = file.finish();
            }
            return Err(error);
        }
        self.progress.frames.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(frame.jpeg.len() as u64, Ordering::Relaxed);
        Ok(true)
    }

    /// Ends the file in order.
    ///
    /// # Errors
    /// As of [`Self::write`].
    pub(crate) fn finish(&mut self) -> Result<()> {
        let Some((path, file)) = self.open.take() else { return Ok(()) };
        let millis = u64::try_from(file.span().as_millis()).unwrap_or(u64::MAX);
        self.progress.millis.fetch_add(millis, Ordering::Relaxed);
        file.finish().map_err(|error| {
            let way_out = way_out(&error);
            anyhow!(
                "cannot finish {}: {error}; it plays, but players seek badly in it; {way_out}",
                path.display()
            )
        })
    }

    fn open_next(&mut self, frame: &Frame, head: &JpegHead) -> Result<()> {
        let made = self.names.create(|path| MatroskaFile::create(path, head, frame.captured));
        let opened = made.with_context(|| format!("cannot write {}", self.names.last().display()))?;
        *lock(&self.progress.path) = Some(opened.0.clone());
        self.open = Some(opened);
        Ok(())
    }

    /// Why the frame does not go into this file, if so.
    fn why_new_file(&self, file: &MatroskaFile, received: &Received, head: &JpegHead) -> Option<String> {
        let Received { sender, frame, .. } = received;
        let (width, height) = (head.info.width, head.info.height);
        let (since_first, since_last) = file.since(frame.captured);
        if self.sender != *sender {
            return Some("another sender has taken over".into());
        }
        if file.size() != (width, height) {
            return Some(format!("the pictures are now {width}x{height}"));
        }
        if since_last < -MOST_BACK_MICROS {
            return Some("the sender's clock went back".into());
        }
        if since_last > MOST_AHEAD_MICROS {
            return Some("there was no picture for an hour".into());
        }
        match self.split? {
            Split::Time(time) if u128::try_from(since_first).is_ok_and(|since| since >= time.as_micros()) => {
                Some("--split".into())
            }
            Split::Size(bytes) if file.length_with(frame.jpeg.len()) > bytes => Some(FULL.into()),
            _ => None,
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::info!("{error:#}");
        }
    }
}

impl Progress {
    /// The file that is being written, or was last; `None` before the first frame.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        lock(&self.path).clone()
    }

    /// Frames written.
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Bytes of JPEG written.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How long the files that were finished are, from first picture to last.
    pub(crate) fn span(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

/// What failed, what is kept, and what to do.
fn explained(path: &Path, file: &MatroskaFile, error: &io::Error) -> anyhow::Error {
    let kept = match file.frames() {
        0 => "nothing is kept".to_owned(),
        frames => format!("the {frames} frames before ({:.1} s) are kept", file.span().as_secs_f64()),
    };
    anyhow!("cannot write {}: {error}; {kept}; {}", path.display(), way_out(error))
}

fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there, or record to another disk",
        ErrorKind::FileTooLarge => "record in parts: --split 2GB",
        _ => "record to another disk",
    }
}

/// Why a file ends that is as large as it is to be.
const FULL: &str = "--split, by size";
/// Changes that come at once, as when a sender is started again with other pictures.
const FILES_AT_ONCE: u32 = 4;
const FILE_EVERY: Duration = Duration::from_secs(1);
pub(super) const EXTENSION: &str = "mkv";
/// A frame that is a little older than the one before is shown right after it; more is another session's clock.
const MOST_BACK_MICROS: i64 = 1_000_000;
/// A sender that was silent for longer has another recording.
const MOST_AHEAD_MICROS: i64 = 3600 * 1_000_000;

#[cfg(test)]
mod tests;
