//! The status of a sender's stream, in words.

use std::time::Instant;

/// What there is to say of the stream. The receiving thread keeps it up to date.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The sender's name for itself, or nothing.
    pub name: String,
    /// Where the stream comes from, such as an address; empty before the first.
    pub source: String,
    /// The network interface by which it is reached; empty where that is not known.
    pub interface: String,
    /// Where pictures are expected, such as `0.0.0.0:9000`, and whether it listens there or connects.
    pub listening: String,
    /// "listening on" or "connecting to".
    pub doing: &'static str,
    /// How the stream is.
    pub state: StreamState,
    /// Width and height of the last picture.
    pub size: Option<(u32, u32)>,
}

/// How the stream is.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamState {
    /// Nothing has come yet, since then.
    Waiting(Instant),
    /// Pictures come.
    Live,
    /// No picture has come since then, and the sender says nothing.
    Silent(Instant),
    /// The sender says why it has none to send.
    SourceGone(String),
    /// The sender has said goodbye.
    Ended,
    /// The sender serves as many viewers as it may.
    Full,
    /// Another one is where it was, in a sentence.
    Away(String),
    /// A key is missing, or is another, in a sentence.
    Locked(String),
    /// Pictures come that are not the sender's own, in a sentence.
    Refused(String),
}

impl Status {
    /// The status before anything has come.
    pub fn new(doing: &'static str, listening: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            source: String::new(),
            interface: String::new(),
            listening: listening.into(),
            doing,
            state: StreamState::Waiting(Instant::now()),
            size: None,
        }
    }
}
