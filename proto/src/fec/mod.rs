//! Parity (FEC): the code, repair, and how much of it is sent.

mod codec;
mod redundancy;
mod repair;

pub(crate) use codec::{ParityEncoder, most_parity};
pub(crate) use redundancy::Redundancy;
pub use redundancy::{Fec, FecError, MOST_PERCENT};
pub(crate) use repair::Repairer;
pub use repair::warm_up;
