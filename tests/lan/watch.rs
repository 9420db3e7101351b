//! What must hold in every run, whatever the network does.
//!
//! No wrong frame and none twice, rising numbers, bounded memory, and a name for every end: each frame pushed ends once
//! at the sender, each frame that the receiver knew of ends once there, and the datagrams' fates add up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use proto::netem::NetemCounts;
use proto::wire::{Body, Datagram};
use proto::{
    Delivery, Fate, Frame, FrameId, MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT, MediaTime, RecvEvent,
    RecvStats, SendEvent, SendStats, SessionId,
};

/// Sees everything that goes in and comes out at both ends.
#[derive(Default)]
pub(super) struct Watch {
    description: String,
    /// Sender: what was pushed, by session and capture time.
    pushed: BTreeMap<(u64, u64), Pushed>,
    ends: SendEnds,
    abandoned: u64,
    /// Which frame each number was given to, and the largest number of each session.
    numbers: BTreeMap<(u64, u32), u64>,
    last_number: BTreeMap<u64, FrameId>,
    /// Receiver: frames of which a chunk was accepted and that have not ended, and their sizes.
    open: BTreeMap<(u64, u32), usize>,
    known: BTreeSet<(u64, u32)>,
    /// The session that was heard last, and the frame that its first datagram since another one's opened.
    visitor: Option<u64>,
    strangers: BTreeSet<(u64, u32)>,
    /// Whether no frame of the session was delivered since it began, or came back.
    begun: bool,
    session: Option<SessionId>,
    delivered: Vec<(SessionId, FrameId)>,
    lost: u64,
    unseen: u64,
    latencies: Vec<Duration>,
}

struct Pushed {
    frame: Frame,
    at: Instant,
    ended: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct SendEnds {
    sent: u64,
    superseded: u64,
    refused: u64,
}

impl Watch {
    pub(super) fn describe(&mut self, what: &str) {
        if !self.description.is_empty() {
            self.description.push_str(" and ");
        }
        self.description.push_str(what);
    }

    pub(super) fn pushed(&mut self, session: SessionId, frame: &Frame, at: Instant) {
        let key = (session.get(), frame.captured.as_micros());
        let pushed = Pushed { frame: frame.clone(), at, ended: false };
        assert!(self.pushed.insert(key, pushed).is_none(), "{self}: two frames captured at once");
    }

    /// The sender is gone, and with it what it had not sent.
    pub(super) fn abandon(&mut self, session: SessionId) {
        let of_session = (session.get(), 0)..=(session.get(), u64::MAX);
        for (_, pushed) in self.pushed.range_mut(of_session).filter(|(_, pushed)| !pushed.ended) {
            pushed.ended = true;
            self.abandoned += 1;
        }
    }

    pub(super) fn transmitted(&mut self, datagram: &[u8]) {
        let datagram =
            Datagram::parse(datagram).unwrap_or_else(|error| panic!("{self}: sent what is {error}"));
        let header = datagram.header;
        if !matches!(datagram.body, Body::Data { .. }) {
            return;
        }
        let (session, captured) = (header.session.get(), header.captured.as_micros());
        let first = *self.numbers.entry((session, header.frame.get())).or_insert(captured);
        assert_eq!(first, captured, "{self}: frame {} is two frames", header.frame);
        let last = self.last_number.insert(session, header.frame).unwrap_or(header.frame);
        assert!((0..=1).contains(&header.frame.ahead_of(last)), "{self}: {} came after {last}", header.frame);
    }

    pub(super) fn sender_event(&mut self, session: SessionId, event: &SendEvent) {
        let captured = match event {
            SendEvent::Sent { captured, .. } => {
                self.ends.sent += 1;
                captured
            }
            SendEvent::Superseded { captured } => {
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

    pub(super) fn arrived(&mut self, datagram: &[u8], fate: Fate) {
        let Ok(datagram) = Datagram::parse(datagram) else {
            let refused = matches!(fate, Fate::Malformed | Fate::BadChecksum | Fate::Unknown);
            assert!(refused, "{self}: a damaged datagram ended as {fate:?}");
            return;
        };
        assert_ne!(fate, Fate::Contradictory, "{self}: an honest sender is said to contradict itself");
        let session = datagram.header.session.get();
        let is_first = match fate {
            Fate::Accepted | Fate::Duplicate | Fate::Control => {
                self.visitor.replace(session) != Some(session)
            }
            _ => return,
        };
        if is_first {
            self.forget_strangers();
        } else {
            self.strangers.retain(|(of, _)| *of != session);
        }
        let (Body::Data { geometry, .. }, Fate::Accepted) = (datagram.body, fate) else { return };
        let key = (session, datagram.header.frame.get());
        if self.known.insert(key) {
            self.open.insert(key, geometry.length());
            if is_first {
                self.strangers.insert(key);
            }
        }
        assert!(self.open.contains_key(&key), "{self}: frame {key:?} goes on after its end");
    }

    pub(super) fn receiver_event(&mut self, event: &RecvEvent<usize>, now: Instant) {
        match event {
            RecvEvent::Session { session, .. } => {
                self.strangers.retain(|(of, _)| *of != session.get());
                self.forget_strangers();
                // The chunk that began it has opened a frame already.
                let others = self.open.keys().filter(|(of, _)| *of != session.get()).count();
                assert_eq!(others, 0, "{self}: {:?}: frames of the session before go on", self.open);
                (self.session, self.begun) = (Some(*session), true);
            }
            RecvEvent::Delivered(delivery) => self.delivery(delivery, now),
            RecvEvent::Lost(loss) => {
                self.end(loss.frame);
                assert!(loss.missing > 0 && loss.missing < loss.chunks, "{self}: {loss:?}");
                self.lost += 1;
            }
            RecvEvent::Hello { .. } | RecvEvent::Goodbye => {}
        }
        // Whatever has ended by now is out of the list: what is left is what the receiver holds.
        if !matches!(event, RecvEvent::Lost(_)) {
            let bytes: usize = self.open.values().sum();
            assert!(
                self.open.len() <= MAX_FRAMES_IN_FLIGHT && bytes <= MAX_BYTES_IN_FLIGHT,
                "{self}: too much held"
            );
        }
    }

    fn delivery(&mut self, delivery: &Delivery, now: Instant) {
        let (session, id) = (self.session.expect("a session begins before its frames"), delivery.id);
        self.end(id);
        let captured = self.numbers[&(session.get(), id.get())];
        let pushed = &self.pushed[&(session.get(), captured)];
        assert_eq!(delivery.frame.captured, MediaTime::from_micros(captured), "{self}: frame {id}");
        assert!(delivery.frame.jpeg == pushed.frame.jpeg, "{self}: frame {id} is not what was pushed");
        self.latencies.push(now - pushed.at);

        let first = std::mem::take(&mut self.begun);
        let before = self.delivered.iter().rev().find(|(of, _)| *of == session).map(|(_, id)| *id);
        if let Some(before) = before {
            assert!(id.is_newer_than(before), "{self}: frame {id} after {before}");
        }
        if let Some(before) = before.filter(|_| !first) {
            let between = std::iter::successors(Some(before.next()), |id| Some(id.next()));
            let between = between.take_while(|between| *between != id);
            let unseen =
                between.filter(|between| !self.known.contains(&(session.get(), between.get()))).count();
            assert_eq!(delivery.unseen as usize, unseen, "{self}: unseen between {before} and {id}");
        } else {
            assert_eq!(delivery.unseen, 0, "{self}: before the first frame, {id}");
        }
        self.unseen += u64::from(delivery.unseen);
        self.delivered.push((session, id));
    }

    /// A session of which a single datagram came is never introduced, and what that brought is not counted.
    fn forget_strangers(&mut self) {
        for key in std::mem::take(&mut self.strangers) {
            self.open.remove(&key);
            self.known.remove(&key);
        }
    }

    fn end(&mut self, frame: FrameId) {
        let session = self.session.expect("a session begins before its frames").get();
        self.strangers.remove(&(session, frame.get()));
        let ended = self.open.remove(&(session, frame.get()));
        assert!(ended.is_some(), "{self}: frame {frame} ended twice, or never began");
    }

    /// Everything has ended, and both ends counted it as it was seen from outside.
    pub(super) fn finish(&mut self, sent: &SendStats, received: &RecvStats, network: &NetemCounts) {
        let ends = SendEnds { sent: sent.sent, superseded: sent.superseded, refused: sent.refused };
        assert_eq!(self.ends, ends, "{self}: the sender's events and counters");
        let ended = ends.sent + ends.superseded + ends.refused + self.abandoned;
        assert_eq!(sent.pushed, ended, "{self}: frames pushed and frames ended");
        assert!(
            self.pushed.values().all(|pushed| pushed.ended),
            "{self}: a frame was pushed and never ended"
        );

        self.forget_strangers();
        assert!(self.open.is_empty(), "{self}: {:?} never ended", self.open);
        assert_eq!(received.delivered, self.delivered.len() as u64, "{self}: delivered");
        assert_eq!(received.lost.total(), self.lost, "{self}: lost");
        assert_eq!(received.unseen, self.unseen, "{self}: unseen");
        assert_eq!(self.known.len() as u64, received.delivered + self.lost, "{self}: frames known and ended");

        let d = received.datagrams;
        let fates = d.accepted + d.control + d.duplicate + d.late + d.foreign + d.malformed + d.bad_checksum;
        assert_eq!(d.received, fates + d.contradictory + d.unknown, "{self}: fates");
        assert_eq!(d.received, network.arrived, "{self}: what arrived and what was counted");
        let came = network.arrived + network.lost + network.overflowed;
        assert_eq!(network.pushed + network.duplicated, came, "{self}: the network");
    }

    pub(super) fn heard(&self) -> Option<SessionId> {
        self.session
    }

    pub(super) fn delivered(&self) -> &[(SessionId, FrameId)] {
        &self.delivered
    }

    /// How long each delivered frame took from push to delivery, shortest first; and what was simulated.
    pub(super) fn into_latencies(mut self) -> (Vec<Duration>, String) {
        self.latencies.sort_unstable();
        (self.latencies, self.description)
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.description)
    }
}
