//! Multicast DNS and DNS-SD (RFC 6762, RFC 6763), as much of it as senders and receivers need to find each other.
//!
//! It is our own because what it costs must be bounded whatever arrives: a [`Responder`] keeps nothing of what others
//! say, a [`Cache`] only a fixed number of senders, and the sockets read a fixed share of a flood and leave the rest to
//! the kernel.

mod cache;
pub mod kind;
mod message;
mod name;
mod reader;
mod responder;
mod writing;

pub use cache::{Cache, HeardService, MOST_OF_ONE_SOURCE, MOST_SENDERS};
pub use message::{Data, Item, Message, Question, Record, Section, strings};
pub use name::Name;
pub use responder::{Responder, Say, Service};
pub use writing::Writer;
