//! Takes pictures from a source, in a thread of its own.

mod sizes;
pub mod source;
mod thread;

pub use sizes::Sizes;
pub use thread::{Capture, LOOK_EVERY, Opened};
