//! What must hold at each receiver, whatever the network does.
//!
//! No wrong frame and none twice, rising numbers, bounded memory, and a name for every end: each frame that the
//! receiver knew of ends once, and the datagrams' fates add up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proto::wire::{Body, Datagram};
use proto::{
    Delivery, FrameId, LossReason, MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT, Outcome, RecvEvent, RecvStats,
    SessionId,
};

use super::ledger::Ledger;

/// Sees everything that goes into one receiver, and comes out.
#[derive(Default)]
pub(super) struct Monitor {
    /// Frames of which a chunk was accepted and that have not ended, and their bytes.
    open: BTreeMap<(u64, u32), usize>,
    known: BTreeSet<(u64, u32)>,
    /// Parts of them of which a chunk was accepted.
    parts: BTreeSet<((u64, u32), u8)>,
    /// Whether the session that the datagram just taken in belongs to is listened to, and the frame that it went into.
    admitted: bool,
    touched: Option<(u64, u32)>,
    /// The frame that the only datagram of a session opened.
    unknown: Option<(u64, u32)>,
    /// Whether no frame of the session was delivered since it began, or came back.
    begun: bool,
    session: Option<SessionId>,
    delivered: Vec<(SessionId, FrameId)>,
    lost: u64,
    unseen: u64,
    latencies: Vec<Duration>,
    clock: ClockSeen,
}

/// How well the sender's time was known when frames were delivered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClockSeen {
    /// How often it was known.
    pub(crate) readings: u64,
    /// The most that it was wrong by, in microseconds.
    pub(crate) worst: u64,
    /// The widest error bar, and the last one, in microseconds.
    pub(crate) widest_bar: u64,
    pub(crate) last_bar: u64,
}

impl Monitor {
    pub(super) fn arrived(&mut self, ledger: &Ledger, datagram: &[u8], outcome: Outcome) {
        let Ok(datagram) = Datagram::parse(datagram) else {
            let refused = matches!(outcome, Outcome::Malformed | Outcome::BadChecksum | Outcome::Unknown);
            assert!(refused, "{ledger}: a damaged datagram ended as {outcome:?}");
            return;
        };
        assert_ne!(
            outcome,
            Outcome::Contradictory,
            "{ledger}: an honest sender is said to contradict itself"
        );
        self.admitted =
            matches!(outcome, Outcome::Accepted | Outcome::Duplicate | Outcome::Spare | Outcome::Control);
        let (geometry, parity) = match datagram.body {
            Body::Data { geometry, .. } => (geometry, 0),
            Body::Parity { geometry, chunk, .. } => (geometry, chunk.len()),
            _ => return,
        };
        if outcome != Outcome::Accepted {
            return;
        }
        let key = (datagram.header.session.get(), datagram.header.frame.get());
        self.touched = Some(key);
        if self.known.insert(key) {
            self.open.insert(key, 0);
        }
        let is_new = self.parts.insert((key, datagram.header.part));
        let held = self.open.get_mut(&key);
        let held = held.unwrap_or_else(|| panic!("{ledger}: frame {key:?} goes on after its end"));
        *held += parity + if is_new { geometry.length() } else { 0 };
    }

    /// The receiver has said all that came of the datagram that arrived. Where it waits for nothing, but holds a frame,
    /// that datagram is the only one of its session so far: the session may end unmentioned, with all that it brought,
    /// as the one before it has, if that was such a one.
    pub(super) fn rested(&mut self, waits_for_nothing: bool) {
        let (admitted, touched) = (std::mem::take(&mut self.admitted), self.touched.take());
        if !(admitted && waits_for_nothing) {
            return;
        }
        let touched = touched.filter(|key| self.open.contains_key(key));
        if touched != self.unknown {
            self.forget_unknown();
            self.unknown = touched;
        }
    }

    pub(super) fn receiver_event(&mut self, ledger: &Ledger, event: &RecvEvent<usize>, now: Instant) {
        match event {
            RecvEvent::Session { session, .. } => {
                self.unknown.take_if(|(of, _)| *of == session.get());
                self.forget_unknown();
                // The chunk that began it has opened a frame already.
                let others = self.open.keys().filter(|(of, _)| *of != session.get()).count();
                assert_eq!(others, 0, "{ledger}: {:?}: frames of the session before go on", self.open);
                (self.session, self.begun) = (Some(*session), true);
            }
            RecvEvent::Delivered(delivery) => self.delivery(ledger, delivery, now),
            RecvEvent::Lost(loss) => {
                self.end(ledger, loss.frame);
                assert_ne!(
                    loss.reason,
                    LossReason::Damaged,
                    "{ledger}: {loss:?}: repaired to something else"
                );
                assert!(loss.missing > 0 && loss.missing <= loss.chunks, "{ledger}: {loss:?}");
                self.lost += 1;
            }
            // A sender that is restarted sooner than its last datagrams come contests its own place.
            RecvEvent::Contested { what, .. } => {
                assert_ne!(
                    *what,
                    proto::Contest::Frames,
                    "{ledger}: an honest sender is said to take back frames"
                );
            }
            RecvEvent::Part(_) | RecvEvent::Moved { .. } | RecvEvent::Hello { .. } | RecvEvent::Goodbye => {}
        }
        // Whatever has ended by now is out of the list: what is left is what the receiver holds.
        if !matches!(event, RecvEvent::Lost(_)) {
            let bytes: usize = self.open.values().sum();
            assert!(
                self.open.len() <= MAX_FRAMES_IN_FLIGHT && bytes <= MAX_BYTES_IN_FLIGHT,
                "{ledger}: too much held"
            );
        }
    }

    fn delivery(&mut self, ledger: &Ledger, delivery: &Delivery, now: Instant) {
        let (session, id) = (self.session.expect("a session begins before its frames"), delivery.id);
        self.end(ledger, id);
        let (captured, pushed) = ledger.find(session, id);
        assert_eq!(delivery.frame.captured, captured, "{ledger}: frame {id}");
        let is_true = delivery.frame.jpeg.as_slice() == ledger.jpeg(pushed);
        assert!(is_true, "{ledger}: frame {id} is not what was pushed");
        if ledger.is_measured(pushed.at) {
            self.latencies.push(now - pushed.at);
        }

        let first = std::mem::take(&mut self.begun);
        let before = self.delivered.iter().rev().find(|(of, _)| *of == session).map(|(_, id)| *id);
        if let Some(before) = before {
            assert!(id.is_newer_than(before), "{ledger}: frame {id} after {before}");
        }
        if let Some(before) = before.filter(|_| !first) {
            let between = std::iter::successors(Some(before.next()), |id| Some(id.next()));
            let between = between.take_while(|between| *between != id);
            let unseen =
                between.filter(|between| !self.known.contains(&(session.get(), between.get()))).count();
            assert_eq!(delivery.unseen as usize, unseen, "{ledger}: unseen between {before} and {id}");
        } else {
            assert_eq!(delivery.unseen, 0, "{ledger}: before the first frame, {id}");
        }
        self.unseen += u64::from(delivery.unseen);
        self.delivered.push((session, id));
    }

    /// The sender's time as shown is wrong by so much, and says that it may be by `bar`; both in microseconds.
    pub(super) fn clock_error(&mut self, ledger: &Ledger, error: u64, bar: u64) {
        // The times that travel are whole microseconds.
        assert!(error <= bar + 2, "{ledger}: the clock is {error} us wrong, and says at most {bar} us");
        let clock = &mut self.clock;
        clock.readings += 1;
        (clock.worst, clock.widest_bar) = (clock.worst.max(error), clock.widest_bar.max(bar));
        clock.last_bar = bar;
    }

    /// A session of which a single datagram came is never introduced, and what that brought is not counted.
    fn forget_unknown(&mut self) {
        if let Some(key) = self.unknown.take() {
            self.open.remove(&key);
            self.known.remove(&key);
        }
    }

    fn end(&mut self, ledger: &Ledger, frame: FrameId) {
        let session = self.session.expect("a session begins before its frames").get();
        self.unknown.take_if(|key| *key == (session, frame.get()));
        let ended = self.open.remove(&(session, frame.get()));
        assert!(ended.is_some(), "{ledger}: frame {frame} ended twice, or never began");
    }

    /// Everything has ended, and the receiver counted it as it was seen from outside: what arrived, and was opened
    /// where it had to be.
    pub(super) fn finish(&mut self, ledger: &Ledger, received: &RecvStats, arrived: u64) {
        self.forget_unknown();
        assert!(self.open.is_empty(), "{ledger}: {:?} never ended", self.open);
        assert_eq!(received.delivered, self.delivered.len() as u64, "{ledger}: delivered");
        assert_eq!(received.lost.total(), self.lost, "{ledger}: lost");
        assert_eq!(received.unseen, self.unseen, "{ledger}: unseen");
        let ended = received.delivered + self.lost;
        assert_eq!(self.known.len() as u64, ended, "{ledger}: frames known and ended");
        let repaired = received.repair.by_parity + received.repair.by_resend;
        assert!(repaired <= received.delivered, "{ledger}: repaired {repaired}");

        let d = received.datagrams;
        let taken = d.accepted + d.control + d.spare + d.duplicate + d.late;
        let refused = d.foreign + d.malformed + d.bad_checksum + d.contradictory + d.unknown;
        assert_eq!(d.received, taken + refused, "{ledger}: fates");
        assert_eq!(d.received, arrived, "{ledger}: what arrived and what was counted");
    }

    pub(super) fn heard(&self) -> Option<SessionId> {
        self.session
    }

    pub(super) fn delivered(&self) -> &[(SessionId, FrameId)] {
        &self.delivered
    }

    pub(super) fn forget_latencies(&mut self) {
        self.latencies.clear();
    }

    pub(super) fn clock(&self) -> ClockSeen {
        self.clock
    }

    /// How long each delivered frame took from push to delivery, shortest first.
    pub(super) fn into_latencies(mut self) -> Vec<Duration> {
        self.latencies.sort_unstable();
        self.latencies
    }
}
