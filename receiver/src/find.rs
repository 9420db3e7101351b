//! Finds senders by multicast DNS, and decides which are shown: those that were named; or, if none was, the only one there
//! is. Of several, a person chooses.

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
    /// When the first of them was found.
    first: Option<Instant>,
    /// Those who are received, or could not be.
    taken: Vec<Taken>,
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
            let until = self.decide(&mut state, browser.list(), Instant::now())?;
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
        chosen.iter().for_each(|found| self.take(state, found));
        for taken in &state.taken {
            let moved = found.iter().find(|found| found.instance == taken.instance);
            if let (Some(place), Some(moved)) = (&taken.place, moved) {
                place.move_to(&moved.addresses);
            }
        }
        if !self.names.is_empty() {
            for name in &self.names {
                let is_named = |found: &&Found| &found.instance == name || &found.name == name;
                let exact = found.iter().find(|found| &found.instance == name);
                if let Some(found) = exact.or_else(|| found.iter().find(is_named)) {
                    self.take(state, found);
                }
            }
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
                        self.take(state, only);
                    }
                    several => self.offer(state, several)?,
                }
                Ok(None)
            }
        }
    }

    /// Has a sender received, unless it is already.
    fn take(&self, state: &mut State, found: &Found) {
        if state.taken.iter().any(|taken| taken.instance == found.instance) {
            return;
        }
        let place = self.receive(found).unwrap_or_else(|error| {
            self.crew.shared.console.warn(format_args!("{} is not shown: {error:#}", found.name));
            None
        });
        state.taken.push(Taken { instance: found.instance.clone(), place });
    }

    /// Joins its group, or asks it; returns where it is asked.
    fn receive(&self, found: &Found) -> Result<Option<Arc<Place>>> {
        let (crew, console) = (&self.crew, &self.crew.shared.console);
        let name = &found.name;
        if let Some(group) = found.group {
            let link = Link::open(group, crew.interface(), console)?;
            let status = Status::new("listening on", format!("{group} for {name}"));
            crew.receive(link, None, status, true)?;
            return Ok(None);
        }
        if found.addresses.is_empty() {
            bail!("it says no address at which it can be asked");
        }
        let place = Place::new(&found.addresses);
        let Opened { link, asking, status } = Opened::towards(&place, name, crew.interface(), console)?;
        crew.receive(link, asking, status, true)?;
        Ok(Some(place))
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

impl State {
    /// Whether a sender of this name is received.
    fn has(&self, name: &str) -> bool {
        let is_it = |taken: &Taken, found: &Found| {
            taken.instance == found.instance && (found.name == name || found.instance == name)
        };
        self.taken
            .iter()
            .any(|taken| taken.instance == name || self.found.iter().any(|found| is_it(taken, found)))
    }
}

/// Where a found sender can be seen, in words.
pub(crate) fn whereabouts(found: &Found) -> String {
    let text = |address: &SocketAddr| address.to_string();
    found.group.as_ref().or_else(|| found.addresses.first()).map_or_else(String::new, text)
}

/// How long others are waited for after the first sender was found: answers to one question come within this, also from
/// computers that are busy.
const GATHER: Duration = Duration::from_millis(500);
/// After so long without anybody, people wonder.
const PATIENCE: Duration = Duration::from_secs(3);
