//! Asking to watch: the two ends of it.

mod client;
mod server;

pub use client::{AskOutput, AskState, Asker};
pub use server::{AskCounts, Door, Knock};
