//! One band of a picture, encoded as a JPEG of its own.

use std::ops::Range;

use anyhow::Context;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvImage, compressed_buf_len};

use super::planes::Planes;
use crate::picture::{Layout, RawPicture};

/// What to encode, and how.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub(super) picture: &'a RawPicture,
    /// Which rows of it: they begin at a multiple of the MCU's height.
    pub(super) rows: Range<u32>,
    pub(super) sampling: Subsamp,
    pub(super) quality: u8,
}

/// Encodes bands one after the other, in buffers it keeps.
#[derive(Debug)]
pub(super) struct Band {
    compressor: Compressor,
    planes: Planes,
    /// Always as long as a JPEG could be, so that it is not cleared for each picture; `length` bytes of it are one.
    output: Vec<u8>,
    length: usize,
}

impl Band {
    pub(super) fn new() -> anyhow::Result<Self> {
        let compressor = Compressor::new().context("cannot start the JPEG encoder")?;
        Ok(Self { compressor, planes: Planes::default(), output: Vec::new(), length: 0 })
    }

    /// The JPEG made last.
    pub(super) fn jpeg(&self) -> &[u8] {
        &self.output[..self.length]
    }

    pub(super) fn encode(&mut self, task: &Task<'_>) -> anyhow::Result<()> {
        self.length = 0;
        match self.compress(task) {
            Ok(length) => self.length = length,
            Err(error) => {
                // A libjpeg-turbo instance may stay unusable after an error.
                *self = Self::new()?;
                return Err(error).context("cannot encode a picture");
            }
        }
        Ok(())
    }

    fn compress(&mut self, task: &Task<'_>) -> anyhow::Result<usize> {
        let Task { picture, rows, sampling, quality } = task;
        let (width, height) = (picture.width as usize, rows.len());
        let most = compressed_buf_len(width, height, *sampling)?;
        if self.output.len() < most {
            self.output.resize(most, 0);
        }
        self.compressor.set_quality((*quality).into())?;
        let packed = |bytes_per_pixel| &picture.data[rows.start as usize * width * bytes_per_pixel..];
        let length = match picture.layout {
            Layout::Rgb | Layout::Bgr => {
                let format = if picture.layout == Layout::Rgb { PixelFormat::RGB } else { PixelFormat::BGR };
                self.compressor.set_subsamp(*sampling)?;
                let image = Image { pixels: packed(3), width, pitch: 3 * width, height, format };
                self.compressor.compress_to_slice(image, &mut self.output)?
            }
            Layout::Gray => {
                let image = YuvImage { pixels: packed(1), width, align: 1, height, subsamp: *sampling };
                self.compressor.compress_yuv_to_slice(image, &mut self.output)?
            }
            _ => {
                let image = self.planes.of(picture, rows.clone(), *sampling);
                self.compressor.compress_yuv_planes_to_slice(&image, &mut self.output)?
            }
        };
        Ok(length)
    }
}
