//! The sending thread: the newest frame in, datagrams out, each at its instant; and what receivers send back in.

mod wait;

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::host::Stop;
use proto::wire::SourceState;
use proto::{Follow, MediaTime, Taken};

use crate::destination::Destination;
use crate::inbox::Inbox;
use crate::stats::{Stats, Tally};
use wait::{Also, Wait};

/// Sends what comes until the inbox is closed and empty, or `most` frames were sent; then says goodbye.
///
/// What was begun is sent to its end, however slowly it is paced; once `stop` is requested, for a moment longer.
///
/// # Errors
/// If the system cannot wait.
pub fn run(
    inbox: &Inbox,
    mut destinations: Vec<Destination>,
    follow: Follow,
    stats: &Stats,
    most: Option<u64>,
    stop: &Stop,
) -> Result<()> {
    keep_time();
    let sockets: Vec<_> =
        destinations.iter().map(Destination::socket).collect::<Result<_, _>>().context(CANNOT_WAIT)?;
    let mut wait = Wait::new(inbox, &sockets, stop);
    let mut tally = Tally::default();
    let mut last = MediaTime::default();
    loop {
        let until = drain(&mut destinations, inbox, &mut tally, stats);
        inbox.set_frame_budget(frame_budget(&mut destinations, follow));
        // What is sent or on its way is enough: the next frame is not begun.
        let enough = most.is_some_and(|most| stats.lock().sent + tally.outstanding() as u64 >= most);
        if enough && (tally.outstanding() == 0 || stop.is_requested()) {
            break;
        }
        let also = if enough { Also::Stop } else { Also::Frames };
        let is_there = wait.until(until, also).context(CANNOT_WAIT)?;
        receive(&mut destinations, &wait);
        if enough || !is_there {
            continue;
        }
        match inbox.take() {
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
    finish(inbox, destinations, &mut tally, stats, &mut wait)
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
        let until = destination.drain(number, tally, stats);
        next = [next, until].into_iter().flatten().min();
    }
    next
}

/// How many bytes a picture may have, so that the paths of those who are followed carry the stream.
fn frame_budget(destinations: &mut [Destination], follow: Follow) -> Option<usize> {
    let budgets = destinations.iter_mut().map(|d| d.stream.frame_budget().unwrap_or(usize::MAX));
    let budget = match follow {
        Follow::Slowest => budgets.min(),
        Follow::Percentile(percentile) => {
            let mut budgets: Vec<usize> = budgets.collect();
            budgets.sort_unstable();
            budgets.get((budgets.len() * usize::from(percentile) / 100).min(budgets.len() - 1)).copied()
        }
    };
    budget.filter(|&bytes| bytes < usize::MAX)
}

/// Takes in a batch of what came back for each. Not more: however much comes, what is due goes out in between.
fn receive(destinations: &mut [Destination], wait: &Wait<'_>) {
    for (number, destination) in destinations.iter_mut().enumerate() {
        if wait.has_feedback(number) {
            destination.receive(Instant::now());
        }
    }
}

/// Sends the rest, and the goodbyes.
fn finish(
    inbox: &Inbox,
    mut destinations: Vec<Destination>,
    tally: &mut Tally,
    stats: &Stats,
    wait: &mut Wait<'_>,
) -> Result<()> {
    inbox.close();
    if let Taken::Value(_) = inbox.take() {
        stats.superseded();
    }
    destinations.iter_mut().for_each(|destination| destination.stream.close());
    let mut patience: Option<Instant> = None;
    while let Some(until) = drain(&mut destinations, inbox, tally, stats)
        && !destinations.iter().all(Destination::is_done)
    {
        let now = Instant::now();
        match patience {
            None if wait.until(Some(until), Also::Stop).context(CANNOT_WAIT)? => {
                patience = Some(now + GRACE);
            }
            None => {}
            Some(end) if end <= now => {
                destinations.iter_mut().for_each(Destination::abandon);
                drain(&mut destinations, inbox, tally, stats);
                break;
            }
            Some(end) => {
                wait.until(Some(until.min(end)), Also::Nothing).context(CANNOT_WAIT)?;
            }
        }
        receive(&mut destinations, wait);
    }
    Ok(())
}

/// Has the kernel wake this thread when it asked to be woken, not up to 50 microseconds later (prctl(2),
/// PR_SET_TIMERSLACK): groups of datagrams are 500 microseconds apart.
fn keep_time() {
    // Where it cannot be set, groups come a little later.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZero::new(1));
}

/// How long the last frames may take once the program is asked to end: many times what any usual pace needs.
const GRACE: Duration = Duration::from_secs(1);
const CANNOT_WAIT: &str = "cannot wait for what is to be sent";
