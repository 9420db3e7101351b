//! Pictures as others make and read them: cameras' JPEGs, RTP, recordings, FFmpeg, GStreamer, VLC, OpenCV, Wireshark.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod captured;
#[path = "../common/mod.rs"]
mod common;
mod dissector;
mod keyed;
mod odd_jpegs;
mod recipes_media;
mod record;
mod record_cost;
mod rtp;
