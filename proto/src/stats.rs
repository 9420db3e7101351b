//! Counters for every way in which a datagram or a frame can end.

use serde::Serialize;
use thiserror::Error;

/// How a datagram ended. Each that arrives ends in exactly one of these ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It brought a chunk that was missing.
    Accepted,
    /// It brought a sender's word on itself, or its answer to us.
    Control,
    /// It brought parity of a frame that had ended, or for which there was no room.
    Spare,
    /// It brought a chunk that was there already.
    Duplicate,
    /// Its frame, or its session, had ended.
    Late,
    /// It came from another source than the one we listen to.
    Foreign,
    /// It is none of ours, or a field is impossible.
    Malformed,
    /// It was damaged on its way.
    BadChecksum,
    /// It contradicts what its frame or its stream said before.
    Contradictory,
    /// It is of a version or kind that we do not know.
    Unknown,
}

/// What arrived. `received` is the sum of the fates, from `accepted` to `unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is the count of the Fate of that name")]
pub struct DatagramCounts {
    /// All that arrived.
    pub received: u64,
    pub accepted: u64,
    pub control: u64,
    pub spare: u64,
    pub duplicate: u64,
    pub late: u64,
    pub foreign: u64,
    pub malformed: u64,
    pub bad_checksum: u64,
    pub contradictory: u64,
    pub unknown: u64,
    /// Chunks of lost frames that never arrived.
    pub missing: u64,
}

impl DatagramCounts {
    /// Counts one datagram.
    pub fn add(&mut self, outcome: Outcome) {
        self.received += 1;
        *match outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Control => &mut self.control,
            Outcome::Spare => &mut self.spare,
            Outcome::Duplicate => &mut self.duplicate,
            Outcome::Late => &mut self.late,
            Outcome::Foreign => &mut self.foreign,
            Outcome::Malformed => &mut self.malformed,
            Outcome::BadChecksum => &mut self.bad_checksum,
            Outcome::Contradictory => &mut self.contradictory,
            Outcome::Unknown => &mut self.unknown,
        } += 1;
    }
}

impl std::ops::AddAssign for DatagramCounts {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in [
            (&mut self.received, other.received),
            (&mut self.accepted, other.accepted),
            (&mut self.control, other.control),
            (&mut self.spare, other.spare),
            (&mut self.duplicate, other.duplicate),
            (&mut self.late, other.late),
            (&mut self.foreign, other.foreign),
            (&mut self.malformed, other.malformed),
            (&mut self.bad_checksum, other.bad_checksum),
            (&mut self.contradictory, other.contradictory),
            (&mut self.unknown, other.unknown),
            (&mut self.missing, other.missing),
        ] {
            *count += more;
        }
    }
}

/// Why a frame that had begun to arrive was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossReason {
    /// Its time was over.
    Deadline,
    /// A newer frame was complete.
    Superseded,
    /// Its place was needed, or its session ended.
    Evicted,
    /// It was repaired to something that is not what was sent.
    Damaged,
}

/// Frames given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is the count of the LossReason of that name")]
pub struct LossCounts {
    pub deadline: u64,
    pub superseded: u64,
    pub evicted: u64,
    pub damaged: u64,
}

impl LossCounts {
    /// Counts one frame.
    pub fn add(&mut self, reason: LossReason) {
        *match reason {
            LossReason::Deadline => &mut self.deadline,
            LossReason::Superseded => &mut self.superseded,
            LossReason::Evicted => &mut self.evicted,
            LossReason::Damaged => &mut self.damaged,
        } += 1;
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.deadline + self.superseded + self.evicted + self.damaged
    }
}

/// What a [`RecvStream`](crate::RecvStream) counted. Every frame of which a chunk was accepted ends as delivered or
/// lost, or is still on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvStats {
    /// What arrived.
    pub datagrams: DatagramCounts,
    /// Frames given out whole.
    pub delivered: u64,
    /// Bytes of these.
    pub delivered_bytes: u64,
    /// Frames given up.
    pub lost: LossCounts,
    /// Frames between two delivered ones of which nothing arrived at all.
    pub unseen: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// What was repaired, and how.
    pub repair: RepairCounts,
    /// Of the data chunks that did not arrive when they were first sent, those of the second halves of frames.
    pub missing_at_end: u64,
    /// Frames that senders began, by what their hellos say.
    pub announced: u64,
    /// Pings and reports sent.
    pub questions: u64,
    /// Answers to them.
    pub answers: u64,
    /// Times that a sender's clock was found to have jumped.
    pub clock_jumps: u64,
    /// Datagrams that showed that somebody else speaks in the sender's name.
    pub contested: u64,
    /// Why the newest RTP packet that is not taken is not, if one came.
    pub not_taken: Option<NotTaken>,
}

/// The payload type that RTP/JPEG has in every session (RFC 3551 section 6). The words below name it.
pub const PAYLOAD_TYPE: u8 = 26;

/// What an RTP stream is that is not taken, and what to do. It is one of the counters' words, and so stands with them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotTaken {
    /// Its payload type is not JPEG's.
    #[error(
        "RTP of payload type {0}, and only JPEG, which is type {PAYLOAD_TYPE}, is taken: have the sender make that \
         (RFC 2435), or let FFmpeg turn it into JPEGs for a sender: ffmpeg -i ADDRESS -f mjpeg - | sender --source -"
    )]
    PayloadType(u8),
    /// Its kind of JPEG is not known.
    #[error(
        "RTP/JPEG of type {0}, and only types 0 (4:2:2) and 1 (4:2:0) are taken: choose another sampling at the sender"
    )]
    Kind(u8),
    /// Its pictures come as fields.
    #[error("RTP/JPEG of single fields, which are not put together: set the sender to progressive pictures")]
    Field,
    /// Its quality factor has no meaning.
    #[error("RTP/JPEG of quality {0}, which has no meaning: set another quality at the sender")]
    Quality(u8),
    /// It is larger than the format can say.
    #[error(
        "RTP/JPEG of pictures whose size it cannot say, above 2040 pixels: set the sender to a smaller size"
    )]
    Size,
}

/// What a receiver did about loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RepairCounts {
    /// Frames made whole by parity.
    pub by_parity: u64,
    /// Frames made whole with chunks that were sent again.
    pub by_resend: u64,
    /// Data chunks that arrived when they were first sent.
    pub arrived: u64,
    /// Data chunks that did not.
    pub missing: u64,
    /// Chunks requested.
    pub asked: u64,
    /// Requests for them.
    pub requests: u64,
}

/// What a [`SendStream`](crate::SendStream) counted. Every frame pushed ends as sent, superseded or refused, or is
/// still on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendStats {
    /// Frames pushed.
    pub pushed: u64,
    /// Frames whose last datagram was given out.
    pub sent: u64,
    /// Frames that a newer one replaced before their first datagram, or that were abandoned at the end.
    pub superseded: u64,
    /// Of these, frames that were left out on purpose, because the path does not carry all of them.
    pub thinned: u64,
    /// Frames that cannot be sent.
    pub refused: u64,
    /// Data datagrams given out.
    pub data: u64,
    /// Parity datagrams given out with their frames.
    pub parity: u64,
    /// Datagrams that were retransmitted.
    pub resent: u64,
    /// Bytes of all datagrams given out.
    pub bytes: u64,
    /// What receivers said back.
    pub feedback: FeedbackCounts,
}

/// How a datagram from a receiver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedbackOutcome {
    /// It was taken in, and answered if that was due.
    Accepted,
    /// It shows no token, or a wrong one.
    Unproven,
    /// It requests more than it may have.
    TooMuch,
    /// It is about another session, or nothing that a receiver says.
    Foreign,
    /// It is none of ours, damaged, or impossible.
    Malformed,
}

/// Datagrams from receivers, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is the count of the FeedbackFate of that name")]
pub struct FeedbackCounts {
    pub accepted: u64,
    pub unproven: u64,
    pub too_much: u64,
    pub foreign: u64,
    pub malformed: u64,
}

impl FeedbackCounts {
    /// Counts one datagram.
    pub fn add(&mut self, outcome: FeedbackOutcome) {
        *match outcome {
            FeedbackOutcome::Accepted => &mut self.accepted,
            FeedbackOutcome::Unproven => &mut self.unproven,
            FeedbackOutcome::TooMuch => &mut self.too_much,
            FeedbackOutcome::Foreign => &mut self.foreign,
            FeedbackOutcome::Malformed => &mut self.malformed,
        } += 1;
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.accepted + self.unproven + self.too_much + self.foreign + self.malformed
    }
}
