//! Feedback from receivers, and the replies to it.
//!
//! All but the last begin with the [`Token`] that proves the receiver's address; 0 while it has none.
//!
//! ```text
//! ping     token 8, zeros 16                                          header's capture time: when, receiver's clock
//! pong     token 8, time of the ping 8, when it was heard 8           header's capture time: when, sender's clock
//! resend   token 8, chunks needed 2, ranges 2, (first 2, count 2) ... header's frame and part: which
//! report   token 8, counters 9 x 4, trains 2, (train 16) ...          header's capture time: when, receiver's clock
//! gone     nothing                                                    header's frame and part: which
//!
//! train    frame 4, first 2, last 2, part 1, span 3 (microseconds), missing in the first half 2, in the second 2
//! ```

use std::ops::Range;
use std::time::Duration;

use super::error::WireError;
use crate::frame::MediaTime;
use crate::geometry::MAX_CHUNKS;
use crate::seq::{FrameId, PartId};

/// Proves that a receiver gets what is sent to its address: the sender makes one for each address, and sends it there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token(u64);

/// The sender's answer to a ping or a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The receiver's token from now on.
    pub token: Token,
    /// When the receiver sent what is answered, on its clock.
    pub asked: MediaTime,
    /// When that was heard, on the sender's clock.
    pub heard: MediaTime,
}

/// A retransmission request: chunks of one part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resend<'a> {
    /// The receiver's.
    pub token: Token,
    /// How many chunks, of whichever kind, would make the part whole; at least one.
    pub needed: u16,
    ranges: &'a [u8],
}

/// What arrived at a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// The receiver's.
    pub token: Token,
    /// Since the session began.
    pub counts: ReportCounts,
    trains: &'a [u8],
}

/// Counted by a receiver since the session began; they wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportCounts {
    /// Frames that were whole.
    pub delivered: u32,
    /// Frames that were given up or never seen.
    pub lost: u32,
    /// Frames that parity made whole.
    pub repaired: u32,
    /// Frames that resent chunks made whole.
    pub resent: u32,
    /// Data chunks that arrived when they were first sent.
    pub arrived: u32,
    /// Data chunks that did not.
    pub missing: u32,
    /// Datagrams that the receiver's system dropped because nobody read them in time.
    pub kernel_dropped: u32,
    /// Frames that were delivered, but not decoded: a newer one came, or it could not be.
    pub decode_dropped: u32,
    /// Pictures that were decoded, but not shown: a newer one came.
    pub display_dropped: u32,
}

/// How a part's datagrams arrived, as they were first sent: data from 0, then parity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainEntry {
    /// The part.
    pub id: PartId,
    /// From which datagram on it is measured: the first to come at or behind a quarter of the data, or else the last.
    pub first: u16,
    /// The furthest that arrived when it was first sent.
    pub last: u16,
    /// Between the arrivals of these two; no more than 16 seconds.
    pub span: Duration,
    /// Data chunks of the part's first half that did not come when they were first sent.
    pub missing_head: u16,
    /// The same of its second half.
    pub missing_tail: u16,
}

/// The most ranges of a resend request.
pub const MAX_RANGES: usize = 64;
/// The most trains of a report.
pub const MAX_TRAINS: usize = 16;

impl Token {
    /// The token with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(super) const fn get(self) -> u64 {
        self.0
    }
}

/// Takes fields off the front of a body.
struct FieldReader<'a>(&'a [u8]);

impl<'a> FieldReader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(WireError::Payload)?;
        self.0 = rest;
        Ok(*field)
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, WireError> {
        self.take().map(u64::from_be_bytes)
    }

    fn list(&mut self, bytes_each: usize, most: usize) -> Result<&'a [u8], WireError> {
        let count = usize::from(self.u16()?);
        if count > most {
            return Err(WireError::Feedback);
        }
        self.0.get(..count * bytes_each).ok_or(WireError::Payload)
    }
}

/// Reads a ping's token.
pub(super) fn parse_ping(body: &[u8]) -> Result<Token, WireError> {
    // It is as long as its answer, so that a forged one gains nothing.
    body.first_chunk::<PONG_BYTES>().ok_or(WireError::Payload)?;
    FieldReader(body).u64().map(Token)
}

/// Writes the body of a ping.
pub(crate) fn emit_ping(token: Token, datagram: &mut Vec<u8>) {
    datagram.extend_from_slice(&token.0.to_be_bytes());
    datagram.extend_from_slice(&[0; PONG_BYTES - 8]);
}

impl Pong {
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut fields = FieldReader(body);
        let mut time = || fields.u64();
        let (token, asked, heard) = (Token(time()?), time()?, time()?);
        Ok(Self { token, asked: MediaTime::from_micros(asked), heard: MediaTime::from_micros(heard) })
    }

    pub(crate) fn emit(&self, datagram: &mut Vec<u8>) {
        for field in [self.token.0, self.asked.as_micros(), self.heard.as_micros()] {
            datagram.extend_from_slice(&field.to_be_bytes());
        }
    }
}

impl<'a> Resend<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = FieldReader(body);
        let request = Self {
            token: Token(fields.u64()?),
            needed: fields.u16()?,
            ranges: fields.list(RANGE_BYTES, MAX_RANGES)?,
        };
        // In rising order none is named twice, so that what a request costs is bounded by the frame.
        let mut end = 0;
        let possible = request.ranges().all(|range| {
            let is_next = end <= range.start && !range.is_empty() && range.end <= MAX_CHUNKS;
            end = range.end;
            is_next
        });
        // A request that needs nothing, or names nothing, is none.
        if possible && request.needed > 0 && !request.ranges.is_empty() {
            Ok(request)
        } else {
            Err(WireError::Feedback)
        }
    }

    /// The chunks requested, in rising order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + 'a {
        self.ranges.chunks_exact(RANGE_BYTES).map(|range| {
            let at = |i: usize| usize::from(u16::from_be_bytes([range[i], range[i + 1]]));
            at(0)..at(0) + at(2)
        })
    }

    /// Writes the body of a request, its ranges in rising order; of more than [`MAX_RANGES`] only so many.
    pub(crate) fn emit(
        token: Token,
        needed: u16,
        ranges: impl Iterator<Item = Range<usize>>,
        datagram: &mut Vec<u8>,
    ) {
        datagram.extend_from_slice(&token.0.to_be_bytes());
        datagram.extend_from_slice(&needed.to_be_bytes());
        let count_at = datagram.len();
        datagram.extend_from_slice(&[0; 2]);
        let mut count: u16 = 0;
        for range in ranges.take(MAX_RANGES) {
            datagram.extend_from_slice(&(range.start as u16).to_be_bytes());
            datagram.extend_from_slice(&(range.len() as u16).to_be_bytes());
            count += 1;
        }
        datagram[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

impl<'a> Report<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = FieldReader(body);
        let token = Token(fields.u64()?);
        let mut count = || fields.u32();
        let counts = ReportCounts {
            delivered: count()?,
            lost: count()?,
            repaired: count()?,
            resent: count()?,
            arrived: count()?,
            missing: count()?,
            kernel_dropped: count()?,
            decode_dropped: count()?,
            display_dropped: count()?,
        };
        Ok(Self { token, counts, trains: fields.list(TRAIN_BYTES, MAX_TRAINS)? })
    }

    /// How the newest frames arrived.
    pub fn trains(&self) -> impl Iterator<Item = TrainEntry> + 'a {
        self.trains.chunks_exact(TRAIN_BYTES).filter_map(|train| TrainEntry::parse(train).ok())
    }

    /// Writes the body of a report; of more than [`MAX_TRAINS`] trains only so many.
    pub(crate) fn emit(
        token: Token,
        counts: &ReportCounts,
        trains: impl Iterator<Item = TrainEntry>,
        datagram: &mut Vec<u8>,
    ) {
        datagram.extend_from_slice(&token.0.to_be_bytes());
        for count in [
            counts.delivered,
            counts.lost,
            counts.repaired,
            counts.resent,
            counts.arrived,
            counts.missing,
            counts.kernel_dropped,
            counts.decode_dropped,
            counts.display_dropped,
        ] {
            datagram.extend_from_slice(&count.to_be_bytes());
        }
        let count_at = datagram.len();
        datagram.extend_from_slice(&[0; 2]);
        let mut count: u16 = 0;
        for train in trains.take(MAX_TRAINS) {
            train.emit(datagram);
            count += 1;
        }
        datagram[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

impl TrainEntry {
    /// Whether the train lost its end: see [`lost_its_end`].
    pub(crate) fn lost_its_end(&self) -> bool {
        lost_its_end(self.missing_head.into(), self.missing_tail.into())
    }

    fn parse(train: &[u8]) -> Result<Self, WireError> {
        let mut fields = FieldReader(train);
        let frame = FrameId::new(fields.u32()?);
        let (first, last) = (fields.u16()?, fields.u16()?);
        let [part, high, middle, low] = fields.take()?;
        Ok(Self {
            id: PartId { frame, part },
            first,
            last,
            span: Duration::from_micros(u32::from_be_bytes([0, high, middle, low]).into()),
            missing_head: fields.u16()?,
            missing_tail: fields.u16()?,
        })
    }

    fn emit(&self, datagram: &mut Vec<u8>) {
        datagram.extend_from_slice(&self.id.frame.get().to_be_bytes());
        datagram.extend_from_slice(&self.first.to_be_bytes());
        datagram.extend_from_slice(&self.last.to_be_bytes());
        let span = u32::try_from(self.span.as_micros()).unwrap_or(MOST_SPAN).min(MOST_SPAN);
        datagram.extend_from_slice(&(u32::from(self.id.part) << 24 | span).to_be_bytes());
        datagram.extend_from_slice(&self.missing_head.to_be_bytes());
        datagram.extend_from_slice(&self.missing_tail.to_be_bytes());
    }
}

/// Whether so many chunks missing in a frame's two halves are what a queue loses, and chance rarely does.
pub(crate) fn lost_its_end(head: u32, tail: u32) -> bool {
    tail >= LOST_AT_END && tail > 3 * head
}

/// Whether so many missing chunks of a part are more than any path loses by chance on which video makes sense: it is
/// sent more than it carries, and its queue was full before.
pub(crate) fn lost_much(missing: u32, chunks: u32) -> bool {
    missing >= LOST_AT_END && missing.saturating_mul(3) > chunks
}

/// Fewer missing chunks say nothing.
const LOST_AT_END: u32 = 8;
const PONG_BYTES: usize = 24;
const RANGE_BYTES: usize = 4;
const TRAIN_BYTES: usize = 16;
/// Microseconds, in three bytes.
const MOST_SPAN: u32 = (1 << 24) - 1;
/// In the index of a ping's or a report's header: the receiver sends no requests.
pub(crate) const SENDS_NO_REQUESTS: u16 = 1;
/// The same: it takes frames of several parts.
pub(crate) const TAKES_PARTS: u16 = 2;
