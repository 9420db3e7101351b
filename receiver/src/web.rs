//! What the receiver shows of itself in a browser: pictures as they came, figures, and what can be kept of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::host::web::{Action, Broadcast, Family, Feed, Listener, Site, WebArgs};
use proto::host::{Board, Console, Stop};
use serde_json::Value;

use crate::clock::{Agreement, Delays};
use crate::keep::Keeper;
use crate::output::Received;
use crate::stats::Stats;

/// What `--http` asks for, before anything is answered.
#[derive(Debug)]
pub struct Web {
    listener: Listener,
    site: Arc<ReceiverSite>,
}

/// Shows one sender's frames as they arrive. It never waits.
#[derive(Clone, Debug)]
pub struct Tap {
    newest: Arc<Broadcast>,
}

#[derive(Debug, Default)]
struct ReceiverSite {
    board: Board,
    senders: Mutex<Vec<Sender>>,
}

#[derive(Debug)]
struct Sender {
    newest: Arc<Broadcast>,
    stats: Arc<Stats>,
    keeper: Arc<Keeper>,
}

impl Web {
    /// Takes the port; `None` if none is asked for.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn bind(args: &WebArgs) -> Result<Option<Self>> {
        let listener = Listener::bind(args)?;
        Ok(listener.map(|listener| Self { listener, site: Arc::default() }))
    }

    /// Where statistics are to be posted.
    pub fn board(&self) -> Board {
        self.site.board.clone()
    }

    /// Adds a sender, and returns where its frames are to be shown.
    pub fn add(&self, stats: Arc<Stats>, keeper: Arc<Keeper>) -> Tap {
        let newest = Arc::new(Broadcast::new());
        let sender = Sender { newest: newest.clone(), stats, keeper };
        self.site.senders().push(sender);
        Tap { newest }
    }

    /// Shows all senders to whoever asks.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn serve(self, stop: &Stop, console: &Console) -> Result<JoinHandle<Result<()>>> {
        self.listener.serve(self.site, stop, console)
    }
}

impl Tap {
    /// Shows a frame, whose age `delays` tells.
    pub fn put(&self, received: &Received, delays: &Delays) {
        let (now, frame) = (Instant::now(), received.frame.clone());
        let captured = now.checked_sub(delays.since(frame.captured, now)).unwrap_or(now);
        self.newest.put(received.id.get().into(), frame, captured);
    }
}

impl ReceiverSite {
    // Whoever panics while he holds the lock leaves the list whole.
    fn senders(&self) -> MutexGuard<'_, Vec<Sender>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site for ReceiverSite {
    fn program(&self) -> &'static str {
        "receiver"
    }

    fn feeds(&self) -> Vec<Feed> {
        let feed = |Sender { newest, stats, .. }: &Sender| {
            let counters = stats.lock();
            Feed {
                name: counters.name.clone(),
                newest: newest.clone(),
                trouble: counters.is_over.then(|| OVER.into()),
                is_relative: counters.clock == Agreement::Relative,
            }
        };
        self.senders().iter().map(feed).collect()
    }

    fn stats(&self) -> Arc<str> {
        self.board.read()
    }

    fn figures<'a>(&self, stats: &'a Value, feed: usize) -> &'a Value {
        stats["senders"].get(feed).unwrap_or(stats)
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Snapshot, Action::Past]
    }

    fn act(&self, action: Action, feed: usize) -> Result<String, String> {
        let senders = self.senders();
        let Sender { newest, keeper, .. } = senders.get(feed).ok_or("there is no such sender")?;
        let answer = match action {
            Action::Snapshot => {
                let shot = newest.fresh(Instant::now()).ok_or("there is no picture of now to keep")?;
                keeper.snapshot(&shot.frame)
            }
            Action::Past => keeper.save_past(),
        };
        // It may take a disk's time.
        drop(senders);
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

/// How long a person waits for a file.
const PATIENCE: Duration = Duration::from_secs(10);
const OVER: &str = "the sender has ended its stream, or its source is gone";

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family::counter("chunkcast_receiver_frames_total", "Pictures, by what became of them; one that is displayed was delivered before", "frames/*").by(&["state"]),
    Family::counter("chunkcast_receiver_lost_frames_total", "Pictures that began to arrive and were given up, by reason", "lost/*").by(&["reason"]),
    Family::counter("chunkcast_receiver_datagrams_total", "Datagrams that arrived, by how they ended", "datagrams/*").by(&["fate"]).without(&["received", "missing", "kernel_dropped"]),
    Family::counter("chunkcast_receiver_kernel_dropped_datagrams_total", "Datagrams that the socket's buffer had no room for", "datagrams/kernel_dropped"),
    Family::counter("chunkcast_receiver_missing_chunks_total", "Chunks of lost pictures that never arrived", "datagrams/missing"),
    Family::counter("chunkcast_receiver_repair_total", "What repair came to: pictures made whole, by what; chunks that did and did not arrive when first sent; what was asked for", "repair/*").by(&["kind"]),
    Family::counter("chunkcast_receiver_output_frames_total", "Pictures written by an output", "outputs/*/written").by(&["name"]),
    Family::counter("chunkcast_receiver_output_dropped_frames_total", "Pictures that an output did not write, because it did not keep up", "outputs/*/dropped").by(&["name"]),
    Family::counter("chunkcast_receiver_sessions_total", "Sessions that began", "sessions"),
    Family::gauge("chunkcast_receiver_delay_seconds", "Delays since the last report, by stage", "ms/*/*", 1e-3).by(&["stage", "of"]),
    Family::gauge("chunkcast_receiver_clock_error_seconds", "By how much transit and latency are wrong at most; not there if they are relative", "clock_error_ms", 1e-3),
    Family::gauge("chunkcast_receiver_frames_per_second", "Pictures delivered a second", "fps", 1.0),
    Family::gauge("chunkcast_receiver_bits_per_second", "Bits of pictures delivered a second", "mbps", 1e6),
    Family::gauge("chunkcast_receiver_loss_ratio", "Pictures lost or never seen since the last report, of all that were sent", "loss_percent", 1e-2),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Reports;

    #[test]
    fn every_metric_is_found_in_the_statistics() {
        let stats = Stats::default();
        stats.lock().outputs.push(crate::stats::OutputObject { name: "-".into(), written: 1, dropped: 0 });
        let object = serde_json::to_value(Reports::default().make(&stats, true).object).unwrap();
        for family in FAMILIES {
            assert!(family.is_in(&object), "{}", family.path);
        }
    }

    #[test]
    fn each_of_several_senders_has_its_own_figures() {
        let site = ReceiverSite::default();
        let several = serde_json::json!({"fps": 1, "senders": [{"fps": 1}, {"fps": 2}]});
        assert_eq!(site.figures(&several, 1)["fps"], 2);
        assert_eq!(site.figures(&serde_json::json!({"fps": 3}), 0)["fps"], 3);
    }
}
