//! The sending thread: the newest frame in, datagrams out, each when it is due; and feedback in.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::{Follow, Taken};

use super::fanout::Fanout;
use super::ledger::FrameLedger;
use super::wait::{Wait, WakeOn};
use crate::inbox::FrameInbox;
use crate::pipeline::Pipeline;
use crate::priority;
use crate::stats::Stats;

/// Sends what comes until the inbox is closed and empty, or `most` frames were sent; then says goodbye.
///
/// What was begun is sent to its end, however slowly it is paced; once `stop` is requested, for a moment longer.
///
/// # Errors
/// If the system cannot wait, or the stream cannot be described.
pub(crate) fn run(
    pipeline: &Pipeline,
    mut fanout: Fanout,
    follow: Option<Follow>,
    most: Option<u64>,
) -> Result<()> {
    keep_time();
    let room = fanout.room().context(CANNOT_WAIT)?;
    priority::raise();
    let mut sending = Sending { pipeline, follow, most, ledger: FrameLedger::default() };
    loop {
        let sockets = fanout.sockets().context(CANNOT_WAIT)?;
        let mut wait = Wait::new(&pipeline.inbox, &sockets, &room, &pipeline.stop);
        if sending.go_on(&mut fanout, &mut wait)? {
            return finish(&pipeline.inbox, fanout, &mut sending.ledger, &pipeline.stats, &mut wait);
        }
    }
}

/// What is sent by, and what was sent.
struct Sending<'a> {
    pipeline: &'a Pipeline,
    follow: Option<Follow>,
    most: Option<u64>,
    ledger: FrameLedger,
}

impl Sending<'_> {
    /// Sends what comes until there is nothing more to begin, or more sockets are to be waited for; says whether it is
    /// the former.
    fn go_on(&mut self, fanout: &mut Fanout, wait: &mut Wait<'_>) -> Result<bool> {
        let Self { pipeline, follow, most, ledger } = self;
        let Pipeline { inbox, demand, stats, stop, .. } = pipeline;
        loop {
            let until = drain(fanout, inbox, ledger, stats);
            if fanout.has_grown() {
                return Ok(false);
            }
            inbox.set_frame_budget(fanout.frame_budget(*follow));
            demand.set(fanout.is_watched());
            // What is sent or on its way is enough: the next frame is not begun.
            let enough = most.is_some_and(|most| stats.lock().sent + ledger.outstanding() as u64 >= most);
            if enough && (ledger.outstanding() == 0 || stop.is_requested()) {
                return Ok(true);
            }
            // But the one that was is sent to its end.
            let wake_on = if enough && !fanout.is_open() { WakeOn::Stop } else { WakeOn::Frames };
            let is_there = wait.until(stats.heartbeat.beat(until), wake_on).context(CANNOT_WAIT)?;
            receive(fanout, wait, ledger, stats);
            if wake_on == WakeOn::Stop || !is_there {
                continue;
            }
            match if enough { inbox.take_rest() } else { inbox.take() } {
                Taken::Value(part) => fanout.push(part, ledger, stats, Instant::now())?,
                Taken::TimedOut => {}
                Taken::Closed => return Ok(true),
            }
        }
    }
}

/// Sends what is due to all; returns when there is more to do.
fn drain(
    fanout: &mut Fanout,
    inbox: &FrameInbox,
    ledger: &mut FrameLedger,
    stats: &Stats,
) -> Option<Instant> {
    fanout.drain(inbox.source(), ledger, stats)
}

/// Takes in a batch of what came back by each socket, and that there is room again.
fn receive(fanout: &mut Fanout, wait: &Wait<'_>, ledger: &mut FrameLedger, stats: &Stats) {
    if wait.has_room() {
        fanout.go_on(Instant::now());
    }
    wait.feedback().for_each(|number| fanout.receive(number, ledger, stats, Instant::now()));
}

/// Sends the rest, of which some may still come, and the goodbyes.
fn finish(
    inbox: &FrameInbox,
    mut fanout: Fanout,
    ledger: &mut FrameLedger,
    stats: &Stats,
    wait: &mut Wait<'_>,
) -> Result<()> {
    if inbox.close_empty() {
        stats.replaced(fanout.is_watched());
    }
    fanout.forget_unwatched(stats);
    let most = Instant::now() + GRACE;
    while fanout.is_open() && Instant::now() < most {
        match inbox.take_rest() {
            Taken::Value(part) => fanout.push(part, ledger, stats, Instant::now())?,
            Taken::Closed => break,
            Taken::TimedOut => {
                let until = drain(&mut fanout, inbox, ledger, stats).map_or(most, |until| until.min(most));
                wait.until(Some(until), WakeOn::Frames).context(CANNOT_WAIT)?;
                receive(&mut fanout, wait, ledger, stats);
            }
        }
    }
    fanout.forget_unwatched(stats);
    fanout.close();
    let mut patience: Option<Instant> = None;
    while let Some(until) = drain(&mut fanout, inbox, ledger, stats)
        && !fanout.is_done()
    {
        let now = Instant::now();
        match patience {
            None if wait.until(Some(until), WakeOn::Stop).context(CANNOT_WAIT)? => {
                patience = Some(now + GRACE);
            }
            None => {}
            Some(end) if end <= now => {
                fanout.abandon();
                drain(&mut fanout, inbox, ledger, stats);
                break;
            }
            Some(end) => {
                wait.until(Some(until.min(end)), WakeOn::Nothing).context(CANNOT_WAIT)?;
            }
        }
        receive(&mut fanout, wait, ledger, stats);
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
