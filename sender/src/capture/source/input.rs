//! Bytes from a file or a pipe, read so that waiting can be stopped.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::time::Instant;

use anyhow::Context;
use proto::sys::Stop;
use rustix::io::Errno;

use crate::picture::Picture;

/// A file or pipe, and the bytes read from it that nobody has used yet.
#[derive(Debug)]
pub(super) struct Input {
    file: File,
    /// Always at its full length; the bytes from `start` to `end` are not used yet.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    read_at: Instant,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There are more bytes now.
    More,
    /// There are no more bytes.
    End,
    /// The program is asked to end.
    Stopped,
}

/// What a reader has next.
#[derive(Debug)]
pub(super) enum ReaderStep {
    Picture(Picture),
    Stopped,
    /// The input ended within a picture.
    CutShort,
    End,
}

impl Input {
    pub(super) fn new(file: File) -> Self {
        // So that whoever fills a pipe can put a whole picture into it at once. Where it is no pipe, or the limit for
        // unprivileged users is lower, it works as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(&file, PIPE_BYTES);
        Self { file, bytes: vec![0; FIRST_BYTES], start: 0, end: 0, read_at: Instant::now() }
    }

    /// When bytes came last.
    pub(super) fn read_at(&self) -> Instant {
        self.read_at
    }

    /// The bytes that were read and not used.
    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Says that the first `count` of the unused bytes were used.
    pub(super) fn used(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Waits for more bytes and reads as many as there are. The caller keeps the unused bytes within bounds.
    pub(super) fn fill(&mut self, stop: &Stop) -> anyhow::Result<Read> {
        self.fill_at_most(usize::MAX, stop)
    }

    /// The same, but reads no more than `most` bytes: what follows is to be read elsewhere.
    pub(super) fn fill_at_most(&mut self, most: usize, stop: &Stop) -> anyhow::Result<Read> {
        if self.bytes.len() - self.end < LEAST_READ {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.bytes.len() - self.end < LEAST_READ {
                self.bytes.resize(2 * self.bytes.len(), 0);
            }
        }
        let room = most.min(self.bytes.len() - self.end);
        let (read, count) = read(&self.file, &mut self.bytes[self.end..self.end + room], stop)?;
        self.end += count;
        self.read_at = Instant::now();
        Ok(read)
    }

    /// Puts the next bytes straight into `into`, until it is full (then `Read::More`).
    pub(super) fn fill_exactly(&mut self, into: &mut [u8], stop: &Stop) -> anyhow::Result<Read> {
        let mut filled = self.unused().len().min(into.len());
        into[..filled].copy_from_slice(&self.unused()[..filled]);
        self.used(filled);
        while filled < into.len() {
            let (read, count) = read(&self.file, &mut into[filled..], stop)?;
            if read != Read::More {
                return Ok(read);
            }
            filled += count;
            self.read_at = Instant::now();
        }
        Ok(Read::More)
    }

    /// Goes back to the beginning of a file.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        (self.start, self.end) = (0, 0);
        self.file.rewind()
    }
}

/// Waits until there is something to read, and reads it once.
fn read(file: &File, into: &mut [u8], stop: &Stop) -> anyhow::Result<(Read, usize)> {
    loop {
        if stop.wait_for_input(file.as_fd()).context("cannot wait for input")? {
            return Ok((Read::Stopped, 0));
        }
        match rustix::io::read(file, &mut *into) {
            Ok(0) => return Ok((Read::End, 0)),
            Ok(count) => return Ok((Read::More, count)),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(io::Error::from(error)).context("cannot read"),
        }
    }
}

/// What a pipe may hold for an unprivileged user (fs.pipe-max-size).
const PIPE_BYTES: usize = 1 << 20;
const FIRST_BYTES: usize = 1 << 20;
/// The buffer is tidied or enlarged when it has less room than this.
const LEAST_READ: usize = 256 << 10;
