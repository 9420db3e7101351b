//! Answers retransmission requests: within a budget, once for a whole group, and with new parity where its receivers
//! miss different chunks.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::sent_frames::{SentFrames, SentPart};
use crate::fec::{ParityEncoder, most_parity};
use crate::seq::PartId;
use crate::wire::Resend;

/// What is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retransmission {
    pub(crate) id: PartId,
    pub(crate) what: SlabPart,
    pub(crate) range: Range<usize>,
}

/// Which of a slab's datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlabPart {
    Data,
    Parity,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOutcome {
    /// It is answered, now or with others', or was a moment ago.
    Answered,
    /// The part is not here any more.
    Gone,
    /// It requests more than the budget allows.
    TooMuch,
}

/// Answers on their way to the stream's receivers.
///
/// One receiver gets the chunks that it requests. In a group, the requests of a moment for one part are put together:
/// where they name the same chunks, those are sent once; where they name different ones, parity that was not sent
/// before makes all of them whole with as many chunks as the worst of them misses (RFC 5740, section 5.3, does the same
/// for files).
#[derive(Debug)]
pub(crate) struct Retransmitter {
    group: bool,
    queue: VecDeque<Retransmission>,
    aggregates: Vec<NackAggregate>,
    spare: Vec<NackAggregate>,
    budget: Budget,
}

/// The requests of a moment for one part.
#[derive(Debug, Default)]
struct NackAggregate {
    id: PartId,
    due: Option<Instant>,
    wanted: Vec<u64>,
    needed: usize,
}

/// How many bytes may be sent again: a share of those sent, and some at once.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    credit: u64,
    streamed: u64,
    share: u64,
}

impl Budget {
    /// One byte in `share` of those streamed from now on.
    pub(crate) fn new(share: u64, streamed: u64) -> Self {
        Self { credit: AT_ONCE, streamed, share }
    }

    /// Takes `bytes`; `false` if that is more than there is. At most `at_once` are saved up.
    pub(crate) fn spend(&mut self, bytes: u64, streamed: u64, at_once: u64) -> bool {
        let earned = (streamed - self.streamed) / self.share;
        self.streamed += earned * self.share;
        self.credit = (self.credit + earned).min(at_once.max(AT_ONCE));
        let enough = self.credit >= bytes;
        if enough {
            self.credit -= bytes;
        }
        enough
    }
}

impl Retransmitter {
    pub(crate) fn new(group: bool) -> Self {
        Self {
            group,
            queue: VecDeque::with_capacity(64),
            aggregates: Vec::with_capacity(MOST_MERGES),
            spare: Vec::with_capacity(MOST_MERGES),
            budget: Budget::new(RESENT_SHARE, 0),
        }
    }

    /// Takes in a request for a part; `streamed` is how many bytes the stream has sent so far.
    pub(crate) fn request(
        &mut self,
        request: &Resend<'_>,
        id: PartId,
        sent_frames: &mut SentFrames,
        subscriber: &mut Budget,
        streamed: u64,
        now: Instant,
    ) -> RequestOutcome {
        let Some(sent) = sent_frames.find(id) else { return RequestOutcome::Gone };
        if self.group {
            return self.aggregate(request, sent, subscriber, streamed, now);
        }
        let mut verdict = RequestOutcome::Answered;
        let gone = sent.count().min(sent.slab.len());
        let (bytes, at_once) = (sent.slab.stride() as u64, sent.slab.bytes() as u64);
        let named = request.ranges().flat_map(|range| range.start..range.end.min(gone));
        // So many make the part whole, whichever they are.
        for index in named.take(request.needed.into()) {
            if sent.is_queued(index) {
                continue;
            }
            if !subscriber.spend(bytes, streamed, at_once) || !self.budget.spend(bytes, streamed, at_once) {
                verdict = RequestOutcome::TooMuch;
                break;
            }
            sent.queue(index);
            self.push(id, SlabPart::Data, index);
        }
        verdict
    }

    /// What is to be sent next; what a group requests is put together when its time has come.
    pub(crate) fn next(
        &mut self,
        sent_frames: &mut SentFrames,
        encoder: &mut ParityEncoder,
        streamed: u64,
        now: Instant,
    ) -> Option<&mut Retransmission> {
        while let Some(at) =
            self.aggregates.iter().position(|aggregate| aggregate.due.is_some_and(|due| due <= now))
        {
            let aggregate = self.aggregates.swap_remove(at);
            if let Some(sent) = sent_frames.find(aggregate.id) {
                self.settle(&aggregate, sent, encoder, streamed, now);
            }
            self.spare.push(aggregate);
        }
        // What has become too old meanwhile is dropped.
        while self.queue.front().is_some_and(|repair| sent_frames.find(repair.id).is_none()) {
            self.queue.pop_front();
        }
        self.queue.front_mut()
    }

    /// Takes `count` datagrams off the front of the queue.
    pub(crate) fn taken(&mut self, count: usize) {
        if let Some(first) = self.queue.front_mut() {
            first.range.start += count;
            if first.range.is_empty() {
                self.queue.pop_front();
            }
        }
    }

    /// When requests that wait for others are to be answered.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.aggregates.iter().filter_map(|aggregate| aggregate.due).min()
    }

    fn aggregate(
        &mut self,
        request: &Resend<'_>,
        sent: &mut SentPart,
        subscriber: &mut Budget,
        streamed: u64,
        now: Instant,
    ) -> RequestOutcome {
        // It was on its way when the last answer went out.
        if sent.answered.is_some_and(|at| now.saturating_duration_since(at) < CROSSING) {
            return RequestOutcome::Answered;
        }
        let named = |range: Range<usize>| range.start..range.end.min(sent.slab.len());
        let needed = usize::from(request.needed).min(sent.slab.len());
        // It may get what it needs, or all that it names.
        let most = needed.max(request.ranges().map(|range| named(range).len()).sum());
        let (stride, at_once) = (sent.slab.stride() as u64, sent.slab.bytes() as u64);
        if !subscriber.spend(most as u64 * stride, streamed, at_once) {
            return RequestOutcome::TooMuch;
        }
        let at = match self.aggregates.iter().position(|aggregate| aggregate.id == sent.id) {
            Some(at) => at,
            None => {
                if self.aggregates.len() == MOST_MERGES {
                    return RequestOutcome::TooMuch;
                }
                let mut aggregate = self.spare.pop().unwrap_or_default();
                (aggregate.id, aggregate.due, aggregate.needed) = (sent.id, Some(now + TOGETHER), 0);
                aggregate.wanted.clear();
                aggregate.wanted.resize(sent.slab.len().div_ceil(64), 0);
                self.aggregates.push(aggregate);
                self.aggregates.len() - 1
            }
        };
        let aggregate = &mut self.aggregates[at];
        let more = needed.saturating_sub(aggregate.needed);
        if !self.budget.spend(more as u64 * stride, streamed, at_once) {
            return RequestOutcome::TooMuch;
        }
        aggregate.needed += more;
        for index in request.ranges().flat_map(named) {
            aggregate.wanted[index / 64] |= 1 << (index % 64);
        }
        RequestOutcome::Answered
    }

    /// Decides what completes a part for all that requested something of it.
    fn settle(
        &mut self,
        aggregate: &NackAggregate,
        sent: &mut SentPart,
        encoder: &mut ParityEncoder,
        streamed: u64,
        now: Instant,
    ) {
        sent.answered = Some(now);
        let wanted: usize = aggregate.wanted.iter().map(|word| word.count_ones() as usize).sum();
        // Parity begins behind what was sent before.
        let fresh = sent.parity_given..sent.parity_given + aggregate.needed;
        if wanted > aggregate.needed && fresh.end < most_parity(sent.slab.len()) {
            make_fresh(sent, fresh.end, encoder);
            if sent.slab.parity_made() >= fresh.end {
                sent.parity_given = fresh.end;
                let (id, what) = (aggregate.id, SlabPart::Parity);
                self.queue.push_back(Retransmission { id, what, range: fresh });
                return;
            }
        }
        // Only what the worst of them misses is paid for.
        let more = (wanted.saturating_sub(aggregate.needed) * sent.slab.stride()) as u64;
        let is_paid = self.budget.spend(more, streamed, sent.slab.bytes() as u64);
        let most = if is_paid { wanted } else { aggregate.needed };
        let is_wanted = |index: &usize| aggregate.wanted[index / 64] & (1 << (index % 64)) != 0;
        for index in (0..sent.slab.len()).filter(is_wanted).take(most) {
            if !sent.is_queued(index) {
                sent.queue(index);
                self.push(aggregate.id, SlabPart::Data, index);
            }
        }
    }

    /// Adds a datagram to the queue, to those before it if it is the next.
    fn push(&mut self, id: PartId, what: SlabPart, index: usize) {
        match self.queue.back_mut() {
            Some(last) if (last.id, last.what, last.range.end) == (id, what, index) => last.range.end += 1,
            _ => self.queue.push_back(Retransmission { id, what, range: index..index + 1 }),
        }
    }
}

/// Makes parity, so that there are `count` in all, and some for the next request: each time costs a pass over the whole
/// part, however few are made.
fn make_fresh(sent: &mut SentPart, count: usize, encoder: &mut ParityEncoder) {
    let made = sent.slab.parity_made();
    if made < count {
        let batch = (sent.slab.len() / BATCH).max(LEAST_BATCH);
        sent.slab.make_parity(count.max(made + batch), encoder);
    }
}

impl SentPart {
    fn is_queued(&self, index: usize) -> bool {
        self.queued[index / 64] & (1 << (index % 64)) != 0
    }

    fn queue(&mut self, index: usize) {
        self.queued[index / 64] |= 1 << (index % 64);
    }

    /// Notes that data chunks have been sent again, and may be requested once more.
    pub(crate) fn resent(&mut self, range: Range<usize>) {
        for index in range {
            self.queued[index / 64] &= !(1 << (index % 64));
        }
    }
}

/// For all receivers together, one byte of the stream in so many.
const RESENT_SHARE: u64 = 2;
/// What may be sent again at once however little was streamed: a 1080p frame, with what is lost of that.
const AT_ONCE: u64 = 200_000;
/// How long a request waits for others of its group: a round trip on a LAN, and a busy computer's lateness.
const TOGETHER: Duration = Duration::from_millis(1);
/// A request that comes this soon after an answer crossed it.
const CROSSING: Duration = Duration::from_millis(1);
/// Fresh parity is made for one in so many data chunks at once: what is paid for a pass over a part is an eighth of
/// it.
const BATCH: usize = 8;
/// But so many in any case.
const LEAST_BATCH: usize = 8;
/// Parts that are requested at one time.
const MOST_MERGES: usize = 8;
