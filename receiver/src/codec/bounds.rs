//! JPEGs that are refused before they are decoded.

use proto::jpeg::{Coding, Info};

use super::error::DecodeError;

/// Refuses what is not for us to decode, before anything is allocated for it.
pub(super) fn check(info: &Info) -> Result<(), DecodeError> {
    match info.coding {
        Coding::Baseline => {}
        Coding::Progressive => return Err(DecodeError::Progressive),
        Coding::Lossless => return Err(DecodeError::Lossless),
        Coding::Unusual => return Err(DecodeError::Arithmetic),
    }
    if info.precision != 8 {
        return Err(DecodeError::Precision(info.precision));
    }
    if !matches!(info.components, 1 | 3) {
        return Err(DecodeError::Components(info.components));
    }
    let (width, height) = (info.width, info.height);
    if width > MOST_ACROSS || height > MOST_ACROSS || u32::from(width) * u32::from(height) > MOST_PIXELS {
        return Err(DecodeError::TooLarge { width, height });
    }
    let (scans, components, bytes) = (info.scans, info.components, info.table_bytes);
    if scans > u32::from(components) {
        return Err(DecodeError::Scans { scans, components });
    }
    if bytes > MOST_TABLES {
        return Err(DecodeError::Tables { bytes });
    }
    Ok(())
}

/// What a picture's size costs where not all of it is in one scan: three coefficients of two bytes for a pixel.
pub(super) fn check_scans(info: &Info) -> Result<(), DecodeError> {
    let (width, height) = (info.width, info.height);
    if u32::from(width) * u32::from(height) > MOST_PIXELS_OF_SCANS {
        return Err(DecodeError::TooLargeForScans { width, height });
    }
    Ok(())
}

/// No camera on a LAN is wider or higher; at 4 bytes a pixel, [`MOST_PIXELS`] then bound a picture to 144 MB.
const MOST_ACROSS: u16 = 8192;
pub(super) const MOST_PIXELS: u32 = 36_000_000;
/// With several scans: 24 MB of coefficients.
const MOST_PIXELS_OF_SCANS: u32 = 4_000_000;
/// In bytes. They are read four times a picture, with costs of their own each.
const MOST_TABLES: usize = 64 << 10;
