//! The receiver in a browser: pictures as they came, figures, recordings and snapshots.

mod quota;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::app::web::{Family, Listener, Site, WebAction, WebFeed};
use proto::app::{LatestStats, PageKeys, WebArgs, WebPolicy};
use serde_json::Value;

use crate::feed::{self, Agreement};
use crate::session::ReceiveContext;
use crate::sync::lock;
use quota::Quota;

/// What `--http` asks for, before anything is answered.
#[derive(Debug)]
pub(super) struct Web {
    listener: Listener,
    latest: LatestStats,
}

struct ReceiverSite {
    latest: LatestStats,
    shared: Arc<ReceiveContext>,
    quota: Mutex<Quota>,
}

impl Web {
    /// Takes the port; `None` if none is asked for. With keys, who has none of them is shown nothing.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(super) fn bind(args: &WebArgs, policy: WebPolicy, keys: PageKeys) -> Result<Option<Self>> {
        let listener = Listener::bind(args)?.map(|listener| listener.with_policy(policy).with_keys(keys));
        Ok(listener.map(|listener| Self { listener, latest: LatestStats::default() }))
    }

    /// Where statistics are to be posted.
    pub(super) fn latest(&self) -> LatestStats {
        self.latest.clone()
    }

    /// Shows all senders to whoever asks.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn serve(self, shared: &Arc<ReceiveContext>) -> Result<JoinHandle<Result<()>>> {
        let site = Arc::new(ReceiverSite {
            latest: self.latest,
            shared: shared.clone(),
            quota: Mutex::new(Quota::new(shared.keep.replay_bytes, Instant::now())),
        });
        self.listener.serve(site, &shared.stop)
    }
}

impl Site for ReceiverSite {
    fn program(&self) -> &'static str {
        "receiver"
    }

    fn feeds(&self) -> Vec<WebFeed> {
        let feed = |feed: &Arc<feed::Feed>| {
            let counters = &feed.live().counters;
            Some(WebFeed {
                name: counters.name.clone(),
                newest: feed.newest.clone()?,
                trouble: counters.is_over.then(|| OVER.into()),
                is_relative: counters.clock == Agreement::Relative,
            })
        };
        self.shared.feeds.list().iter().filter_map(feed).collect()
    }

    fn stats(&self) -> Arc<str> {
        self.latest.read()
    }

    fn figures<'a>(&self, stats: &'a Value, feed: usize) -> &'a Value {
        figures(stats, feed)
    }

    fn actions(&self) -> &'static [WebAction] {
        &[WebAction::Snapshot, WebAction::Replay]
    }

    fn act(&self, action: WebAction, feed: usize) -> Result<String, String> {
        let feeds = self.shared.feeds.list();
        let feed = feeds.get(feed).ok_or("there is no such sender")?;
        let now = Instant::now();
        let answer = match action {
            WebAction::Snapshot => {
                let shot = feed.newest.as_ref().and_then(|newest| newest.fresh(now));
                let bytes = shot.as_ref().map_or(0, |shot| shot.frame.jpeg.len() as u64);
                self.check(bytes, now)?;
                feed.recorder.snapshot(shot.as_ref().map(|shot| &shot.frame))
            }
            WebAction::Replay => {
                let bytes = feed.recorder.status().replay.map_or(0, |past| past.bytes);
                self.check(bytes, now)?;
                feed.recorder.save_replay()
            }
        };
        match answer.wait(PATIENCE) {
            Some(said) if said.is_trouble => Err(said.text),
            Some(said) => Ok(said.text),
            None => Err("it is still being written; the receiver says when it is done".into()),
        }
    }

    fn families(&self) -> &'static [Family] {
        FAMILIES
    }
}

impl ReceiverSite {
    /// Whether browsers may have so many bytes saved.
    fn check(&self, bytes: u64, now: Instant) -> Result<(), String> {
        quota::look_for_room(bytes, &self.shared.keep.folder)?;
        lock(&self.quota).take(bytes, now)
    }
}

fn figures(stats: &Value, feed: usize) -> &Value {
    stats["senders"].get(feed).unwrap_or(stats)
}

/// How long a person waits for a file.
const PATIENCE: Duration = Duration::from_secs(10);
const OVER: &str = "the sender has ended its stream, or its source is gone";

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family::counter("chunkcast_receiver_frames_total", "Pictures, by what became of them; one that is displayed was delivered before", "frames/*").by(&["state"]),
    Family::counter("chunkcast_receiver_lost_frames_total", "Pictures that began to arrive and were given up, by reason", "lost/*").by(&["reason"]),
    Family::counter("chunkcast_receiver_datagrams_total", "Datagrams that arrived, by how they ended", "datagrams/*").by(&["fate"]).without(&["received", "missing", "kernel_dropped", "turned_away", "contested"]),
    Family::counter("chunkcast_receiver_kernel_dropped_datagrams_total", "Datagrams that the socket's buffer had no room for", "datagrams/kernel_dropped"),
    Family::counter("chunkcast_receiver_turned_away_datagrams_total", "Datagrams that the system dropped for the receiver during a flood", "datagrams/turned_away"),
    Family::counter("chunkcast_receiver_contested_datagrams_total", "Datagrams that showed that somebody else speaks in the sender's name", "datagrams/contested"),
    Family::counter("chunkcast_receiver_refused_datagrams_total", "Datagrams that were refused because of a key, by reason", "keyed/*").by(&["reason"]),
    Family::counter("chunkcast_receiver_missing_chunks_total", "Chunks of lost pictures that never arrived", "datagrams/missing"),
    Family::counter("chunkcast_receiver_repair_total", "What repair came to: pictures made whole, by what; chunks that did and did not arrive when first sent; what was requested", "repair/*").by(&["kind"]),
    Family::counter("chunkcast_receiver_output_frames_total", "Pictures written by an output", "outputs/*/written").by(&["name"]),
    Family::counter("chunkcast_receiver_output_dropped_frames_total", "Pictures that an output did not write, because it did not keep up", "outputs/*/dropped").by(&["name"]),
    Family::counter("chunkcast_receiver_sessions_total", "Sessions that began", "sessions"),
    Family::gauge("chunkcast_receiver_delay_seconds", "Delays since the last report, by stage", "ms/*/*", 1e-3).by(&["stage", "of"]),
    Family::gauge("chunkcast_receiver_clock_error_seconds", "By how much transit and latency are wrong at most for the clocks; not there if they are relative", "clock_error_ms", 1e-3),
    Family::gauge("chunkcast_receiver_capture_error_seconds", "By how much they are wrong at most for the capture times, where the sender says so", "capture_error_ms", 1e-3),
    Family::gauge("chunkcast_receiver_frames_per_second", "Pictures delivered a second", "fps", 1.0),
    Family::gauge("chunkcast_receiver_bits_per_second", "Bits of pictures delivered a second", "mbps", 1e6),
    Family::gauge("chunkcast_receiver_loss_ratio", "Pictures lost or never seen since the last report, of all that were sent", "loss_percent", 1e-2),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{FeedCounters, Reports};

    #[test]
    fn every_metric_is_found_in_the_statistics() {
        let keyed = Some(proto::keys::RefusalCounts::default());
        let mut counters = FeedCounters { keyed, ..FeedCounters::default() };
        counters.outputs.push(feed::OutputObject { name: "-".into(), written: 1, dropped: 0 });
        let object =
            serde_json::to_value(Reports::since(Instant::now()).make(&mut counters, true).object).unwrap();
        for family in FAMILIES {
            assert!(family.is_in(&object), "{}", family.path);
        }
    }

    #[test]
    fn each_of_several_senders_has_its_own_figures() {
        let several = serde_json::json!({"fps": 1, "senders": [{"fps": 1}, {"fps": 2}]});
        assert_eq!(figures(&several, 1)["fps"], 2);
        assert_eq!(figures(&serde_json::json!({"fps": 3}), 0)["fps"], 3);
    }
}
