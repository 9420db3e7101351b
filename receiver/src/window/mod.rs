//! The window: it shows the newest picture at once, and says so when there is none.

mod backend;
mod coded_strip;
mod context;
mod draw;
mod keys;
mod options;
mod screen;
mod size;
mod tile;
mod tile_overlay;
mod view;
mod widgets;
mod window;

pub use options::{Detail, Options};
pub use window::Window;
