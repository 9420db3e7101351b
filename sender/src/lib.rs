//! Chunkcast's sender: pictures from a camera, a file, a pipe or a test card, sent as JPEG frames over UDP.

pub mod app;
pub mod args;
pub mod audience;
pub mod capture;
pub mod encode;
pub mod inbox;
pub mod net;
pub mod picture;
pub mod send;
pub mod serve;
pub mod stats;
