//! One destination: its stream, the way there, and what stands in it.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::RateLimiter;
use proto::netem::Netem;
use proto::{SendEvent, SendOutput, Transmit};

use super::backlog::SendBacklog;
use super::ledger::{FrameEnd, FrameLedger};
use super::stream::{DestinationStream, SendError};
use crate::net::{Route, SendSocket, WritableSet, is_gone};
use crate::stats::{self, Stats};

/// Where frames go, paced on its own.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Decides what goes when.
    pub stream: DestinationStream,
    /// By which of the sockets receivers answer. It sends by that one too, unless it has one of its own.
    pub socket: usize,
    own: Option<SendSocket>,
    route: Route,
    /// Among the frames of all destinations, the number of this one's first.
    first: u64,
    /// What its socket has no room for.
    held: SendBacklog,
    /// Whether that is waited for.
    awaits_room: bool,
    /// The bad network of `--impair`, in front of the socket; what goes to one receiver of a group carries its address.
    netem: Option<Netem<Option<SocketAddr>>>,
    errors: u64,
    /// How many bytes a picture may have so that its path carries the stream, if a limit has shown itself.
    budget: Option<usize>,
    /// Whether something could not be sent since it was last asked for, as if the interface was gone.
    is_lost: bool,
    /// When the statistics' list of viewers is to be made anew.
    look: RateLimiter,
    /// When the path is asked next whether it takes more than it said.
    relearn: RateLimiter,
    complaints: RateLimiter,
    refusals: RateLimiter,
}

impl Destination {
    /// A destination that nothing was sent to yet, by the socket with this number.
    pub(crate) fn new(
        stream: impl Into<DestinationStream>,
        socket: usize,
        route: Route,
        netem: Option<Netem<Option<SocketAddr>>>,
    ) -> Self {
        let rate_limiter = RateLimiter::new(COMPLAIN_EVERY);
        Self {
            stream: stream.into(),
            socket,
            own: None,
            route,
            first: 0,
            held: SendBacklog::default(),
            awaits_room: false,
            netem,
            errors: 0,
            budget: None,
            look: RateLimiter::new(LOOK_EVERY),
            is_lost: false,
            relearn: RateLimiter::new(RELEARN_EVERY),
            complaints: rate_limiter,
            refusals: rate_limiter,
        }
    }

    /// The same, which sends by a socket of its own.
    #[must_use]
    pub(crate) fn with_own(self, own: Option<SendSocket>) -> Self {
        Self { own, ..self }
    }

    /// The same, whose first frame has the number `first` among those of all destinations.
    #[must_use]
    pub(crate) fn with_first(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// The way there.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// Sends what is due by its socket; returns when there is more to do, if no frame and no room comes before.
    pub(crate) fn drain(
        &mut self,
        socket: &mut SendSocket,
        room: &WritableSet,
        ledger: &mut FrameLedger,
        stats: &Stats,
    ) -> Option<Instant> {
        let mut own = self.own.take();
        let by = own.as_mut().unwrap_or(socket);
        let until = self.send_due(by, ledger, stats);
        self.await_room(by, room);
        self.own = own;
        if self.relearn.is_due(Instant::now()) && self.route.relearn_mtu() {
            self.take_mtu();
        }
        until
    }

    /// Has its place in the statistics say what was counted.
    pub(crate) fn count(&mut self, listed: &mut stats::DestinationCounters, now: Instant) {
        (listed.stream, listed.errors, listed.pace) = (*self.stream.stats(), self.errors, self.stream.pace());
        if self.look.is_due(now) {
            listed.viewers.clear();
            listed.viewers.extend(self.stream.viewers().map(|(address, viewer)| (*address, viewer.clone())));
        }
    }

    /// Whether it waits for room in its socket.
    pub(crate) fn awaits_room(&self) -> bool {
        self.awaits_room
    }

    /// How many bytes a picture may have so that its path carries the stream, as it was last learned.
    pub(crate) fn budget(&self) -> Option<usize> {
        self.budget
    }

    /// Learns that anew; says whether it is another now.
    pub(crate) fn learns_budget(&mut self) -> bool {
        let budget = self.stream.frame_budget();
        std::mem::replace(&mut self.budget, budget) != budget
    }

    /// Finds its way again after the system's interfaces have changed.
    pub(crate) fn renew(&mut self, socket: &SendSocket, stats: &mut stats::DestinationCounters) {
        let mtu = self.route.mtu();
        // While there is none, what is sent fails, and that is said.
        let Ok(is_another) = self.route.renew() else { return };
        let followed = self.own.as_ref().unwrap_or(socket).follow(&self.route);
        stats.is_wireless = self.route.interface().is_wireless();
        let (to, by) = (self.route.to(), self.route.interface());
        match followed {
            Err(error) => tracing::warn!("{to} cannot be sent to now: {error:#}"),
            Ok(()) if is_another => tracing::info!("to {to} by {by} now"),
            Ok(()) => {}
        }
        if self.route.mtu() != mtu {
            self.take_mtu();
        }
    }

    /// Whether something could not be sent since this was last asked, as if the interface was gone.
    pub(crate) fn takes_lost(&mut self) -> bool {
        std::mem::take(&mut self.is_lost)
    }

    /// Has the stream's datagrams be as large as the path takes them.
    fn take_mtu(&mut self) {
        self.stream.set_datagram_bytes(self.route.datagram_bytes());
        let (to, mtu) = (self.route.to(), self.route.mtu());
        tracing::info!("the path to {to} takes {mtu} bytes; going on with that");
    }

    fn send_due(
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

    /// Sends what there was no room for, or gives it up when that has taken too long; returns until when it waits, if it
    /// does.
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
        self.held.clear();
        error.iter().for_each(|error| self.complain(error, socket, now));
        None
    }

    fn await_room(&mut self, socket: &SendSocket, room: &WritableSet) {
        let is_held = !self.held.is_empty();
        if std::mem::replace(&mut self.awaits_room, is_held) != is_held {
            // Where it cannot be waited for, it is given up in a moment.
            let _ = if is_held { room.add(socket) } else { room.remove(socket) };
        }
    }

    /// Gives up what has not gone, but for the goodbye.
    pub(crate) fn abandon(&mut self) {
        self.stream.abandon();
        self.held.clear();
        self.netem = None;
    }

    /// Ends it at once: nothing more is sent, and its frames end as superseded.
    pub(crate) fn discard(mut self, ledger: &mut FrameLedger, stats: &Stats) {
        self.abandon();
        let now = Instant::now();
        loop {
            match self.stream.poll(now) {
                SendOutput::Event(event) => self.note(event, ledger, stats, now),
                // The goodbye.
                SendOutput::Transmit(_) => {}
                SendOutput::Wait(_) => break,
            }
        }
    }

    /// Whether all that was to go has gone.
    pub(crate) fn is_done(&self) -> bool {
        let is_empty = |netem: &Netem<_>| netem.next_due().is_none();
        self.stream.is_closed() && self.held.is_empty() && self.netem.as_ref().is_none_or(is_empty)
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

    /// Counts how a frame ended.
    fn note(&mut self, event: SendEvent<SendError>, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        let (number, end) = match event {
            SendEvent::Sent { number, .. } => (number, FrameEnd::Sent),
            SendEvent::Superseded { number, thinned: true, .. } => (number, FrameEnd::Thinned),
            SendEvent::Superseded { number, thinned: false, .. } => (number, FrameEnd::Superseded),
            SendEvent::Refused { number, ref error, .. } => {
                if self.refusals.is_due(now) {
                    tracing::warn!("a picture is not sent: {error}");
                }
                (number, FrameEnd::Refused)
            }
        };
        let counters = &mut *stats.lock();
        if let SendEvent::Sent { queued, sending, .. } = event {
            counters.queue.add(queued);
            counters.send.add(sending);
        }
        ledger.end(self.first + number, end, counters);
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

/// Statistics are not read more often.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// It costs three calls of the system, and only where a path takes less than its interface; nobody minds small packets for
/// so long.
const RELEARN_EVERY: Duration = Duration::from_secs(5);
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);
