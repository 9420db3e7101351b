//! JPEG to pixels. The input came over a network: nothing of it is trusted before it is checked.

mod bounds;
mod decoder;
mod early;
mod engine;
mod error;
mod picture;
mod strips;
mod target;
mod tidy;
mod workers;

pub use decoder::Decoder;
pub use early::EarlyPicture;
pub use error::DecodeError;
pub use picture::Decoded;
pub(crate) use picture::{DecodedLayout, DecodedStrip, Pictures};
pub(crate) use strips::MOST_STRIPS;
pub(crate) use target::scaled;
pub use target::{DecodeTarget, PixelFormat};
