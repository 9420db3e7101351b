//! Encodes raw pictures as JPEGs, in a thread of its own.

mod band;
mod band_queue;
mod bands;
mod encoder;
mod helper;
mod part;
mod planes;
mod thread;

pub use band_queue::PartSink;
pub use encoder::{Encoder, Subsampling};
pub(crate) use thread::run;
