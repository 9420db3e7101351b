//! Diagnoses a stream at intervals, and decides when to report a cause.

use std::time::{Duration, Instant};

use super::cause::{Cause, explain};
use super::counters::Counters;

/// Watches what is counted, from look to look, for as long as a stream runs.
///
/// Great loss is found after two seconds, small loss after ten; what was found stands until ten seconds were without
/// it. Silence is found after five seconds, and said once. Nothing else is said more often than every ten seconds, and
/// what is not urgent every minute.
#[derive(Clone, Copy, Debug)]
pub struct Monitor {
    /// When the counts were `before`.
    since: Instant,
    before: Counters,
    /// When the number of datagrams last rose.
    heard: Instant,
    received: u64,
    /// Whether silence was spoken of.
    was_silent: bool,
    said: Option<Instant>,
    found: Option<Cause>,
}

impl Monitor {
    /// A watch of a stream that has counted this so far.
    pub fn new(totals: &Counters, now: Instant) -> Self {
        let received = received(totals);
        Self { since: now, before: *totals, heard: now, received, was_silent: false, said: None, found: None }
    }

    /// Looks at what was counted so far; returns what is to be said now. `is_over` says that nothing is expected: the
    /// sender has ended its stream, or has no pictures.
    pub fn look(&mut self, totals: &Counters, is_over: bool, now: Instant) -> Option<Cause> {
        if is_over || received(totals) != self.received {
            if self.was_silent {
                self.begin(totals, now);
            }
            (self.heard, self.received, self.was_silent) = (now, received(totals), false);
        }
        if totals.datagrams.is_some() && now.saturating_duration_since(self.heard) >= SILENT {
            return self.be_silent(totals);
        }
        let time = now.saturating_duration_since(self.since);
        if time < LEAST || self.was_silent {
            return None;
        }
        // A short silence is no cause yet.
        let is_cause = |cause: &Cause| !matches!(cause, Cause::NothingArrives { .. });
        match explain(&totals.since(&self.before)).into_iter().find(is_cause) {
            Some(cause) if !is_over => {
                self.begin(totals, now);
                self.found = Some(cause);
                let pause = if cause.is_urgent() { PAUSE } else { LONG_PAUSE };
                let is_due = self.said.is_none_or(|said| now.saturating_duration_since(said) >= pause);
                is_due.then(|| self.say(cause, now))
            }
            _ => {
                if time >= MOST || is_over {
                    self.begin(totals, now);
                }
                None
            }
        }
    }

    /// What is wrong as it was last found.
    pub fn found(&self) -> Option<Cause> {
        self.found
    }

    fn begin(&mut self, totals: &Counters, now: Instant) {
        (self.since, self.before, self.found) = (now, *totals, None);
    }

    fn be_silent(&mut self, totals: &Counters) -> Option<Cause> {
        let cause = Cause::NothingArrives { port: totals.port, is_group: totals.is_group };
        self.found = Some(cause);
        (!std::mem::replace(&mut self.was_silent, true)).then_some(cause)
    }

    fn say(&mut self, cause: Cause, now: Instant) -> Cause {
        self.said = Some(now);
        cause
    }
}

fn received(totals: &Counters) -> u64 {
    totals.datagrams.map_or(0, |datagrams| datagrams.received)
}

/// A sender that is there says hello five times a second; one that is being started takes a few seconds.
const SILENT: Duration = Duration::from_secs(5);
/// Less than this is too little evidence of anything.
const LEAST: Duration = Duration::from_secs(2);
/// With this much, little loss shows.
const MOST: Duration = Duration::from_secs(10);
/// Often enough to be seen, rarely enough to be read.
const PAUSE: Duration = Duration::from_secs(10);
/// Of what is not urgent.
const LONG_PAUSE: Duration = Duration::from_secs(60);
