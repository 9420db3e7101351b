//! Opens sockets, and sets their interface.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use proto::sys::{NotNow, Wanted, scope};
use socket2::{Domain, Protocol, Socket, Type};

use super::super::address::{Peer, any_address};
use super::super::options::NetworkOptions;
use super::super::route::Route;
use super::super::sockopt;
use super::only::Only;
use super::{PLACE, SendSocket};

impl SendSocket {
    /// Opens a socket to send by `route`.
    ///
    /// # Errors
    /// If the system refuses it, with the way out.
    pub fn open(route: &Route, options: &NetworkOptions) -> Result<Self> {
        let to = route.to();
        let mut socket = Self::unbound(to, options)?;
        socket.socket.bind(&any_address(to).into())?;
        // Where there is none, single receivers share the stream's buffer.
        let aside = socket.beside(options);
        socket.aside =
            aside.inspect_err(|error| tracing::debug!("no socket for single receivers: {error:#}")).ok();
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
        for socket in self.sockets() {
            sockopt::forbid_fragmentation(socket, to.is_ipv4(), route.is_direct())
                .context("cannot forbid fragmentation")?;
        }
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
            for socket in self.sockets() {
                sockopt::leave_by(socket, to.is_ipv4(), interface.index)
                    .with_context(|| format!("cannot send by {interface}"))?;
            }
        }
        Ok(())
    }

    /// Another socket of its port, which hears nothing.
    fn beside(&self, options: &NetworkOptions) -> Result<Socket> {
        let local = self.local()?;
        let aside = Self::unbound(local, options)?.socket;
        // After this one was bound to a port that was nobody else's. Every other user is refused (socket(7)).
        self.socket.set_reuse_port(true)?;
        aside.set_reuse_port(true)?;
        aside.bind(&local.into())?;
        sockopt::first_hears_all(&aside)?;
        Ok(aside)
    }

    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        std::iter::once(&self.socket).chain(&self.aside)
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
        Ok(Self { socket, aside: None, segment: 0, only: None, place: Box::new([0; PLACE]), strangers: 0 })
    }

    /// Opens a socket that serves at `at`, and replies from the address that a datagram was sent to.
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
        sockopt::tell_address(&socket.socket, at.is_ipv4())
            .context("cannot learn which address datagrams are sent to")?;
        let is_bound = scope(at) != 0;
        if options.interface.is_some() || is_bound {
            let wanted = Wanted::new(options.interface.as_deref(), at);
            socket.only = Some(Only { wanted, interface: None, is_here: true, is_bound });
        }
        Ok(socket)
    }

    /// Finds the only interface by which it serves, if one was named, also after the system's interfaces have changed.
    /// Returns what there is to say: that it is gone, or is back.
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

    /// Opens a socket that sends to `peer` from the address at which it subscribed: with a buffer of its own, so that
    /// what the network holds back of one peer's takes no room from the others. What comes back still comes to this
    /// one.
    ///
    /// # Errors
    /// What the system says.
    pub fn back_to(&self, peer: Peer, options: &NetworkOptions) -> Result<Self> {
        let Some(ip) = peer.at else { bail!("the system does not say which address a datagram was sent to") };
        let mut at = SocketAddr::new(ip, self.port()?);
        if let (SocketAddr::V6(at), SocketAddr::V6(to)) = (&mut at, peer.address) {
            at.set_scope_id(to.scope_id());
        }
        let socket = Self::unbound(at, options)?;
        // After the serving one was bound to an address that was nobody else's. Whoever does not ask to share it is
        // refused, and so is every other user of this computer, whatever they ask for (socket(7), SO_REUSEPORT).
        self.socket.set_reuse_port(true)?;
        socket.socket.set_reuse_port(true)?;
        let cannot = || format!("cannot send from {at}");
        socket.socket.bind(&at.into()).with_context(cannot)?;
        // It hears itself alone: what others send goes to the serving socket. What came in between is said again.
        socket.socket.connect(&at.into()).with_context(cannot)?;
        Ok(socket)
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
