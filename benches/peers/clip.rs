//! The pictures that are fed in, and how one is known again when it comes out.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, ensure};
use proto::jpeg::Splitter;

/// JPEG frames, known again by their entropy-coded data: RTP/JPEG rewrites what is before it.
pub(crate) struct Jpegs {
    /// The frames as they are in the file.
    pub(crate) frames: Vec<Vec<u8>>,
    by_data: HashMap<Vec<u8>, usize>,
}

impl Jpegs {
    /// Reads an `.mjpeg` file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut splitter = Splitter::new(usize::MAX);
        let mut frames = Vec::new();
        while let Some(range) = splitter.next(&bytes) {
            frames.push(bytes[range.clone()].to_vec());
            bytes.drain(..range.end);
            splitter.removed(range.end);
        }
        let by_data: HashMap<_, _> =
            frames.iter().enumerate().map(|(i, jpeg)| (data(jpeg).to_vec(), i)).collect();
        ensure!(
            !frames.is_empty() && by_data.len() == frames.len(),
            "{}: the frames are not distinct",
            path.display()
        );
        Ok(Self { frames, by_data })
    }

    /// Which of the frames `jpeg` is, if its picture data is that frame's to the last byte.
    pub(crate) fn find(&self, jpeg: &[u8]) -> Option<usize> {
        self.by_data.get(data(jpeg)).copied()
    }
}

/// Raw I420 pictures, each stamped with a number that survives lossy coding: 16 blocks of 64x64, black or white.
pub(crate) struct Pictures {
    /// The Y4M header line, with its line feed.
    pub(crate) header: Vec<u8>,
    /// Pixels across.
    pub(crate) width: usize,
    /// Pixels down.
    pub(crate) height: usize,
    pictures: Vec<Vec<u8>>,
}

impl Pictures {
    /// Reads an `.y4m` file of 4:2:0 pictures.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let line = bytes.iter().position(|&b| b == b'\n').context("no Y4M header")? + 1;
        let header = std::str::from_utf8(&bytes[..line])?;
        let field = |key| header.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse().ok());
        let (width, height): (usize, usize) =
            (field('W').context("no width")?, field('H').context("no height")?);
        let size = width * height * 3 / 2;
        let pictures =
            bytes[line..].chunks_exact(FRAME.len() + size).map(|p| p[FRAME.len()..].to_vec()).collect();
        // The others take the samples as they are, so nobody is to convert them to JPEG's range.
        let header = format!(
            "{} XCOLORRANGE=FULL\n",
            header.split(" XCOLORRANGE").next().unwrap_or(header).trim_end()
        );
        Ok(Self { header: header.into(), width, height, pictures })
    }

    /// How many bytes one picture has.
    pub(crate) fn size(&self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// The picture to send as number `number`, stamped along its top and its bottom edge.
    pub(crate) fn stamped(&mut self, turn: usize, number: u16) -> &[u8] {
        let (width, height) = (self.width, self.height);
        let turn = turn % self.pictures.len();
        let picture = &mut self.pictures[turn];
        for top in [0, height - BLOCK] {
            for y in top..top + BLOCK {
                for (bit, block) in picture[y * width..][..BITS * BLOCK].chunks_exact_mut(BLOCK).enumerate() {
                    block.fill(if number >> bit & 1 == 1 { 235 } else { 16 });
                }
            }
            for plane in [width * height, width * height * 5 / 4] {
                for y in top / 2..(top + BLOCK) / 2 {
                    picture[plane + y * (width / 2)..][..BITS * BLOCK / 2].fill(128);
                }
            }
        }
        picture
    }

    /// Mean squared error of the luma of `decoded` against picture `turn`, on a sample of rows between the stamps.
    pub(crate) fn luma_error(&self, turn: usize, decoded: &[u8]) -> f64 {
        let own = &self.pictures[turn % self.pictures.len()];
        let rows = (BLOCK + 8..self.height - BLOCK - 8).step_by(16);
        let (mut sum, mut count) = (0.0, 0.0);
        for at in rows.map(|y| y * self.width) {
            for (a, b) in own[at..at + self.width].iter().zip(&decoded[at..at + self.width]) {
                sum += f64::from(a.abs_diff(*b)).powi(2);
            }
            count += self.width as f64;
        }
        sum / count
    }
}

/// The number that a decoded picture's top edge shows.
pub(crate) fn number_of(picture: &[u8], width: usize) -> u16 {
    let row = &picture[width * BLOCK / 2..];
    number(|bit| row[bit * BLOCK + BLOCK / 2])
}

/// A number from the brightness of each of its blocks.
pub(crate) fn number(brightness: impl Fn(usize) -> u8) -> u16 {
    (0..BITS).fold(0, |number, bit| number | u16::from(brightness(bit) > 128) << bit)
}

/// What stands before each picture in a Y4M stream.
pub(crate) const FRAME: &[u8] = b"FRAME\n";
/// How many blocks a stamp has.
pub(crate) const BITS: usize = 16;
/// Pixels along each edge of a block.
pub(crate) const BLOCK: usize = 64;

/// What follows the header of the scan, without the end marker and the fill that some put before it.
fn data(jpeg: &[u8]) -> &[u8] {
    let scan = jpeg.windows(2).position(|marker| marker == [0xff, 0xda]).map_or(0, |at| at + SCAN_HEADER);
    let end = jpeg.len().saturating_sub(2);
    let end = jpeg[..end].iter().rposition(|&b| b != 0xff && b != 0).map_or(0, |at| at + 1);
    jpeg.get(scan..end).unwrap_or_default()
}

/// Bytes of the scan's header for three components, with its marker.
const SCAN_HEADER: usize = 14;
