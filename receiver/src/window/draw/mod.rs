//! Shapes, colours and letters, as pixels in memory.

pub(super) mod bitmap;
mod fallback;
pub(super) mod fit;
pub(super) mod font;
mod glyph;
pub(super) mod grid;
pub(super) mod painter;
pub(super) mod palette;
#[cfg(test)]
pub(super) mod read;
mod system_fonts;
mod text;
pub(super) mod yuv;
