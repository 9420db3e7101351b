//! Configuration of a receiving stream.

use std::time::Duration;

/// How a receiver behaves.
#[derive(Clone, Copy, Debug)]
pub struct RecvConfig {
    /// How long after its first chunk a frame is given up. Shorter: a slowly paced frame is given up while it still
    /// arrives. Longer: a frame whose rest was lost is known as lost only when the next one is whole.
    pub deadline: Duration,
    /// Whether anything is sent back: what arrived, and requests for what did not. Senders that do not say that they
    /// listen are told nothing in any case.
    pub feedback: bool,
    /// Whether missing chunks are requested.
    pub resend: bool,
    /// Where chance begins. It only spreads requests and reports of many receivers.
    pub seed: u64,
}

impl Default for RecvConfig {
    fn default() -> Self {
        Self { deadline: Duration::from_millis(500), feedback: true, resend: true, seed: 1 }
    }
}
