//! Where pictures are to come from, as the command line has it.

use std::net::SocketAddr;

use crate::session::Host;

/// Where pictures are to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// Senders to connect to.
    pub connect: Vec<Host>,
    /// Whom to find, by name.
    pub names: Vec<String>,
    /// Whether nothing was said, and any sender will do that sends here or is found.
    pub is_open: bool,
}

impl Sources {
    /// Whether senders are to be found by name or at all.
    pub fn want_finding(&self) -> bool {
        self.is_open || !self.names.is_empty()
    }
}
