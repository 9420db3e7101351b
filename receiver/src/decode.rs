//! JPEG to pixels. What comes here came over a network: nothing of it is believed before it was checked.
//!
//! A picture whose restart markers fall on its rows of MCUs is decoded in strips, one per core; the pixels are the
//! same. Others are decoded by the calling thread alone.

mod engine;
mod picture;
mod refusal;
mod strips;
mod workers;

pub use picture::{Decoded, Layout, Pictures, Strip};
pub use refusal::Refusal;

use proto::host::Placement;
use proto::jpeg::{Coding, Info, scan};

use engine::{Engine, Shape};
use strips::Cut;
use workers::Worker;

/// What the decoded picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Planes of Y, U and V as they are in the JPEG, where its sampling is one that [`Layout`] knows; otherwise pixels.
    Planes,
    /// Packed B, G, R and an unused byte: what a window without graphics hardware shows without another conversion.
    Pixels,
}

/// Decodes JPEGs, with threads and buffers that it keeps.
#[derive(Debug)]
pub struct Decoder {
    engine: Engine,
    workers: Vec<Worker>,
    cut: Cut,
    placement: Placement,
}

impl Decoder {
    /// A decoder that uses as many threads as there are cores, at most four.
    pub fn new() -> Self {
        Self::with_threads(std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS)))
    }

    /// A decoder that uses at most this many threads, the calling one included.
    pub fn with_threads(threads: usize) -> Self {
        let helpers = 1..threads.clamp(1, MOST_THREADS);
        // With fewer threads than wished it is slower, and still right.
        Self {
            engine: Engine::default(),
            workers: helpers.map_while(|n| Worker::start(n).ok()).collect(),
            cut: Cut::default(),
            placement: Placement::default(),
        }
    }

    /// Decodes the JPEG at the beginning of `jpeg` into `into`, whose buffers are reused.
    ///
    /// # Errors
    ///
    /// Why the picture is refused. `into` then holds no picture; the next one is not affected.
    pub fn decode(&mut self, jpeg: &[u8], form: Form, into: &mut Decoded) -> Result<(), Refusal> {
        into.clear();
        let info = scan(jpeg)?;
        check(&info)?;
        let jpeg = &jpeg[..info.end];
        let layout = self.engine.layout(jpeg, &info, form)?;
        let whole = Shape { width: info.width.into(), rows: info.height.into(), layout };
        let parts = if whole.width * whole.rows < WORTH_SHARING { 1 } else { self.workers.len() + 1 };
        if parts > 1 && self.cut.measure(jpeg, &info, parts) {
            self.decode_strips(jpeg, whole, into)?;
        } else {
            let strip = into.begin(whole.width, whole.rows, layout, 1);
            self.engine.decode(jpeg, whole, &mut strip[0].pixels)?;
            strip[0].place(0, whole.rows);
        }
        into.finish();
        Ok(())
    }

    /// Each strip but the first goes to a worker. All are waited for, whatever becomes of one of them.
    fn decode_strips(&mut self, jpeg: &[u8], whole: Shape, into: &mut Decoded) -> Result<(), Refusal> {
        let strips = into.begin(whole.width, whole.rows, whole.layout, self.cut.strips());
        let (first, others) = strips.split_first_mut().ok_or(Refusal::Threads)?;
        self.placement.keep_apart(self.workers.iter().map(Worker::id));
        let mut outcome = Ok(());
        let mut busy = 0;
        for (index, (strip, worker)) in others.iter_mut().zip(&mut self.workers).enumerate() {
            let (first_row, rows) = self.cut.rows(index + 1);
            strip.place(first_row, rows);
            self.cut.copy(jpeg, index + 1, worker.jpeg());
            if !worker.give(Shape { rows, ..whole }, std::mem::take(&mut strip.pixels)) {
                outcome = Err(Refusal::Threads);
                break;
            }
            busy += 1;
        }
        let (first_row, rows) = self.cut.rows(0);
        first.place(first_row, rows);
        outcome = outcome.and_then(|()| {
            self.cut
                .with_first(jpeg, |jpeg| self.engine.decode(jpeg, Shape { rows, ..whole }, &mut first.pixels))
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

/// Refuses what is not for us to decode, before anything is allocated for it.
fn check(info: &Info) -> Result<(), Refusal> {
    match info.coding {
        Coding::Baseline => {}
        Coding::Progressive => return Err(Refusal::Progressive),
        Coding::Lossless => return Err(Refusal::Lossless),
        Coding::Unusual => return Err(Refusal::Arithmetic),
    }
    if info.precision != 8 {
        return Err(Refusal::Precision(info.precision));
    }
    if !matches!(info.components, 1 | 3) {
        return Err(Refusal::Components(info.components));
    }
    let (width, height) = (info.width, info.height);
    if width > MOST_ACROSS || height > MOST_ACROSS || u32::from(width) * u32::from(height) > MOST_PIXELS {
        return Err(Refusal::TooLarge { width, height });
    }
    Ok(())
}

/// No camera on a LAN is wider or higher; at 4 bytes a pixel, [`MOST_PIXELS`] then bound a picture to 144 MB.
const MOST_ACROSS: u16 = 8192;
const MOST_PIXELS: u32 = 36_000_000;

/// More strips than this do not shorten the wait: the copying and the waking grow, the share of each shrinks.
const MOST_THREADS: usize = 4;
/// Smaller pictures are decoded before a second thread would have woken up.
const WORTH_SHARING: u32 = 640 * 480;

#[cfg(test)]
mod tests;
