//! The card that stands in for a picture: a few lines of text in the middle of a dark window.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

use crate::decode::Decoded;

/// Draws these lines, the first one large, in a picture of this size.
pub(super) fn draw(card: &mut Decoded, width: u32, height: u32, lines: &[String]) {
    card.draw(width, height, |pixels| {
        for pixel in pixels.chunks_exact_mut(4) {
            pixel.copy_from_slice(&BACKGROUND);
        }
        let mut sheet = Sheet { pixels, width: width as usize, height: height as usize };
        let Some((head, rest)) = lines.split_first() else { return };
        let longest = rest.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        // Letters as large as fit: whole multiples of the font's 8x8, so that they stay sharp.
        let small = sheet.largest(longest.max(24), 24).clamp(1, 4);
        let large = sheet.largest(head.chars().count(), 10).clamp(small, 3 * small);
        let total = GLYPH * large + 3 * GLYPH * small + rest.len() * LINE * small;
        let mut top = sheet.height.saturating_sub(total) / 2;
        sheet.text(head, top, large, HEAD);
        top += GLYPH * large + GLYPH * small;
        sheet.rule(top, small, head.chars().count() * GLYPH * large);
        top += 2 * GLYPH * small;
        for line in rest {
            sheet.text(line, top, small, TEXT);
            top += LINE * small;
        }
    });
}

struct Sheet<'a> {
    pixels: &'a mut [u8],
    width: usize,
    height: usize,
}

impl Sheet<'_> {
    /// The largest scale at which so many letters fit beside, and so many lines below one another.
    fn largest(&self, letters: usize, lines: usize) -> usize {
        (self.width / (GLYPH * (letters + 2))).min(self.height / (GLYPH * lines))
    }

    /// Writes a line in the middle; what is too long is cut.
    fn text(&mut self, text: &str, top: usize, scale: usize, colour: [u8; 4]) {
        let fits = self.width / (GLYPH * scale);
        let length = text.chars().count().min(fits);
        let left = (self.width - length * GLYPH * scale) / 2;
        for (number, letter) in text.chars().take(length).enumerate() {
            for (y, bits) in glyph(letter).into_iter().enumerate() {
                for x in (0..GLYPH).filter(|x| bits >> x & 1 == 1) {
                    self.fill(left + (number * GLYPH + x) * scale, top + y * scale, (scale, scale), colour);
                }
            }
        }
    }

    /// A thin line in the middle.
    fn rule(&mut self, top: usize, thick: usize, long: usize) {
        let long = long.min(self.width);
        self.fill((self.width - long) / 2, top, (long, thick), RULE);
    }

    fn fill(&mut self, left: usize, top: usize, (across, down): (usize, usize), colour: [u8; 4]) {
        for y in top..(top + down).min(self.height) {
            let row = &mut self.pixels[4 * y * self.width..][..4 * self.width];
            for pixel in row.chunks_exact_mut(4).skip(left).take(across) {
                pixel.copy_from_slice(&colour);
            }
        }
    }
}

/// A letter's rows, from the top; the lowest bit is on the left.
fn glyph(letter: char) -> [u8; 8] {
    match letter as usize {
        code @ 0x20..0x7f => BASIC_LEGACY[code],
        code @ 0xa0..0x100 => LATIN_LEGACY[code - 0xa0],
        _ => BASIC_LEGACY['?' as usize],
    }
}

const GLYPH: usize = 8;
/// From one line to the next.
const LINE: usize = 14;

// Blue, green, red.
const BACKGROUND: [u8; 4] = [0x1c, 0x16, 0x12, 0xff];
const HEAD: [u8; 4] = [0xf2, 0xee, 0xea, 0xff];
const TEXT: [u8; 4] = [0xb4, 0xaa, 0xa0, 0xff];
const RULE: [u8; 4] = [0x3c, 0x96, 0xe6, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u32, height: u32, lines: &[&str]) -> usize {
        let mut card = Decoded::default();
        draw(&mut card, width, height, &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>());
        let pixels = card.planes(&card.strips()[0])[0].to_vec();
        pixels.chunks(4).filter(|pixel| **pixel != BACKGROUND).count()
    }

    #[test]
    fn any_size_and_any_text_can_be_drawn() {
        for (width, height) in [(1, 1), (7, 300), (300, 7), (160, 120), (1920, 1080)] {
            for lines in
                [&[][..], &["no signal"], &["no signal", "für 12 s", "", "名前", &"long ".repeat(99)]]
            {
                drawn(width, height, lines);
            }
        }
        assert!(drawn(640, 480, &["no signal", "for 3 s"]) > 1000);
    }
}
