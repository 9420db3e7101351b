//! Multicast DNS on this computer's interfaces: what of [`discovery::mdns`](crate::discovery::mdns) needs a socket.

mod links;
mod resolve;
mod sockets;

pub use resolve::resolve;
pub use sockets::{Ready, Sockets};
