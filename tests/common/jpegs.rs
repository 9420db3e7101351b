//! JPEGs as cameras make them, and as attackers make them.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// A JPEG whose middle third is of one colour, with edges and colours around it; a small one is of that colour alone.
pub(crate) fn picture(width: usize, height: usize, rgb: [u8; 3], subsamp: Subsamp) -> Vec<u8> {
    let pixels = pixels(width, height, rgb);
    encode(&pixels, width, height, &mut compressor(subsamp))
}

/// The same, 640x480 and 4:2:0, coded progressively.
pub(crate) fn progressive(rgb: [u8; 3]) -> Vec<u8> {
    let mut compressor = compressor(Subsamp::Sub2x2);
    compressor.set_progressive(true).unwrap();
    encode(&pixels(640, 480, rgb), 640, 480, &mut compressor)
}

/// The same with arithmetic coding.
pub(crate) fn arithmetic(rgb: [u8; 3]) -> Vec<u8> {
    let mut compressor = compressor(Subsamp::Sub2x2);
    compressor.set_arithmetic(true).unwrap();
    encode(&pixels(640, 480, rgb), 640, 480, &mut compressor)
}

/// The same without loss.
pub(crate) fn lossless(rgb: [u8; 3]) -> Vec<u8> {
    let mut compressor = compressor(Subsamp::None);
    compressor.set_lossless(true).unwrap();
    encode(&pixels(640, 480, rgb), 640, 480, &mut compressor)
}

/// A JPEG in the four colours of print.
pub(crate) fn four_colours() -> Vec<u8> {
    let (width, height, format) = (640, 480, PixelFormat::CMYK);
    let pixels = [10, 200, 90, 30].repeat(width * height);
    let image = Image { pixels: &pixels[..], width, pitch: 4 * width, height, format };
    compressor(Subsamp::None).compress_to_vec(image).unwrap()
}

/// [`picture`], 640x480 and 4:2:0, with a restart marker after each `rows` rows, a multiple of 16.
pub(crate) fn with_restarts(rgb: [u8; 3], rows: usize) -> Vec<u8> {
    let (width, height) = (640, 480);
    let pixels = pixels(width, height, rgb);
    let strips: Vec<_> = pixels
        .chunks(3 * width * rows)
        .map(|strip| encode(strip, width, strip.len() / (3 * width), &mut compressor(Subsamp::Sub2x2)))
        .collect();
    // Headers of the first strip, with the whole height and an interval; then each strip's data, and a marker between.
    let mut headers = strips[0][..data(&strips[0])].to_vec();
    let height_at = frame_header(&headers) + 5;
    headers[height_at..height_at + 2].copy_from_slice(&(height as u16).to_be_bytes());
    let interval = ((width / 16 * rows / 16) as u16).to_be_bytes();
    let mut whole = [&headers[..2], &[0xff, 0xdd, 0, 4], &interval, &headers[2..]].concat();
    for (number, strip) in strips.iter().enumerate() {
        if number > 0 {
            whole.extend_from_slice(&[0xff, 0xd0 + ((number - 1) % 8) as u8]);
        }
        whole.extend_from_slice(&strip[data(strip)..strip.len() - 2]);
    }
    whole.extend_from_slice(&END);
    whole
}

/// Takes all segments with this marker out.
pub(crate) fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let mut kept = jpeg[..2].to_vec();
    for (found, segment) in segments(jpeg) {
        if found != marker {
            kept.extend_from_slice(&jpeg[segment]);
        }
    }
    kept.extend_from_slice(&jpeg[data(jpeg)..]);
    kept
}

/// Puts bytes right behind the start marker.
pub(crate) fn with_first(jpeg: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&jpeg[..2], bytes, &jpeg[2..]].concat()
}

/// An APP1 segment around these bytes.
pub(crate) fn app1(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, 0xe1], &length[..], content].concat()
}

/// Puts bytes right before the end marker.
pub(crate) fn with_last(jpeg: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&jpeg[..jpeg.len() - 2], bytes, &END].concat()
}

/// Overwrites the frame header (T.81 B.2.2) from `offset` on: 1 is the kind, 4 the precision, 5 height and width, and
/// 11, 14 and 17 are the components' sampling factors.
pub(crate) fn with_header(jpeg: &[u8], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let (mut changed, at) = (jpeg.to_vec(), frame_header(jpeg) + offset);
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    changed
}

fn pixels(width: usize, height: usize, rgb: [u8; 3]) -> Vec<u8> {
    let is_small = width < 64 || height < 64;
    let middle = |at: usize, all: usize| (all / 3..all - all / 3).contains(&at);
    let colour = |x: usize, y: usize| {
        if is_small || middle(x, width) && middle(y, height) {
            rgb
        } else {
            [(x * 3 + y) as u8, (y * 5) as u8 ^ x as u8, ((x / 9 + y / 7) % 2 * 200) as u8]
        }
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect()
}

fn compressor(subsamp: Subsamp) -> Compressor {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.set_quality(90).unwrap();
    compressor
}

fn encode(pixels: &[u8], width: usize, height: usize, compressor: &mut Compressor) -> Vec<u8> {
    let image = Image { pixels, width, pitch: 3 * width, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).unwrap()
}

/// Where the frame header of a baseline JPEG begins.
fn frame_header(jpeg: &[u8]) -> usize {
    segments(jpeg).find(|(marker, _)| *marker == 0xc0).unwrap().1.start
}

/// Where the data of the only scan begin.
fn data(jpeg: &[u8]) -> usize {
    segments(jpeg).last().unwrap().1.end
}

/// Markers and where their segments are, down to that of the first scan.
fn segments(jpeg: &[u8]) -> impl Iterator<Item = (u8, std::ops::Range<usize>)> + '_ {
    let mut at = 2;
    std::iter::from_fn(move || {
        let (start, marker) = (at, jpeg[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        Some((marker, start..at))
    })
    .scan(false, |over, (marker, segment)| {
        (!std::mem::replace(over, marker == 0xda)).then_some((marker, segment))
    })
}

const END: [u8; 2] = [0xff, 0xd9];
