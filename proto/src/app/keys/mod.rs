//! Keys as people have them: typed, asked for, in files, and kept by the names of senders.

mod args;
mod file;
mod name_file;
mod prompt;
mod signers;
mod store;

pub use args::KeyArgs;
pub use file::{default_key_file, new_code, read_key_file, write_key_file};
pub use prompt::{HiddenInput, TypedKey, ask_for_key, can_ask, read_key};
pub use signers::{SignerStore, signing_key};
pub use store::KeyStore;

/// Keeps what this process holds out of core dumps and other processes' sight, now that it holds a key (prctl(2),
/// PR_SET_DUMPABLE).
pub fn hold_secret() {
    let none = rustix::process::DumpableBehavior::NotDumpable;
    // Where it cannot be set, as little is written as before.
    let _ = rustix::process::set_dumpable_behavior(none);
}
