//! Parses and checks datagrams: nothing else reads bytes from the network.

use super::checksum;
use super::error::WireError;
use super::feedback::{self, Pong, Report, Resend, Token};
use super::header::{self, HEADER_BYTES, Header, Kind};
use super::hello::Hello;
use super::subscribe::{Subscribe, SubscribeReply};
use crate::fec::most_parity;
use crate::frame::SIGNATURE_BYTES;
use crate::geometry::Geometry;

/// A datagram whose every field was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What every datagram says.
    pub header: Header,
    /// What this one brings.
    pub body: Body<'a>,
}

/// What a datagram brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A chunk of a frame: exactly as many bytes as its geometry gives it.
    Data {
        /// How its part is cut.
        geometry: Geometry,
        /// The chunk.
        chunk: &'a [u8],
        /// Whether it was sent before.
        again: bool,
    },
    /// A chunk that missing ones can be computed from.
    Parity {
        /// How its part is cut.
        geometry: Geometry,
        /// Which parity chunk, from 0.
        index: usize,
        /// The CRC-32 of the whole part, to check a repaired one by.
        checksum: u32,
        /// The chunk, as long as the part's first.
        chunk: &'a [u8],
    },
    /// What a sender says of itself.
    Hello(Hello<'a>),
    /// The sender ends its session.
    Goodbye,
    /// A receiver says what arrived.
    Report(Report<'a>),
    /// A retransmission request.
    Resend(Resend<'a>),
    /// A receiver requests the time, and shows its token.
    Ping(Token),
    /// The answer to a ping or a report.
    Pong(Pong),
    /// The sender no longer has that frame.
    Gone,
    /// A receiver subscribes.
    Subscribe(Subscribe),
    /// What it is told while it has none.
    SubscribeReply(SubscribeReply),
    /// Something that this version does not know.
    Unknown,
}

impl<'a> Datagram<'a> {
    /// Reads a datagram. Nothing is believed before the checksum has been found right, and every field is checked.
    ///
    /// Bytes behind what this version knows are covered by the checksum and otherwise ignored.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (head, payload) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(WireError::TooShort)?;
        header::check_mark(head)?;
        if !checksum::is_intact(bytes) {
            return Err(WireError::Checksum);
        }
        let header = Header::parse(head);
        if header.session.get() == 0 {
            return Err(WireError::NoSession);
        }
        let body = || payload.get(..header.length as usize).ok_or(WireError::Payload);
        let body = match header.kind {
            Kind::Data | Kind::Again => Self::data(&header, payload)?,
            Kind::Parity => Self::parity(&header, payload)?,
            Kind::Hello => Body::Hello(Hello::parse(body()?)?),
            Kind::Goodbye => Body::Goodbye,
            Kind::Report => Body::Report(Report::parse(body()?)?),
            Kind::Resend => Body::Resend(Resend::parse(body()?)?),
            Kind::Ping => Body::Ping(feedback::parse_ping(body()?)?),
            Kind::Pong => Body::Pong(Pong::parse(body()?)?),
            Kind::Gone => Body::Gone,
            Kind::Subscribe => Body::Subscribe(Subscribe::parse(body()?)?),
            Kind::SubscribeReply => Body::SubscribeReply(SubscribeReply::parse(body()?)?),
            Kind::Other(_) => Body::Unknown,
        };
        Ok(Self { header, body })
    }

    /// Reads a datagram if it says that it is of this kind. What is of another costs no checksum.
    pub(crate) fn parse_kind(bytes: &'a [u8], kind: Kind) -> Option<Result<Self, WireError>> {
        header::claims(bytes, kind).then(|| Self::parse(bytes))
    }

    fn data(header: &Header, payload: &'a [u8]) -> Result<Body<'a>, WireError> {
        let (geometry, index) = Self::place(header)?;
        if index >= geometry.chunks() {
            return Err(WireError::Index);
        }
        let chunk = payload.get(..geometry.range(index).len()).ok_or(WireError::Payload)?;
        Ok(Body::Data { geometry, chunk, again: header.kind == Kind::Again })
    }

    fn parity(header: &Header, payload: &'a [u8]) -> Result<Body<'a>, WireError> {
        let (geometry, index) = Self::place(header)?;
        let index = index.checked_sub(geometry.chunks()).ok_or(WireError::Index)?;
        if index > most_parity(geometry.chunks()) {
            return Err(WireError::Index);
        }
        let (checksum, payload) = payload.split_first_chunk().ok_or(WireError::Payload)?;
        let chunk = payload.get(..geometry.chunk_bytes()).ok_or(WireError::Payload)?;
        Ok(Body::Parity { geometry, index, checksum: u32::from_be_bytes(*checksum), chunk })
    }

    fn place(header: &Header) -> Result<(Geometry, usize), WireError> {
        // A frame's signature stands behind all of it.
        let is_last = header.part.checked_add(1) == Some(header.parts);
        if header.part >= header.parts || header.is_signed && !is_last {
            return Err(WireError::Part);
        }
        let geometry = Geometry::checked(header.length, header.data_chunks).ok_or(WireError::Geometry)?;
        // There is something that was signed.
        if header.is_signed && geometry.length() <= SIGNATURE_BYTES {
            return Err(WireError::Geometry);
        }
        Ok((geometry, header.index.into()))
    }
}

/// Writes a header in front of the payload that is already in `datagram`, and seals both.
///
/// # Panics
/// If `datagram` is shorter than a header.
pub fn emit(header: &Header, datagram: &mut [u8]) {
    let head = datagram.first_chunk_mut::<HEADER_BYTES>().expect("room for the header");
    header.emit(head);
    checksum::seal(datagram);
}

/// Writes a whole hello or goodbye into `datagram`, replacing what was there.
pub fn emit_control(header: &Header, hello: Option<&Hello<'_>>, datagram: &mut Vec<u8>) {
    emit_with(header, datagram, |datagram| {
        if let Some(hello) = hello {
            hello.emit(datagram);
        }
    });
}

/// Writes a whole datagram that is no chunk into `datagram`, replacing what was there; `body` appends its body.
pub(crate) fn emit_with(header: &Header, datagram: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    datagram.clear();
    datagram.resize(HEADER_BYTES, 0);
    body(datagram);
    let length = (datagram.len() - HEADER_BYTES) as u32;
    emit(&Header { length, ..*header }, datagram);
}

/// Puts the right checksum on a datagram, which is at least a header long.
#[cfg(feature = "keys")]
pub(crate) fn renew_checksum(datagram: &mut [u8]) {
    checksum::seal(datagram);
}

/// Makes a data datagram one that is sent again.
pub(crate) fn mark_again(datagram: &mut [u8]) {
    datagram[header::KIND] = Kind::Again.to_wire() | datagram[header::KIND] & header::SIGNED;
    checksum::seal(datagram);
}

/// Bytes in front of a parity chunk: the CRC-32 of the whole part.
pub(crate) const PARITY_CHECKSUM_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::hello::SourceState;
    use super::*;
    use crate::frame::MediaTime;
    use crate::seq::{FrameId, SessionId};

    fn data_header() -> Header {
        Header {
            kind: Kind::Data,
            session: SessionId::new(0x0123_4567_89ab_cdef),
            frame: FrameId::new(7),
            part: 0,
            parts: 1,
            is_signed: false,
            index: 1,
            data_chunks: 2,
            parity_chunks: 0,
            length: 11,
            captured: MediaTime::from_micros(1_700_000_000_000_000),
        }
    }

    fn sealed(header: &Header, payload: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0xa5; HEADER_BYTES];
        datagram.extend_from_slice(payload);
        emit(header, &mut datagram);
        datagram
    }

    #[test]
    fn a_data_datagram_is_read_as_it_was_written() {
        let bytes = sealed(&data_header(), b"chunk");
        let read = Datagram::parse(&bytes).unwrap();
        assert_eq!(read.header, data_header());
        assert!(matches!(read.body, Body::Data { chunk: b"chunk", .. }));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let bytes = sealed(&data_header(), b"chunk");
        for length in 0..bytes.len() {
            assert!(Datagram::parse(&bytes[..length]).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Datagram::parse(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn each_impossible_field_is_refused_by_name() {
        let good = data_header();
        for (header, error) in [
            (Header { session: SessionId::new(0), ..good }, WireError::NoSession),
            (Header { parts: 0, ..good }, WireError::Part),
            (Header { part: 1, ..good }, WireError::Part),
            (Header { part: 255, parts: 255, ..good }, WireError::Part),
            (Header { part: 0, parts: 2, is_signed: true, ..good }, WireError::Part),
            (Header { data_chunks: 0, ..good }, WireError::Geometry),
            (Header { length: 0, ..good }, WireError::Geometry),
            (Header { length: u32::MAX, ..good }, WireError::Geometry),
            (Header { index: 2, ..good }, WireError::Index),
            (Header { index: 0, ..good }, WireError::Payload),
            (Header { length: 12, ..good }, WireError::Payload),
        ] {
            assert_eq!(Datagram::parse(&sealed(&header, b"chunk")), Err(error), "{header:?}");
        }
        let mut other = sealed(&good, b"chunk");
        other[2] = 9;
        assert_eq!(Datagram::parse(&other), Err(WireError::Version(9)));
    }

    #[test]
    fn unknown_kinds_and_bytes_past_what_is_known_are_passed_over() {
        let longer = sealed(&data_header(), b"chunk and more");
        assert!(matches!(Datagram::parse(&longer).unwrap().body, Body::Data { chunk: b"chunk", .. }));
        let unknown = sealed(&Header { kind: Kind::Other(200), ..data_header() }, b"");
        assert_eq!(Datagram::parse(&unknown).unwrap().body, Body::Unknown);
    }

    #[test]
    fn a_hello_is_read_as_it_was_written() {
        let hello = Hello {
            state: SourceState::Gone,
            name: "bench 3 – left",
            invitation: None,
            interval: None,
            signer: None,
            capture_error: None,
        };
        let mut bytes = Vec::new();
        emit_control(&Header { kind: Kind::Hello, ..data_header() }, Some(&hello), &mut bytes);
        assert_eq!(Datagram::parse(&bytes).unwrap().body, Body::Hello(hello));
    }
}
