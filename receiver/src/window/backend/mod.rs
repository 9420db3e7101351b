//! How the window comes to the screen, and what it hears from there.

pub(super) mod canvas;
pub(super) mod events;
pub(super) mod gpu;
pub(super) mod sdl;
pub(super) mod software;
pub(super) mod xlib;
