//! What is not for us to decode, whoever sends it.

use proto::jpeg::{Coding, Info};

use super::error::Refusal;

/// Refuses what is not for us to decode, before anything is allocated for it.
pub(super) fn check(info: &Info) -> Result<(), Refusal> {
    match info.coding {
        Coding::Baseline => {}
        Coding::Progressive => return Err(Refusal::Progressive),
        Coding::Lossless => return Err(Refusal::Lossless),
        Coding::Unusual => return Err(Refusal::Arithmetic),
    }
    if info.precision != 8 {
        return Err(Refusal::Precision(info.precision));
    }
    if !matches!(info.components, 1 | 3) {
        return Err(Refusal::Components(info.components));
    }
    let (width, height) = (info.width, info.height);
    if width > MOST_ACROSS || height > MOST_ACROSS || u32::from(width) * u32::from(height) > MOST_PIXELS {
        return Err(Refusal::TooLarge { width, height });
    }
    let (scans, components, bytes) = (info.scans, info.components, info.table_bytes);
    if scans > u32::from(components) {
        return Err(Refusal::Scans { scans, components });
    }
    if bytes > MOST_TABLES {
        return Err(Refusal::Tables { bytes });
    }
    Ok(())
}

/// What a picture's size costs where not all of it is in one scan: three coefficients of two bytes for a pixel.
pub(super) fn check_scans(info: &Info) -> Result<(), Refusal> {
    let (width, height) = (info.width, info.height);
    if u32::from(width) * u32::from(height) > MOST_PIXELS_OF_SCANS {
        return Err(Refusal::TooLargeForScans { width, height });
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
