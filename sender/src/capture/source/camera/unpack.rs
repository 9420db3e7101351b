//! Converts a driver's buffer to a picture.

use std::sync::Arc;

use proto::{Buffer, Pool, jpeg};
use v4l::format::{Colorspace, Quantization};

use super::super::range;
use super::mode::CameraFormat;
use crate::picture::{Layout, Picture, RawPicture};

/// How the pictures lie in a driver's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BufferLayout {
    format: CameraFormat,
    width: u32,
    height: u32,
    /// Bytes from one row of the first plane to the next.
    stride: usize,
    /// Whether Y goes from 16 to 235 and U and V from 16 to 240, as video has it; JPEG has the full range.
    is_limited: bool,
}

impl BufferLayout {
    /// The shape that a driver set, for a format that is known here.
    pub(super) fn new(format: CameraFormat, set: &v4l::Format) -> Self {
        let shape = Self { format, width: set.width, height: set.height, stride: 0, is_limited: false };
        let CameraFormat::Raw(layout) = format else { return shape };
        // Some drivers say 0 where rows are not padded.
        let stride = shape.planes(layout)[0].map_or(0, |plane| plane.row).max(set.stride as usize);
        let is_limited = match (layout, set.quantization) {
            (Layout::Rgb | Layout::Bgr, _) | (_, Quantization::FullRange) => false,
            (_, Quantization::LimitedRange) => true,
            // A grey camera is an industrial or an infrared one, and uses all values, whatever the standard says.
            (Layout::Gray, Quantization::Default) => false,
            (_, Quantization::Default) => !matches!(set.colorspace, Colorspace::JPEG),
        };
        Self { stride, is_limited, ..shape }
    }

    /// Copies the picture out of a buffer; `None` if it is damaged.
    pub(super) fn unpack(&self, bytes: &[u8], pool: &mut Pool) -> Option<Picture> {
        match self.format {
            CameraFormat::Mjpeg => {
                // What stands before the picture, or follows its end, is padding or the rest of another picture.
                let found = jpeg::find(bytes)?;
                fill(pool, |copy| copy.extend_from_slice(&bytes[found])).map(Picture::Jpeg)
            }
            CameraFormat::Raw(layout) => {
                let planes = self.planes(layout);
                let needed = planes.iter().flatten().map(|plane| plane.stride * plane.rows).sum::<usize>();
                // The padding behind the very last row may be missing.
                let padding = planes.iter().flatten().last().map_or(0, |plane| plane.stride - plane.row);
                if bytes.len() < needed - padding {
                    return None;
                }
                let data = fill(pool, |copy| self.copy_rows(&planes, bytes, copy))?;
                Some(Picture::Raw(RawPicture { layout, width: self.width, height: self.height, data }))
            }
        }
    }

    fn copy_rows(&self, planes: &[Option<Plane>; 3], bytes: &[u8], copy: &mut Vec<u8>) {
        let mut rest = bytes;
        for plane in planes.iter().flatten() {
            for row in rest.chunks(plane.stride).take(plane.rows) {
                let start = copy.len();
                copy.extend_from_slice(&row[..plane.row]);
                if self.is_limited {
                    plane.samples.stretch(&mut copy[start..]);
                }
            }
            rest = rest.get(plane.stride * plane.rows..).unwrap_or_default();
        }
    }

    fn planes(&self, layout: Layout) -> [Option<Plane>; 3] {
        let (width, height) = (self.width as usize, self.height as usize);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let plane = |row: usize, rows, stride: usize, samples| {
            Some(Plane { row, rows, stride: stride.max(row), samples })
        };
        let chroma = |row, rows, stride| plane(row, rows, stride, SampleKind::Chroma);
        let luma = plane(width, height, self.stride, SampleKind::Luma);
        match layout {
            Layout::Yuyv => {
                [plane(4 * half_width, height, self.stride, SampleKind::LumaAndChroma), None, None]
            }
            Layout::Nv12 => [luma, chroma(2 * half_width, half_height, self.stride), None],
            Layout::I420 => {
                let half = chroma(half_width, half_height, self.stride / 2);
                [luma, half, half]
            }
            Layout::I422 => {
                let half = chroma(half_width, height, self.stride / 2);
                [luma, half, half]
            }
            Layout::I444 => {
                let whole = chroma(width, height, self.stride);
                [luma, whole, whole]
            }
            Layout::Gray => [luma, None, None],
            Layout::Rgb | Layout::Bgr => {
                [plane(3 * width, height, self.stride, SampleKind::Luma), None, None]
            }
        }
    }
}

/// Rows of one kind of samples, one behind the other.
#[derive(Clone, Copy, Debug)]
struct Plane {
    /// Bytes of a row that are picture.
    row: usize,
    rows: usize,
    /// Bytes from the beginning of one row to that of the next.
    stride: usize,
    samples: SampleKind,
}

#[derive(Clone, Copy, Debug)]
enum SampleKind {
    Luma,
    Chroma,
    LumaAndChroma,
}

impl SampleKind {
    /// From video's range of values to the full one.
    fn stretch(self, bytes: &mut [u8]) {
        match self {
            Self::Luma => range::stretch_luma(bytes),
            Self::Chroma => range::stretch_chroma(bytes),
            Self::LumaAndChroma => range::stretch_yuyv(bytes),
        }
    }
}

/// A buffer of the pool with new content.
fn fill(pool: &mut Pool, write: impl FnOnce(&mut Vec<u8>)) -> Option<Buffer> {
    let mut buffer = pool.take();
    let content = Arc::get_mut(&mut buffer)?;
    content.clear();
    write(content);
    Some(pool.share(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(layout: Layout, width: u32, height: u32, stride: usize) -> BufferLayout {
        BufferLayout { format: CameraFormat::Raw(layout), width, height, stride, is_limited: false }
    }

    fn bytes(picture: Option<Picture>) -> Option<Vec<u8>> {
        picture.map(|picture| match picture {
            Picture::Jpeg(data) | Picture::Raw(RawPicture { data, .. }) => data.to_vec(),
        })
    }

    #[test]
    fn padding_of_rows_is_left_out() {
        let buffer = [1, 2, 0, 0, 3, 4, 0, 0];
        let gray = shape(Layout::Gray, 2, 2, 4);
        assert_eq!(bytes(gray.unpack(&buffer, &mut Pool::new(1))), Some(vec![1, 2, 3, 4]));
        assert_eq!(bytes(gray.unpack(&buffer[..6], &mut Pool::new(1))), Some(vec![1, 2, 3, 4]));
        assert_eq!(bytes(gray.unpack(&buffer[..5], &mut Pool::new(1))), None, "a byte is missing");
    }

    #[test]
    fn every_plane_has_its_own_padding() {
        let nv12 = shape(Layout::Nv12, 2, 2, 3);
        let buffer = [1, 2, 0, 3, 4, 0, 5, 6, 0];
        assert_eq!(bytes(nv12.unpack(&buffer, &mut Pool::new(1))), Some(vec![1, 2, 3, 4, 5, 6]));
        let i420 = shape(Layout::I420, 2, 2, 4);
        let buffer = [1, 2, 0, 0, 3, 4, 0, 0, 5, 0, 6, 0];
        assert_eq!(bytes(i420.unpack(&buffer, &mut Pool::new(1))), Some(vec![1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn what_comes_out_has_the_length_that_its_layout_says() {
        for layout in
            [Layout::Yuyv, Layout::Nv12, Layout::I420, Layout::I422, Layout::I444, Layout::Gray, Layout::Rgb]
        {
            let picture = shape(layout, 5, 3, 32).unpack(&[7; 32 * 9], &mut Pool::new(1));
            assert_eq!(bytes(picture).map(|data| data.len()), Some(layout.bytes(5, 3)), "{layout:?}");
        }
    }

    #[test]
    fn video_range_is_stretched() {
        let picture = BufferLayout { is_limited: true, ..shape(Layout::Yuyv, 2, 2, 4) }
            .unpack(&[16, 128, 235, 16, 0, 240, 126, 130], &mut Pool::new(1));
        assert_eq!(bytes(picture), Some(vec![0, 128, 255, 0, 0, 255, 128, 130]));
    }

    #[test]
    fn a_jpeg_is_cut_at_its_own_end() {
        let mut jpeg = vec![0xff, 0xd8];
        jpeg.extend_from_slice(&[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
        jpeg.extend_from_slice(&[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3, 0xff, 0xd9]);
        let shape = BufferLayout { format: CameraFormat::Mjpeg, ..shape(Layout::Gray, 8, 8, 0) };
        let mut buffer = jpeg.clone();
        buffer.extend_from_slice(&[0, 9, 0xff, 0xd9, 9]);
        let mut pool = Pool::new(1);
        assert_eq!(bytes(shape.unpack(&buffer, &mut pool)), Some(jpeg.clone()));
        for before in [&[0xff, 0xd8][..], &[0; 4], &jpeg[20..], &jpeg[..20]] {
            let buffer = [before, &jpeg].concat();
            assert_eq!(bytes(shape.unpack(&buffer, &mut pool)), Some(jpeg.clone()), "behind {before:?}");
        }
        assert_eq!(bytes(shape.unpack(&jpeg[..jpeg.len() - 2], &mut pool)), None, "cut short");
    }
}
