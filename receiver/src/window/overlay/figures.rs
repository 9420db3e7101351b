//! What there is to write on a picture.

use std::time::Duration;

use crate::window::health::Condition;
use crate::window::history::History;

/// What there is to write. Texts may be empty: nothing is then said of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::window) struct Figures<'a> {
    /// The sender's name.
    pub(in crate::window) name: &'a str,
    /// How the stream is.
    pub(in crate::window) condition: Condition,
    /// How old the picture is.
    pub(in crate::window) age: Option<Duration>,
    /// Whether it is too old for a live one.
    pub(in crate::window) is_stale: bool,
    /// From capture to the screen, in milliseconds: half of the pictures were faster.
    pub(in crate::window) p50: Option<f64>,
    /// The same, but one in a hundred was slower.
    pub(in crate::window) p99: Option<f64>,
    /// By how many milliseconds both may be wrong.
    pub(in crate::window) error_ms: Option<f64>,
    /// Whether both are counted from the shortest delay seen.
    pub(in crate::window) is_relative: bool,
    /// Pictures per second.
    pub(in crate::window) fps: f64,
    /// Megabits per second.
    pub(in crate::window) mbps: f64,
    /// Frames lost, of a hundred sent.
    pub(in crate::window) loss_percent: f64,
    /// Frames that parity made whole.
    pub(in crate::window) by_parity: u64,
    /// Frames that were made whole by what was sent again.
    pub(in crate::window) by_resend: u64,
    /// What was dropped, by cause. Those with 0 are not written.
    pub(in crate::window) dropped: &'a [(&'a str, u64)],
    /// Width and height of the pictures.
    pub(in crate::window) size: Option<(u32, u32)>,
    /// Where the stream comes from.
    pub(in crate::window) peer: &'a str,
    /// The network interface that it comes by.
    pub(in crate::window) interface: &'a str,
    /// What times are told by, such as "shared".
    pub(in crate::window) clock: &'a str,
    /// What is recorded, such as "REC door.mkv 00:12".
    pub(in crate::window) recording: Option<&'a str>,
    /// How much of the past is kept, such as "past 10 s".
    pub(in crate::window) past: Option<&'a str>,
    /// What was just done, such as "door.jpg written".
    pub(in crate::window) note: Option<&'a str>,
    /// The last half minute.
    pub(in crate::window) history: &'a History,
}
