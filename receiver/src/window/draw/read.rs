//! For tests: finds text in what was drawn.

use std::collections::HashMap;
use std::rc::Rc;

use super::bitmap::Bitmap;
use super::fallback::Fallback;
use super::font::{Fonts, height, sizes};
use super::palette::{ACCENT, BAD, Colour, FAINT, FAIR, GOOD, HEAD, RAISED, TEXT};

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FoundText {
    /// Where its line begins.
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// Of its letters.
    pub(crate) size: u32,
    pub(crate) colour: Colour,
}

impl FoundText {
    /// Where the text ends.
    pub(crate) fn right(&self, text: &str) -> u32 {
        self.x + FONTS.with(|fonts| fonts.width(text, self.size))
    }
}

/// The first place, from the top, where the text is, in letters of any colour and the smallest size: each of its pixels
/// is exactly as it should be, those between and around the letters too.
pub(crate) fn find(bitmap: &Bitmap, text: &str) -> Option<FoundText> {
    let places = ColourIndex::of(bitmap);
    let mut sizes: Vec<u32> = sizes(8, 96).collect();
    sizes.reverse();
    sizes.into_iter().find_map(|size| {
        let found = INKS.into_iter().filter_map(|colour| places.find(text, size, colour));
        found.min_by_key(|found| (found.y, found.x))
    })
}

/// The program's font alone.
pub(crate) fn fonts() -> Fonts {
    Fonts::with_fallback(Fallback::new(Vec::new()))
}

thread_local! {
    /// With the letters that were looked for before.
    static FONTS: Rc<Fonts> = Rc::new(fonts());
}

/// Where each colour is.
struct ColourIndex<'a> {
    bitmap: &'a Bitmap,
    pixels: &'a [Colour],
    places: HashMap<Colour, Vec<u32>>,
    fonts: Rc<Fonts>,
}

impl<'a> ColourIndex<'a> {
    fn of(bitmap: &'a Bitmap) -> Self {
        let pixels: &[Colour] = bitmap.pixels().as_chunks().0;
        let mut places: HashMap<Colour, Vec<u32>> = HashMap::new();
        for (at, pixel) in pixels.iter().enumerate().filter(|(_, pixel)| **pixel != pixels[0]) {
            places.entry(*pixel).or_default().push(at as u32);
        }
        Self { bitmap, pixels, places, fonts: FONTS.with(Rc::clone) }
    }

    fn find(&self, text: &str, size: u32, colour: Colour) -> Option<FoundText> {
        // The first pixel is of the ground.
        let grounds = [*self.pixels.first()?, RAISED];
        let is_there = |ground: &Colour| *ground == grounds[0] || self.places.contains_key(ground);
        let grounds = grounds.into_iter().filter(is_there);
        let found = grounds.filter_map(|ground| self.find_on(text, size, colour, ground));
        found.min_by_key(|found| (found.y, found.x))
    }

    fn find_on(&self, text: &str, size: u32, colour: Colour, ground: Colour) -> Option<FoundText> {
        let (across, down) = (self.fonts.width(text, size), height(size));
        let (width, tall) = self.bitmap.size();
        if across > width || down > tall {
            return None;
        }
        let mut drawn = Bitmap::default();
        drawn.begin(&self.fonts, (across, down), ground).text((0, 0), text, size, colour);
        let drawn: &[Colour] = drawn.pixels().as_chunks().0;
        let rarest = |(_, pixel): &(usize, &Colour)| self.places.get(*pixel).map_or(0, Vec::len);
        let (at, pixel) =
            drawn.iter().enumerate().filter(|(_, pixel)| **pixel != ground).min_by_key(rarest)?;
        let (x, y) = (at as u32 % across, at as u32 / across);
        self.places.get(pixel)?.iter().find_map(|place| {
            let (x, y) = ((place % width).checked_sub(x)?, (place / width).checked_sub(y)?);
            let is_inside = x + across <= width && y + down <= tall;
            let row = |y: u32| &self.pixels[(y * width + x) as usize..][..across as usize];
            let mut rows = (y..).zip(drawn.chunks(across as usize));
            (is_inside && rows.all(|(y, drawn)| row(y) == drawn)).then_some(FoundText { x, y, size, colour })
        })
    }
}

const INKS: [Colour; 9] =
    [ACCENT, BAD, FAIR, FAINT, GOOD, HEAD, TEXT, [1, 2, 3, 255], [0xa0, 0x96, 0xb0, 0xff]];
