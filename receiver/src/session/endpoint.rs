//! A receiving thread: datagrams in from one socket, whole frames out.
//!
//! Usually one sender is heard there. Where several may be, each has a slot: a stream, a feed and a tile of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::app::Heartbeat;
use proto::netem::Netem;
use proto::{RateLimiter, SessionId, SubscribeOutput, Subscriber};

use super::demux::Demux;
use super::identity::is_same_address;
use super::membership::Membership;
use super::opener::{LockState, Opener, Uplink};
use super::shared::ReceiveContext;
use super::slot::{Addresses, SenderSlot};
use super::subscription::Subscription;
use super::target::{Target, TargetView};
use super::unassigned::Unassigned;
use crate::feed::{Feed, Origin, Status};
use crate::net::{FilterChange, Gate, ReceiveSocket, Woken};
use crate::record::Recorder;
use crate::sync::lock;

/// What one receiving thread works with.
pub(super) struct Endpoint {
    /// Where datagrams come from.
    socket: ReceiveSocket,
    /// Whether its group comes here, if it listens to one.
    membership: Membership,
    /// The bad network of `--impair`, behind the socket.
    netem: Option<Netem<Addresses>>,
    /// Where it subscribes; `None` if it only listens.
    subscription: Option<Subscription>,
    /// The only sender whose group was joined because it was found.
    target: Option<TargetView>,
    slots: Vec<SenderSlot>,
    unassigned: Unassigned,
    opener: Opener,
    /// What is shown of its keys.
    lock: Option<LockState>,
    /// The session of which it was said last that it may be a recording.
    unproven: Option<SessionId>,
    /// Keeps a flood from filling the socket's buffer.
    gate: Gate,
    /// When a flood may be spoken of again.
    floods: RateLimiter,
    origin: Origin,
    /// What is said of a sender there before it is heard.
    status: Status,
    /// Shows that the thread goes round.
    heartbeat: Heartbeat,
    shared: Arc<ReceiveContext>,
}

impl Endpoint {
    /// An endpoint at an open socket; `status` says what it waits for. If it is not `shown`, its first sender has a
    /// tile only once it is heard.
    ///
    /// # Errors
    /// If the socket cannot be watched.
    pub(super) fn new(
        socket: ReceiveSocket,
        netem: Option<Netem<Addresses>>,
        subscription: Option<Subscription>,
        status: Status,
        shown: bool,
        shared: &Arc<ReceiveContext>,
    ) -> Result<Self> {
        let origin = Origin {
            listen: socket.local(),
            interface: socket.interface().map(|interface| interface.name.clone()),
            buffer: socket.buffer(),
            subscribes: subscription.is_some(),
            probe: Arc::new(socket.probe().context("cannot watch the socket")?),
        };
        let name = subscription.as_ref().map(Subscription::wanted).unwrap_or_default();
        let opener = Opener::new(&shared.keyring, subscription.is_some(), &name)?;
        let mut endpoint = Self {
            socket,
            membership: Membership::begin(Instant::now()),
            opener,
            lock: None,
            unproven: None,
            netem,
            subscription,
            target: None,
            slots: Vec::with_capacity(1),
            unassigned: Unassigned::new(),
            gate: Gate::new(shared.config.format()),
            floods: RateLimiter::new(SPEAK_EVERY),
            origin,
            status,
            heartbeat: Heartbeat::default(),
            shared: shared.clone(),
        };
        lock(&shared.heartbeats).push(endpoint.heartbeat.clone());
        let slot = endpoint.add_slot();
        if shown {
            shared.feeds.show(&slot.feed);
        }
        Ok(endpoint)
    }

    /// The same, for the group of a sender that was found; it is left when the sender has another one.
    #[must_use]
    pub(super) fn for_group_of(mut self, target: Arc<Target>) -> Self {
        self.target = Some(TargetView::new(target));
        self
    }

    /// Receives until told to stop, or until enough was delivered.
    ///
    /// # Errors
    /// If the socket cannot be read any more.
    pub(super) fn run(mut self) -> Result<()> {
        while self.step()? {}
        let now = Instant::now();
        let Self { socket, opener, subscription, slots, shared, .. } = &mut self;
        let mut uplink = Uplink { socket, opener };
        if let Some(subscription) = subscription {
            subscription.leave(&mut uplink);
        }
        for slot in slots {
            slot.close();
            slot.drain(&mut uplink, shared, now);
            slot.publish();
        }
        Ok(())
    }

    /// Leaves the group for the one that its sender sends to now, if that is another one; notes whether it is heard
    /// here. The thread looks whenever its heartbeat beats.
    fn follow_group(&mut self, now: Instant) {
        let Some(target) = &mut self.target else { return };
        let here = self.socket.local();
        if let Some(heard) = self.membership.heard() {
            target.note_heard(here, heard, now);
        }
        let is_other = |group: &SocketAddr| !is_same_address(*group, here);
        let Some(group) = target.hints().group.filter(is_other) else { return };
        // The old one first: who lies about groups has it join no more than one.
        self.socket.leave();
        match ReceiveSocket::open(group, self.origin.interface.as_deref()) {
            Ok(socket) => {
                // Where it cannot be asked about the new socket, it is about the old one.
                if let Ok(probe) = socket.probe() {
                    self.origin.probe.go_on_with(probe);
                }
                (self.socket, self.gate) = (socket, Gate::new(self.shared.config.format()));
            }
            Err(error) => {
                tracing::warn!("{group} cannot be joined: {error:#}");
                target.stay_at(here);
                self.socket.join_again();
            }
        }
        self.membership = Membership::begin(now);
        self.slots.iter_mut().for_each(|slot| slot.begin_silence(now));
    }

    /// Waits for something and sees to it; `false` if it is time to end.
    fn step(&mut self) -> Result<bool> {
        self.follow_group(Instant::now());
        let Self { socket, membership, opener, slots, subscription, shared, netem, heartbeat, gate, .. } =
            self;
        let now = Instant::now();
        let join_again = socket.is_joined().then(|| membership.next_look());
        let looks = [netem.as_ref().and_then(Netem::next_due), gate.next_look(), join_again];
        let mut until = looks.into_iter().flatten().min();
        for slot in slots.iter_mut() {
            let slot_until = slot.drain(&mut Uplink { socket, opener }, shared, now);
            slot.publish_in_time(now);
            until = [until, slot_until, slot.next_look()].into_iter().flatten().min();
        }
        if let Some(subscription) = subscription {
            let due = subscription.drain(&mut Uplink { socket, opener }, &slots[0].feed, shared, now);
            until = [until, due].into_iter().flatten().min();
        }
        if shared.enough.is_reached() {
            shared.stop.request();
            return Ok(false);
        }
        match socket.wait(heartbeat.beat(until), &shared.stop).context("cannot wait for datagrams")? {
            Woken::Stop => return Ok(false),
            Woken::Time | Woken::Datagrams => {}
        }
        // What came while nobody ran this thread is read first, and what comes while it is read is not overdue.
        let now = Instant::now();
        self.receive(now)?;
        self.drain_netem(now);
        self.see_to_floods(now);
        self.show_lock(now);
        for slot in &mut self.slots {
            slot.note_drops(&self.socket, now);
            slot.handle_timeout(&self.shared.feeds, now);
        }
        if self.socket.is_joined() && self.membership.is_time_to_join_again(now) {
            self.socket.join_again();
        }
        Ok(true)
    }

    /// Takes in a batch of what has arrived. Not more: however much comes, deadlines and the request to stop are seen
    /// to in between.
    fn receive(&mut self, now: Instant) -> Result<()> {
        let (socket, netem, mut demux) = self.open();
        let read = socket.receive(|from, to, arrived, datagram| {
            match netem {
                Some(netem) => netem.push_with((from, to), datagram, now),
                None => demux.take_in(&(from, to), datagram, arrived, now),
            }
            !demux.shared.enough.is_reached()
        });
        let wanted = demux.wanted;
        self.add_wanted_slot(wanted);
        read.context("cannot read the socket")
    }

    /// Takes in what the bad network of `--impair` lets through now.
    fn drain_netem(&mut self, now: Instant) {
        let (_, netem, mut demux) = self.open();
        let Some(netem) = netem else { return };
        while !demux.shared.enough.is_reached()
            && let Some((addresses, datagram)) = netem.pop_with(now)
        {
            demux.take_in(&addresses, datagram, now, now);
        }
        let wanted = demux.wanted;
        self.add_wanted_slot(wanted);
    }

    /// Says whether a key is missing, when that changes.
    fn show_lock(&mut self, now: Instant) {
        self.opener.forget(now);
        if let Some(wrong) = self.opener.takes_wrong()
            && self.subscription.is_none()
            && let SubscribeOutput::Transmit(bytes) = Subscriber::new(now).poll(now)
        {
            // It cannot be opened there, and says whose key it is sealed with.
            Uplink { socket: &mut self.socket, opener: &mut self.opener }.send(wrong, None, bytes);
        }
        self.slots[0].set_refused(self.opener.counts());
        let unproven = self
            .slots
            .iter()
            .find_map(|slot| slot.holder().filter(|(_, session)| self.opener.cannot_tell(*session, now)));
        if let Some((from, session)) = unproven
            && self.unproven.replace(session) != Some(session)
        {
            let (why, way_out) = match self.shared.config.feedback() {
                true => ("answers nothing that is said to it", "give it a way back"),
                false => ("is told nothing", "leave out --feedback off"),
            };
            tracing::warn!(
                "{from} {why}, so it cannot be told whether it is live or a recording of it; {way_out}, or trust who is on \
                 this network"
            );
        }
        // Another sender's key does not matter to the one that is shown.
        let lock = self.opener.lock.filter(|_| self.slots[0].heard().is_none());
        if std::mem::replace(&mut self.lock, lock) != lock {
            let feed = &self.slots[0].feed;
            feed.live().is_locked(lock.map(LockState::sentence));
            if lock.is_some() {
                self.shared.feeds.show(feed);
            }
            self.shared.feeds.wake();
        }
    }

    /// Has the kernel turn away what there is too much of, or let it in again.
    fn see_to_floods(&mut self, now: Instant) {
        let Self { socket, slots, subscription, gate, floods, .. } = self;
        let only = subscription.as_ref().and_then(Subscription::at);
        if gate.next_look().is_some_and(|look| look <= now) {
            socket.note_turned_away();
        }
        let Some(change) = gate.look(slots.iter().filter_map(|slot| slot.favoured(now)), only, now) else {
            return;
        };
        socket.change(&change);
        if let FilterChange::Narrow(_, Some((Some(most), per_second))) = change
            && floods.is_due(now)
        {
            tracing::warn!(
                "{per_second} datagrams a second come that are no part of the picture, most of them from {most}: nearly all \
                 are turned away until that is over, so that the stream has room; find out who sends them"
            );
        }
    }

    /// The link, which lends its buffers while it is read, and whoever takes in what comes meanwhile.
    fn open(&mut self) -> (&mut ReceiveSocket, &mut Option<Netem<Addresses>>, Demux<'_>) {
        let Self { socket, membership, netem, slots, subscription, unassigned, gate, opener, shared, .. } =
            self;
        let demux =
            Demux { slots, subscription, unassigned, gate, opener, membership, shared, wanted: false };
        (socket, netem, demux)
    }

    /// Makes a slot for a sender that keeps sending although all slots are taken.
    fn add_wanted_slot(&mut self, wanted: bool) {
        if wanted && self.slots.len() < self.shared.most_senders {
            self.add_slot();
        }
    }

    fn add_slot(&mut self) -> &SenderSlot {
        let outputs = Some(self.shared.outputs.clone());
        let recorder = Recorder::new(&self.shared.keep);
        let mut feed = Feed::new(self.status.clone(), self.origin.clone(), recorder, outputs);
        feed.newest = self.shared.shows_in_browsers.then(Arc::default);
        let feed = self.shared.feeds.add(feed);
        self.slots.push(SenderSlot::new(feed, self.shared.config));
        self.slots.last().expect("it was just added")
    }
}

/// Often enough to be seen, rarely enough to be read.
const SPEAK_EVERY: Duration = Duration::from_secs(10);
