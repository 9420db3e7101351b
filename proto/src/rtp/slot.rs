//! One frame in flight: its data, each fragment in its place, and which of them have come.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::header::{Packet, RtpPicture, TABLES_BYTES};
use super::jfif;
use super::quantization::Tables;
use crate::frame::{Buffer, Pool};

/// One frame on its way.
#[derive(Debug)]
pub(super) struct RtpSlot {
    pub(super) timestamp: u32,
    pub(super) picture: RtpPicture,
    tables: Option<Tables>,
    /// Room for the headers, then the data.
    buffer: Buffer,
    /// Bytes of that room.
    head: usize,
    /// Which data have come: in order, apart from each other, none empty.
    have: Vec<Range<usize>>,
    /// Bytes of all data, once the last packet has come.
    length: Option<usize>,
    /// How many fragments have come, and how much the longest carries.
    pub(super) packets: u64,
    longest: usize,
    /// The lowest and the highest place in the stream of those that have.
    pub(super) places: Range<u64>,
    /// When the first and the last of them came.
    pub(super) first: Instant,
}

/// What a fragment came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FragmentOutcome {
    /// It is in its place.
    New,
    /// It was there already.
    Twice,
    /// It is not where it can be, by what the others say.
    Contradiction,
}

impl RtpSlot {
    /// Begins the frame of which this packet is the first to come.
    pub(super) fn open(
        packet: &Packet<'_>,
        place: u64,
        now: Instant,
        have: Vec<Range<usize>>,
        pool: &mut Pool,
    ) -> Self {
        Self {
            timestamp: packet.rtp.timestamp,
            picture: packet.picture,
            tables: None,
            buffer: pool.take(),
            head: jfif::usual_bytes(&packet.picture),
            have,
            length: None,
            packets: 0,
            longest: 0,
            places: place..place + 1,
            first: now,
        }
    }

    /// Puts a fragment in its place. `tables` are those that it brings or names.
    pub(super) fn store(
        &mut self,
        packet: &Packet<'_>,
        tables: Option<Tables>,
        place: u64,
    ) -> FragmentOutcome {
        let data = packet.offset..packet.offset + packet.data.len();
        let is_last = packet.rtp.marker;
        let end = self.have.last().map_or(0, |last| last.end);
        let is_beyond = self.length.is_some_and(|length| data.end > length || is_last && data.end != length);
        if packet.picture != self.picture || is_beyond || is_last && data.end < end {
            return FragmentOutcome::Contradiction;
        }
        // A fragment says where it belongs; how many can have been before it, its place in the stream.
        if data.start > end {
            let between = place.abs_diff(self.places.end - 1);
            if self.packets > 0 && (data.start - end) as u64 > between * LONGEST_PACKET {
                return FragmentOutcome::Contradiction;
            }
        }
        match self.insert(&data) {
            FragmentOutcome::New => {}
            other => return other,
        }
        let bytes = Arc::get_mut(&mut self.buffer).expect("a buffer from the pool has one owner");
        let at = self.head + data.start..self.head + data.end;
        if bytes.len() < at.end {
            if bytes.capacity() < at.end {
                bytes.reserve_exact(with_spare(at.end) - bytes.len());
            }
            bytes.resize(at.end, 0);
        }
        bytes[at].copy_from_slice(packet.data);
        if is_last {
            self.length = Some(data.end);
        }
        self.tables = self.tables.or(tables);
        self.packets += 1;
        // The first one carries tables too.
        let tables = packet.tables.map_or(0, |tables| TABLES_BYTES + tables.bytes().len());
        self.longest = self.longest.max(packet.data.len() + tables);
        self.places = self.places.start.min(place)..self.places.end.max(place + 1);
        FragmentOutcome::New
    }

    /// Whether nothing is missing.
    pub(super) fn is_whole(&self) -> bool {
        let is_all = |length| matches!(&self.have[..], [have] if *have == (0..length));
        self.tables.is_some() && self.length.is_some_and(is_all)
    }

    /// How many packets are missing, as far as that can be told; at least 1.
    pub(super) fn missing(&self) -> u64 {
        let mut end = 0;
        let mut missing = 0;
        for have in &self.have {
            missing += (have.start - end).div_ceil(self.longest) as u64;
            end = have.end;
        }
        let is_open = self.length.is_none_or(|length| end < length);
        (missing + u64::from(is_open)).max(1)
    }

    /// Bytes of memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes of memory that it holds with this packet in it.
    pub(super) fn bytes_with(&self, packet: &Packet<'_>) -> usize {
        let end = self.head + packet.offset + packet.data.len();
        if end <= self.buffer.capacity() { self.buffer.capacity() } else { with_spare(end) }
    }

    /// The whole JPEG, and what is used again.
    pub(super) fn into_jpeg(mut self, headers: &mut Vec<u8>) -> (Buffer, Vec<Range<usize>>) {
        let (tables, length) = (self.tables.expect(WHOLE), self.length.expect(WHOLE));
        headers.clear();
        jfif::emit(&self.picture, &tables, headers);
        let bytes = Arc::get_mut(&mut self.buffer).expect("a buffer from the pool has one owner");
        bytes.truncate(self.head + length);
        // Some senders leave the end marker on.
        if !bytes.ends_with(&jfif::END) {
            bytes.extend_from_slice(&jfif::END);
        }
        if headers.len() == self.head {
            bytes[..self.head].copy_from_slice(headers);
        } else {
            bytes.splice(..self.head, headers.iter().copied());
        }
        (self.buffer, self.have)
    }

    /// Its buffer, and what is used again.
    pub(super) fn into_buffer(self) -> (Buffer, Vec<Range<usize>>) {
        (self.buffer, self.have)
    }

    /// Notes that these data have come.
    fn insert(&mut self, data: &Range<usize>) -> FragmentOutcome {
        // Nearly always it goes on where the last one ended.
        let at = match self.have.last_mut() {
            Some(last) if last.end == data.start => {
                last.end = data.end;
                return FragmentOutcome::New;
            }
            Some(last) if last.end < data.start => self.have.len(),
            _ => self.have.partition_point(|have| have.end < data.start),
        };
        match self.have.get(at) {
            Some(have) if have.start <= data.start && data.end <= have.end => return FragmentOutcome::Twice,
            Some(have) if have.end > data.start && have.start < data.end => {
                return FragmentOutcome::Contradiction;
            }
            _ => {}
        }
        let joins_before = self.have.get(at).is_some_and(|have| have.end == data.start);
        let next = if joins_before { at + 1 } else { at };
        if self.have.get(next).is_some_and(|have| have.start < data.end) {
            return FragmentOutcome::Contradiction;
        }
        let joins_next = self.have.get(next).is_some_and(|have| have.start == data.end);
        match (joins_before, joins_next) {
            (true, true) => {
                self.have[at].end = self.have[next].end;
                self.have.remove(next);
            }
            (true, false) => self.have[at].end = data.end,
            (false, true) => self.have[next].start = data.start,
            (false, false) if self.have.len() == MOST_PIECES => return FragmentOutcome::Contradiction,
            (false, false) => self.have.insert(at, data.clone()),
        }
        FragmentOutcome::New
    }
}

/// Room for so many bytes and an end marker, and to spare, so that a stream of growing frames does not allocate for
/// each.
fn with_spare(bytes: usize) -> usize {
    bytes + bytes / 4 + jfif::END.len()
}

const WHOLE: &str = "a whole frame has tables and an end";
/// What UDP carries.
const LONGEST_PACKET: u64 = 65_535;
/// A frame in more pieces than this is not put together: every second packet of one of half a megabyte.
pub(super) const MOST_PIECES: usize = 256;
