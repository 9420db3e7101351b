//! One destination's UDP socket: opened for its route, and sending many datagrams in one call where the kernel can.

mod sockopt;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use proto::Transmit;
use proto::host::{Interface, is_own_address};
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
        let mut link =
            Self { socket, to, interface, fixed_mtu: options.mtu, mtu: 0, segment: 0, offload: true };
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

    /// Whether the datagrams never leave this computer.
    pub fn is_local(&self) -> bool {
        self.interface.is_loopback || is_own_address(self.to.ip())
    }

    /// Sends one or several datagrams.
    ///
    /// # Errors
    /// What the system says; then all or some of them are not sent.
    pub fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<()> {
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
            if let Err(error) = self.send_single(datagram) {
                result = Err(error);
            }
        }
        result
    }

    /// Asks the kernel anew what the path takes, after a datagram was too large for it; says whether that changed.
    pub fn learn_mtu(&mut self) -> bool {
        let (before, had_offload) = (self.mtu, self.offload);
        self.mtu = self.find_mtu();
        self.offload = had_offload || self.mtu != before;
        self.mtu != before
    }

    fn send_segmented(&mut self, transmit: &Transmit<'_>) -> io::Result<()> {
        if self.segment != transmit.segment {
            sockopt::set_segment(&self.socket, transmit.segment)?;
            self.segment = transmit.segment;
        }
        self.write(transmit.bytes)
    }

    fn send_single(&mut self, datagram: &[u8]) -> io::Result<()> {
        // One that is longer than the last segment size would be cut by it.
        if self.segment != 0 && self.segment < datagram.len() {
            sockopt::set_segment(&self.socket, 0)?;
            self.segment = 0;
        }
        self.write(datagram)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send_to(bytes, &self.to.into()) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody's port was closed when an earlier datagram arrived: not this one's affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
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

fn is_refusal_of_offload(error: &io::Error) -> bool {
    let codes = [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::ENOPROTOOPT, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// What every Ethernet carries; larger packets are worth nothing to a picture and are lost by some switch on the way.
const LARGEST_MTU: usize = 1500;
const UDP_BYTES: usize = 8;
/// Header 14, checksum 4, preamble 8, gap 12.
const ETHERNET_BYTES: usize = 38;

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Link, UdpSocket) {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (Link::open(receiver.local_addr().unwrap(), &NetworkOptions::default()).unwrap(), receiver)
    }

    fn received(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2000];
        let mut one = || socket.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap();
        (0..count).map(|_| one()).collect()
    }

    #[test]
    fn many_datagrams_arrive_cut_alike_with_and_without_offload() {
        let (mut link, receiver) = pair();
        let bytes: Vec<u8> = (0..5000).map(|i| (i % 251) as u8).collect();
        let cut: Vec<Vec<u8>> = bytes.chunks(1200).map(<[u8]>::to_vec).collect();
        for offload in [true, false, true] {
            link.offload = offload;
            link.send(&Transmit { bytes: &bytes, segment: 1200 }).unwrap();
            assert_eq!(received(&receiver, 5), cut, "offload {offload}");
        }
    }

    #[test]
    fn a_single_datagram_is_never_cut_by_the_segment_size_before() {
        let (mut link, receiver) = pair();
        link.send(&Transmit { bytes: &[1; 300], segment: 100 }).unwrap();
        link.send(&Transmit { bytes: &[2; 900], segment: 900 }).unwrap();
        assert_eq!(received(&receiver, 4).last().unwrap().len(), 900);
    }

    #[test]
    fn nothing_larger_than_the_mtu_is_sent() {
        let (mut link, _receiver) = pair();
        assert_eq!((link.mtu(), link.datagram_bytes()), (1500, 1472));
        let options = NetworkOptions { interface: Some("nosuch0".into()), ..Default::default() };
        assert!(Link::open(link.to(), &options).unwrap_err().to_string().contains("nosuch0"));
        assert!(link.send(&Transmit { bytes: &vec![0; 65_600], segment: 65_600 }).is_err());
        assert!(link.is_local());
    }
}
