//! For tests: finds text in what was drawn.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

use super::bitmap::Bitmap;
use super::palette::Colour;

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) scale: u32,
    pub(crate) colour: Colour,
}

impl Found {
    /// Where the text ends.
    pub(crate) fn right(&self, text: &str) -> u32 {
        self.x + 8 * self.scale * text.chars().count() as u32
    }
}

/// The first place, from the top, where the text is: all of its letters' pixels are of one colour, and none around them.
pub(crate) fn find(bitmap: &Bitmap, text: &str) -> Option<Found> {
    (1..=12).find_map(|scale| find_at(bitmap, text, scale))
}

fn find_at(bitmap: &Bitmap, text: &str, scale: u32) -> Option<Found> {
    let (width, height) = bitmap.size();
    let letters = text.chars().count() as u32;
    let (right, bottom) = (width.checked_sub(8 * scale * letters)?, height.checked_sub(8 * scale)?);
    let pixels: &[Colour] = bitmap.pixels().as_chunks().0;
    // The corners of each dot, counted from the text's own corner; those of ink first.
    let (mut ink, mut paper) = (Vec::new(), Vec::new());
    for (number, letter) in text.chars().enumerate() {
        for (row, bits) in glyph(letter).into_iter().enumerate() {
            for bit in 0..8 {
                let (x, y) = (scale * (8 * number as u32 + bit), scale * row as u32);
                let end = scale - 1;
                let corners = [(x, y), (x + end, y), (x, y + end), (x + end, y + end)];
                let dots = if bits >> bit & 1 == 1 { &mut ink } else { &mut paper };
                dots.extend(corners.map(|(x, y)| (y * width + x) as usize));
            }
        }
    }
    for y in 0..=bottom {
        for x in 0..=right {
            let corner = (y * width + x) as usize;
            let colour = pixels[corner + ink[0]];
            // The first pixel is of the ground.
            if colour != pixels[0]
                && ink.iter().all(|dot| pixels[corner + dot] == colour)
                && paper.iter().all(|dot| pixels[corner + dot] != colour)
            {
                return Some(Found { x, y, scale, colour });
            }
        }
    }
    None
}

fn glyph(letter: char) -> [u8; 8] {
    match letter {
        '…' => [0, 0, 0, 0, 0, 0x5b, 0x5b, 0],
        '●' => [0, 0x3c, 0x7e, 0x7e, 0x7e, 0x7e, 0x3c, 0],
        '▲' => [0, 0x18, 0x18, 0x3c, 0x3c, 0x7e, 0x7e, 0],
        '■' => [0, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0],
        '\u{a0}'..='\u{ff}' => LATIN_LEGACY[letter as usize - 0xa0],
        _ => BASIC_LEGACY[letter as usize],
    }
}
