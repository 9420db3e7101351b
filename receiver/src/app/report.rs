//! Reports at each interval, and a last time when all has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::app::{Given, Reporter, StatsReport, StreamFormat};

use super::diagnosis::Diagnosis;
use crate::feed::{Everything, Feed, FeedCounters, OutputObject, Reports};
use crate::measure::Measurement;
use crate::output::Tallies;
use crate::session::ReceiveContext;
use crate::sync::lock;

/// The work of the report thread.
pub(crate) struct Reporting {
    pub(crate) shared: Arc<ReceiveContext>,
    /// Of all that arrives.
    pub(crate) format: StreamFormat,
    /// What nobody need be advised to give.
    pub(crate) given: Given,
    pub(crate) tallies: Tallies,
    /// What is measured, whose progress is then told instead of statistics.
    pub(crate) measurement: Option<Arc<Measurement>>,
    pub(crate) reporter: Reporter,
}

/// What is remembered of a feed from report to report.
struct Known {
    feed: Arc<Feed>,
    reports: Reports,
    diagnosis: Diagnosis,
}

impl Reporting {
    /// Reports until the program is told to stop, or `duration` is over; then has everything `end`ed.
    pub(crate) fn run(mut self, duration: Option<Duration>, end: impl FnOnce() -> Result<()>) -> Result<()> {
        let stop = self.shared.stop.clone();
        let mut known = Vec::new();
        let over = duration.map(|duration| Instant::now() + duration);
        self.feel_heartbeats();
        self.reporter.ready();
        loop {
            let left = over.map(|over| over.saturating_duration_since(Instant::now()));
            let wait = left.unwrap_or(Duration::MAX).min(self.reporter.until_next());
            if stop.wait(wait) || left == Some(Duration::ZERO) {
                break;
            }
            self.feel_heartbeats();
            self.reporter.keep_alive();
            if self.reporter.is_due() {
                self.look(&mut known);
                read_drops(&known);
                // One that nobody was told to expect is not missed.
                let expected = known.iter_mut().filter(|known| known.feed.number() > 0);
                expected.for_each(|known| known.diagnosis.look(&known.feed));
                let report = self.report(&mut known, false);
                self.reporter.report(&report);
            }
        }
        self.reporter.stopping();
        stop.request();
        // Before nobody reads the sockets any more: what they drop then is nobody's loss.
        self.look(&mut known);
        read_drops(&known);
        let result = end();
        self.look(&mut known);
        let report = self.report(&mut known, true);
        self.reporter.finish(&report);
        result
    }

    fn report(&self, known: &mut [Known], is_final: bool) -> StatsReport<Everything> {
        let report = report(known, is_final);
        match &self.measurement {
            Some(measurement) => StatsReport { line: measurement.line(), ..report },
            None => report,
        }
    }

    /// Has those watched who have begun to receive since.
    fn feel_heartbeats(&mut self) {
        for heartbeat in lock(&self.shared.heartbeats).drain(..) {
            self.reporter.watch("receive", heartbeat);
        }
    }

    /// Finds the feeds that have come since, and brings what outputs count into the statistics.
    fn look(&self, known: &mut Vec<Known>) {
        for (number, feed) in self.shared.feeds.list().into_iter().enumerate() {
            if known.get(number).is_none_or(|known| !Arc::ptr_eq(&known.feed, &feed)) {
                // The one that stood in for those to come has been given its number.
                known.truncate(number);
                let reports = Reports::since(feed.began);
                let diagnosis = Diagnosis::new(&feed, self.format);
                let diagnosis = diagnosis.of_given(self.given);
                known.push(Known { feed, reports, diagnosis });
            }
            let feed = &known[number].feed;
            if feed.outputs().is_some() {
                feed.live().counters.outputs = self.tallies.read().map(OutputObject::new).collect();
            }
        }
    }
}

fn read_drops(known: &[Known]) {
    for Known { feed, .. } in known {
        let probe = &feed.origin.probe;
        let (dropped, away) = (probe.kernel_dropped(), probe.turned_away());
        let counters = &mut feed.live().counters;
        (counters.kernel_dropped, counters.turned_away) = (dropped, away);
    }
}

fn report(known: &mut [Known], is_final: bool) -> StatsReport<Everything> {
    if known.is_empty() {
        let StatsReport { line, object } =
            Reports::since(Instant::now()).make(&mut FeedCounters::default(), is_final);
        return StatsReport { line, object: Everything::new(vec![object]) };
    }
    let (lines, objects): (Vec<_>, Vec<_>) = known
        .iter_mut()
        .map(|known| known.reports.make(&mut known.feed.live().counters, is_final))
        .map(|r| (r.line, r.object))
        .unzip();
    let object = Everything::new(objects);
    let line = if lines.len() == 1 { lines.into_iter().next().unwrap_or_default() } else { object.line() };
    StatsReport { line, object }
}
