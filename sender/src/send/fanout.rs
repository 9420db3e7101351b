//! All destinations, and their sockets.

mod budget;
mod due;
mod feedback;
mod frames;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use proto::RateLimiter;
use proto::keys::SigningKey;
use proto::sys::{Changes, Event};
use proto::{FrameInParts, Pool, SubscribeServer};

use super::awaited::Awaited;
use super::destination::Destination;
use super::due_times::DueTimes;
use super::keyed::Keyed;
use super::stream_factory::StreamFactory;
use crate::inbox::SourceNews;
use crate::net::{NetworkOptions, Route, SendSocket, WritableSet};
use crate::serve::{Sdp, SdpAnnouncement, Served, ViewerChange};
use crate::stats::{self, Stats};

/// The destinations, each paced on its own, and their sockets, each of which may lead to many.
///
/// `stats.destinations` lists the same destinations in the same order, at all times.
#[derive(Debug)]
pub(crate) struct Fanout {
    sockets: Vec<SendSocket>,
    /// What is waited for while what goes by some socket is held up.
    room: WritableSet,
    destinations: Vec<Destination>,
    /// When each of them has something to do: only then it is looked at.
    due_times: DueTimes,
    /// Those who were looked at last; kept for its memory.
    touched: Vec<usize>,
    /// What was last said of the source.
    source: SourceNews,
    streams: StreamFactory,
    options: NetworkOptions,
    /// If only who has the key looks and speaks.
    keyed: Option<Keyed>,
    /// If pictures are signed.
    signing: Option<SigningKey>,
    served: Option<Served>,
    /// Changes among the viewers; kept for its memory.
    changed_viewers: Vec<ViewerChange>,
    /// How many bytes a picture may have.
    frame_budget: Option<usize>,
    /// Whether that is to be found anew.
    budgets_changed: bool,
    /// Kept for their memory.
    budgets: Vec<usize>,
    voices: Vec<(u128, usize)>,
    /// Frames so far, each of which has the number of those before it: no stream has used more ids.
    pushed: u64,
    /// The newest frame, until it is whole and somebody has it.
    newest: Option<FrameInParts>,
    /// Whether nobody has it: whoever comes sees it at once.
    is_unwatched: bool,
    /// Frames that are joined where no parts are taken.
    joined: Pool,
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
            sockets: Vec::new(),
            room: WritableSet::new()?,
            destinations: Vec::new(),
            due_times: DueTimes::default(),
            touched: Vec::new(),
            source: SourceNews::default(),
            streams,
            options,
            keyed: None,
            signing: None,
            served: None,
            changed_viewers: Vec::new(),
            frame_budget: None,
            budgets_changed: false,
            budgets: Vec::new(),
            voices: Vec::new(),
            pushed: 0,
            newest: None,
            is_unwatched: false,
            joined: Pool::new(FRAMES_JOINED),
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
        self.sockets.push(socket);
        self.begin(self.sockets.len() - 1, None, route, stats);
    }

    /// Adds destinations that cannot be sent to yet, as soon as they can. When one of them is to be tried, `bell` wakes
    /// whoever waits.
    pub(crate) fn add_later(&mut self, awaited: Vec<Awaited>, bell: Event) {
        (self.awaited, self.bell) = (awaited, bell);
    }

    /// Lets only who has the key look and speak. Destinations are added later.
    pub(crate) fn lock(&mut self, keyed: Option<Keyed>) {
        self.keyed = keyed;
    }

    /// Signs each frame.
    pub(crate) fn sign_by(&mut self, signing: Option<SigningKey>) {
        self.signing = signing;
    }

    /// Serves subscribers at these sockets.
    pub(crate) fn serve(&mut self, sockets: Vec<SendSocket>, server: SubscribeServer<SocketAddr>) {
        let first = self.sockets.len();
        self.sockets.extend(sockets);
        self.served = Some(Served::new(first..self.sockets.len(), server));
    }

    /// Describes what is sent to the destination that is added next, once there is a frame.
    pub(crate) fn describe_by(&mut self, sdp: Option<Sdp>) {
        self.sdp = sdp;
    }

    /// Other handles to the sockets, in their order, to wait for what comes back; and to what else there is to
    /// [`receive`](Self::receive). They are to be asked for again when there are [more](Self::has_grown).
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn sockets(&mut self) -> io::Result<Vec<OwnedFd>> {
        self.has_grown = false;
        let others = [self.changes.as_fd(), self.bell.as_fd()];
        let all = self.sockets.iter().map(AsFd::as_fd).chain(others);
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

    /// A stream begins; that of a subscriber goes out by a socket of its `own`.
    fn begin(&mut self, socket: usize, own: Option<SendSocket>, route: Route, stats: &Stats) {
        let mut listed = stats::DestinationCounters::new(&route, own.is_some());
        listed.strangers = self.sockets[socket].strangers();
        stats.lock().destinations.push(listed);
        let viewer = own.is_some().then(|| route.to());
        let seal = self.keyed.as_ref().and_then(|keyed| keyed.stream(viewer));
        let (destination, now) = (self.streams.open(socket, route, self.pushed), Instant::now());
        let mut destination = destination.with_seal(seal);
        destination.tell(self.source, now);
        self.destinations.push(destination.with_own(own));
        self.due_times.add(now);
        self.budgets_changed = true;
    }

    /// Ends all streams: what was given to them still goes out, and then a goodbye. Nobody is let in any more, whose
    /// stream nothing would end.
    pub(crate) fn close(&mut self) {
        self.served.iter_mut().for_each(Served::shut);
        self.awaited.clear();
        self.destinations.iter_mut().for_each(|destination| destination.stream.close());
        self.due_times.set_all(Instant::now());
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

/// Frames that wait, and are sent to several destinations, at once.
const FRAMES_JOINED: usize = 8;
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
