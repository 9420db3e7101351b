//! Letters of any size: of the program's own font, or of the system's where that lacks them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use ab_glyph::{Font, FontRef, GlyphId};

use super::fallback::{Fallback, GlyphSearch};
use super::glyph::{Glyph, GlyphOutline};
use super::system_fonts;

/// The fonts, and the letters that were drawn of them. They belong to the thread that draws.
pub(crate) struct Fonts {
    own: FontRef<'static>,
    fallback: Fallback,
    drawn: RefCell<GlyphCache>,
}

#[derive(Default)]
struct GlyphCache {
    letters: HashMap<(char, u32), Rc<Glyph>>,
    bytes: usize,
}

/// Where a letter is from.
enum GlyphSource {
    Own(GlyphId),
    Other(Arc<GlyphOutline>),
    /// It is looked for.
    Pending,
}

impl Fonts {
    /// The program's font, and those that are installed. Nothing is read before a letter is missing.
    pub(crate) fn new() -> Self {
        Self::with_fallback(Fallback::new(system_fonts::folders()))
    }

    pub(crate) fn with_fallback(fallback: Fallback) -> Self {
        let own = FontRef::try_from_slice(OWN).expect("the program's own font is whole");
        Self { own, fallback, drawn: RefCell::default() }
    }

    /// Another number whenever what was drawn may look otherwise now, since a letter was found that was missing.
    pub(crate) fn answers(&self) -> u32 {
        self.fallback.answers()
    }

    /// A letter of the size at which an em has about so many pixels.
    pub(super) fn letter(&self, letter: char, size: u32) -> Rc<Glyph> {
        let mut drawn = self.drawn.borrow_mut();
        if let Some(known) = drawn.letters.get(&(letter, size)) {
            return known.clone();
        }
        let made = match self.origin(letter) {
            GlyphSource::Own(glyph) => {
                GlyphOutline::of_glyph(&self.own, glyph).map_or_else(Glyph::default, |o| o.draw(em(size)))
            }
            GlyphSource::Other(outline) => outline.draw(em(size)),
            // Nothing for a moment is better than a box for a moment; it is not kept.
            GlyphSource::Pending => return Rc::new(Glyph { advance: pending(size), ..Glyph::default() }),
        };
        if drawn.bytes > MOST_BYTES {
            *drawn = GlyphCache::default();
        }
        drawn.bytes += size_of::<Glyph>() + made.coverage.len();
        let made = Rc::new(made);
        drawn.letters.insert((letter, size), made.clone());
        made
    }

    /// How many pixels it is from a letter to the next. It is not drawn for that.
    pub(super) fn advance(&self, letter: char, size: u32) -> u32 {
        match self.origin(letter) {
            GlyphSource::Own(glyph) => (self.own.h_advance_unscaled(glyph) * em(size) / UNITS).round() as u32,
            GlyphSource::Other(outline) => outline.advance(em(size)),
            GlyphSource::Pending => pending(size),
        }
    }

    fn origin(&self, letter: char) -> GlyphSource {
        let own = |letter| Some(self.own.glyph_id(letter)).filter(|glyph| glyph.0 > 0);
        if let Some(glyph) = own(letter) {
            return GlyphSource::Own(glyph);
        }
        match self.fallback.get(letter) {
            GlyphSearch::Found(outline) => GlyphSource::Other(outline),
            GlyphSearch::Nothing => GlyphSource::Own(own(MISSING).unwrap_or_default()),
            GlyphSearch::Running => GlyphSource::Pending,
        }
    }
}

/// The room that is left for a letter that is looked for.
fn pending(size: u32) -> u32 {
    size / 2
}

/// From the top of a line to its baseline.
pub(crate) fn ascent(size: u32) -> u32 {
    (ASCENT * em(size)).ceil() as u32
}

/// Of a line, with what reaches below the baseline.
pub(crate) fn height(size: u32) -> u32 {
    ascent(size) + (DESCENT * em(size)).ceil() as u32
}

/// The sizes between these two at which letters are drawn differently, the largest first.
pub(crate) fn sizes(least: u32, most: u32) -> impl Iterator<Item = u32> {
    (x_height(least)..=x_height(most)).rev().map(|x_height| (x_height as f32 / X_HEIGHT).round() as u32)
}

/// From the baseline to the top of an x.
pub(super) fn x_height(size: u32) -> u32 {
    (X_HEIGHT * size as f32).round().max(1.0) as u32
}

/// An em in pixels: nearly the size, and so that small letters end at the edge of a pixel, and are sharp there.
fn em(size: u32) -> f32 {
    // A hair less, so that no rounding makes it a pixel more.
    x_height(size) as f32 * 0.99999 / X_HEIGHT
}

/// DejaVu Sans Condensed: receiver/fonts/README.md has where it is from.
pub(super) const OWN: &[u8] = include_bytes!("../../../fonts/DejaVuSansCondensed.ttf");
/// Of an em, in that font.
const X_HEIGHT: f32 = 1120.0 / UNITS;
const ASCENT: f32 = 1901.0 / UNITS;
const DESCENT: f32 = 483.0 / UNITS;
const UNITS: f32 = 2048.0;
/// Drawn for what no font has.
pub(super) const MISSING: char = '▯';
/// Of the letters that are kept. All that is on a screen takes a tenth of it.
const MOST_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::window::draw::read::fonts;

    /// With the font that tests have for Hangul.
    fn with_hangul() -> Fonts {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fonts"));
        Fonts::with_fallback(Fallback::new(vec![folder]))
    }

    #[test]
    fn the_own_font_has_what_names_are_written_with_in_half_of_the_world() {
        let fonts = fonts();
        let ranges = [
            '!'..='~',
            '\u{a1}'..='\u{24f}',
            'Ͱ'..='ͷ',
            'Α'..='Ρ',
            'Σ'..='Ͽ',
            'Ѐ'..='ԥ',
            'א'..='ת',
            'Ḁ'..='ỹ',
        ];
        for letter in ranges.into_iter().flatten().chain("●▲■…±–—‘’“”„·€№".chars())
        {
            let glyph = fonts.letter(letter, 16);
            assert!(glyph.coverage.iter().any(|&covered| covered > 100) || letter == '\u{ad}', "{letter:?}");
            assert_ne!(glyph, fonts.letter(MISSING, 16), "{letter:?}");
            assert_eq!(glyph.advance, fonts.advance(letter, 16), "{letter:?}");
        }
        assert_eq!(fonts.answers(), 0, "no other font was looked into");
    }

    #[test]
    fn what_the_own_font_has_not_comes_from_another_and_is_a_box_where_none_has_it() {
        let fonts = with_hangul();
        assert!(fonts.letter('현', 20).coverage.is_empty(), "nothing yet, and nobody has waited");
        let begun = Instant::now();
        while fonts.answers() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing was found");
            std::thread::yield_now();
        }
        let (hangul, missing) = (fonts.letter('현', 20), fonts.letter(MISSING, 20));
        assert!(hangul != missing && hangul.coverage.iter().any(|&covered| covered > 200));
        assert_eq!(hangul.advance, fonts.advance('현', 20));
        // An em of a syllable is as large as an em of Latin.
        assert!((15..=21).contains(&hangul.advance), "{}", hangul.advance);
        let answers = fonts.answers();
        fonts.letter('뷁', 20);
        while fonts.answers() == answers {
            assert!(begun.elapsed() < Duration::from_secs(30), "there is no answer");
            std::thread::yield_now();
        }
        assert_eq!(fonts.letter('뷁', 20), missing);
        assert_eq!(fonts.letter('현', 20), hangul);
    }

    #[test]
    fn what_was_drawn_once_is_kept_and_not_without_end() {
        let fonts = fonts();
        assert!(Rc::ptr_eq(&fonts.letter('a', 16), &fonts.letter('a', 16)));
        for size in 90..150 {
            "abcdefghijklmnopqrstuvwxyz".chars().for_each(|letter| drop(fonts.letter(letter, size)));
            let drawn = fonts.drawn.borrow();
            let bytes = drawn.letters.values().map(|glyph| glyph.coverage.len()).sum::<usize>();
            assert!(bytes <= drawn.bytes && drawn.bytes <= MOST_BYTES + (2 << 20), "{} {bytes}", drawn.bytes);
        }
    }

    #[test]
    fn letters_are_inside_their_line_and_sharp_at_its_baseline() {
        let fonts = fonts();
        for size in sizes(11, 64) {
            let x = fonts.letter('x', size);
            assert_eq!((x.top, x.bottom()), (-(x_height(size) as i32), 0), "{size}");
            for letter in "ÄŘgj|(@Щ".chars() {
                let glyph = fonts.letter(letter, size);
                assert!(glyph.top >= -(ascent(size) as i32), "{letter} {size}");
                assert!(glyph.bottom() <= (height(size) - ascent(size)) as i32, "{letter} {size}");
            }
            assert!(size.abs_diff(em(size).round() as u32) == 0, "{size}");
        }
    }
}
