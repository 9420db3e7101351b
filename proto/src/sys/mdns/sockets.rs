//! The sockets of multicast DNS: one for each interface and address family.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::super::changes::Changes;
use super::super::event::wait_until;
use super::links::{MdnsLink, all};

/// All of them.
#[derive(Debug)]
pub struct Sockets {
    /// The only interface that is used, if one was named.
    only: Option<String>,
    ports: Vec<Port>,
    changes: Option<Changes>,
    /// When the interfaces are looked at next, even without word of a change.
    look: Instant,
    /// What went wrong when they were opened last.
    failed: Option<io::Error>,
    /// What is read of a flood.
    share: ReadShare,
    buffer: Vec<u8>,
}

/// One of them.
#[derive(Debug)]
struct Port {
    link: MdnsLink,
    socket: UdpSocket,
    group: SocketAddr,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// One of the other files is ready.
    Other,
    /// Datagrams are there, or it is time.
    Go,
    /// Interfaces have come or gone: what is to be said is to be said again.
    Changed,
}

impl Sockets {
    /// By all interfaces, or the one of this name, index or address. Where none can be used now, it is tried again.
    pub fn open(only: Option<&str>) -> Self {
        let mut sockets = Self {
            only: only.map(str::to_owned),
            ports: Vec::new(),
            changes: Changes::new().ok(),
            look: Instant::now(),
            failed: None,
            share: ReadShare::default(),
            buffer: vec![0; LONGEST],
        };
        sockets.look_again();
        sockets
    }

    /// Why nothing can be said or heard, or not by all families of addresses, in a sentence with the way out; `None` if
    /// it can, or there is no network.
    pub fn trouble(&self) -> Option<String> {
        let is_telling =
            |error: &&io::Error| self.ports.is_empty() || error.kind() == io::ErrorKind::AddrInUse;
        let error = self.failed.as_ref().filter(is_telling)?;
        Some(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "another program has UDP port {PORT} for itself; end that one (sudo ss -lunp 'sport = :{PORT}' shows it)"
            ),
            io::ErrorKind::PermissionDenied => format!("the system does not allow UDP port {PORT}: {error}"),
            _ => format!("UDP port {PORT} cannot be used: {error}"),
        })
    }

    /// The interfaces that are used, by their names.
    pub fn interfaces(&self) -> Vec<String> {
        let mut names: Vec<String> = self.ports.iter().map(|port| port.link.name.clone()).collect();
        names.dedup();
        names
    }

    /// Waits for datagrams, for one of `others` to be readable, or until then; at most as long as interfaces are not to
    /// be looked at.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn wait(&mut self, others: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<Ready> {
        let look = self.changes.iter().filter_map(Changes::next_due).fold(self.look, Instant::min);
        let until = until.map_or(look, |until| until.min(look));
        // Of a flood, no more is read than its share; the kernel drops the rest.
        let rest = self.share.rest(Instant::now());
        let mut files: Vec<PollFd<'_>> =
            others.iter().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN)).collect();
        files.extend(self.changes.iter().map(|changes| PollFd::new(changes, PollFlags::IN)));
        let at = files.len();
        if rest.is_none() {
            let sockets = self.ports.iter().map(|port| port.socket.as_fd());
            files.extend(sockets.map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN)));
        }
        wait_until(&mut files, Some(rest.map_or(until, |rest| rest.min(until))))?;
        let is_ready = |file: &PollFd<'_>| !file.revents().is_empty();
        let (is_other, has_changed) =
            (files[..others.len()].iter().any(is_ready), files[others.len()..at].iter().any(is_ready));
        drop(files);
        if is_other {
            return Ok(Ready::Other);
        }
        let now = Instant::now();
        let mut is_due = self.look <= now;
        if let Some(changes) = &mut self.changes {
            if has_changed {
                changes.hear(now);
            }
            is_due |= changes.is_due(now);
        }
        if is_due && self.look_again() {
            return Ok(Ready::Changed);
        }
        Ok(Ready::Go)
    }

    /// Gives what has arrived to `handle`: by which interface's index, from whom, and the bytes. At most one batch, and
    /// no more than the share.
    pub fn receive(&mut self, mut handle: impl FnMut(u32, IpAddr, &[u8])) {
        let Self { ports, share, buffer, .. } = self;
        let now = Instant::now();
        for port in ports {
            for _ in 0..BATCH {
                if share.rest(now).is_some() {
                    return;
                }
                let Ok((length, from)) = port.socket.recv_from(buffer) else { break };
                share.take(length);
                // Who asks from another port wants an answer there (RFC 6762, section 6.7), which nobody here needs;
                // and what fills the buffer was longer.
                if from.port() == PORT && length < buffer.len() {
                    handle(port.link.index, from.ip(), &buffer[..length]);
                }
            }
        }
    }

    /// Whether there was more than the share lately.
    pub fn is_flooded(&self) -> bool {
        self.share.is_used_up
    }

    /// Says what `message` makes of an interface's index and addresses, by each; it may have nothing to say there.
    pub fn say(&self, mut message: impl FnMut(u32, &[IpAddr]) -> Option<Vec<u8>>) {
        for Port { link, socket, group } in &self.ports {
            if let Some(message) = message(link.index, &link.addresses) {
                // Where it cannot be sent now, the next one may.
                let _ = socket.send_to(&message, group);
            }
        }
    }

    /// Looks at the interfaces; whether they are others than before.
    fn look_again(&mut self) -> bool {
        self.look = Instant::now() + LOOK_EVERY;
        let Ok(mut links) = all() else { return false };
        if let Some(only) = &self.only {
            let index = links.iter().find(|link| link.is_of(only)).map(|link| link.index);
            links.retain(|link| Some(link.index) == index);
        }
        let before = self.ports.len();
        self.ports.retain(|port| links.contains(&port.link));
        let mut has_changed = self.ports.len() != before;
        self.failed = None;
        for link in links {
            if self.ports.iter().any(|port| port.link == link) {
                continue;
            }
            match Port::open(link) {
                Ok(port) => {
                    self.ports.push(port);
                    has_changed = true;
                }
                // That the port is taken is told rather than what an interface that has just come up says.
                Err(error)
                    if self
                        .failed
                        .as_ref()
                        .is_none_or(|failed| failed.kind() != io::ErrorKind::AddrInUse) =>
                {
                    self.failed = Some(error);
                }
                Err(_) => {}
            }
        }
        has_changed
    }
}

impl Port {
    fn open(link: MdnsLink) -> io::Result<Self> {
        let MdnsLink { index, is_ipv4, .. } = link;
        let socket = Socket::new(
            if is_ipv4 { Domain::IPV4 } else { Domain::IPV6 },
            Type::DGRAM.cloexec().nonblocking(),
            Some(Protocol::UDP),
        )?;
        // The system's own daemon and other programs have the port too.
        socket.set_reuse_address(true)?;
        // Bound to the group, it is given nothing that is meant for those.
        let group: SocketAddr = if is_ipv4 {
            socket.set_multicast_all_v4(false)?;
            socket.join_multicast_v4_n(&GROUP, &InterfaceIndexOrAddress::Index(index))?;
            if let Some(IpAddr::V4(own)) = link.addresses.first() {
                socket.set_multicast_if_v4(own)?;
            }
            socket.set_multicast_ttl_v4(255)?;
            socket.set_multicast_loop_v4(true)?;
            (GROUP, PORT).into()
        } else {
            socket.set_only_v6(true)?;
            socket.set_multicast_all_v6(false)?;
            socket.join_multicast_v6(&GROUP_V6, index)?;
            socket.set_multicast_if_v6(index)?;
            socket.set_multicast_hops_v6(255)?;
            socket.set_multicast_loop_v6(true)?;
            SocketAddrV6::new(GROUP_V6, PORT, 0, index).into()
        };
        if let Err(error) = socket.bind(&group.into()) {
            if error.kind() != io::ErrorKind::AddrInUse {
                return Err(error);
            }
            // Some share it in the other way only. Not both at once from the beginning: of sockets of one user that
            // share a port so, Linux gives each datagram to any one, whichever interface it came by.
            socket.set_reuse_port(true)?;
            socket.bind(&group.into())?;
        }
        Ok(Self { link, socket: socket.into(), group })
    }
}

/// How much is read in a moment.
#[derive(Debug)]
struct ReadShare {
    /// When this moment ends.
    until: Instant,
    datagrams: usize,
    bytes: usize,
    /// Whether there was more in this moment, or the last.
    is_used_up: bool,
}

impl Default for ReadShare {
    fn default() -> Self {
        Self { until: Instant::now(), datagrams: 0, bytes: 0, is_used_up: false }
    }
}

impl ReadShare {
    /// Until when nothing is to be read; `None` if there is some left.
    fn rest(&mut self, now: Instant) -> Option<Instant> {
        let is_over = self.datagrams >= DATAGRAMS || self.bytes >= BYTES;
        if now >= self.until {
            *self = Self { until: now + MOMENT, datagrams: 0, bytes: 0, is_used_up: is_over };
            return None;
        }
        self.is_used_up |= is_over;
        is_over.then_some(self.until)
    }

    fn take(&mut self, bytes: usize) {
        self.datagrams += 1;
        self.bytes += bytes;
    }
}

const PORT: u16 = 5353;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// No message is longer (RFC 6762, section 17).
const LONGEST: usize = 9000;
/// So much is read of each socket before the others have their turn.
const BATCH: usize = 32;
/// In each moment so much is read: many times what the largest network says, and a few percent of a core.
const MOMENT: Duration = Duration::from_millis(50);
const DATAGRAMS: usize = 100;
const BYTES: usize = 64 * 1024;
/// Where the system gives no word of changes; and what could not be opened is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_in_a_moment_than_its_share() {
        let (mut share, now) = (ReadShare::default(), Instant::now() + MOMENT);
        assert_eq!(share.rest(now), None);
        (0..DATAGRAMS).for_each(|_| share.take(100));
        assert_eq!(share.rest(now), Some(now + MOMENT));
        assert_eq!((share.rest(now + MOMENT), share.is_used_up), (None, true));
        share.take(BYTES);
        assert!(share.rest(now + MOMENT).is_some());
        assert_eq!((share.rest(now + 2 * MOMENT), share.is_used_up), (None, true));
        assert_eq!((share.rest(now + 3 * MOMENT), share.is_used_up), (None, false));
    }
}
