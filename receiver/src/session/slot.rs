//! One sender's slot at a socket: its stream and its state.

mod events;
mod signed;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::RateLimiter;
use proto::keys::RefusalCounts;
use proto::wire::Token;
use proto::{DatagramCounts, Outcome, RecvEvent, RecvOutput, SessionId};

use super::frame_interval::FrameInterval;
use super::identity::{Candidate, SenderHistory, Similarity};
use super::opener::Uplink;
use super::shared::ReceiveContext;
use super::standing::Standing;
use super::stream::{ReceiveStream, StreamConfig};
use super::timeouts::{NO_PICTURE, SILENT};
use crate::feed::{Delays, Feed, Feeds, Live};
use crate::net::ReceiveSocket;
use signed::Signed;

/// Where a datagram came from, and the address of this computer that it was sent to.
pub(super) type Addresses = (SocketAddr, Option<IpAddr>);

/// A slot for one sender.
pub(super) struct SenderSlot {
    pub(super) feed: Arc<Feed>,
    stream: ReceiveStream,
    /// Who had it, one after the other.
    history: SenderHistory,
    standing: Standing,
    signed: Signed,
    /// Whether any frame of this session was a picture.
    has_pictures: bool,
    delays: Delays,
    interval: FrameInterval,
    /// When a time without its sender last began.
    silent_since: Instant,
    others: RateLimiter,
    /// What may be said of what its sender does.
    messages: RateLimiter,
    /// Datagrams that never came to the stream.
    aside: DatagramCounts,
    /// What was refused because of a key.
    refused: Option<RefusalCounts>,
    /// When the sender is to be told next what was dropped here.
    drops: RateLimiter,
    /// The address of this computer that it sends to.
    sent_to: Option<IpAddr>,
    /// When its session began.
    begun: Instant,
    /// Whether it was said that its frames go to no output.
    is_said_of_outputs: bool,
    /// When the statistics were brought up to date, and whether more was counted since.
    published: Instant,
    is_news: bool,
    /// Frames that were not decoded, and pictures that were not shown, as they were then.
    dropped: (u64, u64),
}

impl SenderSlot {
    pub(super) fn new(feed: Arc<Feed>, config: StreamConfig) -> Self {
        let now = Instant::now();
        Self {
            feed,
            stream: ReceiveStream::new(config),
            history: SenderHistory::default(),
            standing: Standing::default(),
            signed: Signed::nobody(),
            has_pictures: false,
            delays: Delays::new(),
            interval: FrameInterval::default(),
            silent_since: now,
            others: RateLimiter::new(SPEAK_EVERY),
            messages: RateLimiter::of_messages(),
            aside: DatagramCounts::default(),
            refused: None,
            drops: RateLimiter::new(NOTE_DROPS_EVERY),
            sent_to: None,
            begun: now,
            is_said_of_outputs: false,
            published: now,
            is_news: false,
            dropped: (0, 0),
        }
    }

    /// Whether it is the slot of the sender at that address.
    pub(super) fn is_of(&self, source: SocketAddr) -> bool {
        self.stream.holder().is_some_and(|(holder, _)| holder == source)
    }

    /// Where the sender that has it sends from, and its session.
    pub(super) fn holder(&self) -> Option<(SocketAddr, SessionId)> {
        self.stream.holder()
    }

    /// When a datagram of its sender last came; `None` while it is known to be silent.
    pub(super) fn heard(&self) -> Option<Instant> {
        self.stream.last_heard().filter(|heard| self.silent_since <= *heard)
    }

    /// Whether somebody has it who has had time for a picture, and has sent whatever else.
    pub(super) fn shows_nothing(&self, now: Instant) -> bool {
        !self.has_pictures && now.saturating_duration_since(self.begun) > NO_PICTURE
    }

    /// Takes it from the sender that has it.
    pub(super) fn release(&mut self, now: Instant) {
        self.stream.release(now);
    }

    /// Whether anybody may have it now.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.stream.is_free(now)
    }

    /// How similar a candidate is to the sender that has it, or had it last.
    pub(super) fn similarity(&self, candidate: &Candidate<'_>) -> Similarity {
        let held = self.stream.holder().map(|(_, session)| session);
        let is_held = candidate.session.is_some_and(|session| held == Some(session));
        if is_held { Similarity::Same } else { self.history.similarity(candidate) }
    }

    /// Takes in a datagram.
    #[inline]
    pub(super) fn take_in(
        &mut self,
        &(from, to): &Addresses,
        datagram: &mut [u8],
        arrived: Instant,
        shared: &ReceiveContext,
        now: Instant,
    ) -> Outcome {
        self.is_news = true;
        let outcome = self.stream.handle_datagram_arrived(from, datagram, arrived, now);
        if matches!(outcome, Outcome::Accepted | Outcome::Control) {
            self.sent_to = to;
        }
        while let Some(event) = self.stream.next_event() {
            if matches!(event, RecvEvent::Delivered(_)) {
                self.delays.set(self.stream.clock(now));
            }
            self.handle(event, shared, now);
        }
        outcome
    }

    /// Whether a datagram that ended so is one that this slot is there for.
    #[inline]
    pub(super) fn was_of_use(&mut self, outcome: Outcome, now: Instant) -> bool {
        let is_ours =
            matches!(outcome, Outcome::Accepted | Outcome::Control | Outcome::Spare | Outcome::Duplicate);
        is_ours && self.standing.heard(self.stream.holder(), now)
    }

    /// Who is to be heard whatever else comes: where it sends from, and its session.
    pub(super) fn favoured(&self, now: Instant) -> Option<(SocketAddr, SessionId)> {
        self.standing.favoured(now)
    }

    /// Counts a datagram that is not for the stream.
    pub(super) fn count_aside(&mut self, outcome: Outcome) {
        self.aside.add(outcome);
        self.is_news = true;
    }

    /// Notes what was refused because of a key.
    pub(super) fn set_refused(&mut self, refused: Option<RefusalCounts>) {
        self.refused = refused;
    }

    /// Notes a subscribe reply: its token is that of reports, too.
    pub(super) fn told_token(&mut self, from: SocketAddr, token: Option<Token>, now: Instant) {
        if let Some(token) = token {
            self.stream.told_token(from, token, now);
        }
        self.count_aside(Outcome::Control);
    }

    /// Sees to what happened and sends what is to be said to the sender; returns when there is more to do.
    pub(super) fn drain(
        &mut self,
        uplink: &mut Uplink<'_>,
        shared: &ReceiveContext,
        now: Instant,
    ) -> Option<Instant> {
        loop {
            match self.stream.poll(now) {
                RecvOutput::Wait(until) => return until,
                RecvOutput::Event(event) => {
                    self.is_news = true;
                    self.handle(event, shared, now);
                }
                RecvOutput::Transmit { to, bytes } => {
                    // What cannot be said now is said with the next report.
                    uplink.send(to, self.sent_to, bytes);
                }
            }
        }
    }

    /// When it has to be looked after, whatever comes.
    pub(super) fn next_look(&self) -> Option<Instant> {
        [self.heard().map(|heard| heard + SILENT), self.is_news.then(|| self.published + PUBLISH_EVERY)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Gives up what is overdue, and notices that the sender is silent.
    pub(super) fn handle_timeout(&mut self, feeds: &Feeds, now: Instant) {
        self.stream.handle_timeout(now);
        if self.heard().is_some_and(|heard| heard + SILENT <= now) {
            self.begin_silence(now);
            self.feed.live().falls_silent();
            feeds.wake();
        }
    }

    /// Has the reports say what was dropped on this computer.
    pub(super) fn note_drops(&mut self, socket: &ReceiveSocket, now: Instant) {
        if self.drops.is_due(now) {
            let (decode, display) = self.dropped;
            self.stream.set_drops(socket.kernel_dropped(), decode, display);
        }
    }

    /// Brings the statistics up to date, if they are not.
    pub(super) fn publish(&mut self) {
        if self.is_news {
            self.publish_with(Instant::now(), |_| {});
        }
    }

    /// The same, if no frame has done so lately: not at each datagram.
    pub(super) fn publish_in_time(&mut self, now: Instant) {
        if self.is_news && self.published + PUBLISH_EVERY <= now {
            self.publish_with(now, |_| {});
        }
    }

    /// Says all at once what has changed: the statistics, and what `change` says.
    fn publish_with(&mut self, now: Instant, change: impl FnOnce(&mut Live)) {
        let mut live = self.feed.live();
        change(&mut live);
        let counters = &mut live.counters;
        counters.stream = *self.stream.stats();
        counters.stream.datagrams += self.aside;
        counters.keyed = self.refused;
        self.dropped = (counters.undecoded + counters.refused, counters.unshown);
        drop(live);
        (self.published, self.is_news) = (now, false);
    }

    /// Ends the stream: frames still on their way are given up.
    pub(super) fn close(&mut self) {
        self.stream.close();
        self.is_news = true;
    }

    /// Nothing comes any more.
    pub(super) fn begin_silence(&mut self, now: Instant) {
        self.silent_since = now;
    }

    /// Says that somebody else sends here too.
    pub(super) fn speak_of_other(&mut self, from: SocketAddr, now: Instant) {
        if self.others.is_due(now) {
            tracing::warn!(
                "{from} also sends here and is not shown; give each sender a port or group of its own"
            );
        }
    }
}

/// Soon enough for the next report, whatever comes meanwhile; each frame does so, too.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// No report is sent much more often; each time costs a system call.
const NOTE_DROPS_EVERY: Duration = Duration::from_millis(100);
/// Often enough to be seen, rarely enough to be read.
const SPEAK_EVERY: Duration = Duration::from_secs(10);
