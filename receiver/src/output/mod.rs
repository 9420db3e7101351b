//! Where frames go besides the window.

mod file;
mod folder;
mod outputs;
mod pipe;
mod spec;
mod y4m;

pub(crate) use outputs::{Outputs, Tallies, Tally};
pub(crate) use spec::OutputSpec;
