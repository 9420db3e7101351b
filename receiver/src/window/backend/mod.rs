//! The window's connection to the screen: drawing and events.

pub(super) mod canvas;
pub(super) mod events;
pub(super) mod gpu;
pub(super) mod sdl;
pub(super) mod software;
pub(super) mod xlib;
