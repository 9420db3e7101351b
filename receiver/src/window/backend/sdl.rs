//! The few things that SDL can do and its Rust binding cannot: the only unsafe code of the window.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

use sdl2::EventSubsystem;
use sdl2::VideoSubsystem;
use sdl2::rect::Rect;
use sdl2::surface::SurfaceRef;
use sdl2::sys;

/// JPEG's YUV uses the full range of values, and SDL assumes television's narrower one unless it is told.
///
/// To be called before a renderer is made.
pub(crate) fn expect_full_range_yuv() {
    // SAFETY: it sets one variable of SDL's, which only the thread that draws reads, and this is that thread.
    unsafe { sys::SDL_SetYUVConversionMode(sys::SDL_YUV_CONVERSION_MODE::SDL_YUV_CONVERSION_JPEG) }
}

/// An event of our own.
pub(crate) fn register_event(events: &EventSubsystem) -> Result<u32, String> {
    // SAFETY: what may go wrong is that an event carries pointers which its receiver takes for something else. Ours
    // carries none.
    unsafe { events.register_event() }
}

/// What draws for OpenGL, such as "llvmpipe (LLVM 15.0.6, 256 bits)", where a context is current.
pub(crate) fn opengl_renderer(video: &VideoSubsystem) -> Option<String> {
    let get_string = video.gl_get_proc_address("glGetString");
    if get_string.is_null() {
        return None;
    }
    // SAFETY: it is not null, and OpenGL gives this name to a function of exactly this type.
    let get_string: extern "system" fn(u32) -> *const c_char = unsafe { std::mem::transmute(get_string) };
    let name = get_string(GL_RENDERER);
    if name.is_null() {
        return None;
    }
    // SAFETY: OpenGL returns a string that ends with a zero and lives as long as the context, which is copied here.
    Some(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

/// Scales all of `from` to `area` of `to`, smoothly. Both must have the same pixel format, of four bytes a pixel.
pub(crate) fn stretch(from: &SurfaceRef, to: &mut SurfaceRef, area: Rect) -> Result<(), String> {
    // SAFETY: both surfaces are alive, and `to` is borrowed for writing; SDL checks the formats and that `area` is
    // inside, and refuses otherwise. It does not write to `from`, although its type says that it could.
    let status = unsafe { sys::SDL_SoftStretchLinear(from.raw(), std::ptr::null(), to.raw(), area.raw()) };
    if status == 0 { Ok(()) } else { Err(sdl2::get_error()) }
}

const GL_RENDERER: u32 = 0x1f01;
