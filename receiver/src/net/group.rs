//! Socket options for receiving a multicast group.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result};
use proto::sys::Interface;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::batch::BatchReader;
use super::unicast_if;

/// What a group needs besides.
pub(super) struct Group {
    /// The group.
    address: IpAddr,
    /// The index of the interface by which it was joined; 0 if it was not yet.
    joined: u32,
    /// Answers leave from here, and come back here: a datagram from the group's own socket would say that the group had
    /// sent it.
    pub(super) answers: BatchReader,
}

impl Group {
    /// A socket for answers to what comes for the group `address`.
    pub(super) fn new(address: IpAddr) -> Result<Self> {
        let any: SocketAddr = match address {
            IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = Socket::new(Domain::for_address(any), Type::DGRAM, Some(Protocol::UDP))
            .context("cannot open a UDP socket")?;
        socket.bind(&any.into())?;
        let answers = BatchReader::new(socket).context("cannot set up the UDP socket")?;
        Ok(Self { address, joined: 0, answers })
    }

    /// Has `socket` join it by `interface`, unless it has already.
    pub(super) fn join(&mut self, socket: &Socket, interface: &Interface) -> Result<()> {
        if self.joined != interface.index {
            self.leave(socket);
            join(socket, self.address, interface)?;
            self.joined = interface.index;
        }
        // Where it cannot be set, answers take the way that the routes say, which is the same on most computers.
        let _ = unicast_if::leave_by(&self.answers.socket, interface.index);
        Ok(())
    }

    pub(super) fn leave(&mut self, socket: &Socket) {
        let index = std::mem::take(&mut self.joined);
        // Where the membership went with its interface, there is none to leave.
        let _ = match self.address {
            _ if index == 0 => Ok(()),
            IpAddr::V4(group) => socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)),
            IpAddr::V6(group) => socket.leave_multicast_v6(&group, index),
        };
    }
}

fn join(socket: &Socket, group: IpAddr, interface: &Interface) -> Result<()> {
    match group {
        IpAddr::V4(group) => {
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface.index))
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, interface.index),
    }
    .with_context(|| format!("cannot join the group {group} on {interface}"))
}

/// Whether many share the address, and so nothing can be sent from it.
pub(super) fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}
