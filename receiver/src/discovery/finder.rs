//! Finds senders by multicast DNS, and decides which are shown: those that were named; else the only one there is.
//! Among several, the user chooses.

mod say;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use proto::sys::{Event, spawn, wait_until};
use rustix::event::{PollFd, PollFlags};

use super::browser::{Browser, FoundSender};
use super::claims::Successor;
use super::received::{Failed, ReceivedSender, merged};
use super::sources::Sources;
use crate::feed::Status;
use crate::net::ReceiveSocket;
use crate::session::{AddressConflict, LOST, Opened, ReceiveThreads, Target};
use crate::sync::lock;
use state::{FinderState, LASTING};

/// Looks for senders, and has those received that are wanted.
pub struct Finder {
    threads: Arc<ReceiveThreads>,
    /// Those who are wanted, by name; nobody: whoever is there.
    names: Vec<String>,
    began: Instant,
    changed: Event,
    /// Those who are there, by name.
    found: Mutex<Vec<FoundSender>>,
    /// Those whom a person chose since they were looked at. The thread that looks has them received: whoever chooses
    /// waits for no socket.
    chosen: Mutex<Vec<FoundSender>>,
}

/// How a sender is received.
enum Reception {
    Asked(Arc<Target>),
    Joined(Arc<Target>),
}

/// Starts to look for senders, if that is wanted.
///
/// # Errors
/// If the system gives no threads or sockets.
pub(crate) fn start(sources: &Sources, threads: &Arc<ReceiveThreads>) -> Result<Option<Arc<Finder>>> {
    if !sources.want_finding() {
        return Ok(None);
    }
    let changed = Event::new().context("cannot make an event")?;
    let bell = changed.clone();
    let browser = match Browser::looking_for(&sources.names, threads.interface(), move |_| bell.raise()) {
        Ok(browser) => browser,
        // Who sends here is shown all the same.
        Err(error) if sources.is_open => {
            tracing::warn!("not looking for senders: {error:#}");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let finder = Arc::new(Finder {
        threads: threads.clone(),
        names: sources.names.clone(),
        began: Instant::now(),
        changed,
        found: Mutex::default(),
        chosen: Mutex::default(),
    });
    let working = finder.clone();
    let thread = spawn("find", &threads.shared.stop, move || working.run(&browser))?;
    threads.join_later(thread);
    Ok(Some(finder))
}

impl Finder {
    /// Those who were found, by name.
    pub fn found(&self) -> Vec<FoundSender> {
        lock(&self.found).clone()
    }

    /// For how long senders have been looked for.
    pub fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// Has these received, because a person chose them.
    pub fn choose(&self, chosen: &[FoundSender]) {
        lock(&self.chosen).extend_from_slice(chosen);
        self.changed.raise();
    }

    /// Follows what is found until the program ends.
    fn run(&self, browser: &Browser) -> Result<()> {
        let stop = &self.threads.shared.stop;
        let mut state = FinderState::default();
        loop {
            self.changed.clear();
            let now = Instant::now();
            if let Some(trouble) = browser.trouble().filter(|_| state.trouble.is_due(now)) {
                tracing::warn!("{trouble}");
            }
            let decided = self.decide(&mut state, browser.list(), now)?;
            let until = [decided, state.next_try(), self.next_look(&state, now)].into_iter().flatten().min();
            self.threads.shared.feeds.wake();
            let mut files = [PollFd::new(stop, PollFlags::IN), PollFd::new(&self.changed, PollFlags::IN)];
            wait_until(&mut files, until).context("cannot wait for senders")?;
            if stop.is_requested() {
                return Ok(());
            }
        }
    }

    /// Sees to what there is; returns when to look again, if nothing changes before.
    fn decide(
        &self,
        state: &mut FinderState,
        found: Vec<FoundSender>,
        now: Instant,
    ) -> Result<Option<Instant>> {
        state.found.clone_from(&found);
        lock(&self.found).clone_from(&found);
        let chosen = std::mem::take(&mut *lock(&self.chosen));
        state.is_settled |= !chosen.is_empty();
        for chosen in &chosen {
            state.failed.retain(|failed| failed.found.instance != chosen.instance);
            self.take(state, chosen, now);
        }
        state.taken.iter_mut().for_each(|taken| taken.learn(&found));
        self.follow(state, &found, now);
        self.warn_of_doubles(state, &found, now);
        state.claims.update(&found, now);
        if !self.names.is_empty() {
            self.heed_claims(state);
            let named: Vec<_> = self.names.iter().map(|name| called(name, &found)).collect();
            if named.iter().any(Option::is_some) {
                // In the order in which they were typed, as far as they come together.
                let decided = *state.first.get_or_insert(now) + GATHER;
                if now < decided && named.iter().any(Option::is_none) {
                    return Ok(Some(decided));
                }
            }
            named.into_iter().flatten().for_each(|found| self.take(state, found, now));
            let missing: Vec<&str> =
                self.names.iter().filter(|name| !state.has(name)).map(String::as_str).collect();
            return Ok(if missing.is_empty() { None } else { self.say_nobody(state, &missing, now) });
        }
        // Who sends here, or answers, is shown, and there is nothing left to decide.
        let is_any_heard = state.taken.iter().any(|taken| taken.heard().is_some());
        state.is_settled |= is_any_heard || self.threads.shared.feeds.count() > state.supposed;
        if state.is_settled {
            return Ok(None);
        }
        if found.is_empty() {
            return Ok(self.say_nobody(state, &[], now));
        }
        let decided = *state.first.get_or_insert(now) + GATHER;
        if now < decided {
            return Ok(Some(decided));
        }
        let have_window = self.threads.shared.feeds.have_window();
        if found.len() > 1 && (!have_window || state.taken.is_empty()) {
            self.offer(state, &found);
            if have_window {
                return Ok(None);
            }
        }
        self.take_any(state, &found, now);
        Ok(None)
    }

    /// Asks all of these in turn, until one is heard: who was announced need not be there.
    fn take_any(&self, state: &mut FinderState, found: &[FoundSender], now: Instant) {
        for found in found.iter().filter(|found| found.group.is_some()).take(MOST_GROUPS) {
            self.take(state, found, now);
        }
        let served = || found.iter().filter(|found| found.group.is_none());
        if let Some(first) = served().find(|found| !found.addresses.is_empty()).or_else(|| served().next()) {
            if !state.taken.iter().any(|taken| taken.is_any) {
                let all = FoundSender { addresses: merged(served()), ..first.clone() };
                self.take(state, &all, now);
            }
            // Those that are found later are shown too.
            if let Some(taken) = state.taken.iter_mut().find(|taken| taken.instance == first.instance) {
                taken.is_any = true;
            }
            self.follow(state, found, now);
        }
    }

    /// Tells those who are received where they are said to be now, and tries again those who could not be.
    fn follow(&self, state: &mut FinderState, found: &[FoundSender], now: Instant) {
        let others: Vec<String> = state.taken.iter().map(|taken| taken.instance.clone()).collect();
        for taken in &state.taken {
            if let Some(target) = &taken.target {
                target.move_to(&taken.addresses(found, &others));
                if let Some(found) =
                    found.iter().find(|found| found.instance == taken.instance && !taken.is_any)
                {
                    target.set_name(&found.name);
                }
            }
        }
        for found in found {
            let is_taken = state.taken.iter().any(|taken| taken.is(&found.instance));
            if is_taken || state.failed.iter().any(|failed| failed.found.instance == found.instance) {
                self.take(state, found, now);
            }
        }
    }

    /// When those are to be looked at again who are announced elsewhere than where they are heard, or of whom it is to
    /// be said that they are announced twice.
    fn next_look(&self, state: &FinderState, now: Instant) -> Option<Instant> {
        let waits = |found: &FoundSender| {
            let taken = state.taken.iter().find(|taken| taken.is(&found.instance));
            taken.is_some_and(|taken| !taken.is_received(found))
        };
        let doubles = state.doubles.iter().filter(|(_, _, is_said)| !is_said);
        let doubles = doubles.map(|(_, since, _)| *since + LASTING).min();
        let silent = state.found.iter().any(waits).then_some(now + LOST);
        [doubles, silent].into_iter().flatten().min()
    }

    /// Has those know who are asked who says that he is there instead: if that one is heard there, he is, and nobody is
    /// asked any more, since he was not wanted.
    fn heed_claims(&self, state: &FinderState) {
        for ReceivedSender { instance, target, .. } in &state.taken {
            let Some(target) = target else { continue };
            let successor = state.claims.successor(instance, &target.addresses());
            target.set_claim(successor.map(|Successor { instance: other, name }| AddressConflict {
                name,
                why: format!("no sender is called {instance} now; {other} is at its address"),
            }));
        }
    }

    /// Has a sender received, unless it is already, or could not be a moment ago.
    fn take(&self, state: &mut FinderState, found: &FoundSender, now: Instant) {
        let at = state.taken.iter().position(|taken| taken.is(&found.instance));
        if at.is_some_and(|at| state.taken[at].is_received(found)) {
            state.failed.retain(|failed| failed.found.instance != found.instance);
            return;
        }
        let before = state.failed.iter().position(|failed| failed.found.instance == found.instance);
        if before.is_some_and(|at| !state.failed[at].is_due(found, now)) {
            return;
        }
        if let Some(at) = at
            && state.taken[at].heard().is_some_and(|heard| now.saturating_duration_since(heard) < LOST)
        {
            // What is heard outweighs what is announced.
            return;
        }
        let before = before.map(|at| state.failed.swap_remove(at).why);
        let before_group = at.and_then(|at| state.taken[at].group.clone());
        if let (Some(target), Some(group)) = (before_group, found.group) {
            target.move_to_group(group);
            return;
        }
        match self.receive(found, state.is_settled || !self.names.is_empty()) {
            Ok(way) => {
                let at = at.unwrap_or_else(|| {
                    state.taken.push(ReceivedSender::nowhere(found));
                    state.taken.len() - 1
                });
                match way {
                    Reception::Asked(target) => state.taken[at].target = Some(target),
                    Reception::Joined(target) => state.taken[at].group = Some(target),
                }
                state.supposed += usize::from(self.shows(state));
            }
            Err(error) => {
                let why = format!("{} is not shown: {error:#}", found.name);
                if before.as_ref() != Some(&why) {
                    tracing::warn!("{why}");
                }
                state.failed.push(Failed { found: found.clone(), why, again: now + TRY_AGAIN });
            }
        }
    }

    /// Whether who is received now has a tile before he is heard: where a person sees whom is waited for, or wants him.
    fn shows(&self, state: &FinderState) -> bool {
        self.threads.shared.feeds.have_window() || state.is_settled || !self.names.is_empty()
    }

    /// Joins its group, or subscribes; it has a tile at once if it is `wanted`.
    fn receive(&self, found: &FoundSender, is_wanted: bool) -> Result<Reception> {
        let threads = &self.threads;
        let is_shown = is_wanted || threads.shared.feeds.have_window();
        let name = &found.name;
        if let Some(group) = found.group {
            let socket = ReceiveSocket::open(group, threads.interface())?;
            let status = Status::new("listening on", format!("{group} for {name}"));
            let target = Target::of_group(group, self.changed.clone());
            threads.receive_group_of(target.clone(), socket, status, is_shown)?;
            return Ok(Reception::Joined(target));
        }
        if found.addresses.is_empty() {
            bail!("it announces no address in a network of this computer; try receiver --connect HOST");
        }
        let target = Target::of_found(&found.addresses, self.changed.clone());
        if is_wanted {
            target.set_name(name);
        }
        let Opened { socket, subscription, status } = Opened::towards(&target, name, threads.interface())?;
        threads.receive(socket, subscription, status, is_shown)?;
        Ok(Reception::Asked(target))
    }
}

/// Who is called so: the one that nobody else is called like, or else the first.
fn called<'a>(name: &str, found: &'a [FoundSender]) -> Option<&'a FoundSender> {
    let exact = found.iter().find(|found| found.instance == name);
    exact.or_else(|| found.iter().find(|found| found.is_called(name)))
}

/// Where a found sender can be seen, in words.
pub(crate) fn whereabouts(found: &FoundSender) -> String {
    let text = |address: &SocketAddr| address.to_string();
    found.group.as_ref().or_else(|| found.addresses.first()).map_or_else(String::new, text)
}

/// How long others are waited for after the first sender was found: answers to one question come within this, also from
/// computers that are busy.
const GATHER: Duration = Duration::from_millis(500);
/// A network that comes up is there within this, and a message of it is no news to who waits.
const TRY_AGAIN: Duration = Duration::from_secs(3);
/// Groups that are joined where nobody was named and nobody is heard; each is a socket and a thread.
const MOST_GROUPS: usize = 4;
