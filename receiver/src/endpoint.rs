//! Receiving: a thread for each socket, and in it a seat for each sender: its stream, and what is known of it.

mod asking;
mod endpoint;
mod identity;
mod interval;
mod place;
mod seat;
mod shared;
mod standing;
mod strangers;
mod stream;
mod succession;
mod threads;

pub(crate) use asking::full;
pub(crate) use place::{Claim, Place};
pub(crate) use shared::{Enough, Shared};
pub use stream::Format;
pub(crate) use stream::StreamConfig;
pub(crate) use threads::{Crew, LOOK_UP_EVERY, Opened};
