//! Chunkcast's receiver: puts frames together again, and shows the newest.

pub mod args;
pub mod clock;
pub mod decode;
pub mod diagnosis;
pub mod discover;
pub mod doctor;
pub mod keep;
pub mod link;
pub mod output;
pub mod pipeline;
pub mod receive;
pub mod screen;
pub mod stats;
pub mod web;
pub mod window;
