//! Subscribing: both ends.

mod client;
mod server;

pub use client::{SubscribeOutput, SubscribeState, Subscriber};
pub use server::{Decision, SubscribeCounts, SubscribeServer};
