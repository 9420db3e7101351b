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
    /// The intervals' entropy-coded data, without the markers between them.
    intervals: Vec<Range<usize>>,
    /// Up to the first byte of entropy-coded data.
    header: usize,
    /// Where in the header the height and the restart interval stand.
    fields: FieldPlaces,
    strips: usize,
    rows_per_interval: u32,
    height: u32,
    own: Vec<u8>,
}

impl StripLayout {
    /// Finds out whether `jpeg` is to be decoded in strips, by this many threads; if not, it is to be as a whole.
    ///
    /// A few intervals are a strip each, since the library has a faster way through data without markers; of many, each
    /// thread has one strip.
    pub(super) fn measure(&mut self, jpeg: &[u8], info: &Info, threads: usize) -> bool {
        self.find(jpeg, info, threads).is_some()
    }

    /// How many strips there are.
    pub(super) fn strips(&self) -> usize {
        self.strips
    }

    /// Says where in the picture a strip lies that is decoded at this scale; returns its rows in full size.
    pub(super) fn place(&self, number: usize, scale: Scale, strip: &mut DecodedStrip) -> u32 {
        let (first, rows) = self.rows(number);
        // A whole number of blocks is above it, of which each has one row at the least.
        strip.place(scale.of(first), scale.of(rows));
        rows
    }

    /// Writes a strip as a JPEG of its own.
    pub(super) fn copy(&self, jpeg: &[u8], strip: usize, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&jpeg[..self.header]);
        let rows = u16::try_from(self.rows(strip).1).unwrap_or(u16::MAX);
        let FieldPlaces { height_at, interval_at } = self.fields;
        into[height_at..height_at + 2].copy_from_slice(&rows.to_be_bytes());
        let intervals = &self.intervals[self.share(strip)];
        if intervals.len() == 1 {
            into[interval_at..interval_at + 2].fill(0);
        }
        for (number, interval) in intervals.iter().enumerate() {
            if number > 0 {
                into.extend_from_slice(&[0xff, RST0 + ((number - 1) % 8) as u8]);
            }
            into.extend_from_slice(&jpeg[interval.clone()]);
        }
        into.extend_from_slice(&[0xff, EOI]);
    }

    /// The same, into a buffer that is kept here.
    pub(super) fn with_own(
        &mut self,
        jpeg: &[u8],
        strip: usize,
        decode: impl FnOnce(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut own = std::mem::take(&mut self.own);
        self.copy(jpeg, strip, &mut own);
        let decoded = decode(&own);
        self.own = own;
        decoded
    }

    /// The first row and the number of rows of a strip.
    fn rows(&self, strip: usize) -> (u32, u32) {
        let Range { start, end } = self.share(strip);
        let first = start as u32 * self.rows_per_interval;
        (first, (end as u32 * self.rows_per_interval).min(self.height) - first)
    }

    /// The intervals of a strip.
    fn share(&self, strip: usize) -> Range<usize> {
        let all = self.intervals.len();
        all * strip / self.strips..all * (strip + 1) / self.strips
    }

    fn find(&mut self, jpeg: &[u8], info: &Info, threads: usize) -> Option<()> {
        let (mcu_width, mcu_height) = mcu(info);
        let per_row = u32::from(info.width).div_ceil(mcu_width);
        let mcus_per_interval = u32::from(info.restart_interval);
        if mcus_per_interval == 0 || mcus_per_interval % per_row != 0 {
            return None;
        }
        self.height = info.height.into();
        self.rows_per_interval = mcus_per_interval / per_row * mcu_height;
        let count = self.height.div_ceil(self.rows_per_interval) as usize;
        let strips = if count <= MOST_STRIPS { count } else { count.min(threads) };
        if strips < 2 {
            return None;
        }
        (self.fields, self.header) = find_scan(jpeg, info.components)?;
        find_intervals(jpeg, self.header, count, &mut self.intervals)?;
        self.strips = strips;
        Some(())
    }
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

/// The data between the markers from `at` on: exactly `count` intervals, numbered in turn, then the picture's end.
fn find_intervals(jpeg: &[u8], at: usize, count: usize, intervals: &mut Vec<Range<usize>>) -> Option<()> {
    intervals.clear();
    let mut start = at;
    let mut from = at;
    loop {
        let mark = from + memchr::memchr(0xff, jpeg.get(from..)?)?;
        match *jpeg.get(mark + 1)? {
            0 => from = mark + 2,
            0xff => from = mark + 1,
            marker => {
                intervals.push(start..mark);
                if intervals.len() == count {
                    return (marker == EOI).then_some(());
                }
                if marker != RST0 + ((intervals.len() - 1) % 8) as u8 {
                    return None;
                }
                (start, from) = (mark + 2, mark + 2);
            }
        }
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
