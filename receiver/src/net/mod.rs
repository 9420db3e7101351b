//! The UDP socket: reading in batches, sending, and the kernel's drop counters and filter.

mod batch;
mod gate;
mod group;
mod meminfo;
mod probe;
mod socket;
mod unicast_if;

pub(crate) use gate::{FilterChange, Gate};
pub(crate) use probe::SocketProbe;
pub use socket::ReceiveSocket;
pub(crate) use socket::Woken;
