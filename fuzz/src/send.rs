//! A serving sender among viewers that report, request, subscribe and leave as they like. No reply is longer than what
//! it replies to, retransmissions keep within their budget, and all that is sent can be read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::wire::{self, Body, Datagram, HEADER_BYTES, Header, Kind, SourceState};
use proto::{
    Decision, Fec, Follow, FrameId, FramePart, MediaTime, Pace, SendConfig, SendOutput, SendStream,
    SessionId, SubscribeServer,
};

use super::Bytes;
use super::datagrams::{SECRET, apart, content, mutate, seal, sender_clock, set_length};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut scene = Scene::new(bytes.u8());
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            return;
        }
        let op = bytes.u8();
        scene.step(op, &mut bytes);
        scene.drain(op);
        scene.check();
    }
}

struct Scene {
    now: Instant,
    send: SendStream<u8>,
    server: SubscribeServer<u8>,
    /// What each viewer was told is its token.
    tokens: BTreeMap<u8, [u8; 8]>,
    /// Bytes of each viewer, and to it.
    asked: BTreeMap<u8, u64>,
    answered: BTreeMap<u8, u64>,
    newest: u32,
    /// Bytes of frames, and of their parts that were sent again.
    first_time: u64,
    again: u64,
}

impl Scene {
    fn new(flags: u8) -> Self {
        let start = Instant::now() + Duration::from_secs(10);
        let config = SendConfig {
            pace: [Pace::Off, Pace::Auto, Pace::Rate(5e6), Pace::Rate(1e9)][usize::from(flags >> 1 & 3)],
            fec: [Fec::Auto, Fec::Off, Fec::Percent(50), Fec::Auto][usize::from(flags >> 3 & 3)],
            datagram_bytes: [200, 1472, 90, 700][usize::from(flags >> 5 & 3)],
            is_group: flags & 1 != 0,
            name: "door".into(),
            interval: Some(Duration::from_millis(33)),
            max_bitrate: (flags & 128 != 0).then_some(2e6),
            follow: if flags & 16 != 0 { Follow::Percentile(50) } else { Follow::Slowest },
            ..SendConfig::new(SessionId::new(SESSION), SECRET)
        };
        let clock = sender_clock(start);
        Self {
            now: start,
            send: SendStream::new(config, clock, start),
            server: SubscribeServer::new(SessionId::new(SESSION), SECRET, MOST_VIEWERS, clock),
            tokens: BTreeMap::new(),
            asked: BTreeMap::new(),
            answered: BTreeMap::new(),
            newest: 0,
            first_time: 0,
            again: 0,
        }
    }

    fn step(&mut self, op: u8, bytes: &mut Bytes<'_>) {
        let who = op >> 5 & 3;
        match op % 8 {
            0 => self.now += bytes.step(),
            1 => {
                let length = 1 + usize::from(bytes.u16()) % 9000;
                // Frames of several parts are large, and some of them are never whole.
                let parts = if op & 0x18 == 0x18 { 2 + who } else { 1 };
                let most = if bytes.u8() < 240 { parts } else { 1 };
                let each = if parts > 1 { LARGE_PART + length } else { length };
                let captured = MediaTime::from_micros(op.into());
                for part in 0..most {
                    let (buffer, range) = (Arc::new(content(each, op)), 0..each);
                    let signature = None;
                    let part = FramePart { captured, part, parts, buffer, range, signature };
                    self.send.push_part(part, self.now);
                    self.drain(op);
                }
                self.newest += 1;
            }
            2 => {
                let mut ping = self.says(who, Kind::Ping, SESSION, 0, TAKES_PARTS * u16::from(who > 0));
                ping.extend_from_slice(&[0; 16]);
                set_length(&mut ping);
                self.hear(who, ping);
            }
            3 | 4 => {
                let report = self.report(who, op, bytes);
                self.hear(who, report);
            }
            5 | 6 => {
                let request = self.request(who, op, bytes);
                self.hear(who, request);
            }
            _ => match bytes.u8() % 5 {
                0 => self.send.set_state(SourceState::Gone, self.now),
                1 => self.send.set_datagram_bytes(41 + bytes.below(2000)),
                2 => self.send.close(),
                3 => drop(self.send.frame_budget()),
                _ => self.subscribe(who, bytes),
            },
        }
    }

    /// The beginning of a viewer's datagram: the header and its token.
    fn says(&self, who: u8, kind: Kind, session: u64, frame: u32, index: u16) -> Vec<u8> {
        let (session, frame) = (SessionId::new(session), FrameId::new(frame));
        let part = if kind == Kind::Resend { self.newest as u8 & 3 } else { 0 };
        let header =
            Header { index, part, ..Header::control(kind, session, frame, MediaTime::from_micros(5)) };
        let mut datagram = vec![0; HEADER_BYTES];
        wire::emit(&header, &mut datagram);
        datagram.extend_from_slice(&self.tokens.get(&who).copied().unwrap_or_default());
        datagram
    }

    fn report(&self, who: u8, op: u8, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let frame = self.newest.wrapping_sub((bytes.u8() & 7).into());
        let takes_parts = TAKES_PARTS * u16::from(who > 0);
        let mut report = self.says(who, Kind::Report, SESSION, frame, takes_parts | u16::from(op & 64 != 0));
        let some = |bytes: &mut Bytes<'_>| {
            if bytes.u8() > 250 { bytes.u16() } else { bytes.u8().into() }.to_be_bytes()
        };
        for _ in 0..9 {
            let count = match bytes.u8() {
                255 => u32::MAX,
                254 => bytes.u32(),
                n => u32::from(n) * 3,
            };
            report.extend_from_slice(&count.to_be_bytes());
        }
        let trains = bytes.below(18) as u16;
        report.extend_from_slice(&trains.to_be_bytes());
        for _ in 0..trains {
            let frame = self.newest.wrapping_sub((bytes.u8() & 15).into());
            report.extend_from_slice(&frame.to_be_bytes());
            report.extend_from_slice(&[some(bytes), some(bytes)].concat());
            let span = match bytes.u8() {
                255 => u32::MAX,
                n => u32::from(n) * 100,
            };
            report.extend_from_slice(&span.to_be_bytes());
            report.extend_from_slice(&[some(bytes), some(bytes)].concat());
        }
        set_length(&mut report);
        report
    }

    fn request(&self, who: u8, op: u8, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let back = u32::from(bytes.u8() & 15);
        let frame = self.newest.wrapping_sub(back).wrapping_add((op & 64 != 0).into());
        let mut request = self.says(who, Kind::Resend, SESSION, frame, 0);
        let needed = if bytes.u8() > 240 { bytes.u16() } else { bytes.u8().into() };
        request.extend_from_slice(&needed.to_be_bytes());
        let ranges = bytes.below(66) as u16;
        request.extend_from_slice(&ranges.to_be_bytes());
        let mut at = 0_u16;
        for _ in 0..ranges {
            at = at.wrapping_add((bytes.u8() & 31).into());
            let count = u16::from(bytes.u8() & 63) + 1;
            request.extend_from_slice(&at.to_be_bytes());
            request.extend_from_slice(&count.to_be_bytes());
            at = at.wrapping_add(count);
        }
        set_length(&mut request);
        if op & 128 != 0 {
            mutate(bytes, &mut request);
        }
        request
    }

    fn hear(&mut self, who: u8, mut datagram: Vec<u8>) {
        seal(&mut datagram);
        *self.asked.entry(who).or_default() += datagram.len() as u64;
        self.send.handle_datagram(who, &datagram, self.now);
    }

    fn subscribe(&mut self, who: u8, bytes: &mut Bytes<'_>) {
        let mut subscribe = self.says(who, Kind::Subscribe, u64::MAX, 0, 0);
        subscribe.push(bytes.u8() & 1);
        subscribe.extend_from_slice(&[0; 7]);
        set_length(&mut subscribe);
        mutate(bytes, &mut subscribe);
        seal(&mut subscribe);
        if let Some(Decision::Reply(reply)) = self.server.handle_datagram(who, &subscribe, self.now) {
            assert!(reply.len() <= subscribe.len(), "a reply has no more bytes than the subscribe");
        }
        while self.server.next_gone(self.now).is_some() {}
        assert!(self.server.viewers() <= MOST_VIEWERS);
        let _ = self.server.next_due();
    }

    fn drain(&mut self, op: u8) {
        for _ in 0..20_000 {
            match self.send.poll(self.now) {
                SendOutput::Wait(until) => match until {
                    // Sometimes it is waited for, so that a frame gets its time.
                    Some(until) if op & 16 == 0 && until > self.now && until < self.now + SOON => {
                        self.now = until;
                    }
                    _ => return,
                },
                SendOutput::Event(_) => {}
                SendOutput::Transmit(sent) => {
                    assert!(!sent.bytes.is_empty() && sent.segment > 0);
                    let (to, datagrams) = (sent.to, apart(sent.bytes, sent.segment).collect::<Vec<_>>());
                    datagrams.iter().for_each(|datagram| self.count(to, datagram));
                }
            }
        }
        panic!("it never waits");
    }

    fn count(&mut self, to: Option<u8>, datagram: &[u8]) {
        let length = datagram.len() as u64;
        let read = Datagram::parse(datagram).expect("what is sent can be read");
        match (to, read.body) {
            (Some(to), body) => {
                *self.answered.entry(to).or_default() += length;
                if let (Body::Pong(_), Some(token)) = (body, datagram[HEADER_BYTES..].first_chunk()) {
                    self.tokens.insert(to, *token);
                }
            }
            (None, Body::Data { again: true, .. }) => self.again += length,
            (None, Body::Data { .. } | Body::Parity { .. }) => self.first_time += length,
            (None, _) => {}
        }
    }

    fn check(&self) {
        for (who, answered) in &self.answered {
            let asked = self.asked.get(who).copied().unwrap_or_default();
            assert!(*answered <= asked, "{who} got {answered} bytes for {asked}");
        }
        // Half of the stream, and what is saved up.
        let most = self.first_time / 2 + SAVED_UP;
        assert!(self.again <= most, "{} bytes again of {}", self.again, self.first_time);
        assert!(self.send.viewers().count() <= 1024);
    }
}

const SESSION: u64 = 1;
const MOST_VIEWERS: usize = 2;
const MOST_STEPS: usize = 400;
const SOON: Duration = Duration::from_millis(3);
/// In a ping or report.
const TAKES_PARTS: u16 = 2;
/// Enough that it goes by itself.
const LARGE_PART: usize = 16 << 10;
/// What may be sent again before the stream has begun, with some air.
const SAVED_UP: u64 = 500_000;
