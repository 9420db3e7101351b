//! The window: it shows the newest picture at once, and says so when there is none.

mod board;
mod canvas;
mod card;
mod chooser;
mod context;
mod convert;
mod extent;
mod fit;
mod graphics;
mod grid;
mod health;
mod help;
mod history;
mod keys;
mod label;
mod looks;
mod options;
mod overlay;
mod palette;
mod pen;
#[cfg(test)]
mod read;
mod samples;
mod sdl_raw;
mod sheet;
mod software;
mod status;
mod tile;
mod view;
mod waiting;
mod window;
mod xlib;

pub use options::{Detail, Options};
pub use window::Window;
