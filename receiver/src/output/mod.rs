//! Outputs besides the window.

mod files;
mod inbox;
mod outputs;
mod pipe;
mod spec;
mod writer;
mod y4m;

pub(crate) use inbox::OutputCounts;
pub(crate) use outputs::{Outputs, Tallies};
pub(crate) use spec::OutputSpec;
