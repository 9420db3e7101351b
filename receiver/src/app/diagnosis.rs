//! Reports the cause of a bad stream while the receiver runs.

use std::net::SocketAddr;
use std::time::Instant;

use proto::app::{Given, StreamFormat};
use proto::diagnosis::{Cause, Counters, Monitor};
use proto::sys::Interface;

use crate::feed::{Feed, FeedCounters, Origin};
use crate::session::full;

/// Looks at the statistics at each interval, and says what is wrong, where something is.
#[derive(Debug)]
pub(super) struct Diagnosis {
    listen: SocketAddr,
    interface: Option<String>,
    buffer: usize,
    format: StreamFormat,
    /// What the receiver was given already.
    given: Given,
    watch: Monitor,
    /// The sender that it subscribes at, if it does.
    subscribes: Option<String>,
    /// How the sender is reached, once one is heard.
    way: Option<SourceRoute>,
}

/// How a sender is reached.
#[derive(Debug)]
struct SourceRoute {
    source: String,
    /// The name of the interface; empty where that is not known.
    interface: String,
    is_wireless: bool,
}

impl Diagnosis {
    /// Of this feed, which arrives in this format.
    pub(super) fn new(feed: &Feed, format: StreamFormat) -> Self {
        let watch = Monitor::new(&Counters::default(), Instant::now());
        let Origin { listen, interface, buffer, subscribes, .. } = feed.origin.clone();
        let subscribes = subscribes.then(|| feed.status().listening.clone());
        let given = Given::default();
        Self { listen, interface, buffer, format, given, watch, subscribes, way: None }
    }

    /// The same of a receiver that was given this, and is not told to be given it.
    #[must_use]
    pub(super) fn of_given(self, given: Given) -> Self {
        Self { given, ..self }
    }

    /// Looks at what was counted so far.
    pub(super) fn look(&mut self, feed: &Feed) {
        let live = feed.live();
        let (mut totals, source) = (counters(&live.counters), live.counters.source.clone());
        let FeedCounters { is_over, is_full, ref away, ref locked, .. } = live.counters;
        let away = away.clone().or_else(|| locked.clone());
        drop(live);
        (totals.port, totals.is_group) = (self.listen.port(), self.listen.ip().is_multicast());
        (totals.buffer, totals.is_rtp) = (Some(self.buffer), self.format == StreamFormat::Rtp);
        if let Some(source) = source {
            let way = self.way_to(source);
            totals.is_wireless = way.is_wireless;
            feed.live().is_reached(&way.source, &way.interface);
        }
        match self.watch.look(&totals, is_over || is_full || away.is_some(), Instant::now()) {
            // It is said by name when it comes.
            None | Some(Cause::OtherSender { .. }) => {}
            Some(cause) => tracing::warn!("{}", self.sentence(cause)),
        }
        // These were said when they turned out.
        let said = away.or_else(|| self.subscribes.as_deref().filter(|_| is_full).map(full));
        let diagnosis = said.or_else(|| self.watch.found().map(|cause| self.sentence(cause)));
        feed.live().counters.diagnosis = diagnosis;
    }

    /// What to say of a cause.
    fn sentence(&self, cause: Cause) -> String {
        match (cause, &self.subscribes) {
            // No sender is expected to send here without a subscription.
            (Cause::NothingArrives { .. }, Some(whom)) => format!(
                "nothing comes from {whom}: does a sender serve there (without --dest, or with --serve), and does no \
                 firewall keep UDP back?"
            ),
            (cause, _) => cause.told(self.given).to_string(),
        }
    }

    /// How this sender is reached. The system is asked once for each.
    fn way_to(&mut self, source: String) -> &SourceRoute {
        let known = self.way.take().filter(|way| way.source == source);
        self.way.insert(known.unwrap_or_else(|| {
            let found = match &self.interface {
                Some(name) => Interface::find(name).ok(),
                None => source.parse().ok().and_then(|source| Interface::towards(source).ok()),
            };
            let is_wireless = found.as_ref().is_some_and(Interface::is_wireless);
            let interface = self.interface.clone().or_else(|| Some(found?.name)).unwrap_or_default();
            SourceRoute { source, interface, is_wireless }
        }))
    }
}

/// What the counters say of what is wrong.
fn counters(counters: &FeedCounters) -> Counters {
    Counters {
        kernel_dropped: counters.kernel_dropped,
        undecoded: counters.undecoded,
        unshown: counters.unshown,
        ..Counters::of_stream(&counters.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_this_computer_are_told_from_those_of_the_network() {
        let mut counters =
            FeedCounters { kernel_dropped: 900, undecoded: 1, unshown: 2, ..FeedCounters::default() };
        (counters.stream.delivered, counters.stream.unseen) = (100, 20);
        let counters = super::counters(&counters);
        assert_eq!((counters.undecoded, counters.unshown, counters.lost), (1, 2, 20));
        let causes = proto::diagnosis::explain(&Counters { datagrams: None, ..counters });
        assert!(matches!(causes[0], Cause::KernelBuffer { dropped: 900, .. }), "{causes:?}");
    }

    #[test]
    fn where_a_sender_is_asked_it_is_not_told_to_send_here() {
        let nothing = Cause::NothingArrives { port: 4000, is_group: false };
        let mut diagnosis = Diagnosis::new(&crate::feed::tests::feed(), StreamFormat::Chunkcast);
        assert!(diagnosis.sentence(nothing).contains("--dest an address of this computer"));
        diagnosis.subscribes = Some("door (10.0.0.7:9001)".into());
        let sentence = diagnosis.sentence(nothing);
        assert!(sentence.contains("from door (10.0.0.7:9001)") && sentence.contains("--serve"), "{sentence}");
    }

    #[test]
    fn while_a_sender_is_full_nothing_else_is_wrong() {
        let feed = crate::feed::tests::feed();
        let mut diagnosis = Diagnosis::new(&feed, StreamFormat::Chunkcast);
        diagnosis.subscribes = Some("door (10.0.0.7:9001)".into());
        feed.live().counters.is_full = true;
        diagnosis.look(&feed);
        let said = feed.live().counters.diagnosis.clone().unwrap();
        assert!(said.starts_with("door (10.0.0.7:9001) is full") && said.contains("--max-viewers"), "{said}");
        feed.live().counters.is_full = false;
        diagnosis.look(&feed);
        assert_eq!(feed.live().counters.diagnosis, None);
    }

    #[test]
    fn the_way_to_a_sender_on_this_computer_is_no_wifi_and_the_window_is_told_of_it() {
        let feed = crate::feed::tests::feed();
        let mut diagnosis = Diagnosis::new(&feed, StreamFormat::Chunkcast);
        assert!(!diagnosis.way_to("127.0.0.1:4000".into()).is_wireless);
        feed.live().comes_from("127.0.0.1:4000".parse().unwrap(), None);
        assert_eq!(feed.status().interface, "", "the thread that receives does not ask for it");
        diagnosis.look(&feed);
        assert_eq!(feed.status().interface, Interface::find("127.0.0.1").unwrap().name);
    }
}
