//! Restricts a serving socket to one interface, where one was named.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use proto::sys::{Interface, Wanted};
use socket2::Socket;

use super::super::sockopt;

/// An interface besides which none counts.
#[derive(Debug)]
pub(super) struct Only {
    pub(super) wanted: Wanted,
    /// As it was last found.
    pub(super) interface: Option<Interface>,
    /// Whether it was there when it was last looked for, as far as was said.
    pub(super) is_here: bool,
    /// Whether the kernel has the socket bound to it, as to an address of that link's own scope.
    pub(super) is_bound: bool,
}

impl Only {
    /// Finds it, and has what the socket answers leave by it.
    pub(super) fn find(&mut self, socket: &Socket, local: SocketAddr) -> Result<Interface> {
        let found = self.wanted.find(self.interface.as_ref())?;
        let has_moved = self.interface.as_ref().is_some_and(|before| before.index != found.index);
        if self.is_bound && has_moved {
            socket.bind_device(Some(found.name.as_bytes())).with_context(|| {
                format!("cannot go on at {found}; start again, or give the right to (root, or CAP_NET_RAW)")
            })?;
        }
        sockopt::leave_by(socket, local.is_ipv4(), found.index)
            .with_context(|| format!("cannot answer by {found}"))?;
        self.interface = Some(found.clone());
        Ok(found)
    }

    /// Whether that is its index.
    pub(super) fn is(&self, index: u32) -> bool {
        self.interface.as_ref().is_some_and(|interface| interface.index == index)
    }
}
