//! Lines of text: how wide they are, how much of them fits, and where each letter is drawn.

use unicode_bidi::{BidiClass, BidiInfo, bidi_class};

use super::font::{Fonts, x_height};
use super::glyph::Glyph;

impl Fonts {
    /// How many pixels wide a text is.
    pub(crate) fn width(&self, text: &str, size: u32) -> u32 {
        text.chars().map(|letter| self.step(letter, size)).sum()
    }

    /// The text if it is no wider than this, or its beginning and an ellipsis.
    pub(crate) fn shortened(&self, text: &str, size: u32, room: u32) -> String {
        if self.width(text, size) <= room {
            return text.to_owned();
        }
        let Some(room) = room.checked_sub(self.width("…", size)) else { return String::new() };
        let mut taken = 0;
        let mut fits = |letter: char| {
            taken += self.step(letter, size);
            taken <= room
        };
        let end = text.char_indices().find(|(_, letter)| !fits(*letter)).map_or(text.len(), |(at, _)| at);
        format!("{}…", text[..end].trim_end())
    }

    /// Hands over each letter of a line, from the left, with where its pixels begin, from the line's left end and its
    /// baseline; and how far the line has come with it.
    pub(super) fn place(&self, text: &str, size: u32, mut put: impl FnMut((i32, i32), u32, &Glyph)) {
        let (mut end, mut base) = (0, MarkBase::default());
        for letter in in_order(text) {
            let pixels = self.letter(letter, size);
            if is_mark(letter) {
                put(base.carry(letter, &pixels, size), end, &pixels);
            } else {
                let left = end as i32 + pixels.left;
                end += pixels.advance;
                base = MarkBase { left, width: pixels.width as i32, top: pixels.top };
                put((left, pixels.top), end, &pixels);
            }
        }
    }

    fn step(&self, letter: char, size: u32) -> u32 {
        if is_mark(letter) || is_silent(letter) { 0 } else { self.advance(letter, size) }
    }
}

/// What marks are put on.
#[derive(Default)]
struct MarkBase {
    left: i32,
    width: i32,
    /// Of the letter, or of the highest mark on it.
    top: i32,
}

impl MarkBase {
    /// Where a mark goes: in the middle, and if it is above the letter, above whatever is there.
    fn carry(&mut self, mark: char, pixels: &Glyph, size: u32) -> (i32, i32) {
        let spare = self.width - pixels.width as i32;
        let left = self.left
            + match mark {
                SHIN_DOT => spare,
                SIN_DOT | HOLAM => 0,
                _ => spare / 2,
            };
        let is_above = pixels.bottom() <= -(x_height(size) as i32 * 3 / 4);
        let raise = if is_above { (pixels.bottom() - self.top + 1).max(0) } else { 0 };
        if is_above {
            self.top = pixels.top - raise;
        }
        (left, pixels.top - raise)
    }
}

/// The letters as they stand from left to right, each before the marks on it.
fn in_order(text: &str) -> Vec<char> {
    let audible = |text: &str| text.chars().filter(|&letter| !is_silent(letter)).collect::<Vec<_>>();
    if text.chars().all(|letter| letter < FIRST_RIGHT_TO_LEFT) {
        return audible(text);
    }
    let info = BidiInfo::new(text, None);
    let mut ordered = Vec::new();
    for paragraph in &info.paragraphs {
        let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let is_leftward = levels[run.start].is_rtl();
            let letters = audible(&text[run]);
            if is_leftward {
                // A letter and its marks stay together.
                let clusters: Vec<&[char]> = letters.chunk_by(|_, next| is_mark(*next)).collect();
                ordered.extend(clusters.into_iter().rev().flatten().copied().map(mirrored));
            } else {
                ordered.extend(letters);
            }
        }
    }
    ordered
}

/// Whether it is drawn on the letter before.
fn is_mark(letter: char) -> bool {
    letter >= FIRST_MARK && bidi_class(letter) == BidiClass::NSM
}

/// Whether it is not drawn at all: it controls something.
fn is_silent(letter: char) -> bool {
    matches!(letter, '\0'..'\u{20}' | '\u{7f}'..'\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn mirrored(letter: char) -> char {
    match letter {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    }
}

const FIRST_MARK: char = '\u{300}';
const FIRST_RIGHT_TO_LEFT: char = '\u{590}';
const SHIN_DOT: char = '\u{5c1}';
const SIN_DOT: char = '\u{5c2}';
const HOLAM: char = '\u{5b9}';

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::fonts;

    fn shown(text: &str) -> String {
        in_order(text).into_iter().collect()
    }

    #[test]
    fn what_is_written_leftward_is_drawn_leftward() {
        assert_eq!(shown("door (2)"), "door (2)");
        assert_eq!(shown("дверь"), "дверь");
        assert_eq!(shown("שלום"), "םולש");
        assert_eq!(shown("שער 12"), "12 רעש", "a number in it is read to the right");
        assert_eq!(shown("cam שער 2"), "cam 2 רעש");
        assert_eq!(shown("שער (a)"), "(a) רעש");
        assert_eq!(shown("שָׁלוֹם"), "םוֹלשָׁ", "points stay behind their letters");
        assert_eq!(shown("a\u{200b}b\n\tc\u{ad}"), "abc", "what is no letter is not drawn");
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        let fonts = fonts();
        for is in ["the door", "the d…", "the…", "t…", "…"] {
            assert_eq!(fonts.shortened("the door", 16, fonts.width(is, 16)), is);
        }
        assert_eq!(fonts.shortened("the door", 16, fonts.width("the door", 16) - 1), "the d…");
        assert_eq!(fonts.shortened("the door", 16, fonts.width("…", 16) - 1), "");
        assert_eq!(fonts.shortened("", 16, 0), "");
        for room in 0..200 {
            let text = fonts.shortened("Ein sehr langer Náme שער", 16, room);
            assert!(fonts.width(&text, 16) <= room, "{text} in {room}");
        }
        assert_eq!(shown(&fonts.shortened("שער הבית", 16, fonts.width("…שער", 16))), "…רעש");
    }

    #[test]
    fn a_mark_is_in_the_middle_above_its_letter_and_takes_no_room() {
        let fonts = fonts();
        let placed = |text: &str| {
            let mut placed = Vec::new();
            let put = |at: (i32, i32), _, glyph: &Glyph| {
                placed.push((at, glyph.width as i32, glyph.bottom() - glyph.top))
            };
            fonts.place(text, 32, put);
            placed
        };
        assert_eq!(fonts.width("e\u{301}", 32), fonts.width("e", 32));
        for base in ["e", "E", "й", "W", "l"] {
            let [((left, top), width, _), ((mark, above), across, high)] =
                placed(&format!("{base}\u{301}"))[..]
            else {
                panic!("{base} and its mark");
            };
            let off = (2 * left + width) - (2 * mark + across);
            assert!(off.abs() <= 2, "{base}: {off} half pixels beside the middle");
            assert!(above + high <= top, "{base}: the mark is above it");
        }
        let tops: Vec<i32> = placed("e\u{302}\u{301}").into_iter().map(|(at, ..)| at.1).collect();
        assert!(tops[1] < tops[0] && tops[2] < tops[1], "one above the other: {tops:?}");
        let [(base, ..), (below, ..)] = placed("ב\u{5b8}")[..] else { panic!("a letter and its point") };
        assert!(below.1 > base.1, "a point below stays below");
        placed("\u{301}");
    }
}
