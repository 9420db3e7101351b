//! A LAN in memory: senders, bad networks and receivers, each with a clock of its own, in one virtual time.
//!
//! Nothing sleeps: time jumps to the next wake-up or arrival. Every run is watched (see [`ledger`] and [`watch`]), and
//! what is found wrong is said with the networks' description, seeds included.
#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

mod agenda;
mod clockwork;
pub(crate) mod forge;
mod keyring;
mod ledger;
mod look;
mod monitor;
mod outcome;
mod receiver;
mod scenario;
mod station;
mod steps;
mod traffic;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proto::keys::Refusal;
use proto::{Frame, FramePart, MediaTime, RecvConfig, SessionId};

use agenda::{Agenda, Node};
pub(crate) use clockwork::Skew;
use keyring::{Keyring, Lock};
pub(crate) use keyring::{Seen, Tap};
use ledger::Ledger;
pub(crate) use outcome::Outcome;
use receiver::Receiver;
pub(crate) use receiver::ReceiverSetup;
pub(crate) use scenario::{Means, Scenario};
pub(crate) use station::Setup;
use station::Station;
pub(crate) use traffic::Traffic;
use traffic::WIRE_OVERHEAD;

/// What a sender tells receivers apart by: a receiver's number, or any other for an address without one.
pub(crate) type Address = usize;

/// A frame in so many parts, of which none is without bytes.
pub(crate) fn in_parts(frame: Frame, parts: u8) -> impl Iterator<Item = FramePart> {
    let length = frame.jpeg.len();
    let parts = parts.min(u8::try_from(length).unwrap_or(u8::MAX)).max(1);
    let cut = move |part: u8| length * usize::from(part) / usize::from(parts);
    (0..parts).map(move |part| FramePart {
        captured: frame.captured,
        part,
        parts,
        buffer: frame.jpeg.clone(),
        range: cut(part)..cut(part + 1),
        signature: None,
    })
}

/// Senders and receivers, and the networks between them.
///
/// What a sender sends goes through its own network, and then through that of each receiver that it is for. What a
/// receiver sends goes back through its other network.
pub(crate) struct Lan {
    begin: Instant,
    now: Instant,
    stations: Vec<Station>,
    receivers: Vec<Receiver>,
    agenda: Agenda,
    ledger: Ledger,
    /// What was sent last to each address that no receiver has.
    mail: BTreeMap<Address, Vec<u8>>,
    sessions: u64,
    keyring: Option<Keyring>,
    tap: Option<Tap>,
}

impl Lan {
    /// A LAN on which there is only one receiver, with nothing wrong around it.
    pub(crate) fn new(config: RecvConfig) -> Self {
        Self::with(&[ReceiverSetup { config, ..ReceiverSetup::default() }])
    }

    /// A LAN on which there are only receivers.
    #[allow(clippy::disallowed_methods, reason = "some instant to count from; nothing depends on which")]
    pub(crate) fn with(setups: &[ReceiverSetup]) -> Self {
        let begin = Instant::now();
        let mut ledger = Ledger::default();
        for setup in
            setups.iter().filter(|setup| !(setup.network.is_empty() && setup.back.is_empty())).take(3)
        {
            ledger.describe(&format!("to a receiver {}, back {}", setup.network, setup.back));
        }
        Self {
            begin,
            now: begin,
            stations: Vec::new(),
            receivers: setups.iter().map(|setup| Receiver::new(setup, begin)).collect(),
            agenda: Agenda::default(),
            ledger,
            mail: BTreeMap::new(),
            sessions: 0,
            keyring: None,
            tap: None,
        }
    }

    /// The same LAN, on which everybody has a key and nothing goes unsealed: receivers have what their senders sealed
    /// for all, or, if they subscribe, for them.
    pub(crate) fn keyed(mut self, seed: u64) -> Self {
        assert!(self.stations.is_empty(), "before there are senders");
        self.ledger.describe(&format!("keyed, {seed}"));
        let mut keyring = Keyring::new(seed);
        for receiver in &mut self.receivers {
            receiver.lock = Lock::new(Some(keyring.receiver(receiver.subscribes)));
        }
        self.keyring = Some(keyring);
        self
    }

    /// Has everything shown to somebody, from now on, that is sealed.
    pub(crate) fn tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// Adds a sender; returns its number.
    pub(crate) fn add(&mut self, setup: Setup) -> usize {
        let Setup { network, pace, fec, resend, .. } = &setup;
        self.ledger.describe(&format!("{network}, {pace:?}, {fec:?}, resend {resend}"));
        let session = self.next_session();
        let keys = self.keyring.as_mut().map(|keyring| keyring.run(session, setup.to));
        self.stations.push(Station::new(setup, session, keys, self.begin, self.now));
        let at = self.stations.len() - 1;
        self.poke(Node::Station(at));
        at
    }

    /// Kills a sender and starts it again at the same address, as soon as a program can be started again.
    pub(crate) fn kill_and_restart(&mut self, at: usize) {
        self.unplug(at);
        self.run_for(proto::QUIET);
        self.stations[at].gone = false;
        self.restart(at);
    }

    /// Ends a sender without a goodbye and starts it again at the same address.
    pub(crate) fn restart(&mut self, at: usize) {
        self.ledger.abandon(self.stations[at].session);
        let session = self.next_session();
        let keys = self.keyring.as_mut().map(|keyring| keyring.run(session, self.stations[at].setup.to));
        self.stations[at].restart(session, keys, self.now);
        self.poke(Node::Station(at));
    }

    /// Ends a sender without a goodbye: from now on it is silent.
    pub(crate) fn unplug(&mut self, at: usize) {
        let station = &mut self.stations[at];
        self.ledger.abandon(station.session);
        (station.gone, station.wakes) = (true, None);
    }

    /// Gives a sender a frame of `bytes` bytes that no other frame is like; returns when it was captured.
    pub(crate) fn push(&mut self, at: usize, bytes: usize) -> MediaTime {
        let station = &mut self.stations[at];
        let captured = station.media_time(self.now);
        let frame = self.ledger.make(station.session, bytes, captured, self.now);
        let (parts, apart) = (station.setup.parts, station.setup.apart);
        for part in in_parts(frame, parts) {
            let is_last = part.is_last();
            let station = &mut self.stations[at];
            station.stream.push_part(part, station.clock.local(self.now));
            self.poke(Node::Station(at));
            if !is_last && apart > Duration::ZERO {
                self.run_for(apart);
            }
        }
        captured
    }

    /// Gives a sender frames of `bytes` bytes for `time`, one every `interval`.
    pub(crate) fn stream(&mut self, at: usize, bytes: usize, interval: Duration, time: Duration) {
        for _ in 0..time.as_nanos() / interval.as_nanos() {
            self.push(at, bytes);
            self.run_for(interval);
        }
    }

    /// Counts the latencies of frames that are pushed from now on, and no others.
    pub(crate) fn measure_from_now(&mut self) {
        self.ledger.measured_from = Some(self.now);
        self.receivers.iter_mut().for_each(|receiver| receiver.monitor.forget_latencies());
    }

    /// Hands a sender a datagram, said to come from `from`.
    pub(crate) fn inject(&mut self, at: usize, from: Address, datagram: &[u8]) {
        self.feed_back(at, from, &mut datagram.to_vec());
        self.settle();
    }

    /// Hands a receiver a datagram, said to come from a sender; it has to be refused.
    pub(crate) fn throw(&mut self, at: usize, from: usize, datagram: &[u8]) -> Refusal {
        let receiver = &mut self.receivers[at];
        let local = receiver.clock.local(self.now);
        let opened = receiver.lock.open(&mut datagram.to_vec(), local).map(|_| ());
        opened.expect_err(&format!("{}: from {from}, {datagram:x?}", self.ledger))
    }

    /// Lets time pass: everything that is due in it happens at its instant.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.agenda.next().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// Lets time pass in which nobody is awake, as when computers are suspended.
    pub(crate) fn jump(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    /// Closes every sender, runs until nothing more happens, and checks that everything has ended.
    pub(crate) fn finish(mut self) -> Outcome {
        for at in 0..self.stations.len() {
            self.stations[at].stream.close();
            self.poke(Node::Station(at));
        }
        while let Some(next) = self.agenda.next() {
            self.now = next.max(self.now);
            self.settle();
        }
        for at in 0..self.receivers.len() {
            self.receivers[at].stream.close();
            self.drain_receiver(at);
        }
        Outcome::new(self.stations, self.receivers, &self.ledger)
    }

    fn next_session(&mut self) -> SessionId {
        self.sessions += 1;
        SessionId::new(self.sessions)
    }
}

/// Ethernet's.
pub(crate) const MTU: usize = 1500;
