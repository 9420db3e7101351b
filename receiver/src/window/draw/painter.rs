//! Rectangles, lines and letters, drawn on pixels of B, G, R and alpha.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

use super::palette::Colour;

/// Draws on some pixels. What is outside of them is left out.
pub(crate) struct Painter<'a> {
    pixels: &'a mut [Colour],
    width: usize,
    height: usize,
}

impl<'a> Painter<'a> {
    /// Draws on these rows of four bytes a pixel, without gaps between them.
    pub(crate) fn new(pixels: &'a mut [u8], (width, height): (u32, u32)) -> Self {
        Self { pixels: pixels.as_chunks_mut().0, width: width as usize, height: height as usize }
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// Gives every pixel this colour.
    pub(crate) fn clear(&mut self, colour: Colour) {
        self.pixels.fill(colour);
    }

    /// Fills a rectangle. Its colour takes the place of what was there, alpha included.
    pub(crate) fn fill(&mut self, (left, top): (u32, u32), (across, down): (u32, u32), colour: Colour) {
        let (left, top) = (left as usize, top as usize);
        let right = left.saturating_add(across as usize).min(self.width);
        let bottom = top.saturating_add(down as usize).min(self.height);
        if left < right {
            for y in top..bottom {
                self.pixels[y * self.width..][left..right].fill(colour);
            }
        }
    }

    /// Draws a line between two points, both included, with a square of `thick` pixels.
    pub(crate) fn line(&mut self, from: (u32, u32), to: (u32, u32), thick: u32, colour: Colour) {
        let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
        let between = |from: u32, to: u32, step: u32| {
            let [from, to, step, steps] = [from, to, step, steps].map(i64::from);
            (from + ((to - from) * step + steps / 2).div_euclid(steps)) as u32
        };
        for step in 0..=steps {
            let at = (between(from.0, to.0, step), between(from.1, to.1, step));
            self.fill(at, (thick, thick), colour);
        }
    }

    /// Writes letters of [`GLYPH`] times `scale` pixels. A letter for which there is no room is left out as a whole,
    /// with all that follow.
    pub(crate) fn text(&mut self, (left, top): (u32, u32), text: &str, scale: u32, colour: Colour) {
        let (left, top, scale) = (left as usize, top as usize, scale as usize);
        let size = GLYPH as usize * scale;
        if size == 0 || top + size > self.height {
            return;
        }
        let fits = self.width.saturating_sub(left) / size;
        for (number, letter) in text.chars().take(fits).enumerate() {
            let left = left + number * size;
            for (row, bits) in glyph(letter).into_iter().enumerate() {
                for y in 0..scale {
                    let line = &mut self.pixels[(top + row * scale + y) * self.width + left..][..size];
                    for (_, pixels) in
                        line.chunks_exact_mut(scale).enumerate().filter(|(x, _)| bits >> x & 1 == 1)
                    {
                        pixels.fill(colour);
                    }
                }
            }
        }
    }
}

/// The text if it has no more letters than this, or its beginning and an ellipsis.
pub(crate) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().nth(letters).is_none() {
        return text.to_owned();
    }
    let Some(before) = letters.checked_sub(1) else { return String::new() };
    let end = text.char_indices().nth(before).map_or(text.len(), |(at, _)| at);
    format!("{}…", text[..end].trim_end())
}

/// How many pixels wide a text is, at scale 1.
pub(crate) fn width(text: &str) -> u32 {
    GLYPH * text.chars().count() as u32
}

/// A letter's rows, from the top; the lowest bit is on the left.
fn glyph(letter: char) -> [u8; 8] {
    match letter as usize {
        code @ 0x20..0x7f => BASIC_LEGACY[code],
        code @ 0xa0..0x100 => LATIN_LEGACY[code - 0xa0],
        // The font has none of these.
        _ => match letter {
            '…' => [0, 0, 0, 0, 0, 0x5b, 0x5b, 0],
            '●' => [0, 0x3c, 0x7e, 0x7e, 0x7e, 0x7e, 0x3c, 0],
            '▲' => [0, 0x18, 0x18, 0x3c, 0x3c, 0x7e, 0x7e, 0],
            '■' => [0, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0],
            _ => BASIC_LEGACY['?' as usize],
        },
    }
}

/// A letter's width and height at scale 1.
pub(crate) const GLYPH: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::bitmap::Bitmap;
    use crate::window::draw::read::{Found, find};

    const INK: Colour = [1, 2, 3, 255];

    #[test]
    fn letters_are_where_they_were_put_and_whole() {
        let mut bitmap = Bitmap::default();
        for scale in 1..=4 {
            bitmap.begin((200, 40), [0; 4]).text((7, 5), "für ±…", scale, INK);
            assert_eq!(find(&bitmap, "für ±…"), Some(Found { x: 7, y: 5, scale, colour: INK }));
        }
        bitmap.begin((8 * 5 + 7, 40), [0; 4]).text((0, 1), "MMMMMM", 1, INK);
        assert!(find(&bitmap, "MMMMM").is_some());
        let beyond =
            |pixels: &[u8]| pixels.chunks(4 * 47).any(|row| row[4 * 40..].iter().any(|&byte| byte > 0));
        assert!(!beyond(bitmap.pixels()), "no part of the sixth");
        bitmap.begin((200, 40), [0; 4]).text((0, 33), "M", 1, INK);
        assert!(bitmap.pixels().iter().all(|&byte| byte == 0), "there is no room below");
    }

    #[test]
    fn a_line_joins_its_ends_and_stays_inside() {
        let mut bitmap = Bitmap::default();
        for (from, to) in
            [((0, 0), (9, 9)), ((9, 0), (0, 9)), ((3, 8), (3, 1)), ((2, 5), (9, 5)), ((0, 9), (99, 0))]
        {
            bitmap.begin((10, 10), [0; 4]).line(from, to, 1, INK);
            let is_ink = |(x, y): (u32, u32)| bitmap.pixels()[(40 * y + 4 * x) as usize..][..4] == INK;
            assert!(is_ink(from) && (to.0 > 9 || is_ink(to)), "{from:?} {to:?}");
            let drawn = bitmap.pixels().chunks(4).filter(|pixel| **pixel == INK).count() as u32;
            let long = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)) + 1;
            assert_eq!(drawn, long.min(10), "{from:?} {to:?}");
        }
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        for (letters, is) in
            [(9, "the door"), (8, "the door"), (7, "the do…"), (5, "the…"), (1, "…"), (0, "")]
        {
            assert_eq!(shortened("the door", letters), is);
        }
    }
}
