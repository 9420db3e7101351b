//! JPEG to pixels. What comes here came over a network: nothing of it is believed before it was checked.
//!
//! A picture whose restart markers fall on its rows of MCUs is decoded in strips, one per core; the pixels are the
//! same. Others are decoded by the calling thread alone.

mod engine;
mod picture;
mod refusal;
mod strips;
mod tidy;
mod workers;

pub use picture::{Decoded, Layout, Pictures, Strip};
pub use refusal::Refusal;

use proto::host::Placement;
use proto::jpeg::{Coding, Info, scan, scan_head};

use engine::{Engine, Scale, Shape};
use strips::Cut;
use tidy::Tidy;
use workers::Worker;

/// What the decoded picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Planes of Y, U and V as they are in the JPEG, where its sampling is one that [`Layout`] knows; otherwise pixels.
    Planes,
    /// Packed B, G, R and an unused byte: what a window without graphics hardware shows without another conversion.
    Pixels,
}

/// How a picture is to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// What the decoded picture is for.
    pub form: Form,
    /// The area that it is shown in, in pixels: [`Form::Pixels`] are then decoded no larger than they need be, which takes
    /// much less time. `None`: as it is.
    pub area: Option<(u32, u32)>,
    /// Whether the other cores have nothing else to decode, so that several share one picture.
    pub alone: bool,
}

impl Aim {
    /// A picture as it is, decoded by all cores.
    pub fn whole(form: Form) -> Self {
        Self { form, area: None, alone: true }
    }
}

/// Decodes JPEGs, with threads and buffers that it keeps.
#[derive(Debug)]
pub struct Decoder {
    engine: Engine,
    /// How many threads may share a picture; those besides the caller's are started when one is shared first.
    threads: usize,
    workers: Vec<Worker>,
    tidy: Tidy,
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
        Self {
            engine: Engine::default(),
            threads: threads.clamp(1, MOST_THREADS),
            workers: Vec::new(),
            tidy: Tidy::default(),
            cut: Cut::default(),
            placement: Placement::default(),
        }
    }

    /// Decodes the JPEG at the beginning of `jpeg` into `into`, whose buffers are reused; returns its width and height.
    ///
    /// # Errors
    ///
    /// Why the picture is refused. `into` then holds no picture; the next one is not affected.
    pub fn decode(&mut self, jpeg: &[u8], aim: Aim, into: &mut Decoded) -> Result<(u32, u32), Refusal> {
        into.clear();
        // Most of what is refused is so by its head alone.
        check(&scan_head(jpeg)?.info)?;
        let info = scan(jpeg)?;
        check(&info)?;
        let mut tidy = std::mem::take(&mut self.tidy);
        let decoded =
            tidy.read(&jpeg[..info.end], &info).and_then(|jpeg| self.decode_tidy(jpeg, &info, aim, into));
        self.tidy = tidy;
        decoded
    }

    /// Decodes a JPEG of which only damage is left for the library to warn of.
    fn decode_tidy(
        &mut self,
        jpeg: &[u8],
        info: &Info,
        aim: Aim,
        into: &mut Decoded,
    ) -> Result<(u32, u32), Refusal> {
        let layout = self.engine.layout(jpeg, info, aim.form)?;
        let size = (info.width.into(), info.height.into());
        let scale = match aim.area {
            Some(area) if layout == Layout::Bgrx => Scale::for_showing(size, scaled(size, area)),
            _ => Scale::Full,
        };
        let whole = Shape { width: size.0, rows: size.1, layout, scale };
        let is_shared = aim.alone && scale == Scale::Full && whole.width * whole.rows >= WORTH_SHARING;
        let parts = if is_shared { self.start_workers() + 1 } else { 1 };
        if parts > 1 && self.cut.measure(jpeg, info, parts) {
            self.decode_strips(jpeg, whole, into)?;
        } else {
            let (width, rows) = (scale.of(whole.width), scale.of(whole.rows));
            let strip = into.begin(width, rows, layout, 1);
            self.engine.decode(jpeg, whole, &mut strip[0].pixels)?;
            strip[0].place(0, rows);
        }
        into.finish();
        Ok(size)
    }

    /// Starts the other threads, if they are not there; with fewer than wished it is slower, and still right.
    fn start_workers(&mut self) -> usize {
        if self.workers.is_empty() {
            self.workers.extend((1..self.threads).map_while(|n| Worker::start(n).ok()));
        }
        self.workers.len()
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

/// The largest size of a picture's shape within an area.
pub(crate) fn scaled(picture: (u32, u32), room: (u32, u32)) -> (u32, u32) {
    let [w, h, across, down] = [picture.0, picture.1, room.0, room.1].map(|n| u64::from(n.max(1)));
    let (width, height) = if w * down > h * across {
        (across, (h * across + w / 2) / w)
    } else {
        ((w * down + h / 2) / h, down)
    };
    let within = |size: u64, room: u64| size.clamp(1, room) as u32;
    (within(width, across), within(height, down))
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
    let (scans, components, bytes) = (info.scans, info.components, info.table_bytes);
    if scans > u32::from(components) {
        return Err(Refusal::Scans { scans, components });
    }
    if bytes > MOST_TABLES {
        return Err(Refusal::Tables { bytes });
    }
    Ok(())
}

/// What a picture's size costs where not all of it is in one scan: three coefficients of two bytes for a pixel.
fn check_scans(info: &Info) -> Result<(), Refusal> {
    let (width, height) = (info.width, info.height);
    if u32::from(width) * u32::from(height) > MOST_PIXELS_OF_SCANS {
        return Err(Refusal::TooLargeForScans { width, height });
    }
    Ok(())
}

/// No camera on a LAN is wider or higher; at 4 bytes a pixel, [`MOST_PIXELS`] then bound a picture to 144 MB.
const MOST_ACROSS: u16 = 8192;
const MOST_PIXELS: u32 = 36_000_000;
/// With several scans: 24 MB of coefficients.
const MOST_PIXELS_OF_SCANS: u32 = 4_000_000;
/// In bytes. They are read four times a picture, with costs of their own each.
const MOST_TABLES: usize = 64 << 10;

/// More strips than this do not shorten the wait: the copying and the waking grow, the share of each shrinks.
const MOST_THREADS: usize = 4;
/// Smaller pictures are decoded before a second thread would have woken up.
const WORTH_SHARING: u32 = 640 * 480;

#[cfg(test)]
mod tests;
