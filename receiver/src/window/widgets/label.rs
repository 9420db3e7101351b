//! The label at the bottom of a grid's tile: the sender's name and status.

use std::time::Duration;

use sdl2::rect::Rect;

use super::health::{Condition, mark};
use super::overlay::{SMALLEST, WORTH_A_LOOK, age_text};
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::font::{self, Fonts};
use crate::window::draw::palette::{ACCENT, BAD, Colour, FAIR, HEAD, PANEL};

/// What a tile's strip says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label<'a> {
    /// The key that brings it up, from 1; none is written above 9.
    pub(crate) number: usize,
    /// The sender's name.
    pub(crate) name: &'a str,
    /// How the stream is.
    pub(crate) condition: Condition,
    /// How old the picture is.
    pub(crate) age: Option<Duration>,
    /// Pictures per second.
    pub(crate) fps: f64,
    /// Frames lost, of a hundred sent.
    pub(crate) loss_percent: f64,
    /// Whether it is being recorded.
    pub(crate) is_recording: bool,
}

/// Draws the strip, as wide as the tile. Returns its place in the tile; `None` where there is no room for it.
pub(crate) fn draw(bitmap: &mut Bitmap, fonts: &Fonts, tile: (u32, u32), label: &Label<'_>) -> Option<Rect> {
    let (mark_and_words, colour) = label.health();
    let fits = |size: &u32| tile.0 >= LEAST * size && tile.1 >= 8 * strip(*size);
    // Letters grow more slowly than tiles.
    let size = font::sizes(SMALLEST, ((tile.1 + 300) / 40).max(SMALLEST)).find(fits).unwrap_or(SMALLEST);
    let (height, padding) = (strip(size), size * 2 / 3);
    let mut room = tile.0.saturating_sub(2 * padding);
    if room < size / 2 || tile.1 < height {
        return None;
    }
    let mut painter = bitmap.begin(fonts, (tile.0, height), PANEL);
    let top = (height - font::height(size)) / 2;
    // How it is matters most, then which it is, then for how long.
    let (health, since) = mark_and_words;
    let begins = label.name.char_indices().nth(SHORTEST).map_or(label.name.len(), |(at, _)| at);
    let named = 2 * size + fonts.width(&label.name[..begins], size);
    let whole = health.clone() + &since;
    let health = if room < named + fonts.width(&whole, size) { health } else { whole };
    let health = fonts.shortened(&health, size, room);
    let taken = fonts.width(&health, size);
    painter.text((tile.0 - padding - taken, top), &health, size, colour);
    room = room.saturating_sub(taken + size);
    let number = if (1..=9).contains(&label.number) { label.number.to_string() } else { String::new() };
    let recording = if label.is_recording { "●" } else { "" };
    let mut at = padding;
    for (text, colour) in [(&*number, ACCENT), (recording, BAD), (label.name, HEAD)] {
        let text = fonts.shortened(text, size, room);
        painter.text((at, top), &text, size, colour);
        if !text.is_empty() {
            let taken = fonts.width(&text, size) + size / 2;
            at += taken;
            room = room.saturating_sub(taken);
        }
    }
    Some(Rect::new(0, (tile.1 - height) as i32, tile.0, height))
}

/// How high the strip is.
fn strip(size: u32) -> u32 {
    font::height(size) + size / 2
}

impl Label<'_> {
    /// How it is, as a mark and words, and since when; and the colour of both.
    fn health(&self) -> ((String, String), Colour) {
        let (words, since, colour) = match self.condition {
            Condition::Live if self.loss_percent >= WORTH_A_LOOK => {
                (format!("loss {:.0} %", self.loss_percent), None, FAIR)
            }
            // In the first moment the rate is not known yet.
            Condition::Live if self.fps < 0.5 => ("live".to_owned(), None, self.condition.colour()),
            Condition::Live => (format!("{:.0} fps", self.fps), None, self.condition.colour()),
            condition => (condition.word().to_owned(), self.age, condition.colour()),
        };
        let since = since.map_or_else(String::new, |age| format!(" {}", age_text(age)));
        ((format!("{} {words}", mark(colour)), since), colour)
    }
}

/// Where a tile is narrower than so many ems, letters are smaller.
const LEAST: u32 = 16;
/// So much of a name is written before it is written for how long.
const SHORTEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::palette::GOOD;
    use crate::window::draw::read::{FoundText, find, fonts};

    fn label(condition: Condition, loss_percent: f64) -> Label<'static> {
        Label {
            number: 3,
            name: "the-back-door",
            condition,
            age: Some(Duration::from_secs(12)),
            fps: 29.97,
            loss_percent,
            is_recording: false,
        }
    }

    #[test]
    fn it_says_which_sender_and_how_it_is() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        for (condition, loss, words, colour) in [
            (Condition::Live, 0.0, "● 30 fps", GOOD),
            (Condition::Live, 3.2, "▲ loss 3 %", FAIR),
            (Condition::Silent, 0.0, "■ no signal 12 s", BAD),
        ] {
            let area = draw(&mut bitmap, &fonts, (640, 360), &label(condition, loss)).unwrap();
            assert_eq!((area.bottom(), area.width()), (360, 640));
            let found = find(&bitmap, words).unwrap();
            assert_eq!((found.colour, found.right(words)), (colour, 640 - found.size * 2 / 3), "{words}");
            let FoundText { x, y, size, .. } = find(&bitmap, "3 ").unwrap();
            assert_eq!((x, y, size), (size * 2 / 3, found.y, found.size));
            assert!(find(&bitmap, "the-back-door").is_some());
        }
    }

    #[test]
    fn a_narrow_tile_keeps_how_it_is() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        draw(&mut bitmap, &fonts, (115, 90), &label(Condition::Live, 0.0)).unwrap();
        assert!(find(&bitmap, "● 30 fps").is_some() && find(&bitmap, "the-b…").is_some());
        for width in 0..200 {
            for height in [0, 1, 13, 14, 15, 28, 90] {
                let area = draw(&mut bitmap, &fonts, (width, height), &label(Condition::Silent, 0.0));
                assert!(
                    area.is_none_or(|area| area.bottom() as u32 == height && bitmap.size() == area.size())
                );
            }
        }
    }
}
