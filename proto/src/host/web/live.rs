//! What the page asks for twice a second: how each stream is, and its figures.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::Feed;
use super::route::trouble;
use super::server::Shared;
use super::stream::millis_between;

#[derive(Serialize)]
struct Live<'a> {
    program: &'a str,
    /// Our clock, which the pictures' times are told by.
    now_ms: f64,
    /// When the figures were made, in seconds since the program began.
    time: &'a Value,
    actions: Vec<&'static str>,
    feeds: Vec<LiveFeed<'a>>,
}

#[derive(Serialize)]
struct LiveFeed<'a> {
    name: String,
    /// Why no picture is one of now.
    trouble: Option<String>,
    /// When the newest picture was taken, by our clock.
    captured_ms: Option<f64>,
    /// How far pictures are apart; zero if that is not known.
    interval_ms: f64,
    is_relative: bool,
    figures: &'a Value,
}

/// The answer, as JSON.
pub(super) fn text(shared: &Shared) -> String {
    let (feeds, text) = (shared.site.feeds(), shared.site.stats());
    let stats: Value = serde_json::from_str(&text).expect("statistics are JSON");
    let now = Instant::now();
    let feed = |(number, feed): (usize, &'_ Feed)| {
        let shot = feed.newest.newest();
        LiveFeed {
            name: feed.name.clone(),
            trouble: trouble(feed, now),
            captured_ms: shot.as_ref().map(|shot| millis_between(shared.begun, shot.captured)),
            interval_ms: shot.map_or(0.0, |shot| shot.interval.as_secs_f64() * 1000.0),
            is_relative: feed.is_relative,
            figures: shared.site.figures(&stats, number),
        }
    };
    let live = Live {
        program: shared.site.program(),
        now_ms: millis_between(shared.begun, now),
        time: &stats["time"],
        actions: shared.site.actions().iter().map(|action| action.name()).collect(),
        feeds: feeds.iter().enumerate().map(feed).collect(),
    };
    serde_json::to_string(&live).expect("it is numbers and strings")
}
