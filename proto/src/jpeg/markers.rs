//! Markers and segments: what a JPEG is made of (ITU-T T.81, Annex B).

use thiserror::Error;

/// Why some bytes are no whole JPEG.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JpegError {
    /// It does not begin with a start marker.
    #[error("it does not begin with a JPEG start marker")]
    NoStart,
    /// It ends before its end marker.
    #[error("it is cut short: there is no end marker")]
    CutShort,
    /// A marker is not where one must be, or a segment's length is impossible.
    #[error("its segments are damaged")]
    BadSegment,
    /// The picture's data begin before its size was said.
    #[error("its data begin before its header")]
    NoHeader,
    /// Its width or height is 0.
    #[error("its width or height is zero")]
    ZeroSize,
}

/// The marker at `at` (fill bytes before it are allowed, T.81 B.1.1.2) and the position after it.
pub(crate) fn next_marker(bytes: &[u8], mut at: usize) -> Result<(u8, usize), JpegError> {
    match bytes.get(at) {
        Some(0xff) => {}
        Some(_) => return Err(JpegError::BadSegment),
        None => return Err(JpegError::CutShort),
    }
    while bytes.get(at) == Some(&0xff) {
        at += 1;
    }
    match bytes.get(at) {
        Some(0) => Err(JpegError::BadSegment),
        Some(&marker) => Ok((marker, at + 1)),
        None => Err(JpegError::CutShort),
    }
}

/// Whether a marker has no segment. Start and end markers have none either, but mean more.
pub(crate) fn stands_alone(marker: u8) -> bool {
    matches!(marker, TEM | RST0..=RST7)
}

/// Whether a marker begins a segment that decoders pass over: a comment, or one for an application.
pub(super) fn is_note(marker: u8) -> bool {
    matches!(marker, APP0..=0xef | COM)
}

/// Whether a marker begins a frame header (T.81 table B.1).
pub(crate) fn is_frame_header(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, DHT | JPG | DAC)
}

/// The content of the segment whose length field is at `at`, and the position after it.
pub(crate) fn segment(bytes: &[u8], at: usize) -> Result<(&[u8], usize), JpegError> {
    let length = bytes.get(at..at + 2).ok_or(JpegError::CutShort)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        return Err(JpegError::BadSegment);
    }
    let content = bytes.get(at + 2..at + length).ok_or(JpegError::CutShort)?;
    Ok((content, at + length))
}

/// Where the entropy-coded data that begin at `at` end: at the first marker that is neither a stuffed zero nor a
/// restart. `None` if they do not.
pub(crate) fn end_of_scan(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(0xff, bytes.get(at..)?)?;
        match *bytes.get(at + 1)? {
            0 | RST0..=RST7 => at += 2,
            // The last of several may begin a marker.
            0xff => at += fill(&bytes[at..]) - 1,
            _ => return Some(at),
        }
    }
}

/// How many fill bytes stand at the beginning.
pub(super) fn fill(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == 0xff).count()
}

pub(super) const SOI: u8 = 0xd8;
pub(crate) const EOI: u8 = 0xd9;
pub(crate) const SOS: u8 = 0xda;
pub(crate) const DHT: u8 = 0xc4;
pub(crate) const DQT: u8 = 0xdb;
pub(crate) const APP0: u8 = 0xe0;
pub(crate) const APP14: u8 = 0xee;
pub(super) const COM: u8 = 0xfe;
pub(super) const JPG: u8 = 0xc8;
pub(super) const DAC: u8 = 0xcc;
pub(super) const DRI: u8 = 0xdd;
pub(super) const TEM: u8 = 0x01;
pub(super) const RST0: u8 = 0xd0;
pub(super) const RST7: u8 = 0xd7;
