//! Chunkcast's sender: pictures from a camera, a file, a pipe or a test card, sent as JPEG frames over UDP.

#[cfg(feature = "camera")]
pub mod cameras;
pub mod encode;
pub mod picture;
pub mod source;
