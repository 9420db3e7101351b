//! Where pictures come from.

#[cfg(feature = "camera")]
pub(crate) mod camera;
#[cfg(not(feature = "camera"))]
#[path = "source/no_camera.rs"]
pub(crate) mod camera;
mod card;
mod folder;
mod input;
mod mjpeg;
mod open;
mod pattern;
mod range;
mod spec;
mod stream;
mod y4m;

pub(crate) use folder::Folder;
pub(crate) use open::{SourceOptions, open};
pub(crate) use pattern::Pattern;
pub(crate) use spec::Spec;
pub use spec::{WantedMode, Which};
pub use stream::InputStream;

use std::time::Duration;

use proto::sys::Stop;

use crate::picture::Captured;

/// A source of pictures. It is made, used and dropped on the capture thread.
pub trait Source {
    /// Waits for the next picture, or until `stop` is requested (then `NextPicture::End`).
    fn next(&mut self, stop: &Stop) -> anyhow::Result<NextPicture>;

    /// One line for people: what it is, its format, size and rate.
    fn describe(&self) -> String;

    /// When pictures come.
    fn timing(&self) -> Timing;

    /// What it had to drop by itself since it was opened.
    fn dropped(&self) -> SourceDrops {
        SourceDrops::default()
    }

    /// By how much the capture times of its pictures are wrong at most, where it is known.
    fn capture_error(&self) -> Option<Duration> {
        None
    }

    /// What is wrong with it though it gives pictures, in a sentence; `None` if nothing is.
    fn diagnosis(&self) -> Option<&str> {
        None
    }
}

/// What a source has next.
#[derive(Debug)]
pub enum NextPicture {
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

/// Pictures that a source dropped by itself, because it could not give them or because it had a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceDrops {
    /// Damaged: cut short, or marked so by the driver.
    pub damaged: u64,
    /// Whole, but a newer one was there already.
    pub superseded: u64,
}

/// The largest JPEG in bytes that is taken from a file or a pipe: the largest that can be sent.
const LARGEST_JPEG: usize = proto::MAX_FRAME_BYTES;
