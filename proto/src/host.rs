//! What both programs ask of the operating system. Behind the feature `host`; the protocol never uses it.
//!
//! It is here, and not in a crate of its own, because there are three crates: it may read clocks and open files, which
//! the rest of this crate never does.

mod board;
mod checklist;
mod console;
mod interface;
mod placement;
mod reporter;
mod seldom;
mod signals;
mod stop;
mod threads;
mod values;
mod wake;
mod wall_clock;
pub mod web;

pub use board::Board;
pub use checklist::Checklist;
pub use console::Console;
pub use interface::{Interface, is_own_address, parse_scoped};
pub use placement::{Placement, ThreadId};
pub use reporter::{Report, Reporter, percentiles_text, two_digits};
pub use seldom::Seldom;
pub use signals::stop_at_signals;
pub use stop::Stop;
pub use threads::{join, spawn};
pub use values::{parse_duration, parse_switch};
pub use wake::{Wake, wait_until};
pub use wall_clock::wall_clock;
