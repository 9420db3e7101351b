//! The statistics as Prometheus reads them: its text format, version 0.0.4.

use std::fmt::Write;
use std::time::Instant;

use super::family::{MetricKind, header};
use super::shared::Shared;
use super::site::trouble;

/// All metrics of all streams.
pub(super) fn text(shared: &Shared) -> String {
    let feeds = shared.site.feeds();
    let rendered = shared.rendering.of(&*shared.site, &feeds);
    let labels = &rendered.labels;
    let mut text = rendered.families(&*shared.site).to_owned();
    let (program, now) = (shared.site.program(), Instant::now());
    let name = format!("chunkcast_{program}_picture_age_seconds");
    header(&mut text, &name, "How old the newest picture is", MetricKind::Gauge);
    for (feed, labels) in feeds.iter().zip(labels) {
        if let Some(shot) = feed.newest.newest() {
            let _ = writeln!(text, "{name}{{{labels}}} {}", shot.age(now).as_secs_f64());
        }
    }
    let name = format!("chunkcast_{program}_live");
    header(&mut text, &name, "Whether pictures come: 1 or 0", MetricKind::Gauge);
    for (feed, labels) in feeds.iter().zip(labels) {
        let _ = writeln!(text, "{name}{{{labels}}} {}", u8::from(trouble(feed, now).is_none()));
    }
    let name = format!("chunkcast_{program}_http_viewers");
    header(&mut text, &name, "How many watch by HTTP", MetricKind::Gauge);
    let _ = writeln!(text, "{name} {}", shared.viewers.taken());
    text
}

pub(super) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";
