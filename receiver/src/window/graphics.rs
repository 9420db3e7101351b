//! A window drawn by graphics hardware: planes go up as they are, and are converted and scaled there.

use anyhow::Result;
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::render::{Texture, TextureCreator, WindowCanvas};
use sdl2::video::{WindowBuilder, WindowContext};
use sdl2::{EventPump, VideoSubsystem};

use super::{Options, Screen, convert, failed, fit, sdl_raw};
use crate::decode::{Decoded, Layout};

/// A window that is drawn to by graphics hardware.
pub(super) struct Graphics<'t> {
    canvas: WindowCanvas,
    textures: &'t TextureCreator<WindowContext>,
    texture: Option<Texture<'t>>,
    /// Chroma of a grey picture.
    neutral: Vec<u8>,
    row: Vec<u8>,
}

impl<'t> Graphics<'t> {
    /// Opens a window, if there is graphics hardware that draws it. An OpenGL that is software itself is slower than
    /// drawing without it: 8 to 17 ms instead of 2 for 1920x1080.
    pub(super) fn open(video: &VideoSubsystem, options: &Options) -> Result<Option<WindowCanvas>> {
        // Who names a driver gets it.
        let named = std::env::var("SDL_RENDER_DRIVER").ok();
        if named.as_deref() == Some("software") || video.current_video_driver() == "dummy" {
            return Ok(None);
        }
        // Hidden until it is known that it stays.
        let Ok(window) = builder(video, options).hidden().opengl().build() else {
            return Ok(None);
        };
        let mut canvas = window.into_canvas().accelerated();
        if options.vsync {
            canvas = canvas.present_vsync();
        }
        let Ok(mut canvas) = canvas.build() else {
            return Ok(None);
        };
        if named.is_none()
            && canvas.info().name.starts_with("opengl")
            && sdl_raw::opengl_renderer(video).is_none_or(|name| is_software(&name))
        {
            return Ok(None);
        }
        canvas.window_mut().show();
        Ok(Some(canvas))
    }

    pub(super) fn new(canvas: WindowCanvas, textures: &'t TextureCreator<WindowContext>) -> Self {
        Self { canvas, textures, texture: None, neutral: Vec::new(), row: Vec::new() }
    }

    fn draw(&mut self, picture: &Decoded) -> Result<(), String> {
        let (width, height) = (picture.width(), picture.height());
        let as_planes = can_go_up_as_planes(picture);
        let (format, size) = match as_planes {
            true => (PixelFormatEnum::IYUV, (width.next_multiple_of(2), height.next_multiple_of(2))),
            false => (PixelFormatEnum::RGB888, (width, height)),
        };
        let fits = |texture: &Texture<'_>| {
            let is = texture.query();
            (is.format, is.width, is.height) == (format, size.0, size.1)
        };
        let mut texture = match self.texture.take() {
            Some(texture) if fits(&texture) => texture,
            _ => self
                .textures
                .create_texture_streaming(format, size.0, size.1)
                .map_err(|error| error.to_string())?,
        };
        if as_planes {
            self.upload_planes(picture, &mut texture)?;
        } else {
            texture.with_lock(None, |pixels, pitch| {
                convert::rows(picture, &mut self.row, |row, bytes| {
                    pixels[row * pitch..][..bytes.len()].copy_from_slice(bytes);
                });
            })?;
        }
        self.canvas.set_draw_color(Color::BLACK);
        self.canvas.clear();
        let area = fit::letterbox((width, height), self.canvas.output_size()?);
        let done = self.canvas.copy(&texture, Rect::new(0, 0, width, height), area);
        self.texture = Some(texture);
        done?;
        self.canvas.present();
        Ok(())
    }

    fn upload_planes(&mut self, picture: &Decoded, texture: &mut Texture<'_>) -> Result<(), String> {
        let (layout, width) = (picture.layout(), picture.width());
        for strip in picture.strips() {
            let [y, u, v] = picture.planes(strip);
            let rows = strip.rows().next_multiple_of(2);
            let area = Rect::new(0, strip.first_row() as i32, width.next_multiple_of(2), rows);
            let chroma = width.div_ceil(2) as usize;
            let (u, v, pitch) = match layout {
                Layout::Gray => {
                    self.neutral.resize(chroma * (rows / 2) as usize, 128);
                    (&self.neutral[..], &self.neutral[..], chroma)
                }
                // At twice its pitch, a plane of 4:2:2 is one of 4:2:0: every second row of it.
                Layout::I422 => (u, v, 2 * chroma),
                _ => (u, v, chroma),
            };
            texture
                .update_yuv(area, y, layout.pitch(0, width), u, pitch, v, pitch)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Screen for Graphics<'_> {
    fn window(&mut self) -> &mut sdl2::video::Window {
        self.canvas.window_mut()
    }

    fn show(&mut self, picture: &Decoded, _: &EventPump) -> Result<()> {
        self.draw(picture).map_err(failed)
    }
}

/// The window as it begins; it takes the size of its first picture later.
pub(super) fn builder(video: &VideoSubsystem, options: &Options) -> WindowBuilder {
    // Where there is no window manager, only its first size makes a window as large as the screen.
    let screen = video.display_bounds(0).ok().filter(|_| options.fullscreen);
    let (width, height) = screen.map_or((960, 540), |screen| screen.size());
    let mut builder = video.window("Chunkcast", width, height);
    builder.position_centered().resizable();
    if options.fullscreen {
        builder.fullscreen_desktop();
    }
    builder
}

/// Textures of planes have an even size, so an odd picture needs planes that are padded to one.
fn can_go_up_as_planes(picture: &Decoded) -> bool {
    let (even_width, even_height) = (picture.width().is_multiple_of(2), picture.height().is_multiple_of(2));
    match picture.layout() {
        Layout::I420 => true,
        Layout::I422 => even_height,
        Layout::Gray => even_width && even_height,
        Layout::I444 | Layout::Bgrx => false,
    }
}

fn is_software(renderer: &str) -> bool {
    ["llvmpipe", "softpipe", "swrast", "SwiftShader", "Software"].iter().any(|name| renderer.contains(name))
}
