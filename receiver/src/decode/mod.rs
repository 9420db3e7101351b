//! Frames of all feeds, decoded by as many threads as there are cores.

mod frame_decoder;
mod pool;
mod queue;

pub(crate) use pool::{Decoders, Decoding, Enqueue};
