//! Takes pictures from a source, in a thread of its own.

mod parts;
mod sizes;
pub(crate) mod source;
mod thread;

pub(crate) use sizes::Sizes;
pub(crate) use thread::{CaptureThread, OpenedSource};
