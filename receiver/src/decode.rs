//! JPEG to pixels. What comes here came over a network: nothing of it is believed before it was checked.

mod bounds;
mod decoder;
mod engine;
mod picture;
mod refusal;
mod strips;
mod target;
mod tidy;
mod workers;

pub use decoder::Decoder;
pub use picture::{Decoded, Layout, Pictures, Strip};
pub use refusal::Refusal;
pub(crate) use target::scaled;
pub use target::{Aim, Form};
