//! Converts a picture to another chroma sampling.

use crate::codec::{Decoded, DecodedLayout};

/// Writes the picture's planes as `layout` has them, without padding, one behind the other.
///
/// It goes by way of full resolution, which is simple; it is done where a camera turns grey at night, and for samplings
/// that nobody else has.
pub(super) fn convert(picture: &Decoded, layout: DecodedLayout, into: &mut Vec<u8>) {
    let full = in_full(picture);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    into.clear();
    into.extend_from_slice(&full[0]);
    let (across, down) = match layout {
        DecodedLayout::I420 => (2, 2),
        DecodedLayout::I422 => (2, 1),
        DecodedLayout::I444 => (1, 1),
        DecodedLayout::Gray | DecodedLayout::Bgrx => return,
    };
    for plane in &full[1..] {
        reduce(plane, (width, height), (across, down), into);
    }
}

/// Y, U and V of each pixel, a plane each.
fn in_full(picture: &Decoded) -> [Vec<u8>; 3] {
    let (layout, width) = (picture.layout(), picture.width() as usize);
    let pixels = width * picture.height() as usize;
    let mut full = [(); 3].map(|()| Vec::with_capacity(pixels));
    let (across, down) = match layout {
        DecodedLayout::I420 => (2, 2),
        DecodedLayout::I422 => (2, 1),
        DecodedLayout::I444 | DecodedLayout::Gray | DecodedLayout::Bgrx => (1, 1),
    };
    for strip in picture.strips() {
        let planes = picture.planes(strip);
        let row = |plane: usize, row: usize| &planes[plane][row * layout.pitch(plane, picture.width())..];
        for y in 0..strip.rows() as usize {
            match layout {
                DecodedLayout::Bgrx => {
                    for bgrx in row(0, y).chunks_exact(4).take(width) {
                        for (plane, value) in full.iter_mut().zip(ycc(bgrx[2], bgrx[1], bgrx[0])) {
                            plane.push(value);
                        }
                    }
                    continue;
                }
                DecodedLayout::Gray => {
                    full[1..].iter_mut().for_each(|plane| plane.resize(plane.len() + width, NEUTRAL))
                }
                DecodedLayout::I420 | DecodedLayout::I422 | DecodedLayout::I444 => {
                    for n in [1, 2] {
                        let chroma = row(n, y / down);
                        full[n].extend((0..width).map(|x| chroma[x / across]));
                    }
                }
            }
            full[0].extend_from_slice(&row(0, y)[..width]);
        }
    }
    full
}

/// Each value the mean of those that it stands for.
fn reduce(plane: &[u8], (width, height): (usize, usize), (across, down): (usize, usize), into: &mut Vec<u8>) {
    if (across, down) == (1, 1) {
        return into.extend_from_slice(plane);
    }
    for top in (0..height).step_by(down) {
        for left in (0..width).step_by(across) {
            let (mut sum, mut count) = (0, 0);
            for y in top..height.min(top + down) {
                for x in left..width.min(left + across) {
                    sum += u32::from(plane[y * width + x]);
                    count += 1;
                }
            }
            into.push(((sum + count / 2) / count) as u8);
        }
    }
}

/// YCbCr of full range, as JFIF has it; in 65536ths.
fn ycc(r: u8, g: u8, b: u8) -> [u8; 3] {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    let scaled = |sum: i32| ((sum + (1 << 15)) >> 16).clamp(0, 255) as u8;
    let middle = i32::from(NEUTRAL) << 16;
    [
        scaled(19_595 * r + 38_470 * g + 7_471 * b),
        scaled(middle - 11_059 * r - 21_709 * g + 32_768 * b),
        scaled(middle + 32_768 * r - 27_439 * g - 5_329 * b),
    ]
}

/// No colour.
const NEUTRAL: u8 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_standard() {
        for (rgb, expected) in [
            ([0, 0, 0], [0, 128, 128]),
            ([255, 255, 255], [255, 128, 128]),
            ([255, 0, 0], [76, 85, 255]),
            ([0, 255, 0], [150, 44, 21]),
            ([0, 0, 255], [29, 255, 107]),
        ] {
            assert_eq!(ycc(rgb[0], rgb[1], rgb[2]), expected, "{rgb:?}");
        }
    }

    #[test]
    fn pixels_become_planes_of_each_sampling() {
        let mut picture = Decoded::default();
        // Red above blue, and a column more.
        picture.draw(3, 2, |pixels| {
            for (n, bgrx) in pixels.chunks_exact_mut(4).enumerate() {
                bgrx.copy_from_slice(if n < 3 { &[0, 0, 255, 0] } else { &[255, 0, 0, 0] });
            }
        });
        let luma = [76, 76, 76, 29, 29, 29];
        for (layout, chroma) in [
            (DecodedLayout::I444, &[85, 85, 85, 255, 255, 255, 255, 255, 255, 107, 107, 107][..]),
            (DecodedLayout::I422, &[85, 85, 255, 255, 255, 255, 107, 107]),
            (DecodedLayout::I420, &[170, 170, 181, 181]),
            (DecodedLayout::Gray, &[]),
        ] {
            let mut into = vec![7];
            convert(&picture, layout, &mut into);
            assert_eq!(into, [&luma[..], chroma].concat(), "{layout:?}");
        }
    }
}
