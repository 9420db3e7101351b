//! Where pictures come from.

use proto::host::Stop;

use crate::picture::Captured;

/// A source of pictures. It is made, used and dropped on the capture thread.
pub trait Source {
    /// Waits for the next picture, or until `stop` is requested (then `Next::End`).
    fn next(&mut self, stop: &Stop) -> anyhow::Result<Next>;

    /// One line for people: what it is, its format, size and rate.
    fn describe(&self) -> String;

    /// When pictures come.
    fn timing(&self) -> Timing;
}

/// What a source has next.
#[derive(Debug)]
pub enum Next {
    /// A picture.
    Picture(Captured),
    /// None now, and why (a camera was unplugged, or gives nothing): the stream says so, and `next` is called again,
    /// which waits and tries again by itself.
    Gone(String),
    /// No more, ever.
    End,
}

/// When a source's pictures come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timing {
    /// When they are taken; at about this rate in frames per second, where it is known.
    Live(Option<f64>),
    /// All at once (a file): they are sent at this rate, or the one the user gave.
    Stored(Option<f64>),
}
