//! The overlay: the sender's name, the picture's age, and the stream's figures.

mod figures;
mod panel;
mod plot;
mod rows;

use sdl2::rect::Rect;

use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::font::Fonts;
use crate::window::options::Detail;

pub(crate) use figures::Figures;
pub(crate) use panel::{SMALLEST, letter_size};
pub(crate) use rows::{WORTH_A_LOOK, age_text};

/// Draws as much as fits into a tile of this size, on a bitmap that is as large as it must be. Returns where in the
/// tile it belongs; `None` if there is nothing to be laid over it.
pub(crate) fn draw(
    bitmap: &mut Bitmap,
    fonts: &Fonts,
    tile: (u32, u32),
    detail: Detail,
    figures: &Figures<'_>,
) -> Option<Rect> {
    let rows = match detail {
        Detail::Off => rows::off(figures),
        Detail::Small => rows::small(figures),
        Detail::Full => rows::full(figures),
    };
    panel::draw(bitmap, fonts, tile, &rows, figures.history, detail == Detail::Full)
}

#[cfg(test)]
mod tests;
