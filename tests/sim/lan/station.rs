//! A sender on the LAN, and the network before it.

use std::time::{Duration, Instant};

use proto::keys::SEALED_BYTES;
use proto::netem::{Impairment, Netem};
use proto::{Clock, Fec, Follow, FrameId, MediaTime, Pace, SendConfig, SendStats, SendStream, SessionId};

use super::clockwork::{Clockwork, Skew};
use super::keyring::{Lock, RunKeys};
use super::{Address, MTU};

/// How a sender is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Its network, which everything that it sends goes through; see [`Impairment`].
    pub(crate) network: String,
    /// The receiver that it sends to; all of them if `None`.
    pub(crate) to: Option<usize>,
    /// How it paces.
    pub(crate) pace: Pace,
    /// How far its frames are apart, if it knows.
    pub(crate) interval: Option<Duration>,
    /// Its largest datagram.
    pub(crate) datagram_bytes: usize,
    /// The number of its first frame.
    pub(crate) first: u32,
    /// How much parity it sends.
    pub(crate) fec: Fec,
    /// Whether it sends again what is asked for.
    pub(crate) resend: bool,
    /// Its clock.
    pub(crate) clock: Skew,
    /// In how many parts its frames come, and how far these are apart.
    pub(crate) parts: u8,
    pub(crate) apart: Duration,
}

impl Default for Setup {
    /// One that sends to the first receiver at once, with nothing that repairs.
    fn default() -> Self {
        Self {
            network: String::new(),
            to: Some(0),
            pace: Pace::Off,
            interval: None,
            datagram_bytes: MTU - 28,
            first: 0,
            fec: Fec::Off,
            resend: false,
            clock: Skew::default(),
            parts: 1,
            apart: Duration::ZERO,
        }
    }
}

/// A sender and its network; its place in the list is its address.
pub(super) struct Station {
    pub(super) setup: Setup,
    pub(super) stream: SendStream<Address>,
    pub(super) session: SessionId,
    /// When the stream wants to be polled, by its own clock.
    pub(super) wakes: Option<Instant>,
    pub(super) clock: Clockwork,
    pub(super) media: Clock,
    /// What goes out, and to whom if that is not the destination.
    pub(super) network: Netem<Option<Address>>,
    /// What its sessions before this one counted.
    pub(super) past: SendStats,
    /// It was unplugged.
    pub(super) gone: bool,
    pub(super) lock: Lock<RunKeys>,
}

impl Station {
    pub(super) fn new(
        setup: Setup,
        session: SessionId,
        keys: Option<RunKeys>,
        begin: Instant,
        now: Instant,
    ) -> Self {
        let impairment: Impairment = setup.network.parse().expect("a network");
        let clock = Clockwork::new(begin, setup.clock);
        let media = Clock::new(clock.local(begin), MediaTime::from_micros(EPOCH));
        let local = clock.local(now);
        let stream = start(&setup, session, keys.is_some(), media, local);
        Self {
            setup,
            stream,
            session,
            wakes: Some(local),
            clock,
            media,
            network: Netem::new(impairment),
            past: SendStats::default(),
            gone: false,
            lock: Lock::new(keys),
        }
    }

    /// Ends the stream as it is, and begins another.
    pub(super) fn restart(&mut self, session: SessionId, keys: Option<RunKeys>, now: Instant) {
        self.past = sum(&self.past, self.stream.stats());
        let local = self.clock.local(now);
        self.stream = start(&self.setup, session, keys.is_some(), self.media, local);
        self.lock.change(keys);
        (self.session, self.wakes) = (session, Some(local));
    }

    /// The sender's time, which travels, at a true moment.
    pub(super) fn media_time(&self, now: Instant) -> MediaTime {
        self.media.at(self.clock.local(now))
    }

    /// When something is to be done here.
    pub(super) fn next(&self) -> Option<Instant> {
        let wakes = self.wakes.map(|wakes| self.clock.truth(wakes));
        [wakes, self.network.next_due()].into_iter().flatten().min()
    }

    /// The longest datagram that it may seal, or send as it is.
    pub(super) fn longest(&self) -> usize {
        self.setup.datagram_bytes - seal_bytes(self.lock.keys().is_some())
    }

    /// What all its sessions counted.
    pub(super) fn stats(&self) -> SendStats {
        sum(&self.past, self.stream.stats())
    }
}

fn start(
    setup: &Setup,
    session: SessionId,
    is_keyed: bool,
    media: Clock,
    now: Instant,
) -> SendStream<Address> {
    let config = SendConfig {
        datagram_bytes: setup.datagram_bytes,
        overhead_bytes: super::WIRE_OVERHEAD as usize,
        seal_bytes: seal_bytes(is_keyed),
        pace: setup.pace,
        interval: setup.interval,
        name: format!("station {session}"),
        is_group: setup.to.is_none(),
        fec: setup.fec,
        resend: setup.resend,
        follow: Follow::Slowest,
        ..SendConfig::new(session, [session.get() as u8; 16])
    };
    let mut stream = SendStream::new(config, media, now);
    stream.set_next_frame(FrameId::new(setup.first));
    stream
}

/// By how much sealing makes a datagram longer.
fn seal_bytes(is_keyed: bool) -> usize {
    if is_keyed { SEALED_BYTES } else { 0 }
}

pub(super) fn sum(a: &SendStats, b: &SendStats) -> SendStats {
    let (f, g) = (a.feedback, b.feedback);
    SendStats {
        pushed: a.pushed + b.pushed,
        sent: a.sent + b.sent,
        superseded: a.superseded + b.superseded,
        refused: a.refused + b.refused,
        thinned: a.thinned + b.thinned,
        data: a.data + b.data,
        parity: a.parity + b.parity,
        resent: a.resent + b.resent,
        bytes: a.bytes + b.bytes,
        feedback: proto::FeedbackCounts {
            accepted: f.accepted + g.accepted,
            unproven: f.unproven + g.unproven,
            too_much: f.too_much + g.too_much,
            foreign: f.foreign + g.foreign,
            malformed: f.malformed + g.malformed,
        },
    }
}

/// When simulations begin, on the senders' clocks.
const EPOCH: u64 = 1_700_000_000_000_000;
