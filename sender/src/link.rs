//! One destination's UDP socket: opened for its route, sending many datagrams in one call where the kernel can, and
//! reading what its receivers send back.

mod sockopt;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use proto::Transmit;
use proto::host::{Interface, is_own_address};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};

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

/// A socket that sends to one destination.
#[derive(Debug)]
pub struct Link {
    socket: Socket,
    to: SocketAddr,
    interface: Interface,
    fixed_mtu: Option<usize>,
    mtu: usize,
    /// What the kernel cuts sends into now; 0 for nothing.
    segment: usize,
    /// Whether it can.
    offload: bool,
    /// Where what comes back is read to.
    place: Box<[u8; PLACE]>,
    /// What came back from anybody else.
    strangers: u64,
}

impl Link {
    /// Opens a socket towards `to`.
    ///
    /// # Errors
    /// If there is no such interface or no route, with the way out.
    pub fn open(to: SocketAddr, options: &NetworkOptions) -> Result<Self> {
        let interface = match &options.interface {
            Some(text) => Interface::find(text)?,
            None => Interface::towards(to)?,
        };
        let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))
            .context("cannot open a UDP socket")?;
        socket.bind(&any_address(to).into())?;
        // A full queue below holds up other destinations for no longer than this.
        socket.set_write_timeout(Some(Duration::from_millis(50)))?;
        sockopt::forbid_fragmentation(&socket, to.is_ipv4()).context("cannot forbid fragmentation")?;
        if options.dscp > 0 {
            let class = u32::from(options.dscp) << 2;
            if to.is_ipv4() { socket.set_tos_v4(class) } else { socket.set_tclass_v6(class) }
                .context("cannot set --dscp")?;
        }
        if to.ip().is_multicast() {
            send_to_group(&socket, to, &interface, options.ttl)?;
        } else if options.interface.is_some() {
            socket.bind_device(Some(interface.name.as_bytes())).with_context(|| {
                format!(
                    "cannot send by {} only; that needs the right to (root, or CAP_NET_RAW)",
                    interface.name
                )
            })?;
        }
        let mut link = Self {
            socket,
            to,
            interface,
            fixed_mtu: options.mtu,
            mtu: 0,
            segment: 0,
            offload: true,
            place: Box::new([0; PLACE]),
            strangers: 0,
        };
        link.mtu = link.find_mtu();
        if link.datagram_bytes() <= proto::wire::HEADER_BYTES + 1 {
            bail!("an MTU of {} bytes leaves no room for pictures; give a larger --mtu", link.mtu);
        }
        Ok(link)
    }

    /// Where it sends to.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// The interface that it sends by.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The largest packet, in bytes.
    pub fn mtu(&self) -> usize {
        self.mtu
    }

    /// The largest UDP payload, in bytes.
    pub fn datagram_bytes(&self) -> usize {
        self.mtu.saturating_sub(self.ip_bytes() + UDP_BYTES)
    }

    /// What a datagram costs on an Ethernet beside its payload: headers, checksum, preamble and gap (IEEE 802.3).
    pub fn overhead_bytes(&self) -> usize {
        self.ip_bytes() + UDP_BYTES + ETHERNET_BYTES
    }

    /// How many bytes the system keeps until they are sent.
    pub fn send_buffer(&self) -> usize {
        self.socket.send_buffer_size().unwrap_or(0)
    }

    /// Whether the datagrams never leave this computer.
    pub fn is_local(&self) -> bool {
        self.interface.is_loopback || is_own_address(self.to.ip())
    }

    /// How many datagrams came that its receivers did not send, or that are longer than any of theirs.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// Sends one or several datagrams to the destination.
    ///
    /// # Errors
    /// What the system says; then all or some of them are not sent.
    pub fn send(&mut self, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
        if self.offload && transmit.bytes.len() > transmit.segment {
            match self.send_segmented(transmit) {
                // Some interfaces and kernels cannot; single datagrams always work.
                Err(error) if is_refusal_of_offload(&error) => {
                    self.offload = false;
                    self.segment = 0;
                    // Where even this is refused, it was never on.
                    let _ = sockopt::set_segment(&self.socket, 0);
                }
                done => return done,
            }
        }
        let mut result = Ok(());
        for datagram in transmit.bytes.chunks(transmit.segment) {
            if let Err(error) = self.send_single(self.to, datagram) {
                result = Err(error);
            }
        }
        result
    }

    /// Sends one datagram to one receiver: in a group, an answer to it alone.
    ///
    /// # Errors
    /// What the system says; then it is not sent.
    pub fn send_to(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.send_single(to, datagram)
    }

    /// Gives what has come back, with where it came from, to `handle`: at most so many datagrams, so that the caller
    /// sees to other things in between. It does not wait. Returns how many were read.
    ///
    /// A single receiver answers from exactly the address that is sent to; to a group, anybody may answer.
    ///
    /// # Errors
    /// If the socket cannot be read.
    pub fn receive(
        &mut self,
        most: usize,
        mut handle: impl FnMut(SocketAddr, &mut [u8]),
    ) -> io::Result<usize> {
        // With TRUNC, the length is that of the whole datagram.
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        for read in 0..most {
            match recvfrom(&self.socket, &mut self.place[..], flags) {
                Ok((_, length, from)) => match from.and_then(|from| SocketAddr::try_from(from).ok()) {
                    Some(from) if length <= PLACE && self.is_receiver(from) => {
                        handle(from, &mut self.place[..length]);
                    }
                    _ => self.strangers += 1,
                },
                Err(Errno::AGAIN) => return Ok(read),
                Err(error) if is_passing(error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(most)
    }

    /// Asks the kernel anew what the path takes, after a datagram was too large for it; says whether that changed.
    pub fn learn_mtu(&mut self) -> bool {
        let (before, had_offload) = (self.mtu, self.offload);
        self.mtu = self.find_mtu();
        self.offload = had_offload || self.mtu != before;
        self.mtu != before
    }

    fn send_segmented(&mut self, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
        if self.segment != transmit.segment {
            sockopt::set_segment(&self.socket, transmit.segment)?;
            self.segment = transmit.segment;
        }
        self.write(self.to, transmit.bytes)
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

    fn is_receiver(&self, from: SocketAddr) -> bool {
        self.to.ip().is_multicast() || is_same(self.to, from)
    }

    fn find_mtu(&self) -> usize {
        if let Some(fixed) = self.fixed_mtu {
            return fixed;
        }
        let route = UdpSocket::bind(any_address(self.to))
            .and_then(|probe| probe.connect(self.to).map(|()| probe))
            .and_then(|probe| sockopt::path_mtu(&probe, self.to.is_ipv4()));
        let route = if self.to.ip().is_multicast() { None } else { route.ok() };
        [route, self.interface.mtu()].into_iter().flatten().min().unwrap_or(LARGEST_MTU).min(LARGEST_MTU)
    }

    fn ip_bytes(&self) -> usize {
        if self.to.is_ipv4() { 20 } else { 40 }
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

/// Whether `from` is the destination `to`. A scope counts where both have one: people need not write it, and addresses
/// that are no link's own have none.
fn is_same(to: SocketAddr, from: SocketAddr) -> bool {
    let scope = |address| match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
    };
    // What is sent to no address in particular goes to this computer (ip(7), INADDR_ANY).
    let ip = match to.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let (ours, theirs) = (scope(to), scope(from));
    (ip, to.port()) == (from.ip(), from.port()) && (ours == theirs || ours == 0 || theirs == 0)
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

/// What every Ethernet carries; larger packets are worth nothing to a picture and are lost by some switch on the way.
const LARGEST_MTU: usize = 1500;
/// More than any datagram that receivers send.
const PLACE: usize = 2048;
const UDP_BYTES: usize = 8;
/// Header 14, checksum 4, preamble 8, gap 12.
const ETHERNET_BYTES: usize = 38;
