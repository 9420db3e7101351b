//! A packet's headers: RTP's own (RFC 3550 section 5.1) and RTP/JPEG's behind it (RFC 2435 section 3.1).

use thiserror::Error;

use super::quantization::Tables;
use crate::geometry::MAX_FRAME_BYTES;
use crate::stats::{NotTaken, PAYLOAD_TYPE};

/// A packet whose every field was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) rtp: Rtp,
    pub(super) picture: RtpPicture,
    /// In a frame's first fragment, if it brings them.
    pub(super) tables: Option<Tables>,
    /// Where its data belong in the scan, in bytes.
    pub(super) offset: usize,
    /// At least one byte.
    pub(super) data: &'a [u8],
}

/// RTP's fixed header, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rtp {
    /// Whether this is the last packet of its frame.
    pub(super) marker: bool,
    pub(super) sequence: u16,
    /// The same for all packets of a frame.
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

/// What every fragment says of its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpPicture {
    pub(super) sampling: Sampling,
    /// Quality factor, 1 to 99, or what stands for tables, 128 to 255.
    pub(super) q: u8,
    /// In pixels, a multiple of 8 up to 2040.
    pub(super) width: u16,
    pub(super) height: u16,
    /// In MCUs; `None` if there are no restart markers.
    pub(super) restart_interval: Option<u16>,
}

/// The samplings that RTP/JPEG has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    /// Type 0.
    Yuv422,
    /// Type 1.
    Yuv420,
}

/// Why some bytes are no packet of ours.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum PacketError {
    #[error("shorter than its headers")]
    TooShort,
    #[error("not RTP of version 2")]
    Version,
    #[error("RTP payload type {0} is not JPEG")]
    PayloadType(u8),
    #[error("RTP/JPEG type {0} is not known")]
    Kind(u8),
    #[error("no picture of its own, but a field of an interlaced one")]
    Field,
    #[error("quality {0} is not defined")]
    Quality(u8),
    #[error("a size that the headers do not say")]
    Size,
    #[error("impossible quantization tables")]
    Tables,
    #[error("more bytes than a frame may have")]
    TooLarge,
}

impl PacketError {
    /// What it is that may well be right, and only is nothing that this receiver takes.
    pub(super) fn not_taken(self) -> Option<NotTaken> {
        match self {
            Self::PayloadType(number) => Some(NotTaken::PayloadType(number)),
            Self::Kind(kind) => Some(NotTaken::Kind(kind)),
            Self::Field => Some(NotTaken::Field),
            Self::Quality(quality) => Some(NotTaken::Quality(quality)),
            Self::Size => Some(NotTaken::Size),
            Self::TooShort | Self::Version | Self::Tables | Self::TooLarge => None,
        }
    }
}

impl<'a> Packet<'a> {
    /// Reads a packet. Every field is checked, and nothing is allocated.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let (rtp, payload) = Rtp::parse(bytes)?;
        let (&head, mut rest) = payload.split_first_chunk::<MAIN_BYTES>().ok_or(PacketError::TooShort)?;
        let [specific, o2, o1, o0, kind, q, width, height] = head;
        // 3 is a single field that stands for the whole picture.
        if !matches!(specific, 0 | 3) {
            return Err(PacketError::Field);
        }
        let sampling = match kind & !RESTARTS {
            0 => Sampling::Yuv422,
            1 => Sampling::Yuv420,
            _ => return Err(PacketError::Kind(kind)),
        };
        if !matches!(q, 1..=99 | 128..=255) {
            return Err(PacketError::Quality(q));
        }
        if width == 0 || height == 0 {
            return Err(PacketError::Size);
        }
        let mut restart_interval = None;
        if kind & RESTARTS != 0 {
            let (&[high, low, ..], after) =
                rest.split_first_chunk::<RESTART_BYTES>().ok_or(PacketError::TooShort)?;
            restart_interval = Some(u16::from_be_bytes([high, low])).filter(|&interval| interval > 0);
            rest = after;
        }
        let offset = u32::from_be_bytes([0, o2, o1, o0]) as usize;
        let mut tables = None;
        if offset == 0 && q >= IN_BAND {
            let (&[_, precision, high, low], after) =
                rest.split_first_chunk::<TABLES_BYTES>().ok_or(PacketError::TooShort)?;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let (content, after) = after.split_at_checked(length).ok_or(PacketError::TooShort)?;
            if length > 0 {
                tables = Some(Tables::parse(precision, content).ok_or(PacketError::Tables)?);
            } else if q == DYNAMIC {
                return Err(PacketError::Tables);
            }
            rest = after;
        }
        if rest.is_empty() {
            return Err(PacketError::TooShort);
        }
        if offset + rest.len() > MAX_FRAME_BYTES {
            return Err(PacketError::TooLarge);
        }
        let (width, height) = (u16::from(width) * 8, u16::from(height) * 8);
        let picture = RtpPicture { sampling, q, width, height, restart_interval };
        Ok(Self { rtp, picture, tables, offset, data: rest })
    }
}

impl Rtp {
    /// The header, and the payload without padding.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (&head, mut rest) = bytes.split_first_chunk::<RTP_BYTES>().ok_or(PacketError::TooShort)?;
        let [flags, kind, s1, s0, t3, t2, t1, t0, i3, i2, i1, i0] = head;
        if flags >> 6 != VERSION {
            return Err(PacketError::Version);
        }
        if kind & 0x7f != PAYLOAD_TYPE {
            return Err(PacketError::PayloadType(kind & 0x7f));
        }
        let sources = 4 * usize::from(flags & 0x0f);
        rest = rest.get(sources..).ok_or(PacketError::TooShort)?;
        if flags & EXTENSION != 0 {
            let (&[_, _, high, low], after) = rest.split_first_chunk::<4>().ok_or(PacketError::TooShort)?;
            let words = usize::from(u16::from_be_bytes([high, low]));
            rest = after.get(4 * words..).ok_or(PacketError::TooShort)?;
        }
        if flags & PADDING != 0 {
            let padding = usize::from(*rest.last().ok_or(PacketError::TooShort)?);
            let length = rest.len().checked_sub(padding.max(1)).ok_or(PacketError::TooShort)?;
            rest = &rest[..length];
        }
        let rtp = Self {
            marker: kind & MARKER != 0,
            sequence: u16::from_be_bytes([s1, s0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            ssrc: u32::from_be_bytes([i3, i2, i1, i0]),
        };
        Ok((rtp, rest))
    }

    /// Makes a packet that was written the last of its frame.
    pub(super) fn mark_last(packet: &mut [u8]) {
        packet[1] |= MARKER;
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION << 6, PAYLOAD_TYPE | if self.marker { MARKER } else { 0 }]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
    }
}

impl RtpPicture {
    /// Bytes of the headers of a fragment, without tables.
    pub(super) fn header_bytes(&self) -> usize {
        RTP_BYTES + MAIN_BYTES + if self.restart_interval.is_some() { RESTART_BYTES } else { 0 }
    }

    /// Appends the headers of the fragment at `offset`, which must be less than 2^24; the first one brings `tables`.
    pub(super) fn emit(&self, rtp: &Rtp, offset: usize, tables: &Tables, out: &mut Vec<u8>) {
        rtp.emit(out);
        let kind = match self.sampling {
            Sampling::Yuv422 => 0,
            Sampling::Yuv420 => 1,
        };
        let restarts = if self.restart_interval.is_some() { RESTARTS } else { 0 };
        let [_, o2, o1, o0] = (offset as u32).to_be_bytes();
        let [width, height] = [self.width, self.height].map(|side| (side / 8) as u8);
        out.extend_from_slice(&[0, o2, o1, o0, kind | restarts, self.q, width, height]);
        if let Some(interval) = self.restart_interval {
            out.extend_from_slice(&interval.to_be_bytes());
            out.extend_from_slice(&ANY_CHUNK);
        }
        if offset == 0 && self.q >= IN_BAND {
            out.extend_from_slice(&[0, tables.precision()]);
            out.extend_from_slice(&(tables.bytes().len() as u16).to_be_bytes());
            out.extend_from_slice(tables.bytes());
        }
    }
}

/// Qualities from here on stand for tables that travel.
pub(super) const IN_BAND: u8 = 128;
/// The quality whose tables travel with every frame.
pub(super) const DYNAMIC: u8 = 255;
/// Bytes in front of tables.
pub(super) const TABLES_BYTES: usize = 4;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;
/// Added to the type of pictures with restart markers.
const RESTARTS: u8 = 64;
/// First and last fragment of a chunk of whole restart intervals, and the count that says: put the whole frame together
/// (RFC 2435 section 3.1.7).
const ANY_CHUNK: [u8; 2] = [0xff, 0xff];
const RTP_BYTES: usize = 12;
const MAIN_BYTES: usize = 8;
const RESTART_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const RTP: Rtp = Rtp { marker: true, sequence: 7, timestamp: 90_000, ssrc: 0x0102_0304 };
    const PICTURE: RtpPicture = RtpPicture {
        sampling: Sampling::Yuv420,
        q: 255,
        width: 1920,
        height: 1080,
        restart_interval: Some(120),
    };

    fn packet(picture: RtpPicture, offset: usize, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.emit(&RTP, offset, &Tables::of_quality(75), &mut bytes);
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn a_packet_is_read_as_it_was_written() {
        let bytes = packet(PICTURE, 0, b"data");
        // RFC 2435 section 3.1: offset 0, type 65, Q 255, 240 by 135 blocks; then the restart header, and 128 bytes of
        // tables.
        assert_eq!(bytes[12..28], [0, 0, 0, 0, 65, 255, 240, 135, 0, 120, 0xff, 0xff, 0, 0, 0, 128]);
        let read = Packet::parse(&bytes).unwrap();
        let tables = Some(Tables::of_quality(75));
        assert_eq!(read, Packet { rtp: RTP, picture: PICTURE, tables, offset: 0, data: b"data" });
        let later = RtpPicture { restart_interval: None, q: 60, sampling: Sampling::Yuv422, ..PICTURE };
        let bytes = packet(later, 0x0001_0203, b"data");
        assert_eq!(bytes[12..20], [0, 1, 2, 3, 0, 60, 240, 135]);
        let read = Packet::parse(&bytes).unwrap();
        assert_eq!((read.picture, read.tables, read.offset), (later, None, 0x0001_0203));
    }

    #[test]
    fn what_other_senders_put_around_the_payload_is_passed_over() {
        let plain = packet(PICTURE, 0, b"data");
        let mut bytes = plain[..12].to_vec();
        bytes[0] |= PADDING | EXTENSION | 2;
        bytes.extend_from_slice(&[9; 8]); // two contributing sources
        bytes.extend_from_slice(&[0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // an extension of one word
        bytes.extend_from_slice(&plain[12..]);
        bytes.extend_from_slice(&[0, 0, 3]);
        assert_eq!(Packet::parse(&bytes), Packet::parse(&plain));
    }

    #[test]
    fn every_truncation_is_refused_until_there_is_data() {
        let bytes = packet(PICTURE, 0, b"d");
        for length in 0..bytes.len() {
            assert_eq!(Packet::parse(&bytes[..length]), Err(PacketError::TooShort), "{length} bytes");
        }
    }

    #[test]
    fn each_impossible_field_is_refused_by_name() {
        let good = packet(PICTURE, 0, b"data");
        for (at, byte, error) in [
            (0, 0x40, PacketError::Version),
            (1, 96, PacketError::PayloadType(96)),
            (12, 1, PacketError::Field),
            (16, 2, PacketError::Kind(2)),
            (16, 193, PacketError::Kind(193)),
            (17, 0, PacketError::Quality(0)),
            (17, 100, PacketError::Quality(100)),
            (18, 0, PacketError::Size),
            (19, 0, PacketError::Size),
            (27, 127, PacketError::Tables),
            (27, 0, PacketError::Tables),
        ] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            assert_eq!(Packet::parse(&bytes), Err(error), "byte {at} is {byte}");
        }
        let last = packet(PICTURE, MAX_FRAME_BYTES - 4, b"data");
        assert!(Packet::parse(&last).is_ok());
        let beyond = packet(PICTURE, MAX_FRAME_BYTES - 4, b"data!");
        assert_eq!(Packet::parse(&beyond), Err(PacketError::TooLarge));
    }
}
