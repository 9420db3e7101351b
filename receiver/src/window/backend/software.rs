//! A window without graphics hardware: pixels are copied into memory that the display shows.

use anyhow::Result;
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::surface::{Surface, SurfaceRef};
use sdl2::{EventPump, VideoSubsystem};

use super::canvas::{Canvas, Drawing, failed};
use super::{gpu, sdl};
use crate::codec::Decoded;
use crate::window::draw::{fit, yuv};
use crate::window::options::Options;

/// A window that is drawn to by the processor alone.
pub(crate) struct Software {
    window: sdl2::video::Window,
    /// The picture at its own size, on its way to be scaled.
    unscaled: Option<Surface<'static>>,
    row: Vec<u8>,
    /// What was drawn for each tile.
    painted: Vec<Painted>,
    /// What was drawn and is not shown yet.
    fresh: Vec<Rect>,
    /// The window's size when it was drawn to first after it was cleared.
    size: Option<(u32, u32)>,
}

/// What was drawn last for a tile: only where it differs is the ground beside the picture painted again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Painted {
    picture: Option<Rect>,
    /// Whether something lay over it that may reach beyond the picture.
    is_covered: bool,
}

impl Software {
    pub(crate) fn open(video: &VideoSubsystem, options: &Options) -> Result<sdl2::video::Window> {
        gpu::builder(video, options).build().map_err(|error| failed(error.to_string()))
    }

    pub(crate) fn new(window: sdl2::video::Window) -> Self {
        let (painted, fresh) = (Vec::new(), Vec::new());
        Self { window, unscaled: None, row: Vec::new(), painted, fresh, size: None }
    }

    fn paint(&mut self, number: usize, drawing: &Drawing<'_>, pump: &EventPump) -> Result<(), String> {
        // The window is held by another handle, so that its surface does not borrow all of `self`.
        let window = sdl2::video::Window::from_ref(self.window.context());
        let mut surface = window.surface(pump)?;
        if !matches!(surface.pixel_format_enum(), PixelFormatEnum::RGB888 | PixelFormatEnum::ARGB8888) {
            return Err(format!(
                "the display has pixels of {:?}, not of 32 bits",
                surface.pixel_format_enum()
            ));
        }
        let size = surface.size();
        if self.size != Some(size) {
            surface.fill_rect(None, Color::BLACK)?;
            self.fresh.clear();
            self.fresh.push(Rect::new(0, 0, size.0, size.1));
            self.painted.clear();
            self.size = Some(size);
        }
        let Some(tile) = drawing.area.intersection(Rect::new(0, 0, size.0, size.1)) else { return Ok(()) };
        let picture = drawing.picture;
        let area = fit::letterbox_in((picture.width(), picture.height()), tile);
        if self.painted.len() <= number {
            self.painted.resize(number + 1, Painted::default());
        }
        let is_covered = drawing.border.is_some() || drawing.layers.iter().any(Option::is_some);
        let now = Painted { picture: Some(area), is_covered };
        let before = std::mem::replace(&mut self.painted[number], now);
        if before != now || is_covered {
            surface.fill_rects(&beside(tile, area), Color::BLACK)?;
        }
        if area.size() == (picture.width(), picture.height()) {
            copy(picture, &mut self.row, &mut surface, (area.x() as usize, area.y() as usize));
        } else {
            self.scale(picture, &mut surface, area)?;
        }
        if is_covered {
            let pitch = surface.pitch() as usize;
            surface.with_lock_mut(|pixels| {
                for layer in drawing.layers.iter().flatten() {
                    layer.bitmap.blend(pixels, pitch, layer.at, tile);
                }
            });
        }
        if let Some(border) = drawing.border {
            let [blue, green, red, _] = border.colour;
            surface.fill_rects(&border.sides(tile), Color::RGB(red, green, blue))?;
        }
        self.fresh.push(tile);
        Ok(())
    }

    fn scale(&mut self, picture: &Decoded, to: &mut SurfaceRef, area: Rect) -> Result<(), String> {
        let format = to.pixel_format_enum();
        let size = (picture.width(), picture.height());
        let mut unscaled = match self.unscaled.take() {
            Some(surface) if surface.size() == size && surface.pixel_format_enum() == format => surface,
            _ => Surface::new(size.0, size.1, format)?,
        };
        copy(picture, &mut self.row, &mut unscaled, (0, 0));
        let done = sdl::stretch(&unscaled, to, area);
        self.unscaled = Some(unscaled);
        done
    }

    /// Whether the window has another size than what was drawn: then that is drawn again, and no error of now counts.
    fn was_resized(&self, pump: &EventPump) -> bool {
        self.window.surface(pump).is_ok_and(|surface| Some(surface.size()) != self.size)
    }
}

impl Canvas for Software {
    fn window(&mut self) -> &mut sdl2::video::Window {
        &mut self.window
    }

    fn clear(&mut self) {
        self.size = None;
    }

    fn draw(&mut self, number: usize, drawing: &Drawing<'_>, pump: &EventPump) -> Result<()> {
        match self.paint(number, drawing, pump) {
            Err(error) if !self.was_resized(pump) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    fn present(&mut self, pump: &EventPump) -> Result<()> {
        let window = sdl2::video::Window::from_ref(self.window.context());
        let shown = window.surface(pump).and_then(|surface| surface.update_window_rects(&self.fresh));
        self.fresh.clear();
        match shown {
            Err(error) if !self.was_resized(pump) => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

/// What of `whole` is above, below, left and right of `inner`.
fn beside(whole: Rect, inner: Rect) -> [Rect; 4] {
    let (width, height) = whole.size();
    let across = |from: i32, to: i32| to.saturating_sub(from).max(0) as u32;
    [
        empty_or(whole.x(), whole.y(), width, across(whole.top(), inner.top())),
        empty_or(whole.x(), inner.bottom(), width, across(inner.bottom(), whole.bottom())),
        empty_or(whole.x(), whole.y(), across(whole.left(), inner.left()), height),
        empty_or(inner.right(), whole.y(), across(inner.right(), whole.right()), height),
    ]
}

/// A rectangle; SDL takes one without area for nothing, and its binding makes it one pixel wide.
fn empty_or(x: i32, y: i32, width: u32, height: u32) -> Rect {
    if width == 0 || height == 0 { Rect::new(-1, -1, 1, 1) } else { Rect::new(x, y, width, height) }
}

/// Copies a picture to a place in a surface that has room for it.
fn copy(picture: &Decoded, scratch: &mut Vec<u8>, to: &mut SurfaceRef, (left, top): (usize, usize)) {
    let pitch = to.pitch() as usize;
    to.with_lock_mut(|pixels| {
        yuv::rows(picture, scratch, |row, bytes| {
            let at = (top + row) * pitch + 4 * left;
            pixels[at..at + bytes.len()].copy_from_slice(bytes);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_a_picture_and_the_picture_fill_the_tile() {
        let (tile, picture) = (Rect::new(10, 20, 40, 30), Rect::new(14, 20, 32, 30));
        let covers = |rects: &[Rect], x, y| rects.iter().any(|rect| rect.contains_point((x, y)));
        for y in 0..70 {
            for x in 0..70 {
                let is_beside = tile.contains_point((x, y)) && !picture.contains_point((x, y));
                assert_eq!(covers(&beside(tile, picture), x, y), is_beside, "{x} {y}");
            }
        }
    }
}
