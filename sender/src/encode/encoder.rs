//! Encodes raw pictures as JPEGs: from YUV planes without a detour through RGB, large ones on several cores at once.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use anyhow::{Context, ensure};
use proto::sys::Placement;
use proto::{Buffer, FrameInParts, MAX_PARTS, MediaTime, Pool};
use turbojpeg::Subsamp;

use super::band::Band;
use super::band_queue::{BandQueue, Job, PartSink};
use super::bands::Bands;
use super::helper::Helper;
use crate::picture::{Layout, RawPicture};

/// How many pixels share one colour sample in the JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsampling {
    /// Two by two: the smallest and quickest.
    Yuv420,
    /// Two side by side.
    Yuv422,
    /// One: for text and thin coloured lines.
    Yuv444,
}

/// Makes JPEGs of raw pictures.
///
/// A picture of 640x480 or more is cut into bands, which several threads encode. They become the parts of one ordinary
/// baseline JPEG, with a restart marker between bands; its decoded pixels do not depend on the number of bands.
///
/// Once warm it allocates nothing per picture (libjpeg-turbo does inside). Its threads end when it is dropped.
pub struct Encoder {
    subsampling: Option<Subsampling>,
    threads: usize,
    most_bands: usize,
    cuts_finely: bool,
    /// Bytes of the JPEG made last.
    last_bytes: Option<usize>,
    own: Band,
    queue: Arc<BandQueue>,
    helpers: Vec<Helper>,
    placement: Placement,
}

impl Encoder {
    /// An encoder on as many cores as there are, at most 4.
    ///
    /// Without `subsampling`, pictures keep their own, and RGB becomes 4:2:0. With it, colour is reduced to it;
    /// colour that is not there is never made up, so 4:2:0 stays 4:2:0.
    pub fn new(subsampling: Option<Subsampling>) -> anyhow::Result<Self> {
        let threads = available_parallelism().map_or(1, NonZero::get).min(4);
        Ok(Self {
            subsampling,
            threads,
            most_bands: (threads * BANDS_EACH).max(LEAST_BANDS),
            cuts_finely: false,
            last_bytes: None,
            own: Band::new()?,
            queue: Arc::default(),
            helpers: Vec::new(),
            placement: Placement::default(),
        })
    }

    /// The same encoder on `threads` threads (at least 1, the calling one).
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        let mut encoder = self.with_bands(threads * BANDS_EACH);
        encoder.threads = threads.max(1);
        encoder
    }

    /// The same encoder, which cuts pictures into at most so many bands: 1 to [`MAX_PARTS`].
    #[must_use]
    pub fn with_bands(mut self, bands: usize) -> Self {
        self.most_bands = bands.clamp(1, MAX_PARTS);
        self
    }

    /// Has pictures cut into as many bands as there may be: where a frame takes longer on its way than to be encoded, it
    /// should be there soon for the one and be waited for little by the other end.
    pub(crate) fn cut_finely(&mut self, finely: bool) {
        self.cuts_finely = finely;
    }

    /// Makes a JPEG of `picture` with `quality` 1 to 100, in a buffer of `pool`.
    ///
    /// Fails if there is no such quality, or the picture is empty, larger than a JPEG can be, or has fewer bytes than
    /// its size needs.
    pub fn encode(&mut self, picture: &RawPicture, quality: u8, pool: &mut Pool) -> anyhow::Result<Buffer> {
        let frame = Arc::<Mutex<Option<FrameInParts>>>::default();
        let sink: PartSink = Arc::new({
            let frame = frame.clone();
            move |part| match &mut *frame.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(frame) => {
                    frame.add(part);
                }
                none => *none = Some(FrameInParts::begin(part)),
            }
        });
        self.encode_parts(picture, quality, MediaTime::default(), &sink)?;
        let frame = frame.lock().unwrap_or_else(PoisonError::into_inner).take();
        let whole = frame.and_then(|frame| frame.whole(pool)).context("a picture without bands")?;
        Ok(whole.jpeg)
    }

    /// The same of a picture that was captured then; `sink` takes the parts of the frame as they are encoded. Returns
    /// its bytes.
    ///
    /// If it fails, parts before that may have been given out.
    pub fn encode_parts(
        &mut self,
        picture: &RawPicture,
        quality: u8,
        captured: MediaTime,
        sink: &PartSink,
    ) -> anyhow::Result<usize> {
        ensure!((1..=100).contains(&quality), "quality {quality} is not between 1 and 100");
        let &RawPicture { layout, width, height, ref data } = picture;
        ensure!(
            (1..=LARGEST_SIDE).contains(&width) && (1..=LARGEST_SIDE).contains(&height),
            "a picture of {width}x{height} pixels cannot be a JPEG: each side is 1 to {LARGEST_SIDE}"
        );
        let needed = layout.bytes(width, height);
        ensure!(data.len() >= needed, "a {width}x{height} picture has {} of {needed} bytes", data.len());

        let sampling = sampling(layout, self.subsampling);
        let most = if self.cuts_finely { MAX_PARTS } else { self.most_bands };
        let worth = self.last_bytes.map_or(most, |bytes| (bytes / PART_BYTES).max(self.threads));
        let bands = Bands::new(width, height, sampling, worth.min(most));
        let threads = self.threads.min(bands.count());
        while self.helpers.len() + 1 < threads {
            let helper = Helper::spawn(self.helpers.len() + 1, &self.queue);
            self.helpers.push(helper.context("cannot start an encoder thread")?);
        }
        if !self.helpers.is_empty() {
            self.placement.keep_apart(self.helpers.iter().map(Helper::id));
        }
        let (picture, sink) = (picture.clone(), sink.clone());
        let job = Job { picture, captured, bands, sampling, quality, sink };
        let bytes = self.queue.encode(job, &mut self.own)?;
        self.last_bytes = Some(bytes);
        Ok(bytes)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.queue.end();
        self.helpers.iter_mut().for_each(Helper::join);
    }
}

/// The JPEG's sampling for a picture of this layout.
fn sampling(layout: Layout, wanted: Option<Subsampling>) -> Subsamp {
    let own = match layout {
        Layout::Gray => return Subsamp::Gray,
        Layout::I420 | Layout::Nv12 => Subsampling::Yuv420,
        Layout::I422 | Layout::Yuyv => Subsampling::Yuv422,
        Layout::I444 => Subsampling::Yuv444,
        Layout::Rgb | Layout::Bgr => wanted.unwrap_or(Subsampling::Yuv420),
    };
    match (own, wanted.unwrap_or(own)) {
        (Subsampling::Yuv420, _) | (_, Subsampling::Yuv420) => Subsamp::Sub2x2,
        (Subsampling::Yuv422, _) | (_, Subsampling::Yuv422) => Subsamp::Sub2x1,
        _ => Subsamp::None,
    }
}

/// What libjpeg takes at most (JPEG_MAX_DIMENSION).
const LARGEST_SIDE: u32 = 65_500;
/// Bands of a picture that is large enough, for each thread: with several, the first are on their way while the others
/// are encoded.
const BANDS_EACH: usize = 2;
/// And so many in any case.
const LEAST_BANDS: usize = 4;
/// But none becomes a smaller part than this because of that: each has headers and parity of its own.
const PART_BYTES: usize = 24 << 10;

#[cfg(test)]
mod tests;
