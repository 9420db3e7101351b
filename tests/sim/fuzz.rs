//! What was found once is not found again, nor what lies near to it or to an example: for each target its seeds, its
//! past findings, and some thousands of variations of both, the same at each run.

// The targets themselves: they have a package of their own for libFuzzer, which this is no part of.
#[path = "../../fuzz/src/lib.rs"]
#[allow(missing_docs, unreachable_pub)]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use proto::Random;

/// A test for each target, with so many variations. The slower a target is, the fewer.
macro_rules! replay {
    ($($target:ident $variations:literal)*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), $variations, targets::$target::run);
        }
    )*

        #[test]
        fn each_target_has_a_program_and_is_replayed() {
            let programs = names(&folder("fuzz_targets"));
            let programs: Vec<_> = programs.iter().map(|name| name.trim_end_matches(".rs")).collect();
            let mut targets = vec![$(stringify!($target)),*];
            targets.sort_unstable();
            assert_eq!(programs, targets);
            for target in targets {
                assert!(!names(&folder("seeds").join(target)).is_empty(), "{target} has seeds");
            }
            assert!(names(&folder("findings")).iter().all(|found| programs.contains(&&**found)));
        }
    };
}

replay! {
    announcement 50_000
    clock 10_000
    codes 5_000
    decode 10_000
    http 20_000
    jpeg 5_000
    keep 1_000
    keyed 1_000
    known_keys 5_000
    mdns 20_000
    phrases 2_000
    recv 2_000
    rtp 300
    segments 2_000
    send 1_000
    source 5_000
    wire 50_000
}

fn replay(target: &str, variations: u32, run: fn(&[u8])) {
    let mut examples = Vec::new();
    for kind in ["seeds", "findings"] {
        let folder = folder(kind).join(target);
        for name in names(&folder) {
            let bytes = fs::read(folder.join(&name)).expect("it is there");
            tell_what_fails(&format!("{kind}/{target}/{name}"), || run(&bytes));
            examples.push(bytes);
        }
    }
    let mut random = Random::new(0x0c44_c4a5);
    for number in 0..variations {
        let bytes = vary(&examples, &mut random);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
        if let Err(panic) = outcome {
            let kept = write_down(target, &bytes);
            eprintln!("variation {number} of {target} failed; it is kept as {}", kept.display());
            resume_unwind(panic);
        }
    }
}

fn tell_what_fails(what: &str, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        eprintln!("fuzz/{what} failed");
        resume_unwind(panic);
    }
}

/// An example with some changes, as fuzzers make them.
fn vary(examples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut below = |end: usize| random.below(end as u64) as usize;
    let mut bytes = examples[below(examples.len())].clone();
    for _ in 0..1 + below(8) {
        let at = below(bytes.len() + 1);
        match below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            1 if at < bytes.len() => bytes[at] = below(256) as u8,
            2 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][below(6)],
            3 => {
                let more: Vec<_> = (0..1 + below(16)).map(|_| below(256) as u8).collect();
                bytes.splice(at..at, more);
            }
            4 => drop(bytes.drain(at..(at + 1 + below(32)).min(bytes.len()).max(at))),
            5 => {
                // Something of this one once more.
                let from = below(bytes.len() + 1);
                let again = bytes[from..(from + below(64)).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                // The beginning of this one, and the end of another.
                let other = &examples[below(examples.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[below(other.len() + 1)..]);
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

/// Writes down what failed, to be replayed from now on.
fn write_down(target: &str, bytes: &[u8]) -> PathBuf {
    let folder = folder("findings").join(target);
    let path = folder.join(format!("replay-{:08x}", crc32fast::hash(bytes)));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&path, bytes)).expect("it can be kept");
    path
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// What is in a folder, in order; nothing where there is none.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const LONGEST: usize = 20_000;
