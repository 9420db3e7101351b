//! What the test programs share. Each uses its part of it.

#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod album;
pub(crate) mod browser;
pub(crate) mod clip;
pub(crate) mod collector;
pub(crate) mod display;
pub(crate) mod forgery;
pub(crate) mod glyphs;
pub(crate) mod http;
pub(crate) mod journey;
pub(crate) mod jpegs;
pub(crate) mod lab;
pub(crate) mod liar;
pub(crate) mod peer;
pub(crate) mod recipes;
pub(crate) mod running;
pub(crate) mod stage;
pub(crate) mod subscriber;
pub(crate) mod turn;
pub(crate) mod viewer;
pub(crate) mod wire;

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[allow(unused_imports, reason = "each test program uses its part")]
pub(crate) use turn::{alone, beside_others};

/// For how long a stream runs; `scripts/acceptance` asks for a minute.
pub(crate) fn seconds() -> u32 {
    std::env::var("CHUNKCAST_SECONDS").ok().map_or(5, |seconds| seconds.parse().unwrap())
}

/// Says a figure where `scripts/acceptance` looks for it.
pub(crate) fn figure(what: &str, value: impl std::fmt::Display) {
    println!("figure: {what:58} {value}");
}

/// A UDP port that nobody uses.
pub(crate) fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

/// An address of this computer with such a port.
pub(crate) fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// What the test needs is not here. Says so aloud; where everything must run, that is a failure.
///
/// CHUNKCAST_REQUIRE=all allows nothing to be missing; CHUNKCAST_REQUIRE=tools allows for not being root.
pub(crate) fn skip(why: &str, for_want_of_root: bool) {
    match std::env::var("CHUNKCAST_REQUIRE").as_deref() {
        Ok("all") => panic!("{why}, and CHUNKCAST_REQUIRE=all"),
        Ok("tools") if !for_want_of_root => panic!("{why}, and CHUNKCAST_REQUIRE=tools"),
        _ => eprintln!("SKIPPED: {why}"),
    }
}

/// A folder that goes when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("chunkcast-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file's or folder's name inside, as an argument.
    pub(crate) fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Does all at once, such as streams between hosts of their own that are compared: then whatever else this machine does
/// meets all of them alike.
pub(crate) fn side_by_side<T: Send, const N: usize>(all: [impl FnOnce() -> T + Send; N]) -> [T; N] {
    std::thread::scope(|scope| {
        all.map(|one| scope.spawn(one)).map(|running| running.join().expect("it has said why"))
    })
}

pub(crate) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Looks until `is_so`; says whether that came to be within ten seconds.
pub(crate) fn comes_to(is_so: impl Fn() -> bool) -> bool {
    comes_to_within(10, is_so)
}

/// The same within so many seconds.
pub(crate) fn comes_to_within(seconds: u64, is_so: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        if Instant::now() > until {
            return false;
        }
        pause(10);
    }
    true
}
