//! Opens and configures the socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use anyhow::{Context, Result, anyhow};
use proto::diagnosis::WANTED_BUFFER;
use proto::sys::{Changes, Wanted, scope};
use socket2::{Domain, Protocol, Socket, Type};

use super::super::batch::{BatchBuffers, BatchReader};
use super::super::group::Group;
use super::super::meminfo::Drops;
use super::{By, ReceiveSocket, buffer};

impl ReceiveSocket {
    /// Listens on `listen`; if that is a group, joins it on `interface` (name, index or address) or by the routes.
    ///
    /// # Errors
    /// If the port is taken, or there is no such interface or no route to the group, with the way out.
    pub fn open(listen: SocketAddr, interface: Option<&str>) -> Result<Self> {
        let mut socket = Self::bind(listen, listen, interface)?;
        socket.find()?;
        socket.say_where(listen);
        Ok(socket)
    }

    /// The same, but where the interface or the route is not there yet, that is said and waited for.
    ///
    /// # Errors
    /// If the port is taken, with the way out.
    pub fn open_in_time(listen: SocketAddr, interface: Option<&str>) -> Result<Self> {
        let mut socket = Self::bind(listen, listen, interface)?;
        socket.renew();
        socket.say_where(listen);
        Ok(socket)
    }

    /// Takes any free port, to subscribe at the sender at `to`.
    ///
    /// # Errors
    /// If the system has no ports left.
    pub fn open_towards(to: SocketAddr, interface: Option<&str>) -> Result<Self> {
        let any = match to {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut socket = Self::bind((any, 0).into(), to, interface)?;
        socket.renew();
        Ok(socket)
    }

    fn bind(listen: SocketAddr, to: SocketAddr, interface: Option<&str>) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))
            .context("cannot open a UDP socket")?;
        let is_group = listen.ip().is_multicast();
        if is_group {
            // Several viewers of a group may run on one computer, whoever runs them: each gets all of it. The group's
            // port is shared with what listens on all addresses only by viewers of one user.
            socket.set_reuse_address(true)?;
            socket.set_reuse_port(true)?;
        }
        let wanted = Wanted::new(interface, to);
        let is_kept = is_group || interface.is_some() || scope(to) != 0;
        // An address of the link's own scope is bound on its interface.
        let first = if is_kept { wanted.find(None).ok() } else { None };
        let bind = match (listen, &first) {
            (SocketAddr::V6(v6), Some(first)) if interface.is_some() => {
                SocketAddrV6::new(*v6.ip(), v6.port(), 0, first.index).into()
            }
            (other, _) => other,
        };
        socket.bind(&bind.into()).map_err(|error| cannot_listen(listen, &error))?;
        if is_group {
            // Without this, groups that other programs joined would be received on a wildcard address.
            match listen {
                SocketAddr::V4(_) => socket.set_multicast_all_v4(false)?,
                SocketAddr::V6(_) => socket.set_multicast_all_v6(false)?,
            }
        }
        ask_for_buffer(&socket);
        let by = is_kept.then(|| By {
            wanted,
            interface: first,
            is_here: true,
            is_bound: scope(bind) != 0 && is_of_link(bind.ip()),
            typed: scope(to),
        });
        let stream = BatchReader::new(socket).context("cannot set up the UDP socket")?;
        let group = is_group.then(|| Group::new(listen.ip())).transpose()?;
        let changes = Changes::new().context("cannot make an event")?;
        let (buffers, drops) = (BatchBuffers::new(), Drops::default());
        Ok(Self { stream, group, by, changes, buffers, drops, ledger: None })
    }

    fn say_where(&self, listen: SocketAddr) {
        let by = self.interface().map_or_else(String::new, |interface| format!(" by {interface}"));
        tracing::info!("listening on {listen}{by}");
    }
}

/// Asks for a large buffer, reads back what it got, and says how to allow more where that is too little.
fn ask_for_buffer(socket: &Socket) {
    // Refused or cut down alike: what counts is what is there.
    let _ = socket.set_recv_buffer_size(WANTED_BUFFER);
    let got = buffer(socket);
    if got < WANTED_BUFFER {
        tracing::warn!(
            "the receive buffer is {} KiB, so that bursts may be lost; to allow {} KiB: sudo sysctl -w \
             net.core.rmem_max={WANTED_BUFFER}",
            got / 1024,
            WANTED_BUFFER / 1024
        );
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

/// Whether it is one of the link's own scope, which the kernel binds to an interface.
fn is_of_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        // ff02::/16 and ff01::/16, whatever their flags.
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6.is_multicast() && matches!(v6.octets()[1] & 0xf, 1 | 2)
        }
    }
}
