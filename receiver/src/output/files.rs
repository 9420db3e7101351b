//! A file with all frames, one behind the other, or a named pipe whose readers come and go; and a folder with one file
//! a frame.

use std::fs::{self, File};
use std::io::{IoSlice, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::RateLimiter;
use proto::sys::{OpenedPath, PICTURES_MODE, Stop, open_target, replace_whole};

use super::pipe::Pipe;

/// An `.mjpeg` file being written.
#[derive(Debug)]
pub(super) struct MjpegFile {
    path: PathBuf,
    to: To,
    stop: Stop,
    messages: RateLimiter,
}

#[derive(Debug)]
enum To {
    File(File),
    Pipe(Pipe),
    /// A named pipe that nobody reads now.
    Nobody,
}

impl MjpegFile {
    /// Makes the file. One that is there is written over, as other recorders do; it is said. Nobody is waited for.
    pub(super) fn create(path: &Path, stop: &Stop) -> Result<Self> {
        let shown = path.display();
        if path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
            tracing::info!("writing over {shown}");
        }
        let stop = stop.clone();
        let mut file =
            Self { path: path.to_owned(), to: To::Nobody, stop, messages: RateLimiter::new(SAY_EVERY) };
        file.open()?;
        if matches!(file.to, To::Nobody) {
            file.say_nobody_reads();
        }
        Ok(file)
    }

    /// Writes a frame; says whether it was. It is not where nobody reads.
    pub(super) fn write(&mut self, jpeg: &[u8]) -> Result<bool> {
        if matches!(self.to, To::Nobody) {
            // Whoever has not come by now will not be written to.
            if self.stop.is_requested() {
                return Ok(false);
            }
            self.open()?;
        }
        let written = match &mut self.to {
            To::File(file) => file.write_all(jpeg).map(|()| true),
            To::Pipe(pipe) => pipe.write(&mut [IoSlice::new(jpeg)]),
            To::Nobody => return Ok(false),
        };
        let is_written = written.with_context(|| format!("cannot write {}", self.path.display()))?;
        if !is_written {
            self.to = To::Nobody;
            if !self.stop.is_requested() {
                self.say_nobody_reads();
            }
        }
        Ok(is_written)
    }

    fn open(&mut self) -> Result<()> {
        let opened = open_target(&self.path, PICTURES_MODE);
        self.to = match opened.with_context(|| format!("cannot write {}", self.path.display()))? {
            OpenedPath::File(file) => To::File(file),
            OpenedPath::Pipe(file) => To::Pipe(Pipe::named(file, &self.stop)),
            OpenedPath::Unread => To::Nobody,
        };
        Ok(())
    }

    fn say_nobody_reads(&mut self) {
        if self.messages.is_due(Instant::now()) {
            let shown = self.path.display();
            tracing::info!("output {shown} is a pipe that nobody reads; it gets pictures once somebody does");
        }
    }
}

/// Writes `frame-000001.jpg` and so on. A file appears under its name only when it is whole.
#[derive(Debug)]
pub(super) struct FrameFolder {
    path: PathBuf,
    written: u64,
}

impl FrameFolder {
    /// Opens the folder, and makes it if need be. Numbers go on behind those of an earlier recording.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make the folder {shown}"))?;
        let entries = fs::read_dir(path).with_context(|| format!("cannot read the folder {shown}"))?;
        let number = |name: &str| name.strip_prefix("frame-")?.strip_suffix(".jpg")?.parse().ok();
        let last = entries.flatten().filter_map(|entry| number(&entry.file_name().to_string_lossy())).max();
        Ok(Self { path: path.to_owned(), written: last.unwrap_or(0) })
    }

    pub(super) fn write(&mut self, jpeg: &[u8]) -> Result<()> {
        let whole = self.path.join(format!("frame-{:06}.jpg", self.written + 1));
        let partial = self.path.join(".frame.part");
        replace_whole(&whole, &partial, PICTURES_MODE, jpeg)
            .with_context(|| format!("cannot write {}", whole.display()))?;
        self.written += 1;
        Ok(())
    }
}

/// A reader that comes and goes is no news each time.
const SAY_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{CWD, FileType, OFlags, mknodat};

    use super::*;

    #[test]
    fn a_pipe_gets_whole_pictures_while_somebody_reads_it_and_keeps_nobody_from_ending() {
        let path = std::env::temp_dir().join(format!("chunkcast-pipe-{}.mjpeg", std::process::id()));
        let _ = fs::remove_file(&path);
        mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
        let stop = Stop::new().unwrap();
        let mut file = MjpegFile::create(&path, &stop).unwrap();
        assert!(!file.write(b"missed").unwrap());
        let read = || {
            let flags = OFlags::NONBLOCK.bits().cast_signed();
            OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap()
        };
        for _ in 0..2 {
            let mut reader = read();
            assert!(file.write(b"picture").unwrap());
            let mut picture = [0; 7];
            reader.read_exact(&mut picture).unwrap();
            assert_eq!(&picture, b"picture");
            drop(reader);
            assert!(!file.write(b"missed").unwrap(), "the reader is gone");
        }
        // A reader that stops reading does not hold up the end, and not once more for each frame that waits.
        let (_stalled, large) = (read(), vec![1; 3 << 20]);
        stop.request();
        let begun = Instant::now();
        assert!((0..64).all(|_| !file.write(&large).unwrap()));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        fs::remove_file(&path).unwrap();
    }
}
