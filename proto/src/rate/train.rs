//! A frame's train of datagrams, as it went out and came in.

use std::time::Duration;

/// How one frame's train of datagrams went out and came in at one receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Train {
    /// Bits on the wire, headers and framing counted, from the first datagram that arrived to the last, by index; those
    /// of the first are not counted, those of datagrams lost between the two are.
    pub(crate) bits: f64,
    /// Time between the sending of these two.
    pub(crate) sent: Duration,
    /// Time between their arrivals, by the kernel's stamps.
    pub(crate) arrived: Duration,
    /// Datagrams that `bits` counts.
    pub(crate) datagrams: u32,
    /// Of these, those that were lost.
    pub(crate) lost: u32,
    /// Datagrams lost in the first half of the whole train.
    pub(crate) missing_head: u32,
    /// Datagrams lost in its second half.
    pub(crate) missing_tail: u32,
    /// Datagrams in the train.
    pub(crate) total: u32,
    /// Bits per second on the wire that it was paced at; `None` if it went at once.
    pub(crate) pace: Option<f64>,
    /// Bits of `bits`, its end, that went faster than that: at [`CEILING`](super::CEILING).
    pub(crate) sprinted: f64,
}
