//! A UDP socket: sending many datagrams in one call where the kernel can, and reading what receivers send back.

mod route;
mod sockopt;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use proto::Transmit;
use proto::host::Interface;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};

pub use route::Route;

/// What the user decided about the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// The largest packet in bytes; the route's, but at most 1500, if not given.
    pub mtu: Option<usize>,
    /// How many routers multicast may pass.
    pub ttl: u32,
    /// The interface to send by: name, index or address.
    pub interface: Option<String>,
    /// The differentiated services code point, 0 to 63 (RFC 2474).
    pub dscp: u8,
}

/// A socket that sends, to one destination or to many.
#[derive(Debug)]
pub struct Link {
    socket: Socket,
    /// What the kernel cuts sends into now; 0 for nothing.
    segment: usize,
    /// Where what comes back is read to.
    place: Box<[u8; PLACE]>,
    /// What came back from anybody else.
    strangers: u64,
}

impl Link {
    /// Opens a socket to send by `route`.
    ///
    /// # Errors
    /// If the system refuses it, with the way out.
    pub fn open(route: &Route, options: &NetworkOptions) -> Result<Self> {
        let to = route.to();
        let link = Self::bind(any_address(to), options)?;
        if to.ip().is_multicast() {
            send_to_group(&link.socket, to, route.interface(), options.ttl)?;
        } else if options.interface.is_some() {
            let name = &route.interface().name;
            link.socket.bind_device(Some(name.as_bytes())).with_context(|| {
                format!("cannot send by {name} only; that needs the right to (root, or CAP_NET_RAW)")
            })?;
        }
        Ok(link)
    }

    fn bind(at: SocketAddr, options: &NetworkOptions) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))
            .context("cannot open a UDP socket")?;
        socket.bind(&at.into())?;
        // A full queue below holds up other destinations for no longer than this.
        socket.set_write_timeout(Some(Duration::from_millis(50)))?;
        sockopt::forbid_fragmentation(&socket, at.is_ipv4()).context("cannot forbid fragmentation")?;
        if options.dscp > 0 {
            let class = u32::from(options.dscp) << 2;
            if at.is_ipv4() { socket.set_tos_v4(class) } else { socket.set_tclass_v6(class) }
                .context("cannot set --dscp")?;
        }
        Ok(Self { socket, segment: 0, place: Box::new([0; PLACE]), strangers: 0 })
    }

    /// How many bytes the system keeps until they are sent.
    pub fn send_buffer(&self) -> usize {
        self.socket.send_buffer_size().unwrap_or(0)
    }

    /// How many datagrams came that nobody here expected, or that are longer than any receiver's.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// Sends one or several datagrams by `route`: to its destination, or, in a group, to one receiver alone.
    ///
    /// # Errors
    /// What the system says; then all or some of them are not sent.
    pub fn send(&mut self, route: &mut Route, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
        let to = transmit.to.unwrap_or_else(|| route.to());
        if route.offload && transmit.bytes.len() > transmit.segment {
            match self.send_segmented(to, transmit) {
                // Some interfaces and kernels cannot; single datagrams always work.
                Err(error) if is_refusal_of_offload(&error) => {
                    route.offload = false;
                    self.segment = 0;
                    // Where even this is refused, it was never on.
                    let _ = sockopt::set_segment(&self.socket, 0);
                }
                done => return done,
            }
        }
        let mut result = Ok(());
        for datagram in transmit.bytes.chunks(transmit.segment) {
            if let Err(error) = self.send_single(to, datagram) {
                result = Err(error);
            }
        }
        result
    }

    /// Gives what has come back, with where it came from, to `handle`, which says whether somebody here expected it: at
    /// most so many datagrams, so that the caller sees to other things in between. It does not wait. Returns how many
    /// were read.
    ///
    /// # Errors
    /// If the socket cannot be read.
    pub fn receive(
        &mut self,
        most: usize,
        mut handle: impl FnMut(SocketAddr, &mut [u8]) -> bool,
    ) -> io::Result<usize> {
        // With TRUNC, the length is that of the whole datagram.
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        for read in 0..most {
            match recvfrom(&self.socket, &mut self.place[..], flags) {
                Ok((_, length, from)) => {
                    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                    let is_expected = match (from, self.place.get_mut(..length)) {
                        (Some(from), Some(datagram)) => handle(from, datagram),
                        _ => false,
                    };
                    self.strangers += u64::from(!is_expected);
                }
                Err(Errno::AGAIN) => return Ok(read),
                Err(error) if is_passing(error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(most)
    }

    fn send_segmented(&mut self, to: SocketAddr, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
        if self.segment != transmit.segment {
            sockopt::set_segment(&self.socket, transmit.segment)?;
            self.segment = transmit.segment;
        }
        self.write(to, transmit.bytes)
    }

    fn send_single(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        // One that is longer than the last segment size would be cut by it.
        if self.segment != 0 && self.segment < datagram.len() {
            sockopt::set_segment(&self.socket, 0)?;
            self.segment = 0;
        }
        self.write(to, datagram)
    }

    fn write(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send_to(bytes, &to.into()) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody's port was closed when an earlier datagram arrived: not this one's affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn send_to_group(socket: &Socket, to: SocketAddr, interface: &Interface, ttl: u32) -> Result<()> {
    let by = || format!("cannot send to the group {} by {interface}", to.ip());
    if to.is_ipv4() {
        let Some(address) = interface.v4() else {
            bail!("{} has no IPv4 address to send to the group {} from", interface.name, to.ip());
        };
        socket.set_multicast_if_v4(&address).with_context(by)?;
        socket.set_multicast_ttl_v4(ttl)?;
        // A viewer on this computer sees it too.
        socket.set_multicast_loop_v4(true)?;
    } else {
        socket.set_multicast_if_v6(interface.index).with_context(by)?;
        socket.set_multicast_hops_v6(ttl)?;
        socket.set_multicast_loop_v6(true)?;
    }
    Ok(())
}

fn any_address(to: SocketAddr) -> SocketAddr {
    if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}

/// Errors of a moment: an earlier datagram did not arrive, as some router or computer says.
fn is_passing(error: Errno) -> bool {
    use rustix::io::Errno as E;
    [
        E::INTR,
        E::CONNREFUSED,
        E::CONNRESET,
        E::HOSTUNREACH,
        E::NETUNREACH,
        E::HOSTDOWN,
        E::NETDOWN,
        E::MSGSIZE,
    ]
    .contains(&error)
}

fn is_refusal_of_offload(error: &io::Error) -> bool {
    let codes = [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::ENOPROTOOPT, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// More than any datagram that receivers send.
const PLACE: usize = 2048;
