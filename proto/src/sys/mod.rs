//! What both programs ask of the operating system: interfaces, signals, threads, files, clocks. Behind the feature
//! `sys`; the protocol never uses it.
//!
//! It is here, and not in a crate of its own, because there are three crates: it may read clocks and open files, which
//! the protocol never does.

mod affinity;
mod changes;
mod event;
mod files;
mod interface;
pub mod mdns;
mod nonblocking_writer;
mod random_bytes;
mod signals;
mod stop;
mod threads;
mod wall_clock;

pub use affinity::{Placement, ThreadId};
pub use changes::Changes;
pub use event::{Event, wait_until};
pub use files::{OpenedPath, PICTURES_MODE, create_own, is_pipe, make_whole, open_target, replace_whole};
pub use interface::{Interface, Networks, NotNow, Wanted, is_on_link, is_own_address, parse_scoped, scope};
pub use nonblocking_writer::{NonblockingWriter, open_nonblocking};
pub use random_bytes::random_bytes;
pub use signals::{at_user_signal, stop_at_signals};
pub use stop::Stop;
pub use threads::{join, spawn};
pub use wall_clock::wall_clock;
