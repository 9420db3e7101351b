//! JPEGs one after the other, in a file or a pipe; text between them (as in multipart streams) is passed over.

use proto::Pool;
use proto::host::{Console, Stop};
use proto::jpeg::Splitter;

use super::LARGEST_JPEG;
use super::input::{Input, Read};
use super::stream::Step;
use crate::encode::unique;
use crate::picture::Picture;

/// Cuts JPEGs out of a stream of bytes, each as soon as its last byte is there.
#[derive(Debug)]
pub(super) struct Mjpeg {
    splitter: Splitter,
    damaged_said: u64,
}

impl Mjpeg {
    pub(super) fn new() -> Self {
        Self { splitter: Splitter::new(LARGEST_JPEG), damaged_said: 0 }
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
        console: &Console,
    ) -> anyhow::Result<Step> {
        loop {
            let found = self.splitter.next(input.unused());
            self.say_damage(console);
            if let Some(range) = found {
                let mut buffer = pool.take();
                let jpeg = unique(&mut buffer);
                jpeg.clear();
                jpeg.extend_from_slice(&input.unused()[range.clone()]);
                self.remove(input, range.end);
                return Ok(Step::Picture(Picture::Jpeg(pool.share(buffer))));
            }
            let keep = self.splitter.keep_from();
            self.remove(input, keep);
            match input.fill(stop)? {
                Read::More => {}
                Read::Stopped => return Ok(Step::Stopped),
                Read::End => {
                    return Ok(if self.splitter.inside_picture() { Step::CutShort } else { Step::End });
                }
            }
        }
    }

    fn remove(&mut self, input: &mut Input, count: usize) {
        input.used(count);
        self.splitter.removed(count);
    }

    /// Says it at the first damaged picture and then at each doubling, so that a bad stream does not flood the console.
    fn say_damage(&mut self, console: &Console) {
        let damaged = self.splitter.damaged();
        if damaged > 0 && damaged >= 2 * self.damaged_said {
            console
                .say(format_args!("the input has damaged pictures, which are passed over: {damaged} so far"));
            self.damaged_said = damaged;
        }
    }
}
