//! Splits a JPEG at its restart markers into strips, each a JPEG of its own.
//!
//! After a restart marker nothing depends on what was before it (T.81 F.1.1.5.1), so where the restart interval is a
//! whole number of rows of MCUs, a strip needs only a header with its own height, and its markers numbered from 0.

use std::ops::Range;

use proto::jpeg::Info;

use super::engine::Scale;
use super::error::DecodeError;
use super::picture::DecodedStrip;

/// Where a JPEG is cut. Its buffers are reused from picture to picture.
#[derive(Debug, Default)]
pub(super) struct StripLayout {
    head: StripHead,
    /// The intervals' entropy-coded data, without the markers between them.
    intervals: Vec<Range<usize>>,
    /// Which of them each strip has.
    strips: Vec<Range<usize>>,
    own: Vec<u8>,
}

/// What the head of a JPEG says of its restart intervals, each of which is some whole rows of MCUs.
#[derive(Clone, Copy, Debug, Default)]
struct StripHead {
    /// Up to the first byte of entropy-coded data.
    bytes: usize,
    /// Where in it the height and the restart interval stand.
    fields: FieldPlaces,
    rows_per_interval: u32,
    height: u32,
    /// How many intervals there are.
    count: usize,
}

/// The head of a JPEG whose parts come one after the other, and how it is cut as far as they have come. Its buffers are
/// reused from picture to picture.
#[derive(Debug, Default)]
pub(super) struct EarlyCut {
    pub(super) head: Vec<u8>,
    pub(super) layout: StripLayout,
}

/// A JPEG, or a part of one: its head, and some of its data, which begin `base` bytes into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct StripSource<'a> {
    pub(super) head: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) base: usize,
}

impl<'a> StripSource<'a> {
    /// A whole JPEG.
    pub(super) fn whole(jpeg: &'a [u8]) -> Self {
        Self { head: jpeg, data: jpeg, base: 0 }
    }
}

impl StripLayout {
    /// Finds out whether `jpeg` is to be decoded in strips, by this many threads; if not, it is to be as a whole.
    ///
    /// A few intervals are a strip each, since the library has a faster way through data without markers; of many, each
    /// thread has one strip.
    pub(super) fn measure(&mut self, jpeg: &[u8], info: &Info, threads: usize) -> bool {
        self.begin(jpeg, info)
            && share(self.head.count, MOST_STRIPS, threads) > 1
            && self.add_rest(jpeg, 0, threads)
    }

    /// Begins with the head of a JPEG, in which a part of it may follow; says whether it can be decoded in strips.
    pub(super) fn begin(&mut self, jpeg: &[u8], info: &Info) -> bool {
        self.intervals.clear();
        self.strips.clear();
        StripHead::of(jpeg, info).is_some_and(|head| {
            self.head = head;
            head.count > 1
        })
    }

    /// Up to the first byte of entropy-coded data.
    pub(super) fn head_bytes(&self) -> usize {
        self.head.bytes
    }

    /// Adds the part of the JPEG that stands `base` bytes into it as a strip; says whether it is one, of whole
    /// intervals.
    pub(super) fn add_part(&mut self, part: &[u8], base: usize) -> bool {
        let before = self.intervals.len();
        let Some(at) = self.data_at(part, base) else { return false };
        let Some(end) = self.find_intervals(part, at, base) else { return false };
        self.strips.push(before..self.intervals.len());
        let is_all = self.intervals.len() == self.head.count;
        self.strips.len() <= MOST_STRIPS && is_all == (end == DataEnd::Picture)
    }

    /// Adds all that stands `base` bytes into the JPEG, and behind that, as strips for so many threads; says whether
    /// that is all of the picture's rest.
    pub(super) fn add_rest(&mut self, jpeg: &[u8], base: usize, threads: usize) -> bool {
        let before = self.intervals.len();
        if before < self.head.count {
            let Some(at) = jpeg.get(base..).and_then(|rest| self.data_at(rest, base)) else { return false };
            if self.find_intervals(jpeg, base + at, 0) != Some(DataEnd::Picture) {
                return false;
            }
        }
        let rest = self.intervals.len() - before;
        let strips = share(rest, MOST_STRIPS.saturating_sub(self.strips.len()), threads);
        self.strips.extend((0..strips).map(|n| before + rest * n / strips..before + rest * (n + 1) / strips));
        self.intervals.len() == self.head.count
    }

    /// How many strips there are.
    pub(super) fn strips(&self) -> usize {
        self.strips.len()
    }

    /// Says where in the picture a strip lies that is decoded at this scale; returns its rows in full size.
    pub(super) fn place(&self, number: usize, scale: Scale, strip: &mut DecodedStrip) -> u32 {
        let (first, rows) = self.rows(number);
        // A whole number of blocks is above it, of which each has one row at the least.
        strip.place(scale.of(first), scale.of(rows));
        rows
    }

    /// Writes a strip as a JPEG of its own.
    pub(super) fn copy(&self, source: StripSource<'_>, strip: usize, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&source.head[..self.head.bytes]);
        let rows = u16::try_from(self.rows(strip).1).unwrap_or(u16::MAX);
        let FieldPlaces { height_at, interval_at } = self.head.fields;
        into[height_at..height_at + 2].copy_from_slice(&rows.to_be_bytes());
        let intervals = &self.intervals[self.strips[strip].clone()];
        if intervals.len() == 1 {
            into[interval_at..interval_at + 2].fill(0);
        }
        for (number, interval) in intervals.iter().enumerate() {
            if number > 0 {
                into.extend_from_slice(&[0xff, RST0 + ((number - 1) % 8) as u8]);
            }
            into.extend_from_slice(&source.data[interval.start - source.base..interval.end - source.base]);
        }
        into.extend_from_slice(&[0xff, EOI]);
    }

    /// The same, into a buffer that is kept here.
    pub(super) fn with_own(
        &mut self,
        source: StripSource<'_>,
        strip: usize,
        decode: impl FnOnce(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut own = std::mem::take(&mut self.own);
        self.copy(source, strip, &mut own);
        let decoded = decode(&own);
        self.own = own;
        decoded
    }

    /// The first row and the number of rows of a strip.
    fn rows(&self, strip: usize) -> (u32, u32) {
        let Range { start, end } = self.strips[strip];
        let StripHead { rows_per_interval, height, .. } = self.head;
        let first = start as u32 * rows_per_interval;
        (first, (end as u32 * rows_per_interval).min(height) - first)
    }

    /// Where in a part the data of its first interval begin: behind the head, or behind the marker that ends the one
    /// before.
    fn data_at(&self, part: &[u8], base: usize) -> Option<usize> {
        match (base, self.intervals.len().checked_sub(1)) {
            (0, None) => Some(self.head.bytes),
            (1.., Some(before)) => part.starts_with(&[0xff, RST0 + (before % 8) as u8]).then_some(2),
            _ => None,
        }
    }

    /// Adds the intervals from `at` on, numbered in turn, and no more than there are; says what ended the last. `None`
    /// if they are none.
    fn find_intervals(&mut self, bytes: &[u8], at: usize, base: usize) -> Option<DataEnd> {
        let (mut start, mut from) = (at, at);
        loop {
            let mark = memchr::memchr(0xff, bytes.get(from..)?).map(|mark| from + mark);
            if let Some(mark) = mark
                && matches!(bytes.get(mark + 1)?, 0 | 0xff)
            {
                from = mark + if bytes[mark + 1] == 0 { 2 } else { 1 };
                continue;
            }
            let end = mark.unwrap_or(bytes.len());
            if end == start || self.intervals.len() == self.head.count {
                return None;
            }
            self.intervals.push(base + start..base + end);
            match mark.map(|mark| bytes[mark + 1]) {
                None => return Some(DataEnd::Part),
                Some(EOI) => return Some(DataEnd::Picture),
                Some(marker) if marker == RST0 + ((self.intervals.len() - 1) % 8) as u8 => {
                    (start, from) = (end + 2, end + 2);
                }
                Some(_) => return None,
            }
        }
    }
}

/// What stands behind entropy-coded data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataEnd {
    Part,
    Picture,
}

impl StripHead {
    fn of(jpeg: &[u8], info: &Info) -> Option<Self> {
        let (mcu_width, mcu_height) = mcu(info);
        let per_row = u32::from(info.width).div_ceil(mcu_width);
        let mcus_per_interval = u32::from(info.restart_interval);
        if mcus_per_interval == 0 || mcus_per_interval % per_row != 0 {
            return None;
        }
        let height = info.height.into();
        let rows_per_interval = mcus_per_interval / per_row * mcu_height;
        let count = u32::div_ceil(height, rows_per_interval) as usize;
        let (fields, bytes) = find_scan(jpeg, info.components)?;
        Some(Self { bytes, fields, rows_per_interval, height, count })
    }
}

/// How many strips so many intervals are: one each, if there may be so many, or else one for each thread.
fn share(intervals: usize, most: usize, threads: usize) -> usize {
    if intervals <= most { intervals } else { intervals.min(threads) }
}

/// The size of an MCU in pixels. That of a picture of one component is one block, whatever its sampling factors say.
fn mcu(info: &Info) -> (u32, u32) {
    if info.components == 1 {
        return (8, 8);
    }
    let most = |factor: fn(&(u8, u8)) -> u8| info.sampling.iter().map(factor).max().unwrap_or(1);
    (8 * u32::from(most(|s| s.0)), 8 * u32::from(most(|s| s.1)))
}

/// Where two fields of two bytes each stand.
#[derive(Clone, Copy, Debug, Default)]
struct FieldPlaces {
    height_at: usize,
    interval_at: usize,
}

/// Where fields of the header stand, and where the entropy-coded data begin; `None` if the first scan has not all
/// components.
fn find_scan(jpeg: &[u8], components: u8) -> Option<(FieldPlaces, usize)> {
    let (mut height_at, mut interval_at) = (None, None);
    let mut at = 2;
    loop {
        while jpeg.get(at..at + 2)? == [0xff, 0xff] {
            at += 1;
        }
        let &[0xff, marker] = jpeg.get(at..at + 2)? else { return None };
        let length = usize::from(u16::from_be_bytes([*jpeg.get(at + 2)?, *jpeg.get(at + 3)?]));
        match marker {
            SOF0 | SOF1 => height_at = Some(at + 5),
            DRI => interval_at = Some(at + 4),
            SOS if *jpeg.get(at + 4)? == components => {
                let fields = FieldPlaces { height_at: height_at?, interval_at: interval_at? };
                return Some((fields, at + 2 + length));
            }
            SOS | TEM | RST0..=EOI => return None,
            _ => {}
        }
        at += 2 + length;
    }
}

/// More would each gain less than its own header costs.
pub(crate) const MOST_STRIPS: usize = 8;
const SOF0: u8 = 0xc0;
const SOF1: u8 = 0xc1;
const RST0: u8 = 0xd0;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DRI: u8 = 0xdd;
const TEM: u8 = 0x01;
