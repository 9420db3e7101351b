//! The counters that a diagnosis is made from.

use crate::stats::{DatagramCounts, NotTaken, RecvStats};
use crate::wire::ReportCounts;

/// What was counted of a stream: from its beginning, or, as the [difference](Self::since) of two such counts, over a
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that arrived, where that is known: at the receiver.
    pub datagrams: Option<DatagramCounts>,
    /// Datagrams that the receiver's system dropped because nobody read them in time.
    pub kernel_dropped: u64,
    /// Frames that were whole.
    pub delivered: u64,
    /// Frames that were not, those included of which nothing arrived.
    pub lost: u64,
    /// Of these, frames of which nothing arrived.
    pub unseen: u64,
    /// Frames that the sender began, by what its hellos say.
    pub announced: u64,
    /// Data datagrams that arrived when they were first sent.
    pub arrived: u64,
    /// Data datagrams that did not.
    pub missing: u64,
    /// Of these, those of the second halves of frames.
    pub missing_at_end: u64,
    /// Frames that were whole, but a newer one came before they were decoded.
    pub undecoded: u64,
    /// Pictures that were decoded, but a newer one came before they were shown.
    pub unshown: u64,
    /// Times that the other clock was found to have jumped.
    pub clock_jumps: u64,
    /// Sends that the sender's system refused.
    pub send_errors: u64,
    /// Pings and reports that the receiver sent.
    pub questions: u64,
    /// The sender's answers to them.
    pub answers: u64,
    /// Whether one of the computers is known to be on Wi-Fi. This, and the rest, is as it is now.
    pub is_wireless: bool,
    /// Whether it is sent to a group.
    pub is_group: bool,
    /// Whether it is RTP/JPEG, which has no repair.
    pub is_rtp: bool,
    /// Why the newest RTP packet that is not taken is not, if one came.
    pub not_taken: Option<NotTaken>,
    /// Bytes of the receiving socket's buffer, where that is known.
    pub buffer: Option<usize>,
    /// The port that is listened on.
    pub port: u16,
}

impl Counters {
    /// What a receiver's stream counted.
    pub fn of_stream(stats: &RecvStats) -> Self {
        Self {
            datagrams: Some(stats.datagrams),
            delivered: stats.delivered,
            lost: stats.lost.total() + stats.unseen,
            unseen: stats.unseen,
            announced: stats.announced,
            arrived: stats.repair.arrived,
            missing: stats.repair.missing,
            missing_at_end: stats.missing_at_end,
            clock_jumps: stats.clock_jumps,
            questions: stats.questions,
            answers: stats.answers,
            not_taken: stats.not_taken,
            ..Self::default()
        }
    }

    /// What a receiver reported to the sender, and how many datagrams its path lost in the second halves of frames.
    pub fn of_report(counts: &ReportCounts, missing_at_end: u64) -> Self {
        Self {
            kernel_dropped: counts.kernel_dropped.into(),
            delivered: counts.delivered.into(),
            lost: counts.lost.into(),
            arrived: counts.arrived.into(),
            missing: counts.missing.into(),
            missing_at_end,
            undecoded: counts.decode_dropped.into(),
            unshown: counts.display_dropped.into(),
            ..Self::default()
        }
    }

    /// What was counted since it was `before`. Counts that began anew meanwhile are taken for nothing.
    pub fn since(&self, before: &Self) -> Self {
        let since = |count: fn(&Self) -> u64| count(self).saturating_sub(count(before));
        let datagrams =
            self.datagrams.map(|now| datagrams_since(&now, &before.datagrams.unwrap_or_default()));
        Self {
            datagrams,
            kernel_dropped: since(|e| e.kernel_dropped),
            delivered: since(|e| e.delivered),
            lost: since(|e| e.lost),
            unseen: since(|e| e.unseen),
            announced: since(|e| e.announced),
            arrived: since(|e| e.arrived),
            missing: since(|e| e.missing),
            missing_at_end: since(|e| e.missing_at_end),
            undecoded: since(|e| e.undecoded),
            unshown: since(|e| e.unshown),
            clock_jumps: since(|e| e.clock_jumps),
            send_errors: since(|e| e.send_errors),
            questions: since(|e| e.questions),
            answers: since(|e| e.answers),
            ..*self
        }
    }
}

fn datagrams_since(now: &DatagramCounts, before: &DatagramCounts) -> DatagramCounts {
    let since = |count: fn(&DatagramCounts) -> u64| count(now).saturating_sub(count(before));
    DatagramCounts {
        received: since(|d| d.received),
        accepted: since(|d| d.accepted),
        control: since(|d| d.control),
        spare: since(|d| d.spare),
        duplicate: since(|d| d.duplicate),
        late: since(|d| d.late),
        foreign: since(|d| d.foreign),
        malformed: since(|d| d.malformed),
        bad_checksum: since(|d| d.bad_checksum),
        contradictory: since(|d| d.contradictory),
        unknown: since(|d| d.unknown),
        missing: since(|d| d.missing),
    }
}
