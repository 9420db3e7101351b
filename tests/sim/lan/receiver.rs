//! A receiver on the LAN, and the networks to it and back.

use std::time::{Duration, Instant};

use proto::keys::ReceiverKeys;
use proto::netem::{Impairment, Netem};
use proto::{MediaTime, RecvConfig, RecvStream, SessionId};

use super::clockwork::{Clockwork, Skew};
use super::keyring::Lock;
use super::monitor::Monitor;

/// How a receiver is set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReceiverSetup {
    /// How it behaves.
    pub(crate) config: RecvConfig,
    /// The network to it, behind the sender's; see [`Impairment`].
    pub(crate) network: String,
    /// The network from it to the senders.
    pub(crate) back: String,
    /// Its clock.
    pub(crate) clock: Skew,
    /// On a keyed LAN, whether what is sent to it alone is sealed for it alone.
    pub(crate) subscribes: bool,
}

impl ReceiverSetup {
    /// One that sends no feedback.
    pub(crate) fn silent() -> Self {
        let config = RecvConfig { feedback: false, resend: false, ..RecvConfig::default() };
        Self { config, ..Self::default() }
    }
}

/// A receiver and its networks; its place in the list is its address.
pub(super) struct Receiver {
    pub(super) stream: RecvStream<usize>,
    /// When the stream wants to be woken, by its own clock.
    pub(super) wakes: Option<Instant>,
    pub(super) clock: Clockwork,
    /// What comes, and from which station.
    pub(super) network: Netem<usize>,
    /// What goes back, and to which station.
    pub(super) back: Netem<usize>,
    pub(super) monitor: Monitor,
    pub(super) subscribes: bool,
    pub(super) lock: Lock<ReceiverKeys>,
    /// How much of what came over the network it did not open.
    pub(super) refused: u64,
}

impl Receiver {
    pub(super) fn new(setup: &ReceiverSetup, begin: Instant) -> Self {
        let network = |text: &str| Netem::new(text.parse::<Impairment>().expect("a network"));
        Self {
            stream: RecvStream::new(setup.config),
            wakes: None,
            clock: Clockwork::new(begin, setup.clock),
            network: network(&setup.network),
            back: network(&setup.back),
            monitor: Monitor::default(),
            subscribes: setup.subscribes,
            lock: Lock::new(None),
            refused: 0,
        }
    }

    /// When something is to be done here.
    pub(super) fn next(&self) -> Option<Instant> {
        let wakes = self.wakes.map(|wakes| self.clock.truth(wakes));
        [wakes, self.network.next_due(), self.back.next_due()].into_iter().flatten().min()
    }

    /// How far the sender's time that it shows is from `truth`, and how far it says that it may be; both in
    /// microseconds. `None` if it shows none, or another session's.
    pub(super) fn clock_error(
        &self,
        session: SessionId,
        truth: MediaTime,
        now: Instant,
    ) -> Option<(u64, u64)> {
        let local = self.clock.local(now);
        let reading = self.stream.clock(local).filter(|_| self.monitor.heard() == Some(session))?;
        let bar: Duration = reading.error_at(local);
        Some((reading.at(local).micros_since(truth).unsigned_abs(), bar.as_micros() as u64))
    }
}
