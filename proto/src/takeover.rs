//! Which source a receiver listens to.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::SessionId;

/// How long a source may give no sign of life before another may take its place. A sender says hello every 200 ms.
pub const SILENCE: Duration = Duration::from_millis(500);

/// Locks a receiver on to one session of one source.
///
/// A source is whatever the shell tells datagrams apart by (an address and port); this code only compares it. The same
/// source with a new session takes over at once: it was restarted. Another source may take over only when the first
/// has said goodbye or given no sign of life for [`SILENCE`].
///
/// A sign of life is a *completed* frame, and after the first of them a hello too: a source that sends valid pieces of
/// nothing does not keep the place. One that was heard only once does not even keep it against the next, so that a flood
/// of made-up sessions does not keep a true one out.
#[derive(Debug)]
pub(crate) struct SourceLock<S> {
    holder: Option<Holder<S>>,
    /// Sessions that ended by a restart or a goodbye: their stragglers and replays are not taken for a restart.
    ended: VecDeque<SessionId>,
    /// Sources that held the place and gave no sign of life, and until when they may not have it again.
    barred: VecDeque<(S, Instant)>,
}

#[derive(Debug)]
struct Holder<S> {
    source: S,
    session: SessionId,
    /// The last sign of life; when it took the place, if there was none.
    alive: Instant,
    /// Whether it has completed a frame.
    proven: bool,
    /// Whether more than one datagram of it has come.
    heard_again: bool,
}

impl<S> Holder<S> {
    fn new(source: S, session: SessionId, alive: Instant) -> Self {
        Self { source, session, alive, proven: false, heard_again: false }
    }

    fn keeps_place(&self, now: Instant) -> bool {
        self.is_established() && now.saturating_duration_since(self.alive) < SILENCE
    }

    fn is_established(&self) -> bool {
        self.proven || self.heard_again
    }
}

/// What the lock says of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is of the session that we listen to.
    Ours,
    /// It begins a session: everything of the one before is over.
    New,
    /// It is of the session that we listen to, and comes from another address than before.
    Moved,
    /// It is of a session that has ended.
    Ended,
    /// It is of another source while ours is alive.
    Foreign,
}

impl<S: Copy + Eq> SourceLock<S> {
    pub(crate) fn new() -> Self {
        Self {
            holder: None,
            ended: VecDeque::with_capacity(MOST_ENDED),
            barred: VecDeque::with_capacity(MOST_BARRED),
        }
    }

    /// Whose datagram this is, and who has the place from now on.
    pub(crate) fn admit(&mut self, source: S, session: SessionId, now: Instant) -> Admission {
        if let Some(holder) = &mut self.holder
            && (holder.source, holder.session) == (source, session)
        {
            holder.heard_again = true;
            return Admission::Ours;
        }
        if self.ended.contains(&session) {
            return Admission::Ended;
        }
        if let Some(holder) = &self.holder
            && holder.source != source
        {
            if holder.keeps_place(now) {
                return Admission::Foreign;
            }
            // The same session from another address: the sender's computer changed networks.
            if holder.session == session {
                self.holder = Some(Holder::new(source, session, now));
                return Admission::Moved;
            }
        }
        let alive = match &self.holder {
            // A restart. If there was no sign of life before it, it gains no time either.
            Some(holder) if holder.source == source && !holder.proven => holder.alive,
            Some(holder) if holder.source == source => now,
            _ if self.is_barred(source, now) => return Admission::Foreign,
            _ => now,
        };
        // Who was known before its restart is known after it.
        let heard_again = self.holder.as_ref().is_some_and(|holder| holder.source == source && holder.proven);
        self.leave_to(source, now);
        self.holder = Some(Holder { heard_again, ..Holder::new(source, session, alive) });
        Admission::New
    }

    /// Whether this session of this source has the place.
    pub(crate) fn is_held_by(&self, source: S, session: SessionId) -> bool {
        self.holder() == Some((source, session))
    }

    /// Whoever has the place, and the session, also if it was heard only once.
    pub(crate) fn holder(&self) -> Option<(S, SessionId)> {
        self.holder.as_ref().map(|holder| (holder.source, holder.session))
    }

    /// Whether whoever has the place was heard more than once, or has completed a frame.
    pub(crate) fn is_established(&self) -> bool {
        self.holder.as_ref().is_some_and(Holder::is_established)
    }

    /// Whether another source may have the place now.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        self.holder.as_ref().is_none_or(|holder| !holder.keeps_place(now))
    }

    /// Notes that whoever has the place has completed a frame.
    pub(crate) fn completed(&mut self, now: Instant) {
        if let Some(holder) = &mut self.holder {
            (holder.alive, holder.proven) = (now, true);
        }
    }

    /// Notes that whoever has the place has said hello.
    pub(crate) fn said_hello(&mut self, now: Instant) {
        if let Some(holder) = &mut self.holder
            && holder.proven
        {
            holder.alive = now;
        }
    }

    /// Frees the place: its holder said goodbye.
    pub(crate) fn goodbye(&mut self) {
        if let Some(holder) = self.holder.take() {
            self.remember(holder.session);
        }
    }

    fn is_barred(&self, source: S, now: Instant) -> bool {
        self.barred.iter().any(|&(barred, until)| barred == source && now < until)
    }

    /// Frees the place for `successor`.
    fn leave_to(&mut self, successor: S, now: Instant) {
        let Some(holder) = self.holder.take() else { return };
        if holder.source == successor {
            self.remember(holder.session);
        } else if holder.heard_again && !holder.proven {
            if self.barred.len() == MOST_BARRED {
                self.barred.pop_front();
            }
            self.barred.push_back((holder.source, now + BARRED_FOR));
        }
        // A session that only fell silent may come back, when its cable does and the place is free.
    }

    fn remember(&mut self, session: SessionId) {
        if self.ended.len() == MOST_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(session);
    }
}

/// Sessions remembered after their end. Stragglers come within a second, and no sender restarts 16 times in one.
const MOST_ENDED: usize = 16;
/// Sources remembered as barred.
const MOST_BARRED: usize = 16;
/// Long enough for the true source to be heard.
const BARRED_FOR: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    const A: SessionId = SessionId::new(1);
    const B: SessionId = SessionId::new(2);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_same_source_takes_over_at_once_and_its_old_session_is_over() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        assert_eq!(lock.admit(7, A, t0), Admission::New);
        assert_eq!(lock.admit(7, A, t0), Admission::Ours);
        assert_eq!(lock.admit(7, B, t0), Admission::New);
        assert_eq!(lock.admit(7, A, t0), Admission::Ended);
        assert_eq!(lock.admit(8, A, t0 + ms(9000)), Admission::Ended, "a replay from anywhere");
    }

    #[test]
    fn another_source_waits_for_silence_or_goodbye() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        lock.admit(7, A, t0);
        lock.completed(t0 + ms(100));
        assert_eq!(lock.admit(8, B, t0 + ms(599)), Admission::Foreign);
        assert_eq!(lock.admit(8, B, t0 + ms(600)), Admission::New);
        lock.goodbye();
        assert_eq!(lock.admit(9, SessionId::new(3), t0 + ms(601)), Admission::New);
    }

    #[test]
    fn a_flood_of_sessions_each_heard_once_does_not_keep_the_true_one_out() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        for stranger in 0..1000 {
            assert_eq!(lock.admit(1000 + stranger, SessionId::new(1000 + stranger), t0), Admission::New);
            lock.said_hello(t0);
        }
        assert_eq!((lock.admit(7, A, t0), lock.admit(7, A, t0)), (Admission::New, Admission::Ours));
        assert_eq!(lock.admit(1, B, t0), Admission::Foreign);
    }

    #[test]
    fn a_sender_that_restarts_before_its_first_frame_is_whole_is_heard() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        for session in 1..=5 {
            assert_eq!(lock.admit(7, SessionId::new(session), t0 + ms(session)), Admission::New);
        }
        lock.completed(t0 + ms(6));
        assert_eq!(lock.admit(7, SessionId::new(5), t0 + ms(7)), Admission::Ours);
    }

    #[test]
    fn a_source_that_completes_nothing_does_not_keep_the_true_one_out() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        assert_eq!(lock.admit(666, A, t0), Admission::New);
        for step in 1..2000 {
            let now = t0 + ms(step);
            for _ in 0..3 {
                lock.admit(666, SessionId::new(1000 + step), now);
            }
            if matches!(lock.admit(7, B, now), Admission::New | Admission::Ours | Admission::Moved) {
                lock.completed(now);
            }
        }
        assert_eq!(lock.admit(7, B, t0 + ms(2000)), Admission::Ours);
    }

    #[test]
    fn a_session_goes_on_at_another_address_once_it_is_silent_at_the_one_before() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        lock.admit(7, A, t0);
        lock.completed(t0);
        assert_eq!(lock.admit(8, A, t0 + ms(499)), Admission::Foreign);
        assert_eq!(lock.admit(8, A, t0 + ms(500)), Admission::Moved);
        assert_eq!((lock.holder(), lock.is_established()), (Some((8, A)), false));
        assert_eq!(lock.admit(8, A, t0 + ms(501)), Admission::Ours);
        assert!(lock.is_established());
    }

    #[test]
    fn a_session_that_fell_silent_comes_back_when_the_place_is_free() {
        let (t0, mut lock) = (t0(), SourceLock::new());
        lock.admit(7, A, t0);
        lock.completed(t0);
        lock.admit(8, B, t0 + ms(600));
        lock.completed(t0 + ms(600));
        assert_eq!(lock.admit(7, A, t0 + ms(900)), Admission::Foreign);
        assert_eq!(lock.admit(7, A, t0 + ms(1200)), Admission::New);
    }
}
