//! JPEG headers, rebuilt for a picture that came without them (RFC 2435 appendix B).

use super::header::{RtpPicture, Sampling};
use super::quantization::Tables;
use crate::jpeg::STANDARD_TABLES;

/// Appends what stands before a picture's data: from the start marker to the header of its only scan.
///
/// Huffman tables are the standard ones: RTP/JPEG knows no others.
pub(super) fn emit(picture: &RtpPicture, tables: &Tables, out: &mut Vec<u8>) {
    out.extend_from_slice(&START);
    for number in 0..2_u8 {
        let (table, is_wide) = tables.get(number.into());
        out.extend_from_slice(&[0xff, 0xdb, 0, (3 + table.len()) as u8, u8::from(is_wide) << 4 | number]);
        out.extend_from_slice(table);
    }
    // Baseline has tables of one byte a value (T.81 B.2.4.1); others are sequential too, and said to be extended.
    let frame = if tables.precision() == 0 { 0xc0 } else { 0xc1 };
    let luminance = match picture.sampling {
        Sampling::Yuv422 => 0x21,
        Sampling::Yuv420 => 0x22,
    };
    let ([h1, h0], [w1, w0]) = (picture.height.to_be_bytes(), picture.width.to_be_bytes());
    out.extend_from_slice(&[0xff, frame, 0, 17, 8, h1, h0, w1, w0, 3]);
    out.extend_from_slice(&[1, luminance, 0, 2, 0x11, 1, 3, 0x11, 1]);
    out.extend_from_slice(&STANDARD_TABLES);
    if let Some(interval) = picture.restart_interval {
        out.extend_from_slice(&[0xff, 0xdd, 0, 4]);
        out.extend_from_slice(&interval.to_be_bytes());
    }
    out.extend_from_slice(&[0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
}

/// How many bytes [`emit`] appends, where tables have values of one byte, as nearly all have.
pub(super) fn usual_bytes(picture: &RtpPicture) -> usize {
    let restarts = if picture.restart_interval.is_some() { 6 } else { 0 };
    START.len() + 2 * (5 + 64) + 19 + STANDARD_TABLES.len() + restarts + 14
}

/// The end marker.
pub(super) const END: [u8; 2] = [0xff, 0xd9];

/// The start marker, and a JFIF segment: version 1.1, square pixels, no thumbnail. It says that colours are YCbCr.
static START: [u8; 20] =
    [0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg;

    #[test]
    fn what_is_made_says_what_the_picture_is() {
        for restart_interval in [None, Some(77)] {
            let picture =
                RtpPicture { sampling: Sampling::Yuv422, q: 60, width: 640, height: 488, restart_interval };
            let mut file = Vec::new();
            emit(&picture, &Tables::of_quality(60), &mut file);
            assert_eq!(file.len(), usual_bytes(&picture));
            file.extend_from_slice(&[1, 2, 3]);
            file.extend_from_slice(&END);
            let info = jpeg::scan(&file).unwrap();
            assert_eq!((info.width, info.height, info.end), (640, 488, file.len()));
            assert_eq!(info.sampling, [(2, 1), (1, 1), (1, 1)]);
            assert_eq!(
                (info.restart_interval, info.has_huffman_tables),
                (restart_interval.unwrap_or(0), true)
            );
        }
    }
}
