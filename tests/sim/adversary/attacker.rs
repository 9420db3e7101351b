//! Somebody who hears all that the sender says, and sends what he likes from wherever he likes.

use std::time::Duration;

use proto::wire::{self, Body, Datagram, Header, Kind};
use proto::{FrameId, MediaTime, Random, SessionId};

use super::game::{SENDER, Source};

pub(crate) struct Attacker {
    random: Random,
    /// What was heard last of chunks, and a sample of everything.
    chunk: Option<Header>,
    next: FrameId,
    sessions: Vec<SessionId>,
    records: Vec<Vec<u8>>,
    heard: u64,
    /// What he does in this game; now and then he does something else.
    habit: u64,
}

impl Attacker {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xbad);
        let habit = random.below(2 * TRICKS);
        let (sessions, records) = (Vec::new(), Vec::new());
        Self { random, chunk: None, next: FrameId::new(0), sessions, records, heard: 0, habit }
    }

    pub(crate) fn overhear(&mut self, datagram: &[u8]) {
        let Ok(Datagram { header, body }) = Datagram::parse(datagram) else { return };
        if self.sessions.last() != Some(&header.session) {
            self.sessions.push(header.session);
        }
        match body {
            Body::Hello(_) => self.next = header.frame,
            Body::Data { .. } => (self.chunk, self.next) = (Some(header), header.frame.next()),
            _ => {}
        }
        self.heard += 1;
        if self.records.len() < 64 {
            self.records.push(datagram.to_vec());
        } else if self.random.below(8) == 0 {
            let at = self.random.below(64) as usize;
            self.records[at] = datagram.to_vec();
        }
    }

    /// A datagram, and whom it seems to come from.
    pub(crate) fn forge(&mut self, sender: Source, at: Duration) -> (Source, Vec<u8>) {
        let from = match self.random.below(10) {
            0 => 666,
            1 => SENDER,
            _ => sender,
        };
        let trick = if self.habit < TRICKS && self.random.below(5) > 0 {
            self.habit
        } else {
            self.random.below(TRICKS)
        };
        let datagram = match trick {
            0 => self.hello(at),
            1 => self.control(Kind::Goodbye, &[], at),
            2 => self.whole_frame(at),
            3 => self.chunk_of_nothing(at),
            4 => self.contradiction(),
            5 => self.replay(),
            6 => self.parity(at),
            _ => {
                let kinds = [
                    Kind::Pong,
                    Kind::Gone,
                    Kind::Report,
                    Kind::Ping,
                    Kind::Resend,
                    Kind::Subscribe,
                    Kind::SubscribeReply,
                ];
                let kind = kinds[self.random.below(7) as usize];
                let mut body = [0; 56];
                self.random.fill(&mut body);
                self.control(kind, &body, at)
            }
        };
        (from, datagram)
    }

    fn session(&mut self) -> SessionId {
        let known = self.sessions.len() as u64;
        match self.random.below(10) {
            0 => SessionId::new(self.random.next() | 1),
            1 => SessionId::new(0xe1),
            2 if known > 0 => self.sessions[self.random.below(known) as usize],
            _ => self.sessions.last().copied().unwrap_or(SessionId::new(0xe1)),
        }
    }

    /// A number near that of the next frame, or far from it.
    fn frame(&mut self) -> FrameId {
        let by = match self.random.below(8) {
            0 => self.random.next() as u32,
            1 => (self.random.below(2000) as u32).wrapping_sub(1000),
            2 => 1 << 31,
            3 | 4 => self.random.below(64) as u32,
            _ => (self.random.below(8) as u32).wrapping_sub(2),
        };
        FrameId::new(self.next.get().wrapping_add(by))
    }

    fn time(&mut self, at: Duration) -> MediaTime {
        match self.random.below(4) {
            0 => MediaTime::from_micros(self.random.next()),
            1 => MediaTime::from_micros(at.as_micros() as u64 + self.random.below(1_500_000)),
            _ => MediaTime::from_micros(at.as_micros() as u64),
        }
    }

    fn hello(&mut self, at: Duration) -> Vec<u8> {
        let name = b"evil";
        let mut body = vec![u8::from(self.random.below(3) == 0), name.len() as u8];
        body.extend_from_slice(name);
        if self.random.below(2) == 0 {
            let mut invitation = [0; 5];
            self.random.fill(&mut invitation);
            body.extend_from_slice(&invitation);
        }
        self.control(Kind::Hello, &body, at)
    }

    fn control(&mut self, kind: Kind, body: &[u8], at: Duration) -> Vec<u8> {
        let (session, frame, captured) = (self.session(), self.frame(), self.time(at));
        emit(Header { length: body.len() as u32, ..Header::control(kind, session, frame, captured) }, body)
    }

    /// A frame of one chunk.
    fn whole_frame(&mut self, at: Duration) -> Vec<u8> {
        let (session, frame, captured) = (self.session(), self.frame(), self.time(at));
        let header = Header::control(Kind::Data, session, frame, captured);
        let (part, parts) = self.part();
        emit(Header { part, parts, data_chunks: 1, length: 9, ..header }, b"not yours")
    }

    /// A chunk of a frame that never becomes whole.
    fn chunk_of_nothing(&mut self, at: Duration) -> Vec<u8> {
        let (session, frame, captured) = (self.session(), self.frame(), self.time(at));
        let header = Header::control(Kind::Data, session, frame, captured);
        let index = self.random.below(9) as u16;
        let (part, parts) = self.part();
        emit(Header { part, parts, data_chunks: 9, length: 900, index, ..header }, &[0; 100])
    }

    /// The only part, one of several, or one that cannot be.
    fn part(&mut self) -> (u8, u8) {
        match self.random.below(4) {
            0 => (self.random.next() as u8, self.random.next() as u8),
            1 => (self.random.below(8) as u8, 8),
            _ => (0, 1),
        }
    }

    /// A chunk of the frame that is under way, or of the next, that contradicts or replaces it.
    fn contradiction(&mut self) -> Vec<u8> {
        let Some(mut header) = self.chunk else { return vec![0] };
        if self.random.below(2) == 0 {
            header.frame = header.frame.next();
        }
        if self.random.below(2) == 0 {
            header.captured = MediaTime::from_micros(header.captured.as_micros() + 1);
        }
        match self.random.below(4) {
            0 => header.part = self.random.below(8) as u8,
            1 => header.parts = self.random.below(9) as u8,
            _ => {}
        }
        header.index = self.random.below(header.data_chunks.into()) as u16;
        emit(header, &[7; 1500])
    }

    /// Parity of what is under way, which repairs it to something else.
    fn parity(&mut self, at: Duration) -> Vec<u8> {
        let Some(header) = self.chunk else { return self.whole_frame(at) };
        let index = header.data_chunks + self.random.below(4) as u16;
        emit(Header { kind: Kind::Parity, index, ..header }, &[9; 1504])
    }

    fn replay(&mut self) -> Vec<u8> {
        let records = self.records.len() as u64;
        if records == 0 { vec![0] } else { self.records[self.random.below(records) as usize].clone() }
    }
}

fn emit(header: Header, body: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; wire::HEADER_BYTES];
    datagram.extend_from_slice(body);
    wire::emit(&header, &mut datagram);
    datagram
}

const TRICKS: u64 = 8;
