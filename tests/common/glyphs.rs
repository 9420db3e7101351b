//! Reads the letters that the receiver draws back from the pixels of a screen: each letter is drawn here from the same
//! font, by the same rules, and compared.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont};

use super::display::{Area, Screen};

/// Where a text is on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) left: usize,
    pub(crate) top: usize,
    /// How many pixels high an x is.
    x_height: usize,
}

impl Screen {
    /// Whether a text can be read anywhere on it.
    pub(crate) fn reads(&self, text: &str) -> bool {
        self.find(text, self.area()).is_some()
    }

    /// The first place in an area, from the top, where a text is: every pixel of its letters is as light as it has to
    /// be, and so is every one around them. What is smaller is found first.
    pub(crate) fn find(&self, text: &str, area: Area) -> Option<Text> {
        SIZES.into_iter().find_map(|x_height| {
            let pattern = Pattern::of(text, x_height);
            let (right, bottom) =
                (area.width.checked_sub(pattern.width)?, area.height.checked_sub(pattern.height)?);
            // What is not lighter than what is beside it is no ink: most places are none.
            let row = |(x, y): (usize, usize), top: usize| {
                &self.luma()[(top + y) * self.width + area.left + x..][..=right]
            };
            (area.top..=area.top + bottom).find_map(|top| {
                let (inks, papers) = (row(pattern.ink.0, top), row(pattern.paper, top));
                // A plain loop: it is the test programs' hottest, and they are hardly optimised.
                let mut at = 0;
                while at < inks.len() {
                    if inks[at] >= papers[at].saturating_add(LEAST) {
                        let left = area.left + at;
                        if self.may_be(&pattern, left, top) && self.error(&pattern, left, top).is_some() {
                            return Some(Text { left, top, x_height });
                        }
                    }
                    at += 1;
                }
                None
            })
        })
    }

    /// What is written on one line, from there to the right end of an area, whatever its colours.
    pub(crate) fn line(&self, from: Text, area: Area) -> String {
        let (mut line, mut left, mut gap) = (String::new(), from.left, 0);
        let right = area.left + area.width;
        let width = |text| Pattern::of(text, from.x_height).width;
        let blank = width("a a") - width("aa");
        while left < right {
            let read = |letter: char| {
                let pattern = Pattern::of(letter.encode_utf8(&mut [0; 4]), from.x_height);
                let is_inside = left + pattern.width <= right && from.top + pattern.height <= self.height;
                let error = is_inside.then(|| self.error(&pattern, left, from.top))??;
                Some((letter, pattern.width, error))
            };
            // A part of an m may be an r, but an r is no m.
            let better =
                |a: &(char, usize, f32), b: &(char, usize, f32)| a.1.cmp(&b.1).then(b.2.total_cmp(&a.2));
            let best = LETTERS.chars().filter_map(read).max_by(better);
            if let Some((letter, width, _)) = best {
                if gap > 1 {
                    (0..((gap + blank / 2) / blank).max(1)).for_each(|_| line.push(' '));
                }
                line.push(letter);
                (left, gap) = (left + width, 0);
            } else {
                (left, gap) = (left + 1, gap + 1);
            }
        }
        line
    }

    /// Whether a few pixels of letters are lighter than as many beside them, without which it is not that text: soon said
    /// of most places.
    fn may_be(&self, pattern: &Pattern, left: usize, top: usize) -> bool {
        let all = &self.luma()[top * self.width + left..];
        let luma = |(x, y): (usize, usize)| all[y * self.width + x];
        pattern.pairs.iter().all(|&(ink, paper)| luma(ink) > luma(paper).saturating_add(LEAST / 5))
    }

    /// How far a place is from a text, on average; `None` if it is not that text.
    fn error(&self, pattern: &Pattern, left: usize, top: usize) -> Option<f32> {
        let all = self.luma();
        let luma = |(x, y): (usize, usize)| f32::from(all[(top + y) * self.width + left + x]);
        let ink = luma(pattern.ink.0);
        let ground = pattern.ground.iter().map(|&at| luma(at)).sum::<f32>() / pattern.ground.len() as f32;
        // The whole ink: the letter may cover only a part of its darkest pixel.
        let contrast = (ink - ground) / pattern.ink.1;
        if contrast < f32::from(LEAST) {
            return None;
        }
        let mut sum = 0.0;
        for (at, &covered) in pattern.covered.iter().enumerate() {
            let (x, y) = (at % pattern.width, at / pattern.width);
            let off = ((luma((x, y)) - ground) / contrast - covered).abs();
            // A neighbour may reach a little into its room.
            if covered == 0.0 && (x == 0 || x + 1 == pattern.width) {
                continue;
            }
            if off > MOST_OFF {
                return None;
            }
            sum += off;
        }
        Some(sum / pattern.covered.len() as f32)
    }
}

/// A text as it is drawn: how much of each pixel its letters cover, from 0 to 1.
#[derive(Clone, Debug)]
struct Pattern {
    width: usize,
    height: usize,
    covered: Vec<f32>,
    /// The pixel that is covered most, and how much.
    ink: ((usize, usize), f32),
    /// One that is not covered, as near to it as there is.
    paper: (usize, usize),
    /// Some that are covered nearly whole, all along the text, and one beside each that is not covered.
    pairs: Vec<((usize, usize), (usize, usize))>,
    /// Some that are not covered.
    ground: Vec<(usize, usize)>,
}

impl Pattern {
    fn of(text: &str, x_height: usize) -> Self {
        static KNOWN: LazyLock<Mutex<HashMap<(String, usize), Pattern>>> = LazyLock::new(Mutex::default);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((text.to_owned(), x_height)).or_insert_with(|| Self::drawn(text, x_height)).clone()
    }

    fn drawn(text: &str, x_height: usize) -> Self {
        let em = x_height as f32 * 0.99999 / X_HEIGHT;
        let ascent = (ASCENT * em).ceil();
        let height = ascent as usize + (DESCENT * em).ceil() as usize;
        let glyphs: Vec<(&FontRef<'_>, GlyphId)> = text.chars().map(glyph).collect();
        let scale = |font: &FontRef<'_>| {
            PxScale::from(em * font.height_unscaled() / font.units_per_em().expect("the font says its units"))
        };
        let advance = |font: &FontRef<'_>, glyph| font.as_scaled(scale(font)).h_advance(glyph).round();
        let width = glyphs.iter().map(|(font, glyph)| advance(font, *glyph)).sum::<f32>() as usize;
        let mut covered = vec![0.0; width * height];
        let mut left = 0.0;
        for (font, glyph) in glyphs {
            let placed = glyph.with_scale_and_position(scale(font), (left, ascent));
            if let Some(outline) = font.outline_glyph(placed) {
                let corner = outline.px_bounds().min;
                outline.draw(|x, y, part| {
                    let (x, y) = (corner.x as i32 + x as i32, corner.y as i32 + y as i32);
                    if (0..width as i32).contains(&x) && (0..height as i32).contains(&y) {
                        let pixel: &mut f32 = &mut covered[y as usize * width + x as usize];
                        *pixel = pixel.max(part.min(1.0));
                    }
                });
            }
            left += advance(font, glyph);
        }
        let place = |at: usize| (at % width, at / width);
        let (ink, part) = covered.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("some pixels");
        let (ink, part) = (place(ink), *part);
        let bare = || (0..covered.len()).filter(|&at| covered[at] == 0.0).map(place);
        let distance = |at: &(usize, usize)| at.0.abs_diff(ink.0) + at.1.abs_diff(ink.1);
        let paper = bare().min_by_key(distance).expect("letters leave room");
        let ground = bare().step_by(bare().count().div_ceil(16)).collect();
        let inks: Vec<_> = (0..covered.len()).filter(|&at| covered[at] >= 0.8).map(place).collect();
        let mut inks: Vec<_> = inks.iter().step_by((inks.len() / 12).max(1)).copied().collect();
        inks.sort_unstable();
        // A neighbour may reach into the first and the last column.
        let beside = |(x, y): (usize, usize)| {
            let is_bare = |at: &usize| covered[y * width + at] == 0.0;
            let nearest = (1..width - 1).filter(is_bare).min_by_key(|at| at.abs_diff(x))?;
            Some(((x, y), (nearest, y)))
        };
        let pairs = inks.into_iter().filter_map(beside).collect();
        Self { width, height, covered, ink: (ink, part), paper, pairs, ground }
    }
}

/// The font that has a letter, and its number there.
fn glyph(letter: char) -> (&'static FontRef<'static>, GlyphId) {
    static FONTS: LazyLock<[FontRef<'static>; 2]> =
        LazyLock::new(|| FONT_FILES.map(|bytes| FontRef::try_from_slice(bytes).expect("a whole font")));
    let has = |font: &'static FontRef<'static>| {
        Some((font, font.glyph_id(letter))).filter(|(_, glyph)| glyph.0 > 0)
    };
    FONTS.iter().find_map(has).unwrap_or_else(|| panic!("no font has {letter:?}"))
}

/// The receiver's own font, and one that tests give it.
const FONT_FILES: [&[u8]; 2] =
    [include_bytes!("../../receiver/fonts/DejaVuSansCondensed.ttf"), include_bytes!("../fonts/hangul.ttf")];
/// Of an em, in the receiver's font.
const X_HEIGHT: f32 = 1120.0 / 2048.0;
const ASCENT: f32 = 1901.0 / 2048.0;
const DESCENT: f32 = 483.0 / 2048.0;
/// Of letters, in pixels to the top of an x.
const SIZES: std::ops::Range<usize> = 5..60;
/// By how much letters are lighter than what is behind them.
const LEAST: u8 = 50;
/// How far a pixel may be from what it should be, of the way from the ground to ink: a picture shines through.
const MOST_OFF: f32 = 0.3;
/// Those that are read back.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~±µ×äöüß…●▲■";
