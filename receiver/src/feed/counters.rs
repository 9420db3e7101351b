//! What is counted of a sender.

use std::time::Duration;

use proto::keys::RefusalCounts;
use proto::wire::Signer;
use proto::{RecvStats, WindowedHistogram};
use serde::Serialize;

use super::delay::Agreement;
use crate::output::OutputCounts;

/// What is counted of a sender.
#[derive(Debug, Default)]
pub struct FeedCounters {
    /// What the stream counted.
    pub stream: RecvStats,
    /// Datagrams that the kernel dropped before they were read.
    pub kernel_dropped: u64,
    /// Datagrams that the kernel was told to turn away during a flood.
    pub turned_away: u64,
    /// Pictures that were shown.
    pub displayed: u64,
    /// Frames that were delivered, but a newer one came before they were decoded.
    pub undecoded: u64,
    /// Pictures that were decoded, but a newer one came before they were shown.
    pub unshown: u64,
    /// Frames that are no JPEG we decode.
    pub refused: u64,
    /// Frames that were not shown because the window shows another sender.
    pub hidden: u64,
    /// From capture to the frame's last chunk.
    pub transit: WindowedHistogram,
    /// From the first chunk to the last.
    pub reassemble: WindowedHistogram,
    /// From JPEG to pixels.
    pub decode: WindowedHistogram,
    /// From pixels to the screen.
    pub present: WindowedHistogram,
    /// From capture to the screen.
    pub latency: WindowedHistogram,
    /// What transit and latency are counted from.
    pub clock: Agreement,
    /// How wrong the sender's clock may be, where transit and latency are absolute.
    pub clock_error: WindowedHistogram,
    /// How wrong its capture times may be, where it says so.
    pub capture_error: Option<Duration>,
    /// The session that is received.
    pub session: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// What the sender calls itself.
    pub name: String,
    /// What the outputs besides the window wrote, and what they could not keep up with.
    pub outputs: Vec<OutputObject>,
    /// Whether nothing is expected now: the sender has ended its stream, or has no pictures.
    pub is_over: bool,
    /// Whether the sender says that it has no room for another viewer.
    pub is_full: bool,
    /// Why the receiver does not subscribe, if another sender is where it was.
    pub away: Option<String>,
    /// Why it is not shown, if that is because of a key.
    pub locked: Option<String>,
    /// What was refused because it is not sealed as it should be, where there is a key.
    pub keyed: Option<RefusalCounts>,
    /// Who signs the pictures, and what was refused because of that.
    pub signature: SignatureCounters,
    /// What is wrong, if something is, in a sentence.
    pub diagnosis: Option<String>,
}

impl FeedCounters {
    /// Begins anew with whatever is counted from the capture: from now on it is counted otherwise.
    pub fn forget_delays(&mut self, clock: Agreement) {
        self.clock = clock;
        for meter in [&mut self.transit, &mut self.latency, &mut self.clock_error] {
            meter.clear();
        }
    }
}

/// What is counted of signatures.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignatureCounters {
    /// Who has signed the newest picture.
    pub signer: Option<Signer>,
    /// Frames that were not the sender's own.
    pub refused: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct OutputObject {
    pub name: String,
    pub written: u64,
    pub dropped: u64,
}

impl OutputObject {
    /// An output's name, and what became of its frames.
    pub fn new((name, tally): (&str, OutputCounts)) -> Self {
        Self { name: name.to_owned(), written: tally.written, dropped: tally.dropped }
    }
}
