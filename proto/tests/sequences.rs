//! Golden sequences: `tests/sequences/*.txt` hold the input of one peer, when it comes, how it ends, and what the peer
//! does. Another implementation can be checked with them.
//!
//! `cargo test -p proto --test sequences -- --ignored` writes them anew, from the scenes.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "scenes/datagrams.rs"]
mod datagrams;
#[path = "scenes/describe.rs"]
mod describe;
#[path = "scenes/file.rs"]
mod file;
#[path = "scenes/lock.rs"]
mod lock;
#[path = "scenes/receiver.rs"]
mod receiver;
#[path = "scenes/run.rs"]
mod run;
#[path = "scenes/sender.rs"]
mod sender;
#[path = "scenes/subscribe.rs"]
mod subscribe;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use file::{Input, Line, What};
use run::Run;

/// Nobody reads the files while they are written.
static FILES: Mutex<()> = Mutex::new(());

#[test]
fn golden_sequences_go_as_they_are_written() {
    let _files = FILES.lock().unwrap();
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), scenes().len(), "a file for each scene");
    for path in paths {
        let (head, lines) = file::read(&fs::read_to_string(&path).unwrap());
        let mut run = Run::new(&head);
        lines.iter().filter_map(Line::input).for_each(|input| run.take(&input));
        for (meant, is) in lines.iter().zip(&run.lines) {
            let (from, to) = meant.within;
            let is_meant = (from..=to).contains(&is.time()) && is.text == meant.text;
            assert!(is_meant, "{}: {meant:?}, and not {is:?}", path.display());
        }
        assert_eq!(lines.len(), run.lines.len(), "{}: it does more, or less", path.display());
    }
}

#[test]
#[ignore = "it writes the files"]
fn write_them_anew() {
    let _files = FILES.lock().unwrap();
    for scene in scenes() {
        let mut stage = Stage::new(scene.head);
        (scene.play)(&mut stage);
        let comment: String = scene.about.lines().map(|line| format!("# {}\n", line.trim())).collect();
        let text = file::write(&(comment + scene.head), &stage.run.lines);
        fs::write(folder().join(format!("{}.txt", scene.name)), text).unwrap();
    }
}

/// A sequence to be: what it shows, which peer it is of, and its input.
struct Scene {
    name: &'static str,
    about: &'static str,
    head: &'static str,
    play: fn(&mut Stage),
}

fn scenes() -> Vec<Scene> {
    [lock::scenes(), receiver::scenes(), sender::scenes(), subscribe::scenes()]
        .into_iter()
        .flatten()
        .collect()
}

/// Where a scene is played: it gives the peer input, and sees what that does.
struct Stage {
    run: Run,
}

impl Stage {
    fn new(head: &str) -> Self {
        Self { run: Run::new(head) }
    }

    fn hear(&mut self, time: u64, from: char, datagram: Vec<u8>) {
        self.give(time, What::Datagram(from, datagram));
    }

    fn hear_all(&mut self, time: u64, from: char, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        datagrams.into_iter().for_each(|datagram| self.hear(time, from, datagram));
    }

    fn give(&mut self, time: u64, what: What) {
        self.run.take(&Input { time, what });
    }

    /// Nothing more comes until then.
    fn until(&mut self, time: u64) {
        self.give(time, What::Nothing);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sequences")
}
