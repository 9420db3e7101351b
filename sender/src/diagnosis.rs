//! Says while the sender runs who receives it, and what is wrong where.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::explain::{Evidence, Watch};
use proto::host::Console;

use crate::stats::{Destination, Stats};

/// Looks at the statistics at each interval, and says what is new: viewers that came and went, what is wrong with one of
/// them, what the system refused, and, once, that nothing comes back.
#[derive(Debug)]
pub struct Diagnosis {
    destinations: Vec<Watched>,
    console: Console,
}

/// A destination as it was last seen.
#[derive(Debug)]
struct Watched {
    is_group: bool,
    is_wireless: bool,
    watch: Watch,
    viewers: BTreeMap<SocketAddr, Watch>,
    /// Since when it has been sent to; `None` once somebody has answered, or it was said that nobody does.
    unanswered: Option<Instant>,
}

impl Diagnosis {
    /// Of a sender to these destinations, which each is a group or not, by Wi-Fi or not.
    pub fn new(destinations: impl Iterator<Item = (SocketAddr, bool)>, console: Console) -> Self {
        let now = Instant::now();
        let destinations = destinations.map(|(to, is_wireless)| Watched::new(to, is_wireless, now)).collect();
        Self { destinations, console }
    }

    /// Looks at what was counted so far.
    pub fn look(&mut self, stats: &Stats, now: Instant) {
        let counted = stats.lock().destinations.clone();
        let mut found = None;
        for (watched, counted) in self.destinations.iter_mut().zip(&counted) {
            for line in watched.look(counted, now) {
                self.console.say(line);
            }
            found = found.or_else(|| watched.found(&counted.address));
        }
        stats.lock().diagnosis = found;
    }
}

impl Watched {
    fn new(to: SocketAddr, is_wireless: bool, now: Instant) -> Self {
        Self {
            is_group: to.ip().is_multicast(),
            is_wireless,
            watch: Watch::new(&Evidence::default(), now),
            viewers: BTreeMap::new(),
            unanswered: Some(now),
        }
    }

    /// What is to be said.
    fn look(&mut self, counted: &Destination, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        let totals = Evidence { send_errors: counted.errors, ..Evidence::default() };
        // Each refusal is said where it happens, with its reason.
        let _said = self.watch.look(&totals, false, now);
        self.come_and_go(counted, now, &mut lines);
        for (address, viewer) in &counted.viewers {
            let totals = Evidence {
                is_group: self.is_group,
                is_wireless: self.is_wireless,
                ..Evidence::of_report(&viewer.counts, viewer.missing_at_end)
            };
            let watch = self.viewers.entry(*address).or_insert_with(|| Watch::new(&totals, now));
            if let Some(cause) = watch.look(&totals, false, now) {
                lines.push(format!("viewer {address}: {cause}"));
            }
        }
        lines.truncate(MOST_LINES);
        lines
    }

    /// Notes which viewers came and went, and whether there ever was one.
    fn come_and_go(&mut self, counted: &Destination, now: Instant, lines: &mut Vec<String>) {
        let is_here = |address: &SocketAddr| counted.viewers.iter().any(|(here, _)| here == address);
        let came = counted.viewers.iter().map(|(address, _)| *address);
        let came: Vec<_> = came.filter(|address| !self.viewers.contains_key(address)).collect();
        let went: Vec<_> = self.viewers.keys().filter(|address| !is_here(address)).copied().collect();
        self.viewers.retain(|address, _| is_here(address));
        for (who, what) in [(came, "watches"), (went, "is gone: nothing was heard of it for a while")] {
            match who[..] {
                [] => {}
                [address] => lines.push(format!("viewer {address} {what}")),
                _ => lines.push(format!("{} viewers: each {what}", who.len())),
            }
        }
        let has_sent = counted.stream.data > 0;
        match self.unanswered {
            Some(_) if !counted.viewers.is_empty() => self.unanswered = None,
            Some(_) if !has_sent => self.unanswered = Some(now),
            Some(since) if !self.is_group && now.saturating_duration_since(since) >= PATIENCE => {
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
        let own = self.watch.found().map(|cause| format!("to {address}: {cause}"));
        own.or_else(|| {
            let found = |(address, watch): (&SocketAddr, &Watch)| {
                watch.found().map(|cause| format!("viewer {address}: {cause}"))
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
