//! JPEG to pixels. The input came over a network: nothing of it is trusted before it is checked.
//!
//! A picture whose restart markers fall on its rows of MCUs is decoded in strips, one per core; the pixels are the
//! same. Others are decoded by the calling thread alone.

use proto::jpeg::{Info, scan, scan_head};
use proto::sys::Placement;

use super::bounds::check;
use super::engine::{Engine, ExpectedJpeg, Scale};
use super::error::DecodeError;
use super::picture::{Decoded, DecodedLayout, DecodedStrip};
use super::strips::{EarlyCut, StripLayout, StripSource};
use super::target::{DecodeTarget, scaled};
use super::tidy::Tidy;
use super::workers::StripWorker;

/// Decodes JPEGs, with threads and buffers that it keeps.
#[derive(Debug)]
pub struct Decoder {
    pub(super) engine: Engine,
    /// How many threads may share a picture; those besides the caller's are started when one is shared first.
    threads: usize,
    workers: Vec<StripWorker>,
    tidy: Tidy,
    pub(super) cut: StripLayout,
    /// Kept for its memory.
    pub(super) early: EarlyCut,
    placement: Placement,
}

impl Decoder {
    /// A decoder that uses as many threads as there are cores, at most four.
    pub fn new() -> Self {
        Self::with_threads(std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS)))
    }

    /// A decoder that uses at most this many threads, the calling one included.
    pub fn with_threads(threads: usize) -> Self {
        Self {
            engine: Engine::default(),
            threads: threads.clamp(1, MOST_THREADS),
            workers: Vec::new(),
            tidy: Tidy::default(),
            cut: StripLayout::default(),
            early: EarlyCut::default(),
            placement: Placement::default(),
        }
    }

    /// Decodes the JPEG at the beginning of `jpeg` into `into`, whose buffers are reused; returns its width and height.
    ///
    /// # Errors
    ///
    /// Why the picture is refused. `into` then holds no picture; the next one is not affected.
    pub fn decode(
        &mut self,
        jpeg: &[u8],
        target: DecodeTarget,
        into: &mut Decoded,
    ) -> Result<(u32, u32), DecodeError> {
        into.clear();
        // Most of what is refused is so by its head alone.
        check(&scan_head(jpeg)?.info)?;
        let info = scan(jpeg)?;
        check(&info)?;
        let mut tidy = std::mem::take(&mut self.tidy);
        let decoded =
            tidy.read(&jpeg[..info.end], &info).and_then(|jpeg| self.decode_tidy(jpeg, &info, target, into));
        self.tidy = tidy;
        decoded
    }

    /// Decodes a JPEG of which only damage is left for the library to warn of.
    fn decode_tidy(
        &mut self,
        jpeg: &[u8],
        info: &Info,
        target: DecodeTarget,
        into: &mut Decoded,
    ) -> Result<(u32, u32), DecodeError> {
        let whole = self.expect(jpeg, info, target)?;
        let threads = self.threads_for(whole, target);
        let (width, rows) = (whole.scale.of(whole.width), whole.scale.of(whole.rows));
        if self.cut.measure(jpeg, info, threads) {
            into.begin(width, rows, whole.layout, self.cut.strips());
            self.decode_strips(jpeg, whole, threads, 0, into)?;
        } else {
            let strip = into.begin(width, rows, whole.layout, 1);
            self.engine.decode(jpeg, whole, &mut strip[0].pixels)?;
            strip[0].place(0, rows);
        }
        into.finish();
        Ok((whole.width, whole.rows))
    }

    /// What a JPEG must turn out to be, of which the head is enough.
    pub(super) fn expect(
        &mut self,
        jpeg: &[u8],
        info: &Info,
        target: DecodeTarget,
    ) -> Result<ExpectedJpeg, DecodeError> {
        let layout = self.engine.layout(jpeg, info, target.format)?;
        let size = (info.width.into(), info.height.into());
        let scale = match target.area {
            Some(area) if layout == DecodedLayout::Bgrx => Scale::for_showing(size, scaled(size, area)),
            _ => Scale::Full,
        };
        Ok(ExpectedJpeg { width: size.0, rows: size.1, layout, scale })
    }

    /// How many threads share a picture.
    pub(super) fn threads_for(&mut self, whole: ExpectedJpeg, target: DecodeTarget) -> usize {
        let is_large = whole.width * whole.rows >= WORTH_SHARING;
        let is_shared = target.alone && whole.scale == Scale::Full && is_large;
        if is_shared { self.start_workers() + 1 } else { 1 }
    }

    /// Starts the other threads, if they are not there; with fewer than wished it is slower, and still right.
    fn start_workers(&mut self) -> usize {
        if self.workers.is_empty() {
            self.workers.extend((1..self.threads).map_while(|n| StripWorker::start(n).ok()));
        }
        self.workers.len()
    }

    /// Strips are decoded side by side, from number `first` on, as many at once as there are threads.
    pub(super) fn decode_strips(
        &mut self,
        jpeg: &[u8],
        whole: ExpectedJpeg,
        threads: usize,
        first: usize,
        into: &mut Decoded,
    ) -> Result<(), DecodeError> {
        let strips = &mut into.strips_mut()[first..];
        for (round, strips) in strips.chunks_mut(threads).enumerate() {
            self.decode_round(|_| StripSource::whole(jpeg), whole, first + round * threads, strips)?;
        }
        Ok(())
    }

    /// Each of these strips, of which the first has this `number`, goes to a worker but that one. All are waited for,
    /// whatever becomes of one of them.
    pub(super) fn decode_round<'a>(
        &mut self,
        source: impl Fn(usize) -> StripSource<'a>,
        whole: ExpectedJpeg,
        number: usize,
        strips: &mut [DecodedStrip],
    ) -> Result<(), DecodeError> {
        let (first, others) = strips.split_first_mut().ok_or(DecodeError::Threads)?;
        if !others.is_empty() {
            self.placement.keep_apart(self.workers.iter().map(StripWorker::id));
        }
        let shape = |rows| ExpectedJpeg { rows, ..whole };
        let mut outcome = Ok(());
        let mut busy = 0;
        for ((strip, worker), number) in others.iter_mut().zip(&mut self.workers).zip(number + 1..) {
            let rows = self.cut.place(number, whole.scale, strip);
            self.cut.copy(source(number), number, worker.jpeg());
            if !worker.give(shape(rows), std::mem::take(&mut strip.pixels)) {
                outcome = Err(DecodeError::Threads);
                break;
            }
            busy += 1;
        }
        let rows = self.cut.place(number, whole.scale, first);
        outcome = outcome.and_then(|()| {
            self.cut.with_own(source(number), number, |jpeg| {
                self.engine.decode(jpeg, shape(rows), &mut first.pixels)
            })
        });
        for (strip, worker) in others.iter_mut().zip(&mut self.workers).take(busy) {
            let (pixels, decoded) = worker.collect();
            strip.pixels = pixels;
            outcome = outcome.and(decoded);
        }
        outcome
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// More strips than this do not shorten the wait: the copying and the waking grow, the share of each shrinks.
const MOST_THREADS: usize = 4;
/// Smaller pictures are decoded before a second thread would have woken up.
const WORTH_SHARING: u32 = 640 * 480;

#[cfg(test)]
pub(super) mod tests;
