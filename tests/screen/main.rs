//! What a person sees: pixels of a real X server, and the page in a real browser.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod browser;
#[path = "../common/mod.rs"]
mod common;
mod grid;
mod idle_cost;
mod measure;
mod names;
mod nine;
mod overlay;
mod screen_camera;
mod window;
