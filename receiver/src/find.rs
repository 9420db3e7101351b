//! Finds senders by multicast DNS, and decides which are shown: those that were named; or, if none was, the only one there
//! is. Of several, a person chooses.

mod claims;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use proto::host::{Wake, as_shell_word, spawn, wait_until};
use rustix::event::{PollFd, PollFlags};

use crate::args::Sources;
use crate::discover::{Browser, Found};
use crate::endpoint::Place;
use crate::feed::lock;
use crate::link::Link;
use crate::pipeline::{Crew, Opened};
use crate::window::Status;
use claims::Claims;

/// Looks for senders, and has those received that are wanted.
pub struct Finder {
    crew: Arc<Crew>,
    /// Those who are wanted, by name; nobody: whoever is there.
    names: Vec<String>,
    began: Instant,
    changed: Wake,
    /// Those who are there, by name.
    found: Mutex<Vec<Found>>,
    /// Those whom a person chose since they were looked at. The thread that looks has them received: whoever chooses waits
    /// for no socket.
    chosen: Mutex<Vec<Found>>,
}

/// What the thread that looks remembers.
#[derive(Default)]
struct State {
    /// Those who are there, by name.
    found: Vec<Found>,
    claims: Claims,
    /// When the first of them was found.
    first: Option<Instant>,
    /// Those who are received.
    taken: Vec<Taken>,
    /// Those who are wanted and could not be received.
    failed: Vec<Failed>,
    /// Whether it is decided who is shown, and nobody else is unless a person says so.
    is_settled: bool,
    /// The names that were offered last, so that a list is not printed twice.
    offered: Vec<String>,
    has_said_nobody: bool,
}

struct Taken {
    instance: String,
    /// Where it is asked, if it is asked.
    place: Option<Arc<Place>>,
    /// Its groups that were joined.
    groups: Vec<SocketAddr>,
}

/// How a sender is received.
enum Way {
    Asked(Arc<Place>),
    Joined(SocketAddr),
}

/// A sender that could not be received, such as before the network was up.
struct Failed {
    /// What it said of itself then.
    found: Found,
    why: String,
    /// When it is tried again, if nothing changes before.
    again: Instant,
}

/// Starts to look for senders, if that is wanted.
///
/// # Errors
/// If the system gives no threads or sockets.
pub(crate) fn start(sources: &Sources, crew: &Arc<Crew>) -> Result<Option<Arc<Finder>>> {
    if !sources.want_finding() {
        return Ok(None);
    }
    let changed = Wake::new().context("cannot make an event")?;
    let bell = changed.clone();
    let browser = match Browser::start(crew.interface(), move |_| bell.raise()) {
        Ok(browser) => browser,
        // Who sends here is shown all the same.
        Err(error) if sources.is_open() => {
            crew.shared.console.warn(format_args!("not looking for senders: {error:#}"));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let finder = Arc::new(Finder {
        crew: crew.clone(),
        names: sources.names.clone(),
        began: Instant::now(),
        changed,
        found: Mutex::default(),
        chosen: Mutex::default(),
    });
    let working = finder.clone();
    let thread = spawn("find", &crew.shared.stop, move || working.run(&browser))?;
    crew.join_later(thread);
    Ok(Some(finder))
}

impl Finder {
    /// Those who were found, by name.
    pub fn found(&self) -> Vec<Found> {
        lock(&self.found).clone()
    }

    /// For how long senders have been looked for.
    pub fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// Has these received, because a person chose them.
    pub fn choose(&self, chosen: &[Found]) {
        lock(&self.chosen).extend_from_slice(chosen);
        self.changed.raise();
    }

    /// Follows what is found until the program ends.
    fn run(&self, browser: &Browser) -> Result<()> {
        let stop = &self.crew.shared.stop;
        let mut state = State::default();
        loop {
            self.changed.clear();
            let decided = self.decide(&mut state, browser.list(), Instant::now())?;
            let until = [decided, state.next_try()].into_iter().flatten().min();
            self.crew.shared.feeds.wake();
            let mut files = [PollFd::new(stop, PollFlags::IN), PollFd::new(&self.changed, PollFlags::IN)];
            wait_until(&mut files, until).context("cannot wait for senders")?;
            if stop.is_requested() {
                return Ok(());
            }
        }
    }

    /// Sees to what there is; returns when to look again, if nothing changes before.
    fn decide(&self, state: &mut State, found: Vec<Found>, now: Instant) -> Result<Option<Instant>> {
        state.found.clone_from(&found);
        lock(&self.found).clone_from(&found);
        let chosen = std::mem::take(&mut *lock(&self.chosen));
        state.is_settled |= !chosen.is_empty();
        for chosen in &chosen {
            state.failed.retain(|failed| failed.found.instance != chosen.instance);
            self.take(state, chosen, now);
        }
        self.follow(state, &found, now);
        state.claims.update(&found, now);
        if !self.names.is_empty() {
            self.give_way(state);
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
        // Who sends here is shown, and there is nothing left to decide.
        state.is_settled |= self.crew.shared.feeds.count() > 0;
        if state.is_settled {
            return Ok(None);
        }
        match &found[..] {
            [] => Ok(self.say_nobody(state, &[], now)),
            all => {
                let decided = *state.first.get_or_insert(now) + GATHER;
                if now < decided {
                    return Ok(Some(decided));
                }
                match all {
                    [only] => {
                        state.is_settled = true;
                        self.take(state, only, now);
                    }
                    several => self.offer(state, several)?,
                }
                Ok(None)
            }
        }
    }

    /// Goes where those are now who are received, and tries again those who could not be.
    fn follow(&self, state: &mut State, found: &[Found], now: Instant) {
        for found in found {
            let taken = state.taken.iter().find(|taken| taken.instance == found.instance);
            if let Some(place) = taken.and_then(|taken| taken.place.as_ref()) {
                place.move_to(&found.addresses);
            }
            if taken.is_some() || state.failed.iter().any(|failed| failed.found.instance == found.instance) {
                self.take(state, found, now);
            }
        }
    }

    /// Has nobody asked for who is not there any more, as long as somebody else is: that one was not wanted.
    fn give_way(&self, state: &State) {
        for Taken { instance, place, .. } in &state.taken {
            let Some(place) = place else { continue };
            let successor = state.claims.successor(instance, &place.addresses());
            let why = successor
                .map(|other| format!("no sender is called {instance} now; {other} is at its address"));
            if let (true, Some(why)) = (place.set_anothers(why.clone()), why) {
                self.crew.shared.console.say(why);
            }
        }
    }

    /// Has a sender received, unless it is already, or could not be a moment ago.
    fn take(&self, state: &mut State, found: &Found, now: Instant) {
        let at = state.taken.iter().position(|taken| taken.instance == found.instance);
        if at.is_some_and(|at| state.taken[at].is_received(found)) {
            state.failed.retain(|failed| failed.found.instance != found.instance);
            return;
        }
        let before = state.failed.iter().position(|failed| failed.found.instance == found.instance);
        if before.is_some_and(|at| !state.failed[at].is_due(found, now)) {
            return;
        }
        let before = before.map(|at| state.failed.swap_remove(at).why);
        let groups = at.map_or(0, |at| state.taken[at].groups.len());
        match self.receive(found, groups) {
            Ok(way) => {
                let at = at.unwrap_or_else(|| {
                    state.taken.push(Taken::nowhere(found));
                    state.taken.len() - 1
                });
                match way {
                    Way::Asked(place) => state.taken[at].place = Some(place),
                    Way::Joined(group) => state.taken[at].groups.push(group),
                }
            }
            Err(error) => {
                let why = format!("{} is not shown: {error:#}", found.name);
                if before.as_ref() != Some(&why) {
                    self.crew.shared.console.warn(&why);
                }
                state.failed.push(Failed { found: found.clone(), why, again: now + TRY_AGAIN });
            }
        }
    }

    /// Joins its group, beside so many others of it, or asks it.
    fn receive(&self, found: &Found, groups: usize) -> Result<Way> {
        let (crew, console) = (&self.crew, &self.crew.shared.console);
        let name = &found.name;
        if let Some(group) = found.group {
            if groups == MOST_GROUPS {
                bail!("it has sent to {groups} other groups already; start the receiver again");
            }
            let link = Link::open(group, crew.interface(), console)?;
            let status = Status::new("listening on", format!("{group} for {name}"));
            crew.receive(link, None, status, true)?;
            return Ok(Way::Joined(group));
        }
        if found.addresses.is_empty() {
            bail!("it says no address at which it can be asked");
        }
        let place = Place::new(&found.addresses);
        let Opened { link, asking, status } = Opened::towards(&place, name, crew.interface(), console)?;
        crew.receive(link, asking, status, true)?;
        Ok(Way::Asked(place))
    }

    /// Lists several senders to choose from: in the window too, where there is one.
    fn offer(&self, state: &mut State, several: &[Found]) -> Result<()> {
        let names: Vec<String> = several.iter().map(|found| found.instance.clone()).collect();
        if !self.crew.shared.feeds.have_window() {
            bail!(
                "there are several senders: {}; name those to be shown, such as: receiver {}",
                names.join(", "),
                as_shell_word(&names[0])
            );
        }
        if names != state.offered {
            self.crew.shared.console.say(format_args!("several senders: {}", names.join(", ")));
            let example = as_shell_word(&names[0]);
            self.crew
                .shared
                .console
                .say(format_args!("choose in the window, or by name: receiver {example}"));
            state.offered = names;
        }
        Ok(())
    }

    /// Says once, after a while, that nobody was found; returns when it is time to.
    fn say_nobody(&self, state: &mut State, names: &[&str], now: Instant) -> Option<Instant> {
        let due = self.began + PATIENCE;
        if state.has_said_nobody {
            return None;
        }
        if now < due {
            return Some(due);
        }
        state.has_said_nobody = true;
        let whom = if names.is_empty() {
            "no sender".to_owned()
        } else {
            format!("no sender called {}", names.join(", "))
        };
        self.crew.shared.console.say(format_args!(
            "{whom} was found yet; still looking. Where multicast DNS is blocked: receiver --connect HOST"
        ));
        None
    }
}

impl Taken {
    /// One that is received nowhere yet.
    fn nowhere(found: &Found) -> Self {
        Self { instance: found.instance.clone(), place: None, groups: Vec::new() }
    }

    /// Whether what this sender says of itself leads to where it is received.
    fn is_received(&self, found: &Found) -> bool {
        match found.group {
            Some(group) => self.groups.contains(&group),
            None => self.place.is_some(),
        }
    }
}

impl Failed {
    /// Whether there is hope again.
    fn is_due(&self, found: &Found, now: Instant) -> bool {
        let has_changed = (&found.addresses, found.group) != (&self.found.addresses, self.found.group);
        has_changed || self.again <= now
    }
}

impl State {
    /// When somebody is tried again who could not be received and is still there.
    fn next_try(&self) -> Option<Instant> {
        let is_there =
            |failed: &&Failed| self.found.iter().any(|found| found.instance == failed.found.instance);
        self.failed.iter().filter(is_there).map(|failed| failed.again).min()
    }

    /// Whether a sender of this name is received, or it was said why not.
    fn has(&self, name: &str) -> bool {
        let instances = self.taken.iter().map(|taken| &taken.instance);
        let mut instances = instances.chain(self.failed.iter().map(|failed| &failed.found.instance));
        let is_it = |instance: &String, found: &Found| {
            *instance == found.instance && (found.name == name || found.instance == name)
        };
        instances.any(|instance| instance == name || self.found.iter().any(|found| is_it(instance, found)))
    }
}

/// Who is called so: the one that nobody else is called like, or else the first.
fn called<'a>(name: &str, found: &'a [Found]) -> Option<&'a Found> {
    let exact = found.iter().find(|found| found.instance == name);
    exact.or_else(|| found.iter().find(|found| found.name == name))
}

/// Where a found sender can be seen, in words.
pub(crate) fn whereabouts(found: &Found) -> String {
    let text = |address: &SocketAddr| address.to_string();
    found.group.as_ref().or_else(|| found.addresses.first()).map_or_else(String::new, text)
}

/// How long others are waited for after the first sender was found: answers to one question come within this, also from
/// computers that are busy.
const GATHER: Duration = Duration::from_millis(500);
/// A network that comes up is there within this, and a message of it is no news to who waits.
const TRY_AGAIN: Duration = Duration::from_secs(3);
/// Groups that one sender has been in; each is a socket and a thread.
const MOST_GROUPS: usize = 4;
/// After so long without anybody, people wonder.
const PATIENCE: Duration = Duration::from_secs(3);
