//! Sockets whose buffers are full: waits until one of them has room.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll;

use super::socket::SendSocket;

/// Sockets whose buffers are full. It is a file descriptor that is readable while one of them has room again, since
/// they come and go, and there are mostly none.
#[derive(Debug)]
pub(crate) struct WritableSet {
    sockets: OwnedFd,
}

impl WritableSet {
    /// With no sockets in it.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { sockets: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Waits for room in this one, too.
    ///
    /// # Errors
    /// If the system has no memory left for it.
    pub(crate) fn add(&self, socket: &SendSocket) -> io::Result<()> {
        let data = epoll::EventData::new_u64(0);
        Ok(epoll::add(&self.sockets, socket, data, epoll::EventFlags::OUT)?)
    }

    /// Waits no more for this one. One that is closed needs no word.
    ///
    /// # Errors
    /// If it was not waited for.
    pub(crate) fn remove(&self, socket: &SendSocket) -> io::Result<()> {
        Ok(epoll::delete(&self.sockets, socket)?)
    }
}

impl AsFd for WritableSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sockets.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{NetworkOptions, Route};
    use proto::sys::wait_until;
    use rustix::event::{PollFd, PollFlags};
    use std::time::Instant;

    #[test]
    fn it_is_readable_while_a_socket_in_it_has_room() {
        let options = NetworkOptions::default();
        let route = Route::find("127.0.0.1:9".parse().unwrap(), &options).unwrap();
        let (room, socket) = (WritableSet::new().unwrap(), SendSocket::open(&route, &options).unwrap());
        let is_ready =
            || wait_until(&mut [PollFd::new(&room, PollFlags::IN)], Some(Instant::now())).unwrap() > 0;
        for _ in 0..2 {
            assert!(!is_ready());
            room.add(&socket).unwrap();
            assert!(is_ready());
            room.remove(&socket).unwrap();
        }
        room.add(&socket).unwrap();
        drop(socket);
        assert!(!is_ready());
    }
}
