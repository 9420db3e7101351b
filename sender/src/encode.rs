//! Encodes raw pictures as JPEGs, in a thread of its own.

mod band;
mod encoder;
mod helper;
mod join;
mod planes;
mod thread;

pub use encoder::{Encoder, Subsampling};
pub(crate) use thread::run;
