//! The receiver's token, and the pings that renew it when it seems to be wrong.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::wire::Token;

/// The token of a receiver, the pings for it, and what else waits for a pong.
///
/// A report with a wrong token is not answered: the sender says nothing to who has proven nothing. So a token of whose
/// reports several go unanswered is *in doubt*, and pinged for again as at first. Reports go on meanwhile: perhaps it
/// is only the answers that get lost.
#[derive(Debug)]
pub(super) struct Proof {
    token: Option<Token>,
    /// When the next ping is due.
    ping: Option<Instant>,
    /// When the last one went, and how long after it the next may.
    pinged: Option<Instant>,
    again: Duration,
    /// Whether there are pings for a token although there is one.
    in_doubt: bool,
    /// Reports that went since the last answer, and when the first of them did.
    unanswered: u32,
    since: Option<Instant>,
    /// What may still be answered.
    awaited: VecDeque<AwaitedPong>,
}

/// What a pong may answer.
#[derive(Clone, Copy, Debug)]
struct AwaitedPong {
    at: Instant,
    is_report: bool,
}

impl Proof {
    pub(super) fn new() -> Self {
        Self {
            token: None,
            ping: None,
            pinged: None,
            again: FIRST_AGAIN,
            in_doubt: false,
            unanswered: 0,
            since: None,
            awaited: VecDeque::with_capacity(MOST_AWAITED),
        }
    }

    /// Another session, whose sender does not know us.
    pub(super) fn forget(&mut self) {
        self.awaited.clear();
        let awaited = std::mem::take(&mut self.awaited);
        *self = Self { awaited, ..Self::new() };
    }

    pub(super) fn token(&self) -> Option<Token> {
        self.token
    }

    /// When a ping is due, if one is.
    pub(super) fn due(&self) -> Option<Instant> {
        self.ping
    }

    /// Asks from `at` on, if there is no token, or it is in doubt; as at first.
    pub(super) fn begin(&mut self, at: Instant) {
        (self.unanswered, self.since) = (0, None);
        if self.token.is_none() || self.in_doubt {
            (self.ping, self.again) = (Some(at), FIRST_AGAIN);
        }
    }

    /// Nothing is to be sent any more.
    pub(super) fn stop(&mut self) {
        self.ping = None;
    }

    /// A ping goes; `random` gives a part of a time at random.
    pub(super) fn ping(&mut self, random: impl FnOnce(Duration) -> Duration, now: Instant) {
        self.note(false, now);
        self.in_doubt = self.token.is_some();
        (self.pinged, self.ping) = (Some(now), Some(now + self.again + random(self.again)));
        self.again = (self.again * 2).min(RAREST);
    }

    /// A report goes.
    pub(super) fn report(&mut self, now: Instant) {
        self.note(true, now);
        self.unanswered = self.unanswered.saturating_add(1);
        let since = *self.since.get_or_insert(now);
        if !self.in_doubt {
            let patience = if self.unanswered < SEVERAL { LONG } else { BRIEF };
            // A pong says when what it answers was sent: nothing else goes at that time.
            self.doubt((since + patience).max(now + APART));
        }
    }

    /// A token came otherwise than by a pong. It is taken where the current one is in doubt; else it is a reason to
    /// ping.
    pub(super) fn told(&mut self, token: Token, now: Instant) {
        if self.token.is_none_or(|own| own == token) {
            return;
        }
        if self.in_doubt {
            self.token = Some(token);
        } else {
            self.doubt(now);
        }
    }

    /// What a pong replies to, by its field *asked*, and whether the token has changed. `None` if nothing was sent
    /// that it answers: it is forged, or very late.
    pub(super) fn answered(
        &mut self,
        token: Token,
        is_awaited: impl Fn(Instant) -> bool,
    ) -> Option<(Instant, bool)> {
        let at = self.awaited.iter().position(|pong| is_awaited(pong.at))?;
        let pong = self.awaited.remove(at)?;
        (self.unanswered, self.since, self.ping, self.in_doubt) = (0, None, None, false);
        // Where a token is sent and not taken in, pings become rarer.
        if pong.is_report {
            self.again = FIRST_AGAIN;
        }
        Some((pong.at, self.token.replace(token) != Some(token)))
    }

    /// Asks again at this time, unless it is soon anyway; but not sooner after the last time than is due.
    fn doubt(&mut self, at: Instant) {
        let at = self.pinged.map_or(at, |pinged| at.max(pinged + self.again));
        self.ping = Some(self.ping.map_or(at, |ping| ping.min(at)));
    }

    fn note(&mut self, is_report: bool, at: Instant) {
        if self.awaited.len() == MOST_AWAITED {
            self.awaited.pop_front();
        }
        self.awaited.push_back(AwaitedPong { at, is_report });
    }
}

/// Pings and reports of which the answer may be on its way.
const MOST_AWAITED: usize = 8;
/// A ping that was not answered is sent again after this, then twice as long, and so on.
const FIRST_AGAIN: Duration = Duration::from_millis(50);
const RAREST: Duration = Duration::from_secs(5);
/// So many reports in a row are not lost by chance,
const SEVERAL: u32 = 3;
/// if the first was sent so long ago that its answer would be here.
const BRIEF: Duration = Duration::from_millis(300);
/// A ping is so far behind a report.
const APART: Duration = Duration::from_millis(20);
/// Where reports are rare, a single one that is not answered for so long.
const LONG: Duration = Duration::from_secs(3);
