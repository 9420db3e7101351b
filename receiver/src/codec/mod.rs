//! JPEG to pixels. What comes here came over a network: nothing of it is believed before it was checked.

mod bounds;
mod decoder;
mod engine;
mod error;
mod picture;
mod strips;
mod target;
mod tidy;
mod workers;

pub use decoder::Decoder;
pub use error::DecodeError;
pub use picture::Decoded;
pub(crate) use picture::{DecodedLayout, DecodedStrip, Pictures};
pub(crate) use target::scaled;
pub use target::{DecodeTarget, PixelFormat};
