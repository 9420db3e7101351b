//! What is written on a picture: what it is, how old it is, and the stream's figures.

mod panel;
mod plot;
mod rows;

use std::time::Duration;

use sdl2::rect::Rect;

use super::detail::Detail;
use super::health::Condition;
use super::history::History;
use super::sheet::Sheet;

pub(super) use panel::letter_scale;
pub(super) use rows::{WORTH_A_LOOK, age_text};

/// What there is to write. Texts may be empty: nothing is then said of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures<'a> {
    /// The sender's name.
    pub(super) name: &'a str,
    /// How the stream is.
    pub(super) condition: Condition,
    /// How old the picture is.
    pub(super) age: Option<Duration>,
    /// Whether it is too old for a live one.
    pub(super) is_stale: bool,
    /// From capture to the screen, in milliseconds: half of the pictures were faster.
    pub(super) p50: Option<f64>,
    /// The same, but one in a hundred was slower.
    pub(super) p99: Option<f64>,
    /// By how many milliseconds both may be wrong.
    pub(super) error_ms: Option<f64>,
    /// Whether both are counted from the shortest delay seen.
    pub(super) is_relative: bool,
    /// Pictures per second.
    pub(super) fps: f64,
    /// Megabits per second.
    pub(super) mbps: f64,
    /// Frames lost, of a hundred sent.
    pub(super) loss_percent: f64,
    /// Frames that parity made whole.
    pub(super) by_parity: u64,
    /// Frames that were made whole by what was sent again.
    pub(super) by_resend: u64,
    /// What was dropped, by cause. Those with 0 are not written.
    pub(super) dropped: &'a [(&'a str, u64)],
    /// Width and height of the pictures.
    pub(super) size: Option<(u32, u32)>,
    /// Where the stream comes from.
    pub(super) peer: &'a str,
    /// The network interface that it comes by.
    pub(super) interface: &'a str,
    /// What times are told by, such as "shared".
    pub(super) clock: &'a str,
    /// What is recorded, such as "REC door.mkv 00:12".
    pub(super) recording: Option<&'a str>,
    /// How much of the past is kept, such as "past 10 s".
    pub(super) past: Option<&'a str>,
    /// What was just done, such as "door.jpg written".
    pub(super) note: Option<&'a str>,
    /// The last half minute.
    pub(super) history: &'a History,
}

/// Draws as much as fits into a tile of this size, on a sheet that is as large as it must be. Returns where in the tile it
/// belongs; `None` if there is nothing to be laid over it.
pub(super) fn draw(
    sheet: &mut Sheet,
    tile: (u32, u32),
    detail: Detail,
    figures: &Figures<'_>,
) -> Option<Rect> {
    let rows = match detail {
        Detail::Off => rows::off(figures),
        Detail::Small => rows::small(figures),
        Detail::Full => rows::full(figures),
    };
    panel::draw(sheet, tile, &rows, figures.history, detail == Detail::Full)
}

#[cfg(test)]
mod tests;
