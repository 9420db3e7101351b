//! Sends what is due to a destination, or keeps it until the socket has room, or fails.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use proto::{SendOutput, Transmit};

use super::super::backlog::SendBacklog;
use super::super::ledger::FrameLedger;
use super::Destination;
use crate::net::{Route, SendSocket, WritableSet, is_gone};
use crate::stats::Stats;

impl Destination {
    pub(super) fn send_due(
        &mut self,
        socket: &mut SendSocket,
        ledger: &mut FrameLedger,
        stats: &Stats,
    ) -> Option<Instant> {
        let until = loop {
            let now = Instant::now();
            if let Some(until) = self.send_held(socket, now) {
                return Some(until);
            }
            match self.stream.poll(now) {
                SendOutput::Transmit(transmit) => {
                    let transmit = match &mut self.seal {
                        Some(seal) => seal.seal(&transmit),
                        None => transmit,
                    };
                    let result = match &mut self.netem {
                        None => send(socket, &mut self.route, &transmit, &mut self.held, now),
                        Some(netem) => {
                            let datagrams = transmit.bytes.chunks(transmit.segment);
                            datagrams.for_each(|bytes| netem.push_with(transmit.to, bytes, now));
                            Ok(())
                        }
                    };
                    if let Err(error) = result {
                        self.complain(&error, socket, now);
                    }
                }
                SendOutput::Event(event) => self.note(event, ledger, stats, now),
                SendOutput::Wait(until) => break until,
            }
        };
        [until, self.drain_netem(socket)].into_iter().flatten().min()
    }

    /// Sends what there was no room for, or gives it up when that has taken too long; returns until when it waits, if
    /// it does.
    fn send_held(&mut self, socket: &mut SendSocket, now: Instant) -> Option<Instant> {
        let (transmit, until) = self.held.waiting()?;
        let error = match socket.send(&mut self.route, &transmit) {
            Ok(sent) if sent < transmit.bytes.len() && now < until => {
                self.held.sent(sent);
                return Some(until);
            }
            Ok(sent) if sent == transmit.bytes.len() => None,
            Ok(_) => Some(rustix::io::Errno::AGAIN.into()),
            Err(error) => Some(error),
        };
        if let Some(reason) = &error {
            tracing::debug!(bytes = transmit.bytes.len(), %reason, "datagrams given up");
        }
        self.held.clear();
        error.iter().for_each(|error| self.complain(error, socket, now));
        None
    }

    pub(super) fn await_room(&mut self, socket: &SendSocket, room: &WritableSet) {
        let is_held = !self.held.is_empty();
        if std::mem::replace(&mut self.awaits_room, is_held) != is_held {
            // Where it cannot be waited for, it is given up in a moment.
            let _ = if is_held { room.add(socket) } else { room.remove(socket) };
        }
    }

    fn drain_netem(&mut self, socket: &mut SendSocket) -> Option<Instant> {
        let now = Instant::now();
        while let Some((to, datagram)) = self.netem.as_mut()?.pop_with(now) {
            let transmit = Transmit { to, bytes: datagram, segment: datagram.len() };
            if let Err(error) = send(socket, &mut self.route, &transmit, &mut self.held, now) {
                self.complain(&error, socket, now);
            }
            if let Some((_, until)) = self.held.waiting() {
                return Some(until);
            }
        }
        self.netem.as_ref()?.next_due()
    }

    /// Counts a send that failed, and says so now and then.
    fn complain(&mut self, error: &io::Error, socket: &SendSocket, now: Instant) {
        self.errors += 1;
        self.is_lost |= is_gone(error);
        if error.raw_os_error() == Some(libc::EMSGSIZE) && self.route.learn_mtu() {
            // Where it cannot be set, the next one is too large again.
            let _ = socket.follow(&self.route);
            self.stream.set_datagram_bytes(self.route.datagram_bytes());
            let (to, mtu) = (self.route.to(), self.route.mtu());
            tracing::warn!("the path to {to} takes only {mtu} bytes; going on with that");
            return;
        }
        if !self.complaints.is_due(now) {
            return;
        }
        let smaller;
        let way_out = match error.raw_os_error() {
            Some(libc::EMSGSIZE) => {
                smaller = too_large(self.route.mtu());
                &smaller
            }
            Some(libc::EAGAIN) => "; what leads there has been full for too long",
            Some(libc::EPERM) => "; a firewall on this computer forbids it",
            Some(libc::EHOSTUNREACH) => "; going on: it may come back",
            _ if is_gone(error) => "; going on: it may come back",
            _ => "",
        };
        tracing::warn!("cannot send to {}: {error}{way_out}", self.route.to());
    }
}

/// Sends what there is room for, and holds the rest.
fn send(
    socket: &mut SendSocket,
    route: &mut Route,
    transmit: &Transmit<'_, SocketAddr>,
    held: &mut SendBacklog,
    now: Instant,
) -> io::Result<()> {
    let sent = socket.send(route, transmit)?;
    if sent < transmit.bytes.len() {
        held.keep(transmit, sent, now);
    }
    Ok(())
}

/// What to do where the path does not take packets that are as small as this.
fn too_large(mtu: usize) -> String {
    let smaller = [1280, 576].into_iter().find(|smaller| *smaller < mtu);
    let advice = smaller.map_or_else(String::new, |smaller| format!(": give --mtu {smaller}"));
    format!("; packets of {mtu} bytes are too large for the path{advice}")
}
