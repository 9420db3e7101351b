//! Says while the receiver runs what is wrong, now and then.

use std::net::SocketAddr;
use std::time::Instant;

use proto::explain::{Cause, Evidence, Watch};
use proto::host::{Console, Interface};

use crate::args::Format;
use crate::feed::{Feed, Origin};
use crate::stats::{Counters, Stats};

/// Looks at the statistics at each interval, and says what is wrong, where something is.
#[derive(Debug)]
pub struct Diagnosis {
    listen: SocketAddr,
    interface: Option<String>,
    buffer: usize,
    format: Format,
    watch: Watch,
    /// The sender that is asked, if one is.
    asks: Option<String>,
    /// The sender, and whether it is reached by Wi-Fi.
    way: Option<(String, bool)>,
    console: Console,
}

impl Diagnosis {
    /// Of this feed, which arrives in this format.
    pub fn new(feed: &Feed, format: Format, console: Console) -> Self {
        let watch = Watch::new(&Evidence::default(), Instant::now());
        let Origin { listen, interface, buffer, asks, .. } = feed.origin.clone();
        let asks = asks.then(|| feed.status().listening.clone());
        Self { listen, interface, buffer, format, watch, asks, way: None, console }
    }

    /// Looks at what was counted so far.
    pub fn look(&mut self, stats: &Stats) {
        let counters = stats.lock();
        let (mut totals, source) = (evidence(&counters), counters.source.clone());
        let (is_over, is_full) = (counters.is_over, counters.is_full);
        drop(counters);
        (totals.port, totals.is_group) = (self.listen.port(), self.listen.ip().is_multicast());
        (totals.buffer, totals.is_rtp) = (Some(self.buffer), self.format == Format::Rtp);
        totals.is_wireless = source.is_some_and(|source| self.is_wireless(source));
        match self.watch.look(&totals, is_over || is_full, Instant::now()) {
            // It is said by name when it comes.
            None | Some(Cause::OtherSender { .. }) => {}
            Some(cause) => self.console.warn(self.sentence(cause)),
        }
        stats.lock().diagnosis = match &self.asks {
            // That was said when it turned out.
            Some(whom) if is_full => Some(full(whom)),
            _ => self.watch.found().map(|cause| self.sentence(cause)),
        };
    }

    /// What to say of a cause.
    fn sentence(&self, cause: Cause) -> String {
        match (cause, &self.asks) {
            // Nobody is expected to send here without being asked.
            (Cause::NothingArrives { .. }, Some(whom)) => format!(
                "nothing comes from {whom}: does a sender serve there (without --dest, or with --serve), and does no \
                 firewall keep UDP back?"
            ),
            (cause, _) => cause.to_string(),
        }
    }

    fn is_wireless(&mut self, source: String) -> bool {
        if let Some((known, is_wireless)) = &self.way
            && *known == source
        {
            return *is_wireless;
        }
        let way = match &self.interface {
            Some(name) => Interface::find(name).ok(),
            None => source.parse().ok().and_then(|source| Interface::towards(source).ok()),
        };
        let is_wireless = way.is_some_and(|interface| interface.is_wireless());
        self.way = Some((source, is_wireless));
        is_wireless
    }
}

/// What to say of a sender that is asked and has no room.
pub(crate) fn full(whom: &str) -> String {
    format!(
        "{whom} is full: it has as many viewers as it may; it is shown when one of them leaves. To let in more, give the \
         sender a larger --max-viewers"
    )
}

/// What the counters say of what is wrong.
fn evidence(counters: &Counters) -> Evidence {
    Evidence {
        kernel_dropped: counters.kernel_dropped,
        undecoded: counters.undecoded,
        unshown: counters.unshown,
        ..Evidence::of_stream(&counters.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_this_computer_are_told_from_those_of_the_network() {
        let mut counters = Counters { kernel_dropped: 900, undecoded: 1, unshown: 2, ..Counters::default() };
        (counters.stream.delivered, counters.stream.unseen) = (100, 20);
        let evidence = evidence(&counters);
        assert_eq!((evidence.undecoded, evidence.unshown, evidence.lost), (1, 2, 20));
        let causes = proto::explain::explain(&Evidence { datagrams: None, ..evidence });
        assert!(matches!(causes[0], Cause::KernelBuffer { dropped: 900, .. }), "{causes:?}");
    }

    #[test]
    fn where_a_sender_is_asked_it_is_not_told_to_send_here() {
        let nothing = Cause::NothingArrives { port: 4000, is_group: false };
        let mut diagnosis = Diagnosis::new(&crate::feed::tests::feed(), Format::Chunkcast, Console::silent());
        assert!(diagnosis.sentence(nothing).contains("--dest an address of this computer"));
        diagnosis.asks = Some("door (10.0.0.7:9001)".into());
        let sentence = diagnosis.sentence(nothing);
        assert!(sentence.contains("from door (10.0.0.7:9001)") && sentence.contains("--serve"), "{sentence}");
    }

    #[test]
    fn while_a_sender_is_full_nothing_else_is_wrong() {
        let (feed, stats) = (crate::feed::tests::feed(), Stats::default());
        let mut diagnosis = Diagnosis::new(&feed, Format::Chunkcast, Console::silent());
        diagnosis.asks = Some("door (10.0.0.7:9001)".into());
        stats.lock().is_full = true;
        diagnosis.look(&stats);
        let said = stats.lock().diagnosis.clone().unwrap();
        assert!(said.starts_with("door (10.0.0.7:9001) is full") && said.contains("--max-viewers"), "{said}");
        stats.lock().is_full = false;
        diagnosis.look(&stats);
        assert_eq!(stats.lock().diagnosis, None);
    }

    #[test]
    fn the_way_to_a_sender_on_this_computer_is_no_wifi() {
        let mut diagnosis = Diagnosis::new(&crate::feed::tests::feed(), Format::Chunkcast, Console::silent());
        assert!(!diagnosis.is_wireless("127.0.0.1:4000".into()));
        diagnosis.look(&Stats::default());
    }
}
