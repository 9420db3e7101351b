//! How a picture is cut into bands.

use std::ops::Range;

use turbojpeg::Subsamp;

use super::part::BandPlace;

/// Bands of whole rows of MCUs, all but the last equally high.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bands {
    count: usize,
    height: u32,
    band_height: u32,
    band_mcus: u32,
}

impl Bands {
    /// For a picture of this size, at most so many.
    pub(super) fn new(width: u32, height: u32, sampling: Subsamp, most: usize) -> Self {
        let (mcu_width, mcu_height) = sampling.mcu_size();
        let columns = width.div_ceil(mcu_width as u32);
        let rows = height.div_ceil(mcu_height as u32);
        let worth = u64::from(width) * u64::from(height) / LEAST_PIXELS;
        let most = u32::try_from(worth).unwrap_or(u32::MAX).clamp(1, most.max(1) as u32);
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

    /// How many there are.
    pub(super) fn count(self) -> usize {
        self.count
    }

    /// The rows of pixels of one of them.
    pub(super) fn rows(self, index: usize) -> Range<u32> {
        let start = index as u32 * self.band_height;
        start..(start + self.band_height).min(self.height)
    }

    /// Where one of them is in its picture.
    pub(super) fn place(self, index: usize) -> BandPlace {
        BandPlace { index, count: self.count, height: self.height as u16, interval: self.interval() }
    }

    /// MCUs from one restart marker to the next; `None` if there are no such markers.
    fn interval(self) -> Option<u16> {
        if self.count > 1 { u16::try_from(self.band_mcus).ok() } else { None }
    }
}

/// Pixels of a band that is worth waking another thread for, and sending by itself.
const LEAST_PIXELS: u64 = 640 * 480 / 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_the_picture_once() {
        for (height, most) in [(480, 2), (481, 4), (1080, 4), (1080, 3), (700, 200)] {
            let bands = Bands::new(1000, height, Subsamp::Sub2x2, most);
            let mut next = 0;
            for index in 0..bands.count {
                let rows = bands.rows(index);
                assert_eq!(rows.start, next);
                assert!(!rows.is_empty() && rows.start.is_multiple_of(16));
                next = rows.end;
            }
            assert_eq!(next, height);
            assert!(bands.count <= most);
        }
        let counts = [(1920, 1080, 8), (1280, 720, 8), (640, 480, 8), (639, 480, 8), (16, 16, 8)]
            .map(|(width, height, most)| Bands::new(width, height, Subsamp::Sub2x2, most).count());
        assert_eq!(counts, [8, 6, 2, 1, 1], "small ones are not worth it");
        assert_eq!(Bands::new(639, 480, Subsamp::Sub2x2, 4).interval(), None);
        assert_eq!(Bands::new(16_000, 16_000, Subsamp::None, 4).count, 1, "an interval has 16 bits");
    }
}
