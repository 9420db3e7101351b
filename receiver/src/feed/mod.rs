//! What is known of each sender, and its newest picture: written by the layers below, read by those above.

mod counters;
mod delay;
mod feed;
mod live;
mod registry;
mod report;
mod status;

pub(crate) use counters::{FeedCounters, OutputObject};
pub(crate) use delay::Agreement;
pub use delay::Delays;
#[cfg(test)]
pub(crate) use feed::tests;
pub use feed::{Feed, Origin};
pub use live::{Live, Picture};
pub use registry::{Feeds, Waker};
pub(crate) use report::{Everything, Reports, error_bar, loss_percent};
pub use status::{Status, StreamState};
