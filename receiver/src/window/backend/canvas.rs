//! The surface that tiles are drawn on, and a tile as it is handed over to be drawn.

use anyhow::{Result, anyhow};
use sdl2::EventPump;
use sdl2::rect::Rect;
use sdl2::video::Window;

use crate::codec::Decoded;
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::palette::Colour;

/// What tiles are drawn on.
pub(crate) trait Canvas {
    fn window(&mut self) -> &mut Window;
    /// Forgets all that was drawn: the tiles are arranged anew, or the window lost what it had.
    fn clear(&mut self);
    /// Draws a tile. It is to be seen when it is presented.
    fn draw(&mut self, number: usize, drawing: &Drawing<'_>, pump: &EventPump) -> Result<()>;
    /// Shows what was drawn.
    fn present(&mut self, pump: &EventPump) -> Result<()>;
}

/// A tile as it is to be seen.
pub(crate) struct Drawing<'a> {
    /// Its place in the window.
    pub(crate) area: Rect,
    /// As large as it fits into that.
    pub(crate) picture: &'a Decoded,
    /// What lies over the picture, the first one lowest.
    pub(crate) layers: [Option<Layer<'a>>; 3],
    pub(crate) border: Option<Border>,
}

/// Something laid over a picture, with its top left corner at a point of the window. It does not reach out of its tile.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub(crate) bitmap: &'a Bitmap,
    pub(crate) at: (i32, i32),
}

/// A tile's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Border {
    /// It covers what is below.
    pub(crate) colour: Colour,
    /// In pixels.
    pub(crate) thickness: u32,
}

impl Border {
    /// Its four sides, inside of a tile.
    pub(crate) fn sides(&self, tile: Rect) -> [Rect; 4] {
        let (width, height) = tile.size();
        let (across, down) = (self.thickness.min(width), self.thickness.min(height));
        let (x, y) = (tile.x(), tile.y());
        [
            Rect::new(x, y, width, down),
            Rect::new(x, tile.bottom() - down as i32, width, down),
            Rect::new(x, y, across, height),
            Rect::new(tile.right() - across as i32, y, across, height),
        ]
    }
}

/// What to say where SDL fails.
pub(crate) fn failed(why: String) -> anyhow::Error {
    anyhow!("the window failed: {why}")
}
