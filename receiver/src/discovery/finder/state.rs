//! The state of the thread that looks for senders.

use std::time::{Duration, Instant};

use proto::RateLimiter;

use super::super::browser::FoundSender;
use super::super::claims::Claims;
use super::super::received::{Failed, ReceivedSender};

/// What the thread that looks remembers.
pub(super) struct FinderState {
    /// Those who are there, by name.
    pub(super) found: Vec<FoundSender>,
    pub(super) claims: Claims,
    /// When the first of them was found.
    pub(super) first: Option<Instant>,
    /// Those who are received.
    pub(super) taken: Vec<ReceivedSender>,
    /// How many of them have a tile of which it is not known whether anybody is there.
    pub(super) supposed: usize,
    /// Those who are wanted and could not be received.
    pub(super) failed: Vec<Failed>,
    /// Whether it is decided who is shown, and nobody else is unless a person says so.
    pub(super) is_settled: bool,
    /// The names that were offered last, so that a list is not printed twice.
    pub(super) offered: Vec<String>,
    /// Since when senders are announced at several addresses, and of whom it was said.
    pub(super) doubles: Vec<(String, Instant, bool)>,
    pub(super) has_said_nobody: bool,
    /// When it may be said again that nobody can be found.
    pub(super) trouble: RateLimiter,
}

impl Default for FinderState {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            claims: Claims::default(),
            first: None,
            taken: Vec::new(),
            supposed: 0,
            failed: Vec::new(),
            is_settled: false,
            offered: Vec::new(),
            doubles: Vec::new(),
            has_said_nobody: false,
            trouble: RateLimiter::new(TROUBLE_EVERY),
        }
    }
}

impl FinderState {
    /// When somebody is tried again who could not be received and is still there.
    pub(super) fn next_try(&self) -> Option<Instant> {
        let is_there =
            |failed: &&Failed| self.found.iter().any(|found| found.instance == failed.found.instance);
        self.failed.iter().filter(is_there).map(|failed| failed.again).min()
    }

    /// Whether a sender of this name is received, or it was said why not.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut instances = self.failed.iter().map(|failed| &failed.found.instance);
        if self.taken.iter().any(|taken| taken.is_called(name)) {
            return true;
        }
        let is_it =
            |instance: &String, found: &FoundSender| *instance == found.instance && found.is_called(name);
        instances.any(|instance| instance == name || self.found.iter().any(|found| is_it(instance, found)))
    }
}

/// Longer than one that has gone elsewhere is announced where it was.
pub(super) const LASTING: Duration = Duration::from_secs(7);
/// Often enough to be seen, rarely enough to be read.
const TROUBLE_EVERY: Duration = Duration::from_secs(600);
