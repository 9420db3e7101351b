//! The headers of a JPEG, read without decoding it (ITU-T T.81, Annex B).
//!
//! Cameras and attackers both make odd JPEGs. Nothing here believes a length without checking it, and nothing decodes.

use super::markers::{
    DHT, DRI, EOI, JpegError, SOI, SOS, end_of_scan, is_frame_header, is_note, next_marker, segment,
    stands_alone,
};

/// What the headers of a JPEG say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Width in pixels, at least 1.
    pub width: u16,
    /// Height in pixels, at least 1.
    pub height: u16,
    /// Number of colour components: 1 is grey, 3 is YCbCr.
    pub components: u8,
    /// Sampling factors, horizontal and vertical, of the first three components (0 where there is none).
    pub sampling: [(u8, u8); 3],
    /// Whether the picture brings Huffman tables; many cameras' do not, and the standard ones (T.81 K.3) are meant.
    pub has_huffman_tables: bool,
    /// Restart interval in MCUs; 0 if there are no restart markers.
    pub restart_interval: u16,
    /// How the picture is coded.
    pub coding: Coding,
    /// Bits per sample.
    pub precision: u8,
    /// How many scans the picture's data are in; 1 where only the head was read.
    pub scans: u32,
    /// Bytes of tables, markers and fill, which decoders read again and again; what comments and application segments
    /// hold is not counted. A kilobyte is usual.
    pub table_bytes: usize,
    /// Length in bytes from the start marker to the end marker, both included. What follows is padding.
    pub end: usize,
}

/// What stands before the data of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JpegHead {
    /// What the headers say; `end` is not known and 0.
    pub info: Info,
    /// Where the first scan's header begins. Tables that it needs stand before it.
    pub scan_at: usize,
}

/// How a JPEG is coded (T.81 Table B.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Sequential, Huffman-coded: SOF0 and SOF1. What cameras make.
    Baseline,
    /// Progressive: SOF2, SOF6, SOF10, SOF14.
    Progressive,
    /// Lossless: SOF3, SOF7, SOF11, SOF15.
    Lossless,
    /// Sequential but arithmetic-coded or hierarchical.
    Unusual,
}

/// Reads the headers of the JPEG at the beginning of `bytes`, and finds its end.
///
/// The walk follows segment lengths, so that a thumbnail in a segment is not taken for the picture's end, and stops at
/// the first end marker outside of any segment, so that stale bytes behind it are not taken for picture.
pub fn scan(bytes: &[u8]) -> Result<Info, JpegError> {
    walk(bytes, false).map(|head| head.info)
}

/// Reads the headers alone, down to the first scan: what stands behind them is not looked at, nor whether it is whole.
pub fn scan_head(bytes: &[u8]) -> Result<JpegHead, JpegError> {
    walk(bytes, true)
}

/// Goes from segment to segment, down to the first scan or to the end marker.
fn walk(bytes: &[u8], only_head: bool) -> Result<JpegHead, JpegError> {
    if bytes.len() < 2 || bytes[..2] != [0xff, SOI] {
        return Err(JpegError::NoStart);
    }
    let mut header: Option<Info> = None;
    let (mut has_huffman_tables, mut restart_interval, mut first_scan) = (false, 0, None);
    let (mut scans, mut table_bytes) = (0u32, 0);
    let mut at = 2;
    loop {
        let (marker, body) = next_marker(bytes, at)?;
        match marker {
            EOI => {
                let info = header.ok_or(JpegError::NoHeader)?;
                let scan_at = first_scan.ok_or(JpegError::CutShort)?;
                let info =
                    Info { has_huffman_tables, restart_interval, scans, table_bytes, end: body, ..info };
                return Ok(JpegHead { info, scan_at });
            }
            // Stand-alone markers have no length. A second start marker here is damage.
            _ if stands_alone(marker) => {
                table_bytes += body - at;
                at = body;
                continue;
            }
            SOI => return Err(JpegError::BadSegment),
            _ => {}
        }
        let (segment, after) = segment(bytes, body)?;
        if marker != SOS {
            table_bytes += after - at - if is_note(marker) { segment.len() } else { 0 };
        }
        match marker {
            DHT => has_huffman_tables = true,
            DRI if segment.len() >= 2 => restart_interval = u16::from_be_bytes([segment[0], segment[1]]),
            _ if is_frame_header(marker) => {
                if header.is_some() {
                    return Err(JpegError::BadSegment);
                }
                header = Some(frame_header(marker, segment)?);
            }
            SOS => {
                let info = header.ok_or(JpegError::NoHeader)?;
                scans = scans.saturating_add(1);
                if only_head {
                    let info = Info { has_huffman_tables, restart_interval, scans, table_bytes, ..info };
                    return Ok(JpegHead { info, scan_at: at });
                }
                first_scan = first_scan.or(Some(at));
                at = end_of_scan(bytes, after).ok_or(JpegError::CutShort)?;
                continue;
            }
            _ => {}
        }
        at = after;
    }
}

/// The frame header, T.81 B.2.2.
fn frame_header(marker: u8, segment: &[u8]) -> Result<Info, JpegError> {
    let &[precision, h1, h0, w1, w0, components, ref rest @ ..] = segment else {
        return Err(JpegError::BadSegment);
    };
    if components == 0 || rest.len() < 3 * usize::from(components) {
        return Err(JpegError::BadSegment);
    }
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    if width == 0 || height == 0 {
        return Err(JpegError::ZeroSize);
    }
    let mut sampling = [(0, 0); 3];
    for (factors, component) in sampling.iter_mut().zip(rest.chunks_exact(3)).take(components.into()) {
        *factors = (component[1] >> 4, component[1] & 15);
        if !(1..=4).contains(&factors.0) || !(1..=4).contains(&factors.1) {
            return Err(JpegError::BadSegment);
        }
    }
    let coding = match marker {
        0xc0 | 0xc1 => Coding::Baseline,
        0xc2 | 0xc6 | 0xca | 0xce => Coding::Progressive,
        0xc3 | 0xc7 | 0xcb | 0xcf => Coding::Lossless,
        _ => Coding::Unusual,
    };
    Ok(Info {
        width,
        height,
        components,
        sampling,
        has_huffman_tables: false,
        restart_interval: 0,
        coding,
        precision,
        scans: 0,
        table_bytes: 0,
        end: 0,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::markers::{COM, TEM};
    use super::*;

    /// A JPEG in structure only: size 16x8, 4:2:0, one scan.
    pub(in crate::jpeg) fn small(extra: &[u8], data: &[u8]) -> Vec<u8> {
        let mut jpeg = vec![0xff, SOI];
        jpeg.extend_from_slice(extra);
        jpeg.extend_from_slice(&[0xff, 0xc0, 0, 17, 8, 0, 8, 0, 16, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
        jpeg.extend_from_slice(&[0xff, SOS, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
        jpeg.extend_from_slice(data);
        jpeg.extend_from_slice(&[0xff, EOI]);
        jpeg
    }

    #[test]
    fn headers_are_read() {
        let jpeg = small(&[0xff, DRI, 0, 4, 0, 7], &[1, 2, 0xff, 0, 3, 0xff, 0xd3, 4]);
        let info = scan(&jpeg).unwrap();
        assert_eq!((info.width, info.height, info.components), (16, 8, 3));
        assert_eq!(info.sampling, [(2, 2), (1, 1), (1, 1)]);
        assert_eq!(
            (info.restart_interval, info.has_huffman_tables, info.coding),
            (7, false, Coding::Baseline)
        );
        assert_eq!(info.end, jpeg.len());
    }

    #[test]
    fn neither_a_thumbnail_nor_stale_bytes_hide_the_end() {
        let thumbnail = [0xff, 0xe1, 0, 8, 0xff, SOI, 1, 1, 0xff, EOI];
        let mut jpeg = small(&thumbnail, &[1, 2, 3]);
        let end = jpeg.len();
        jpeg.extend_from_slice(&[0, 0, 9, 9, 0xff, EOI, 0]);
        assert_eq!(scan(&jpeg).unwrap().end, end);
    }

    #[test]
    fn scans_and_what_is_read_again_and_again_are_counted() {
        let plain = scan(&small(&[], &[1])).unwrap();
        assert_eq!((plain.scans, plain.table_bytes), (1, 19), "the frame header alone");
        // A comment of 65 kB, fill bytes before an empty table, and a marker without a segment.
        let extra =
            [&[0xff, COM, 0xff, 0xff], &[0; 65533][..], &[0xff, 0xff, 0xff, DHT, 0, 2, 0xff, TEM]].concat();
        let full = scan(&small(&extra, &[1])).unwrap();
        assert_eq!(full.table_bytes, 19 + 4 + 6 + 2);
        let again = [&[1, 0xff, SOS, 0, 8, 1, 1, 0, 0, 63, 0][..]; 1000].concat();
        let many = small(&[], &again);
        assert_eq!(scan(&many).unwrap().scans, 1001);
        assert_eq!(scan_head(&many).unwrap().info.scans, 1);
    }

    #[test]
    fn every_truncation_is_refused() {
        let jpeg = small(&[0xff, 0xe0, 0, 4, 1, 2], &[1, 0xff, 0, 3]);
        for length in 0..jpeg.len() {
            assert!(scan(&jpeg[..length]).is_err(), "{length} of {} bytes", jpeg.len());
        }
    }

    #[test]
    fn the_head_alone_says_the_same_of_a_picture_whose_data_are_missing() {
        let jpeg = small(&[0xff, DRI, 0, 4, 0, 7], &[1, 2, 3]);
        let (whole, head) = (scan(&jpeg).unwrap(), scan_head(&jpeg).unwrap());
        assert_eq!(Info { end: whole.end, ..head.info }, whole);
        assert_eq!(jpeg[head.scan_at..][..2], [0xff, SOS]);
        assert_eq!(scan_head(&jpeg[..head.scan_at + 14]), Ok(head));
        for length in 0..head.scan_at + 14 {
            assert!(scan_head(&jpeg[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn damage_is_named() {
        assert_eq!(scan(b"hello"), Err(JpegError::NoStart));
        assert_eq!(scan(&[0xff, SOI, 1]), Err(JpegError::BadSegment));
        assert_eq!(scan(&[0xff, SOI, 0xff, SOS, 0, 2, 0xff, EOI]), Err(JpegError::NoHeader));
        let mut jpeg = small(&[], &[1]);
        jpeg[7] = 0;
        jpeg[8] = 0;
        assert_eq!(scan(&jpeg), Err(JpegError::ZeroSize));
    }
}
