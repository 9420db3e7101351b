//! The UDP socket: joined to its group, with a checked buffer, read in batches, and with a way back to the sender.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use proto::diagnosis::WANTED_BUFFER;
use proto::sys::{Changes, Interface, Stop, Wanted, scope, wait_until};
use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::batch::{BatchBuffers, BatchReader};
use super::gate::FilterChange;
use super::meminfo::{Drops, Ledger};
use super::unicast_if;
use crate::sync::lock;

/// A socket that datagrams arrive at, and answers leave from. It follows its interface, when that is plugged in again or is
/// lent another address.
pub struct ReceiveSocket {
    stream: BatchReader,
    group: Option<Group>,
    /// The interface that was named, or that a group is joined by.
    by: Option<By>,
    /// Tells that the system's interfaces have changed.
    changes: Changes,
    buffers: BatchBuffers,
    drops: Drops,
    /// What tells drops apart, while the kernel turns something away.
    ledger: Option<Ledger>,
}

/// An interface that a socket is kept to.
struct By {
    wanted: Wanted,
    /// As it was last found; `None` if it never was.
    interface: Option<Interface>,
    /// Whether it was there when it was last looked for.
    is_here: bool,
    /// Whether the kernel has the socket bound to it, as to an address of that link's own scope.
    is_bound: bool,
    /// The index that is in what was typed.
    typed: u32,
}

/// What a group needs besides.
struct Group {
    /// The group.
    address: IpAddr,
    /// The index of the interface by which it was joined; 0 if it was not yet.
    joined: u32,
    /// Answers leave from here, and come back here: a datagram from the group's own socket would say that the group had
    /// sent it.
    answers: BatchReader,
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

    /// Takes any free port, for pictures of the sender at `to`, who is going to be asked for them.
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
            // Several viewers of a group may run on one computer, whoever runs them: each gets all of it. The group's port is
            // shared with what listens on all addresses only by viewers of one user.
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

    /// Finds the interface again after the system's have changed, and says when it is gone or back.
    fn renew(&mut self) {
        let found = self.find();
        let Some(by) = &mut self.by else { return };
        let was_here = std::mem::replace(&mut by.is_here, found.is_ok());
        match found {
            Err(error) if was_here => {
                tracing::warn!("{error:#}; waiting for it, as it may come back");
            }
            Ok(Some(now)) => tracing::info!("receiving by {now} now"),
            _ => {}
        }
    }

    /// Finds the interface and sets the sockets to it. Returns what it is, if it was another one before or was not there.
    fn find(&mut self) -> Result<Option<Interface>> {
        let Self { stream, group, by: Some(by), .. } = self else { return Ok(None) };
        let found = by.wanted.find(by.interface.as_ref())?;
        let before = by.interface.as_ref().map_or(0, |before| before.index);
        if by.is_bound && before != found.index {
            stream.socket.bind_device(Some(found.name.as_bytes())).with_context(|| {
                format!("cannot go on by {found}; start again, or give the right to (root, or CAP_NET_RAW)")
            })?;
        }
        if let Some(group) = group {
            group.join(&stream.socket, &found)?;
        } else {
            // Where it cannot be set, answers take the way that the routes say, which is the same on most computers.
            let _ = unicast_if::leave_by(&stream.socket, found.index);
        }
        let is_news = !by.is_here || by.interface.as_ref().is_some_and(|before| *before != found);
        by.interface = Some(found.clone());
        Ok(is_news.then_some(found))
    }

    /// Leaves room for groups on the same port, and what is sent to them to those who join them: the group of a sender that
    /// is found may have any port. Whoever asks for the same address is refused as before.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn make_way_for_groups(&self) -> io::Result<()> {
        let socket = &self.stream.socket;
        // Set after the address was taken, so that the address itself was not shared with anybody who was there before, and
        // is shared with nobody but the same user (socket(7), SO_REUSEPORT).
        socket.set_reuse_port(true)?;
        match self.local() {
            SocketAddr::V4(_) => socket.set_multicast_all_v4(false),
            SocketAddr::V6(_) => socket.set_multicast_all_v6(false),
        }
    }

    /// Where it listens.
    pub fn local(&self) -> SocketAddr {
        let local = self.stream.socket.local_addr().ok().and_then(|local| local.as_socket());
        local.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// Whether it listens to a group.
    pub fn is_joined(&self) -> bool {
        self.group.is_some()
    }

    /// Joins the group anew. A switch that passes a group on only to who asked for it forgets that while a cable is
    /// out, and the system may not ask again before it is asked itself, minutes later.
    pub fn join_again(&mut self) {
        let Some(group) = &mut self.group else { return };
        group.leave(&self.stream.socket);
        self.renew();
    }

    /// Leaves the group, if it listens to one.
    pub fn leave(&mut self) {
        if let Some(group) = &mut self.group {
            group.leave(&self.stream.socket);
        }
    }

    /// The interface that was named, or that a group was joined by.
    pub fn interface(&self) -> Option<&Interface> {
        self.by.as_ref()?.interface.as_ref()
    }

    /// How many bytes of datagrams the system keeps until they are read.
    pub fn buffer(&self) -> usize {
        buffer(&self.stream.socket)
    }

    /// Another handle to the socket, to ask it things.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn probe(&self) -> io::Result<Probe> {
        Ok(Probe::new(self.stream.socket.try_clone()?, self.drops.clone()))
    }

    /// Datagrams that the kernel dropped because nobody read them in time; 0 where the system does not tell. One system
    /// call.
    pub fn kernel_dropped(&self) -> u64 {
        self.drops.without_room(&self.stream.socket)
    }

    /// Has the kernel turn datagrams away, or let them in again. Where it cannot, all are let in, as before.
    pub fn change(&mut self, change: &FilterChange) {
        let socket = &self.stream.socket;
        match change {
            FilterChange::Narrow(program, _) => {
                self.ledger.get_or_insert_with(|| Ledger::begin(&self.drops, socket)).look(socket);
                let _ = socket.attach_filter(program);
            }
            FilterChange::Widen => {
                let _ = socket.detach_filter();
                if let Some(ledger) = self.ledger.take() {
                    ledger.end(socket);
                }
            }
        }
    }

    /// Counts what the kernel turned away since it was looked at last, if it does.
    pub fn note_turned_away(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.look(&self.stream.socket);
        }
    }

    /// Waits until there are datagrams, or `until`, or `stop` is requested.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn wait(&mut self, until: Option<Instant>, stop: &Stop) -> io::Result<Woken> {
        let answers = self.group.as_ref().map_or(&self.stream, |group| &group.answers);
        let mut files =
            [stop.as_fd(), self.stream.socket.as_fd(), self.changes.as_fd(), answers.socket.as_fd()]
                .map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN));
        let count = match (&self.by, self.is_joined()) {
            (None, _) => 2,
            (Some(_), is_joined) => 3 + usize::from(is_joined),
        };
        let until = [until, self.changes.next_due()].into_iter().flatten().min();
        let ready = wait_until(&mut files[..count], until)?;
        let [is_stopped, _, has_changed, _] = files.map(|file| !file.revents().is_empty());
        let now = Instant::now();
        if has_changed {
            self.changes.hear(now);
        }
        if self.changes.is_due(now) {
            self.renew();
        }
        Ok(if is_stopped {
            Woken::Stop
        } else if ready == 0 {
            Woken::Time
        } else {
            Woken::Datagrams
        })
    }

    /// Gives each datagram that is there to `handle`, until that says `false`: where it came from, which address of this
    /// computer it was sent to (none if that is a group), when it arrived, and its bytes. At most one batch of each
    /// socket is read, so that the caller sees to other things in between.
    ///
    /// It arrived when the kernel says so, where that is known, and not only when this thread came to it.
    ///
    /// # Errors
    /// If the socket cannot be read.
    pub fn receive(
        &mut self,
        mut handle: impl FnMut(SocketAddr, Option<IpAddr>, Instant, &mut [u8]) -> bool,
    ) -> io::Result<()> {
        let Self { stream, group, buffers, by, .. } = self;
        let Some(group) = group else {
            // Of another interface than the one that was named nothing is taken, as if nobody was here.
            let only = by.as_ref().map(By::index);
            return stream
                .receive(buffers, only, |from, to, arrived, datagram| {
                    handle(from, to.filter(|to| !is_group(*to)), arrived, datagram)
                })
                .map(drop);
        };
        let mut handle = |from, _, arrived, datagram: &mut [u8]| handle(from, None, arrived, datagram);
        if stream.receive(buffers, None, &mut handle)? {
            group.answers.receive(buffers, None, &mut handle)?;
        }
        Ok(())
    }

    /// Sends one datagram back to `to`, from the address `from` that `to` sent to, so that it knows whose answer that is;
    /// the system chooses if that is `None`, as it must in a group. It never waits: where there is no room, the datagram
    /// is dropped.
    ///
    /// # Errors
    /// What the system says; then it is not sent.
    pub fn send(&mut self, to: SocketAddr, from: Option<IpAddr>, bytes: &[u8]) -> io::Result<()> {
        let to = self.by.as_ref().map_or(to, |by| by.now_at(to));
        let sent = match &self.group {
            Some(group) => group.answers.send(to, None, bytes),
            None => self.stream.send(to, from.filter(|from| !is_group(*from)), bytes),
        };
        if sent.is_err() && self.by.is_some() {
            self.changes.suspect(Instant::now());
        }
        sent
    }
}

impl By {
    /// The index of the interface now; one that nothing comes by while there is none.
    fn index(&self) -> u32 {
        self.interface.as_ref().map_or(0, |interface| interface.index)
    }

    /// Where that address is now, if what was typed had the index that the interface had then.
    fn now_at(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V6(v6) if self.typed != 0 && v6.scope_id() == self.typed => {
                SocketAddrV6::new(*v6.ip(), v6.port(), v6.flowinfo(), self.index()).into()
            }
            other => other,
        }
    }
}

impl Group {
    /// A socket for answers to what comes for the group `address`.
    fn new(address: IpAddr) -> Result<Self> {
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
    fn join(&mut self, socket: &Socket, interface: &Interface) -> Result<()> {
        if self.joined != interface.index {
            self.leave(socket);
            join(socket, self.address, interface)?;
            self.joined = interface.index;
        }
        // Where it cannot be set, answers take the way that the routes say, which is the same on most computers.
        let _ = unicast_if::leave_by(&self.answers.socket, interface.index);
        Ok(())
    }

    fn leave(&mut self, socket: &Socket) {
        let index = std::mem::take(&mut self.joined);
        // Where the membership went with its interface, there is none to leave.
        let _ = match self.address {
            _ if index == 0 => Ok(()),
            IpAddr::V4(group) => socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)),
            IpAddr::V6(group) => socket.leave_multicast_v6(&group, index),
        };
    }
}

/// Asks about a socket without reading it.
#[derive(Debug)]
pub struct Probe(Mutex<Watched>);

/// What is asked about.
#[derive(Debug)]
struct Watched {
    socket: Socket,
    drops: Drops,
    /// What was dropped for want of room, and turned away, at those that were there before.
    before: (u64, u64),
}

impl Probe {
    #[cfg(test)]
    pub(crate) fn of(socket: Socket) -> Self {
        Self::new(socket, Drops::default())
    }

    fn new(socket: Socket, drops: Drops) -> Self {
        Self(Mutex::new(Watched { socket, drops, before: (0, 0) }))
    }

    /// Asks about the socket of this link from now on, and goes on counting.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn go_on_with(&self, socket: &ReceiveSocket) -> io::Result<()> {
        let before = (self.kernel_dropped(), self.turned_away());
        let (socket, drops) = (socket.stream.socket.try_clone()?, socket.drops.clone());
        *lock(&self.0) = Watched { socket, drops, before };
        Ok(())
    }

    /// Datagrams that the kernel dropped because nobody read them in time; 0 where the system does not tell.
    pub fn kernel_dropped(&self) -> u64 {
        let watched = lock(&self.0);
        watched.before.0 + watched.drops.without_room(&watched.socket)
    }

    /// Datagrams that the kernel turned away, so that a flood leaves room for a stream.
    pub fn turned_away(&self) -> u64 {
        let watched = lock(&self.0);
        watched.before.1 + watched.drops.turned_away()
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

/// Bytes of the buffer. The kernel doubles what it was asked for, and reports that (socket(7), SO_RCVBUF).
fn buffer(socket: &Socket) -> usize {
    socket.recv_buffer_size().unwrap_or(0) / 2
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

/// Whether many share the address, and so nothing can be sent from it.
fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}
