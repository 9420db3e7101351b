//! The sender in a browser: the pictures that it sends, and its figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::app::web::{Family, Listener, Site, WebFeed};
use proto::app::{Broadcast, LatestStats, PageKeys, WebArgs, WebPolicy};
use proto::sys::Stop;
use proto::{Clock, Frame};
use serde_json::Value;

use crate::inbox::FrameInbox;

/// What `--http` asks for, before anything is answered.
#[derive(Debug)]
pub(super) struct Web {
    listener: Listener,
    latest: LatestStats,
    newest: Arc<Broadcast>,
}

/// Shows what goes to the sending thread. It never waits.
#[derive(Debug)]
pub(super) struct WebTap {
    newest: Arc<Broadcast>,
    clock: Clock,
    count: AtomicU64,
}

struct SenderSite {
    name: String,
    latest: LatestStats,
    newest: Arc<Broadcast>,
    inbox: Arc<FrameInbox>,
}

impl Web {
    /// Takes the port; `None` if none is asked for. With keys, who has none of them is shown nothing.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(super) fn bind(args: &WebArgs, policy: WebPolicy, keys: PageKeys) -> Result<Option<Self>> {
        let listener = Listener::bind(args)?.map(|listener| listener.with_policy(policy).with_keys(keys));
        Ok(listener.map(|listener| Self { listener, latest: LatestStats::default(), newest: Arc::default() }))
    }

    /// Where statistics are to be posted.
    pub(super) fn latest(&self) -> LatestStats {
        self.latest.clone()
    }

    /// Where frames are to be shown whose times are told by `clock`.
    pub(super) fn tap(&self, clock: Clock) -> WebTap {
        WebTap { newest: self.newest.clone(), clock, count: AtomicU64::new(0) }
    }

    /// Shows the stream of this name to whoever asks.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn serve(
        self,
        name: String,
        inbox: Arc<FrameInbox>,
        stop: &Stop,
    ) -> Result<JoinHandle<Result<()>>> {
        let site = SenderSite { name, latest: self.latest, newest: self.newest, inbox };
        self.listener.serve(Arc::new(site), stop)
    }
}

impl WebTap {
    /// Shows a frame.
    pub(super) fn put(&self, frame: &Frame) {
        let now = Instant::now();
        let age = u64::try_from(self.clock.at(now).micros_since(frame.captured)).unwrap_or(0);
        let captured = now.checked_sub(Duration::from_micros(age)).unwrap_or(now);
        self.newest.put(self.count.fetch_add(1, Ordering::Relaxed), frame.clone(), captured);
    }
}

impl Site for SenderSite {
    fn program(&self) -> &'static str {
        "sender"
    }

    fn feeds(&self) -> Vec<WebFeed> {
        let is_gone = self.inbox.source_is_gone.load(Ordering::Relaxed);
        vec![WebFeed {
            name: self.name.clone(),
            newest: self.newest.clone(),
            trouble: is_gone.then(|| "the source is gone; waiting for it to come back".into()),
            is_relative: false,
        }]
    }

    fn stats(&self) -> Arc<str> {
        self.latest.read()
    }

    fn figures<'a>(&self, stats: &'a Value, _: usize) -> &'a Value {
        stats
    }

    fn families(&self) -> &'static [Family] {
        FAMILIES
    }
}

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family::counter("chunkcast_sender_frames_total", "Pictures, by what became of them; those captured end as sent, superseded, refused or unwatched", "frames/*").by(&["state"]),
    Family::counter("chunkcast_sender_datagrams_total", "Datagrams with chunks that were sent, by kind", "datagrams/*").by(&["kind"]),
    Family::counter("chunkcast_sender_bytes_total", "Bytes of datagrams that were sent", "bytes/sent"),
    Family::counter("chunkcast_sender_errors_total", "Sends that the system refused, and failures of the source", "errors/*").by(&["kind"]),
    Family::counter("chunkcast_sender_refused_datagrams_total", "Datagrams that were refused because of the key, by reason", "keyed/*").by(&["reason"]),
    Family::gauge("chunkcast_sender_delay_seconds", "Delays since the last report, by stage", "ms/*/*", 1e-3).by(&["stage", "of"]),
    Family::gauge("chunkcast_sender_pace_bits_per_second", "The slowest destination's pace, unless frames go at once", "pace/rate_mbps", 1e6),
    Family::gauge("chunkcast_sender_capture_error_seconds", "By how much capture times are wrong at most, where that is known", "capture_error_ms", 1e-3),
    Family::gauge("chunkcast_sender_quality", "The JPEG quality used last", "quality", 1.0),
    Family::gauge("chunkcast_sender_frames_per_second", "Pictures sent a second", "fps", 1.0),
    Family::gauge("chunkcast_sender_bits_per_second", "Bits of datagrams sent a second", "mbps", 1e6),
    Family::counter("chunkcast_sender_destination_frames_total", "Pictures sent to a destination", "destinations/*/sent").by(&["destination=address"]),
    Family::counter("chunkcast_sender_feedback_total", "Datagrams from a destination's receivers, by how they ended", "destinations/*/feedback/*").by(&["destination=address", "fate"]),
    Family::gauge("chunkcast_sender_viewer_healthy", "Whether a receiver gets half of its frames at least", "destinations/*/viewers/*/healthy", 1.0).by(&["destination=address", "viewer=address"]),
    Family::gauge("chunkcast_sender_viewer_loss_ratio", "Chunks that a receiver did not get when they were first sent", "destinations/*/viewers/*/loss_percent", 1e-2).by(&["destination=address", "viewer=address"]),
];

#[cfg(test)]
mod tests {
    use proto::{MediaTime, SessionId};

    use super::*;
    use crate::stats::{Reports, Stats};

    #[test]
    fn every_metric_is_found_in_the_statistics() {
        let stats = Stats::default();
        stats.lock().keyed = Some(proto::keys::RefusalCounts::default());
        stats.lock().destinations.push(crate::stats::DestinationCounters::default());
        let object = Reports::new(SessionId::new(1), 80).make(&stats, false).object;
        let object = serde_json::to_value(object).unwrap();
        for family in FAMILIES {
            assert!(family.is_in(&object), "{}", family.path);
        }
    }

    #[test]
    fn the_age_of_what_is_shown_counts_from_its_capture() {
        let (newest, now) = (Arc::new(Broadcast::new()), Instant::now());
        let clock = Clock::new(now - Duration::from_secs(1), MediaTime::from_micros(5_000_000));
        let tap = WebTap { newest: newest.clone(), clock, count: AtomicU64::new(0) };
        tap.put(&Frame {
            captured: MediaTime::from_micros(5_400_000),
            jpeg: Arc::default(),
            signature: None,
        });
        let off = newest.newest().unwrap().captured.duration_since(now - Duration::from_millis(600));
        assert!(off < Duration::from_millis(1), "{off:?}");
        // One that is said to come from the future is of now.
        tap.put(&Frame {
            captured: MediaTime::from_micros(u64::MAX / 4),
            jpeg: Arc::default(),
            signature: None,
        });
        let shot = newest.newest().unwrap();
        assert_eq!((shot.id, shot.age(shot.put) < Duration::from_millis(1)), (1, true));
    }
}
