//! A letter: its outline, and its pixels at a size.

use ab_glyph::{Font, GlyphId, Outline, OutlinedGlyph, PxScaleFactor};

/// A letter of a font, of no size yet.
#[derive(Debug)]
pub(crate) struct GlyphOutline {
    /// `None`: it leaves room, and draws nothing.
    outline: Option<Outline>,
    /// From here to the next letter, in parts of an em.
    advance: f32,
    per_em: f32,
}

/// A letter as pixels. The origin is on the baseline, where the letter before ends.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Glyph {
    /// From its origin to the next letter's, in pixels.
    pub(crate) advance: u32,
    /// Of the first column, from the origin.
    pub(crate) left: i32,
    /// Of the first row, from the baseline; less is above.
    pub(crate) top: i32,
    pub(crate) width: u32,
    /// How much of each pixel it covers, row by row: 255 is all of it.
    pub(crate) coverage: Vec<u8>,
}

impl GlyphOutline {
    /// Of a letter that the font has, as more than a bitmap. What no sane font has is taken for none: the font may be a
    /// broken file.
    pub(crate) fn of(font: &impl Font, letter: char) -> Option<Self> {
        let glyph = Some(font.glyph_id(letter)).filter(|glyph| glyph.0 > 0)?;
        let found = Self::of_glyph(font, glyph)?;
        (found.outline.is_some() || letter.is_whitespace()).then_some(found)
    }

    /// The same, by the number that a letter has in the font.
    pub(crate) fn of_glyph(font: &impl Font, glyph: GlyphId) -> Option<Self> {
        let per_em = font.units_per_em().filter(|units| UNITS.contains(units))?;
        let outline = font.outline(glyph).filter(|outline| !outline.curves.is_empty());
        let reach = LARGEST * per_em;
        let is_inside = |outline: &Outline| {
            let (min, max) = (outline.bounds.min, outline.bounds.max);
            [min.x, min.y, max.x, max.y].iter().all(|side| side.abs() <= reach)
        };
        if outline.as_ref().is_some_and(|outline| outline.curves.len() > MOST_CURVES || !is_inside(outline)) {
            return None;
        }
        let advance = font.h_advance_unscaled(glyph).clamp(0.0, reach);
        Some(Self { outline, advance, per_em })
    }

    /// How many pixels it is to the next letter, where an em is so many of them.
    pub(crate) fn advance(&self, em: f32) -> u32 {
        (self.advance * em / self.per_em).round() as u32
    }

    /// Its pixels where an em is so many of them.
    pub(crate) fn draw(&self, em: f32) -> Glyph {
        let scale = em / self.per_em;
        let advance = self.advance(em);
        let Some(outline) = &self.outline else { return Glyph { advance, ..Glyph::default() } };
        let factor = PxScaleFactor { horizontal: scale, vertical: scale };
        let glyph = OutlinedGlyph::new(GlyphId(0).with_scale(em), outline.clone(), factor);
        let bounds = glyph.px_bounds();
        let (width, height) = (bounds.width() as u32, bounds.height() as u32);
        let mut coverage = vec![0; width as usize * height as usize];
        glyph.draw(|x, y, covered| {
            if let Some(pixel) = coverage.get_mut((y * width + x) as usize) {
                *pixel = (covered * 255.0).round() as u8;
            }
        });
        Glyph { advance, left: bounds.min.x as i32, top: bounds.min.y as i32, width, coverage }
    }
}

impl Glyph {
    /// Below its last row.
    pub(crate) fn bottom(&self) -> i32 {
        self.top + self.coverage.len().checked_div(self.width as usize).unwrap_or(0) as i32
    }
}

/// What a font may have of them for an em.
const UNITS: std::ops::RangeInclusive<f32> = 16.0..=16384.0;
/// How many ems a letter may reach from its origin.
const LARGEST: f32 = 4.0;
/// The most intricate letters of Chinese have a third of this.
const MOST_CURVES: usize = 1000;
