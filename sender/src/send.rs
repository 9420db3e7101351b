//! The sending thread: the newest frame in, datagrams out, each at its instant.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use proto::wire::SourceState;
use proto::{Frame, Latest, MediaTime, Taken};

use crate::destination::Destination;
use crate::stats::{Stats, Tally};

/// Where frames wait for the sending thread, and what it should tell receivers of the source.
#[derive(Debug, Default)]
pub struct Inbox {
    /// The newest frame.
    pub frames: Latest<Frame>,
    /// Whether the source is gone for now.
    pub source_is_gone: AtomicBool,
}

/// Sends what comes until the inbox is closed and empty, or `most` frames were sent; then says goodbye.
pub fn run(inbox: &Inbox, mut destinations: Vec<Destination>, stats: &Stats, most: Option<u64>) {
    keep_time();
    let mut tally = Tally::default();
    let mut last = MediaTime::default();
    loop {
        let until = drain(&mut destinations, inbox, &mut tally, stats);
        // What is sent or on its way is enough: the next frame is not begun.
        let enough = most.is_some_and(|most| stats.lock().sent + tally.outstanding() as u64 >= most);
        if enough && tally.outstanding() == 0 {
            break;
        }
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        if enough {
            std::thread::sleep(wait.unwrap_or_default());
            continue;
        }
        match inbox.frames.take(wait) {
            Taken::Value(mut frame) => {
                // Frames are told apart by their capture time.
                frame.captured = frame.captured.max(MediaTime::from_micros(last.as_micros() + 1));
                last = frame.captured;
                let now = Instant::now();
                tally.begin(frame.captured, destinations.len());
                destinations.iter_mut().for_each(|d| d.stream.push_frame(frame.clone(), now));
            }
            Taken::TimedOut => {}
            Taken::Closed => break,
        }
    }
    finish(inbox, destinations, &mut tally, stats);
}

/// Sends what is due to all; returns when there is more to do.
fn drain(
    destinations: &mut [Destination],
    inbox: &Inbox,
    tally: &mut Tally,
    stats: &Stats,
) -> Option<Instant> {
    let gone = inbox.source_is_gone.load(Ordering::Relaxed);
    let state = if gone { SourceState::Gone } else { SourceState::Live };
    let mut next: Option<Instant> = None;
    for (number, destination) in destinations.iter_mut().enumerate() {
        destination.stream.set_state(state, Instant::now());
        let until = destination.drain(number, tally, |count| count(&mut stats.lock()));
        next = [next, until].into_iter().flatten().min();
    }
    next
}

/// Sends the rest, and the goodbyes.
fn finish(inbox: &Inbox, mut destinations: Vec<Destination>, tally: &mut Tally, stats: &Stats) {
    inbox.frames.close();
    if let Taken::Value(_) = inbox.frames.take(None) {
        stats.superseded();
    }
    destinations.iter_mut().for_each(|destination| destination.stream.close());
    while let Some(until) = drain(&mut destinations, inbox, tally, stats)
        && !destinations.iter().all(Destination::is_done)
    {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

/// Has the kernel wake this thread when it asked to be woken, not up to 50 microseconds later (prctl(2),
/// PR_SET_TIMERSLACK): groups of datagrams are 500 microseconds apart.
fn keep_time() {
    // Where it cannot be set, groups come a little later.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZero::new(1));
}
