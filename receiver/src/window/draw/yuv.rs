//! YUV planes to pixels, where neither the decoder nor the graphics hardware does it.

use crate::codec::{Decoded, DecodedLayout, DecodedStrip};

/// Calls `write` with each row of the picture, from the top, as B, G, R and an unused byte.
pub(crate) fn rows(picture: &Decoded, scratch: &mut Vec<u8>, mut write: impl FnMut(usize, &[u8])) {
    for strip in picture.strips() {
        let first = strip.first_row() as usize;
        for row in 0..strip.rows() as usize {
            if picture.layout() == DecodedLayout::Bgrx {
                let pitch = 4 * picture.width() as usize;
                write(first + row, &picture.planes(strip)[0][row * pitch..][..pitch]);
            } else {
                scratch.resize(4 * picture.width() as usize, 0);
                convert(picture, strip, row, scratch);
                write(first + row, scratch);
            }
        }
    }
}

/// One row of a strip, each pixel with its own or its nearest chroma sample.
fn convert(picture: &Decoded, strip: &DecodedStrip, row: usize, into: &mut [u8]) {
    let (layout, width) = (picture.layout(), picture.width());
    let planes = picture.planes(strip);
    let chroma_row = if layout == DecodedLayout::I420 { row / 2 } else { row };
    let line = |plane: usize, row: usize| &planes[plane][row * layout.pitch(plane, width)..];
    let luma = &line(0, row)[..width as usize];
    if layout == DecodedLayout::Gray {
        for (pixel, &y) in into.chunks_exact_mut(4).zip(luma) {
            pixel.copy_from_slice(&[y, y, y, 255]);
        }
        return;
    }
    let (u, v) = (line(1, chroma_row), line(2, chroma_row));
    if layout == DecodedLayout::I444 {
        for ((pixel, &y), (&u, &v)) in into.chunks_exact_mut(4).zip(luma).zip(u.iter().zip(v)) {
            pixel.copy_from_slice(&Chroma::new(u, v).bgrx(y));
        }
    } else {
        for ((pixels, y), (&u, &v)) in into.chunks_mut(8).zip(luma.chunks(2)).zip(u.iter().zip(v)) {
            let chroma = Chroma::new(u, v);
            for (pixel, &y) in pixels.chunks_exact_mut(4).zip(y) {
                pixel.copy_from_slice(&chroma.bgrx(y));
            }
        }
    }
}

/// What a sample of chroma adds to blue, green and red: JFIF's equations, in 16-bit fixed point.
struct Chroma([i32; 3]);

impl Chroma {
    fn new(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        Self([116_130 * u, -22_554 * u - 46_802 * v, 91_881 * v].map(|add| (add + 0x8000) >> 16))
    }

    fn bgrx(&self, y: u8) -> [u8; 4] {
        let [blue, green, red] = self.0.map(|add| (i32::from(y) + add).clamp(0, 255) as u8);
        [blue, green, red, 255]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_jfif() {
        let bgrx = |y, u, v| Chroma::new(u, v).bgrx(y);
        assert_eq!(bgrx(0, 128, 128), [0, 0, 0, 255]);
        assert_eq!(bgrx(255, 128, 128), [255, 255, 255, 255]);
        assert_eq!(bgrx(76, 85, 255), [0, 0, 254, 255], "red");
        assert_eq!(bgrx(29, 255, 107), [254, 0, 0, 255], "blue");
    }
}
