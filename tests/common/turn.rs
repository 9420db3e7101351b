//! When a test that runs in real time may run.
//!
//! There are a few places, whichever program and runner a test belongs to. One that measures time or processors takes
//! all of them, any other takes one. A test that is done at once, or has a made-up clock, needs none.

use std::fs::{File, create_dir_all};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// A test's turn. It ends when this is dropped, and with the process, however that ends.
pub(crate) struct TestTurn {
    _places: Vec<File>,
}

/// The machine to itself: for a test that would take others' work for a fault of its own programs.
pub(crate) fn alone() -> TestTurn {
    // In order, so that no two have what the other waits for. What is had is kept, so that it comes to an end.
    TestTurn { _places: (0..PLACES).map(|number| locked(&format!("place{number}"))).collect() }
}

/// A place beside a few others: for a test that waits for something, with seconds to spare.
pub(crate) fn beside_others() -> TestTurn {
    // One at a time looks for a free place; the others wait here.
    let _next = locked("next");
    loop {
        let mut places = (0..PLACES).map(|number| opened(&format!("place{number}")));
        if let Some(place) =
            places.find(|place| flock(place, FlockOperation::NonBlockingLockExclusive).is_ok())
        {
            return TestTurn { _places: vec![place] };
        }
        super::pause(20);
    }
}

/// The place of this name, once nobody else has it.
fn locked(name: &str) -> File {
    let place = opened(name);
    flock(&place, FlockOperation::LockExclusive).unwrap();
    place
}

/// A folder, since everybody may open that, root having made it or not.
fn opened(name: &str) -> File {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    create_dir_all(&folder).unwrap();
    File::open(folder).unwrap()
}

/// Most of such a test is waiting: two cores serve four, and what else a busy machine does.
const PLACES: usize = 4;
