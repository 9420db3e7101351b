//! Standard output, or a named pipe, for pictures.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::sys::{Stop, open_nonblocking};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What somebody may read. A reader that has stopped reading does not keep the program from ending.
#[derive(Debug)]
pub(super) struct Pipe {
    file: File,
    stop: Stop,
}

impl Pipe {
    /// Standard output.
    pub(super) fn standard_output(stop: &Stop) -> Result<Self> {
        Self::from_fd(io::stdout().as_fd(), stop).context("cannot write to standard output")
    }

    /// A named pipe that was opened so that writing never blocks.
    pub(super) fn named(file: File, stop: &Stop) -> Self {
        make_room(file.as_fd());
        Self { file, stop: stop.clone() }
    }

    pub(super) fn from_fd(fd: BorrowedFd<'_>, stop: &Stop) -> io::Result<Self> {
        make_room(fd);
        let file = open_nonblocking(fd).map_or_else(|| fd.try_clone_to_owned().map(File::from), Ok)?;
        Ok(Self { file, stop: stop.clone() })
    }

    /// Writes all of it; says whether somebody still reads.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn write(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<bool> {
        IoSlice::advance_slices(&mut slices, 0);
        let mut stopping: Option<Instant> = None;
        while !slices.is_empty() {
            match self.file.write_vectored(slices) {
                Ok(0) => return Ok(false),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => {
                        if !self.wait(&mut stopping)? {
                            return Ok(false);
                        }
                    }
                    ErrorKind::BrokenPipe => return Ok(false),
                    _ => return Err(error),
                },
            }
        }
        Ok(true)
    }

    /// Waits for room. Once the program is to end, a frame that was begun has a moment longer to be read.
    fn wait(&self, stopping: &mut Option<Instant>) -> io::Result<bool> {
        let room = PollFd::new(&self.file, PollFlags::OUT);
        let result = match *stopping {
            None => {
                let mut files = [room, PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN)];
                let result = poll(&mut files, None);
                if !files[1].revents().is_empty() {
                    *stopping = Some(Instant::now());
                }
                result
            }
            Some(since) => {
                let left = GRACE.saturating_sub(since.elapsed());
                if left.is_zero() {
                    return Ok(false);
                }
                poll(&mut [room], Timespec::try_from(left).ok().as_ref())
            }
        };
        match result {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Room for several frames, so that a reader that pauses briefly misses nothing. Where that is more than the system
/// grants, the usual 64 KiB have to do; and what is no pipe has none.
fn make_room(fd: BorrowedFd<'_>) {
    let _ = rustix::pipe::fcntl_setpipe_size(fd, PIPE_BYTES);
}

const PIPE_BYTES: usize = 1 << 20;
const GRACE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_frame_larger_than_the_pipe_arrives_whole() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Pipe::from_fd(writer.as_fd(), &Stop::new().unwrap()).unwrap();
        drop(writer);
        let frame: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
        let sent = frame.clone();
        let thread = std::thread::spawn(move || {
            let (head, tail) = sent.split_at(1000);
            output.write(&mut [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)]).unwrap()
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        assert!(thread.join().unwrap() && received == frame);
    }

    #[test]
    fn a_reader_that_is_gone_or_stalls_is_not_waited_for() {
        let stop = Stop::new().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        let mut output = Pipe::from_fd(writer.as_fd(), &stop).unwrap();
        let frame = vec![1; 3 << 20];
        stop.request();
        assert!(!output.write(&mut [IoSlice::new(&frame)]).unwrap(), "stalled while the program ends");
        drop(reader);
        assert!(!output.write(&mut [IoSlice::new(&frame)]).unwrap(), "gone");
    }
}
