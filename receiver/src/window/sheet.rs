//! What is drawn to be laid over a picture: pixels of B, G, R and straight alpha.

use sdl2::rect::Rect;

use super::palette::Colour;
use super::pen::Pen;

/// Pixels of B, G, R and straight alpha, without gaps between the rows. Its memory is kept from one drawing to the next.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
}

impl Sheet {
    /// Begins anew: a sheet of this size and colour, to be drawn on.
    pub(super) fn begin(&mut self, (width, height): (u32, u32), colour: Colour) -> Pen<'_> {
        (self.width, self.height) = (width, height);
        self.pixels.resize(4 * width as usize * height as usize, 0);
        let mut pen = Pen::new(&mut self.pixels, (width, height));
        pen.clear(colour);
        pen
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The pixels, from the top left.
    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Bytes from one row to the next.
    pub(super) fn pitch(&self) -> usize {
        4 * self.width as usize
    }

    /// Lays the sheet over other pixels, of B, G, R and a byte without meaning, with its top left corner at `at`. Only
    /// pixels inside `clip` are changed.
    pub(super) fn blend(&self, into: &mut [u8], pitch: usize, at: (i32, i32), clip: Rect) {
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

/// Without branches, so that the compiler does several pixels at once.
fn blend_row(from: &[Colour], to: &mut [Colour]) {
    for (over, under) in from.iter().zip(to) {
        let alpha = u32::from(over[3]);
        let (over, below) = (u32::from_le_bytes(*over), u32::from_le_bytes(*under));
        // Two channels in one number, each with the room of 16 bits.
        let mix = |over: u32, below: u32| {
            let sum = over * alpha + below * (255 - alpha) + 0x0080_0080;
            // Divided by 255, rounded.
            (sum + (sum >> 8 & EVEN)) >> 8 & EVEN
        };
        let (even, odd) = (mix(over & EVEN, below & EVEN), mix(over >> 8 & EVEN, below >> 8 & EVEN));
        *under = (even | odd << 8).to_le_bytes();
    }
}

/// Bytes 0 and 2 of a pixel.
const EVEN: u32 = 0x00ff_00ff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_all_takes_the_place_and_what_covers_nothing_leaves_it() {
        let mut sheet = Sheet::default();
        let mut pen = sheet.begin((3, 1), [9, 9, 9, 0]);
        pen.fill((1, 0), (1, 1), [10, 20, 30, 255]);
        pen.fill((2, 0), (1, 1), [255, 255, 0, 51]);
        let mut into = [100, 0, 255, 255].repeat(3);
        sheet.blend(&mut into, 12, (0, 0), Rect::new(0, 0, 3, 1));
        assert_eq!(into[..3], [100, 0, 255]);
        assert_eq!(into[4..7], [10, 20, 30]);
        assert_eq!(into[8..11], [131, 51, 204], "a fifth of the way");
    }

    #[test]
    fn every_mixture_is_rounded_to_the_nearest() {
        for alpha in 0..=255 {
            for (over, below) in [(0, 255), (255, 0), (255, 255), (17, 200), (128, 127)] {
                let mut to = [[below; 4]];
                blend_row(&[[over, over, over, alpha]], &mut to);
                let exact = (f64::from(over) * f64::from(alpha)
                    + f64::from(below) * (255.0 - f64::from(alpha)))
                    / 255.0;
                assert_eq!(to[0][..3], [exact.round() as u8; 3], "{over} over {below}, {alpha}");
            }
        }
    }

    #[test]
    fn nothing_outside_the_clip_is_changed() {
        let mut sheet = Sheet::default();
        sheet.begin((8, 8), [1, 1, 1, 255]);
        let clip = Rect::new(2, 3, 5, 4);
        for at in [(-4, -4), (0, 0), (4, 5), (7, 7), (90, 0), (i32::MIN / 4, 0)] {
            let (pitch, mut into) = (4 * 10 + 4, vec![0; (4 * 10 + 4) * 9]);
            sheet.blend(&mut into, pitch, at, clip);
            let placed = Rect::new(at.0, at.1, 8, 8);
            for y in 0..9 {
                for x in 0..11 {
                    let is_hit = clip.contains_point((x, y)) && placed.contains_point((x, y));
                    let pixel = into[y as usize * pitch + 4 * x as usize];
                    assert_eq!(pixel, u8::from(is_hit), "{x} {y} with the sheet at {at:?}");
                }
            }
        }
        sheet.blend(&mut [], 0, (0, 0), clip);
        sheet.begin((0, 5), [0; 4]);
        sheet.blend(&mut [0; 64], 16, (0, 0), Rect::new(0, 0, 4, 4));
    }
}
