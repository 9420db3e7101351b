//! One thread's decompressor, and the checks that it needs before it writes to a buffer.

use proto::jpeg::Info;
use turbojpeg::{Colorspace, Decompressor, Image, ScalingFactor, Subsamp, YuvImage};

use super::error::DecodeError;
use super::picture::DecodedLayout;
use super::target::PixelFormat;

/// A decompressor that is made anew after every error: one that failed may refuse every later picture.
#[derive(Debug, Default)]
pub(super) struct Engine {
    decompressor: Option<Decompressor>,
}

/// What a JPEG must turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExpectedJpeg {
    pub(super) width: u32,
    pub(super) rows: u32,
    pub(super) layout: DecodedLayout,
    pub(super) scale: Scale,
}

/// How much smaller than it is a picture is decoded: the transforms that the library has vector code for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scale {
    #[default]
    Full,
    Half,
    Quarter,
    Eighth,
}

impl Scale {
    /// The smallest at which a picture of `size` still has as many pixels as it is shown with.
    pub(super) fn for_showing(size: (u32, u32), shown: (u32, u32)) -> Self {
        let covers = |scale: &Self| scale.of(size.0) >= shown.0 && scale.of(size.1) >= shown.1;
        [Self::Eighth, Self::Quarter, Self::Half].into_iter().find(covers).unwrap_or_default()
    }

    /// A width or height, scaled.
    pub(super) fn of(self, length: u32) -> u32 {
        self.factor().scale(length as usize) as u32
    }

    fn factor(self) -> ScalingFactor {
        match self {
            Self::Full => ScalingFactor::ONE,
            Self::Half => ScalingFactor::ONE_HALF,
            Self::Quarter => ScalingFactor::ONE_QUARTER,
            Self::Eighth => ScalingFactor::ONE_EIGHTH,
        }
    }
}

impl Engine {
    /// How this JPEG is to be decoded.
    pub(super) fn layout(
        &mut self,
        jpeg: &[u8],
        info: &Info,
        format: PixelFormat,
    ) -> Result<DecodedLayout, DecodeError> {
        self.with(|decompressor| {
            let header = decompressor.read_header(jpeg).map_err(error)?;
            if header.is_progressive || header.is_arithmetic || header.is_lossless {
                return Err(DecodeError::Contradictory);
            }
            if format == PixelFormat::Pixels
                || !matches!(header.colorspace, Colorspace::YCbCr | Colorspace::Gray)
            {
                return Ok(DecodedLayout::Bgrx);
            }
            // The library compares factors as ratios. What it has no name for can be decoded to pixels, whatever it is.
            Ok(match header.subsamp {
                Subsamp::Sub2x2 => DecodedLayout::I420,
                Subsamp::Sub2x1 => DecodedLayout::I422,
                Subsamp::None => DecodedLayout::I444,
                Subsamp::Gray if info.components == 1 => DecodedLayout::Gray,
                _ => DecodedLayout::Bgrx,
            })
        })
    }

    /// Decodes `jpeg`, which must be of this shape.
    pub(super) fn decode(
        &mut self,
        jpeg: &[u8],
        shape: ExpectedJpeg,
        into: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        self.with(|decompressor| {
            // The library checks the size of the buffer against the size of the picture, but not against its sampling:
            // it would write past the end. So whatever it is about to decode is looked at again here.
            let header = decompressor.read_header(jpeg).map_err(error)?;
            let subsamp = subsamp(shape.layout);
            if (header.width, header.height) != (shape.width as usize, shape.rows as usize)
                || subsamp.is_some_and(|subsamp| subsamp != header.subsamp)
            {
                return Err(DecodeError::Contradictory);
            }
            let factor = shape.scale.factor();
            if decompressor.scaling_factor() != factor {
                decompressor.set_scaling_factor(factor).map_err(error)?;
            }
            let (across, down) = (shape.scale.of(shape.width), shape.scale.of(shape.rows));
            let bytes = shape.layout.bytes(across, down);
            if into.capacity() < bytes {
                // The system gives zeroed memory for less than it takes to write it.
                *into = vec![0; bytes];
            }
            into.resize(bytes, 0);
            let (width, height) = (across as usize, down as usize);
            let decoded = match subsamp {
                Some(subsamp) => decompressor.decompress_to_yuv(
                    jpeg,
                    YuvImage { pixels: &mut into[..], width, align: 1, height, subsamp },
                ),
                None => {
                    // Chroma is taken from the pixel's own sample: smoothing it would make a strip depend on the next.
                    decompressor.set_fast_upsample(true).map_err(error)?;
                    let pitch = shape.layout.pitch(0, across);
                    let format = turbojpeg::PixelFormat::BGRX;
                    decompressor
                        .decompress(jpeg, Image { pixels: &mut into[..], width, pitch, height, format })
                }
            };
            match decoded {
                Err(error) if is_harmless(&error, jpeg) => {
                    *decompressor = self::decompressor()?;
                    Ok(())
                }
                other => other.map_err(error),
            }
        })
    }

    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Decompressor) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut decompressor = match self.decompressor.take() {
            Some(decompressor) => decompressor,
            None => decompressor()?,
        };
        let done = work(&mut decompressor)?;
        self.decompressor = Some(decompressor);
        Ok(done)
    }
}

fn decompressor() -> Result<Decompressor, DecodeError> {
    let mut decompressor = Decompressor::new().map_err(error)?;
    decompressor.set_scan_limit(MOST_SCANS).map_err(error)?;
    Ok(decompressor)
}

/// The library's name of a layout of planes.
fn subsamp(layout: DecodedLayout) -> Option<Subsamp> {
    match layout {
        DecodedLayout::I420 => Some(Subsamp::Sub2x2),
        DecodedLayout::I422 => Some(Subsamp::Sub2x1),
        DecodedLayout::I444 => Some(Subsamp::None),
        DecodedLayout::Gray => Some(Subsamp::Gray),
        DecodedLayout::Bgrx => None,
    }
}

/// Many cameras pad the data of every picture before the next marker, with a few bytes or with equal ones up to a round
/// length, and some leave the rest of an older picture before the end marker. The library warns of it, and the picture
/// is whole; it gives warnings and errors alike, told apart by their text alone, which is that of the first warning.
/// More than that is left over when the data are not what the header said.
fn is_harmless(error: &turbojpeg::Error, jpeg: &[u8]) -> bool {
    let text = error.to_string();
    let Some((before, after)) = text.split_once(" extraneous bytes before marker ") else { return false };
    let Some(count) = before.rsplit(' ').next().and_then(|count| count.parse::<usize>().ok()) else {
        return false;
    };
    let data = &jpeg[..jpeg.len().saturating_sub(END_MARKER_BYTES)];
    let padding = &data[data.len().saturating_sub(count)..];
    let is_at_end = after.trim_end().ends_with("d9");
    let most = if is_at_end { MOST_LEFT } else { MOST_PADDING };
    count <= most || padding.iter().all(|&byte| byte == padding[0])
}

/// Why there is no picture; what the library says of sampling factors that it cannot decode has a name.
fn error(error: turbojpeg::Error) -> DecodeError {
    match error {
        turbojpeg::Error::BadSubsamp(_) => DecodeError::Sampling,
        other => match other.to_string() {
            text if text.to_lowercase().contains("sampling") => DecodeError::Sampling,
            text => DecodeError::Damaged(text),
        },
    }
}

const END_MARKER_BYTES: usize = 2;
/// Up to the next multiple of 16, as hardware writes.
const MOST_PADDING: usize = 16;
/// What may be left before the end marker. Data of another sampling than the header says leave hundreds of bytes or
/// more.
const MOST_LEFT: usize = 64;
/// A second fence, should a picture have more scans for the library than for us.
const MOST_SCANS: u32 = 3;
