//! A bitmap to be laid over a picture: pixels of B, G, R and straight alpha.

use sdl2::rect::Rect;

use super::font::Fonts;
use super::painter::Painter;
use super::palette::Colour;

/// Pixels of B, G, R and straight alpha, without gaps between the rows. Its memory is kept from one drawing to the
/// next.
#[derive(Debug, Default)]
pub(crate) struct Bitmap {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
}

impl Bitmap {
    /// Begins anew: a bitmap of this size and colour, to be drawn on.
    pub(crate) fn begin<'a>(
        &'a mut self,
        fonts: &'a Fonts,
        (width, height): (u32, u32),
        colour: Colour,
    ) -> Painter<'a> {
        (self.width, self.height) = (width, height);
        self.pixels.resize(4 * width as usize * height as usize, 0);
        let mut painter = Painter::new(fonts, &mut self.pixels, (width, height));
        painter.clear(colour);
        painter
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The pixels, from the top left.
    pub(crate) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Bytes from one row to the next.
    pub(crate) fn pitch(&self) -> usize {
        4 * self.width as usize
    }

    /// Lays the bitmap over other pixels, of B, G, R and a byte without meaning, with its top left corner at `at`. Only
    /// pixels inside `clip` are changed.
    pub(crate) fn blend(&self, into: &mut [u8], pitch: usize, at: (i32, i32), clip: Rect) {
        let within = Rect::new(0, 0, (pitch / 4) as u32, into.len().checked_div(pitch).unwrap_or(0) as u32);
        let Some(area) = Rect::new(at.0, at.1, self.width, self.height)
            .intersection(clip)
            .and_then(|area| area.intersection(within))
            .filter(|_| self.width > 0 && self.height > 0 && !into.is_empty())
        else {
            return;
        };
        let (left, right) = ((area.left() - at.0) as usize, (area.right() - at.0) as usize);
        for y in area.top()..area.bottom() {
            let from = &self.pixels[(y - at.1) as usize * self.pitch()..][4 * left..4 * right];
            let to = &mut into[y as usize * pitch + 4 * area.left() as usize..][..from.len()];
            blend_row(from.as_chunks().0, to.as_chunks_mut().0);
        }
    }
}

/// Most of a bitmap is of few colours, so what depends on the colour alone is worked out once for each run of it.
fn blend_row(from: &[Colour], to: &mut [Colour]) {
    let mut to = to;
    for run in from.chunk_by(|a, b| u32::from_ne_bytes(*a) == u32::from_ne_bytes(*b)) {
        let (below, rest) = to.split_at_mut(run.len());
        to = rest;
        match run[0] {
            [.., 0] => {}
            colour @ [.., 255] => below.fill(colour),
            // The rims of letters.
            colour if below.len() < 4 => below.iter_mut().for_each(|pixel| *pixel = blended(colour, *pixel)),
            colour => blend_colour(colour, below.as_flattened_mut()),
        }
    }
}

/// In steps of four pixels and 16 bits a channel, which the compiler does at once.
fn blend_colour(colour: Colour, below: &mut [u8]) {
    let over: [u16; 16] = std::array::from_fn(|byte| over(colour, byte % 4));
    let (fours, rest) = below.as_chunks_mut::<16>();
    for bytes in fours {
        for (byte, over) in bytes.iter_mut().zip(over) {
            *byte = mixed(over, *byte, colour);
        }
    }
    for (byte, over) in rest.iter_mut().zip(over) {
        *byte = mixed(over, *byte, colour);
    }
}

/// The same for one pixel.
fn blended(colour: Colour, below: Colour) -> Colour {
    std::array::from_fn(|byte| mixed(over(colour, byte), below[byte], colour))
}

/// What a colour's byte adds, times 255, and half of one for rounding.
fn over(colour: Colour, byte: usize) -> u16 {
    u16::from(colour[byte]) * u16::from(colour[3]) + 128
}

fn mixed(over: u16, below: u8, colour: Colour) -> u8 {
    let sum = over + u16::from(below) * (255 - u16::from(colour[3]));
    // Divided by 255, rounded.
    ((sum + (sum >> 8)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::fonts;

    #[test]
    fn what_covers_all_takes_the_place_and_what_covers_nothing_leaves_it() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        let mut painter = bitmap.begin(&fonts, (3, 1), [9, 9, 9, 0]);
        painter.fill((1, 0), (1, 1), [10, 20, 30, 255]);
        painter.fill((2, 0), (1, 1), [255, 255, 0, 51]);
        let mut into = [100, 0, 255, 255].repeat(3);
        bitmap.blend(&mut into, 12, (0, 0), Rect::new(0, 0, 3, 1));
        assert_eq!(into[..3], [100, 0, 255]);
        assert_eq!(into[4..7], [10, 20, 30]);
        assert_eq!(into[8..11], [131, 51, 204], "a fifth of the way");
    }

    #[test]
    fn every_mixture_is_rounded_to_the_nearest() {
        for alpha in 0..=255 {
            for (over, below) in [(0, 255), (255, 0), (255, 255), (17, 200), (128, 127)] {
                // One alone, and so many that they are mixed together.
                let (mut to, mut many) = ([[below; 4]], [[below; 4]; 7]);
                blend_row(&[[over, over, over, alpha]], &mut to);
                blend_row(&[[over, over, over, alpha]; 7], &mut many);
                assert_eq!(many, [to[0]; 7]);
                let exact = (f64::from(over) * f64::from(alpha)
                    + f64::from(below) * (255.0 - f64::from(alpha)))
                    / 255.0;
                assert_eq!(to[0][..3], [exact.round() as u8; 3], "{over} over {below}, {alpha}");
            }
        }
    }

    #[test]
    fn nothing_outside_the_clip_is_changed() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        bitmap.begin(&fonts, (8, 8), [1, 1, 1, 255]);
        let clip = Rect::new(2, 3, 5, 4);
        for at in [(-4, -4), (0, 0), (4, 5), (7, 7), (90, 0), (i32::MIN / 4, 0)] {
            let (pitch, mut into) = (4 * 10 + 4, vec![0; (4 * 10 + 4) * 9]);
            bitmap.blend(&mut into, pitch, at, clip);
            let placed = Rect::new(at.0, at.1, 8, 8);
            for y in 0..9 {
                for x in 0..11 {
                    let is_hit = clip.contains_point((x, y)) && placed.contains_point((x, y));
                    let pixel = into[y as usize * pitch + 4 * x as usize];
                    assert_eq!(pixel, u8::from(is_hit), "{x} {y} with the bitmap at {at:?}");
                }
            }
        }
        bitmap.blend(&mut [], 0, (0, 0), clip);
        bitmap.begin(&fonts, (0, 5), [0; 4]);
        bitmap.blend(&mut [0; 64], 16, (0, 0), Rect::new(0, 0, 4, 4));
    }
}
