//! What lies over a tile's picture: figures, a label in a grid, and the edge; drawn anew only when they change.

use std::rc::Rc;
use std::time::{Duration, Instant};

use sdl2::rect::Rect;

use super::backend::canvas::{Border, Layer};
use super::draw::bitmap::Bitmap;
use super::draw::font::Fonts;
use super::options::Detail;
use super::widgets::health::{Age, Condition, border};
use super::widgets::history::STEP;
use super::widgets::label::Label;
use super::widgets::overlay::Figures;
use super::widgets::samples::Samples;
use super::widgets::{label, overlay};
use crate::feed::{Feed, Status, StreamState};
use crate::record::{KeepStatus, Notice};

/// How much is to be laid over a tile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) detail: Detail,
    /// Whether it is one of several: then it says which.
    pub(super) is_in_grid: bool,
}

/// What lies over one tile.
pub(super) struct TileOverlay {
    fonts: Rc<Fonts>,
    overlay: Bitmap,
    overlay_at: Option<Rect>,
    label: Bitmap,
    label_at: Option<Rect>,
    border: Option<Border>,
    /// What is kept of the sender, and when that was asked.
    kept: (KeepStatus, Option<Instant>),
    /// What it was drawn for last, and when.
    drawn: Option<(Shape, Instant)>,
}

/// What is said of a tile's sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileState<'a> {
    pub(super) status: &'a Status,
    pub(super) samples: &'a Samples,
    pub(super) age: Age,
}

/// What makes it look otherwise at once; figures and ages only do now and then.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    style: Style,
    size: (u32, u32),
    condition: Condition,
    is_recording: bool,
    /// When something was said last.
    said: Option<Instant>,
    /// Whether letters were found that were missing.
    answers: u32,
}

impl TileOverlay {
    pub(super) fn new(fonts: Rc<Fonts>) -> Self {
        Self {
            fonts,
            overlay: Bitmap::default(),
            overlay_at: None,
            label: Bitmap::default(),
            label_at: None,
            border: None,
            kept: Default::default(),
            drawn: None,
        }
    }

    /// Brings what lies over a tile of this size up to date; whether it looks otherwise now.
    pub(super) fn refresh(
        &mut self,
        feed: &Feed,
        state: TileState<'_>,
        size: (u32, u32),
        style: Style,
        now: Instant,
    ) -> bool {
        let TileState { status, samples, age } = state;
        let condition = condition(&status.state, age);
        if self.kept.1.is_none_or(|asked| now >= asked + OFTEN) {
            self.kept = (feed.recorder.status(), Some(now));
        }
        let kept = &self.kept.0;
        let said = kept.said.as_ref().map(|said| said.at);
        let said = said.filter(|at| now.saturating_duration_since(*at) < NOTE_FOR);
        let answers = self.fonts.answers();
        let shape = Shape { style, size, condition, is_recording: kept.recording.is_some(), said, answers };
        if self.drawn.is_some_and(|(drawn, at)| drawn == shape && now < at + self.lasts(condition)) {
            return false;
        }
        self.drawn = Some((shape, now));
        let before = (self.overlay_at, self.label_at, self.border);
        self.border = border(condition, age.age, size).filter(|_| age.age.is_some());
        self.label_at = None;
        if style.is_in_grid {
            let label = Label {
                number: feed.number(),
                name: status.label(),
                condition,
                age: age.age,
                fps: samples.now.fps,
                loss_percent: samples.now.loss_percent,
                is_recording: shape.is_recording,
            };
            self.label_at = label::draw(&mut self.label, &self.fonts, size, &label);
        }
        // The figures end above the label.
        let below = self.label_at.map_or(0, |label| label.height());
        let room = (size.0, size.1 - below);
        self.overlay_at = self.draw_overlay(state, shape, room);
        before != (self.overlay_at, self.label_at, self.border) || self.overlay_at.or(self.label_at).is_some()
    }

    /// How far from the left all figures reach, while they are shown.
    pub(super) fn reach(&self) -> u32 {
        let is_full = self.drawn.is_some_and(|(drawn, _)| drawn.style.detail == Detail::Full);
        self.overlay_at.filter(|_| is_full).map_or(0, |at| at.right() as u32)
    }

    /// When it changes by itself; `None` if it does not.
    pub(super) fn next(&self) -> Option<Instant> {
        let (shape, at) = self.drawn?;
        let changes = self.overlay_at.or(self.label_at).is_some() || shape.condition != Condition::Live;
        changes.then(|| at + self.lasts(shape.condition))
    }

    /// What lies over a tile at this place in the window.
    pub(super) fn layers(&self, area: Rect) -> ([Option<Layer<'_>>; 2], Option<Border>) {
        let place = |bitmap, at: Option<Rect>| {
            at.map(|at| Layer { bitmap, at: (area.x() + at.x(), area.y() + at.y()) })
        };
        ([place(&self.overlay, self.overlay_at), place(&self.label, self.label_at)], self.border)
    }

    fn lasts(&self, condition: Condition) -> Duration {
        // A label's figures are of half a second; an age is to be seen counting.
        if self.overlay_at.is_some() || condition != Condition::Live { OFTEN } else { STEP }
    }

    fn draw_overlay(&mut self, state: TileState<'_>, shape: Shape, room: (u32, u32)) -> Option<Rect> {
        let TileState { status, samples, age } = state;
        let (kept, detail) = (&self.kept.0, shape.style.detail);
        let condition = match shape.condition {
            // A hiccup reddens the edge and no more, and a card says itself how the stream is.
            Condition::Stale if detail == Detail::Off && !age.is_overdue() => Condition::Live,
            other if detail == Detail::Off && other != Condition::Stale => Condition::Live,
            other => other,
        };
        let recording = kept.recording.as_ref().map(|recording| {
            let file = recording.path.as_ref().and_then(|path| path.file_name());
            let seconds = recording.since.elapsed().as_secs();
            let name = file.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            format!("REC {name} {:02}:{:02}", seconds / 60, seconds % 60)
        });
        let replay = kept.replay.map(|replay| {
            let (seconds, mb) = (replay.span.as_secs_f64(), replay.bytes as f64 / 1e6);
            format!("replay {seconds:.0} s, {mb:.0} MB")
        });
        let note = kept.said.as_ref().filter(|_| shape.said.is_some()).map(Notice::briefly);
        let figures = &samples.now;
        let figures = Figures {
            name: status.label(),
            condition,
            age: age.age,
            is_stale: age.is_stale,
            p50: figures.latency.p50,
            p99: figures.latency.p99,
            error_ms: figures.error_ms,
            is_relative: figures.is_relative,
            fps: figures.fps,
            mbps: figures.mbps,
            loss_percent: figures.loss_percent,
            by_parity: figures.repaired.0,
            by_resend: figures.repaired.1,
            dropped: &figures.dropped,
            size: status.size,
            peer: &status.source,
            interface: &status.interface,
            clock: if figures.is_relative { "relative" } else { "shared" },
            recording: recording.as_deref(),
            past: replay.as_deref().filter(|_| detail == Detail::Full),
            note: note.as_deref(),
            history: &samples.history,
        };
        overlay::draw(&mut self.overlay, &self.fonts, room, detail, &figures)
    }
}

/// How a stream is, by what is known of it and by how old its picture is.
fn condition(state: &StreamState, age: Age) -> Condition {
    match state {
        StreamState::Live if age.is_stale => Condition::Stale,
        StreamState::Live => Condition::Live,
        StreamState::Waiting(_) | StreamState::Silent(_) | StreamState::Away(_) => Condition::Silent,
        StreamState::SourceGone(_) => Condition::SourceGone,
        StreamState::Ended => Condition::Ended,
        StreamState::Full | StreamState::Locked(_) | StreamState::Refused(_) => Condition::Full,
    }
}

/// At this rate an age is seen to count.
const OFTEN: Duration = Duration::from_millis(100);
/// How long what was done is to be read.
const NOTE_FOR: Duration = Duration::from_secs(4);
