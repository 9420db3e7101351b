//! Senders that are heard while unknown ones are dropped at random: one that is heard twice in one session is let in
//! whole for a moment, so that its pictures can be seen.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::SessionId;

/// Who was heard once, and who was heard twice.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// What was heard, by chance in one of [`MARKS`] places; empty until it is needed.
    marks: Vec<u64>,
    marked: Option<Instant>,
    hasher: RandomState,
    welcome: Vec<Welcome>,
}

/// One that is let in.
#[derive(Debug)]
struct Welcome {
    source: SocketAddr,
    session: SessionId,
    since: Instant,
    /// Datagrams of no use in this window.
    count: u32,
}

impl Admitted {
    /// Notes a datagram of no use; whether it is of one that is let in.
    pub(super) fn heard(&mut self, source: SocketAddr, session: SessionId, now: Instant) -> bool {
        let is = |one: &&mut Welcome| (one.source, one.session) == (source, session);
        if let Some(welcome) = self.welcome.iter_mut().find(is) {
            welcome.count += 1;
            return true;
        }
        let marked = *self.marked.get_or_insert(now);
        if self.marks.is_empty() || now.saturating_duration_since(marked) > FORGOTTEN {
            self.marks.clear();
            self.marks.resize(MARKS, 0);
            self.marked = Some(now);
        }
        let mark = self.hasher.hash_one((source, session.get()));
        let place = &mut self.marks[mark as usize % MARKS];
        if std::mem::replace(place, mark) == mark && self.welcome.len() < MOST {
            self.welcome.push(Welcome { source, session, since: now, count: 0 });
        }
        false
    }

    /// Who is let in.
    pub(super) fn favoured(&self) -> impl Iterator<Item = (SocketAddr, SessionId)> {
        self.welcome.iter().map(|welcome| (welcome.source, welcome.session))
    }

    /// Lets go of those whose time is over; returns those who sent too much in this window. They are counted on in one
    /// that is not whole yet: pictures come in bursts, and a part of a window says nothing of the rest.
    pub(super) fn forget(&mut self, is_whole: bool, now: Instant) -> impl Iterator<Item = SocketAddr> {
        self.welcome.retain(|one| now.saturating_duration_since(one.since) < FOR);
        let is_too_loud = move |one: &mut Welcome| {
            let count = one.count;
            one.count = if is_whole { 0 } else { count };
            count > TOO_LOUD
        };
        self.welcome.extract_if(.., is_too_loud).map(|one| one.source)
    }
}

/// Places for marks: as many as strangers are let in in a second.
const MARKS: usize = 4096;
const FORGOTTEN: Duration = Duration::from_secs(1);
/// Those who are let in at a time.
const MOST: usize = 8;
/// Long enough for a picture.
const FOR: Duration = Duration::from_secs(1);
/// Datagrams of no use in a window: 20,000 a second, more than of a sender of large pictures before it is shown.
const TOO_LOUD: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_heard_twice_is_let_in_for_a_moment_and_nobody_else() {
        let (mut admitted, t0) = (Admitted::default(), Instant::now());
        let source = |n: u32| SocketAddr::from((n.to_be_bytes(), 9000));
        let session = SessionId::new(7);
        for n in 0..2000 {
            assert!(!admitted.heard(source(n), SessionId::new(n.into()), t0));
        }
        assert_eq!(admitted.favoured().count(), 0);
        admitted.heard(source(1), session, t0);
        admitted.heard(source(1), session, t0);
        assert_eq!(admitted.favoured().collect::<Vec<_>>(), [(source(1), session)]);
        assert!(admitted.heard(source(1), session, t0));
        assert!(!admitted.heard(source(1), SessionId::new(8), t0), "another session is another sender");
        assert_eq!(admitted.forget(true, t0 + FOR / 2).count(), 0);
        assert_eq!(admitted.favoured().count(), 1);
        assert_eq!(admitted.forget(true, t0 + FOR).count(), 0);
        assert_eq!(admitted.favoured().count(), 0);
    }

    #[test]
    fn there_are_only_so_many_and_who_is_too_loud_is_none() {
        let (mut admitted, t0) = (Admitted::default(), Instant::now());
        let source = |n: u32| SocketAddr::from((n.to_be_bytes(), 9000));
        for n in 0..100 {
            for _ in 0..3 {
                admitted.heard(source(n), SessionId::new(1), t0);
            }
        }
        assert_eq!(admitted.favoured().count(), MOST);
        assert_eq!(admitted.marks.len(), MARKS);
        let loud = admitted.favoured().next().unwrap().0;
        for _ in 0..TOO_LOUD / 2 {
            admitted.heard(loud, SessionId::new(1), t0);
        }
        assert_eq!(admitted.forget(false, t0).count(), 0, "a burst, in a part of a window");
        for _ in 0..=TOO_LOUD / 2 {
            admitted.heard(loud, SessionId::new(1), t0);
        }
        assert_eq!(admitted.forget(false, t0).collect::<Vec<_>>(), [loud]);
        assert_eq!(admitted.favoured().count(), MOST - 1);
    }
}
