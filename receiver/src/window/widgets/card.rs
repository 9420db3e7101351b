//! The card that stands in for a picture: a few lines of text in the middle of a dark window.

use super::overlay::{SMALLEST, letter_size};
use crate::codec::Decoded;
use crate::window::draw::font::{Fonts, height, sizes};
use crate::window::draw::painter::Painter;
use crate::window::draw::palette::{ACCENT, GROUND, HEAD, TEXT};

/// Draws these lines, the first one large, in a picture of this size, right of what covers so much of its left.
pub(crate) fn draw(
    card: &mut Decoded,
    fonts: &Fonts,
    (width, down): (u32, u32),
    covered: u32,
    lines: &[String],
) {
    // Where little is left beside it, the middle is as good.
    let left = if 5 * covered <= 3 * width { covered } else { 0 };
    let across = width - left;
    card.draw(width, down, |pixels| {
        let mut painter = Painter::new(fonts, pixels, (width, down));
        painter.clear(GROUND);
        let Some((head, rest)) = lines.split_first() else { return };
        // As large as fits. Short lines are not written larger than usual ones, so that a count does not change it.
        let widest =
            |size| rest.iter().map(|line| fonts.width(line, size)).max().unwrap_or(0).max(USUAL * size);
        let fits = |size: &u32| widest(*size) + 2 * size <= across && LINES * pitch(*size) <= down;
        let small = sizes(SMALLEST, letter_size((width, down)) * 5 / 4).find(fits).unwrap_or(SMALLEST);
        let fits = |size: &u32| fonts.width(head, *size) + 2 * size <= across && 5 * height(*size) <= down;
        let large = sizes(small, 4 * small).find(fits).unwrap_or(small);
        let mut top = down.saturating_sub(height(large) + small + rest.len() as u32 * pitch(small)) / 2;
        let mut centred = |text: &str, top, size, colour| {
            let text = fonts.shortened(text, size, across.saturating_sub(size));
            let long = fonts.width(&text, size);
            painter.text((left + (across - long) / 2, top), &text, size, colour);
            long
        };
        let long = centred(head, top, large, HEAD);
        top += height(large) + small;
        for (line, top) in rest.iter().zip((top..).step_by(pitch(small) as usize)) {
            centred(line, top, small, TEXT);
        }
        let rule = (left + (across - long) / 2, top - small * 3 / 4);
        painter.fill(rule, (long, (small / 8).max(1)), ACCENT);
    });
}

/// From one line to the next.
fn pitch(size: u32) -> u32 {
    height(size) + size / 4
}

/// A line of usual length, in ems.
const USUAL: u32 = 14;
/// So many small lines are to have room above one another.
const LINES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::fonts;

    fn drawn(width: u32, height: u32, lines: &[&str]) -> usize {
        let mut card = Decoded::default();
        draw(
            &mut card,
            &fonts(),
            (width, height),
            0,
            &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>(),
        );
        let pixels = card.planes(&card.strips()[0])[0].to_vec();
        pixels.chunks(4).filter(|pixel| **pixel != GROUND).count()
    }

    #[test]
    fn any_size_and_any_text_can_be_drawn() {
        for (width, height) in [(1, 1), (7, 300), (300, 7), (160, 120), (1920, 1080)] {
            for lines in
                [&[][..], &["no signal"], &["no signal", "für 12 s", "", "名前", &"long ".repeat(99)]]
            {
                drawn(width, height, lines);
            }
        }
        assert!(drawn(640, 480, &["no signal", "for 3 s"]) > 1000);
    }

    #[test]
    fn what_covers_its_left_covers_no_letter() {
        let lines = ["no signal".to_owned(), "for 3 s".to_owned()];
        for (covered, least) in [(0, 300), (330, 330), (700, 500), (1000, 300)] {
            let mut card = Decoded::default();
            draw(&mut card, &fonts(), (1280, 720), covered, &lines);
            let pixels = card.planes(&card.strips()[0])[0].to_vec();
            let columns = pixels.chunks(4).enumerate().filter(|(_, pixel)| **pixel != GROUND);
            let first = columns.map(|(at, _)| at % 1280).min().unwrap();
            assert!(first > least, "{first} with {covered}");
        }
    }
}
