//! Corrects header fields of which the library would warn, so that what it still warns of is damage.
//!
//! It tells warnings and errors by one text alone, that of the first warning. Some are of header fields that change
//! nothing in the picture, and with these in the way damage behind them would go unseen. So such fields are set right
//! in a copy.

use proto::jpeg::{Info, Segment, Segments};

use super::bounds::check_scans;
use super::error::DecodeError;

/// A copy of a picture, for those that need one.
#[derive(Debug, Default)]
pub(super) struct Tidy {
    copy: Vec<u8>,
}

impl Tidy {
    /// Whether that is so of the head of a JPEG already, up to its first scan.
    pub(super) fn is_tidy(jpeg: &[u8], info: &Info) -> bool {
        for segment in Segments::new(jpeg) {
            if correction(&segment, &jpeg[segment.content.clone()], info).is_some() {
                return false;
            }
            if segment.marker == SOS {
                break;
            }
        }
        true
    }

    /// The JPEG with all header fields as they should be.
    ///
    /// # Errors
    /// If it has several scans and is too large for that.
    pub(super) fn read<'a>(&'a mut self, jpeg: &'a [u8], info: &Info) -> Result<&'a [u8], DecodeError> {
        let mut is_copied = false;
        let (mut scans, mut all_in_one) = (0, false);
        for segment in Segments::new(jpeg) {
            let content = &jpeg[segment.content.clone()];
            if segment.marker == SOS {
                scans += 1;
                all_in_one |= content.first() == Some(&info.components);
            }
            if let Some((at, bytes)) = correction(&segment, content, info) {
                if !std::mem::replace(&mut is_copied, true) {
                    self.copy.clear();
                    self.copy.extend_from_slice(jpeg);
                }
                self.copy[at..at + bytes.len()].copy_from_slice(bytes);
            }
            // What follows the last is not looked at once more.
            if scans == info.scans {
                break;
            }
        }
        if info.scans > 1 || !all_in_one {
            check_scans(info)?;
        }
        Ok(if is_copied { &self.copy } else { jpeg })
    }
}

/// What to write, and where, so that the library has no reason to warn of a segment.
fn correction(segment: &Segment, content: &[u8], info: &Info) -> Option<(usize, &'static [u8])> {
    let start = segment.content.start;
    match segment.marker {
        // Only version 1 of JFIF is known to it; there is no other to speak of.
        APP0 if content.len() >= 14 && content.starts_with(b"JFIF\0") && content[5] != 1 => {
            Some((start + 5, &[1]))
        }
        // Of three components 0 is RGB and 1 YCbCr; whatever else is said, it takes them for YCbCr.
        APP14 if content.len() >= 12 && content.starts_with(b"Adobe") && content[11] > 1 => {
            (info.components == 3).then_some((start + 11, &[1]))
        }
        // Colour profiles are read, checked and not used. As comments they are passed over.
        APP2 if content.starts_with(b"ICC_PROFILE\0") => Some((start - 3, &[COM])),
        // Which coefficients a scan has: of a baseline picture, all.
        SOS if content.len() >= 4 && !content.ends_with(&ALL) => {
            Some((segment.content.end - ALL.len(), &ALL))
        }
        _ => None,
    }
}

const APP0: u8 = 0xe0;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;
const COM: u8 = 0xfe;
const SOS: u8 = 0xda;
/// The first and the last coefficient, and no successive approximation.
const ALL: [u8; 3] = [0, 63, 0];
