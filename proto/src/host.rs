//! What both programs ask of the operating system. Behind the feature `host`; the protocol never uses it.
//!
//! It is here, and not in a crate of its own, because there are three crates: it may read clocks and open files, which
//! the rest of this crate never does.

mod console;
mod stop;

pub use console::Console;
pub use stop::Stop;
