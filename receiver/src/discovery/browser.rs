//! Finds senders on this network by multicast DNS (RFC 6762, RFC 6763).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result};
use proto::discovery::mdns::{Cache, HeardService, Message, Name, strings};
use proto::discovery::{Announcement, Mark, SERVICE};
use proto::names::printable;
use proto::sys::mdns::{Ready, Sockets};
use proto::sys::{Event, Networks};
use proto::wire::KeyId;

use super::address;
use crate::sync::lock;

/// A sender that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSender {
    /// The name that no other sender on this network has: its own, or with a number behind it. That nobody else has it
    /// is what senders agree upon; who does not keep to that has it too.
    pub instance: String,
    /// What people call it.
    pub name: String,
    /// Width and height of its picture in pixels, once that is known.
    pub size: Option<(u16, u16)>,
    /// Pictures per second, where that is known.
    pub fps: Option<f64>,
    /// Of which of its sessions this is: another one, and it was restarted. A hint, as all of this.
    pub mark: Mark,
    /// Where to subscribe, the best first; empty if it sends to a group only, or is in no network of ours.
    pub addresses: Vec<SocketAddr>,
    /// The group that it sends to, if it does.
    pub group: Option<SocketAddr>,
    /// The key that it says it is locked with.
    pub key: Option<KeyId>,
}

impl FoundSender {
    /// Whether a person may mean it by this name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.instance == name || self.name == name
    }
}

/// What has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum BrowserChange {
    /// A sender is new.
    Found(FoundSender),
    /// One says something else of itself, or more addresses of it are known.
    Changed(FoundSender),
    /// One has ended, or was not heard for so long that it must have. One that was killed is missed only after two
    /// minutes: whether pictures come says more.
    Gone(FoundSender),
}

/// Looks for senders until it is dropped.
pub struct Browser {
    shared: Arc<Mutex<BrowserState>>,
    end: Event,
    thread: Option<JoinHandle<()>>,
}

/// What the thread that looks has seen.
#[derive(Default)]
struct BrowserState {
    /// By their names and hosts.
    found: BTreeMap<(String, Vec<u8>), FoundSender>,
    trouble: Option<String>,
}

impl Browser {
    /// Looks by this interface, or by all. `on_change` is called on a thread of its own; it must not wait for long.
    ///
    /// # Errors
    /// If the system gives no sockets or threads.
    pub fn start(
        interface: Option<&str>,
        on_change: impl FnMut(BrowserChange) + Send + 'static,
    ) -> Result<Self> {
        Self::looking_for(&[], interface, on_change)
    }

    /// The same; those of these names are remembered rather than others, however many there are.
    ///
    /// # Errors
    /// If the system gives no sockets or threads.
    pub fn looking_for(
        names: &[String],
        interface: Option<&str>,
        on_change: impl FnMut(BrowserChange) + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::<Mutex<BrowserState>>::default();
        let end = Event::new().context(CANNOT)?;
        let service = Name::dotted(SERVICE).context(CANNOT)?;
        let cache = Cache::new(service, names, Instant::now());
        let sockets = Sockets::open(interface);
        let work = {
            let (shared, end) = (Arc::clone(&shared), end.clone());
            move || look(sockets, cache, &shared, &end, on_change)
        };
        let thread = std::thread::Builder::new().name("discover".into()).spawn(work);
        let thread = Some(thread.context("cannot start the discover thread")?);
        Ok(Self { shared, end, thread })
    }

    /// Those that are there now, by name.
    pub fn list(&self) -> Vec<FoundSender> {
        let mut all: Vec<FoundSender> = lock(&self.shared).found.values().cloned().collect();
        all.sort_by(|a, b| (&a.name, &a.instance).cmp(&(&b.name, &b.instance)));
        all
    }

    /// Why nobody can be found now, with the way out; `None` if all is well.
    pub fn trouble(&self) -> Option<String> {
        let trouble = lock(&self.shared).trouble.clone()?;
        Some(format!("{CANNOT}: {trouble}, or give the sender's address: receiver --connect HOST"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.end.raise();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes in what is announced, and asks, until it is to end.
fn look(
    mut sockets: Sockets,
    mut cache: Cache,
    shared: &Mutex<BrowserState>,
    end: &Event,
    mut on_change: impl FnMut(BrowserChange),
) {
    let (mut networks, mut was_flooded) = (Networks::now(), false);
    loop {
        // Of a flood not all is heard, and true senders may have been among it.
        let is_flooded = sockets.is_flooded();
        if std::mem::replace(&mut was_flooded, is_flooded) && !is_flooded {
            cache.ask_again(Instant::now());
        }
        let until = match cache.poll(Instant::now()) {
            Ok(question) => {
                sockets.say(|_, _| Some(question.clone()));
                continue;
            }
            Err(until) => until,
        };
        if cache.take_change() {
            let found: BTreeMap<_, _> =
                cache.all().iter().filter_map(|heard| found(heard, &networks)).collect();
            let before = std::mem::replace(&mut lock(shared).found, found.clone());
            changes(before, &found).into_iter().for_each(&mut on_change);
        }
        lock(shared).trouble = sockets.trouble();
        match sockets.wait(&[end.as_fd()], Some(until)) {
            Ok(Ready::Other) | Err(_) => return,
            Ok(Ready::Changed) => {
                networks = Networks::now();
                cache.interfaces_changed(Instant::now());
            }
            Ok(Ready::Go) => sockets.receive(|index, source, bytes| {
                if let Some(message) = Message::parse(bytes) {
                    cache.hear(index, source, &message, Instant::now());
                }
            }),
        }
    }
}

/// What was heard as a sender, with what tells it apart from all others; `None` if it is none.
fn found(heard: &HeardService, networks: &Networks) -> Option<((String, Vec<u8>), FoundSender)> {
    let Announcement { name, size, fps, mark, group, key } =
        Announcement::from_txt(strings(heard.text.as_deref()?)).ok()?;
    let addresses = match heard.port {
        0 => Vec::new(),
        port => address::usable(&heard.addresses, port, networks),
    };
    let instance = printable(&heard.label);
    let host = heard.host.labels().flatten().copied().collect();
    Some(((instance.clone(), host), FoundSender { instance, name, size, fps, mark, addresses, group, key }))
}

/// What is otherwise than before.
fn changes<K: Ord>(
    mut before: BTreeMap<K, FoundSender>,
    now: &BTreeMap<K, FoundSender>,
) -> Vec<BrowserChange> {
    let mut all = Vec::new();
    for (key, found) in now {
        match before.remove(key) {
            None => all.push(BrowserChange::Found(found.clone())),
            Some(known) if known != *found => all.push(BrowserChange::Changed(found.clone())),
            Some(_) => {}
        }
    }
    all.extend(before.into_values().map(BrowserChange::Gone));
    all
}

const CANNOT: &str = "cannot look for senders by multicast DNS";
