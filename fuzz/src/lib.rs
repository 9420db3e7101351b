//! What anybody can send, as functions from any bytes: each reaches one part of the programs, and panics where it does
//! not keep what it promises.
//!
//! `scripts/fuzz TARGET MINUTES` lets libFuzzer look for such bytes, by the programs in `fuzz_targets/`. What it finds
//! is kept in `findings/TARGET/`; that, the examples in `seeds/TARGET/` and some thousands of variations of both are
//! run by the workspace's `tests/sim/fuzz.rs` with the stable toolchain. `cargo run --example fuzz_seeds` makes the
//! seeds anew.

pub mod announcement;
mod bytes;
pub mod clock;
pub mod codes;
mod datagrams;
pub mod decode;
pub mod http;
pub mod jpeg;
pub mod keep;
pub mod keyed;
pub mod known_keys;
pub mod mdns;
pub mod phrases;
mod pictures;
pub mod recv;
pub mod rtp;
pub mod segments;
pub mod send;
pub mod source;
pub mod wire;

use std::path::PathBuf;

pub use bytes::Bytes;

/// A file or folder to write to, in memory where the system has a place for that, of this process and this use alone.
fn scratch(what: &str) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("chunkcast-fuzz-{}-{what}", std::process::id()))
}

/// A word of what is secret that a message repeats; short ones it may have by chance.
fn repeated<'a>(said: &str, secret: &'a str) -> Option<&'a str> {
    secret.split_whitespace().find(|word| word.len() > 8 && said.contains(word))
}
