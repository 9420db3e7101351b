//! The figures for the overlay.

use std::time::Duration;

use crate::window::widgets::health::Condition;
use crate::window::widgets::history::PlotHistory;

/// What there is to write. Texts may be empty: nothing is then said of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures<'a> {
    /// The sender's name.
    pub(crate) name: &'a str,
    /// How the stream is.
    pub(crate) condition: Condition,
    /// How old the picture is.
    pub(crate) age: Option<Duration>,
    /// Whether it is too old for a live one.
    pub(crate) is_stale: bool,
    /// From capture to the screen, in milliseconds: half of the pictures were faster.
    pub(crate) p50: Option<f64>,
    /// The same, but one in a hundred was slower.
    pub(crate) p99: Option<f64>,
    /// By how many milliseconds both may be wrong.
    pub(crate) error_ms: Option<f64>,
    /// Whether both are counted from the shortest delay seen.
    pub(crate) is_relative: bool,
    /// Pictures per second.
    pub(crate) fps: f64,
    /// Megabits per second.
    pub(crate) mbps: f64,
    /// Frames lost, of a hundred sent.
    pub(crate) loss_percent: f64,
    /// Frames that parity made whole.
    pub(crate) by_parity: u64,
    /// Frames that were made whole by what was sent again.
    pub(crate) by_resend: u64,
    /// What was dropped, by cause. Those with 0 are not written.
    pub(crate) dropped: &'a [(&'a str, u64)],
    /// Width and height of the pictures.
    pub(crate) size: Option<(u32, u32)>,
    /// Where the stream comes from.
    pub(crate) peer: &'a str,
    /// The network interface that it comes by.
    pub(crate) interface: &'a str,
    /// What times are told by, such as "shared".
    pub(crate) clock: &'a str,
    /// What is recorded, such as "REC door.mkv 00:12".
    pub(crate) recording: Option<&'a str>,
    /// How much of the past is kept, such as "past 10 s".
    pub(crate) past: Option<&'a str>,
    /// What was just done, such as "door.jpg written".
    pub(crate) note: Option<&'a str>,
    /// The last half minute.
    pub(crate) history: &'a PlotHistory,
}
