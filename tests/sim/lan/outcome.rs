//! How a run ended.

use std::time::Duration;

use proto::keys::RefusalCounts;
use proto::netem::NetemCounts;
use proto::{RecvStats, SendStats};

use super::ledger::Ledger;
use super::monitor::ClockSeen;
use super::receiver::Receiver;
use super::station::{Station, sum};
use super::traffic::Traffic;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the senders counted.
    pub(crate) sent: SendStats,
    /// What the first receiver counted.
    pub(crate) received: RecvStats,
    /// From push to delivery at the first receiver, shortest first.
    pub(crate) latencies: Vec<Duration>,
    /// What the senders' networks did.
    pub(crate) network: NetemCounts,
    /// What all of it took on the wire.
    pub(crate) traffic: Traffic,
    /// Each receiver, the first too.
    pub(crate) receivers: Vec<Seen>,
    /// What the senders' keys refused.
    pub(crate) refused: RefusalCounts,
    /// What was simulated, seeds included.
    pub(crate) description: String,
}

/// What one receiver saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// What it counted.
    pub(crate) received: RecvStats,
    /// What the network to it did.
    pub(crate) network: NetemCounts,
    /// What its keys refused.
    pub(crate) refused: RefusalCounts,
    /// How well it knew the sender's time.
    pub(crate) clock: ClockSeen,
    /// From push to delivery, for half of all frames and for 99 of 100, in milliseconds.
    pub(crate) latency: [Option<f64>; 2],
}

impl Outcome {
    pub(super) fn new(stations: Vec<Station>, receivers: Vec<Receiver>, ledger: &Ledger) -> Self {
        let (mut network, mut sent) = (NetemCounts::default(), SendStats::default());
        let mut by_senders = RefusalCounts::default();
        for station in &stations {
            let counts = station.network.counts();
            conserves(ledger, counts);
            add(&mut network, counts);
            sent = sum(&sent, &station.stats());
            by_senders.merge(&station.lock.refused());
        }
        ledger.finish(&sent);
        let (mut seen, mut first) = (Vec::new(), Vec::new());
        for mut receiver in receivers {
            let (received, network) = (*receiver.stream.stats(), receiver.network.counts());
            conserves(ledger, network);
            conserves(ledger, receiver.back.counts());
            receiver.monitor.finish(ledger, &received, network.arrived - receiver.refused);
            let refused = receiver.lock.refused();
            let clock = receiver.monitor.clock();
            let latencies = receiver.monitor.into_latencies();
            let latency = [percentile(&latencies, 50), percentile(&latencies, 99)];
            if seen.is_empty() {
                first = latencies;
            }
            seen.push(Seen { received, network, refused, clock, latency });
        }
        Self {
            sent,
            received: seen[0].received,
            latencies: first,
            network,
            traffic: ledger.traffic,
            receivers: seen,
            refused: by_senders,
            description: ledger.description().to_owned(),
        }
    }

    /// Frames delivered to the first receiver of those pushed, from 0 to 1.
    pub(crate) fn delivered(&self) -> f64 {
        self.delivered_to(0)
    }

    /// Frames delivered to a receiver of those pushed, from 0 to 1.
    pub(crate) fn delivered_to(&self, receiver: usize) -> f64 {
        self.receivers[receiver].received.delivered as f64 / self.sent.pushed as f64
    }

    /// The latency that `percent` percent of the frames delivered to the first receiver kept, in milliseconds.
    pub(crate) fn latency(&self, percent: usize) -> Option<f64> {
        percentile(&self.latencies, percent)
    }

    /// Frames sent of which nothing arrived at the first receiver.
    pub(crate) fn vanished(&self) -> u64 {
        self.sent.sent - self.received.delivered - self.received.lost.total()
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[last * percent / 100].as_secs_f64() * 1e3)
}

/// Everything that went into a network came out, or was lost.
fn conserves(ledger: &Ledger, network: NetemCounts) {
    let came = network.arrived + network.lost + network.overflowed;
    assert_eq!(network.pushed + network.duplicated, came, "{ledger}: the network");
}

fn add(sum: &mut NetemCounts, more: NetemCounts) {
    sum.pushed += more.pushed;
    sum.lost += more.lost;
    sum.overflowed += more.overflowed;
    sum.duplicated += more.duplicated;
    sum.corrupted += more.corrupted;
    sum.reordered += more.reordered;
    sum.arrived += more.arrived;
}
