//! A window without graphics hardware: pixels are copied into memory that the display shows.

use anyhow::Result;
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::surface::{Surface, SurfaceRef};
use sdl2::{EventPump, VideoSubsystem};

use super::{Options, Screen, convert, failed, fit, graphics, sdl_raw};
use crate::decode::Decoded;

/// A window that is drawn to by the processor alone.
pub(super) struct Software {
    window: sdl2::video::Window,
    /// The picture at its own size, on its way to be scaled.
    unscaled: Option<Surface<'static>>,
    row: Vec<u8>,
    /// Where the last picture was put, in a window of which size: bars around it are painted when that changes.
    painted: Option<(Rect, (u32, u32))>,
}

impl Software {
    pub(super) fn open(video: &VideoSubsystem, options: &Options) -> Result<sdl2::video::Window> {
        graphics::builder(video, options).build().map_err(|error| failed(error.to_string()))
    }

    pub(super) fn new(window: sdl2::video::Window) -> Self {
        Self { window, unscaled: None, row: Vec::new(), painted: None }
    }

    fn scale(&mut self, picture: &Decoded, to: &mut SurfaceRef, area: Rect) -> Result<(), String> {
        let format = to.pixel_format_enum();
        let size = (picture.width(), picture.height());
        let mut unscaled = match self.unscaled.take() {
            Some(surface) if surface.size() == size && surface.pixel_format_enum() == format => surface,
            _ => Surface::new(size.0, size.1, format)?,
        };
        copy(picture, &mut self.row, &mut unscaled, (0, 0));
        let done = sdl_raw::stretch(&unscaled, to, area);
        self.unscaled = Some(unscaled);
        done
    }

    fn draw(&mut self, picture: &Decoded, pump: &EventPump) -> Result<(), String> {
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
        let area = fit::letterbox((picture.width(), picture.height()), size);
        if self.painted != Some((area, size)) {
            surface.fill_rect(None, Color::BLACK)?;
            self.painted = Some((area, size));
        }
        if area.size() == (picture.width(), picture.height()) {
            copy(picture, &mut self.row, &mut surface, (area.x() as usize, area.y() as usize));
        } else {
            self.scale(picture, &mut surface, area)?;
        }
        surface.update_window()
    }
}

impl Screen for Software {
    fn window(&mut self) -> &mut sdl2::video::Window {
        &mut self.window
    }

    fn show(&mut self, picture: &Decoded, pump: &EventPump) -> Result<()> {
        match self.draw(picture, pump) {
            Ok(()) => Ok(()),
            // The window was resized since; what is drawn next fits again.
            Err(_)
                if self
                    .window
                    .surface(pump)
                    .is_ok_and(|surface| Some(surface.size()) != self.painted.map(|p| p.1)) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Copies a picture to a place in a surface that has room for it.
fn copy(picture: &Decoded, scratch: &mut Vec<u8>, to: &mut SurfaceRef, (left, top): (usize, usize)) {
    let pitch = to.pitch() as usize;
    to.with_lock_mut(|pixels| {
        convert::rows(picture, scratch, |row, bytes| {
            let at = (top + row) * pitch + 4 * left;
            pixels[at..at + bytes.len()].copy_from_slice(bytes);
        });
    });
}
