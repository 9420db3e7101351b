//! Multicast DNS on this computer's interfaces: the sockets for [`discovery::mdns`](crate::discovery::mdns).

mod links;
mod resolve;
mod sockets;

pub use resolve::resolve;
pub use sockets::{Ready, Sockets};
