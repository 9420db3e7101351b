//! Chunkcast's receiver: puts frames together again, and shows the newest.

pub mod decode;
pub mod output;
#[cfg(feature = "window")]
pub mod window;
