//! A receiving thread: datagrams in from one socket, whole frames out to whoever wants them.
//!
//! Usually one sender is heard there. Where several may be, each has a seat: a stream, a feed and a tile of its own.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::Fate;
use proto::host::{Pulse, Seldom};
use proto::netem::Netem;

use super::identity::Newcomer;
use super::shared::Shared;
use super::slot::{Addresses, Seat};
use super::subscription::{Asking, Incoming};
use super::target::Place;
use super::unassigned::Strangers;
use crate::feed::{Feed, Origin, Status};
use crate::net::{Change, Gate, Link, Woken};
use crate::record::Keeper;
use crate::sync::lock;

/// What one receiving thread works with.
pub(super) struct Endpoint {
    /// Where datagrams come from.
    link: Link,
    /// The bad network of `--impair`, behind the socket.
    netem: Option<Netem<Addresses>>,
    /// Whom it asks for pictures; `None` if it only listens.
    asking: Option<Asking>,
    /// The place of the only sender whose group was joined because it was found.
    place: Option<Arc<Place>>,
    seats: Vec<Seat>,
    strangers: Strangers,
    /// Keeps a flood from filling the socket's buffer.
    gate: Gate,
    /// When a flood may be spoken of again.
    floods: Seldom,
    origin: Origin,
    /// What is said of a sender there before it is heard.
    status: Status,
    /// Shows that the thread goes round.
    pulse: Pulse,
    shared: Arc<Shared>,
}

impl Endpoint {
    /// An endpoint at an open socket; `status` says what it waits for. If it is not `shown`, its first sender has a tile
    /// only once it is heard.
    ///
    /// # Errors
    /// If the socket cannot be watched.
    pub(super) fn new(
        link: Link,
        netem: Option<Netem<Addresses>>,
        asking: Option<Asking>,
        status: Status,
        shown: bool,
        shared: &Arc<Shared>,
    ) -> Result<Self> {
        let origin = Origin {
            listen: link.local(),
            interface: link.interface().map(|interface| interface.name.clone()),
            buffer: link.buffer(),
            asks: asking.is_some(),
            probe: Arc::new(link.probe().context("cannot watch the socket")?),
        };
        let mut endpoint = Self {
            link,
            netem,
            asking,
            place: None,
            seats: Vec::with_capacity(1),
            strangers: Strangers::new(),
            gate: Gate::new(shared.config.shape()),
            floods: Seldom::new(SPEAK_EVERY),
            origin,
            status,
            pulse: Pulse::default(),
            shared: shared.clone(),
        };
        lock(&shared.pulses).push(endpoint.pulse.clone());
        let seat = endpoint.add_seat();
        if shown {
            shared.feeds.show(&seat.feed);
        }
        Ok(endpoint)
    }

    /// The same, for the group of a sender that was found; it is left when the sender has another one.
    #[must_use]
    pub(super) fn for_group_of(mut self, place: Arc<Place>) -> Self {
        self.place = Some(place);
        self
    }

    /// Receives until told to stop, or until enough was delivered.
    ///
    /// # Errors
    /// If the socket cannot be read any more.
    pub(super) fn run(mut self) -> Result<()> {
        while self.step()? {}
        let now = Instant::now();
        if let Some(asking) = &mut self.asking {
            asking.leave(&mut self.link);
        }
        for seat in &mut self.seats {
            seat.close();
            seat.drain(&mut self.link, &self.shared, now);
            seat.publish();
        }
        Ok(())
    }

    /// Leaves the group for the one that its sender sends to now, if that is another one; notes whether it is heard here.
    /// The thread looks whenever its pulse beats.
    fn follow_group(&mut self, now: Instant) {
        let Some(place) = &self.place else { return };
        let here = self.link.local();
        if let Some(heard) = self.seats.iter().filter_map(Seat::heard).max() {
            place.note_heard(here, heard);
        }
        let is_other = |group: &SocketAddr| (group.ip(), group.port()) != (here.ip(), here.port());
        let Some(group) = place.group().filter(is_other) else { return };
        let console = &self.shared.console;
        // The old one first: who lies about groups has it join no more than one.
        self.link.leave();
        match Link::open(group, self.origin.interface.as_deref(), console) {
            Ok(link) => {
                // Where it cannot be asked about the new socket, it is about the old one.
                let _ = self.origin.probe.go_on_with(&link);
                (self.link, self.gate) = (link, Gate::new(self.shared.config.shape()));
            }
            Err(error) => {
                console.warn(format_args!("{group} cannot be joined: {error:#}"));
                place.move_to_group(here);
                self.link.join_again();
            }
        }
        self.seats.iter_mut().for_each(|seat| seat.begin_silence(now));
    }

    /// Waits for something and sees to it; `false` if it is time to end.
    fn step(&mut self) -> Result<bool> {
        self.follow_group(Instant::now());
        let Self { link, seats, asking, shared, netem, pulse, gate, .. } = self;
        let now = Instant::now();
        let mut until =
            [netem.as_ref().and_then(Netem::next_due), gate.next_look()].into_iter().flatten().min();
        for seat in seats.iter_mut() {
            let seat_until = seat.drain(link, shared, now);
            seat.publish();
            until = [until, seat_until, seat.next_look(link)].into_iter().flatten().min();
        }
        if let Some(asking) = asking {
            let asks = asking.drain(link, &seats[0].feed, shared, now);
            until = [until, asks].into_iter().flatten().min();
        }
        if shared.enough.is_reached() {
            shared.stop.request();
            return Ok(false);
        }
        match link.wait(pulse.beat(until), &shared.stop).context("cannot wait for datagrams")? {
            Woken::Stop => return Ok(false),
            // What came while nobody ran this thread is not overdue.
            Woken::Time | Woken::Datagrams => self.receive()?,
        }
        let now = Instant::now();
        self.drain_netem(now);
        self.see_to_floods(now);
        for seat in &mut self.seats {
            seat.note_drops(&self.link, now);
            seat.handle_timeout(&mut self.link, &self.shared.feeds, now);
        }
        Ok(true)
    }

    /// Takes in a batch of what has arrived. Not more: however much comes, deadlines and the request to stop are seen to
    /// in between.
    fn receive(&mut self) -> Result<()> {
        let now = Instant::now();
        let (link, netem, mut hall) = self.open();
        let read = link.receive(|from, to, arrived, datagram| {
            match netem {
                Some(netem) => netem.push_with((from, to), datagram, now),
                None => hall.take_in(&(from, to), datagram, arrived, now),
            }
            !hall.shared.enough.is_reached()
        });
        let wanted = hall.wanted;
        self.seat_stranger(wanted);
        read.context("cannot read the socket")
    }

    /// Takes in what the bad network of `--impair` lets through now.
    fn drain_netem(&mut self, now: Instant) {
        let (_, netem, mut hall) = self.open();
        let Some(netem) = netem else { return };
        while !hall.shared.enough.is_reached()
            && let Some((addresses, datagram)) = netem.pop_with(now)
        {
            hall.take_in(&addresses, datagram, now, now);
        }
        let wanted = hall.wanted;
        self.seat_stranger(wanted);
    }

    /// Has the kernel turn away what there is too much of, or let it in again.
    fn see_to_floods(&mut self, now: Instant) {
        let Self { link, seats, asking, shared, gate, floods, .. } = self;
        let only = asking.as_ref().and_then(Asking::asked);
        if gate.next_look().is_some_and(|look| look <= now) {
            link.note_turned_away();
        }
        let Some(change) = gate.look(seats.iter().filter_map(|seat| seat.favoured(now)), only, now) else {
            return;
        };
        link.change(&change);
        if let Change::Narrow(_, Some((Some(most), per_second))) = change
            && floods.is_due(now)
        {
            shared.console.warn(format_args!(
                "{per_second} datagrams a second come that are no part of the picture, most of them from {most}: nearly all \
                 are turned away until that is over, so that the stream has room; find out who sends them"
            ));
        }
    }

    /// The link, which lends its buffers while it is read, and whoever takes in what comes meanwhile.
    fn open(&mut self) -> (&mut Link, &mut Option<Netem<Addresses>>, Hall<'_>) {
        let Self { link, netem, seats, asking, strangers, gate, shared, .. } = self;
        (link, netem, Hall { seats, asking, strangers, gate, shared, wanted: false })
    }

    /// Makes a place for a sender that keeps sending although all places are taken.
    fn seat_stranger(&mut self, wanted: bool) {
        if wanted && self.seats.len() < self.shared.most_senders {
            self.add_seat();
        }
    }

    fn add_seat(&mut self) -> &Seat {
        let outputs = Some(self.shared.outputs.clone());
        let keeper = Keeper::new(&self.shared.keep, &self.shared.console);
        let mut feed = Feed::new(self.status.clone(), self.origin.clone(), keeper, outputs);
        feed.newest = self.shared.shows_in_browsers.then(Arc::default);
        let feed = self.shared.feeds.add(feed);
        self.seats.push(Seat::new(feed, self.shared.config));
        self.seats.last().expect("it was just added")
    }
}

/// The seats, and who comes in.
struct Hall<'a> {
    seats: &'a mut Vec<Seat>,
    asking: &'a mut Option<Asking>,
    strangers: &'a mut Strangers,
    gate: &'a mut Gate,
    shared: &'a Shared,
    /// Whether somebody is to have a place of his own.
    wanted: bool,
}

impl Hall<'_> {
    // In line, as what it calls: it is done for each datagram.
    #[inline]
    fn take_in(&mut self, addresses: &Addresses, datagram: &mut [u8], arrived: Instant, now: Instant) {
        let from = addresses.0;
        if let Some(asking) = self.asking {
            match asking.take_in(from, datagram, now) {
                Incoming::Foreign => {
                    self.seats[0].count_aside(Fate::Foreign);
                    self.gate.count(from, datagram, now);
                    return;
                }
                Incoming::Answer => {
                    self.seats[0].told_token(from, asking.token(), now);
                    // A few of them are of use.
                    self.gate.count(from, datagram, now);
                    return;
                }
                Incoming::Stream => {}
            }
        }
        let at = self.seat_of(from, datagram, now);
        let fate = self.seats[at].take_in(addresses, datagram, arrived, self.shared, now);
        if !self.seats[at].was_of_use(fate, now) {
            self.gate.count(from, datagram, now);
        }
        // Another session in the name of whoever has the place is nobody who wants one.
        if fate == Fate::Foreign && !self.seats[at].is_of(from) {
            let has_room = self.seats.len() < self.shared.most_senders;
            if has_room
                && self.asking.is_none()
                && self.strangers.insists(from, datagram, &self.shared.config, now)
            {
                self.wanted = true;
            } else if !has_room {
                self.seats[at].speak_of_stranger(from, &self.shared.console, now);
            }
        }
    }

    /// Whose datagram this is: that of the sender who sends from there, or else whoever's place it is to have.
    #[inline]
    fn seat_of(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> usize {
        // Nearly always there is one, which is not to be looked for at each datagram.
        if let [_] = self.seats[..] {
            return 0;
        }
        let own = self.seats.iter().position(|seat| seat.is_of(from));
        own.unwrap_or_else(|| self.seat_for(from, datagram, now))
    }

    /// Which place a sender is to have that has none: its own of before, or else the first that is free. If its own seems
    /// not to be free yet, it is to wait for that, as long as it does not insist.
    fn seat_for(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> usize {
        // Only its hellos say what it is called.
        let newcomer = Newcomer::of(from, datagram, &self.shared.config, self.strangers.name_of(from));
        let likest = |is_free| {
            let seats = self.seats.iter().enumerate().filter(|(_, seat)| seat.is_free(now) == is_free);
            seats.map(|(at, seat)| (seat.likeness(&newcomer), Reverse(at))).max()
        };
        let (free, taken) = (likest(true), likest(false));
        if free.is_none()
            && self.seats.len() == self.shared.most_senders
            && let Some(at) = self.seats.iter().position(|seat| seat.shows_nothing(now))
            && self.strangers.insists(from, datagram, &self.shared.config, now)
        {
            // Who sends and shows nothing keeps nobody out.
            self.seats[at].release(now);
            return at;
        }
        match (free, taken) {
            (Some((free_likeness, _)), Some((likeness, Reverse(taken))))
                if likeness > free_likeness
                    && !self.strangers.insists(from, datagram, &self.shared.config, now) =>
            {
                taken
            }
            (Some((_, Reverse(at))), _) | (None, Some((_, Reverse(at)))) => at,
            (None, None) => 0,
        }
    }
}

/// Often enough to be seen, rarely enough to be read.
const SPEAK_EVERY: Duration = Duration::from_secs(10);
