//! The lines of the overlay, the most important first: where there is little room, the last are left out.

use std::time::Duration;

use super::figures::Figures;
use super::plot::Plot;
use crate::feed::error_bar;
use crate::window::draw::palette::{BAD, Colour, FAIR, HEAD, TEXT};
use crate::window::widgets::health::mark;
use crate::window::widgets::status_text::spoken;

/// A line, or what takes the place of some.
pub(crate) enum Row {
    /// Parts beside one another. Where room is short, the first is shortened to `least` letters, then the last ones are
    /// left out.
    Parts { parts: Vec<(String, Colour)>, least: usize },
    /// The stream's name on the left and how it is on the right.
    Head { name: String, word: String, colour: Colour },
    /// What a figure is called, and the figure, on as many lines as it needs.
    Figure { label: &'static str, value: String, colour: Colour },
    /// A running plot.
    Plot(Plot),
    /// A little air.
    Gap,
}

/// What must not be missed.
pub(crate) fn off(figures: &Figures<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    if !figures.condition.is_live() {
        rows.push(whole(state(figures)));
    }
    rows.extend(doing(figures));
    rows
}

/// Name, age and rate; of a stream that is not live first how it is.
pub(crate) fn small(figures: &Figures<'_>) -> Vec<Row> {
    let mut parts = vec![(figures.name.to_owned(), HEAD)];
    let mut least = SHORTEST;
    if figures.condition.is_live() {
        if let Some(age) = figures.age {
            parts.push((aligned(&age_text(age)), age_colour(figures)));
        }
        // In the first moment it is not known yet.
        if figures.fps > 0.0 {
            parts.push((format!("{} fps", tenths(figures.fps)), TEXT));
        }
    } else {
        let state = state(figures);
        least = state.0.chars().count();
        parts.insert(0, state);
    }
    parts.retain(|(text, _)| !text.is_empty());
    std::iter::once(Row::Parts { parts, least }).chain(doing(figures)).collect()
}

/// Everything.
pub(crate) fn full(figures: &Figures<'_>) -> Vec<Row> {
    let Figures { fps, mbps, loss_percent: loss, by_parity, by_resend, .. } = figures;
    let colour = figures.condition.colour();
    let word = format!("{} {}", mark(colour), figures.condition.word());
    let mut rows = vec![Row::Head { name: figures.name.to_owned(), word, colour }, Row::Gap];
    let mut say = |label, value: String, colour| {
        if !value.is_empty() {
            rows.push(Row::Figure { label, value, colour });
        }
    };
    let age = figures.age.map_or_else(String::new, |age| aligned(&age_text(age)) + &age_bar(age, figures));
    say("age", age, age_colour(figures));
    say("latency", latency(figures), HEAD);
    say("rate", format!("{} fps  {} Mbit/s", tenths(*fps), tenths(*mbps)), HEAD);
    say("loss", format!("{} %", tenths(*loss)), if *loss >= WORTH_A_LOOK { FAIR } else { HEAD });
    rows.push(Row::Gap);
    let done = rows.len();
    rows.extend(doing(figures));
    if rows.len() > done {
        rows.push(Row::Gap);
    }
    let mut say = |label, value: String| {
        if !value.is_empty() {
            rows.push(Row::Figure { label, value, colour: TEXT });
        }
    };
    if by_parity + by_resend > 0 {
        say("repaired", aligned(&format!("{by_parity} by parity, {by_resend} by resend")));
    }
    let dropped = figures.dropped.iter().filter(|(_, count)| *count > 0);
    for (number, (cause, count)) in dropped.enumerate() {
        say(if number == 0 { "dropped" } else { "" }, aligned(&format!("{count} {cause}")));
    }
    say("picture", figures.size.map_or_else(String::new, |(width, height)| format!("{width}x{height}")));
    say("from", figures.peer.to_owned());
    say("interface", figures.interface.to_owned());
    say("clock", figures.clock.to_owned());
    rows.extend([Row::Gap, Row::Plot(Plot::Latency), Row::Gap, Row::Plot(Plot::Loss)]);
    rows
}

/// A figure with tenths, its point below those of others.
fn tenths(value: f64) -> String {
    format!("{value:>4.1}").replace(' ', FIGURE_SPACE)
}

/// A text that begins with a whole number, its last digit below the tenths of others.
fn aligned(text: &str) -> String {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    POINT_SPACE.to_owned() + &FIGURE_SPACE.repeat(2_usize.saturating_sub(digits)) + text
}

/// An age, in milliseconds as long as a person can make something of them.
pub(crate) fn age_text(age: Duration) -> String {
    if age < FINE { format!("{} ms", age.as_millis()) } else { spoken(age) }
}

/// By how much an age may be wrong, where its whole milliseconds do not say that themselves.
fn age_bar(age: Duration, figures: &Figures<'_>) -> String {
    let error = figures.error_ms.filter(|&error| error >= 1.0 && !figures.is_relative && age < FINE);
    error.map_or_else(String::new, |error| format!(" ±\u{a0}{:.0}", error.ceil()))
}

fn state(figures: &Figures<'_>) -> (String, Colour) {
    let (word, colour) = (figures.condition.word(), figures.condition.colour());
    let age = figures.age.map_or_else(String::new, |age| format!(" {}", age_text(age)));
    (format!("{} {word}{age}", mark(colour)), colour)
}

/// What is being done, and what was.
fn doing(figures: &Figures<'_>) -> impl Iterator<Item = Row> {
    let recording = figures.recording.map(|what| (format!("● {what}"), BAD));
    let others = [figures.past, figures.note].map(|what| what.map(|what| (what.to_owned(), HEAD)));
    recording.into_iter().chain(others.into_iter().flatten()).map(whole)
}

fn whole(part: (String, Colour)) -> Row {
    Row::Parts { parts: vec![part], least: 0 }
}

fn latency(figures: &Figures<'_>) -> String {
    let (Some(p50), Some(p99)) = (figures.p50, figures.p99) else { return String::new() };
    let mut text = format!("{} ms  p99 {p99:.1}", tenths(p50));
    match (figures.is_relative, figures.error_ms) {
        (true, _) => text += " relative",
        (false, Some(error)) => text += &format!(" ±\u{a0}{}", error_bar(error)),
        (false, None) => {}
    }
    text
}

fn age_colour(figures: &Figures<'_>) -> Colour {
    if figures.is_stale { BAD } else { HEAD }
}

/// Older ones are told in seconds.
const FINE: Duration = Duration::from_secs(10);
/// As wide as a digit.
const FIGURE_SPACE: &str = "\u{2007}";
/// As wide as a point.
const POINT_SPACE: &str = "\u{2008}";
/// Of a hundred frames.
pub(crate) const WORTH_A_LOOK: f64 = 1.0;
/// A name is not shortened to fewer letters than this before what follows it is left out.
const SHORTEST: usize = 6;
