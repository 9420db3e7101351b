//! A UDP socket: sending many datagrams in one call where the kernel can, and reading what receivers send back.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result, bail};
use proto::Transmit;
use proto::sys::{Interface, NotNow, Wanted, scope};
use socket2::{Domain, Protocol, Socket, Type};

use super::address::{Peer, any_address};
use super::errors::{is_passing, is_refusal_of_offload};
use super::options::NetworkOptions;
use super::recvmsg::{self, ReceivedDatagram};
use super::route::Route;
use super::sockopt;

/// A socket that sends, to one destination or to many, and never waits.
#[derive(Debug)]
pub struct SendSocket {
    socket: Socket,
    /// What the kernel cuts sends into now; 0 for nothing.
    segment: usize,
    /// The only interface by which it is asked, if one was named.
    only: Option<Only>,
    /// Where what comes back is read to.
    place: Box<[u8]>,
    /// What came back from anybody else.
    strangers: u64,
}

/// An interface besides which none counts.
#[derive(Debug)]
struct Only {
    wanted: Wanted,
    /// As it was last found.
    interface: Option<Interface>,
    /// Whether it was there when it was last looked for, as far as was said.
    is_here: bool,
    /// Whether the kernel has the socket bound to it, as to an address of that link's own scope.
    is_bound: bool,
}

impl SendSocket {
    /// Opens a socket to send by `route`.
    ///
    /// # Errors
    /// If the system refuses it, with the way out.
    pub fn open(route: &Route, options: &NetworkOptions) -> Result<Self> {
        let to = route.to();
        let socket = Self::unbound(to, options)?;
        socket.socket.bind(&any_address(to).into())?;
        if to.ip().is_multicast() {
            let by = || format!("cannot send to the group {} by {}", to.ip(), route.interface());
            prepare_for_group(&socket.socket, to, options.ttl).with_context(by)?;
        }
        socket.follow(route)?;
        Ok(socket)
    }

    /// Has what is sent leave by the interface at which `route` begins now.
    ///
    /// # Errors
    /// If that interface is gone again, or has no address to send from.
    pub fn follow(&self, route: &Route) -> Result<()> {
        let (socket, to, interface) = (&self.socket, route.to(), route.interface());
        sockopt::forbid_fragmentation(socket, to.is_ipv4(), route.is_direct())
            .context("cannot forbid fragmentation")?;
        if to.ip().is_multicast() {
            let by = || format!("cannot send to the group {} by {interface}", to.ip());
            if to.is_ipv6() {
                return socket.set_multicast_if_v6(interface.index).with_context(by);
            }
            let Some(from) = interface.v4() else {
                bail!(NotNow(format!(
                    "{} has no IPv4 address to send to the group {} from",
                    interface.name,
                    to.ip()
                )));
            };
            return sockopt::leave_for_groups_by(socket, interface.index, from).with_context(by);
        }
        if route.is_named() {
            sockopt::leave_by(socket, to.is_ipv4(), interface.index)
                .with_context(|| format!("cannot send by {interface}"))?;
        }
        Ok(())
    }

    /// A socket of that address's family.
    fn unbound(at: SocketAddr, options: &NetworkOptions) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))
            .context("cannot open a UDP socket")?;
        // A full queue below holds up no other destination.
        socket.set_nonblocking(true)?;
        sockopt::forbid_fragmentation(&socket, at.is_ipv4(), false).context("cannot forbid fragmentation")?;
        if options.dscp > 0 {
            let class = u32::from(options.dscp) << 2;
            if at.is_ipv4() { socket.set_tos_v4(class) } else { socket.set_tclass_v6(class) }
                .context("cannot set --dscp")?;
        }
        Ok(Self { socket, segment: 0, only: None, place: Box::new([0; PLACE]), strangers: 0 })
    }

    /// Opens a socket that can be asked at `at`, and answers from where it was asked.
    ///
    /// # Errors
    /// What the system says; `AddrInUse` if somebody else has the port.
    pub fn serve(at: SocketAddr, options: &NetworkOptions) -> Result<Self> {
        let mut socket = Self::unbound(at, options)?;
        if at.is_ipv6() {
            // IPv4 has a socket of its own.
            socket.socket.set_only_v6(true)?;
        }
        socket.socket.bind(&at.into())?;
        sockopt::tell_address(&socket.socket, at.is_ipv4()).context("cannot learn where asks are sent to")?;
        let is_bound = scope(at) != 0;
        if options.interface.is_some() || is_bound {
            let wanted = Wanted::new(options.interface.as_deref(), at);
            socket.only = Some(Only { wanted, interface: None, is_here: true, is_bound });
        }
        Ok(socket)
    }

    /// Finds the only interface by which it is asked, if one was named, also after the system's interfaces have changed. Returns
    /// what there is to say: that it is gone, or is back.
    pub fn find_only(&mut self) -> Option<String> {
        let local = self.local().ok()?;
        let Self { socket, only: Some(only), .. } = self else { return None };
        let found = only.find(socket, local);
        let is_here = found.is_ok();
        let was_here = std::mem::replace(&mut only.is_here, is_here);
        match found {
            Err(error) if was_here => {
                Some(format!("nobody is served for now: {error:#}; going on: it may come back"))
            }
            Ok(by) if !was_here => Some(format!("served by {by} again")),
            _ => None,
        }
    }

    /// Opens a socket that sends to `peer` from where it asked this one: with a buffer of its own, so that what the network
    /// holds back of one peer's takes no room from the others. What comes back still comes to this one.
    ///
    /// # Errors
    /// What the system says.
    pub fn back_to(&self, peer: Peer, options: &NetworkOptions) -> Result<Self> {
        let Some(ip) = peer.at else { bail!("the system does not say which address was asked") };
        let mut at = SocketAddr::new(ip, self.port()?);
        if let (SocketAddr::V6(at), SocketAddr::V6(to)) = (&mut at, peer.address) {
            at.set_scope_id(to.scope_id());
        }
        let socket = Self::unbound(at, options)?;
        // After the one that is asked was bound to an address that was nobody else's. Whoever does not ask to share it is
        // refused, and so is every other user of this computer, whatever they ask for (socket(7), SO_REUSEPORT).
        self.socket.set_reuse_port(true)?;
        socket.socket.set_reuse_port(true)?;
        let cannot = || format!("cannot send from {at}");
        socket.socket.bind(&at.into()).with_context(cannot)?;
        // It hears itself alone: what others send goes to the socket that is asked. What came in between is said again.
        socket.socket.connect(&at.into()).with_context(cannot)?;
        Ok(socket)
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Its port.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn port(&self) -> io::Result<u16> {
        self.local().map(|local| local.port())
    }

    /// How many bytes the system keeps until they are sent.
    pub fn send_buffer(&self) -> usize {
        self.socket.send_buffer_size().unwrap_or(0)
    }

    /// How many datagrams came that nobody here expected, or that are longer than any receiver's.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// Sends one or several datagrams by `route`: to its destination, or, in a group, to one receiver alone. Returns how many
    /// of the bytes were taken: fewer than there are when the socket's buffer is full ([`WritableSet`]).
    ///
    /// # Errors
    /// What the system says; then all or some of them are not sent.
    pub fn send(&mut self, route: &mut Route, transmit: &Transmit<'_, SocketAddr>) -> io::Result<usize> {
        let to = Peer { address: transmit.to.unwrap_or_else(|| route.to()), at: route.from };
        if route.offload && transmit.bytes.len() > transmit.segment {
            match self.send_segmented(to, transmit) {
                // Some interfaces and kernels cannot; single datagrams always work.
                Err(error) if is_refusal_of_offload(&error) => {
                    route.offload = false;
                    self.segment = 0;
                    // Where even this is refused, it was never on.
                    let _ = sockopt::set_segment(&self.socket, 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                done => return done.map(|()| transmit.bytes.len()),
            }
        }
        let (mut result, mut sent) = (Ok(()), 0);
        for datagram in transmit.bytes.chunks(transmit.segment) {
            match self.send_single(to, datagram) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => result = Err(error),
                Ok(()) => {}
            }
            sent += datagram.len();
        }
        result.map(|()| sent)
    }

    /// Sends one datagram to somebody who asked, from where it asked.
    ///
    /// # Errors
    /// What the system says; then it is not sent.
    pub fn answer(&mut self, peer: Peer, datagram: &[u8]) -> io::Result<()> {
        self.send_single(peer, datagram)
    }

    /// Gives what has come back, with who sent it, to `handle`, which says whether somebody here expected it, and may
    /// answer: at most so many datagrams, so that the caller sees to other things in between. It does not wait. Returns
    /// how many were read.
    ///
    /// # Errors
    /// If the socket cannot be read.
    pub fn receive(
        &mut self,
        most: usize,
        mut handle: impl FnMut(&mut Self, Peer, &mut [u8]) -> bool,
    ) -> io::Result<usize> {
        let mut place = std::mem::take(&mut self.place);
        let mut read = 0;
        let result = loop {
            if read == most {
                break Ok(read);
            }
            match recvmsg::receive(&self.socket, &mut place) {
                // By another interface than the one that was named: as if nobody was here.
                Ok(ReceivedDatagram { by: Some(by), .. })
                    if self.only.as_ref().is_some_and(|only| !only.is(by)) => {}
                Ok(ReceivedDatagram { length, from, at, .. }) => {
                    let is_expected = match (from, place.get_mut(..length)) {
                        (Some(address), Some(datagram)) => handle(self, Peer { address, at }, datagram),
                        _ => false,
                    };
                    self.strangers += u64::from(!is_expected);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(read),
                Err(error) if is_passing(&error) => {}
                Err(error) => break Err(error),
            }
            read += 1;
        };
        self.place = place;
        result
    }

    fn send_segmented(&mut self, to: Peer, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
        if self.segment != transmit.segment {
            sockopt::set_segment(&self.socket, transmit.segment)?;
            self.segment = transmit.segment;
        }
        self.write(to, transmit.bytes)
    }

    fn send_single(&mut self, to: Peer, datagram: &[u8]) -> io::Result<()> {
        // One that is longer than the last segment size would be cut by it.
        if self.segment != 0 && self.segment < datagram.len() {
            sockopt::set_segment(&self.socket, 0)?;
            self.segment = 0;
        }
        self.write(to, datagram)
    }

    fn write(&self, to: Peer, bytes: &[u8]) -> io::Result<()> {
        let address = to.address.into();
        loop {
            let sent = match to.at {
                None => self.socket.send_to(bytes, &address),
                Some(at) => recvmsg::send_from(&self.socket, at, &address, bytes),
            };
            match sent {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody's port was closed when an earlier datagram arrived: not this one's affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for SendSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn prepare_for_group(socket: &Socket, to: SocketAddr, ttl: u32) -> io::Result<()> {
    // A viewer on this computer sees it too.
    if to.is_ipv4() {
        socket.set_multicast_ttl_v4(ttl)?;
        socket.set_multicast_loop_v4(true)
    } else {
        socket.set_multicast_hops_v6(ttl)?;
        socket.set_multicast_loop_v6(true)
    }
}

impl Only {
    /// Finds it, and has what the socket answers leave by it.
    fn find(&mut self, socket: &Socket, local: SocketAddr) -> Result<Interface> {
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
    fn is(&self, index: u32) -> bool {
        self.interface.as_ref().is_some_and(|interface| interface.index == index)
    }
}

/// More than any datagram that receivers send.
const PLACE: usize = 2048;
