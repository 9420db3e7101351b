//! All that frames go to: the destinations, and the sockets that lead there.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::RateLimiter;
use proto::sys::{Changes, Event};
use proto::wire::SourceState;
use proto::{Follow, Frame, SubscribeServer};

use super::awaited::Awaited;
use super::destination::Destination;
use super::due_times::DueTimes;
use super::ledger::FrameLedger;
use super::stream_factory::StreamFactory;
use crate::net::{NetworkOptions, Peer, Route, SendSocket, WritableSet, computer};
use crate::serve::{Sdp, SdpAnnouncement, Served, ViewerChange};
use crate::stats::{self, Stats};

/// The destinations, each paced on its own, and their sockets, each of which may lead to many.
///
/// `stats.destinations` lists the same destinations in the same order, at all times.
#[derive(Debug)]
pub(crate) struct Fanout {
    links: Vec<SendSocket>,
    /// What is waited for while what goes by some socket is held up.
    room: WritableSet,
    destinations: Vec<Destination>,
    /// When each of them has something to do: only then it is looked at.
    due_times: DueTimes,
    /// Those who were looked at last; kept for its memory.
    touched: Vec<usize>,
    /// What the source was when that was last said.
    state: SourceState,
    streams: StreamFactory,
    options: NetworkOptions,
    served: Option<Served>,
    /// What asks have come to; kept for its memory.
    asked: Vec<ViewerChange>,
    /// How many bytes a picture may have.
    frame_budget: Option<usize>,
    /// Whether that is to be found anew.
    budgets_changed: bool,
    /// Kept for their memory.
    budgets: Vec<usize>,
    voices: Vec<(u128, usize)>,
    /// Frames so far, each of which has the number of those before it: no stream has used more ids.
    pushed: u64,
    /// The newest frame while nobody watches: whoever comes sees it at once.
    unwatched: Option<Frame>,
    announcement: Option<SdpAnnouncement>,
    /// How what is sent is to be described.
    sdp: Option<Sdp>,
    /// Destinations that cannot be sent to yet.
    awaited: Vec<Awaited>,
    /// Tells that the name of one of them was looked up.
    bell: Event,
    /// Tells that the system's interfaces have changed.
    changes: Changes,
    /// Whether there are more sockets than were last waited for.
    has_grown: bool,
    complaints: RateLimiter,
}

impl Fanout {
    /// One without destinations.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn new(streams: StreamFactory, options: NetworkOptions) -> io::Result<Self> {
        Ok(Self {
            links: Vec::new(),
            room: WritableSet::new()?,
            destinations: Vec::new(),
            due_times: DueTimes::default(),
            touched: Vec::new(),
            state: SourceState::Live,
            streams,
            options,
            served: None,
            asked: Vec::new(),
            frame_budget: None,
            budgets_changed: false,
            budgets: Vec::new(),
            voices: Vec::new(),
            pushed: 0,
            unwatched: None,
            announcement: None,
            sdp: None,
            awaited: Vec::new(),
            bell: Event::new()?,
            changes: Changes::new()?,
            has_grown: false,
            complaints: RateLimiter::new(COMPLAIN_EVERY),
        })
    }

    /// Adds a destination with a socket of its own, which is to be waited for.
    pub(crate) fn add(&mut self, socket: SendSocket, route: Route, stats: &Stats) {
        let (session, way) = (self.streams.session(), self.streams.describe(&route));
        tracing::info!("to {way}, session {session}");
        if let Some(sdp) = self.sdp.take() {
            self.announcement = Some(sdp.of(&route, session));
        }
        self.has_grown = true;
        self.links.push(socket);
        self.begin(self.links.len() - 1, None, route, stats);
    }

    /// Adds destinations that cannot be sent to yet, as soon as they can. When one of them is to be tried, `bell` wakes
    /// whoever waits.
    pub(crate) fn add_later(&mut self, awaited: Vec<Awaited>, bell: Event) {
        (self.awaited, self.bell) = (awaited, bell);
    }

    /// Lets viewers in by a door, who ask by these sockets.
    pub(crate) fn serve(&mut self, links: Vec<SendSocket>, door: SubscribeServer<SocketAddr>) {
        let first = self.links.len();
        self.links.extend(links);
        self.served = Some(Served::new(first..self.links.len(), door));
    }

    /// Describes what is sent to the destination that is added next, once there is a frame.
    pub(crate) fn describe_by(&mut self, sdp: Option<Sdp>) {
        self.sdp = sdp;
    }

    /// Describes what is sent, by a frame that is to be pushed.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(crate) fn announce(&mut self, frame: &Frame) -> Result<()> {
        self.announcement.as_mut().map_or(Ok(()), |announcement| announcement.see(&frame.jpeg))
    }

    /// Other handles to the sockets, in their order, to wait for what comes back; and to what else there is to
    /// [`receive`](Self::receive). They are to be asked for again when there are [more](Self::has_grown).
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn sockets(&mut self) -> io::Result<Vec<OwnedFd>> {
        self.has_grown = false;
        let others = [self.changes.as_fd(), self.bell.as_fd()];
        let all = self.links.iter().map(AsFd::as_fd).chain(others);
        all.map(|file| file.try_clone_to_owned()).collect()
    }

    /// Whether there are sockets that are not waited for.
    pub(crate) fn has_grown(&self) -> bool {
        self.has_grown
    }

    /// Another handle to what is readable when a socket has room again for what is held up.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn room(&self) -> io::Result<OwnedFd> {
        self.room.as_fd().try_clone_to_owned()
    }

    /// Gives a frame to all. While nobody watches, the newest is kept for who comes next.
    pub(crate) fn push(&mut self, frame: Frame, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        if self.destinations.is_empty() {
            if self.unwatched.replace(frame).is_some() {
                stats.lock().unwatched += 1;
            }
            return;
        }
        ledger.begin(self.pushed, self.destinations.len());
        self.pushed += 1;
        self.destinations
            .iter_mut()
            .for_each(|destination| destination.stream.push_frame(frame.clone(), now));
        self.due_times.set_all(now);
    }

    /// Whether anybody watches, or may: to a destination that was named it is sent in any case.
    pub(crate) fn is_watched(&self) -> bool {
        !self.destinations.is_empty()
    }

    /// Sends what is due, and looks at nobody to whom nothing is; returns when there is more to do.
    pub(crate) fn drain(
        &mut self,
        state: SourceState,
        ledger: &mut FrameLedger,
        stats: &Stats,
    ) -> Option<Instant> {
        self.end_silent(ledger, stats);
        self.look_around(ledger, stats);
        self.tell_state(state);
        self.touched.clear();
        // Some become due while others are sent to. They are not waited for, but neither does what comes back wait for ever.
        while self.touched.len() < self.destinations.len() {
            let before = self.touched.len();
            self.due_times.take(&mut self.touched, Instant::now());
            for at in before..self.touched.len() {
                self.touch(self.touched[at], ledger, stats);
            }
            if self.touched.len() == before {
                break;
            }
        }
        self.count(stats);
        let asks = self.served.as_ref().and_then(Served::next_due);
        let tries = self.awaited.iter().filter_map(Awaited::next_try).min();
        [self.due_times.next(), asks, self.changes.next_due(), tries].into_iter().flatten().min()
    }

    /// Sends to one what is due.
    fn touch(&mut self, number: usize, ledger: &mut FrameLedger, stats: &Stats) {
        let destination = &mut self.destinations[number];
        let socket = &mut self.links[destination.socket];
        self.due_times.set(number, destination.drain(socket, &self.room, ledger, stats));
        self.budgets_changed |= destination.learns_budget();
        if destination.takes_lost() {
            self.changes.suspect(Instant::now());
        }
    }

    /// Has all receivers told what has become of the source, if that is news.
    fn tell_state(&mut self, state: SourceState) {
        if std::mem::replace(&mut self.state, state) == state {
            return;
        }
        let now = Instant::now();
        self.destinations.iter_mut().for_each(|destination| destination.stream.set_state(state, now));
        self.due_times.set_all(now);
    }

    /// Has the statistics of those who were looked at say what there is to say now.
    fn count(&mut self, stats: &Stats) {
        let Self { touched, destinations, .. } = self;
        if touched.is_empty() {
            return;
        }
        let (now, listed) = (Instant::now(), &mut stats.lock().destinations);
        touched.iter().for_each(|&number| destinations[number].count(&mut listed[number], now));
    }

    /// Goes on by the interfaces that there are, if they have changed, and tries destinations that could not be sent to.
    fn look_around(&mut self, ledger: &mut FrameLedger, stats: &Stats) {
        let now = Instant::now();
        if self.changes.is_due(now) {
            self.renew(stats);
            self.awaited.iter_mut().for_each(|awaited| awaited.hurry(now));
        }
        let mut number = 0;
        while let Some(awaited) = self.awaited.get_mut(number) {
            match awaited.try_again(&self.options, now) {
                None => number += 1,
                Some((socket, route)) => {
                    self.awaited.remove(number);
                    self.add(socket, route, stats);
                    self.push_unwatched(ledger, stats, now);
                }
            }
        }
    }

    /// Has all sockets go on by the interfaces that there are now.
    fn renew(&mut self, stats: &Stats) {
        let Self { links, destinations, served, .. } = self;
        if let Some(served) = served {
            // There is one socket for each family, and the same is to be said of both.
            let mut news: Vec<String> =
                links[served.links()].iter_mut().filter_map(SendSocket::find_only).collect();
            news.dedup();
            news.iter().for_each(|news| tracing::info!("{news}"));
        }
        let listed = &mut stats.lock().destinations;
        for (destination, listed) in destinations.iter_mut().zip(listed) {
            destination.renew(&links[destination.socket], listed);
        }
        // What could not go by the way that was may go by the one that is.
        self.due_times.set_all(Instant::now());
    }

    /// Goes on where there was no room: there is some now.
    pub(crate) fn go_on(&mut self, now: Instant) {
        for (number, destination) in self.destinations.iter().enumerate() {
            if destination.awaits_room() {
                self.due_times.set(number, Some(now));
            }
        }
    }

    /// Takes in a batch of what came back by one of the sockets. Not more: however much comes, what is due goes out in
    /// between.
    pub(crate) fn receive(&mut self, number: usize, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        if number >= self.links.len() {
            // They are seen to when what is due is.
            self.changes.hear(now);
            self.bell.clear();
            return;
        }
        let Self { links, destinations, due_times, served, asked, .. } = self;
        let strangers = links[number].strangers();
        let mut door = served.as_mut().filter(|served| served.has(number));
        let read = links[number].receive(FEEDBACK_AT_ONCE, |socket, peer, datagram| {
            if let Some(door) = &mut door
                && door.handle_datagram(socket, peer, datagram, asked, now)
            {
                return true;
            }
            let is_from = |d: &Destination| d.socket == number && d.route().is_receiver(peer.address);
            let Some(from) = destinations.iter().position(is_from) else { return false };
            destinations[from].stream.handle_datagram(peer.address, datagram, now);
            due_times.set(from, Some(now));
            true
        });
        if links[number].strangers() != strangers {
            let listed = &mut stats.lock().destinations;
            let own = destinations.iter().zip(listed).filter(|(destination, _)| destination.socket == number);
            own.for_each(|(_, listed)| listed.strangers = links[number].strangers());
        }
        if let Err(error) = read
            && self.complaints.is_due(now)
        {
            tracing::info!("cannot read what comes back: {error}");
        }
        self.admit(number, ledger, stats, now);
    }

    /// Does what asks have come to.
    fn admit(&mut self, socket: usize, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        // Whose place another has goes first.
        self.end_silent(ledger, stats);
        let mut asked = std::mem::take(&mut self.asked);
        for asked in asked.drain(..) {
            match asked {
                ViewerChange::Left(address) => self.end(address, ledger, stats),
                ViewerChange::Welcome(peer) => self.welcome(socket, peer, ledger, stats, now),
                ViewerChange::Stays(peer) => {
                    if self.asks_elsewhere(peer) {
                        self.end(peer.address, ledger, stats);
                        self.welcome(socket, peer, ledger, stats, now);
                    }
                }
            }
        }
        self.asked = asked;
        if let Some(served) = &self.served {
            stats.lock().asks = served.counts();
        }
    }

    /// A viewer begins, with the newest picture there is.
    fn welcome(&mut self, socket: usize, peer: Peer, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        let back = Route::back(peer, &self.options);
        let open = |route: Route| {
            let own = self.links[socket].back_to(peer, &self.options)?;
            own.follow(&route)?;
            Ok((own, route))
        };
        match back.and_then(open) {
            Ok((own, route)) => self.begin(socket, Some(own), route, stats),
            Err(error) => {
                self.served.iter_mut().for_each(|served| served.turn_away(peer.address));
                if self.complaints.is_due(now) {
                    tracing::info!("cannot serve {}: {error:#}", peer.address);
                }
                return;
            }
        }
        self.push_unwatched(ledger, stats, now);
    }

    /// Gives the frame that was kept to the first who comes.
    fn push_unwatched(&mut self, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        if let Some(frame) = self.unwatched.take() {
            self.push(frame, ledger, stats, now);
        }
    }

    /// Whether a viewer now asks another of this computer's addresses than it is sent to from: it takes what comes from
    /// there, and nothing else. The path is another too, so its stream begins anew.
    fn asks_elsewhere(&self, peer: Peer) -> bool {
        self.served_to(peer.address).is_some_and(|number| self.destinations[number].route().from() != peer.at)
    }

    /// A stream begins; that of a viewer who asked goes out by a socket of its `own`.
    fn begin(&mut self, socket: usize, own: Option<SendSocket>, route: Route, stats: &Stats) {
        let mut listed = stats::DestinationCounters::new(&route, own.is_some());
        listed.strangers = self.links[socket].strangers();
        stats.lock().destinations.push(listed);
        let (mut destination, now) = (self.streams.open(socket, route, self.pushed), Instant::now());
        destination.stream.set_state(self.state, now);
        self.destinations.push(destination.with_own(own));
        self.due_times.add(now);
        self.budgets_changed = true;
    }

    /// Ends the streams of those who have fallen silent.
    fn end_silent(&mut self, ledger: &mut FrameLedger, stats: &Stats) {
        let now = Instant::now();
        while let Some(gone) = self.served.as_mut().and_then(|served| served.next_gone(now)) {
            self.end(gone, ledger, stats);
        }
    }

    /// Ends a served viewer's stream, without a goodbye: it may come back to the same session.
    fn end(&mut self, address: SocketAddr, ledger: &mut FrameLedger, stats: &Stats) {
        let Some(number) = self.served_to(address) else { return };
        self.due_times.remove(number);
        self.budgets_changed = true;
        self.destinations.remove(number).discard(ledger, stats);
        stats.lock().depart(number);
    }

    /// The number of a served viewer's stream.
    fn served_to(&self, address: SocketAddr) -> Option<usize> {
        let served = self.served.as_ref()?;
        self.destinations.iter().position(|d| served.has(d.socket) && d.route().to() == address)
    }

    /// How many bytes a picture may have, so that the paths of those who are followed carry the stream. If nobody was named
    /// to be followed, that is the slowest destination, and of the viewers who asked the slower half is not waited for; one
    /// computer is one of them, however many of its ports have asked.
    pub(crate) fn frame_budget(&mut self, follow: Option<Follow>) -> Option<usize> {
        if !std::mem::take(&mut self.budgets_changed) {
            return self.frame_budget;
        }
        let Self { destinations, served, budgets, voices, .. } = self;
        let is_served =
            |destination: &Destination| served.as_ref().is_some_and(|s| s.has(destination.socket));
        let mut least = usize::MAX;
        for (of_served, usual) in [(false, Follow::Slowest), (true, FOLLOW_SERVED)] {
            let own = destinations.iter().filter(|destination| is_served(destination) == of_served);
            voices.clear();
            voices.extend(own.enumerate().map(|(number, destination)| {
                // Where somebody is to be sent to in any case, each counts.
                let key =
                    if of_served { computer::of(&destination.route().to()).key } else { number as u128 };
                (key, destination.budget().unwrap_or(usize::MAX))
            }));
            one_voice_each(voices, budgets);
            least = followed(budgets, follow.unwrap_or(usual)).map_or(least, |budget| budget.min(least));
        }
        self.frame_budget = Some(least).filter(|&bytes| bytes < usize::MAX);
        self.frame_budget
    }

    /// Ends all streams: what was given to them still goes out, and then a goodbye. Nobody is let in any more, whose stream
    /// nothing would end.
    pub(crate) fn close(&mut self) {
        self.served.iter_mut().for_each(Served::shut);
        self.awaited.clear();
        self.destinations.iter_mut().for_each(|destination| destination.stream.close());
        self.due_times.set_all(Instant::now());
    }

    /// Forgets the picture that was kept for who would come.
    pub(crate) fn forget_unwatched(&mut self, stats: &Stats) {
        if self.unwatched.take().is_some() {
            stats.lock().unwatched += 1;
        }
    }

    /// Gives up what has not gone, but for the goodbyes.
    pub(crate) fn abandon(&mut self) {
        self.destinations.iter_mut().for_each(Destination::abandon);
        self.due_times.set_all(Instant::now());
    }

    /// Whether all that was to go has gone.
    pub(crate) fn is_done(&self) -> bool {
        self.destinations.iter().all(Destination::is_done)
    }
}

/// Of each computer the largest budget, since its viewers share a path.
fn one_voice_each(voices: &mut [(u128, usize)], budgets: &mut Vec<usize>) {
    voices.sort_unstable();
    budgets.clear();
    budgets
        .extend(voices.chunk_by(|a, b| a.0 == b.0).filter_map(|own| own.last()).map(|&(_, budget)| budget));
}

/// The budget of the one that is followed.
fn followed(budgets: &mut [usize], follow: Follow) -> Option<usize> {
    budgets.sort_unstable();
    let at = match follow {
        Follow::Slowest => 0,
        Follow::Percentile(percentile) => budgets.len() * usize::from(percentile) / 100,
    };
    budgets.get(at.min(budgets.len().saturating_sub(1))).copied()
}

/// Anybody may ask, also from behind a slow path: that lowers the quality for the others only where most have one.
const FOLLOW_SERVED: Follow = Follow::Percentile(50);
/// Many receivers' reports; a few tens of microseconds, which no pacing instant misses by much.
const FEEDBACK_AT_ONCE: usize = 32;
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
