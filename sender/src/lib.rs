//! Chunkcast's sender: pictures from a camera, a file, a pipe or a test card, sent as JPEG frames over UDP.

mod app;
mod args;
mod capture;
mod demand;
mod encode;
mod inbox;
mod net;
mod picture;
mod pipeline;
mod priority;
mod send;
mod serve;
mod stats;

pub use app::{check, list_cameras, new_key, run};
pub use args::{Args, Command, KeyAction};
#[cfg(feature = "camera")]
pub use capture::source::camera::{CameraFormat, open_in as open_camera_in};
pub use capture::source::{InputStream, NextPicture, Source, WantedMode, Which};
pub use encode::{Encoder, PartSink, Subsampling};
pub use picture::{Captured, Layout, Picture, RawPicture};
