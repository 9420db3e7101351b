//! Writes lines to a reader that may be slow or gone, without blocking.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};

/// Writes lines as far as there is room, and keeps the rest for later: a line is never cut short by another.
#[derive(Debug)]
pub struct NonblockingWriter {
    file: File,
    /// How much may be written at once to what has room.
    at_once: usize,
    /// What has found no room yet.
    rest: Vec<u8>,
}

impl NonblockingWriter {
    /// Lines to what `fd` leads to.
    ///
    /// # Errors
    /// If that is closed, or the system has no file descriptors left.
    pub fn to(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode);
        let own = open_nonblocking(fd);
        let never_blocks = own.is_some() || kind == FileType::RegularFile;
        let at_once = if never_blocks { usize::MAX } else { PIECE };
        let file = own.map_or_else(|| fd.try_clone_to_owned().map(File::from), Ok)?;
        Ok(Self { file, at_once, rest: Vec::new() })
    }

    /// Bytes that have found no room yet.
    pub fn waiting(&self) -> usize {
        self.rest.len()
    }

    /// Adds a line, or several, behind what waits.
    pub fn push(&mut self, line: &[u8]) {
        self.rest.extend_from_slice(line);
    }

    /// Writes what waits, for no longer than `patience` if there is no room; says whether all is written.
    ///
    /// # Errors
    /// If it cannot be written, now or ever; then nothing waits any more.
    pub fn flush(&mut self, patience: Duration) -> io::Result<bool> {
        let mut written = 0;
        let result = self.write(&mut written, Instant::now() + patience);
        self.rest.drain(..if result.is_err() { self.rest.len() } else { written });
        result.map(|()| self.rest.is_empty())
    }

    fn write(&mut self, written: &mut usize, until: Instant) -> io::Result<()> {
        while *written < self.rest.len() {
            let left = until.saturating_duration_since(Instant::now());
            // What cannot be asked is written to, and says itself what is wrong with it.
            let room =
                poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], Timespec::try_from(left).ok().as_ref());
            if room == Ok(0) {
                break;
            }
            let piece = &self.rest[*written..];
            match self.file.write(&piece[..piece.len().min(self.at_once)]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(bytes) => *written += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if left.is_zero() {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The pipe or terminal that `fd` leads to, opened again for writing that never blocks: that is a property of what was
/// opened, which may be shared with other programs. `None` if it is neither, or if the system refuses.
pub fn open_nonblocking(fd: BorrowedFd<'_>) -> Option<File> {
    let is_pipe = FileType::from_raw_mode(rustix::fs::fstat(fd).ok()?.st_mode) == FileType::Fifo;
    if !is_pipe && !rustix::termios::isatty(fd) {
        return None;
    }
    let again = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(again, flags, Mode::empty()).ok().map(File::from)
}

/// A pipe that can be written to has room for so much (pipe(7)), and so has a socket: one that was not opened again,
/// such as another user's, does not block for less.
const PIECE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::sync::mpsc::channel;

    use super::*;

    /// A pipe with room for a page.
    fn pipe() -> (io::PipeReader, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&writer, PIECE).unwrap();
        (reader, writer)
    }

    #[test]
    fn nobody_waits_for_a_reader_and_what_he_reads_later_is_whole() {
        for is_opened_again in [true, false] {
            let (mut reader, writer) = pipe();
            let mut lines = NonblockingWriter::to(writer.as_fd()).unwrap();
            if !is_opened_again {
                let file = writer.as_fd().try_clone_to_owned().unwrap().into();
                lines = NonblockingWriter { file, at_once: PIECE, rest: Vec::new() };
            }
            drop(writer);
            let (done, is_done) = channel();
            let writing = std::thread::spawn(move || {
                for line in [[b'a'; 6000], [b'b'; 6000]] {
                    lines.push(&line);
                    lines.push(b"\n");
                    assert!(!lines.flush(Duration::ZERO).unwrap(), "there is room for a page");
                }
                done.send(lines.waiting()).unwrap();
                assert!(lines.flush(Duration::from_secs(60)).unwrap(), "somebody reads");
            });
            let waiting = is_done.recv_timeout(Duration::from_secs(10)).expect("it waits for its reader");
            assert_eq!(waiting, 2 * 6001 - PIECE);
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            writing.join().unwrap();
            assert_eq!(text, format!("{}\n{}\n", "a".repeat(6000), "b".repeat(6000)));
        }
    }

    #[test]
    fn a_reader_who_is_gone_is_an_error_and_nothing_waits_for_him() {
        let (reader, writer) = pipe();
        let mut lines = NonblockingWriter::to(writer.as_fd()).unwrap();
        lines.push(&[b'a'; 2 * PIECE]);
        assert!(!lines.flush(Duration::ZERO).unwrap());
        drop(reader);
        assert_eq!(lines.flush(Duration::ZERO).unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(lines.waiting(), 0);
    }
}
