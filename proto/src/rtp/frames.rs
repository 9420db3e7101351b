//! Reassembles frames from packets, and gives up on time.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::header::{DYNAMIC, IN_BAND, Packet};
use super::quantization::Tables;
use super::slot::{FragmentOutcome, MOST_PIECES, RtpSlot};
use crate::frame::{Buffer, Pool};
use crate::recv::{Loss, MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT};
use crate::seq::FrameId;
use crate::stats::{LossReason, Outcome};

/// Frames of one source on their way.
///
/// A frame is what has one timestamp; which frame is newer is told by the packets' place in the stream. It ends as in
/// Chunkcast's own format: when it is whole, when a newer one is whole, when its deadline passes, or when its place is
/// needed; never because packets came out of order. Frames are delivered in rising order.
#[derive(Debug)]
pub(super) struct RtpFrames {
    slots: Vec<RtpSlot>,
    /// What slots that have ended leave for others.
    spare: Vec<Vec<Range<usize>>>,
    headers: Vec<u8>,
    pool: Pool,
    deadline: Duration,
    /// Tables by the quality that stands for them, from [`IN_BAND`] on.
    tables: Box<[Option<Tables>; (DYNAMIC - IN_BAND) as usize]>,
    /// All places up to this one have ended.
    floor: Option<u64>,
    /// Timestamps of frames above it that have.
    ended: VecDeque<u32>,
    delivered: Option<Delivered>,
    /// The number of the frame that ended last: RTP has none.
    number: FrameId,
    /// How many frames ended since the delivered one.
    ended_since: u32,
    counted: Counted,
}

/// A frame that is whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) id: FrameId,
    pub(super) timestamp: u32,
    pub(super) jpeg: Buffer,
    /// When its first packet came.
    pub(super) first: Instant,
    /// How many frames since the one before it nothing arrived of.
    pub(super) unseen: u32,
}

/// Packets of the stream that came, and that did not, up to the frame that ended last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) arrived: u64,
    pub(super) missing: u64,
    /// Up to which place.
    up_to: Option<u64>,
}

/// The frame that was delivered last.
#[derive(Clone, Copy, Debug)]
struct Delivered {
    timestamp: u32,
    /// The place behind its last packet.
    end: u64,
    /// How far frames are apart, in ticks, if two came without a packet missing between them.
    apart: Option<u32>,
}

impl RtpFrames {
    pub(super) fn new(deadline: Duration) -> Self {
        Self {
            slots: Vec::with_capacity(MAX_FRAMES_IN_FLIGHT),
            spare: Vec::with_capacity(MAX_FRAMES_IN_FLIGHT),
            headers: Vec::new(),
            pool: Pool::new(MAX_FRAMES_IN_FLIGHT),
            deadline,
            tables: Box::new([None; (DYNAMIC - IN_BAND) as usize]),
            floor: None,
            ended: VecDeque::with_capacity(MOST_ENDED),
            delivered: None,
            number: FrameId::new(0),
            ended_since: 0,
            counted: Counted::default(),
        }
    }

    /// Begins another stream: what is on its way is lost.
    pub(super) fn reset(&mut self, lost: impl FnMut(Loss)) {
        self.give_up(|_| true, LossReason::Evicted, lost);
        self.tables.fill(None);
        self.ended.clear();
        (self.floor, self.delivered, self.ended_since) = (None, None, 0);
        self.counted.up_to = None;
    }

    /// Takes in a packet at its place in the stream; says how it ended, and gives out the frame if that made it whole.
    pub(super) fn accept(
        &mut self,
        packet: &Packet<'_>,
        place: u64,
        now: Instant,
        mut lost: impl FnMut(Loss),
    ) -> (Outcome, Option<Whole>) {
        let timestamp = packet.rtp.timestamp;
        let tables = match self.tables_of(packet) {
            Ok(tables) => tables,
            Err(outcome) => return (outcome, None),
        };
        let at = match self.slots.iter().position(|slot| slot.timestamp == timestamp) {
            Some(at) => at,
            None if self.floor.is_some_and(|floor| place <= floor) || self.ended.contains(&timestamp) => {
                return (Outcome::Late, None);
            }
            None if self.is_impossible(packet, place) => return (Outcome::Contradictory, None),
            None => self.open(packet, place, now, &mut lost),
        };
        let at = self.make_room(at, packet, &mut lost);
        match self.slots[at].store(packet, tables, place) {
            FragmentOutcome::New => {}
            FragmentOutcome::Twice => return (Outcome::Duplicate, None),
            FragmentOutcome::Contradiction => return (Outcome::Contradictory, None),
        }
        let whole = self.slots[at].is_whole().then(|| self.deliver(at, lost));
        (Outcome::Accepted, whole)
    }

    /// Gives up what has passed its deadline.
    pub(super) fn handle_timeout(&mut self, now: Instant, lost: impl FnMut(Loss)) {
        let deadline = self.deadline;
        self.give_up(|slot| slot.first + deadline <= now, LossReason::Deadline, lost);
    }

    /// When the next deadline passes.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.slots.iter().map(|slot| slot.first + self.deadline).min()
    }

    /// Bytes of memory that frames in flight hold.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.slots.iter().map(RtpSlot::bytes).sum()
    }

    /// The packets that came and that did not, of frames that have ended.
    pub(super) fn counted(&self) -> Counted {
        self.counted
    }

    /// The tables of a first fragment: those that it brings, that its quality stands for, or that came with an earlier
    /// frame. Other fragments have none.
    fn tables_of(&mut self, packet: &Packet<'_>) -> Result<Option<Tables>, Outcome> {
        if packet.offset > 0 {
            return Ok(None);
        }
        let q = packet.picture.q;
        let known = q.checked_sub(IN_BAND).and_then(|index| self.tables.get_mut(usize::from(index)));
        match (packet.tables, known) {
            // What stands for tables may stand for others one day, whatever RFC 2435 section 4.2 says.
            (Some(tables), Some(known)) => Ok(Some(*known.insert(tables))),
            (Some(tables), None) => Ok(Some(tables)),
            (None, Some(known)) => known.map(Some).ok_or(Outcome::Unknown),
            (None, None) => Ok(Some(Tables::of_quality(q))),
        }
    }

    /// Whether a packet that begins a frame is further into it than the stream has packets since the frame before.
    fn is_impossible(&self, packet: &Packet<'_>, place: u64) -> bool {
        let since =
            self.slots.iter().map(|slot| slot.places.end - 1).chain(self.floor).filter(|&end| end < place);
        since.max().is_some_and(|end| packet.offset as u64 > (place - end) * u64::from(u16::MAX))
    }

    fn open(&mut self, packet: &Packet<'_>, place: u64, now: Instant, lost: &mut impl FnMut(Loss)) -> usize {
        while self.slots.len() == MAX_FRAMES_IN_FLIGHT {
            let Some(oldest) = self.slots.iter().map(|slot| slot.places.start).min() else { break };
            self.give_up(|slot| slot.places.start == oldest, LossReason::Evicted, &mut *lost);
        }
        let have = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(MOST_PIECES));
        self.slots.push(RtpSlot::open(packet, place, now, have, &mut self.pool));
        self.slots.len() - 1
    }

    /// Makes room for what a packet adds to its frame, at the cost of older ones; returns where the frame then is.
    fn make_room(&mut self, at: usize, packet: &Packet<'_>, lost: &mut impl FnMut(Loss)) -> usize {
        let (own, needed) = (self.slots[at].timestamp, self.slots[at].bytes_with(packet));
        if needed == self.slots[at].bytes() {
            return at;
        }
        let others = |slots: &[RtpSlot]| -> usize {
            slots.iter().filter(|slot| slot.timestamp != own).map(RtpSlot::bytes).sum()
        };
        while others(&self.slots) + needed > MAX_BYTES_IN_FLIGHT {
            let oldest =
                self.slots.iter().filter(|slot| slot.timestamp != own).map(|slot| slot.places.start).min();
            let Some(oldest) = oldest else { break };
            self.give_up(
                |slot| slot.timestamp != own && slot.places.start == oldest,
                LossReason::Evicted,
                &mut *lost,
            );
        }
        // Large frames that ended leave no more behind than may be in flight.
        self.pool.keep_free(MAX_BYTES_IN_FLIGHT.saturating_sub(others(&self.slots) + needed));
        self.slots.iter().position(|slot| slot.timestamp == own).expect("only others were given up")
    }

    fn deliver(&mut self, at: usize, lost: impl FnMut(Loss)) -> Whole {
        let slot = self.slots.swap_remove(at);
        let places = slot.places.clone();
        self.give_up(|other| other.places.start < places.start, LossReason::Superseded, lost);
        self.count(&slot);
        let (timestamp, first) = (slot.timestamp, slot.first);
        let unseen = self.unseen(timestamp, &places);
        self.floor = Some(self.floor.map_or(places.end - 1, |floor| floor.max(places.end - 1)));
        let (jpeg, mut have) = slot.into_jpeg(&mut self.headers);
        have.clear();
        self.spare.push(have);
        self.number = FrameId::new(self.number.get().wrapping_add(unseen)).next();
        Whole { id: self.number, timestamp, jpeg: self.pool.share(jpeg), first, unseen }
    }

    /// How many frames nothing arrived of since the one that was delivered before this one.
    fn unseen(&mut self, timestamp: u32, places: &Range<u64>) -> u32 {
        let ended = std::mem::take(&mut self.ended_since);
        let before = self.delivered.replace(Delivered { timestamp, end: places.end, apart: None });
        let (Some(before), Some(own)) = (before, &mut self.delivered) else { return 0 };
        let ticks = timestamp.wrapping_sub(before.timestamp);
        if places.start <= before.end {
            own.apart = Some(ticks).filter(|_| ended == 0);
            return 0;
        }
        own.apart = before.apart;
        // Packets are missing. Whether whole frames are, timestamps tell, where it is known how far apart they are.
        let between = match before.apart {
            Some(apart @ 1..) => (ticks.saturating_add(apart / 2) / apart).saturating_sub(1),
            _ => u32::from(ended == 0),
        };
        between.saturating_sub(ended).min(MOST_UNSEEN)
    }

    /// Notes what came and what did not, up to the end of a frame.
    fn count(&mut self, slot: &RtpSlot) {
        let counted = &mut self.counted;
        let end = slot.places.end;
        let from = counted.up_to.unwrap_or(slot.places.start);
        let all = end.saturating_sub(from);
        counted.arrived += slot.packets;
        counted.missing += all.saturating_sub(slot.packets);
        counted.up_to = Some(from.max(end));
    }

    /// Ends the frames that `which` names, the oldest first.
    fn give_up(&mut self, which: impl Fn(&RtpSlot) -> bool, reason: LossReason, mut lost: impl FnMut(Loss)) {
        loop {
            let named = self.slots.iter().enumerate().filter(|(_, slot)| which(slot));
            let Some((at, _)) = named.min_by_key(|(_, slot)| slot.places.start) else { return };
            let slot = self.slots.swap_remove(at);
            self.count(&slot);
            let (missing, all) = (slot.missing(), slot.missing() + slot.packets);
            let [missing, chunks] = [missing, all].map(|count| u16::try_from(count).unwrap_or(u16::MAX));
            self.number = self.number.next();
            lost(Loss { frame: self.number, missing, chunks, reason });
            // A frame that is forgotten must not begin again.
            if self.ended.len() == MOST_ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(slot.timestamp);
            self.ended_since += 1;
            let (buffer, mut have) = slot.into_buffer();
            have.clear();
            self.spare.push(have);
            self.pool.share(buffer);
        }
    }
}

/// Ended frames that are remembered by their timestamps: many more than can be in flight.
const MOST_ENDED: usize = 64;
/// Four seconds at 240 frames a second: what would be more is no count of frames, but a leap.
const MOST_UNSEEN: u32 = 1024;
