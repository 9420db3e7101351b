//! What follows from a decision of the source lock: the same for each format.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::output::{Contest, RecvEvent};
use super::source_lock::Admission;
use crate::rate_limiter::RateLimiter;
use crate::seq::SessionId;
use crate::stats::{Outcome, RecvStats};

/// A receiving end, of which [`SourceLock`](super::source_lock::SourceLock) decides whom it listens to.
pub(crate) trait Admits<S> {
    /// The session that took the lock begins.
    fn begin(&mut self, source: S, session: SessionId);

    /// The session goes on from another address.
    fn go_on_from(&mut self, source: S);

    /// Says that a session began, once it is more than a single datagram.
    fn introduce(&mut self);

    /// Somebody else speaks in the sender's name.
    fn contest(&mut self, what: Contest, source: S, now: Instant);

    /// Does what follows from the lock's word on a datagram; how the datagram ended, if nothing more is made of it.
    fn follow(&mut self, admission: Admission, source: S, session: SessionId, now: Instant) -> Option<Outcome>
    where
        S: Copy,
    {
        match admission {
            Admission::Ours => self.introduce(),
            Admission::Stayed => {
                self.introduce();
                self.contest(Contest::Goodbye, source, now);
            }
            Admission::New => self.begin(source, session),
            Admission::Back => {
                self.contest(Contest::Lock, source, now);
                self.begin(source, session);
            }
            Admission::Moved => self.go_on_from(source),
            Admission::Ended => return Some(Outcome::Late),
            Admission::Foreign => return Some(Outcome::Foreign),
            Admission::Contested => {
                self.contest(Contest::Session, source, now);
                return Some(Outcome::Foreign);
            }
        }
        None
    }
}

/// That somebody else speaks in the sender's name is counted each time, and told now and then.
#[derive(Debug)]
pub(crate) struct Contested {
    told: RateLimiter,
}

impl Default for Contested {
    fn default() -> Self {
        Self { told: RateLimiter::new(CONTESTED_EVERY) }
    }
}

impl Contested {
    pub(crate) fn note<S: Debug>(
        &mut self,
        what: Contest,
        source: S,
        now: Instant,
        stats: &mut RecvStats,
        events: &mut VecDeque<RecvEvent<S>>,
    ) {
        stats.contested += 1;
        if self.told.is_due(now) {
            tell(&source, what);
            events.push_back(RecvEvent::Contested { source, what });
        }
    }
}

#[cold]
fn tell<S: Debug>(source: &S, what: Contest) {
    tracing::debug!(from = ?source, reason = %what, "session contested");
}

/// How often it is told that somebody speaks in the sender's name, while somebody does.
const CONTESTED_EVERY: Duration = Duration::from_secs(1);
