//! The card that stands in for a picture: a few lines of text in the middle of a dark window.

use crate::codec::Decoded;
use crate::window::draw::painter;
use crate::window::draw::painter::{GLYPH, Painter, shortened};
use crate::window::draw::palette::{ACCENT, Colour, GROUND, HEAD, TEXT};

/// Draws these lines, the first one large, in a picture of this size.
pub(crate) fn draw(card: &mut Decoded, width: u32, height: u32, lines: &[String]) {
    card.draw(width, height, |pixels| {
        let mut on = Painter::new(pixels, (width, height));
        on.clear(GROUND);
        let Some((head, rest)) = lines.split_first() else { return };
        let longest = rest.iter().map(|line| line.chars().count()).max().unwrap_or(0) as u32;
        // Letters as large as fit: whole multiples of the font's 8x8, so that they stay sharp.
        let largest =
            |letters: u32, lines: u32| (width / (GLYPH * (letters + 2))).min(height / (GLYPH * lines));
        let small = largest(longest.max(24), 24).clamp(1, 4);
        let large = largest(head.chars().count() as u32, 10).clamp(small, 3 * small);
        let total = GLYPH * large + 3 * GLYPH * small + rest.len() as u32 * LINE * small;
        let mut top = height.saturating_sub(total) / 2;
        centred(&mut on, head, top, large, HEAD);
        top += GLYPH * large + GLYPH * small;
        let long = (painter::width(head) * large).min(width);
        on.fill(((width - long) / 2, top), (long, small), ACCENT);
        top += 2 * GLYPH * small;
        for line in rest {
            centred(&mut on, line, top, small, TEXT);
            top += LINE * small;
        }
    });
}

/// Writes a line in the middle; what is too long is shortened.
fn centred(on: &mut Painter<'_>, text: &str, top: u32, scale: u32, colour: Colour) {
    let across = on.size().0;
    let text = shortened(text, (across / (GLYPH * scale)) as usize);
    on.text(((across - painter::width(&text) * scale) / 2, top), &text, scale, colour);
}

/// From one line to the next.
const LINE: u32 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u32, height: u32, lines: &[&str]) -> usize {
        let mut card = Decoded::default();
        draw(&mut card, width, height, &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>());
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
}
