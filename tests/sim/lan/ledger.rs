//! What must hold at the senders, whatever the network does.
//!
//! Each frame pushed ends once, datagrams go out in order, nothing is sent again that nobody asked for, no address is
//! sent more than it sent itself, and the counters say what was seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use proto::wire::{Body, Datagram};
use proto::{
    Buffer, FeedbackOutcome, Frame, FrameId, MediaTime, PartId, Random, SendEvent, SendStats, SessionId,
};

use super::Address;
use super::traffic::{Load, Traffic};

/// Sees everything that goes into the senders, and comes out.
#[derive(Default)]
pub(super) struct Ledger {
    description: String,
    /// Random bytes that frames are made of: no two frames share a chunk.
    matter: Vec<u8>,
    /// What was pushed, by session and capture time.
    pushed: BTreeMap<(u64, u64), Pushed>,
    ends: SendEnds,
    abandoned: u64,
    /// Which frame each number was given to.
    numbers: BTreeMap<(u64, u32), u64>,
    /// How far each session has sent.
    progress: BTreeMap<u64, Progress>,
    /// Frames of which somebody asked for something.
    asked: BTreeSet<(u64, u32)>,
    /// Bytes that came from each address, and that were sent to it alone.
    mail: BTreeMap<Address, (u64, u64)>,
    pub(super) traffic: Traffic,
    /// Since when latencies count.
    pub(super) measured_from: Option<Instant>,
}

#[derive(Clone, Copy)]
pub(super) struct Pushed {
    from: usize,
    length: usize,
    pub(super) at: Instant,
    ended: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct SendEnds {
    sent: u64,
    superseded: u64,
    refused: u64,
}

/// The datagrams of the newest part that were sent.
#[derive(Clone, Copy, Debug)]
struct Progress {
    id: PartId,
    data: usize,
    parity: usize,
}

impl Ledger {
    pub(super) fn describe(&mut self, what: &str) {
        if !self.description.is_empty() {
            self.description.push_str(" and ");
        }
        self.description.push_str(what);
    }

    /// Makes a frame of `bytes` bytes that no other frame is like, and notes that it is pushed.
    pub(super) fn make(
        &mut self,
        session: SessionId,
        bytes: usize,
        captured: MediaTime,
        at: Instant,
    ) -> Frame {
        let from = self.pushed.len() * 8;
        if self.matter.len() < from + bytes {
            let old = self.matter.len();
            self.matter.resize((from + bytes) * 2, 0);
            Random::new(old as u64).fill(&mut self.matter[old..]);
        }
        let pushed = Pushed { from, length: bytes, at, ended: false };
        let key = (session.get(), captured.as_micros());
        assert!(self.pushed.insert(key, pushed).is_none(), "{self}: two frames captured at once");
        Frame { captured, jpeg: Buffer::new(self.jpeg(&pushed).to_vec()), signature: None }
    }

    /// The bytes of a frame that was pushed.
    pub(super) fn jpeg(&self, pushed: &Pushed) -> &[u8] {
        &self.matter[pushed.from..pushed.from + pushed.length]
    }

    /// The frame that a number was given to, and when it was captured.
    pub(super) fn find(&self, session: SessionId, frame: FrameId) -> (MediaTime, &Pushed) {
        let captured = self.numbers[&(session.get(), frame.get())];
        (MediaTime::from_micros(captured), &self.pushed[&(session.get(), captured)])
    }

    /// Whether the latency of what was pushed at that moment counts.
    pub(super) fn is_measured(&self, pushed: Instant) -> bool {
        self.measured_from.is_none_or(|from| pushed >= from)
    }

    /// The sender is gone, and with it what it had not sent.
    pub(super) fn abandon(&mut self, session: SessionId) {
        let of_session = (session.get(), 0)..=(session.get(), u64::MAX);
        for (_, pushed) in self.pushed.range_mut(of_session).filter(|(_, pushed)| !pushed.ended) {
            pushed.ended = true;
            self.abandoned += 1;
        }
    }

    /// A sender gave out a datagram, whose chunks may be `longest` bytes long.
    pub(super) fn transmitted(&mut self, to: Option<Address>, bytes: &[u8], longest: usize) {
        let datagram = Datagram::parse(bytes).unwrap_or_else(|error| panic!("{self}: sent what is {error}"));
        let header = datagram.header;
        let (session, captured) = (header.session.get(), header.captured.as_micros());
        let is_chunk = matches!(datagram.body, Body::Data { .. } | Body::Parity { .. });
        let longest = if is_chunk { longest } else { LONGEST_CONTROL };
        assert!(bytes.len() <= longest, "{self}: {} bytes instead of {longest}", bytes.len());
        let load = match datagram.body {
            Body::Data { .. } | Body::Parity { .. } => {
                assert_eq!(to, None, "{self}: a chunk goes to a single receiver");
                let first = *self.numbers.entry((session, header.frame.get())).or_insert(captured);
                assert_eq!(first, captured, "{self}: frame {} is two frames", header.frame);
                self.progress(&datagram)
            }
            Body::Hello(_) | Body::Goodbye => Load::Control,
            Body::Pong(_) | Body::Gone => {
                let to = to.unwrap_or_else(|| panic!("{self}: a reply goes to everybody"));
                let (from_it, to_it) = self.mail.entry(to).or_default();
                *to_it += bytes.len() as u64;
                let gained = *to_it > *from_it;
                assert!(!gained, "{self}: address {to} is sent more than it sent");
                Load::Reply
            }
            _ => panic!("{self}: a sender says what receivers say: {header:?}"),
        };
        self.traffic.add(load, bytes.len());
    }

    /// Whether a chunk is the next one of its part, or one that was asked for.
    fn progress(&mut self, datagram: &Datagram<'_>) -> Load {
        let header = datagram.header;
        let (session, frame, id) = (header.session.get(), header.frame, header.part_id());
        let new = Progress { id, data: 0, parity: 0 };
        let progress = self.progress.entry(session).or_insert(new);
        if id.is_newer_than(progress.id) {
            let next = match progress.id {
                PartId { frame: before, part } if before == frame => PartId { frame, part: part + 1 },
                PartId { frame: before, .. } => PartId { frame: before.next(), part: 0 },
            };
            assert_eq!(id, next, "[{}]: a number is left out", self.description);
            *progress = new;
        }
        let (data, planned) = (usize::from(header.data_chunks), usize::from(header.parity_chunks));
        let is_newest = id == progress.id;
        let load = match datagram.body {
            Body::Parity { index, .. } => {
                // The exclusive or is number 0, and Reed-Solomon begins behind it.
                let place = if planned == 1 { index } else { index - 1 };
                if is_newest && place == progress.parity && place < planned {
                    assert_eq!(progress.data, data, "[{}]: parity before the data", self.description);
                    progress.parity += 1;
                    return Load::Parity;
                }
                assert!(place >= planned, "[{}]: parity is sent twice", self.description);
                Load::Resent
            }
            _ if is_newest && usize::from(header.index) == progress.data => {
                progress.data += 1;
                return Load::Data;
            }
            _ => Load::Resent,
        };
        let is_asked = self.asked.contains(&(session, frame.get()));
        assert!(is_asked, "{self}: nobody asked for {frame}, chunk {}", header.index);
        load
    }

    /// A receiver, or somebody, sent this to a sender.
    pub(super) fn fed_back(&mut self, from: Address, bytes: &[u8]) {
        self.mail.entry(from).or_default().0 += bytes.len() as u64;
        let Ok(Datagram { header, body: Body::Resend(_) }) = Datagram::parse(bytes) else { return };
        self.asked.insert((header.session.get(), header.frame.get()));
    }

    /// How the sender took that.
    pub(super) fn judged(&self, bytes: &[u8], outcome: FeedbackOutcome) {
        let is_readable = Datagram::parse(bytes).is_ok();
        assert!(
            is_readable || outcome == FeedbackOutcome::Malformed,
            "{self}: damaged feedback ended as {outcome:?}"
        );
    }

    pub(super) fn sender_event(&mut self, session: SessionId, event: &SendEvent) {
        let captured = match event {
            SendEvent::Sent { captured, .. } => {
                self.ends.sent += 1;
                captured
            }
            SendEvent::Superseded { captured, .. } => {
                self.ends.superseded += 1;
                captured
            }
            SendEvent::Refused { captured, .. } => {
                self.ends.refused += 1;
                captured
            }
        };
        let key = (session.get(), captured.as_micros());
        let ended = self.pushed.get_mut(&key).map(|pushed| std::mem::replace(&mut pushed.ended, true));
        assert_eq!(ended, Some(false), "{self}: {event:?} for a frame that had ended, or never was");
    }

    /// Everything has ended, and the senders counted it as it was seen from outside.
    pub(super) fn finish(&self, sent: &SendStats) {
        let ends = SendEnds { sent: sent.sent, superseded: sent.superseded, refused: sent.refused };
        assert_eq!(self.ends, ends, "{self}: the senders' events and counters");
        let ended = ends.sent + ends.superseded + ends.refused + self.abandoned;
        assert_eq!(sent.pushed, ended, "{self}: frames pushed and frames ended");
        let all_ended = self.pushed.values().all(|pushed| pushed.ended);
        assert!(all_ended, "{self}: a frame was pushed and never ended");
        let traffic = &self.traffic;
        let seen = [traffic.data, traffic.parity, traffic.resent].map(|of| of.datagrams);
        assert_eq!(seen, [sent.data, sent.parity, sent.resent], "{self}: datagrams of each kind");
        assert_eq!(traffic.sent_payload(), sent.bytes, "{self}: bytes");
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.description)
    }
}

/// What is no chunk keeps to the smallest MTU that IP allows (576, RFC 791), headers aside.
pub(super) const LONGEST_CONTROL: usize = 548;
