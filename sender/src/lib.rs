//! Chunkcast's sender: pictures from a camera, a file, a pipe or a test card, sent as JPEG frames over UDP.

pub mod picture;
pub mod source;
