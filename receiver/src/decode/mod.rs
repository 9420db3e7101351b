//! Frames of all feeds, decoded by as many threads as there are cores.

mod pool;

pub(crate) use pool::{Decoders, Decoding, Enqueue};
