//! The parts of the frames that were sent last, kept for retransmission.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::slab::Slab;
use crate::frame::MAX_PARTS;
use crate::seq::PartId;

/// The parts that were sent last, the newest at the end: bounded by age, frames and bytes. How those before them went
/// is known for longer.
#[derive(Debug)]
pub(crate) struct SentFrames {
    parts: VecDeque<SentPart>,
    spare: Vec<SentPart>,
    departed: VecDeque<SendTimes>,
}

/// A part of a frame that was sent, or is being sent.
#[derive(Debug, Default)]
pub(crate) struct SentPart {
    pub(crate) id: PartId,
    pub(crate) slab: Slab,
    send_times: SendTimes,
    /// Data chunks that wait to be sent again, a bit each.
    pub(crate) queued: Vec<u64>,
    /// Parity datagrams that were sent, or wait to be.
    pub(crate) parity_given: usize,
    /// When an answer to the group was last put together.
    pub(crate) answered: Option<Instant>,
}

/// How the datagrams of a part went, to be compared with how they came.
#[derive(Debug, Default)]
pub(crate) struct SendTimes {
    id: PartId,
    /// Of how many parts the frame is.
    pub(crate) parts: u8,
    /// How many of them, data first, were sent by when.
    times: Vec<(usize, Instant)>,
    /// The pace that they were sent at.
    pub(crate) pace: Option<f64>,
    /// Those that went at [`CEILING`](crate::rate::CEILING).
    pub(crate) sprint: Range<usize>,
    /// How many carry data.
    pub(crate) data: usize,
    /// Bytes of one of these.
    pub(crate) stride: usize,
}

impl SentFrames {
    pub(crate) fn new() -> Self {
        Self {
            parts: VecDeque::with_capacity(MOST_FRAMES),
            spare: Vec::with_capacity(MOST_FRAMES),
            departed: VecDeque::with_capacity(MOST_DEPARTED),
        }
    }

    /// Forgets what is too old, and begins a part: a used one whose slab is to be filled.
    pub(crate) fn begin(&mut self, id: PartId, now: Instant) -> &mut SentPart {
        while let Some(oldest) = self.parts.front()
            && (id.frame.ahead_of(oldest.id.frame) >= MOST_FRAMES as i32
                || oldest.is_older_than(KEEP, now)
                || self.is_too_large())
        {
            self.forget_oldest();
        }
        // The one that was used last is still in the processor's cache.
        let mut sent = self.spare.pop().unwrap_or_default();
        // What a burst of large frames left behind is given back.
        self.spare.truncate(MOST_SPARE);
        sent.id = id;
        sent.send_times.times.clear();
        sent.answered = None;
        self.parts.push_back(sent);
        self.parts.back_mut().expect("it was just put there")
    }

    /// Takes back the part begun last: it could not be cut.
    pub(crate) fn undo(&mut self) {
        self.spare.extend(self.parts.pop_back());
    }

    /// The part begun last.
    pub(crate) fn newest(&mut self) -> Option<&mut SentPart> {
        self.parts.back_mut()
    }

    /// A part, if it is still here.
    pub(crate) fn find(&mut self, id: PartId) -> Option<&mut SentPart> {
        self.parts.iter_mut().rev().find(|sent| sent.id == id)
    }

    /// How a part went, if that is still known.
    pub(crate) fn send_times(&self, id: PartId) -> Option<&SendTimes> {
        let here = self.parts.iter().rev().map(|sent| &sent.send_times);
        here.chain(self.departed.iter().rev()).find(|send_times| send_times.id == id)
    }

    /// The newest part and the oldest.
    pub(crate) fn span(&self) -> Option<(PartId, PartId)> {
        Some((self.parts.front()?.id, self.parts.back()?.id))
    }

    /// Keeps of the oldest part only how it went.
    fn forget_oldest(&mut self) {
        let Some(mut oldest) = self.parts.pop_front() else { return };
        let is_full = self.departed.len() == MOST_DEPARTED
            || self
                .departed
                .front()
                .is_some_and(|first| oldest.id.frame.ahead_of(first.id.frame) >= LONG_GONE);
        let forgotten = if is_full { self.departed.pop_front() } else { None };
        self.departed.push_back(std::mem::replace(&mut oldest.send_times, forgotten.unwrap_or_default()));
        self.spare.push(oldest);
    }

    fn is_too_large(&self) -> bool {
        self.parts.iter().map(|sent| sent.slab.memory()).sum::<usize>() > MOST_BYTES
    }
}

impl SentPart {
    /// It is one of so many parts. Its slab has just been cut, and goes at this pace.
    pub(crate) fn begin(&mut self, parts: u8, pace: Option<f64>, sprint: Range<usize>) {
        let send_times = &mut self.send_times;
        (send_times.id, send_times.parts) = (self.id, parts);
        (send_times.pace, send_times.sprint) = (pace, sprint);
        (send_times.data, send_times.stride) = (self.slab.len(), self.slab.stride());
        self.parity_given = self.slab.planned_parity();
        self.queued.clear();
        self.queued.resize(self.slab.len().div_ceil(64), 0);
    }

    /// Notes that `count` of its datagrams have gone.
    pub(crate) fn sent(&mut self, count: usize, now: Instant) {
        self.send_times.times.push((count, now));
    }

    /// How many of its datagrams have gone.
    pub(crate) fn count(&self) -> usize {
        self.send_times.times.last().map_or(0, |&(count, _)| count)
    }

    fn is_older_than(&self, age: Duration, now: Instant) -> bool {
        self.send_times.times.last().is_some_and(|&(_, time)| now.saturating_duration_since(time) > age)
    }
}

impl SendTimes {
    /// Whether data datagram `index` has not gone yet.
    pub(crate) fn is_still_to_come(&self, index: usize) -> bool {
        index < self.data && self.time_of(index).is_none()
    }

    /// When datagram `index` was given out, data first, then parity.
    pub(crate) fn time_of(&self, index: usize) -> Option<Instant> {
        self.group_of(index).map(|(_, time)| time)
    }

    /// When it left, where each takes so long: those that are given out together leave one after the other.
    pub(crate) fn departure(&self, index: usize, each: Duration) -> Option<Instant> {
        self.group_of(index).map(|(first, time)| time + each * (index - first) as u32)
    }

    /// The first datagram of those that were given out with it, and when.
    fn group_of(&self, index: usize) -> Option<(usize, Instant)> {
        let at = self.times.partition_point(|&(count, _)| count <= index);
        let first = at.checked_sub(1).map_or(0, |before| self.times[before].0);
        self.times.get(at).map(|&(_, time)| (first, time))
    }
}

/// A receiver requests at once, and twice again: after this long nobody needs a chunk of a live picture. Longer: more
/// memory than a processor's cache holds.
const KEEP: Duration = Duration::from_millis(150);
/// 150 ms of 80 frames per second. At higher rates less is kept.
const MOST_FRAMES: usize = 12;
/// A receiver tells how a frame came when it gives it up, half a second later, and on a narrow path with a long queue
/// later still: two seconds of 30 frames.
const LONG_GONE: i32 = 64;
/// Of four parts each.
const MOST_DEPARTED: usize = 4 * LONG_GONE as usize;
/// Of all parts together; the newest is always kept.
const MOST_BYTES: usize = 32 << 20;
/// Buffers kept beyond those in use: those of a frame, whose parts are all forgotten when the next one begins.
const MOST_SPARE: usize = MAX_PARTS;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MediaTime;
    use crate::seq::{FrameId, SessionId};
    use crate::t0;

    fn id(number: u32) -> PartId {
        PartId { frame: FrameId::new(number), part: 0 }
    }

    fn add(sent_frames: &mut SentFrames, id: PartId, bytes: usize, now: Instant) {
        let sent = sent_frames.begin(id, now);
        sent.slab
            .cut(&vec![1; bytes], None, SessionId::new(1), id.frame, MediaTime::default(), 1472, |_| 0)
            .unwrap();
        sent.begin(1, None, 0..0);
        sent.sent(sent.slab.len(), now);
    }

    #[test]
    fn frames_are_kept_for_as_long_as_somebody_may_need_them() {
        let (mut sent_frames, t0) = (SentFrames::new(), t0());
        for number in 0..10 {
            add(&mut sent_frames, id(number), 5000, t0 + Duration::from_millis(33) * number);
        }
        assert!(sent_frames.find(id(2)).is_none() && sent_frames.find(id(9)).is_some());
        assert!(sent_frames.find(id(5)).is_some(), "132 ms old");
        assert_eq!(sent_frames.span(), Some((id(5), id(9))));
    }

    #[test]
    fn how_a_frame_went_is_known_for_longer_than_the_frame() {
        let (mut sent_frames, t0) = (SentFrames::new(), t0());
        for number in 0..200 {
            add(&mut sent_frames, id(number), 5000, t0 + Duration::from_millis(33) * number);
        }
        assert!(sent_frames.find(id(140)).is_none());
        let send_times = sent_frames.send_times(id(140)).unwrap();
        assert_eq!(send_times.time_of(0), Some(t0 + Duration::from_millis(33) * 140));
        assert_eq!((send_times.data, send_times.stride), (4, 1290));
        assert!(sent_frames.send_times(id(100)).is_none() && sent_frames.send_times(id(199)).is_some());
    }

    #[test]
    fn their_number_and_bytes_are_bounded() {
        let (mut sent_frames, t0) = (SentFrames::new(), t0());
        for number in 0..100 {
            add(&mut sent_frames, id(number), 5000, t0);
        }
        assert_eq!(sent_frames.parts.len(), MOST_FRAMES);
        for number in 120..140 {
            (0..4).for_each(|part| {
                add(&mut sent_frames, PartId { part, ..id(number) }, 5000, t0);
            });
        }
        assert_eq!(sent_frames.parts.len(), 4 * MOST_FRAMES, "frames are counted, not parts");
        for number in 140..160 {
            add(&mut sent_frames, id(number), 15 << 20, t0);
            let held: usize = sent_frames.parts.iter().map(|sent| sent.slab.memory()).sum();
            assert!(held <= MOST_BYTES + (32 << 20), "{} MiB", held >> 20);
        }
    }

    #[test]
    fn it_is_known_when_each_datagram_went() {
        let (mut sent, t0) = (SentPart::default(), t0());
        let later = t0 + Duration::from_millis(1);
        sent.sent(4, t0);
        sent.sent(6, later);
        let times = [3, 4, 6].map(|index| sent.send_times.time_of(index));
        assert_eq!(times, [Some(t0), Some(later), None]);
        let each = Duration::from_micros(10);
        let departures = [3, 4, 5, 6].map(|index| sent.send_times.departure(index, each));
        assert_eq!(departures, [Some(t0 + 3 * each), Some(later), Some(later + each), None]);
        assert_eq!(sent.count(), 6);
    }
}
