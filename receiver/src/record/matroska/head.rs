//! What stands before the frames of a Matroska file.

use proto::MediaTime;

use super::ebml;

/// Where in the file that is which is written at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offsets {
    /// The first byte in the segment: positions in the file's own index count from here.
    pub(super) segment: u64,
    pub(super) seek_head: u64,
    pub(super) info: u64,
    pub(super) tracks: u64,
    pub(super) duration: u64,
    pub(super) frame_duration: u64,
}

/// What stands before the frames.
pub(super) fn start(size: (u16, u16), first: MediaTime) -> (Vec<u8>, Offsets) {
    let (mut out, mut places) = (Vec::new(), Offsets::default());
    ebml::master(&mut out, EBML, |out| {
        ebml::bytes(out, DOC_TYPE, b"matroska");
        ebml::uint(out, DOC_TYPE_VERSION, 4);
        ebml::uint(out, DOC_TYPE_READ_VERSION, 2);
    });
    ebml::id(&mut out, SEGMENT);
    out.extend_from_slice(&ebml::UNKNOWN_SIZE);
    places.segment = out.len() as u64;
    places.seek_head = places.segment;
    ebml::void(&mut out, SEEK_HEAD_ROOM);
    places.info = out.len() as u64;
    ebml::master(&mut out, INFO, |out| {
        ebml::uint(out, TIMESTAMP_SCALE, 1_000_000);
        ebml::bytes(out, MUXING_APP, APP.as_bytes());
        ebml::bytes(out, WRITING_APP, APP.as_bytes());
        if let Some(date) = date_utc(first) {
            ebml::bytes(out, DATE_UTC, &date.to_be_bytes());
        }
        ebml::void(out, DURATION_ROOM);
    });
    places.duration = (out.len() - DURATION_ROOM) as u64;
    places.tracks = out.len() as u64;
    ebml::master(&mut out, TRACKS, |out| ebml::master(out, TRACK_ENTRY, |out| track(out, size)));
    places.frame_duration = (out.len() - FRAME_DURATION_ROOM) as u64;
    (out, places)
}

/// The one track. Its last element is the room for the time from frame to frame.
fn track(out: &mut Vec<u8>, (width, height): (u16, u16)) {
    ebml::uint(out, TRACK_NUMBER_ID, TRACK_NUMBER.into());
    ebml::uint(out, TRACK_UID, 1);
    ebml::uint(out, TRACK_TYPE, 1);
    ebml::uint(out, FLAG_LACING, 0);
    ebml::bytes(out, LANGUAGE, b"und");
    ebml::bytes(out, CODEC_ID, b"V_MJPEG");
    ebml::master(out, VIDEO, |out| {
        ebml::uint(out, FLAG_INTERLACED, 2);
        ebml::uint(out, PIXEL_WIDTH, width.into());
        ebml::uint(out, PIXEL_HEIGHT, height.into());
        // JFIF: BT.601's matrix (H.273 calls that of 625 lines 5), over the full range.
        ebml::master(out, COLOUR, |out| {
            ebml::uint(out, MATRIX_COEFFICIENTS, 5);
            ebml::uint(out, RANGE, 2);
        });
    });
    ebml::void(out, FRAME_DURATION_ROOM);
}

/// Where the parts of the file are, in exactly the room that was left for it.
pub(super) fn seek_head(parts: &[(ebml::Id, u64)], segment: u64) -> Vec<u8> {
    let mut out = Vec::new();
    ebml::master(&mut out, SEEK_HEAD, |out| {
        for (id, at) in parts {
            ebml::master(out, SEEK, |out| {
                ebml::bytes(out, SEEK_ID, &id.to_be_bytes());
                ebml::uint(out, SEEK_POSITION, at - segment);
            });
        }
    });
    let left = SEEK_HEAD_ROOM - out.len();
    ebml::void(&mut out, left);
    out
}

/// Nanoseconds since the year 2001 began, which is how EBML dates; `None` if that is out of its range.
fn date_utc(time: MediaTime) -> Option<i64> {
    i64::try_from(time.as_micros()).ok()?.checked_sub(YEAR_2001_MICROS)?.checked_mul(1000)
}

pub(super) const TRACK_NUMBER: u8 = 1;
const SEEK_HEAD_ROOM: usize = 96;
const DURATION_ROOM: usize = 11;
const FRAME_DURATION_ROOM: usize = 12;
pub(super) const YEAR_2001_MICROS: i64 = 978_307_200_000_000;
const APP: &str = concat!("Chunkcast ", env!("CARGO_PKG_VERSION"));
pub(super) const EBML: ebml::Id = 0x1a45_dfa3;
pub(super) const DOC_TYPE: ebml::Id = 0x4282;
pub(super) const DOC_TYPE_VERSION: ebml::Id = 0x4287;
pub(super) const DOC_TYPE_READ_VERSION: ebml::Id = 0x4285;
pub(super) const SEGMENT: ebml::Id = 0x1853_8067;
pub(super) const SEEK_HEAD: ebml::Id = 0x114d_9b74;
pub(super) const SEEK: ebml::Id = 0x4dbb;
pub(super) const SEEK_ID: ebml::Id = 0x53ab;
pub(super) const SEEK_POSITION: ebml::Id = 0x53ac;
pub(super) const INFO: ebml::Id = 0x1549_a966;
pub(super) const TIMESTAMP_SCALE: ebml::Id = 0x2a_d7b1;
pub(super) const MUXING_APP: ebml::Id = 0x4d80;
pub(super) const WRITING_APP: ebml::Id = 0x5741;
pub(super) const DATE_UTC: ebml::Id = 0x4461;
pub(super) const DURATION: ebml::Id = 0x4489;
pub(super) const TRACKS: ebml::Id = 0x1654_ae6b;
pub(super) const TRACK_ENTRY: ebml::Id = 0xae;
pub(super) const TRACK_NUMBER_ID: ebml::Id = 0xd7;
pub(super) const TRACK_UID: ebml::Id = 0x73c5;
pub(super) const TRACK_TYPE: ebml::Id = 0x83;
pub(super) const FLAG_LACING: ebml::Id = 0x9c;
pub(super) const LANGUAGE: ebml::Id = 0x22_b59c;
pub(super) const CODEC_ID: ebml::Id = 0x86;
pub(super) const DEFAULT_DURATION: ebml::Id = 0x23_e383;
pub(super) const VIDEO: ebml::Id = 0xe0;
pub(super) const FLAG_INTERLACED: ebml::Id = 0x9a;
pub(super) const PIXEL_WIDTH: ebml::Id = 0xb0;
pub(super) const PIXEL_HEIGHT: ebml::Id = 0xba;
pub(super) const COLOUR: ebml::Id = 0x55b0;
pub(super) const MATRIX_COEFFICIENTS: ebml::Id = 0x55b1;
pub(super) const RANGE: ebml::Id = 0x55b9;
