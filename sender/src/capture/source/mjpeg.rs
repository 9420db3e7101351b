//! JPEGs one after the other, in a file or a pipe; text between them (as in multipart streams) is skipped.

use std::time::{Duration, Instant};

use proto::Pool;
use proto::jpeg::Splitter;
use proto::sys::Stop;

use super::LARGEST_JPEG;
use super::input::{Input, Read, ReaderStep};
use crate::picture::{Picture, unique};

/// Cuts JPEGs out of a stream of bytes, each as soon as its last byte is there.
#[derive(Debug)]
pub(super) struct Mjpeg {
    splitter: Splitter,
    damaged: Complaint,
    too_large: Complaint,
    search: Search,
}

/// How often something was said about.
#[derive(Debug, Default)]
struct Complaint {
    said: u64,
}

/// A search for the first picture, which may be one in what has no pictures at all.
#[derive(Debug)]
struct Search {
    began: Instant,
    passed_over: usize,
    /// Whether it is over, or was said to be in vain so far.
    is_over: bool,
}

impl Mjpeg {
    pub(super) fn new() -> Self {
        Self {
            splitter: Splitter::new(LARGEST_JPEG),
            damaged: Complaint::default(),
            too_large: Complaint::default(),
            search: Search { began: Instant::now(), passed_over: 0, is_over: false },
        }
    }

    /// Pictures that began but were damaged or too large.
    pub(super) fn damaged(&self) -> u64 {
        self.splitter.damaged()
    }

    /// Waits for the next whole JPEG. What is damaged is said and passed over.
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        pool: &mut Pool,
        stop: &Stop,
    ) -> anyhow::Result<ReaderStep> {
        loop {
            let found = self.splitter.next(input.unused());
            self.say_damage();
            if let Some(range) = found {
                let mut buffer = pool.take();
                let jpeg = unique(&mut buffer);
                jpeg.clear();
                jpeg.extend_from_slice(&input.unused()[range.clone()]);
                self.remove(input, range.end);
                self.search.is_over = true;
                return Ok(ReaderStep::Picture(Picture::Jpeg(pool.share(buffer))));
            }
            let keep = self.splitter.keep_from();
            self.remove(input, keep);
            if self.search.is_in_vain(keep, Instant::now()) {
                tracing::warn!(
                    "no picture in the first {} KiB of the input; JPEGs one after the other, or Y4M, are expected. ffmpeg \
                     turns other videos into them: ffmpeg -i INPUT -f mjpeg - | sender --source -",
                    self.search.passed_over >> 10
                );
            }
            match input.fill(stop)? {
                Read::More => {}
                Read::Stopped => return Ok(ReaderStep::Stopped),
                Read::End => {
                    return Ok(if self.splitter.inside_picture() {
                        ReaderStep::CutShort
                    } else {
                        ReaderStep::End
                    });
                }
            }
        }
    }

    fn remove(&mut self, input: &mut Input, count: usize) {
        input.used(count);
        self.splitter.removed(count);
    }

    fn say_damage(&mut self) {
        let too_large = self.splitter.too_large();
        let damaged = self.splitter.damaged() - too_large;
        if self.damaged.is_due(damaged) {
            tracing::info!("the input has damaged pictures, which are passed over: {damaged} so far");
        }
        if self.too_large.is_due(too_large) {
            tracing::info!(
                "the input has pictures larger than {} MiB, the most that can be sent, which are passed over: {too_large} \
                 so far; make them smaller",
                LARGEST_JPEG >> 20
            );
        }
    }
}

impl Complaint {
    /// At the first and then at each doubling, so that a bad stream does not flood the console.
    fn is_due(&mut self, count: u64) -> bool {
        let is_due = count > 0 && count >= 2 * self.said;
        if is_due {
            self.said = count;
        }
        is_due
    }
}

impl Search {
    /// Notes what was passed over; says, once, that it is time to tell that there is no picture.
    fn is_in_vain(&mut self, passed_over: usize, now: Instant) -> bool {
        self.passed_over += passed_over;
        let is_long = now - self.began >= LONG_SEARCH && self.passed_over >= SOMETHING;
        let is_in_vain = !self.is_over && (is_long || self.passed_over >= MUCH);
        self.is_over |= is_in_vain;
        is_in_vain
    }
}

/// How long, and in how many bytes, a picture is looked for before it is said that there is none. Text between pictures
/// is less than [`SOMETHING`].
const LONG_SEARCH: Duration = Duration::from_secs(5);
const SOMETHING: usize = 4 << 10;
const MUCH: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_there_is_no_picture_is_said_once_after_some_seconds_or_bytes() {
        let t0 = Instant::now();
        let search = || Search { began: t0, passed_over: 0, is_over: false };
        let mut soon = search();
        assert!(!soon.is_in_vain(MUCH - 1, t0));
        assert!(soon.is_in_vain(1, t0) && !soon.is_in_vain(MUCH, t0 + LONG_SEARCH));
        let mut slow = search();
        assert!(!slow.is_in_vain(SOMETHING - 1, t0 + LONG_SEARCH), "a few lines of text");
        assert!(slow.is_in_vain(1, t0 + LONG_SEARCH));
        let mut found = search();
        found.is_over = true;
        assert!(!found.is_in_vain(MUCH, t0 + LONG_SEARCH));
    }
}
