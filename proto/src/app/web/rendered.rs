//! What is rendered from the statistics: once for each report, however often it is requested.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::family::label;
use super::site::{Site, WebFeed};

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
    pub(super) fn of(&self, site: &dyn Site, feeds: &[WebFeed]) -> Arc<Rendered> {
        let (stats, labels) = (site.stats(), labels(feeds));
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
        self.families.get_or_init(|| families(site, &self.parsed, &self.labels))
    }
}

/// What the statistics say of all streams, which have these labels.
fn families(site: &dyn Site, stats: &Value, labels: &[String]) -> String {
    let mut text = String::new();
    for family in site.families() {
        family.begin(&mut text);
        for (number, labels) in labels.iter().enumerate() {
            family.write(&mut text, site.figures(stats, number), family.path, family.labels, labels);
        }
    }
    text
}

/// What tells the streams apart: their names, and their numbers where those are the same.
fn labels(feeds: &[WebFeed]) -> Vec<String> {
    let is_alone = |feed: &WebFeed| feeds.iter().filter(|other| other.name == feed.name).count() == 1;
    let name = |(number, feed): (usize, &WebFeed)| match is_alone(feed) {
        true => label("sender", &feed.name),
        false => label("sender", &format!("{} #{number}", feed.name)),
    };
    feeds.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::broadcast::Broadcast;

    #[test]
    fn a_name_cannot_end_its_label_and_two_alike_are_told_apart() {
        assert_eq!(label("sender", "a\"} 1\n\\"), r#"sender="a\"} 1\n\\""#);
        let feed = |name: &str| WebFeed {
            name: name.into(),
            newest: Arc::new(Broadcast::new()),
            trouble: None,
            is_relative: false,
        };
        assert_eq!(
            labels(&[feed("door"), feed("gate"), feed("door")]),
            [r#"sender="door #0""#, r#"sender="gate""#, r#"sender="door #2""#]
        );
    }
}
