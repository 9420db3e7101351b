//! Notifications of the system that its network interfaces, their addresses or its routes have changed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// Says when to look at the interfaces again: when the system says that something about them has changed
/// (rtnetlink(7)), or when something that was sent failed as it does then. However often that is, it is rarely time to
/// look.
///
/// It is a file descriptor that is readable while there is something to [`hear`](Self::hear).
#[derive(Debug)]
pub struct Changes {
    news: OwnedFd,
    looked: Option<Instant>,
    due: Option<Instant>,
}

impl Changes {
    /// Hears what changes from now on. Where the system does not tell, there is only what is suspected.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn new() -> std::io::Result<Self> {
        let silent = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let news = subscribe().or_else(|_| silent())?;
        Ok(Self { news, looked: None, due: None })
    }

    /// Takes in what the system says.
    pub fn hear(&mut self, now: Instant) {
        let mut has_heard = false;
        for _ in 0..AT_ONCE {
            match recv(&self.news, &mut [0; 64][..], RecvFlags::DONTWAIT) {
                Ok(_) => has_heard = true,
                // So much has changed that not all of it could be said.
                Err(Errno::NOBUFS) => has_heard = true,
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if has_heard {
            self.look_in(PAUSE, now);
        }
    }

    /// Something failed that does when an interface is gone.
    pub fn suspect(&mut self, now: Instant) {
        self.look_in(PAUSE_OF_SUSPICION, now);
    }

    /// Whether it is time to look; then it is not again before there is reason to.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            (self.looked, self.due) = (Some(now), None);
        }
        is_due
    }

    /// When it will be time to look.
    pub fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// At once, but so long after the last look.
    fn look_in(&mut self, pause: Duration, now: Instant) {
        let at = self.looked.map_or(now, |looked| now.max(looked + pause));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }
}

fn subscribe() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // Protocol 0 is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    Ok(socket)
}

/// Links; addresses and routes of IPv4; addresses and routes of IPv6 (linux/rtnetlink.h, RTMGRP).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
/// A card that is plugged in brings a dozen changes, the last of which counts; nobody sees a quarter of a second of it.
const PAUSE: Duration = Duration::from_millis(250);
/// What goes on failing while nothing changes is not going to be better for being looked at often.
const PAUSE_OF_SUSPICION: Duration = Duration::from_secs(1);
/// Whoever changes routes by the thousand does not hold up who hears of it.
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_is_looked_into_at_once_and_the_next_ones_soon() {
        let (mut changes, t0) = (Changes::new().unwrap(), Instant::now());
        let at = |millis| t0 + Duration::from_millis(millis);
        assert_eq!((changes.next_due(), changes.is_due(at(0))), (None, false));
        changes.look_in(PAUSE, at(10));
        assert_eq!((changes.next_due(), changes.is_due(at(10))), (Some(at(10)), true));
        // What comes behind is looked at too, however much it is.
        (20..200).for_each(|millis| changes.look_in(PAUSE, at(millis)));
        assert_eq!((changes.next_due(), changes.is_due(at(259))), (Some(at(260)), false));
        assert!(changes.is_due(at(260)));
        changes.suspect(at(270));
        assert_eq!(changes.next_due(), Some(at(1260)));
        changes.look_in(PAUSE, at(700));
        changes.suspect(at(701));
        assert_eq!((changes.next_due(), changes.is_due(at(700))), (Some(at(700)), true));
        assert_eq!((changes.next_due(), changes.is_due(at(9000))), (None, false));
    }
}
