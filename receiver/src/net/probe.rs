//! Reads a socket's counters, without reading the socket.

use std::sync::{Mutex, PoisonError};

use socket2::Socket;

use super::meminfo::Drops;
use crate::sync::lock;

/// Asks about a socket without reading it.
#[derive(Debug)]
pub struct SocketProbe(Mutex<Watched>);

/// What is asked about.
#[derive(Debug)]
struct Watched {
    socket: Socket,
    drops: Drops,
    /// What was dropped for want of room, and turned away, at those that were there before.
    before: (u64, u64),
}

impl SocketProbe {
    #[cfg(test)]
    pub(crate) fn of(socket: Socket) -> Self {
        Self::new(socket, Drops::default())
    }

    pub(super) fn new(socket: Socket, drops: Drops) -> Self {
        Self(Mutex::new(Watched { socket, drops, before: (0, 0) }))
    }

    /// Asks about what `next` asks about from now on, and goes on counting.
    pub(crate) fn go_on_with(&self, next: Self) {
        let before = (self.kernel_dropped(), self.turned_away());
        let next = next.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        *lock(&self.0) = Watched { before, ..next };
    }

    /// Datagrams that the kernel dropped because nobody read them in time; 0 where the system does not tell.
    pub fn kernel_dropped(&self) -> u64 {
        let watched = lock(&self.0);
        watched.before.0 + watched.drops.without_room(&watched.socket)
    }

    /// Datagrams that the kernel turned away, so that a flood leaves room for a stream.
    pub fn turned_away(&self) -> u64 {
        let watched = lock(&self.0);
        watched.before.1 + watched.drops.turned_away()
    }
}
