//! What both programs are to a user: command line, configuration, messages, statistics, web pages. Behind the features
//! `app` and `web`; the protocol never uses it.

mod advice;
mod arguments;
mod broadcast;
mod checklist;
mod completions;
mod config;
mod console;
mod heartbeat;
pub mod keys;
mod latest_stats;
mod log;
mod manual;
mod page_keys;
mod reporter;
mod service_manager;
mod stats_file;
mod values;
#[cfg(feature = "web")]
pub mod web;
mod web_args;

pub use advice::{Advice, Given};
pub use arguments::{SystemArgs, parse_arguments};
pub use broadcast::{Broadcast, BroadcastSubscription, Shot};
pub use checklist::Checklist;
pub use completions::write_completions;
pub use console::{Console, LogFormat};
pub use heartbeat::Heartbeat;
pub use latest_stats::LatestStats;
pub use log::SPANS;
pub use manual::write_manual;
pub use page_keys::PageKeys;
pub use reporter::{Reporter, StatsReport, percentiles_text, two_digits};
pub use service_manager::ServiceManager;
pub use values::{StreamFormat, parse_bytes, parse_duration, parse_switch};
pub use web_args::{Actions, WebArgs, WebPolicy};
