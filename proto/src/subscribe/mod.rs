//! Asking to watch: the two ends of it.

mod client;
mod server;

pub use client::{SubscribeOutput, SubscribeState, Subscriber};
pub use server::{Decision, SubscribeCounts, SubscribeServer};
