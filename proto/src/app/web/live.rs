//! The JSON that the page fetches twice a second: the state of each stream, and its figures.

use std::fmt::Write;
use std::time::Instant;

use serde::Serialize;

use super::shared::Shared;
use super::site::{WebFeed, trouble};
use super::stream::millis_between;

#[derive(Serialize)]
struct LiveReply<'a> {
    program: &'a str,
    /// Our clock, which the pictures' times are told by.
    now_ms: f64,
    /// What whoever asks may do.
    actions: Vec<&'static str>,
}

#[derive(Serialize)]
struct LiveFeed<'a> {
    name: &'a str,
    /// Why no picture is one of now.
    trouble: Option<String>,
    /// When the newest picture was taken, by our clock.
    captured_ms: Option<f64>,
    /// How far pictures are apart; zero if that is not known.
    interval_ms: f64,
    is_relative: bool,
}

/// The answer, as JSON, for somebody who may act or may not. Times are of now; figures are those of the last report,
/// and written only once.
pub(super) fn text(shared: &Shared, may_act: bool) -> String {
    let feeds = shared.site.feeds();
    let rendered = shared.rendering.of(&*shared.site, &feeds);
    let now = Instant::now();
    let live = LiveReply {
        program: shared.site.program(),
        now_ms: millis_between(shared.begun, now),
        actions: shared.site.actions().iter().filter(|_| may_act).map(|action| action.name()).collect(),
    };
    let mut text = open(&live);
    // When the figures were made, in seconds since the program began.
    let _ = write!(text, ",\"time\":{},\"feeds\":[", rendered.time);
    for (number, (feed, figures)) in feeds.iter().zip(&rendered.figures).enumerate() {
        let between = if number == 0 { "" } else { "," };
        let _ = write!(text, "{between}{},\"figures\":{figures}}}", open(&of(feed, shared.begun, now)));
    }
    text.push_str("]}");
    text
}

fn of(feed: &WebFeed, begun: Instant, now: Instant) -> LiveFeed<'_> {
    let shot = feed.newest.newest();
    LiveFeed {
        name: &feed.name,
        trouble: trouble(feed, now),
        captured_ms: shot.as_ref().map(|shot| millis_between(begun, shot.captured)),
        interval_ms: shot.map_or(0.0, |shot| shot.interval.as_secs_f64() * 1000.0),
        is_relative: feed.is_relative,
    }
}

/// An object to which more can be added.
fn open(object: &impl Serialize) -> String {
    let mut text = serde_json::to_string(object).expect("it is numbers and strings");
    text.pop();
    text
}
