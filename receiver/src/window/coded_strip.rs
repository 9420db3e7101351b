//! The strip of codes by which times from glass to glass are measured, above the pictures, and what is said beside them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::Random;
use sdl2::rect::Rect;

use super::backend::canvas::{Canvas, Drawing};
use super::context::WindowContext;
use super::widgets::card;
use crate::codec::Decoded;
use crate::measure::{LANES, MeasureProgress, Measurement, QUIET, SIDE, ShownPicture, lane_of};

/// The strip in the window: codes, one of which is drawn anew at each tick.
pub(super) struct CodedStrip {
    measurement: Arc<Measurement>,
    /// What is shown of each lane, and its place.
    lanes: [Decoded; LANES],
    areas: [Rect; LANES],
    /// The code of the next tick, made beforehand, and its lane.
    next: Decoded,
    next_lane: usize,
    /// When it is due.
    due: Instant,
    /// Pixels on a side of a square.
    scale: u32,
    /// How far the measurement has come, in words.
    caption: Decoded,
    caption_area: Rect,
    said: Option<MeasureProgress>,
    /// When that may change.
    caption_due: Instant,
    /// All is to be drawn again.
    must_draw: bool,
    /// A tick is drawn, and not presented yet.
    is_drawn: bool,
    random: Random,
}

impl CodedStrip {
    /// How many drawings of a canvas it takes, from the first on.
    pub(super) const DRAWINGS: usize = LANES + 1;

    pub(super) fn new(measurement: Arc<Measurement>) -> Self {
        let (now, nowhere) = (Instant::now(), Rect::new(0, 0, 1, 1));
        Self {
            measurement,
            lanes: Default::default(),
            areas: [nowhere; LANES],
            next: Decoded::default(),
            next_lane: 0,
            due: now,
            scale: 1,
            caption: Decoded::default(),
            caption_area: nowhere,
            said: None,
            caption_due: now,
            must_draw: true,
            is_drawn: false,
            random: Random::new(0),
        }
    }

    /// Takes its place in a window of this size; returns the one that is left for a picture: less than half as wide, so
    /// that the strip in that is not taken for the one that is shown.
    pub(super) fn arrange(&mut self, (width, height): (u32, u32)) -> Rect {
        let squares = (SIDE + 2 * QUIET) as u32;
        self.scale = (width / (squares * LANES as u32)).min(height * 11 / 20 / squares).max(1);
        let side = squares * self.scale;
        let left = width.saturating_sub(side * LANES as u32) / 2;
        for (lane, area) in (0..).zip(&mut self.areas) {
            *area = Rect::new((left + lane * side) as i32, 0, side, side);
        }
        for lane in &mut self.lanes {
            *lane = Decoded::default();
            lane.draw(side, side, |pixels| pixels.fill(LIGHT));
        }
        let (below, beside) = (height.saturating_sub(side).max(1), width * 11 / 20);
        self.caption_area = Rect::new(0, side as i32, beside.max(1), below);
        (self.must_draw, self.said) = (true, None);
        self.make_next();
        Rect::new(beside as i32, side as i32, (width - beside).max(1), below)
    }

    /// Draws what is due; says whether that was anything.
    pub(super) fn draw(
        &mut self,
        canvas: &mut impl Canvas,
        context: &WindowContext<'_>,
        now: Instant,
    ) -> Result<bool> {
        let is_all = std::mem::take(&mut self.must_draw);
        let is_tick = now >= self.due;
        if is_tick {
            std::mem::swap(&mut self.lanes[self.next_lane], &mut self.next);
            self.is_drawn = true;
        }
        for (number, (picture, area)) in self.lanes.iter().zip(self.areas).enumerate() {
            if is_all || is_tick && number == self.next_lane {
                let drawing = Drawing { area, picture, layers: [None; 3], border: None };
                canvas.draw(number, &drawing, &context.pump)?;
            }
        }
        let progress = self.measurement.progress();
        let is_said = now < self.caption_due || self.said == Some(progress);
        if is_all || !is_said {
            (self.said, self.caption_due) = (Some(progress), now + CAPTION_EVERY);
            card::draw(&mut self.caption, &context.fonts, self.caption_area.size(), 0, &caption(progress));
            let (area, picture) = (self.caption_area, &self.caption);
            let drawing = Drawing { area, picture, layers: [None; 3], border: None };
            canvas.draw(LANES, &drawing, &context.pump)?;
        }
        Ok(is_all || is_tick || !is_said)
    }

    /// What was drawn is on the screen.
    pub(super) fn presented(&mut self, at: Instant) {
        if std::mem::take(&mut self.is_drawn) {
            self.measurement.tick_shown(at);
            // Not in step with whatever rate a camera has: then all its pictures would fall into one part of a tick.
            let tick = self.measurement.tick().as_micros() as u64;
            self.due = at + Duration::from_micros(tick * 3 / 4 + self.random.below(tick / 2));
            self.make_next();
        }
    }

    /// Hands over a picture that is on the screen.
    pub(super) fn picture_shown(&self, picture: ShownPicture) {
        self.measurement.picture_shown(picture);
    }

    /// When it is to be drawn next.
    pub(super) fn next_change(&self) -> Instant {
        self.due
    }

    fn make_next(&mut self) {
        let (tick, squares) = self.measurement.next_tick();
        self.next_lane = lane_of(tick);
        let scale = self.scale as usize;
        let side = (SIDE + 2 * QUIET) * scale;
        self.next.draw(side as u32, side as u32, |pixels| {
            pixels.fill(LIGHT);
            let pitch = 4 * side;
            for (row, squares) in squares.chunks_exact(SIDE).enumerate() {
                let first = (QUIET + row) * scale * pitch;
                for (column, _) in squares.iter().enumerate().filter(|(_, is_dark)| **is_dark) {
                    let at = first + 4 * (QUIET + column) * scale;
                    pixels[at..at + 4 * scale].fill(0);
                }
                for line in 1..scale {
                    pixels.copy_within(first..first + pitch, first + line * pitch);
                }
            }
        });
    }
}

/// What a person at the camera is told: a few words that are read from there, and what they mean.
fn caption(progress: MeasureProgress) -> Vec<String> {
    let MeasureProgress { samples, wanted, codes, .. } = progress;
    let head = match (samples, codes) {
        (0, 0) => "point the camera here".to_owned(),
        (0, _) => "hold still".to_owned(),
        _ => format!("{samples} of {wanted}"),
    };
    let advice = progress.advice().unwrap_or("measuring from glass to glass");
    vec![head, advice.to_owned(), format!("{codes} of {LANES} codes are read")]
}

/// Not as light as can be: around that, a camera sees nothing.
const LIGHT: u8 = 0xe0;
/// At this rate a number is seen to count.
const CAPTION_EVERY: Duration = Duration::from_millis(250);
