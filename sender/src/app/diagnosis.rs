//! Reports while the sender runs who receives it, and what is wrong where.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::app::{Given, StreamFormat};
use proto::diagnosis::{Counters, Monitor};

use crate::stats::{DestinationCounters, Stats};

/// Looks at the statistics at each interval, and says what is new: viewers that came and went, what is wrong with one
/// of them, what the system refused, and, once, that nothing comes back.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// By the number that no other destination has.
    destinations: BTreeMap<u64, DestinationMonitor>,
    format: StreamFormat,
    /// What the sender was given already.
    given: Given,
}

/// A destination as it was last seen.
#[derive(Debug)]
struct DestinationMonitor {
    address: String,
    is_served: bool,
    given: Given,
    watch: Monitor,
    viewers: BTreeMap<SocketAddr, Monitor>,
    /// Since when it has been sent to; `None` once somebody has answered, or it was said that nobody does, and where
    /// nobody ever does.
    unanswered: Option<Instant>,
}

impl Diagnosis {
    /// Of a sender, of this format, of which nothing was seen yet.
    pub(super) fn new(format: StreamFormat) -> Self {
        Self { destinations: BTreeMap::new(), format, given: Given::default() }
    }

    /// The same of a sender that was given this, and is not told to be given it.
    #[must_use]
    pub(super) fn of_given(self, given: Given) -> Self {
        Self { given, ..self }
    }

    /// Looks at what was counted so far.
    pub(super) fn look(&mut self, stats: &Stats, now: Instant) {
        let counted = stats.lock().destinations.clone();
        let (came, went) = self.come_and_go(&counted, now);
        for line in viewer_lines(&came, "watches").chain(viewer_lines(&went, "is gone")) {
            tracing::info!("{line}");
        }
        let mut found = None;
        for counted in &counted {
            let watched = self.destinations.get_mut(&counted.id).expect("it came");
            for line in watched.look(counted, now) {
                tracing::info!("{line}");
            }
            found = found.or_else(|| watched.found(&counted.address));
        }
        let mut counters = stats.lock();
        // What a source lacks may be so for days, as in the dark; it hides nothing else.
        counters.diagnosis = found.or_else(|| counters.source_diagnosis.clone());
    }

    /// Notes which destinations are new and which are no more; returns the addresses of the subscribers.
    fn come_and_go(&mut self, counted: &[DestinationCounters], now: Instant) -> (Vec<String>, Vec<String>) {
        let mut came = Vec::new();
        for counted in counted {
            self.destinations.entry(counted.id).or_insert_with(|| {
                came.extend(counted.is_served.then(|| counted.address.clone()));
                DestinationMonitor { given: self.given, ..DestinationMonitor::new(counted, self.format, now) }
            });
        }
        let is_here = |id: &u64| counted.iter().any(|counted| counted.id == *id);
        let gone: Vec<u64> = self.destinations.keys().filter(|id| !is_here(id)).copied().collect();
        let went = gone.iter().filter_map(|id| self.destinations.remove(id)).map(|watched| watched.address);
        (came, went.collect())
    }
}

/// What is said of some viewers.
fn viewer_lines(who: &[impl std::fmt::Display], what: &str) -> impl Iterator<Item = String> {
    match who {
        [] => None,
        [address] => Some(format!("viewer {address} {what}")),
        _ => Some(format!("{} viewers: each {what}", who.len())),
    }
    .into_iter()
}

impl DestinationMonitor {
    fn new(counted: &DestinationCounters, format: StreamFormat, now: Instant) -> Self {
        Self {
            address: counted.address.clone(),
            is_served: counted.is_served,
            given: Given::default(),
            watch: Monitor::new(&Counters::default(), now),
            viewers: BTreeMap::new(),
            // What receives RTP/JPEG says nothing back.
            unanswered: (format == StreamFormat::Chunkcast).then_some(now),
        }
    }

    /// What is to be said.
    fn look(&mut self, counted: &DestinationCounters, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        let totals = Counters { send_errors: counted.errors, ..Counters::default() };
        // Each refusal is said where it happens, with its reason.
        let _said = self.watch.look(&totals, false, now);
        self.come_and_go(counted, now, &mut lines);
        for (address, viewer) in &counted.viewers {
            let totals = Counters {
                is_group: counted.is_group,
                is_wireless: counted.is_wireless,
                ..Counters::of_report(&viewer.counts, viewer.missing_at_end)
            };
            let watch = self.viewers.entry(*address).or_insert_with(|| Monitor::new(&totals, now));
            if let Some(cause) = watch.look(&totals, false, now) {
                lines.push(format!("viewer {address}: {}", cause.told(self.given)));
            }
        }
        lines.truncate(MOST_LINES);
        lines
    }

    /// Notes which viewers came and went, and whether there ever was one.
    fn come_and_go(&mut self, counted: &DestinationCounters, now: Instant, lines: &mut Vec<String>) {
        let is_here = |address: &SocketAddr| counted.viewers.iter().any(|(here, _)| here == address);
        let came = counted.viewers.iter().map(|(address, _)| *address);
        let came: Vec<_> = came.filter(|address| !self.viewers.contains_key(address)).collect();
        let went: Vec<_> = self.viewers.keys().filter(|address| !is_here(address)).copied().collect();
        self.viewers.retain(|address, _| is_here(address));
        // A subscriber is known before it sends feedback, and need not send any.
        if self.is_served {
            return;
        }
        lines.extend(viewer_lines(&came, "watches"));
        lines.extend(viewer_lines(&went, "is gone: nothing was heard of it for a while"));
        let has_sent = counted.stream.data > 0;
        match self.unanswered {
            Some(_) if !counted.viewers.is_empty() => self.unanswered = None,
            Some(_) if !has_sent => self.unanswered = Some(now),
            Some(since) if !counted.is_group && now.saturating_duration_since(since) >= PATIENCE => {
                self.unanswered = None;
                lines.push(format!(
                    "nothing comes back from {}: no receiver runs there (or it runs with --feedback off), or a firewall \
                     keeps back what goes there or what comes back. It is sent on; without reports nothing is sent again, \
                     and the pace stays what it is",
                    counted.address
                ));
            }
            _ => {}
        }
    }

    /// What is wrong as it was last found, here or with a viewer.
    fn found(&self, address: &str) -> Option<String> {
        let own = self.watch.found().map(|cause| format!("to {address}: {}", cause.told(self.given)));
        own.or_else(|| {
            let found = |(address, watch): (&SocketAddr, &Monitor)| {
                watch.found().map(|cause| format!("viewer {address}: {}", cause.told(self.given)))
            };
            self.viewers.iter().find_map(found)
        })
    }
}

/// After a receiver was started, its first answer comes within a tenth of this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of one look at one destination: a person reads no more, and the statistics have them all.
const MOST_LINES: usize = 4;

#[cfg(test)]
mod tests;
