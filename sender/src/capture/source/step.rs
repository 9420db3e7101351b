//! What the readers of a stream of bytes give.

use crate::picture::Picture;

/// What a reader has next.
#[derive(Debug)]
pub(super) enum ReaderStep {
    Picture(Picture),
    Stopped,
    /// The input ended within a picture.
    CutShort,
    End,
}
