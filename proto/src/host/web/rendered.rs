//! What is made of statistics: once for each of them, however often it is asked for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::metrics;
use super::site::{Feed, Site};

/// Keeps what was made last.
#[derive(Debug, Default)]
pub(super) struct Rendering {
    newest: Mutex<Option<Arc<Rendered>>>,
}

/// What is made of one report.
#[derive(Debug)]
pub(super) struct Rendered {
    /// The report.
    stats: Arc<str>,
    parsed: Value,
    /// What tells the streams apart.
    pub(super) labels: Vec<String>,
    /// When it was made, as JSON.
    pub(super) time: String,
    /// The figures of each stream, as JSON.
    pub(super) figures: Vec<String>,
    families: OnceLock<String>,
}

impl Rendering {
    /// What is made of the newest statistics of these streams.
    pub(super) fn of(&self, site: &dyn Site, feeds: &[Feed]) -> Arc<Rendered> {
        let (stats, labels) = (site.stats(), metrics::labels(feeds));
        // Whoever asks meanwhile waits for it instead of making it too.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rendered) = &*newest
            && rendered.stats == stats
            && rendered.labels == labels
        {
            return rendered.clone();
        }
        let parsed: Value = serde_json::from_str(&stats).expect("statistics are JSON");
        let figures = (0..labels.len()).map(|number| site.figures(&parsed, number).to_string()).collect();
        let time = parsed["time"].to_string();
        let rendered = Rendered { stats, parsed, labels, time, figures, families: OnceLock::new() };
        newest.insert(Arc::new(rendered)).clone()
    }
}

impl Rendered {
    /// The metrics of all streams that are in the statistics.
    pub(super) fn families(&self, site: &dyn Site) -> &str {
        self.families.get_or_init(|| metrics::families(site, &self.parsed, &self.labels))
    }
}
