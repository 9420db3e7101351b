//! One peer in a virtual time, and the lines that hold its input and what it did.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::wire::{Datagram, Kind, SourceState};
use proto::{
    Clock, Decision, Fec, Frame, MediaTime, Pace, RecvConfig, RecvEvent, RecvOutput, RecvStream, RepairedBy,
    SendConfig, SendEvent, SendOutput, SendStream, SessionId, SubscribeOutput, SubscribeServer,
    SubscribeState, Subscriber,
};

use crate::file::{self, Input, Line, What};

/// Media time at time 0 of a sequence.
pub(crate) const MEDIA_TIME: u64 = 1_700_000_000_000_000;
/// What a sender under test makes its tokens with.
const SECRET: [u8; 16] = [7; 16];

/// One peer, and its transcript so far.
pub(crate) struct Run {
    peer: Peer,
    t0: Instant,
    /// All that is due up to here is done.
    now: u64,
    pub(crate) lines: Vec<Line>,
    /// What it sent last.
    last: Vec<u8>,
    /// What a server replies.
    reply: Option<(char, Vec<u8>)>,
    /// Whether pings that are sent now may come at other times, as chance has it; and how often and when they may.
    pub(crate) pings_are_spread: bool,
    histogram: Option<(u32, u64, u64)>,
}

enum Peer {
    Receiver(Box<RecvStream<char>>),
    Sender(Box<SendStream<char>>),
    SubscribeServer(SubscribeServer<char>),
    Subscriber(Subscriber, SubscribeState),
}

impl Run {
    /// A peer as the head of a file describes it.
    #[allow(clippy::disallowed_methods, reason = "some instant to count from")]
    pub(crate) fn new(head: &str) -> Self {
        let t0 = Instant::now();
        let clock = Clock::new(t0, MediaTime::from_micros(MEDIA_TIME));
        let get = |key| file::get(head, key);
        let session = || SessionId::new(u64::from_str_radix(get("session").unwrap(), 16).unwrap());
        let peer = match get("peer").unwrap() {
            "receiver" => Peer::Receiver(Box::new(RecvStream::new(RecvConfig::default()))),
            "sender" => {
                let config = SendConfig {
                    pace: Pace::Off,
                    fec: get("parity").unwrap().parse::<Fec>().unwrap(),
                    name: get("name").unwrap().into(),
                    is_group: get("group") == Some("yes"),
                    datagram_bytes: get("largest datagram").unwrap().parse().unwrap(),
                    ..SendConfig::new(session(), SECRET)
                };
                Peer::Sender(Box::new(SendStream::new(config, clock, t0)))
            }
            "server" => Peer::SubscribeServer(SubscribeServer::new(
                session(),
                SECRET,
                get("places").unwrap().parse().unwrap(),
                clock,
            )),
            "subscriber" => Peer::Subscriber(Subscriber::new(t0), SubscribeState::Subscribing),
            other => panic!("there is no peer {other}"),
        };
        let mut run = Self {
            peer,
            t0,
            now: 0,
            lines: Vec::new(),
            last: Vec::new(),
            reply: None,
            pings_are_spread: false,
            histogram: None,
        };
        run.drain(true);
        run
    }

    /// Gives it an input, after all that is due before.
    pub(crate) fn take(&mut self, input: &Input) {
        self.wait(input.time);
        // A receiver reads all that has come before it judges what is missing.
        let is_read_later = matches!(self.peer, Peer::Receiver(_));
        let end = self.feed(&input.what);
        self.lines.push(Line::taken(input, end));
        self.drain(!is_read_later);
    }

    /// Lets time pass, and does what is due before `time`.
    pub(crate) fn wait(&mut self, time: u64) {
        if time == self.now {
            return;
        }
        while let Some(due) = self.drain(true).filter(|due| *due < time) {
            self.now = due.max(self.now + 1);
            if let Peer::Receiver(stream) = &mut self.peer {
                stream.handle_timeout(self.t0 + Duration::from_micros(self.now));
            }
        }
        self.now = time;
    }

    /// The token in what it sent last.
    pub(crate) fn token(&self) -> [u8; 8] {
        self.last[40..48].try_into().unwrap()
    }

    /// When it sent its last datagram of this kind.
    pub(crate) fn sent(&self, kind: Kind) -> u64 {
        let is_it = |line: &&Line| line.sent().is_some_and(|bytes| kind_of(&bytes) == Some(kind));
        self.lines.iter().rev().find(is_it).unwrap_or_else(|| panic!("no {kind:?} was sent")).time()
    }

    fn feed(&mut self, what: &What) -> String {
        let now = self.t0 + Duration::from_micros(self.now);
        match (&mut self.peer, what) {
            (Peer::Receiver(stream), What::Datagram(from, bytes)) => {
                let outcome = stream.handle_datagram(*from, &mut bytes.clone(), now);
                snake(&format!("{outcome:?}"))
            }
            (Peer::Sender(stream), What::Datagram(from, bytes)) => {
                snake(&format!("{:?}", stream.handle_datagram(*from, bytes, now)))
            }
            (Peer::Sender(stream), What::Frame(captured, bytes)) => {
                let captured = MediaTime::from_micros(*captured);
                stream.push_frame(Frame { captured, jpeg: Arc::new(bytes.clone()), signature: None }, now);
                String::new()
            }
            (Peer::Sender(stream), What::State(is_live)) => {
                stream.set_state(if *is_live { SourceState::Live } else { SourceState::Gone }, now);
                String::new()
            }
            (Peer::Sender(stream), What::End) => {
                stream.close();
                String::new()
            }
            (Peer::SubscribeServer(server), What::Datagram(from, bytes)) => {
                let before = *server.counts();
                if let Some(Decision::Reply(bytes)) = server.handle_datagram(*from, bytes, now) {
                    self.reply = Some((*from, bytes.to_vec()));
                }
                let after = *server.counts();
                let ends = [
                    ("unproven", after.unproven > before.unproven),
                    ("welcomed", after.welcomed > before.welcomed),
                    ("stayed", after.stayed > before.stayed),
                    ("left", after.left > before.left),
                    ("full", after.full > before.full),
                    ("malformed", after.malformed > before.malformed),
                ];
                ends.iter().find(|(_, is_it)| *is_it).map_or("nothing", |(name, _)| name).into()
            }
            (Peer::Subscriber(subscriber, _), What::Datagram(_, bytes)) => {
                let is_reply = subscriber.handle_datagram(bytes, now);
                if !is_reply {
                    subscriber.heard(now);
                }
                if is_reply { "reply" } else { "stream" }.into()
            }
            (Peer::Subscriber(subscriber, _), What::End) => {
                subscriber.leave();
                String::new()
            }
            (_, What::Nothing) => String::new(),
            _ => panic!("this peer does not take that"),
        }
    }

    /// Writes down all that it does now; returns when it is due again. Unless `all`, a receiver only has its events
    /// taken.
    fn drain(&mut self, all: bool) -> Option<u64> {
        let now = self.t0 + Duration::from_micros(self.now);
        let mut did = Vec::new();
        let until = match &mut self.peer {
            Peer::Receiver(stream) if !all => {
                while let Some(event) = stream.next_event() {
                    did.push(received(event));
                }
                None
            }
            Peer::Receiver(stream) => loop {
                match stream.poll(now) {
                    RecvOutput::Event(event) => did.push(received(event)),
                    RecvOutput::Transmit { to, bytes } => did.push(sends(to, bytes)),
                    RecvOutput::Wait(until) => break until,
                }
            },
            Peer::Sender(stream) => loop {
                match stream.poll(now) {
                    SendOutput::Event(event) => did.extend(sent(&event)),
                    SendOutput::Transmit(transmit) => {
                        let to = transmit.to.unwrap_or('*');
                        did.extend(transmit.bytes.chunks(transmit.segment).map(|bytes| sends(to, bytes)));
                    }
                    SendOutput::Wait(until) => break until,
                }
            },
            Peer::SubscribeServer(server) => {
                did.extend(self.reply.take().map(|(to, bytes)| sends(to, &bytes)));
                while let Some(gone) = server.next_gone(now) {
                    did.push(format!("gone {gone}"));
                }
                server.next_due()
            }
            Peer::Subscriber(subscriber, state) => loop {
                match subscriber.poll(now) {
                    SubscribeOutput::Transmit(bytes) => did.push(sends('*', bytes)),
                    SubscribeOutput::Wait(until) => {
                        if std::mem::replace(state, subscriber.state()) != subscriber.state() {
                            did.push(snake(&format!("{:?}", subscriber.state())));
                        }
                        break until;
                    }
                }
            },
        };
        for did in did {
            let mut line = Line::did(self.now, did);
            if let Some(bytes) = line.sent() {
                line.within = self.may_be_sent(&bytes);
                self.last = bytes;
            }
            self.lines.push(line);
        }
        // Rounded up: what is due within a microsecond is not due before it.
        until.map(|until| until.saturating_duration_since(self.t0).as_nanos().div_ceil(1000) as u64)
    }
}

fn received(event: RecvEvent<char>) -> String {
    match event {
        RecvEvent::Session { source, session } => format!("session {source} {session}"),
        RecvEvent::Moved { source } => format!("moved {source}"),
        RecvEvent::Hello { name, state, .. } => format!("hello {} {name}", snake(&format!("{state:?}"))),
        RecvEvent::Goodbye => "goodbye".into(),
        RecvEvent::Contested { source, what } => {
            format!("contested {source} {}", snake(&format!("{what:?}")))
        }
        RecvEvent::Part(part) => format!("part {} of {}", part.id, part.parts),
        RecvEvent::Delivered(delivery) => {
            let by = match delivery.repair {
                None => "",
                Some(RepairedBy::Parity) => "repaired ",
                Some(RepairedBy::Retransmission) => "resent ",
            };
            format!("delivered {} {by}{}", delivery.id.get(), file::hex(&delivery.frame.jpeg))
        }
        RecvEvent::Lost(loss) => {
            format!("lost {} {}", loss.frame.get(), snake(&format!("{:?}", loss.reason)))
        }
    }
}

fn sent(event: &SendEvent) -> Option<String> {
    match event {
        SendEvent::Sent { .. } => None,
        SendEvent::Superseded { captured, .. } => Some(format!("superseded {}", captured.as_micros())),
        SendEvent::Refused { captured, .. } => Some(format!("refused {}", captured.as_micros())),
    }
}

fn sends(to: char, bytes: &[u8]) -> String {
    format!("sends {to} {}", file::hex(bytes))
}

impl Run {
    /// When this may be sent: of pings that are repeated each has a random part of the time since the one before.
    fn may_be_sent(&mut self, bytes: &[u8]) -> (u64, u64) {
        if !self.pings_are_spread || kind_of(bytes) != Some(Kind::Ping) {
            return (self.now, self.now);
        }
        let (count, from, to) = self.histogram.unwrap_or((0, self.now, self.now));
        self.histogram = Some((count + 1, from + (50_000 << count), to + 2 * (50_000 << count)));
        (from, to)
    }
}

/// The kind of a datagram, if it is one.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<Kind> {
    Datagram::parse(bytes).ok().map(|datagram| datagram.header.kind)
}

/// `TooMuch` as `too_much`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
