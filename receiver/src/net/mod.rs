//! The UDP socket: what arrives at it, in batches; what leaves it; and what the kernel keeps back.

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
