//! Reads the JPEGs that a receiver writes to its standard output, as they come.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proto::jpeg::Splitter;

use super::clip::Clip;
use super::running::Running;

/// Collects what a receiver delivers until it ends.
pub(crate) struct Collector {
    got: Arc<Mutex<Vec<Arrival>>>,
    reading: JoinHandle<()>,
}

/// One delivered frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When its last byte was read.
    pub(crate) at: Instant,
    /// Which frame of the clip it is; `None` if it is none of them, byte for byte.
    pub(crate) number: Option<usize>,
}

impl Collector {
    /// Reads from `receiver`, which has `--output -`.
    pub(crate) fn of(receiver: &mut Running, clip: &Arc<Clip>) -> Self {
        let got = Arc::new(Mutex::new(Vec::new()));
        let (pipe, clip, shared) = (receiver.output(), Arc::clone(clip), Arc::clone(&got));
        // Room for a few frames: on a busy computer this reader is late, and the receiver drops what nobody reads.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
        Self { got, reading: std::thread::spawn(move || read(pipe, &clip, &shared)) }
    }

    /// How many came so far.
    pub(crate) fn count(&self) -> usize {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until `more` frames came after now. Returns how long that took.
    pub(crate) fn wait_for(&self, more: usize, patience: Duration) -> Option<Duration> {
        self.wait_until(self.count() + more, patience)
    }

    /// Waits until `total` frames came in all. Returns how long that took.
    pub(crate) fn wait_until(&self, total: usize, patience: Duration) -> Option<Duration> {
        let start = Instant::now();
        while self.count() < total {
            if start.elapsed() > patience {
                return None;
            }
            super::pause(2);
        }
        Some(start.elapsed())
    }

    /// All that came, once the receiver has ended.
    pub(crate) fn finish(self) -> Vec<Arrival> {
        self.reading.join().unwrap();
        Arc::into_inner(self.got).unwrap().into_inner().unwrap()
    }
}

/// All frames of an `.mjpeg` file.
pub(crate) fn arrivals_in(file: &str, clip: &Clip) -> Vec<Arrival> {
    let got = Mutex::default();
    read(std::fs::File::open(file).unwrap(), clip, &got);
    got.into_inner().unwrap()
}

/// Every frame is byte for byte one of the clip's, in the order of the looped clip, and none comes twice.
pub(crate) fn assert_whole_and_in_order(arrivals: &[Arrival], clip: &Clip) {
    let damaged = arrivals.iter().filter(|arrival| arrival.number.is_none()).count();
    assert_eq!(damaged, 0, "{damaged} of {} frames are none that was sent", arrivals.len());
    let numbers: Vec<usize> = arrivals.iter().filter_map(|arrival| arrival.number).collect();
    for pair in numbers.windows(2) {
        // More than half a clip ahead is behind.
        let ahead = (pair[1] + clip.frames.len() - pair[0]) % clip.frames.len();
        assert!((1..=clip.frames.len() / 2).contains(&ahead), "frame {} came after {}", pair[1], pair[0]);
    }
}

fn read(mut pipe: impl Read, clip: &Clip, got: &Mutex<Vec<Arrival>>) {
    let mut splitter = Splitter::new(usize::MAX);
    let (mut bytes, mut part) = (Vec::new(), vec![0; 1 << 20]);
    while let Ok(count @ 1..) = pipe.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
        while let Some(range) = splitter.next(&bytes) {
            let arrival = Arrival { at: Instant::now(), number: clip.number(&bytes[range.clone()]) };
            got.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            bytes.drain(..range.end);
            splitter.removed(range.end);
        }
    }
}
