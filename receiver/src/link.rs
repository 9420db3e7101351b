//! The UDP socket: joined to its group, with a checked buffer, and read in batches.

mod drops;

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use proto::host::{Console, Interface, Stop, parse_scoped};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

/// A socket that datagrams arrive at.
pub struct Link {
    socket: Socket,
    state: UdpSocketState,
    /// The group that was joined, and where.
    joined: Option<(IpAddr, Interface)>,
    /// [`BATCH`] places of [`PLACE`] bytes.
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH],
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Datagrams are there.
    Datagrams,
    /// The time is over.
    Time,
    /// The program is to end.
    Stop,
}

impl Link {
    /// Listens on `listen`; if that is a group, joins it on `interface` (name, index or address) or by the routes.
    ///
    /// # Errors
    /// If the port is taken, or there is no such interface or no route to the group, with the way out.
    pub fn open(listen: SocketAddr, interface: Option<&str>, console: &Console) -> Result<Self> {
        let interface = match interface {
            Some(text) => Some(Interface::find(text)?),
            None if listen.ip().is_multicast() => Some(Interface::towards(listen)?),
            None => None,
        };
        let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))
            .context("cannot open a UDP socket")?;
        if listen.ip().is_multicast() {
            // Several viewers of a group may run on one computer.
            socket.set_reuse_address(true)?;
        }
        let index = interface.as_ref().map_or(0, |interface| interface.index);
        let bind = match listen {
            // An address of the link's own scope is bound on its interface.
            SocketAddr::V6(v6) if index != 0 => SocketAddrV6::new(*v6.ip(), v6.port(), 0, index).into(),
            other => other,
        };
        socket.bind(&bind.into()).map_err(|error| cannot_listen(listen, &error))?;
        match &interface {
            Some(interface) if listen.ip().is_multicast() => join(&socket, listen.ip(), interface)?,
            Some(interface) => socket.bind_device(Some(interface.name.as_bytes())).with_context(|| {
                format!(
                    "cannot listen on {} only; that needs the right to (root, or CAP_NET_RAW)",
                    interface.name
                )
            })?,
            None => {}
        }
        ask_for_buffer(&socket, console);
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).context("cannot set up the UDP socket")?;
        console.say(format_args!(
            "listening on {listen}{}",
            interface.as_ref().map_or_else(String::new, |interface| format!(" by {interface}"))
        ));
        let joined =
            interface.filter(|_| listen.ip().is_multicast()).map(|interface| (listen.ip(), interface));
        Ok(Self { socket, state, joined, bytes: vec![0; BATCH * PLACE], metas: [RecvMeta::default(); BATCH] })
    }

    /// Whether it listens to a group.
    pub fn is_joined(&self) -> bool {
        self.joined.is_some()
    }

    /// Joins the group anew. A switch that passes a group on only to who asked for it forgets that while a cable is
    /// out, and the system may not ask again before it is asked itself, minutes later. An interface that was taken away
    /// may be back under another number.
    pub fn join_again(&mut self) {
        let Some((group, interface)) = &mut self.joined else { return };
        leave(&self.socket, *group, interface);
        if let Ok(found) = Interface::find(&interface.name) {
            *interface = found;
        }
        // While the interface is gone there is nothing to join; it is tried again.
        let _ = join(&self.socket, *group, interface);
    }

    /// Another handle to the socket, to ask it things.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn probe(&self) -> io::Result<Probe> {
        Ok(Probe { socket: self.socket.try_clone()? })
    }

    /// Waits until there are datagrams, or `until`, or `stop` is requested.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn wait(&self, until: Option<Instant>, stop: &Stop) -> io::Result<Woken> {
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let mut files = [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
            match poll(&mut files, timeout.as_ref()) {
                Ok(_) if !files[1].revents().is_empty() => return Ok(Woken::Stop),
                Ok(0) => return Ok(Woken::Time),
                Ok(_) => return Ok(Woken::Datagrams),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives each datagram that is there, with where it came from, to `handle`, until that says `false`. At most one
    /// batch is read, so that the caller sees to other things in between.
    ///
    /// # Errors
    /// If the socket cannot be read.
    pub fn receive(&mut self, mut handle: impl FnMut(SocketAddr, &mut [u8]) -> bool) -> io::Result<()> {
        let count = {
            let mut places = self.bytes.chunks_exact_mut(PLACE);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(places.next().expect("as many places as slices")));
            match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.metas) {
                Ok(count) => count,
                Err(error) if is_passing(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        };
        for (meta, place) in self.metas[..count].iter().zip(self.bytes.chunks_exact_mut(PLACE)) {
            // What the kernel joined is taken apart again. An empty datagram is one too.
            let stride = meta.stride.max(1);
            let mut rest = &mut place[..meta.len];
            loop {
                let (datagram, after) = rest.split_at_mut(stride.min(rest.len()));
                if !handle(meta.addr, datagram) {
                    return Ok(());
                }
                if after.is_empty() {
                    break;
                }
                rest = after;
            }
        }
        Ok(())
    }
}

/// Asks about a socket without reading it.
#[derive(Debug)]
pub struct Probe {
    socket: Socket,
}

impl Probe {
    /// Datagrams that the kernel dropped because nobody read them in time; 0 where the system does not tell.
    pub fn kernel_dropped(&self) -> u64 {
        drops::kernel_dropped(&self.socket).unwrap_or(0)
    }
}

fn join(socket: &Socket, group: IpAddr, interface: &Interface) -> Result<()> {
    let failed = || format!("cannot join the group {group} on {interface}");
    match group {
        IpAddr::V4(group) => {
            // Without this, groups that other programs joined would be received on a wildcard address.
            socket.set_multicast_all_v4(false)?;
            let index = InterfaceIndexOrAddress::Index(interface.index);
            socket.join_multicast_v4_n(&group, &index).with_context(failed)
        }
        IpAddr::V6(group) => {
            socket.set_multicast_all_v6(false)?;
            socket.join_multicast_v6(&group, interface.index).with_context(failed)
        }
    }
}

fn leave(socket: &Socket, group: IpAddr, interface: &Interface) {
    // Where the membership went with its interface, there is none to leave.
    let _ = match group {
        IpAddr::V4(group) => {
            socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface.index))
        }
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, interface.index),
    };
}

/// Asks for a large buffer, reads back what it got, and says how to allow more where that is too little.
fn ask_for_buffer(socket: &Socket, console: &Console) {
    // Refused or cut down alike: what counts is what is there.
    let _ = socket.set_recv_buffer_size(WANTED_BUFFER);
    // The kernel doubles what it was asked for, and reports that (socket(7), SO_RCVBUF).
    let got = socket.recv_buffer_size().unwrap_or(0) / 2;
    if got < WANTED_BUFFER {
        console.say(format_args!(
            "the receive buffer is {} KiB, so that bursts may be lost; to allow {} KiB: sudo sysctl -w \
             net.core.rmem_max={WANTED_BUFFER}",
            got / 1024,
            WANTED_BUFFER / 1024
        ));
    }
}

fn cannot_listen(listen: SocketAddr, error: &io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "{listen} is taken, perhaps by another receiver; end that, or choose another port with --listen"
        ),
        io::ErrorKind::AddrNotAvailable => anyhow!(
            "{} is no address of this computer; use {}:{} for all of its addresses",
            listen.ip(),
            if listen.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED).to_string() } else { "[::]".into() },
            listen.port()
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow!("port {} needs root; choose one from 1024 on with --listen", listen.port())
        }
        _ => anyhow!("cannot listen on {listen}: {error}"),
    }
}

/// Errors of a moment: nothing is there, or an answer to something that was never sent came back.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::WouldBlock | E::Interrupted | E::ConnectionRefused | E::ConnectionReset)
}

/// Refuses addresses that cannot be listened on.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn parse_listen(text: &str) -> Result<SocketAddr> {
    let listen: SocketAddr = match text.parse().ok().or_else(|| parse_scoped(text)) {
        Some(listen) => listen,
        // A bare port or address is completed.
        None => match (text.trim_start_matches(':').parse::<u16>(), text.parse::<IpAddr>()) {
            (Ok(port), _) => (Ipv4Addr::UNSPECIFIED, port).into(),
            (_, Ok(address)) => (address, DEFAULT_PORT).into(),
            _ => bail!(
                "{text:?} is no address and port; write it like 0.0.0.0:9000, [::]:9000 or 239.255.10.1:9000"
            ),
        },
    };
    if listen.port() == 0 {
        bail!("port 0 is none; give the port that the sender sends to, such as {DEFAULT_PORT}");
    }
    Ok(listen)
}

const DEFAULT_PORT: u16 = 9000;
/// Twenty frames of a 1080p camera.
const WANTED_BUFFER: usize = 4 << 20;
/// Reads of one call. On a real network each is one datagram or a few; on loopback each is up to 64.
const BATCH: usize = 16;
/// What the kernel joins at most.
const PLACE: usize = 1 << 16;
/// How long a stream may say nothing before the picture is no longer live.
pub const QUIET: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn datagrams_arrive_one_by_one_whatever_the_kernel_joined() {
        let console = Console::new("test");
        let mut link = Link::open("127.0.0.1:0".parse().unwrap(), None, &console).unwrap();
        let to = link.socket.local_addr().unwrap().as_socket().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for length in [1200, 1200, 1200, 7, 0, 900] {
            sender.send_to(&vec![length as u8; length], to).unwrap();
        }
        let (stop, mut found) = (Stop::new().unwrap(), Vec::new());
        while found.len() < 6 {
            assert_eq!(
                link.wait(Some(Instant::now() + Duration::from_secs(5)), &stop).unwrap(),
                Woken::Datagrams
            );
            link.receive(|from, datagram| {
                assert_eq!(from, sender.local_addr().unwrap());
                found.push(datagram.len());
                true
            })
            .unwrap();
        }
        assert_eq!(found, [1200, 1200, 1200, 7, 0, 900]);
        link.receive(|_, _| unreachable!("nothing is there")).unwrap();
        stop.request();
        assert_eq!(link.wait(None, &stop).unwrap(), Woken::Stop);
    }

    #[test]
    fn a_taken_port_is_said_with_the_way_out() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = Link::open(taken.local_addr().unwrap(), None, &Console::new("test")).err().unwrap();
        assert!(error.to_string().contains("--listen"), "{error}");
    }

    #[test]
    fn listening_takes_an_address_a_port_or_both() {
        for (text, address) in [
            ("0.0.0.0:9000", "0.0.0.0:9000"),
            ("9001", "0.0.0.0:9001"),
            (":9001", "0.0.0.0:9001"),
            ("239.255.10.1", "239.255.10.1:9000"),
            ("[::]:7", "[::]:7"),
        ] {
            assert_eq!(parse_listen(text).unwrap(), address.parse().unwrap(), "{text}");
        }
        for text in ["0.0.0.0:0", "somewhere", "1.2.3.4:99999"] {
            assert!(parse_listen(text).is_err(), "{text}");
        }
    }
}
