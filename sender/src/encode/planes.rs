//! The three planes of some rows of a YUV picture, in the form that the JPEG encoder needs.

use std::ops::Range;

use turbojpeg::{Subsamp, YuvPlanesImage};

use crate::picture::{Layout, RawPicture};

/// Room for planes that a picture does not have as they are needed. It is kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Planes {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    wide: Vec<u8>,
}

impl Planes {
    /// The planes of `rows` of `picture` with chroma as in `sampling`, which has no more chroma than the picture.
    ///
    /// Planes that the picture has are used where they lie. libjpeg-turbo reads luma up to whole chroma samples, that
    /// is a column and a row more at odd sizes; only then luma is copied.
    pub(super) fn of<'a>(
        &'a mut self,
        picture: &'a RawPicture,
        rows: Range<u32>,
        sampling: Subsamp,
    ) -> YuvPlanesImage<&'a [u8]> {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let rows = rows.start as usize..rows.end as usize;
        let chroma_width = width.div_ceil(sampling.width());
        let padded_width = chroma_width * sampling.width();
        let padded_rows = rows.len().next_multiple_of(sampling.height());
        let data: &'a [u8] = &picture.data;
        let Self { y, u, v, wide } = self;

        let luma: (&[u8], usize) = match picture.layout {
            Layout::Yuyv => {
                let stride = 2 * width.div_ceil(2);
                split_yuyv_luma(&data[rows.start * 2 * stride..rows.end * 2 * stride], y);
                repeat_last_row(y, stride, padded_rows - rows.len());
                (y, stride)
            }
            _ if padded_width == width && padded_rows == rows.len() => {
                (&data[rows.start * width..rows.end * width], width)
            }
            _ => {
                pad(&data[rows.start * width..rows.end * width], width, padded_width, y);
                repeat_last_row(y, padded_width, padded_rows - rows.len());
                (y, padded_width)
            }
        };

        let chroma: [&[u8]; 2] = match picture.layout {
            Layout::Yuyv => {
                let stride = 4 * width.div_ceil(2);
                let packed = &data[rows.start * stride..rows.end * stride];
                if sampling == Subsamp::Sub2x2 {
                    split_yuyv_chroma_halved(packed, stride, u, v);
                } else {
                    split_yuyv_chroma(packed, u, v);
                }
                [u, v]
            }
            Layout::Nv12 => {
                let stride = 2 * width.div_ceil(2);
                let both = &data[width * height..][rows.start / 2 * stride..rows.end.div_ceil(2) * stride];
                split_pairs(both, u, v);
                [u, v]
            }
            layout => {
                let (across, down) = match layout {
                    Layout::I420 => (2, 2),
                    Layout::I422 => (2, 1),
                    _ => (1, 1),
                };
                let (own_width, own_height) = (width.div_ceil(across), height.div_ceil(down));
                let range = rows.start / down * own_width..rows.end.div_ceil(down) * own_width;
                let blue = &data[width * height..][range.clone()];
                let red = &data[width * height + own_width * own_height..][range];
                let reduce = (sampling.width() / across, sampling.height() / down);
                [reduced(blue, own_width, reduce, wide, u), reduced(red, own_width, reduce, wide, v)]
            }
        };

        YuvPlanesImage {
            y_plane: luma.0,
            u_plane: chroma[0],
            v_plane: chroma[1],
            width,
            height: rows.len(),
            y_stride: luma.1,
            u_stride: chroma_width,
            v_stride: chroma_width,
            subsamp: sampling,
        }
    }
}

/// A plane reduced by (1, 1), (1, 2), (2, 1) or (2, 2), by taking means; where nothing is reduced, as it is.
fn reduced<'a>(
    plane: &'a [u8],
    width: usize,
    (across, down): (usize, usize),
    wide: &mut Vec<u8>,
    into: &'a mut Vec<u8>,
) -> &'a [u8] {
    match (across, down) {
        (1, 1) => return plane,
        (_, 1) => halve_columns(plane, width, into),
        (1, _) => halve_rows(plane, width, into),
        _ => {
            halve_columns(plane, width, wide);
            halve_rows(wide, width.div_ceil(2), into);
        }
    }
    into
}

fn split_yuyv_luma(packed: &[u8], y: &mut Vec<u8>) {
    y.resize(packed.len() / 2, 0);
    firsts(packed, y);
}

fn split_yuyv_chroma(packed: &[u8], u: &mut Vec<u8>, v: &mut Vec<u8>) {
    u.resize(packed.len() / 4, 0);
    v.resize(packed.len() / 4, 0);
    let mut pairs = [0; PIECE / 2];
    let chroma = u.chunks_mut(PIECE / 4).zip(v.chunks_mut(PIECE / 4));
    for ((u, v), packed) in chroma.zip(packed.chunks(PIECE)) {
        let pairs = &mut pairs[..packed.len() / 2];
        seconds(packed, pairs);
        firsts(pairs, u);
        seconds(pairs, v);
    }
}

fn split_yuyv_chroma_halved(packed: &[u8], stride: usize, u: &mut Vec<u8>, v: &mut Vec<u8>) {
    let width = stride / 4;
    let rows = (packed.len() / stride).div_ceil(2);
    u.resize(width * rows, 0);
    v.resize(width * rows, 0);
    let (mut pairs, mut below) = ([0; PIECE / 2], [0; PIECE / 2]);
    let chroma = u.chunks_exact_mut(width).zip(v.chunks_exact_mut(width));
    for ((u, v), lines) in chroma.zip(packed.chunks(2 * stride)) {
        let (upper, lower) = both_rows(lines, stride);
        let chroma = u.chunks_mut(PIECE / 4).zip(v.chunks_mut(PIECE / 4));
        for ((u, v), (upper, lower)) in chroma.zip(upper.chunks(PIECE).zip(lower.chunks(PIECE))) {
            let (pairs, below) = (&mut pairs[..upper.len() / 2], &mut below[..upper.len() / 2]);
            seconds(upper, pairs);
            seconds(lower, below);
            for (pair, &below) in pairs.iter_mut().zip(&*below) {
                *pair = mean(*pair, below);
            }
            firsts(pairs, u);
            seconds(pairs, v);
        }
    }
}

fn split_pairs(pairs: &[u8], u: &mut Vec<u8>, v: &mut Vec<u8>) {
    u.resize(pairs.len() / 2, 0);
    v.resize(pairs.len() / 2, 0);
    firsts(pairs, u);
    seconds(pairs, v);
}

/// The first of each pair of bytes. Taken as one number each, the compiler makes vector instructions of them.
fn firsts(pairs: &[u8], into: &mut [u8]) {
    for (into, pair) in into.iter_mut().zip(pairs.as_chunks().0) {
        *into = (u16::from_le_bytes(*pair) & 0xff) as u8;
    }
}

/// The second of each pair of bytes.
fn seconds(pairs: &[u8], into: &mut [u8]) {
    for (into, pair) in into.iter_mut().zip(pairs.as_chunks().0) {
        *into = (u16::from_le_bytes(*pair) >> 8) as u8;
    }
}

fn halve_rows(plane: &[u8], width: usize, into: &mut Vec<u8>) {
    into.resize(width * (plane.len() / width).div_ceil(2), 0);
    for (into, lines) in into.chunks_exact_mut(width).zip(plane.chunks(2 * width)) {
        let (upper, lower) = both_rows(lines, width);
        for (into, (&upper, &lower)) in into.iter_mut().zip(upper.iter().zip(lower)) {
            *into = mean(upper, lower);
        }
    }
}

fn halve_columns(plane: &[u8], width: usize, into: &mut Vec<u8>) {
    let half = width.div_ceil(2);
    into.resize(half * (plane.len() / width), 0);
    for (into, line) in into.chunks_exact_mut(half).zip(plane.chunks_exact(width)) {
        for (into, pair) in into.iter_mut().zip(line.chunks(2)) {
            *into = mean(pair[0], pair[pair.len() - 1]);
        }
    }
}

/// Two rows, or the last one twice where there is no other.
fn both_rows(lines: &[u8], stride: usize) -> (&[u8], &[u8]) {
    let (upper, lower) = lines.split_at(stride);
    (upper, if lower.is_empty() { upper } else { lower })
}

fn mean(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

/// Copies a plane, with its last column repeated up to the width `padded`.
fn pad(plane: &[u8], width: usize, padded: usize, into: &mut Vec<u8>) {
    into.resize(plane.len() / width * padded, 0);
    for (into, line) in into.chunks_exact_mut(padded).zip(plane.chunks_exact(width)) {
        into[..width].copy_from_slice(line);
        into[width..].fill(line[width - 1]);
    }
}

fn repeat_last_row(plane: &mut Vec<u8>, stride: usize, times: usize) {
    for _ in 0..times {
        plane.extend_from_within(plane.len() - stride..);
    }
}

/// Bytes that are taken apart in two steps while they are in the nearest cache; a multiple of 4.
const PIECE: usize = 4096;
