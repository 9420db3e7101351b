//! What both programs ask of the operating system. Behind the feature `host`; the protocol never uses it.
//!
//! It is here, and not in a crate of its own, because there are three crates: it may read clocks and open files, which
//! the rest of this crate never does.

mod announcement;
mod arguments;
mod changes;
mod checklist;
mod completions;
mod config;
mod console;
mod event;
mod files;
mod heartbeat;
mod interface;
mod latest_stats;
mod manual;
pub mod mdns;
mod names;
mod nonblocking_writer;
mod placement;
mod random_bytes;
mod rate_limiter;
mod reporter;
mod service_manager;
mod signals;
mod stats_file;
mod stop;
mod threads;
mod timestamp;
mod values;
mod wall_clock;
pub mod web;

pub use announcement::{Announcement, AnnouncementError, MAX_LABEL_BYTES, Mark, SERVICE};
pub use arguments::{SystemArgs, parse_arguments};
pub use changes::Changes;
pub use checklist::Checklist;
pub use completions::write_completions;
pub use console::{Console, LogFormat};
pub use event::{Event, wait_until};
pub use files::{PICTURES_MODE, Target, create_own, is_pipe, open_target, replace_whole};
pub use heartbeat::Heartbeat;
pub use interface::{Interface, Networks, NotNow, Wanted, is_on_link, is_own_address, parse_scoped, scope};
pub use latest_stats::LatestStats;
pub use manual::write_manual;
pub use names::{as_shell_word, can_be_a_host, printable};
pub use nonblocking_writer::open_nonblocking;
pub use placement::{Placement, ThreadId};
pub use random_bytes::random_bytes;
pub use rate_limiter::RateLimiter;
pub use reporter::{Report, Reporter, percentiles_text, two_digits};
pub use service_manager::ServiceManager;
pub use signals::{at_user_signal, stop_at_signals};
pub use stop::Stop;
pub use threads::{join, spawn};
pub use timestamp::rfc3339;
pub use values::{parse_bytes, parse_duration, parse_switch};
pub use wall_clock::wall_clock;
