//! JPEGs, parsed without being decoded: their headers, and where they end in a stream of bytes.

mod headers;
mod huffman;
mod markers;
mod restarts;
mod segments;
mod splitter;

pub use headers::{Coding, Info, JpegHead, scan, scan_head};
pub(crate) use huffman::STANDARD_TABLES;
pub use huffman::with_huffman_tables;
pub use markers::JpegError;
pub(crate) use markers::{
    APP0, APP14, DHT, DQT, EOI, SOS, end_of_scan, is_frame_header, next_marker, segment, stands_alone,
};
pub use restarts::cut_at_restarts;
pub use segments::{Segment, Segments};
pub use splitter::{Splitter, find};
