//! Rectangles, lines and letters, drawn on pixels of B, G, R and alpha.

use super::font::{Fonts, ascent, height};
use super::glyph::Glyph;
use super::palette::Colour;

/// Draws on some pixels. What is outside of them is left out.
pub(crate) struct Painter<'a> {
    fonts: &'a Fonts,
    pixels: &'a mut [Colour],
    width: usize,
    height: usize,
}

impl<'a> Painter<'a> {
    /// Draws on these rows of four bytes a pixel, without gaps between them.
    pub(crate) fn new(fonts: &'a Fonts, pixels: &'a mut [u8], (width, height): (u32, u32)) -> Self {
        Self { fonts, pixels: pixels.as_chunks_mut().0, width: width as usize, height: height as usize }
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// What it writes with.
    pub(crate) fn fonts(&self) -> &'a Fonts {
        self.fonts
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

    /// Writes a line of letters, from the top of the line. A letter for which there is no room is left out as a whole,
    /// with all that follow.
    pub(crate) fn text(&mut self, (left, top): (u32, u32), text: &str, size: u32, colour: Colour) {
        if top as usize + height(size) as usize > self.height {
            return;
        }
        let room = (self.width as u32).saturating_sub(left);
        let (left, baseline) = (left as i32, (top + ascent(size)) as i32);
        self.fonts.place(text, size, |at, end, letter| {
            if end <= room {
                self.letter((left + at.0, baseline + at.1), letter, colour);
            }
        });
    }

    fn letter(&mut self, (left, top): (i32, i32), letter: &Glyph, colour: Colour) {
        for (y, row) in (top..).zip(letter.coverage.chunks_exact((letter.width as usize).max(1))) {
            if y < 0 || y as usize >= self.height {
                continue;
            }
            let line = &mut self.pixels[y as usize * self.width..][..self.width];
            for (x, &covered) in (left..).zip(row).filter(|(_, covered)| **covered > 0) {
                if let Some(pixel) = usize::try_from(x).ok().and_then(|x| line.get_mut(x)) {
                    *pixel = inked(*pixel, colour, covered);
                }
            }
        }
    }
}

/// A pixel of which ink covers a part, from 0 to 255. The ink's own alpha is not looked at: ink hides what is below.
pub(super) fn inked(below: Colour, ink: Colour, covered: u8) -> Colour {
    if covered == 255 {
        return [ink[0], ink[1], ink[2], 255];
    }
    let (covered, left) = (u32::from(covered), u32::from(255 - covered));
    // All by 255 times 255.
    let alpha_below = left * u32::from(below[3]);
    let alpha = 255 * covered + alpha_below;
    if alpha == 0 {
        return below;
    }
    let mut mixed = [0; 4];
    for (channel, mixed) in mixed.iter_mut().enumerate().take(3) {
        let sum = 255 * covered * u32::from(ink[channel]) + alpha_below * u32::from(below[channel]);
        *mixed = ((sum + alpha / 2) / alpha) as u8;
    }
    mixed[3] = ((alpha + 127) / 255) as u8;
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::bitmap::Bitmap;
    use crate::window::draw::read::{FoundText, find, fonts};

    const INK: Colour = [1, 2, 3, 255];

    #[test]
    fn letters_are_where_they_were_put_and_whole() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        for size in [9, 11, 16, 24, 60] {
            bitmap.begin(&fonts, (400, 90), [0; 4]).text((7, 5), "für ±…", size, INK);
            let found = find(&bitmap, "für ±…").unwrap();
            // Sizes that differ by less than a pixel are drawn alike.
            assert_eq!(FoundText { size, ..found }, FoundText { x: 7, y: 5, size, colour: INK });
            assert_eq!(height(found.size), height(size));
        }
        let room = fonts.width("MMMMMM", 16) - 1;
        bitmap.begin(&fonts, (room, 40), [0; 4]).text((0, 1), "MMMMMM", 16, INK);
        assert!(find(&bitmap, "MMMMM").is_some());
        let beyond = 4 * fonts.width("MMMMM", 16) as usize;
        let is_bare = |row: &[u8]| row[beyond..].iter().all(|&byte| byte == 0);
        assert!(bitmap.pixels().chunks(bitmap.pitch()).all(is_bare), "no part of the sixth");
        bitmap.begin(&fonts, (200, 40), [0; 4]).text((0, 41 - height(16)), "M", 16, INK);
        assert!(bitmap.pixels().iter().all(|&byte| byte == 0), "there is no room below");
    }

    #[test]
    fn ink_takes_the_place_as_far_as_it_covers() {
        let (panel, ink) = ([10, 20, 30, 200], [110, 120, 130, 255]);
        assert_eq!(inked(panel, ink, 255), ink);
        assert_eq!(inked(panel, ink, 0), panel);
        assert_eq!(inked([9, 9, 9, 0], ink, 51), [110, 120, 130, 51], "alone on nothing");
        assert_eq!(inked([10, 20, 30, 255], ink, 51), [30, 40, 50, 255], "a fifth of the way");
        let [.., alpha] = inked(panel, ink, 128);
        assert_eq!(alpha, 228, "half of what is seen through is closed");
        assert_eq!(inked([0; 4], ink, 0), [0; 4]);
    }

    #[test]
    fn a_line_joins_its_ends_and_stays_inside() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        for (from, to) in
            [((0, 0), (9, 9)), ((9, 0), (0, 9)), ((3, 8), (3, 1)), ((2, 5), (9, 5)), ((0, 9), (99, 0))]
        {
            bitmap.begin(&fonts, (10, 10), [0; 4]).line(from, to, 1, INK);
            let is_ink = |(x, y): (u32, u32)| bitmap.pixels()[(40 * y + 4 * x) as usize..][..4] == INK;
            assert!(is_ink(from) && (to.0 > 9 || is_ink(to)), "{from:?} {to:?}");
            let drawn = bitmap.pixels().chunks(4).filter(|pixel| **pixel == INK).count() as u32;
            let long = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)) + 1;
            assert_eq!(drawn, long.min(10), "{from:?} {to:?}");
        }
    }
}
