//! What is known of each sender, and its newest picture: filled from below, emptied from above.

mod delay;
mod feed;
mod live;
mod picture;
mod registry;
mod stats;
mod status;
mod waker;

pub(crate) use delay::Agreement;
pub use delay::Delays;
#[cfg(test)]
pub(crate) use feed::tests;
pub use feed::{Feed, Origin};
pub use live::Live;
pub use picture::Picture;
pub use registry::Feeds;
pub(crate) use stats::{Everything, FeedCounters, OutputObject, Reports, error_bar, loss_percent};
pub use status::{Status, StreamState};
pub use waker::Waker;
