//! Chunkcast's sender: pictures from a camera, a file, a pipe or a test card, sent as JPEG frames over UDP.

pub mod announce;
pub mod args;
pub mod audience;
pub mod cameras;
pub mod capture;
pub mod computer;
pub mod destination;
pub mod diagnosis;
pub mod doctor;
pub mod encode;
pub mod fanout;
pub mod inbox;
pub mod link;
pub mod picture;
pub mod pipeline;
pub mod random;
pub mod sdp;
pub mod send;
pub mod serve;
pub mod sizes;
pub mod source;
pub mod stats;
pub mod streams;
pub mod web;
