//! What a program implements to be served: its streams, statistics and actions.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::family::Family;
use crate::app::broadcast::Broadcast;

/// A program, as a browser sees it. All calls but [`act`](Self::act) look at what is there, and wait for nothing.
pub trait Site: Send + Sync {
    /// What the program is called: `receiver` or `sender`.
    fn program(&self) -> &'static str;

    /// The streams there are. A stream keeps its place in the list, and so its number in `?sender=N`.
    fn feeds(&self) -> Vec<WebFeed>;

    /// The newest statistics: the object that `--stats-json` writes.
    fn stats(&self) -> Arc<str>;

    /// The part of the statistics that is about one stream.
    fn figures<'a>(&self, stats: &'a Value, feed: usize) -> &'a Value {
        let _ = feed;
        stats
    }

    /// What of the [`figures`](Self::figures) Prometheus is told.
    fn families(&self) -> &'static [Family];

    /// What can be done here.
    fn actions(&self) -> &'static [WebAction] {
        &[]
    }

    /// Does something to a stream, and says what came of it. Only whoever asked waits for it.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    fn act(&self, action: WebAction, feed: usize) -> Result<String, String> {
        let _ = feed;
        Err(format!("there is no {action} here"))
    }
}

/// One stream.
#[derive(Clone, Debug)]
pub struct WebFeed {
    /// What it is called; empty while nobody has said.
    pub name: String,
    /// Its newest frame.
    pub newest: Arc<Broadcast>,
    /// Why no picture comes, where that is known.
    pub trouble: Option<String>,
    /// Whether its ages are counted from the shortest delay, and not from the capture.
    pub is_relative: bool,
}

/// Why no picture of this stream is one of now; `None` if it is.
pub(super) fn trouble(feed: &WebFeed, now: Instant) -> Option<String> {
    if feed.trouble.is_some() {
        return feed.trouble.clone();
    }
    match feed.newest.newest() {
        None => Some(NO_PICTURE.into()),
        Some(shot) if shot.is_fresh(now) => None,
        Some(shot) => Some(format!("the last picture came {:.0} s ago", (now - shot.put).as_secs_f64())),
    }
}

/// What a person may ask for by POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebAction {
    /// Keep the newest picture as a file.
    Snapshot,
    /// Keep the last seconds as a file.
    Replay,
}

impl WebAction {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Snapshot, Self::Replay];

    /// Its name in a path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Replay => "past",
        }
    }
}

impl fmt::Display for WebAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(super) const NO_PICTURE: &str = "no picture has come yet";
