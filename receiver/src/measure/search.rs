//! Finds the strip in pictures, one after the other: anywhere at first, then about where it was.

use super::code::{LANES, RunNumber, SIDE, lane_of};
use super::luma::{Excerpt, FoundCode, Luma};
use crate::codec::Decoded;

/// Looks for the strip of a run.
#[derive(Debug)]
pub(crate) struct StripSearch {
    run: RunNumber,
    luma: Luma,
    /// Where it is looked for; all over the picture while it is not known.
    near: Option<Excerpt>,
    /// How large its codes were so far, in pixels; 0 at first.
    usual: f64,
}

/// The strip as it was read in one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StripReading {
    /// The newest tick.
    pub(crate) tick: u64,
    /// How many codes agree with it.
    pub(crate) codes: usize,
    /// Whether the code that changes next could not be read: then it changed in the middle of the exposure.
    pub(crate) is_changing: bool,
}

impl StripSearch {
    pub(crate) fn new(run: RunNumber) -> Self {
        Self { run, luma: Luma::default(), near: None, usual: 0.0 }
    }

    /// What of the strip can be read in a picture; `None` if nothing can.
    pub(crate) fn read(&mut self, picture: &Decoded) -> Option<StripReading> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let each = width.max(height).div_ceil(LARGEST).max(1);
        let everywhere = Excerpt { columns: 0..width, rows: 0..height, each };
        self.luma.take(picture, self.near.take().unwrap_or(everywhere));
        let (reading, codes) = strip_of(self.luma.codes(self.run), self.usual)?;
        self.usual = codes.iter().map(|code| code.side).fold(self.usual, f64::max);
        self.near = around(&codes);
        Some(reading)
    }
}

/// The strip among the codes of a picture, and those of its codes that agree. Far smaller ones than the `usual` are those
/// of the picture on the screen, which shows an older strip.
fn strip_of(mut codes: Vec<FoundCode>, usual: f64) -> Option<(StripReading, Vec<FoundCode>)> {
    let largest = codes.iter().map(|code| code.side).fold(usual, f64::max);
    codes.retain(|code| code.side >= SMALLER * largest);
    let tick = codes.iter().map(|code| code.tick).max()?;
    codes.retain(|code| code.tick + LANES as u64 > tick);
    codes.sort_by_key(|code| code.tick);
    codes.dedup_by_key(|code| code.tick);
    let is_changing = codes.iter().all(|code| lane_of(code.tick) != lane_of(tick + 1));
    Some((StripReading { tick, codes: codes.len(), is_changing }, codes))
}

/// Where to look next, as closely as must be: where the whole strip is, by some of its codes. `None`: anywhere. Whatever
/// else looks like a code would keep some of the strip from being read, as the strip in the picture on the screen does.
fn around(codes: &[FoundCode]) -> Option<Excerpt> {
    let lane = |code: &FoundCode| lane_of(code.tick) as f64;
    let first = codes.iter().min_by(|one, other| lane(one).total_cmp(&lane(other)))?;
    let last = codes.iter().max_by(|one, other| lane(one).total_cmp(&lane(other)))?;
    let between = lane(last) - lane(first);
    if between == 0.0 {
        return None;
    }
    let largest = codes.iter().map(|code| code.side).fold(0.0, f64::max);
    let smallest = codes.iter().map(|code| code.side).fold(f64::INFINITY, f64::min);
    let range = |place: fn(&FoundCode) -> f64| {
        let apart = (place(last) - place(first)) / between;
        let ends = [0.0, (LANES - 1) as f64].map(|end| place(first) + apart * (end - lane(first)));
        let (from, to) = (ends[0].min(ends[1]) - REACH * largest, ends[0].max(ends[1]) + REACH * largest);
        // Saturating: what is outside of the picture is left out.
        from as usize..to as usize
    };
    let (columns, rows) = (range(|code| code.middle.0), range(|code| code.middle.1));
    let each = (smallest / SIDE as f64 / CLOSELY) as usize;
    Some(Excerpt { columns, rows, each: each.max(1) })
}

/// Pixels in a row or column of what is searched: a picture of 1080p as it is.
const LARGEST: usize = 1920;
/// Beside the strip, the picture is shown less than half as wide as the window is; and a strip that is seen from the side
/// has codes of different sizes.
const SMALLER: f64 = 0.6;
/// From the middle of a code, in sides: itself, its light border, and a camera that is held by hand.
const REACH: f64 = 0.8;
/// Pixels on a side of a square that are enough.
const CLOSELY: f64 = 5.0;

#[cfg(test)]
mod tests;
