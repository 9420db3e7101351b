//! What can be seen of a LAN while it runs.

use proto::{FrameId, RecvStats, SendStats, SessionId};

use super::traffic::Traffic;
use super::{Address, Lan};

impl Lan {
    /// How large a sender's frames may be.
    pub(crate) fn frame_budget(&mut self, at: usize) -> Option<usize> {
        self.stations[at].stream.frame_budget()
    }

    /// At how many bits per second a sender sends.
    pub(crate) fn pace(&self, at: usize) -> Option<f64> {
        self.stations[at].stream.pace()
    }

    /// What was sent last to an address that no receiver has.
    pub(crate) fn mail(&self, address: Address) -> Option<&[u8]> {
        self.mail.get(&address).map(Vec::as_slice)
    }

    /// What the first receiver counted so far.
    pub(crate) fn stats(&self) -> &RecvStats {
        self.receivers[0].stream.stats()
    }

    /// What a sender counted so far, since it was started last.
    pub(crate) fn sent(&self, at: usize) -> &SendStats {
        self.stations[at].stream.stats()
    }

    /// What was on the wire so far.
    pub(crate) fn traffic(&self) -> Traffic {
        self.ledger.traffic
    }

    /// The session of a sender.
    pub(crate) fn session(&self, at: usize) -> SessionId {
        self.stations[at].session
    }

    /// How many receivers a sender knows.
    pub(crate) fn viewers(&self, at: usize) -> usize {
        self.stations[at].stream.viewers().count()
    }

    /// The session that the first receiver listens to, if any ever began.
    pub(crate) fn heard(&self) -> Option<SessionId> {
        self.receivers[0].monitor.heard()
    }

    /// The numbers of the frames delivered to the first receiver so far, in order.
    pub(crate) fn delivered(&self) -> &[(SessionId, FrameId)] {
        self.receivers[0].monitor.delivered()
    }
}
