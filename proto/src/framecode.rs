//! A number that a picture carries in its own pixels, so that a program can tell which picture a screen shows.
//!
//! The test card has a strip of black and white squares along its top edge: a fixed pattern, the number of the
//! picture, and a check. It survives JPEG, chroma subsampling and scaling, and it is read back from luma alone: from a
//! decoded picture, a screenshot, or a photograph that was cut to the picture.

/// The largest number a strip can hold; numbers count on from 0 after it.
pub const LARGEST: u32 = (1 << NUMBER_BITS) - 1;

/// Where the squares of a strip are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strip {
    /// Width and height of one square in pixels, a multiple of 8: squares do not share JPEG blocks.
    pub cell: usize,
    /// Squares in one row; what does not fit goes on in the next row.
    pub columns: usize,
}

impl Strip {
    /// The strip of a picture of this size, or `None` if the picture is too small for one (smaller than 64x64).
    pub fn of(width: u32, height: u32) -> Option<Self> {
        let (width, height) = (width as usize, height as usize);
        let cell = match width {
            0..64 => return None,
            // 16 pixels where they fit in two rows, and more where they fit in one.
            64..320 => 8,
            320..640 => 16,
            _ => (width / CELLS / 8 * 8).min(48),
        };
        let strip = Self { cell, columns: (width / cell).min(CELLS) };
        (height >= 64 && strip.height() <= height).then_some(strip)
    }

    /// Width of the whole strip in pixels.
    pub fn width(self) -> usize {
        self.columns * self.cell
    }

    /// Height of the whole strip in pixels.
    pub fn height(self) -> usize {
        CELLS.div_ceil(self.columns) * self.cell
    }

    /// Draws `number` (its low 24 bits) into the top left of a plane of luma whose rows are `stride` bytes apart.
    ///
    /// # Panics
    /// If the plane is smaller than the strip.
    pub fn draw(self, luma: &mut [u8], stride: usize, number: u32) {
        let code = encode(number & LARGEST);
        for row in 0..CELLS.div_ceil(self.columns) {
            let (first, rest) = luma[row * self.cell * stride..].split_at_mut(stride.min(self.width()));
            for column in 0..self.columns {
                let at = row * self.columns + column;
                let white = at < CELLS && code >> (CELLS - 1 - at) & 1 == 1;
                first[column * self.cell..][..self.cell].fill(if white { 255 } else { 0 });
            }
            // The other lines of this row of squares are the same as its first.
            for line in 1..self.cell {
                let at = line * stride - first.len();
                rest[at..at + self.width()].copy_from_slice(&first[..self.width()]);
            }
        }
    }
}

/// The number in the strip of a picture, or `None` if there is no strip that can be trusted.
///
/// `luma` begins at the picture's top left pixel and has rows `stride` bytes apart. The picture is `shown` wide and
/// high there, and was `drawn` with that width and height: the two differ where it was scaled.
pub fn read_strip(luma: &[u8], stride: usize, shown: (u32, u32), drawn: (u32, u32)) -> Option<u32> {
    let strip = Strip::of(drawn.0, drawn.1)?;
    let scale = (f64::from(shown.0) / f64::from(drawn.0), f64::from(shown.1) / f64::from(drawn.1));
    let mut levels = [0; CELLS];
    for (at, level) in levels.iter_mut().enumerate() {
        *level = brightness(luma, stride, strip, (at % strip.columns, at / strip.columns), scale)?;
    }
    let threshold = threshold(&levels)?;
    let code = levels.iter().fold(0, |code, &level| code << 1 | u64::from(level >= threshold));
    let number = (code >> CHECK_BITS) as u32 & LARGEST;
    (encode(number) == code).then_some(number)
}

/// Mean of the middle of one square: its edges are blurred by scaling and compression.
fn brightness(
    luma: &[u8],
    stride: usize,
    strip: Strip,
    (column, row): (usize, usize),
    scale: (f64, f64),
) -> Option<u32> {
    let range = |index: usize, scale: f64| {
        let at = |part: f64| ((index as f64 + part) * strip.cell as f64 * scale) as usize;
        at(0.3)..at(0.7).max(at(0.3) + 1)
    };
    let (columns, lines) = (range(column, scale.0), range(row, scale.1));
    if columns.end > stride {
        return None;
    }
    let (mut sum, count) = (0, columns.len() * lines.len());
    for line in lines {
        sum += luma.get(line * stride..)?.get(columns.clone())?.iter().map(|&y| u32::from(y)).sum::<u32>();
    }
    Some(sum / count as u32)
}

/// The level between black and white, from the squares whose colour is known; `None` if these are not clearly apart.
fn threshold(levels: &[u32; CELLS]) -> Option<u32> {
    let (mut darkest_white, mut brightest_black) = (255, 0);
    for (at, &level) in levels[..SYNC_BITS].iter().enumerate() {
        if SYNC >> (SYNC_BITS - 1 - at) & 1 == 1 {
            darkest_white = level.min(darkest_white);
        } else {
            brightest_black = level.max(brightest_black);
        }
    }
    (darkest_white >= brightest_black + 48).then(|| (darkest_white + brightest_black) / 2)
}

/// All squares of a strip, the first in the highest of 40 bits: pattern, number, check.
fn encode(number: u32) -> u64 {
    SYNC << (NUMBER_BITS + CHECK_BITS) | u64::from(number) << CHECK_BITS | u64::from(check(number))
}

/// CRC-8 (polynomial 0x07) that starts from all ones, so that an all-black strip is none.
fn check(number: u32) -> u8 {
    number.to_be_bytes()[1..].iter().fold(0xff, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x07 })
    })
}

const SYNC_BITS: usize = 8;
const NUMBER_BITS: usize = 24;
const CHECK_BITS: usize = 8;
const CELLS: usize = SYNC_BITS + NUMBER_BITS + CHECK_BITS;
const SYNC: u64 = 0b1011_0010;

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(u32, u32); 8] =
        [(64, 64), (65, 67), (320, 240), (639, 480), (640, 480), (1280, 720), (1920, 1080), (4096, 2160)];

    fn drawn((width, height): (u32, u32), number: u32) -> Vec<u8> {
        let mut luma = vec![100; (width * height) as usize];
        Strip::of(width, height).unwrap().draw(&mut luma, width as usize, number);
        luma
    }

    #[test]
    fn a_number_is_read_back_at_every_size() {
        for size in SIZES {
            for number in [0, 1, 0x5a_5a5a, 0xff_ffff, 0x1234_5678] {
                let luma = drawn(size, number);
                assert_eq!(
                    read_strip(&luma, size.0 as usize, size, size),
                    Some(number & LARGEST),
                    "{size:?}"
                );
            }
        }
    }

    #[test]
    fn a_number_is_read_from_a_scaled_and_noisy_picture() {
        let (size, shown) = ((640, 480), (417, 301));
        let luma = drawn(size, 123_456);
        let scaled: Vec<u8> = (0..shown.0 * shown.1)
            .map(|at| {
                let (x, y) = (at % shown.0 * size.0 / shown.0, at / shown.0 * size.1 / shown.1);
                let noise = (at * 7919 % 61) as i16 - 30;
                (i16::from(luma[(y * size.0 + x) as usize]) + noise).clamp(0, 255) as u8
            })
            .collect();
        assert_eq!(read_strip(&scaled, shown.0 as usize, shown, size), Some(123_456));
    }

    #[test]
    fn every_changed_square_is_noticed() {
        let size = (1280, 720);
        let strip = Strip::of(size.0, size.1).unwrap();
        for cell in 0..CELLS {
            let mut luma = drawn(size, 77);
            for line in 0..strip.cell {
                for pixel in &mut luma[line * 1280 + cell * strip.cell..][..strip.cell] {
                    *pixel = 255 - *pixel;
                }
            }
            assert_eq!(read_strip(&luma, 1280, size, size), None, "square {cell}");
        }
    }

    #[test]
    fn a_picture_without_a_strip_has_no_number() {
        for level in [0, 128, 255] {
            assert_eq!(read_strip(&vec![level; 640 * 480], 640, (640, 480), (640, 480)), None);
        }
        assert_eq!(read_strip(&[], 640, (640, 480), (640, 480)), None);
        assert_eq!(read_strip(&[0; 64], 8, (8, 8), (8, 8)), None);
    }

    #[test]
    fn squares_fit_and_do_not_share_jpeg_blocks() {
        for size in SIZES {
            let strip = Strip::of(size.0, size.1).unwrap();
            assert_eq!(strip.cell % 8, 0);
            assert!(strip.width() <= size.0 as usize && strip.height() <= size.1 as usize, "{size:?}");
        }
        assert_eq!(Strip::of(63, 100), None);
        assert_eq!(Strip::of(100, 63), None);
    }
}
