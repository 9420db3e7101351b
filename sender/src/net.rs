//! UDP sockets and routes.

mod address;
mod dest;
mod errors;
mod options;
mod recvmsg;
mod route;
mod socket;
mod sockopt;
mod writable;

pub(crate) use address::{Peer, computer_of};
pub(crate) use dest::Dest;
pub(crate) use errors::is_gone;
pub(crate) use options::NetworkOptions;
pub(crate) use route::Route;
pub(crate) use socket::SendSocket;
pub(crate) use writable::WritableSet;
