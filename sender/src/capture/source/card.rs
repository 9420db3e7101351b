//! Draws the test card, straight into planes of Y, U and V.

use std::ops::Range;

/// The test card: what stays is drawn once and copied.
#[derive(Debug)]
pub(super) struct Card {
    still: Vec<u8>,
    /// The rows in which the bar moves.
    track: Range<usize>,
    /// Where the first line of text begins, and the size of its dots in pixels.
    text: (usize, usize),
    dot: usize,
}

impl Card {
    /// A card of this size whose top rows are left to the strip.
    pub(super) fn new(width: usize, height: usize, strip: usize) -> Self {
        let mut still = vec![128; width * height + 2 * width.div_ceil(2) * height.div_ceil(2)];
        let mut canvas = CardCanvas::new(&mut still, width, height);
        canvas.fill(0..width, 0..height, BLACK);

        let track = height - (height - strip) / 5 / 2 * 2..height;
        for (bar, colour) in BARS.iter().enumerate() {
            let edge = |bar: usize| bar * width / BARS.len() / 2 * 2;
            let right = if bar + 1 == BARS.len() { width } else { edge(bar + 1) };
            canvas.fill(edge(bar)..right, strip..track.start, yuv(*colour));
        }
        for x in 0..width {
            canvas.fill(x..x + 1, track.clone(), [(x * 256 / width) as u8, 128, 128]);
        }

        let room = track.start - strip;
        let dot = (width / (TEXT_COLUMNS * ADVANCE + 4)).min(room / (2 * LINE + 2)).min(height / 120).max(1);
        let size = ((TEXT_COLUMNS * ADVANCE + 3) * dot, (2 * LINE + 2) * dot);
        let left = width.saturating_sub(size.0) / 4 * 2;
        let top = strip + room.saturating_sub(size.1) / 4 * 2;
        canvas.fill(left..left + size.0, top..(top + size.1).min(track.start), BLACK);
        Self { still, track, text: (left + 2 * dot, top + 2 * dot), dot }
    }

    /// Makes `picture` the card with nothing moving on it.
    pub(super) fn copy_to(&self, picture: &mut Vec<u8>) {
        picture.clear();
        picture.extend_from_slice(&self.still);
    }

    /// Draws what moves: the bar, the picture's number, and the time of day in UTC from milliseconds.
    pub(super) fn draw_moving(&self, canvas: &mut CardCanvas<'_>, number: u32, millis: u128) {
        let step = (canvas.width / 120).next_multiple_of(2);
        let x = number as usize * step % canvas.width / 2 * 2;
        canvas.fill(x..x + (canvas.width / 32).max(4), self.track.clone(), yuv([255, 64, 0]));

        let (x, y) = self.text;
        canvas.write(x, y, self.dot, &digits(number.into(), 10));
        let of = |unit: u128, many: u128| (millis / unit % many) as u64;
        let line = y + LINE * self.dot;
        let mut x = x;
        for (value, width, end) in [
            (of(3_600_000, 24), 2, b':'),
            (of(60_000, 60), 2, b':'),
            (of(1000, 60), 2, b'.'),
            (of(1, 1000), 3, b' '),
        ] {
            x = canvas.write(x, line, self.dot, &digits(value, width)[10 - width..]);
            x = canvas.write(x, line, self.dot, &[end]);
        }
        canvas.write(x, line, self.dot, b"UTC");
    }
}

/// The planes of a picture in 4:2:0, to draw on. What is outside of it is not drawn.
#[derive(Debug)]
pub(super) struct CardCanvas<'a> {
    luma: &'a mut [u8],
    chroma: [&'a mut [u8]; 2],
    width: usize,
    height: usize,
}

impl<'a> CardCanvas<'a> {
    pub(super) fn new(data: &'a mut [u8], width: usize, height: usize) -> Self {
        let (luma, chroma) = data.split_at_mut(width * height);
        let (u, v) = chroma.split_at_mut(width.div_ceil(2) * height.div_ceil(2));
        Self { luma, chroma: [u, v], width, height }
    }

    /// Fills a rectangle with one colour. Chroma is shared by two pixels: coloured edges lie at even places.
    fn fill(&mut self, columns: Range<usize>, rows: Range<usize>, [y, u, v]: [u8; 3]) {
        if columns.start >= self.width || rows.start >= self.height {
            return;
        }
        self.fill_luma(columns.clone(), rows.clone(), y);
        let stride = self.width.div_ceil(2);
        let columns = columns.start / 2..columns.end.min(self.width).div_ceil(2);
        let rows = rows.start / 2..rows.end.min(self.height).div_ceil(2);
        for (plane, level) in self.chroma.iter_mut().zip([u, v]) {
            for row in rows.clone() {
                plane[row * stride..][columns.clone()].fill(level);
            }
        }
    }

    fn fill_luma(&mut self, columns: Range<usize>, rows: Range<usize>, level: u8) {
        let columns = columns.start.min(self.width)..columns.end.min(self.width);
        for row in rows.start..rows.end.min(self.height) {
            self.luma[row * self.width..][columns.clone()].fill(level);
        }
    }

    /// Writes white text with its top left at `x`, `y`; returns where the next letter would be.
    fn write(&mut self, mut x: usize, y: usize, dot: usize, text: &[u8]) -> usize {
        for &letter in text {
            for (row, bits) in (0..).zip(glyph(letter)) {
                for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                    let (left, top) = (x + column * dot, y + row * dot);
                    self.fill_luma(left..left + dot, top..top + dot, 255);
                }
            }
            x += ADVANCE * dot;
        }
        x
    }
}

/// Decimal digits of a number, at the end of ten places; the first of the last `width` places are zeros if need be.
fn digits(mut value: u64, width: usize) -> [u8; 10] {
    let mut text = [b' '; 10];
    for (place, digit) in text.iter_mut().rev().enumerate() {
        if value > 0 || place < width.min(6) {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    text
}

/// Full-range Y, U and V of a colour in R, G and B (JFIF).
fn yuv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f32::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402].map(|level| level.round() as u8)
}

/// A letter, five dots wide and seven high; the leftmost dot is the highest of five bits.
fn glyph(letter: u8) -> [u8; 7] {
    match letter {
        b'0' => [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        b'1' => [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        b'2' => [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        b'3' => [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110],
        b'4' => [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        b'5' => [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        b'6' => [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        b'7' => [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
        b'8' => [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        b'9' => [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        b':' => [0, 0b00100, 0b00100, 0, 0b00100, 0b00100, 0],
        b'.' => [0, 0, 0, 0, 0, 0b00100, 0b00100],
        b'U' => [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        b'T' => [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        b'C' => [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110],
        _ => [0; 7],
    }
}

/// Columns of the longest text, `hh:mm:ss.mmm UTC`.
const TEXT_COLUMNS: usize = 16;
/// From letter to letter, and from line to line, in dots.
const ADVANCE: usize = 6;
const LINE: usize = 9;
const BLACK: [u8; 3] = [0, 128, 128];
const BARS: [[u8; 3]; 8] = [
    [255, 255, 255],
    [255, 255, 0],
    [0, 255, 255],
    [0, 255, 0],
    [255, 0, 255],
    [255, 0, 0],
    [0, 0, 255],
    [64, 64, 64],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_leading_zeros_and_in_full() {
        assert_eq!(&digits(7, 2)[8..], b"07");
        assert_eq!(&digits(42, 10), b"    000042");
        assert_eq!(&digits(u32::MAX.into(), 10), b"4294967295");
    }

    #[test]
    fn drawing_over_the_edge_is_cut_off() {
        let mut data = vec![1; 5 * 3 + 2 * 3 * 2];
        let mut canvas = CardCanvas::new(&mut data, 5, 3);
        canvas.fill(4..9, 2..9, [7, 8, 9]);
        canvas.fill(9..12, 9..12, [0, 0, 0]);
        assert_eq!((data[13], data[14], data[15 + 5], data[15 + 6 + 5]), (1, 7, 8, 9));
        CardCanvas::new(&mut data, 5, 3).write(1, 1, 2, b"88");
        assert_eq!((data[0], data[13]), (1, 255));
    }

    #[test]
    fn the_text_is_inside_its_box_above_the_track() {
        for (width, height) in [(320, 240), (1280, 720), (1920, 1080), (4096, 2160)] {
            let card = Card::new(width, height, 48);
            assert!(card.text.0 + TEXT_COLUMNS * ADVANCE * card.dot <= width, "{width}x{height}");
            assert!(card.text.1 + 2 * LINE * card.dot <= card.track.start, "{width}x{height}");
        }
    }
}
