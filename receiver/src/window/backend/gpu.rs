//! A window drawn by graphics hardware: planes are uploaded as they are, and converted and scaled there.

use anyhow::Result;
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::render::{BlendMode, Texture, TextureCreator, WindowCanvas};
use sdl2::video::{WindowBuilder, WindowContext};
use sdl2::{EventPump, VideoSubsystem};

use super::canvas::{Border, Canvas, Drawing, failed};
use super::sdl;
use crate::codec::{Decoded, DecodedLayout};
use crate::window::draw::{fit, yuv};
use crate::window::options::Options;

/// A window that is drawn to by graphics hardware. All tiles are drawn for each showing: what was there before is gone.
pub(crate) struct Graphics<'t> {
    canvas: WindowCanvas,
    textures: &'t TextureCreator<WindowContext>,
    tiles: Vec<Option<GpuTile<'t>>>,
    /// The largest texture that the hardware takes.
    most: (u32, u32),
    /// Chroma of a grey picture.
    neutral: Vec<u8>,
    row: Vec<u8>,
}

/// What is shown of a tile until it is drawn again.
struct GpuTile<'t> {
    area: Rect,
    picture: Texture<'t>,
    /// How much of the texture is picture.
    size: (u32, u32),
    layers: Vec<(Texture<'t>, Rect)>,
    border: Option<Border>,
}

impl<'t> Graphics<'t> {
    /// Opens a window, if there is graphics hardware that draws it. An OpenGL that is software itself is slower than
    /// drawing without it: 8 to 17 ms instead of 2 for 1920x1080.
    pub(crate) fn open(video: &VideoSubsystem, options: &Options) -> Result<Option<WindowCanvas>> {
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
            && sdl::opengl_renderer(video).is_none_or(|name| is_software(&name))
        {
            return Ok(None);
        }
        canvas.window_mut().show();
        Ok(Some(canvas))
    }

    pub(crate) fn new(canvas: WindowCanvas, textures: &'t TextureCreator<WindowContext>) -> Self {
        let about = canvas.info();
        let most = (about.max_texture_width, about.max_texture_height);
        Self { canvas, textures, tiles: Vec::new(), most, neutral: Vec::new(), row: Vec::new() }
    }

    fn upload(&mut self, number: usize, drawing: &Drawing<'_>) -> Result<(), String> {
        if self.tiles.len() <= number {
            self.tiles.resize_with(number + 1, || None);
        }
        let kept = self.tiles[number].take();
        let (kept, kept_layers) = kept.map_or((None, Vec::new()), |tile| (Some(tile.picture), tile.layers));
        let (mut kept_layers, mut layers) = (kept_layers.into_iter(), Vec::new());
        let (picture, size) = self.upload_picture(drawing.picture, kept)?;
        for layer in drawing.layers.iter().flatten() {
            let (width, height) = layer.bitmap.size();
            if width == 0 || height == 0 {
                continue;
            }
            let mut texture = self.texture(
                kept_layers.next().map(|kept| kept.0),
                PixelFormatEnum::ARGB8888,
                (width, height),
            )?;
            texture.set_blend_mode(BlendMode::Blend);
            texture.update(None, layer.bitmap.pixels(), layer.bitmap.pitch()).map_err(|e| e.to_string())?;
            layers.push((texture, Rect::new(layer.at.0, layer.at.1, width, height)));
        }
        let (area, border) = (drawing.area, drawing.border);
        self.tiles[number] = Some(GpuTile { area, picture, size, layers, border });
        Ok(())
    }

    /// The texture that is there if it fits, or a new one.
    fn texture(
        &self,
        kept: Option<Texture<'t>>,
        format: PixelFormatEnum,
        size: (u32, u32),
    ) -> Result<Texture<'t>, String> {
        let fits = |texture: &Texture<'_>| {
            let is = texture.query();
            (is.format, is.width, is.height) == (format, size.0, size.1)
        };
        match kept {
            Some(texture) if fits(&texture) => Ok(texture),
            _ => self.textures.create_texture_streaming(format, size.0, size.1).map_err(|e| e.to_string()),
        }
    }

    /// The picture as a texture, and how much of that it takes.
    fn upload_picture(
        &mut self,
        picture: &Decoded,
        kept: Option<Texture<'t>>,
    ) -> Result<(Texture<'t>, (u32, u32)), String> {
        let (width, height) = (picture.width(), picture.height());
        let each = one_in(width.next_multiple_of(2), self.most.0)
            .max(one_in(height.next_multiple_of(2), self.most.1));
        if each == 1 && can_go_up_as_planes(picture) {
            let size = (width.next_multiple_of(2), height.next_multiple_of(2));
            let mut texture = self.texture(kept, PixelFormatEnum::IYUV, size)?;
            self.upload_planes(picture, &mut texture)?;
            return Ok((texture, (width, height)));
        }
        // Of a picture that is larger than the hardware takes, every second pixel of every second row, or fewer.
        let size = (width.div_ceil(each), height.div_ceil(each));
        let mut texture = self.texture(kept, PixelFormatEnum::RGB888, size)?;
        texture.with_lock(None, |pixels, pitch| {
            let each = each as usize;
            yuv::rows(picture, &mut self.row, |row, bytes| {
                if row.is_multiple_of(each) {
                    let into = &mut pixels[row / each * pitch..];
                    match each {
                        1 => into[..bytes.len()].copy_from_slice(bytes),
                        _ => thin(bytes, each, into),
                    }
                }
            });
        })?;
        Ok((texture, size))
    }

    fn show(&mut self) -> Result<(), String> {
        self.canvas.set_draw_color(Color::BLACK);
        self.canvas.clear();
        for tile in self.tiles.iter().flatten() {
            let (width, height) = tile.size;
            let area = fit::letterbox_in(tile.size, tile.area);
            self.canvas.copy(&tile.picture, Rect::new(0, 0, width, height), area)?;
            self.canvas.set_clip_rect(tile.area);
            for (texture, place) in &tile.layers {
                self.canvas.copy(texture, None, *place)?;
            }
            self.canvas.set_clip_rect(None);
            if let Some(border) = &tile.border {
                let [blue, green, red, _] = border.colour;
                self.canvas.set_draw_color(Color::RGB(red, green, blue));
                self.canvas.fill_rects(&border.sides(tile.area))?;
            }
        }
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
                DecodedLayout::Gray => {
                    self.neutral.resize(chroma * (rows / 2) as usize, 128);
                    (&self.neutral[..], &self.neutral[..], chroma)
                }
                // At twice its pitch, a plane of 4:2:2 is one of 4:2:0: every second row of it.
                DecodedLayout::I422 => (u, v, 2 * chroma),
                _ => (u, v, chroma),
            };
            texture
                .update_yuv(area, y, layout.pitch(0, width), u, pitch, v, pitch)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Canvas for Graphics<'_> {
    fn window(&mut self) -> &mut sdl2::video::Window {
        self.canvas.window_mut()
    }

    fn clear(&mut self) {
        self.tiles.clear();
    }

    fn draw(&mut self, number: usize, drawing: &Drawing<'_>, _: &EventPump) -> Result<()> {
        self.upload(number, drawing).map_err(failed)
    }

    fn present(&mut self, _: &EventPump) -> Result<()> {
        self.show().map_err(failed)
    }
}

/// The window as it begins; it takes the size of its first picture later.
pub(crate) fn builder(video: &VideoSubsystem, options: &Options) -> WindowBuilder {
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
        DecodedLayout::I420 => true,
        DecodedLayout::I422 => even_height,
        DecodedLayout::Gray => even_width && even_height,
        DecodedLayout::I444 | DecodedLayout::Bgrx => false,
    }
}

/// Every how manyth pixel of `size` is so few that `most` hold them; 0: there is no bound.
fn one_in(size: u32, most: u32) -> u32 {
    if most == 0 { 1 } else { size.div_ceil(most).max(1) }
}

/// Copies every `each`th pixel of a row.
fn thin(row: &[u8], each: usize, into: &mut [u8]) {
    for (pixel, place) in row.chunks_exact(PIXEL).step_by(each).zip(into.chunks_exact_mut(PIXEL)) {
        place.copy_from_slice(pixel);
    }
}

/// Bytes of a pixel.
const PIXEL: usize = 4;

fn is_software(renderer: &str) -> bool {
    ["llvmpipe", "softpipe", "swrast", "SwiftShader", "Software"].iter().any(|name| renderer.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_than_a_texture_is_thinned_until_it_fits() {
        for (size, most, each) in
            [(1920, 4096, 1), (4096, 4096, 1), (4098, 4096, 2), (8192, 2048, 4), (8192, 0, 1), (1, 4096, 1)]
        {
            assert_eq!(one_in(size, most), each, "{size} of {most}");
            assert!(most == 0 || size.div_ceil(each) <= most);
        }
        let row: Vec<u8> = (0..5).flat_map(|pixel| [pixel; PIXEL]).collect();
        let mut into = [9; 4 * PIXEL];
        thin(&row, 2, &mut into);
        assert_eq!(into, [[0; PIXEL], [2; PIXEL], [4; PIXEL], [9; PIXEL]].concat()[..]);
    }
}
