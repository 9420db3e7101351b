//! The sending end of a stream: frames and feedback in, paced datagrams out.

mod config;
mod gate;
mod output;
mod pacer;
mod queue;
mod reply;
mod retransmit;
mod schedule;
mod sent_frames;
mod slab;
mod stream;
mod token;
mod viewers;

pub use config::SendConfig;
pub(crate) use gate::Path;
pub(crate) use output::most_at_once;
pub use output::{SendEvent, SendOutput, Transmit};
pub use pacer::Pace;
pub(crate) use pacer::Pacer;
pub(crate) use queue::FrameQueue;
#[cfg(test)]
pub(crate) use slab::PartHead;
pub use slab::{CutError, Slab};
pub use stream::{HELLO_INTERVAL, SendStream};
pub(crate) use token::AddressToken;
pub use viewers::viewer::Viewer;
