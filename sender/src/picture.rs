//! A picture as a source gives it: a JPEG already, or pixels still to be encoded.

use std::sync::Arc;
use std::time::Instant;

use proto::Buffer;

/// What a source captured, and when.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The picture.
    pub picture: Picture,
    /// When it was taken: the driver's word for it, or when its last byte was read.
    pub at: Instant,
}

/// One picture.
#[derive(Clone, Debug)]
pub enum Picture {
    /// A JPEG, cut at its own end marker: it is sent as it is.
    Jpeg(Buffer),
    /// Pixels.
    Raw(RawPicture),
}

/// Pixels, rows packed without padding.
#[derive(Clone, Debug)]
pub struct RawPicture {
    /// How the bytes are laid out.
    pub layout: Layout,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The bytes: [`Layout::bytes`] of them.
    pub data: Buffer,
}

/// A raw picture on its way to the encoder.
#[derive(Debug)]
pub(crate) struct Raw {
    /// The pixels.
    pub picture: RawPicture,
    /// When it was captured.
    pub at: Instant,
}

/// How pixels are laid out in memory. YUV is full range (JFIF) unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Planes Y, U, V; chroma halved both ways, rounded up.
    I420,
    /// Planes Y, U, V; chroma halved horizontally, rounded up.
    I422,
    /// Planes Y, U, V of one size.
    I444,
    /// One plane, Y.
    Gray,
    /// Packed Y0 U Y1 V (4:2:2); the width is even.
    Yuyv,
    /// Plane Y, then one plane of U and V in turn, halved both ways.
    Nv12,
    /// Packed R G B.
    Rgb,
    /// Packed B G R.
    Bgr,
}

impl Layout {
    /// Bytes of a picture of this size.
    pub fn bytes(self, width: u32, height: u32) -> usize {
        let (w, h) = (width as usize, height as usize);
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        match self {
            Self::I420 | Self::Nv12 => w * h + 2 * half_w * half_h,
            Self::I422 => w * h + 2 * half_w * h,
            Self::I444 | Self::Rgb | Self::Bgr => 3 * w * h,
            Self::Gray => w * h,
            Self::Yuyv => 4 * half_w * h,
        }
    }
}

/// The bytes of a buffer from a pool, which nobody else has.
pub(crate) fn unique(buffer: &mut Buffer) -> &mut Vec<u8> {
    if Arc::get_mut(buffer).is_none() {
        *buffer = Buffer::default();
    }
    Arc::get_mut(buffer).expect("nobody else has a new buffer")
}
