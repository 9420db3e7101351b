//! A flood is dropped by the kernel, before it fills the socket's buffer and leaves the stream no room there.
//!
//! Without a flood there is no filter: every datagram is read, and unknown senders are counted one by one. Only when
//! thousands a second come that are of no use, the kernel lets in whole the senders that are shown, and a little of
//! addresses that send so much, of what no sender sends, and, where it comes from too many addresses to name them, of
//! all unknown senders. Of each a share is let in, so large that about [`WANTED`] come in each [`WINDOW`]: so new
//! senders are heard, and it shows when the flood is over.

mod admitted;
mod heavy_hitters;
mod program;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::SessionId;
use proto::app::StreamFormat;
use socket2::SockFilter;

use admitted::Admitted;
use heavy_hitters::HeavyHitters;
use program::{MOST_FAVOURED, MOST_LOUD, Rules, Share, program, session_of};

/// Decides what the kernel is to turn away.
#[derive(Debug)]
pub(crate) struct Gate {
    format: StreamFormat,
    /// What the kernel was told; nothing, while there is no flood.
    rules: Option<Rules>,
    /// The only address that anything is wanted from, if there is one.
    only: Option<SocketAddr>,
    /// When this window began; the first datagram of no use begins it.
    window: Instant,
    /// Datagrams of no use in this window: of the loud, and what no sender says.
    of_loud: u32,
    /// Those of others.
    of_others: u32,
    tally: HeavyHitters,
    loud: Vec<Loud>,
    admitted: Admitted,
}

/// An address that much comes from, and when anything last did.
#[derive(Clone, Copy, Debug)]
struct Loud {
    source: SocketAddr,
    last: Instant,
}

/// What the kernel is to be told.
#[derive(Debug)]
pub enum FilterChange {
    /// This is from now on what it lets in. With it, if this is the begin of a flood, of what: who sends most of it,
    /// and how many come a second.
    Narrow(Vec<SockFilter>, Option<(Option<SocketAddr>, u64)>),
    /// Everything is let in again.
    Widen,
}

impl Gate {
    /// An open one, for a format.
    pub(crate) fn new(format: StreamFormat) -> Self {
        let admitted = Admitted::default();
        let (loud, tally) = (Vec::with_capacity(MOST_LOUD), HeavyHitters::default());
        let window = Instant::now();
        Self { format, rules: None, only: None, window, of_loud: 0, of_others: 0, tally, loud, admitted }
    }

    /// Counts a datagram that was of no use.
    pub(crate) fn count(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        if self.of_loud + self.of_others == 0 && self.rules.is_none() {
            self.window = now;
        }
        if let Some(loud) = self.loud.iter_mut().find(|loud| loud.source == from) {
            loud.last = now;
            self.of_loud += 1;
            return;
        }
        let session = session_of(self.format, datagram);
        match session.filter(|_| self.only.is_none_or(|only| only == from)) {
            // Who goes on in one session is not taken for loud, however large its pictures are.
            Some(session) if self.rules.is_some() && self.admitted.heard(from, session, now) => return,
            Some(_) => self.of_others += 1,
            None => self.of_loud += 1,
        }
        self.tally.add(from);
    }

    /// When to look again, whatever comes.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.rules.as_ref().map(|_| self.window + WINDOW)
    }

    /// What is to be told to the kernel now, if anything is. `favoured` are the senders that are shown, with their
    /// sessions, and `only` is where anything is wanted from, if nothing is from elsewhere.
    pub(crate) fn look(
        &mut self,
        favoured: impl Iterator<Item = (SocketAddr, SessionId)>,
        only: Option<SocketAddr>,
        now: Instant,
    ) -> Option<FilterChange> {
        self.only = only;
        let count = self.of_loud + self.of_others;
        if self.rules.is_none() && count < FLOOD {
            return None;
        }
        let passed = now.saturating_duration_since(self.window);
        // How much of a window has passed: not nothing, since a batch has one time.
        let part = passed.as_secs_f64().max(1e-3) / WINDOW.as_secs_f64();
        let Some(before) = &self.rules else {
            let per_window = f64::from(count) / part;
            if per_window < f64::from(FLOOD) {
                self.begin_window(now);
                return None;
            }
            let most = self.tally.most();
            let mut rules = Rules { of_loud: Share::ALL.times(AT_FIRST), only, ..Rules::default() };
            self.name_the_loud(Share::ALL, now);
            if self.of_others >= FLOOD / 2 {
                rules.of_others = Share::ALL.times(AT_FIRST);
            }
            self.fill(&mut rules, favoured);
            self.begin_window(now);
            let code = program(&rules, self.format);
            self.rules = Some(rules);
            let per_second = per_window / WINDOW.as_secs_f64();
            return Some(FilterChange::Narrow(code, Some((most, per_second as u64))));
        };
        let mut rules = Rules { only, ..before.clone() };
        if passed >= WINDOW || self.of_loud.max(self.of_others) >= TOO_MANY {
            self.name_the_loud(rules.of_others, now);
            rules.of_loud = adapted(rules.of_loud, self.of_loud, part);
            rules.of_others = adapted(rules.of_others, self.of_others, part);
            self.loud.retain(|loud| now.saturating_duration_since(loud.last) < FORGOTTEN);
            let too_loud = self.admitted.forget(passed >= WINDOW, now);
            too_loud.for_each(|source| add_loud(&mut self.loud, source, now));
            self.begin_window(now);
        }
        if (rules.of_loud, rules.of_others) == (Share::ALL, Share::ALL) {
            self.rules = None;
            self.loud.clear();
            return Some(FilterChange::Widen);
        }
        self.fill(&mut rules, favoured);
        if self.rules.as_ref() == Some(&rules) {
            return None;
        }
        let code = program(&rules, self.format);
        self.rules = Some(rules);
        Some(FilterChange::Narrow(code, None))
    }

    /// Whoever sends more than an unknown sender may, as far as can be told from what was let in, is loud.
    fn name_the_loud(&mut self, share: Share, now: Instant) {
        for (source, count) in self.tally.heaviest() {
            // Not more is made of it because the window was short: pictures come in bursts.
            let sent = f64::from(count) * share.one_of();
            if count >= ENOUGH_TO_JUDGE && sent >= f64::from(LOUD) {
                add_loud(&mut self.loud, source, now);
                self.of_others = self.of_others.saturating_sub(count);
            }
        }
    }

    fn fill(&self, rules: &mut Rules, favoured: impl Iterator<Item = (SocketAddr, SessionId)>) {
        let admitted = self.admitted.favoured();
        rules.favoured.clear();
        rules.favoured.extend(favoured.chain(admitted).take(MOST_FAVOURED));
        rules.loud.clear();
        rules.loud.extend(self.loud.iter().map(|loud| loud.source));
    }

    fn begin_window(&mut self, now: Instant) {
        (self.window, self.of_loud, self.of_others) = (now, 0, 0);
        self.tally.clear();
    }
}

/// A share such that about as many come as are wanted, after so many came in a part of a window.
fn adapted(share: Share, count: u32, part: f64) -> Share {
    let (count, wanted) = (f64::from(count), WANTED * part);
    if count > 2.0 * wanted {
        share.times((wanted / count).max(AT_FIRST))
    } else if count < wanted / 2.0 {
        share.times(2.0)
    } else {
        share
    }
}

/// The one that was quiet for longest makes room.
fn add_loud(loud: &mut Vec<Loud>, source: SocketAddr, now: Instant) {
    if loud.iter().any(|loud| loud.source == source) {
        return;
    }
    if loud.len() == MOST_LOUD
        && let Some((at, _)) = loud.iter().enumerate().min_by_key(|(_, loud)| loud.last)
    {
        loud.swap_remove(at);
    }
    loud.push(Loud { source, last: now });
}

/// How often the shares are looked at.
const WINDOW: Duration = Duration::from_millis(50);
/// Datagrams of no use in a window that are a flood: 5000 a second. Fewer are read without harm.
const FLOOD: u32 = 256;
/// How many of a flood are let in, in each window: 4000 a second.
const WANTED: f64 = 200.0;
/// As many are let in that it is not waited for the window's end.
const TOO_MANY: u32 = 800;
/// The share before it is known how large the flood is, and the most that a share changes by at once.
const AT_FIRST: f64 = 1.0 / 64.0;
/// Datagrams of no use in a window by which one address is loud: 4000 a second.
const LOUD: u32 = 200;
/// Fewer say nothing of how many there were.
const ENOUGH_TO_JUDGE: u32 = 16;
/// Whoever was quiet for so long is not loud any more.
const FORGOTTEN: Duration = Duration::from_secs(2);
