//! When a receiver requests retransmission, and of which chunks.

use std::time::{Duration, Instant};

use super::reassemble::absent::AbsentPart;
use super::reassemble::slot::{ChunkOutcome, Slot};
use crate::random::Random;
use crate::seq::PartId;
use crate::wire::MAX_RANGES;

/// Decides when a frame's missing chunks are requested.
///
/// A chunk is missing once a later one has come and the *guard* has passed, which is as long as chunks were seen to
/// overtake each other; or when the frame's last datagram is overdue. What parity makes up for, parity that is still to
/// come included, is not requested. In a group each receiver first waits a random moment, most of them long and a few
/// short (RFC 5401, section 3.2.4): the answer to the first is the answer to all.
#[derive(Debug)]
pub(crate) struct NackScheduler {
    guard: Duration,
    /// The longest pause within a part, of late.
    pause: Duration,
    /// The longest between two parts of a frame: their sender may still encode the second.
    between_parts: Duration,
    /// Between the datagrams of a frame, of late.
    spacing: Duration,
    /// The quickest answer to a ping.
    round_trip: Option<Duration>,
    /// How many receivers there are, if it is a group.
    group: Option<u16>,
    random: Random,
}

/// What to request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nack {
    pub(crate) id: PartId,
    /// How many chunks would do.
    pub(crate) needed: usize,
}

impl NackScheduler {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            guard: LEAST_GUARD,
            pause: LEAST_PAUSE,
            between_parts: UNKNOWN_BETWEEN_PARTS,
            spacing: Duration::ZERO,
            round_trip: None,
            group: None,
            random: Random::new(seed),
        }
    }

    /// It is a group of so many receivers, or none.
    pub(crate) fn set_group(&mut self, viewers: Option<u16>) {
        self.group = viewers;
    }

    /// How long chunks are waited for that others have overtaken.
    pub(crate) fn guard(&self) -> Duration {
        self.guard
    }

    /// An answer took this long.
    pub(crate) fn answered(&mut self, took: Duration) {
        self.round_trip = Some(self.round_trip.map_or(took, |known| known.min(took)));
    }

    /// Another sender, another path.
    pub(crate) fn forget_path(&mut self) {
        (self.guard, self.pause, self.round_trip) = (LEAST_GUARD, LEAST_PAUSE, None);
        self.between_parts = UNKNOWN_BETWEEN_PARTS;
    }

    /// Learns from how a chunk came, so long after the one before it of its frame.
    pub(crate) fn learn(&mut self, stored: ChunkOutcome, since_last: Duration) {
        self.pause = self.pause.max(since_last.min(MOST_PAUSE));
        match stored {
            ChunkOutcome::Late(by) | ChunkOutcome::TwiceLate(by) => {
                self.guard = self.guard.max(Duration::from_micros(by.into()).mul_f64(1.25));
            }
            ChunkOutcome::New | ChunkOutcome::Again | ChunkOutcome::Twice => {}
        }
        self.guard = self.guard.min(MOST_GUARD);
    }

    /// A part began so long after the one before it of its frame.
    pub(crate) fn learn_between_parts(&mut self, since_last: Duration) {
        self.between_parts = self.between_parts.max(since_last.min(MOST_BETWEEN_PARTS));
    }

    /// A frame has ended: what was learned fades.
    pub(crate) fn frame_ended(&mut self, spacing: Option<Duration>) {
        self.guard = self.guard.max(LEAST_GUARD) - (self.guard - LEAST_GUARD) / 64;
        self.pause = self.pause - (self.pause - LEAST_PAUSE) / 32;
        self.between_parts -= self.between_parts / 32;
        if let Some(spacing) = spacing {
            self.spacing = (self.spacing * 3 + spacing) / 4;
        }
    }

    /// When a part is to be looked at.
    pub(crate) fn due(&self, slot: &Slot, deadline: Duration) -> Option<Instant> {
        let (train, nack) = (&slot.train, &slot.nack);
        if nack.gone || slot.is_whole {
            return None;
        }
        let looked = |ripe: &Instant| nack.looked.is_none_or(|looked| *ripe > looked);
        let gap = train.gaps.iter().map(|gap| gap.since + self.guard).filter(looked).min();
        let tail = (!train.is_over).then(|| self.expected_end(slot));
        // One that waits for others' requests has looked at what is due again.
        let again = nack.last.filter(|_| nack.wait.is_none()).map(|last| last + self.patience(slot));
        let hope = nack.hope.filter(|_| nack.last.is_none()).filter(looked);
        [gap, tail, again, hope, nack.wait]
            .into_iter()
            .flatten()
            .min()
            .filter(|due| *due < train.first + deadline)
    }

    /// When the parts behind this one, of which nothing has come, are overdue.
    pub(crate) fn expected_next(&self, slot: &Slot) -> Instant {
        let is_over = slot.is_whole || slot.train.is_over;
        let end = if is_over { slot.train.last + self.guard + self.pause } else { self.expected_end(slot) };
        end + self.between_parts.mul_f64(1.25)
    }

    /// When a part of which nothing has come is to be requested.
    pub(crate) fn due_absent(&self, absent: &AbsentPart) -> Option<Instant> {
        let next = match absent.last {
            _ if absent.gone || absent.requests > MOST_AGAIN => return None,
            None => absent.since + self.guard,
            Some(last) => last + self.answer_within(self.spacing),
        };
        Some(absent.wait.unwrap_or(next))
    }

    /// Whether a part of which nothing has come is to be requested now, all of it.
    pub(crate) fn look_absent(&mut self, absent: &mut AbsentPart, now: Instant) -> bool {
        if self.due_absent(absent).is_none_or(|due| due > now) {
            return false;
        }
        if let (Some(viewers), None) = (self.group, absent.wait) {
            let wait = now + backoff(viewers, &mut self.random);
            if wait > now {
                absent.wait = Some(wait);
                return false;
            }
        }
        (absent.wait, absent.last) = (None, Some(now));
        absent.requests += 1;
        true
    }

    /// A moment that the guard has just passed since.
    pub(crate) fn passed(&self, now: Instant) -> Instant {
        now.checked_sub(self.guard).unwrap_or(now)
    }

    /// When a part's last datagram is overdue.
    pub(crate) fn expected_end(&self, slot: &Slot) -> Instant {
        let left = (slot.datagrams() - 1).saturating_sub(slot.train.last_index);
        let spacing = slot.train.spacing().unwrap_or(self.spacing);
        slot.train.last + spacing * left as u32 + self.guard + self.pause
    }

    /// What of a part is to be requested now; `ranges` is filled with the chunks.
    pub(crate) fn look(&mut self, slot: &mut Slot, chunks: &mut Vec<usize>, now: Instant) -> Option<Nack> {
        chunks.clear();
        slot.nack.looked = Some(now);
        if slot.nack.gone {
            return None;
        }
        // What was requested in vain is requested once more when there are signs that the path is there again.
        let most_again = MOST_AGAIN + u8::from(slot.nack.hope.is_some());
        let is_again = match slot.nack.last {
            Some(last) => last + self.patience(slot) <= now,
            None => slot.nack.hope.is_some(),
        };
        let data = slot.geometry.chunks();
        let (mut ripe, mut on_their_way, mut in_vain) = (0, 0, 0);
        for gap in slot.train.gaps.iter().filter(|gap| gap.since + self.guard <= now) {
            for index in gap.range.start..gap.range.end.min(data) {
                if slot.has(index) {
                    continue;
                }
                ripe += 1;
                match slot.nack.count(index) {
                    0 => chunks.push(index),
                    _ if !is_again => on_their_way += 1,
                    count if count <= most_again => chunks.push(index),
                    // It was requested often enough.
                    _ => in_vain += 1,
                }
            }
        }
        let parity = self.parity(slot, ripe);
        let needed = ripe.saturating_sub(parity + on_their_way);
        if needed == 0 || chunks.is_empty() {
            slot.nack.wait = None;
            if is_again {
                // Nothing is owed any more.
                slot.nack.last = None;
                if in_vain > 0 {
                    let (frame, reason) = (slot.id, "requested often enough");
                    tracing::debug!(%frame, chunks = in_vain, reason, "retransmission given up");
                }
            }
            return None;
        }
        if let Some(viewers) = self.group {
            let wait = slot.nack.wait.unwrap_or_else(|| now + backoff(viewers, &mut self.random));
            if wait > now {
                slot.nack.wait = Some(wait);
                return None;
            }
            slot.nack.wait = None;
        }
        chunks.truncate(needed);
        // No more than a request can name; the rest is requested when these have come.
        let runs = chunks.chunk_by(|a, b| a + 1 == *b).take(MAX_RANGES);
        chunks.truncate(runs.map(<[usize]>::len).sum());
        chunks.iter().for_each(|&index| slot.nack.note(index));
        slot.nack.last = Some(now);
        Some(Nack { id: slot.id, needed })
    }

    /// How many of `missing` chunks parity makes up for, when what is still to come of it has come.
    fn parity(&self, slot: &Slot, missing: usize) -> usize {
        let usable = slot.usable_parity() + slot.parity_to_come();
        // An exclusive or makes up for one, or for none.
        if slot.is_xor_only() && missing > 1 { 0 } else { usable }
    }

    /// How long an answer may take.
    fn patience(&self, slot: &Slot) -> Duration {
        self.answer_within(slot.train.spacing().unwrap_or(self.spacing))
    }

    fn answer_within(&self, spacing: Duration) -> Duration {
        let round_trip = self.round_trip.unwrap_or(UNKNOWN_ROUND_TRIP);
        let group = if self.group.is_some() { TOGETHER } else { Duration::ZERO };
        2 * round_trip + self.guard + self.pause + group + spacing * ANSWER
    }
}

/// How long one of so many receivers waits before it sends a request: truncated exponential, so that few wait little
/// (RFC 5401, section 3.2.4).
fn backoff(viewers: u16, random: &mut Random) -> Duration {
    if viewers <= 1 {
        return Duration::ZERO;
    }
    let most = LONGEST_BACKOFF.as_secs_f64();
    let lambda = f64::from(viewers).ln() + 1.0;
    let uniform = random.below(1 << 32) as f64 / (1_u64 << 32) as f64;
    let x = lambda / most * (uniform + 1.0 / (lambda.exp() - 1.0));
    Duration::from_secs_f64(
        (most / lambda * (x * (lambda.exp() - 1.0) * most / lambda).ln()).clamp(0.0, most),
    )
}

/// Without reordering: longer than a busy computer takes to read what came in order.
const LEAST_GUARD: Duration = Duration::from_millis(1);
/// More is a path on which a resend comes too late to help.
const MOST_GUARD: Duration = Duration::from_millis(20);
/// Between the groups of a paced frame.
const LEAST_PAUSE: Duration = Duration::from_micros(500);
/// Until a second part has come: longer than most computers encode a part of a picture.
const UNKNOWN_BETWEEN_PARTS: Duration = Duration::from_millis(8);
/// What takes longer comes too late to be helped.
const MOST_BETWEEN_PARTS: Duration = Duration::from_millis(100);
/// A longer pause is another thing than pacing.
const MOST_PAUSE: Duration = Duration::from_millis(8);
/// A chunk is requested again, twice.
const MOST_AGAIN: u8 = 2;
/// Until a ping was answered.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(3);
/// How long the sender waits for others of a group, and they for each other, at most.
const TOGETHER: Duration = Duration::from_millis(5);
/// The longest wait for others' requests: a few round trips of a LAN.
const LONGEST_BACKOFF: Duration = Duration::from_millis(4);
/// Datagrams that may go before the answer.
const ANSWER: u32 = 16;
