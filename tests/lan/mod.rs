//! A LAN in memory: senders, a bad network and a receiver on one virtual clock.
//!
//! Nothing sleeps: the clock jumps to the next wake-up or arrival. Every run is watched (see [`watch`]), and what it
//! finds wrong it says with the network's description, seed included.
#![allow(dead_code, reason = "each test uses a part of it")]

mod scenario;
mod watch;

use std::time::{Duration, Instant};

use proto::netem::{Impairment, Netem, NetemCounts};
use proto::{
    Buffer, Clock, Frame, FrameId, MediaTime, Pace, Random, RecvConfig, RecvOutput, RecvStats, RecvStream,
    SendConfig, SendOutput, SendStats, SendStream, SessionId,
};

pub(crate) use scenario::{Outcome, Scenario};
use watch::Watch;

/// Senders, each behind a network of its own, and the receiver that hears them all.
pub(crate) struct Lan {
    begin: Instant,
    now: Instant,
    stations: Vec<Station>,
    receiver: RecvStream<usize>,
    receiver_wakes: Option<Instant>,
    watch: Watch,
    /// Random bytes that frames are made of: no two frames share a chunk.
    matter: Vec<u8>,
    made: usize,
    sessions: u64,
}

/// A sender and its network; its place in the list is its address.
struct Station {
    setup: Setup,
    stream: SendStream,
    session: SessionId,
    wakes: Option<Instant>,
    network: Netem,
    /// What its sessions before this one counted.
    past: SendStats,
    /// It was unplugged.
    gone: bool,
}

/// How a sender is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Its network; see [`Impairment`].
    pub(crate) network: String,
    /// How it paces.
    pub(crate) pace: Pace,
    /// How far its frames are apart, if it knows.
    pub(crate) interval: Option<Duration>,
    /// Its largest datagram.
    pub(crate) datagram_bytes: usize,
    /// The number of its first frame.
    pub(crate) first: u32,
}

impl Default for Setup {
    fn default() -> Self {
        let network = String::new();
        Self { network, pace: Pace::Off, interval: None, datagram_bytes: MTU - 28, first: 0 }
    }
}

impl Lan {
    /// A LAN on which there is only the receiver.
    #[allow(clippy::disallowed_methods, reason = "some instant to count from; nothing depends on which")]
    pub(crate) fn new(config: RecvConfig) -> Self {
        let begin = Instant::now();
        Self {
            begin,
            now: begin,
            stations: Vec::new(),
            receiver: RecvStream::new(config),
            receiver_wakes: None,
            watch: Watch::default(),
            matter: Vec::new(),
            made: 0,
            sessions: 0,
        }
    }

    /// Adds a sender; returns its address.
    pub(crate) fn add(&mut self, setup: Setup) -> usize {
        let impairment: Impairment = setup.network.parse().expect("a network");
        self.watch.describe(&format!("{impairment}, {:?}", setup.pace));
        let (stream, session) = self.start(&setup);
        let station = Station {
            setup,
            stream,
            session,
            wakes: Some(self.now),
            network: Netem::new(impairment),
            past: SendStats::default(),
            gone: false,
        };
        self.stations.push(station);
        self.pump();
        self.stations.len() - 1
    }

    /// Ends a sender without a goodbye and starts it again at the same address.
    pub(crate) fn restart(&mut self, at: usize) {
        let (stream, session) = self.start(&self.stations[at].setup.clone());
        let station = &mut self.stations[at];
        station.past = sum(&station.past, station.stream.stats());
        self.watch.abandon(station.session);
        (station.stream, station.session, station.wakes) = (stream, session, Some(self.now));
        self.pump();
    }

    /// Ends a sender without a goodbye: from now on it is silent.
    pub(crate) fn unplug(&mut self, at: usize) {
        let station = &mut self.stations[at];
        self.watch.abandon(station.session);
        (station.gone, station.wakes) = (true, None);
    }

    /// Gives a sender a frame of `bytes` bytes that no other frame is like; returns when it was captured.
    pub(crate) fn push(&mut self, at: usize, bytes: usize) -> MediaTime {
        let captured = MediaTime::from_micros(EPOCH + (self.now - self.begin).as_micros() as u64);
        let from = self.made * 8;
        self.made += 1;
        if self.matter.len() < from + bytes {
            let old = self.matter.len();
            self.matter.resize((from + bytes) * 2, 0);
            let seed = old as u64;
            Random::new(seed).fill(&mut self.matter[old..]);
        }
        let frame = Frame { captured, jpeg: Buffer::new(self.matter[from..from + bytes].to_vec()) };
        let station = &mut self.stations[at];
        self.watch.pushed(station.session, &frame, self.now);
        station.stream.push_frame(frame, self.now);
        self.pump();
        captured
    }

    /// Lets time pass: everything that is due in it happens at its instant.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_instant().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.pump();
        }
        self.now = end;
    }

    /// Lets time pass in which nobody is awake, as when a computer is suspended.
    pub(crate) fn jump(&mut self, time: Duration) {
        self.now += time;
        self.pump();
    }

    /// Closes every sender, runs until nothing more happens, and checks that everything has ended.
    pub(crate) fn finish(mut self) -> Outcome {
        for station in &mut self.stations {
            station.stream.close();
        }
        self.pump();
        while let Some(next) = self.next_instant() {
            self.now = next.max(self.now);
            self.pump();
        }
        self.receiver.close();
        self.drain_receiver();
        let mut network = NetemCounts::default();
        let mut sent = SendStats::default();
        for station in &self.stations {
            add(&mut network, station.network.counts());
            sent = sum(&sum(&sent, &station.past), station.stream.stats());
        }
        self.watch.finish(&sent, self.receiver.stats(), &network);
        Outcome::new(self.watch, sent, *self.receiver.stats(), network)
    }

    /// What the receiver counted so far.
    pub(crate) fn stats(&self) -> &RecvStats {
        self.receiver.stats()
    }

    /// The session of a sender.
    pub(crate) fn session(&self, at: usize) -> SessionId {
        self.stations[at].session
    }

    /// The session that the receiver listens to, if any ever began.
    pub(crate) fn heard(&self) -> Option<SessionId> {
        self.watch.heard()
    }

    /// The numbers of the frames delivered so far, in order.
    pub(crate) fn delivered(&self) -> &[(SessionId, FrameId)] {
        self.watch.delivered()
    }

    fn start(&mut self, setup: &Setup) -> (SendStream, SessionId) {
        self.sessions += 1;
        let session = SessionId::new(self.sessions);
        let config = SendConfig {
            session,
            datagram_bytes: setup.datagram_bytes,
            overhead_bytes: 66,
            pace: setup.pace,
            interval: setup.interval,
            name: format!("station {session}"),
        };
        let clock = Clock::new(self.begin, MediaTime::from_micros(EPOCH));
        let mut stream = SendStream::new(config, clock, self.now);
        stream.set_next_frame(FrameId::new(setup.first));
        (stream, session)
    }

    fn next_instant(&self) -> Option<Instant> {
        let stations = self.stations.iter().flat_map(|station| [station.wakes, station.network.next_due()]);
        stations.chain([self.receiver_wakes]).flatten().min()
    }

    /// Does all that is due now.
    fn pump(&mut self) {
        for at in 0..self.stations.len() {
            self.drain_sender(at);
            self.deliver(at);
        }
        if self.receiver_wakes.is_some_and(|wake| wake <= self.now) {
            self.receiver.handle_timeout(self.now);
            self.drain_receiver();
            let again = self.receiver_wakes.is_some_and(|wake| wake <= self.now);
            assert!(!again, "{}: the receiver waits for the past", self.watch);
        }
    }

    fn drain_sender(&mut self, at: usize) {
        let station = &mut self.stations[at];
        if station.gone {
            return;
        }
        let mut past_waits = 0;
        loop {
            match station.stream.poll(self.now) {
                SendOutput::Transmit(transmit) => {
                    assert!(
                        transmit.segment > 0 && !transmit.bytes.is_empty(),
                        "{}: nothing to send",
                        self.watch
                    );
                    assert!(transmit.bytes.len() <= 65_487, "{}: too much for one call", self.watch);
                    let datagrams = transmit.bytes.chunks(transmit.segment);
                    assert!(datagrams.len() <= 64, "{}: too many for one call", self.watch);
                    for datagram in datagrams {
                        let longest = station.setup.datagram_bytes;
                        assert!(datagram.len() <= longest, "{}: over {longest} bytes", self.watch);
                        self.watch.transmitted(datagram);
                        station.network.push(datagram, self.now);
                    }
                }
                SendOutput::Event(event) => self.watch.sender_event(station.session, &event),
                SendOutput::Wait(until) => {
                    station.wakes = until;
                    if until.is_none_or(|until| until > self.now) {
                        return;
                    }
                    past_waits += 1;
                    assert!(past_waits < 2, "{}: a sender waits for the past", self.watch);
                }
            }
        }
    }

    fn deliver(&mut self, at: usize) {
        while let Some(datagram) = self.stations[at].network.pop(self.now) {
            let fate = self.receiver.handle_datagram(at, datagram, self.now);
            self.watch.arrived(datagram, fate);
            self.drain_receiver();
        }
    }

    fn drain_receiver(&mut self) {
        loop {
            match self.receiver.poll(self.now) {
                RecvOutput::Event(event) => self.watch.receiver_event(&event, self.now),
                RecvOutput::Wait(until) => {
                    self.receiver_wakes = until;
                    return;
                }
            }
        }
    }
}

fn sum(a: &SendStats, b: &SendStats) -> SendStats {
    SendStats {
        pushed: a.pushed + b.pushed,
        sent: a.sent + b.sent,
        superseded: a.superseded + b.superseded,
        thinned: a.thinned + b.thinned,
        refused: a.refused + b.refused,
        data: a.data + b.data,
        bytes: a.bytes + b.bytes,
    }
}

fn add(sum: &mut NetemCounts, more: NetemCounts) {
    sum.pushed += more.pushed;
    sum.lost += more.lost;
    sum.overflowed += more.overflowed;
    sum.duplicated += more.duplicated;
    sum.corrupted += more.corrupted;
    sum.reordered += more.reordered;
    sum.arrived += more.arrived;
}

/// Ethernet's.
pub(crate) const MTU: usize = 1500;

/// When simulations begin, on the senders' clocks.
const EPOCH: u64 = 1_700_000_000_000_000;
