//! Which source and session a receiver listens to.
//!
//! What is decided here stands as a table in section 7 of this crate's README; nothing is decided on one word, since
//! any one datagram may be forged.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use crate::seq::SessionId;

/// How long a source may give no sign of life before another may take the lock. A sender sends a hello every 200 ms.
pub const SILENCE: Duration = Duration::from_millis(500);

/// How long nothing at all must come of a session before its restart, or its goodbye, is believed. A live sender says
/// hello every 200 ms, and no program is started again sooner.
pub const QUIET: Duration = Duration::from_millis(250);

/// Locks a receiver on to one session of one source.
///
/// A source is whatever the shell tells datagrams apart by (an address and port); this code only compares it. The same
/// source with a new session was restarted, which is believed once nothing has come of the old one for [`QUIET`], as is
/// a goodbye. Another source may take over only when the first has said goodbye or given no sign of life for
/// [`SILENCE`]. One that has completed frames and only fell silent gets the lock back from another that took it since.
///
/// A sign of life is a *completed* frame, and after the first of them a hello too: a source that sends valid pieces of
/// nothing does not keep the lock. One that was heard only once keeps it for a moment, in which a true sender is heard
/// again: a flood of made-up sessions does not keep a true one out, and nobody is quicker than it.
#[derive(Debug)]
pub(crate) struct SourceLock<S> {
    holder: Option<Holder<S>>,
    /// Those that completed frames and lost the lock by silence, the newest loss last.
    past: VecDeque<PastHolder<S>>,
    /// Sessions that were restarted before a frame of theirs was whole: what comes of them is old.
    ended: VecDeque<SessionId>,
    /// Those that were heard while the holder was heard only once.
    candidates: VecDeque<(S, SessionId)>,
    /// Sources that held the lock and gave no sign of life, and until when they displace nobody.
    barred: VecDeque<(S, Instant)>,
    /// How many have taken the lock.
    turns: u64,
}

#[derive(Debug)]
struct Holder<S> {
    source: S,
    session: SessionId,
    /// Which turn this is; one that comes back has the turn that it had.
    turn: u64,
    /// The last sign of life; when it took the lock, if there was none.
    alive: Instant,
    /// When anything of it last came.
    heard: Instant,
    /// Whether it has completed a frame.
    proven: bool,
    /// Whether more than one datagram of it has come.
    heard_again: bool,
    /// When its goodbye counts, if it said one and nothing since.
    leaves: Option<Instant>,
}

#[derive(Debug)]
struct PastHolder<S> {
    source: S,
    session: SessionId,
    turn: u64,
    heard: Instant,
}

impl<S> Holder<S> {
    fn new(source: S, session: SessionId, turn: u64, now: Instant) -> Self {
        Self {
            source,
            session,
            turn,
            alive: now,
            heard: now,
            proven: false,
            heard_again: false,
            leaves: None,
        }
    }

    fn keeps_place(&self, now: Instant) -> bool {
        if self.is_established() {
            now.saturating_duration_since(self.alive) < SILENCE
        } else {
            now.saturating_duration_since(self.heard) < CHANCE
        }
    }

    fn is_established(&self) -> bool {
        self.proven || self.heard_again
    }

    fn spoke_within(&self, time: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < time
    }
}

/// What the lock says of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is of the session that we listen to.
    Ours,
    /// It is of the session that we listen to, which had said goodbye and goes on all the same.
    Stayed,
    /// It begins a session: everything of the one before is over.
    New,
    /// It is of a session that had lost the lock by silence, and has it again.
    Back,
    /// It is of the session that we listen to, and comes from another address than before.
    Moved,
    /// It is a straggler of a session that lost the lock.
    Ended,
    /// It is of another source while ours is alive.
    Foreign,
    /// It is of another session, in the name of our source, while ours goes on.
    Contested,
}

impl<S: Copy + Debug + Eq> SourceLock<S> {
    pub(crate) fn new() -> Self {
        Self {
            holder: None,
            past: VecDeque::with_capacity(MOST_PAST),
            ended: VecDeque::with_capacity(MOST_PAST),
            candidates: VecDeque::with_capacity(MOST_CANDIDATES),
            barred: VecDeque::with_capacity(MOST_BARRED),
            turns: 0,
        }
    }

    /// Whose datagram this is, and which session holds the lock from now on. Of a session that fell silent or said
    /// goodbye only what `is_news` counts: what shows that it goes on.
    pub(crate) fn admit(&mut self, source: S, session: SessionId, is_news: bool, now: Instant) -> Admission {
        let Some(holder) = &mut self.holder else {
            return self.hand_to(source, session, now, Admission::New);
        };
        if (holder.source, holder.session) == (source, session) {
            (holder.heard_again, holder.heard) = (true, now);
            return match holder.leaves.take_if(|_| is_news) {
                Some(_) => Admission::Stayed,
                None => Admission::Ours,
            };
        }
        let speaks = holder.spoke_within(SILENCE, now);
        match self.senior(source, session, now) {
            Some(at) if is_news => return self.give_back(at, now),
            Some(_) if speaks => return Admission::Ended,
            _ => {}
        }
        let Some(holder) = &self.holder else { unreachable!("it was there, and nothing took it away") };
        if holder.source == source {
            let goes_on = holder.spoke_within(QUIET, now);
            return match (goes_on, holder.proven, self.ended.contains(&session)) {
                (true, true, _) => Admission::Contested,
                (true, false, true) => Admission::Ended,
                _ => self.hand_to(source, session, now, Admission::New),
            };
        }
        if !holder.is_established() {
            return self.compete(source, session, now);
        }
        let is_barred = speaks && self.is_barred(source, now);
        if holder.keeps_place(now) || is_barred {
            return Admission::Foreign;
        }
        // The same session from another address: the sender's computer changed networks.
        let how = if holder.session == session { Admission::Moved } else { Admission::New };
        self.hand_to(source, session, now, how)
    }

    /// Whether this session of this source holds the lock.
    pub(crate) fn is_held_by(&self, source: S, session: SessionId) -> bool {
        self.holder() == Some((source, session))
    }

    /// The holder's source and session, also if it was heard only once.
    pub(crate) fn holder(&self) -> Option<(S, SessionId)> {
        self.holder.as_ref().map(|holder| (holder.source, holder.session))
    }

    /// When anything last came of the holder.
    pub(crate) fn last_heard(&self) -> Option<Instant> {
        self.holder.as_ref().map(|holder| holder.heard)
    }

    /// Whether the holder was heard more than once, or has completed a frame.
    pub(crate) fn is_established(&self) -> bool {
        self.holder.as_ref().is_some_and(Holder::is_established)
    }

    /// Whether another source may have the lock now.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        self.holder.as_ref().is_none_or(|holder| !(holder.is_established() && holder.keeps_place(now)))
    }

    /// Notes that the holder has completed a frame.
    pub(crate) fn completed(&mut self, now: Instant) {
        if let Some(holder) = &mut self.holder {
            (holder.alive, holder.proven) = (now, true);
        }
    }

    /// Notes a hello of the holder.
    pub(crate) fn said_hello(&mut self, now: Instant) {
        if let Some(holder) = &mut self.holder
            && holder.proven
        {
            holder.alive = now;
        }
    }

    /// Notes a goodbye of the holder. It counts when nothing comes for [`QUIET`]: see [`leaves`](
    /// Self::leaves).
    pub(crate) fn said_goodbye(&mut self, now: Instant) {
        if let Some(holder) = &mut self.holder {
            holder.leaves.get_or_insert(now + QUIET);
        }
    }

    /// When the holder's goodbye counts, if it said one.
    pub(crate) fn leaves(&self) -> Option<Instant> {
        self.holder.as_ref()?.leaves
    }

    /// Frees the lock if the holder's goodbye counts by now; whether it does.
    pub(crate) fn free_if_left(&mut self, now: Instant) -> bool {
        let left = self.holder.take_if(|holder| holder.leaves.is_some_and(|leaves| leaves <= now));
        if let Some(Holder { source, session, .. }) = &left {
            tell_ended(source, *session, "a goodbye, and nothing since");
        }
        left.is_some()
    }

    /// Takes the lock from the holder, which displaces nobody for a while.
    pub(crate) fn release(&mut self, now: Instant) {
        if let Some(holder) = self.holder.take() {
            tell_ended(&holder.source, holder.session, "the lock is for another");
            self.bar(holder.source, now);
        }
    }

    fn bar(&mut self, source: S, now: Instant) {
        if self.barred.len() == MOST_BARRED {
            self.barred.pop_front();
        }
        self.barred.push_back((source, now + BARRED_FOR));
    }

    /// The index of a session among those that fell silent, if it was there before the holder.
    fn senior(&self, source: S, session: SessionId, now: Instant) -> Option<usize> {
        let turn = self.holder.as_ref()?.turn;
        self.past.iter().position(|past| {
            (past.source, past.session) == (source, session)
                && past.turn < turn
                && now.saturating_duration_since(past.heard) < REMEMBERED
        })
    }

    fn give_back(&mut self, at: usize, now: Instant) -> Admission {
        let Some(PastHolder { source, session, turn, .. }) = self.past.remove(at) else {
            return Admission::Ended;
        };
        let is_moved = self.holder.as_ref().is_some_and(|holder| holder.session == session);
        self.tell_back(source, session);
        self.leave_to(source, now);
        let (proven, heard_again) = (true, true);
        self.holder = Some(Holder { proven, heard_again, ..Holder::new(source, session, turn, now) });
        if is_moved { Admission::Moved } else { Admission::Back }
    }

    /// While the holder was heard only once, others wait for a moment: a true sender is heard again in it. Then one
    /// that is heard again gets the lock, and after another moment anybody.
    fn compete(&mut self, source: S, session: SessionId, now: Instant) -> Admission {
        let Some(holder) = &self.holder else { return Admission::Foreign };
        if holder.spoke_within(SILENCE, now) && self.is_barred(source, now) {
            return Admission::Foreign;
        }
        let is_heard_again = self.candidates.contains(&(source, session));
        if !holder.spoke_within(CHANCE, now) || (is_heard_again && !holder.spoke_within(CHANCE / 2, now)) {
            let admission = self.hand_to(source, session, now, Admission::New);
            if let Some(holder) = &mut self.holder {
                holder.heard_again = is_heard_again;
            }
            return admission;
        }
        if !is_heard_again {
            if self.candidates.len() == MOST_CANDIDATES {
                self.candidates.pop_front();
            }
            self.candidates.push_back((source, session));
        }
        Admission::Foreign
    }

    fn hand_to(&mut self, source: S, session: SessionId, now: Instant, how: Admission) -> Admission {
        self.tell_taken(source, session, now);
        let mut next = Holder::new(source, session, self.turns, now);
        self.turns += 1;
        if let Some(before) = self.holder.as_ref().filter(|before| before.source == source) {
            // Who was known before its restart is known after it. One that gave no sign of life before gains no time.
            next.heard_again = before.proven;
            (next.alive, next.heard) = if before.proven { (now, now) } else { (before.alive, before.heard) };
        }
        self.leave_to(source, now);
        self.past.retain(|past| (past.source, past.session) != (source, session));
        self.ended.retain(|ended| *ended != session);
        self.holder = Some(next);
        how
    }

    // What is told stands by itself: in line, it would cost each datagram a few instructions.
    #[cold]
    fn tell_taken(&self, source: S, session: SessionId, now: Instant) {
        let Some(before) = &self.holder else {
            tracing::debug!(from = ?source, %session, reason = "the lock is free", "session taken");
            return;
        };
        let reason = if before.source == source {
            "restarted: nothing comes of the session before"
        } else if before.is_established() {
            "no sign of life from the holder"
        } else {
            "the holder was heard once"
        };
        let silent_ms = now.saturating_duration_since(before.alive).as_millis() as u64;
        tracing::debug!(from = ?source, %session, reason, before = ?before.source, silent_ms, "session taken");
    }

    #[cold]
    fn tell_back(&self, source: S, session: SessionId) {
        let before = self.holder.as_ref().map(|holder| holder.source);
        let reason = "it was there before, and had only fallen silent";
        tracing::debug!(from = ?source, %session, reason, ?before, "session taken back");
    }

    fn is_barred(&self, source: S, now: Instant) -> bool {
        self.barred.iter().any(|&(barred, until)| barred == source && now < until)
    }

    /// Frees the lock for `successor`.
    fn leave_to(&mut self, successor: S, now: Instant) {
        // Others wait no longer for one that begins again and again.
        if self.holder.as_ref().is_none_or(|holder| holder.source != successor) {
            self.candidates.clear();
        }
        let Some(holder) = self.holder.take() else { return };
        if holder.proven {
            if self.past.len() == MOST_PAST {
                self.past.pop_front();
            }
            let Holder { source, session, turn, heard, .. } = holder;
            self.past.push_back(PastHolder { source, session, turn, heard });
        } else if holder.source == successor {
            if self.ended.len() == MOST_PAST {
                self.ended.pop_front();
            }
            self.ended.push_back(holder.session);
        } else if holder.heard_again {
            self.bar(holder.source, now);
        }
    }
}

#[cold]
fn tell_ended<S: Debug>(source: &S, session: SessionId, reason: &str) {
    tracing::debug!(from = ?source, %session, reason, "session ended");
}

/// How long a source that was heard only once has the lock: a sender is heard again after 12 ms, and after 24 more.
const CHANCE: Duration = Duration::from_millis(80);
/// Candidates remembered: a sender's datagrams come close together, also in a flood of others.
const MOST_CANDIDATES: usize = 16;
/// How long a sender that fell silent may have the lock back: longer than cables are pulled for.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Senders remembered that fell silent, and sessions that were restarted before they showed anything.
const MOST_PAST: usize = 16;
/// Sources remembered as barred.
const MOST_BARRED: usize = 16;
/// Long enough for the true source to be heard.
const BARRED_FOR: Duration = Duration::from_secs(10);
