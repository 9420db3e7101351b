//! Finds senders on this network, and decides which are shown.

mod address;
mod browser;
mod claims;
mod finder;
mod list;
mod received;
mod sources;

pub use browser::{Browser, BrowserChange, FoundSender};
pub(crate) use finder::{Finder, start, whereabouts};
pub use list::list;
pub(crate) use sources::Sources;
