//! The UDP socket: joined to its group, with a checked buffer, read in batches, and able to reply to the sender.

mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::time::Instant;

use anyhow::{Context, Result};
use proto::sys::{Changes, Interface, Stop, Wanted, wait_until};
use rustix::event::{PollFd, PollFlags};
use socket2::Socket;

use super::batch::{BatchBuffers, BatchReader};
use super::gate::FilterChange;
use super::group::{Group, is_group};
use super::meminfo::{Drops, Ledger};
use super::probe::SocketProbe;
use super::unicast_if;

/// A socket that datagrams arrive at, and answers leave from. It follows its interface, when that is plugged in again
/// or is lent another address.
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

    /// Finds the interface and sets the sockets to it. Returns what it is, if it was another one before or was not
    /// there.
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

    /// Leaves room for groups on the same port, and what is sent to them to those who join them: the group of a sender
    /// that is found may have any port. Whoever asks for the same address is refused as before.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn make_way_for_groups(&self) -> io::Result<()> {
        let socket = &self.stream.socket;
        // Set after the address was taken, so that the address itself was not shared with anybody who was there before,
        // and is shared with nobody but the same user (socket(7), SO_REUSEPORT).
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
    pub fn probe(&self) -> io::Result<SocketProbe> {
        Ok(SocketProbe::new(self.stream.socket.try_clone()?, self.drops.clone()))
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

    /// Gives each datagram that is there to `handle`, until that says `false`: where it came from, which address of
    /// this computer it was sent to (none if that is a group), when it arrived, and its bytes. At most one batch of
    /// each socket is read, so that the caller sees to other things in between.
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
        if stream
            .receive(buffers, None, |from, _, arrived, datagram| handle(from, None, arrived, datagram))?
        {
            group.answers.receive(buffers, None, handle)?;
        }
        Ok(())
    }

    /// Sends one datagram back to `to`, from the address `from` that `to` sent to, so that it knows whose answer that
    /// is; the system chooses if that is `None`, as it must in a group. It never waits: where there is no room, the
    /// datagram is dropped.
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

/// Bytes of the buffer. The kernel doubles what it was asked for, and reports that (socket(7), SO_RCVBUF).
fn buffer(socket: &Socket) -> usize {
    socket.recv_buffer_size().unwrap_or(0) / 2
}
