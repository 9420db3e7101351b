//! Reads the letters that the receiver draws back from the pixels of a screen.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

use super::display::{Area, Screen};

/// Where a text is on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) left: usize,
    pub(crate) top: usize,
    /// How many pixels wide and high each dot of a letter is.
    pub(crate) scale: usize,
    /// Red, green and blue of its letters.
    pub(crate) rgb: [u8; 3],
}

impl Screen {
    /// Whether a text can be read anywhere on it.
    pub(crate) fn reads(&self, text: &str) -> bool {
        self.find(text, self.area()).is_some()
    }

    /// The first place in an area, from the top, where a text is: all dots of its letters are of one colour, and none
    /// around them. What is smaller is found first.
    pub(crate) fn find(&self, text: &str, area: Area) -> Option<Text> {
        (1..=12).find_map(|scale| self.find_at(text, area, scale))
    }

    /// What is written on one line, from there to the right end of an area, whatever its colours.
    pub(crate) fn line(&self, from: Text, area: Area) -> String {
        let size = 8 * from.scale;
        let letters = (area.left + area.width).saturating_sub(from.left) / size;
        let line: String =
            (0..letters).map(|n| self.letter(from.left + n * size, from.top, from.scale)).collect();
        line.trim_end().to_owned()
    }

    fn find_at(&self, text: &str, area: Area, scale: usize) -> Option<Text> {
        let width = 8 * scale * text.chars().count();
        let (right, bottom) = (area.width.checked_sub(width)?, area.height.checked_sub(8 * scale)?);
        let (mut ink, mut paper) = (Vec::new(), Vec::new());
        for (number, letter) in text.chars().enumerate() {
            for (x, y, is_ink) in dots(glyph(letter).expect("the receiver has a glyph for it")) {
                let (x, y) = (scale * (8 * number + x), scale * y);
                let corners = [(x, y), (x + scale - 1, y + scale - 1)];
                if is_ink { ink.extend(corners) } else { paper.extend(corners) }
            }
        }
        for top in area.top..=area.top + bottom {
            for left in area.left..=area.left + right {
                let at = |(x, y): &(usize, usize)| self.at(left + x, top + y);
                let rgb = at(&ink[0]);
                // Where all is of one colour, the first dot of paper says no; in a picture, the second of ink.
                if at(&paper[0]) != rgb
                    && ink.iter().all(|dot| at(dot) == rgb)
                    && paper.iter().all(|dot| at(dot) != rgb)
                {
                    return Some(Text { left, top, scale, rgb });
                }
            }
        }
        None
    }

    /// The letter there; a space where there is none.
    fn letter(&self, left: usize, top: usize, scale: usize) -> char {
        let middle = |dot: usize, from: usize| from + scale * dot + scale / 2;
        let cell: [[[u8; 3]; 8]; 8] =
            std::array::from_fn(|y| std::array::from_fn(|x| self.at(middle(x, left), middle(y, top))));
        let mut colours = cell.concat();
        colours.sort_unstable();
        colours.dedup();
        // Letters are lighter than what is behind them.
        colours.sort_by_key(|rgb| std::cmp::Reverse(rgb.iter().map(|&c| u32::from(c)).sum::<u32>()));
        let drawn =
            |rgb: [u8; 3]| cell.map(|row| (0..8).fold(0, |bits, x| bits | u8::from(row[x] == rgb) << x));
        colours
            .into_iter()
            .find_map(|rgb| LETTERS.chars().find(|&letter| glyph(letter) == Some(drawn(rgb))))
            .unwrap_or(' ')
    }
}

/// A letter's rows from the top, the lowest bit on the left.
fn glyph(letter: char) -> Option<[u8; 8]> {
    Some(match letter {
        ' '..='~' => BASIC_LEGACY[letter as usize],
        '\u{a0}'..='\u{ff}' => LATIN_LEGACY[letter as usize - 0xa0],
        // The font has none of these; the receiver draws them so.
        '…' => [0, 0, 0, 0, 0, 0x5b, 0x5b, 0],
        '●' => [0, 0x3c, 0x7e, 0x7e, 0x7e, 0x7e, 0x3c, 0],
        '▲' => [0, 0x18, 0x18, 0x3c, 0x3c, 0x7e, 0x7e, 0],
        '■' => [0, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0],
        _ => return None,
    })
}

fn dots(rows: [u8; 8]) -> impl Iterator<Item = (usize, usize, bool)> {
    (0..64).map(move |dot| (dot % 8, dot / 8, rows[dot / 8] >> (dot % 8) & 1 == 1))
}

/// Those that are read back.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~±µ×äöüß…●▲■";
