//! One destination: its stream, its route, and what waits to be sent to it.

mod transmit;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::RateLimiter;
use proto::app::SPANS;
use proto::netem::Netem;
use proto::{SendEvent, SendOutput};
use tracing::Span;

use super::backlog::SendBacklog;
use super::keyed::Seal;
use super::ledger::{FrameEnd, FrameLedger};
use super::stream::{DestinationStream, SendError};
use crate::inbox::SourceNews;
use crate::net::{Route, SendSocket, WritableSet};
use crate::stats::{self, Stats};

/// Where frames go, paced on its own.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Decides what goes when.
    pub stream: DestinationStream,
    /// By which of the sockets receivers answer. It sends by that one too, unless it has one of its own.
    pub socket: usize,
    own: Option<SendSocket>,
    /// Seals what is sent, if that is for who has the key.
    seal: Option<Seal>,
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
    /// What is told meanwhile is of this destination.
    pub span: Span,
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
        let span = tracing::debug_span!(target: SPANS, "destination", to = %route.to());
        Self {
            stream: stream.into(),
            socket,
            own: None,
            seal: None,
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
            span,
        }
    }

    /// The same, which sends by a socket of its own.
    #[must_use]
    pub(crate) fn with_own(self, own: Option<SendSocket>) -> Self {
        Self { own, ..self }
    }

    /// The same, which seals what it sends.
    #[must_use]
    pub(crate) fn with_seal(self, seal: Option<Seal>) -> Self {
        Self { seal, ..self }
    }

    /// The receiver that what it sends is sealed for; 0 for all, or where nothing is.
    pub(crate) fn receiver(&self) -> u64 {
        self.seal.as_ref().map_or(0, Seal::receiver)
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

    /// Has its receivers told what is new of the source.
    pub(super) fn tell(&mut self, source: SourceNews, now: Instant) {
        self.stream.set_state(source.state, now);
        if let Some(interval) = source.interval {
            self.stream.set_interval(interval, now);
        }
        self.stream.set_capture_error(source.capture_error, now);
    }

    /// Sends what is due by its socket; returns when there is more to do, if no frame and no room comes before.
    pub(crate) fn drain(
        &mut self,
        socket: &mut SendSocket,
        room: &WritableSet,
        ledger: &mut FrameLedger,
        stats: &Stats,
    ) -> Option<Instant> {
        let span = self.span.clone();
        let _of_it = span.enter();
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

    /// Counts how a frame ended.
    fn note(&mut self, event: SendEvent<SendError>, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        let first = self.first;
        let (number, end) = match event {
            SendEvent::Sent { number, queued, sending, .. } => {
                let (queued_us, sending_us) = (queued.as_micros() as u64, sending.as_micros() as u64);
                tracing::trace!(frame = first + number, queued_us, sending_us, "frame sent");
                (number, FrameEnd::Sent)
            }
            SendEvent::Superseded { number, thinned, .. } => {
                let reason = if thinned { "the path does not carry all" } else { "a newer one came" };
                tracing::trace!(frame = first + number, reason, "frame superseded");
                (number, if thinned { FrameEnd::Thinned } else { FrameEnd::Superseded })
            }
            SendEvent::Refused { number, ref error, .. } => {
                tracing::trace!(frame = first + number, reason = %error, "frame refused");
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
}

/// Statistics are not read more often.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// It costs three calls of the system, and only where a path takes less than its interface; nobody minds small packets
/// for so long.
const RELEARN_EVERY: Duration = Duration::from_secs(5);
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);
