//! The causes of a bad stream, and how each shows in the counters.

#[cfg(test)]
pub(crate) mod tests;

use super::counters::Counters;
use crate::stats::NotTaken;

/// What is wrong. [`Display`](std::fmt::Display) says it in one sentence, with what to do; the sentence serves on both
/// computers, and so names the one that is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// No datagram arrives.
    NothingArrives {
        /// The port that is listened on.
        port: u16,
        /// Whether a group is listened to.
        is_group: bool,
    },
    /// Datagrams arrive, and none of them is a sender's.
    NotOurs {
        /// How many.
        datagrams: u64,
    },
    /// RTP arrives that is not taken.
    NotTaken {
        /// How many datagrams.
        datagrams: u64,
        /// What it is.
        why: NotTaken,
    },
    /// Datagrams of another version of the protocol arrive.
    OtherVersion {
        /// How many.
        datagrams: u64,
    },
    /// The sender's hellos arrive, and nothing of its frames.
    LargeDatagrams {
        /// How many frames it began meanwhile, by what its hellos say.
        frames: u64,
    },
    /// The receiver's system had no room for what arrived.
    KernelBuffer {
        /// Datagrams that it dropped.
        dropped: u64,
        /// Frames that were lost, of a hundred.
        percent: f64,
        /// Whether its buffer is as large as it should be.
        is_large: bool,
    },
    /// Frames are lost on the network.
    Network {
        /// Of a hundred.
        percent: f64,
        /// Which part of them is missing.
        missing: Missing,
        /// Whether one of the computers is known to be on Wi-Fi.
        is_wireless: bool,
        /// Whether it is sent to a group.
        is_group: bool,
        /// Whether it is RTP/JPEG.
        is_rtp: bool,
    },
    /// Datagrams arrive with flipped bits.
    Damaged {
        /// How many.
        datagrams: u64,
    },
    /// The sender's system refuses to send.
    SenderSocket {
        /// How often.
        errors: u64,
    },
    /// Pictures come faster than they are decoded.
    SlowDecode {
        /// Of a hundred delivered frames, those that were left out.
        percent: f64,
    },
    /// Pictures come faster than they are shown.
    SlowDisplay {
        /// Of a hundred delivered frames, those that were left out.
        percent: f64,
    },
    /// One of the two computers' clocks jumped.
    ClockJumped,
    /// A second sender sends to the same place.
    OtherSender {
        /// Its datagrams.
        datagrams: u64,
    },
    /// The receiver's questions are not answered.
    OneWay,
    /// Much is lost, and all but nothing of it needed.
    Repaired {
        /// Datagrams that did not arrive when they were first sent, of a hundred.
        percent: f64,
    },
}

/// Which part of the lost frames is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Any.
    Anywhere,
    /// The ends: something on the way had no room for the rest.
    Ends,
    /// All of them, one after the other.
    WholeFrames,
}

impl Cause {
    /// Whether somebody should do something about it. The rest is good to know.
    pub fn needs_attention(&self) -> bool {
        !matches!(self, Self::Repaired { .. } | Self::ClockJumped)
    }

    /// Whether it is worth a word again soon. Links may be one-way on purpose, and screens slower than the camera.
    pub(super) fn is_urgent(&self) -> bool {
        let may_be_wanted =
            matches!(self, Self::OneWay | Self::OtherSender { .. } | Self::SlowDisplay { .. });
        self.needs_attention() && !may_be_wanted
    }
}

/// What explains the `counters`, the likeliest first; nothing if all is well. It asks for at least a second of it: less
/// says little.
pub fn explain(counters: &Counters) -> Vec<Cause> {
    let e = counters;
    let mut causes = Vec::new();
    if e.send_errors > 0 {
        causes.push(Cause::SenderSocket { errors: e.send_errors });
    }
    if e.datagrams.is_some_and(|datagrams| datagrams.accepted + datagrams.control == 0) {
        causes.extend(without_sender(e));
        return causes;
    }
    if e.datagrams.is_some_and(|d| d.accepted + d.spare + d.duplicate + d.late == 0)
        && e.announced >= FRAMES_FOR_MTU
    {
        causes.push(Cause::LargeDatagrams { frames: e.announced });
        return causes;
    }
    causes.extend(frames_lost(e));
    causes.extend(too_slow(e));
    let d = e.datagrams.unwrap_or_default();
    if d.foreign >= FEW {
        causes.push(Cause::OtherSender { datagrams: d.foreign });
    }
    if e.clock_jumps > 0 {
        causes.push(Cause::ClockJumped);
    }
    if e.answers == 0 && e.questions >= QUESTIONS {
        causes.push(Cause::OneWay);
    }
    let lost_first = percent(e.missing, e.arrived);
    if causes.iter().all(|cause| !cause.needs_attention()) && lost_first >= MUCH_REPAIRED && e.missing >= FEW
    {
        causes.push(Cause::Repaired { percent: lost_first });
    }
    causes
}

/// Nothing of a sender's arrived: what then?
fn without_sender(e: &Counters) -> Option<Cause> {
    let d = e.datagrams.unwrap_or_default();
    if e.kernel_dropped > 0 && d.received == 0 {
        // The thread that reads stands still.
        return Some(kernel(e, 100.0));
    }
    Some(match d.received {
        0 if e.lost == 0 => Cause::NothingArrives { port: e.port, is_group: e.is_group },
        0 => return network(e),
        n if d.unknown * 2 > n && e.not_taken.is_some() => {
            Cause::NotTaken { datagrams: d.unknown, why: e.not_taken? }
        }
        n if d.unknown * 2 > n => Cause::OtherVersion { datagrams: d.unknown },
        n if d.bad_checksum * 2 > n => Cause::Damaged { datagrams: d.bad_checksum },
        // What is left of a sender that has ended.
        n if d.late * 2 > n => return None,
        n => Cause::NotOurs { datagrams: n },
    })
}

/// Where frames that were lost got lost.
fn frames_lost(e: &Counters) -> Vec<Cause> {
    let mut causes = Vec::new();
    let lost = percent(e.lost, e.delivered);
    if e.lost < FEW_FRAMES || lost < LOST {
        return causes;
    }
    let missing = e.missing.max(e.datagrams.unwrap_or_default().missing);
    let damaged = e.datagrams.unwrap_or_default().bad_checksum;
    if damaged * 2 > missing && damaged > 0 {
        causes.push(Cause::Damaged { datagrams: damaged });
    } else if e.kernel_dropped * 2 < missing || e.kernel_dropped == 0 {
        causes.extend(network(e));
    }
    if e.kernel_dropped > 0 {
        causes.push(kernel(e, lost));
    }
    causes
}

fn kernel(e: &Counters, percent: f64) -> Cause {
    let is_large = e.buffer.is_some_and(|bytes| bytes >= WANTED_BUFFER);
    Cause::KernelBuffer { dropped: e.kernel_dropped, percent, is_large }
}

fn network(e: &Counters) -> Option<Cause> {
    let missing = e.missing.max(e.datagrams.unwrap_or_default().missing);
    if e.lost == 0 {
        return None;
    }
    let part = if e.unseen * 2 > e.lost || missing == 0 {
        Missing::WholeFrames
    } else if is_at_ends(e) {
        Missing::Ends
    } else {
        Missing::Anywhere
    };
    let percent = percent(e.lost, e.delivered);
    let &Counters { is_wireless, is_group, is_rtp, .. } = e;
    Some(Cause::Network { percent, missing: part, is_wireless, is_group, is_rtp })
}

/// Whether the ends of frames are missing: far more of the second halves than of the first ones, or all of them and not
/// as much of the first.
fn is_at_ends(e: &Counters) -> bool {
    let (end, start) = (e.missing_at_end as f64, e.missing.saturating_sub(e.missing_at_end) as f64);
    let half = e.arrived.saturating_add(e.missing) as f64 / 2.0;
    let is_enough = e.missing_at_end >= ENOUGH_AT_ENDS && e.lost >= ENOUGH_FRAMES;
    is_enough && (end > 2.0 * start || end > 0.9 * half && end > 1.1 * start)
}

fn too_slow(e: &Counters) -> impl Iterator<Item = Cause> {
    let share = |dropped: u64| percent(dropped, e.delivered.saturating_sub(dropped));
    let is_much = |dropped: u64| dropped >= FEW && share(dropped) >= TOO_SLOW;
    let decode = is_much(e.undecoded).then(|| Cause::SlowDecode { percent: share(e.undecoded) });
    let display = is_much(e.unshown).then(|| Cause::SlowDisplay { percent: share(e.unshown) });
    [decode, display].into_iter().flatten()
}

/// How many of a hundred are `these`, where the others are `rest`.
fn percent(these: u64, rest: u64) -> f64 {
    if these == 0 { 0.0 } else { 100.0 * these as f64 / these.saturating_add(rest) as f64 }
}

/// What a receiver wants its socket's buffer to be, in bytes: twenty frames of a 1080p camera.
pub const WANTED_BUFFER: usize = 4 << 20;
/// Fewer datagrams or pictures than this say nothing.
const FEW: u64 = 5;
/// One frame is lost whenever a sender is restarted.
const FEW_FRAMES: u64 = 2;
/// Of a hundred frames; at 30 a second, one in seven seconds, which somebody who looks for it sees.
const LOST: f64 = 0.5;
/// Chance puts a few bursts all into second halves, but not these.
const ENOUGH_AT_ENDS: u64 = 20;
const ENOUGH_FRAMES: u64 = 4;
/// Of a hundred pictures.
const TOO_SLOW: f64 = 5.0;
/// Of a hundred datagrams: what costs as much again to repair.
const MUCH_REPAIRED: f64 = 5.0;
/// One question or its answer may be lost, or be on its way.
const QUESTIONS: u64 = 2;
/// One frame's datagrams may all be lost by chance, or be on their way.
const FRAMES_FOR_MTU: u64 = 3;
