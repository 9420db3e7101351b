//! UDP sockets, and the ways that lead from them.

mod address;
pub mod computer;
mod dest;
mod errors;
mod options;
mod recvmsg;
mod route;
mod socket;
mod sockopt;
mod writable;

pub use address::Peer;
pub use dest::Dest;
pub use errors::is_gone;
pub use options::NetworkOptions;
pub use route::Route;
pub use socket::Link;
pub use writable::Room;
