//! Encodes raw pictures as JPEGs: from YUV planes without a detour through RGB, large ones on several cores at once.

use std::num::NonZero;
use std::thread::available_parallelism;

use anyhow::{Context, ensure};
use proto::sys::Placement;
use proto::{Buffer, Pool};
use turbojpeg::Subsamp;

use super::band::{Band, Task};
use super::helper::Helper;
use super::join;
use crate::picture::{Layout, RawPicture, unique};

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
/// A picture of 640x480 or more is cut into bands, each encoded by its own thread. They are joined to one ordinary
/// baseline JPEG, with a restart marker between bands; its decoded pixels do not depend on the number of bands.
///
/// Once warm it allocates nothing per picture (libjpeg-turbo does inside). Its threads end when it is dropped.
#[derive(Debug)]
pub struct Encoder {
    subsampling: Option<Subsampling>,
    most_bands: usize,
    own: Band,
    helpers: Vec<Helper>,
    placement: Placement,
}

impl Encoder {
    /// An encoder on as many cores as there are, at most 4.
    ///
    /// Without `subsampling`, pictures keep their own, and RGB becomes 4:2:0. With it, colour is reduced to it;
    /// colour that is not there is never made up, so 4:2:0 stays 4:2:0.
    pub fn new(subsampling: Option<Subsampling>) -> anyhow::Result<Self> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            subsampling,
            most_bands: cores.min(4),
            own: Band::new()?,
            helpers: Vec::new(),
            placement: Placement::default(),
        })
    }

    /// The same encoder on `threads` threads (at least 1, the calling one).
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { most_bands: threads.max(1), ..self }
    }

    /// Makes a JPEG of `picture` with `quality` 1 to 100, in a buffer of `pool`.
    ///
    /// Fails if there is no such quality, or the picture is empty, larger than a JPEG can be, or has fewer bytes than
    /// its size needs.
    pub fn encode(&mut self, picture: &RawPicture, quality: u8, pool: &mut Pool) -> anyhow::Result<Buffer> {
        ensure!((1..=100).contains(&quality), "quality {quality} is not between 1 and 100");
        let &RawPicture { layout, width, height, ref data } = picture;
        ensure!(
            (1..=LARGEST_SIDE).contains(&width) && (1..=LARGEST_SIDE).contains(&height),
            "a picture of {width}x{height} pixels cannot be a JPEG: each side is 1 to {LARGEST_SIDE}"
        );
        let needed = layout.bytes(width, height);
        ensure!(data.len() >= needed, "a {width}x{height} picture has {} of {needed} bytes", data.len());

        let sampling = sampling(layout, self.subsampling);
        let bands = Bands::new(width, height, sampling, self.most_bands);
        let task = |index| Task { picture: picture.clone(), rows: bands.rows(index), sampling, quality };
        while self.helpers.len() + 1 < bands.count {
            let helper = Helper::spawn(self.helpers.len() + 1).context("cannot start an encoder thread")?;
            self.helpers.push(helper);
        }
        let helpers = &mut self.helpers[..bands.count - 1];
        if !helpers.is_empty() {
            self.placement.keep_apart(helpers.iter().map(Helper::id));
        }
        for (helper, index) in helpers.iter_mut().zip(1..) {
            helper.begin(task(index));
        }
        let own = self.own.encode(&task(0));
        // All helpers are waited for even after an error, so that none is still at this picture with the next one.
        let others = helpers.iter_mut().map(Helper::wait).fold(Ok(()), anyhow::Result::and);
        own.and(others)?;

        let mut buffer = pool.take();
        let jpeg = unique(&mut buffer);
        jpeg.clear();
        let parts = std::iter::once(self.own.jpeg()).chain(helpers.iter().map(Helper::jpeg));
        join::join(parts, height as u16, bands.interval(), jpeg)?;
        Ok(pool.share(buffer))
    }
}

/// How a picture is cut into bands of whole rows of MCUs, all but the last equally high.
#[derive(Clone, Copy, Debug)]
struct Bands {
    count: usize,
    height: u32,
    band_height: u32,
    band_mcus: u32,
}

impl Bands {
    fn new(width: u32, height: u32, sampling: Subsamp, most: usize) -> Self {
        let (mcu_width, mcu_height) = sampling.mcu_size();
        let columns = width.div_ceil(mcu_width as u32);
        let rows = height.div_ceil(mcu_height as u32);
        let most = if u64::from(width) * u64::from(height) < WORTH_CUTTING { 1 } else { most as u32 };
        let band_rows = rows.div_ceil(most);
        // A restart interval has 16 bits.
        let band_rows = if columns * band_rows > u32::from(u16::MAX) { rows } else { band_rows };
        Self {
            count: rows.div_ceil(band_rows) as usize,
            height,
            band_height: band_rows * mcu_height as u32,
            band_mcus: columns * band_rows,
        }
    }

    fn rows(self, index: usize) -> std::ops::Range<u32> {
        let start = index as u32 * self.band_height;
        start..(start + self.band_height).min(self.height)
    }

    /// MCUs from one restart marker to the next; `None` if there are no such markers.
    fn interval(self) -> Option<u16> {
        if self.count > 1 { u16::try_from(self.band_mcus).ok() } else { None }
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
/// Pixels from which waking other threads costs less than it gains.
const WORTH_CUTTING: u64 = 640 * 480;

#[cfg(test)]
mod tests;
