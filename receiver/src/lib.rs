//! Chunkcast's receiver: puts frames together again, and shows the newest.

pub mod args;
pub mod clock;
pub mod decode;
pub mod decoding;
pub mod diagnosis;
pub mod discover;
pub mod doctor;
pub mod endpoint;
pub mod feed;
pub mod feeds;
mod find;
pub mod frame;
pub mod host;
pub mod keep;
pub mod link;
pub mod output;
pub mod pipeline;
mod ration;
mod reporting;
pub mod stats;
mod sync;
pub mod web;
pub mod window;
