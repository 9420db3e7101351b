//! Finds senders on this network by multicast DNS (RFC 6762, RFC 6763).

mod address;
mod list;

pub use list::list;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use proto::SessionId;
use proto::host::{Announcement, SERVICE, printable};

use crate::feed::lock;

/// A sender that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The name that no other sender on this network has: its own, or with a number behind it.
    pub instance: String,
    /// What people call it.
    pub name: String,
    /// Width and height of its picture in pixels, once that is known.
    pub size: Option<(u16, u16)>,
    /// Pictures per second, where that is known.
    pub fps: Option<f64>,
    /// Its session: another one, and it was restarted.
    pub session: SessionId,
    /// Where it can be asked, the best first; empty if it sends to a group only.
    pub addresses: Vec<SocketAddr>,
    /// The group that it sends to, if it does.
    pub group: Option<SocketAddr>,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A sender is new.
    Found(Found),
    /// One says something else of itself, or more addresses of it are known.
    Changed(Found),
    /// One has ended, or was not heard for so long that it must have. One that was killed is missed only after two
    /// minutes: whether pictures come says more.
    Gone(Found),
}

/// Looks for senders until it is dropped.
pub struct Browser {
    found: Arc<Mutex<BTreeMap<String, Found>>>,
    daemon: ServiceDaemon,
    thread: Option<JoinHandle<()>>,
}

impl Browser {
    /// Looks by this interface, or by all. `on_change` is called on a thread of its own; it must not wait for long.
    ///
    /// # Errors
    /// If the system gives no sockets or threads.
    pub fn start(interface: Option<&str>, on_change: impl FnMut(Change) + Send + 'static) -> Result<Self> {
        let daemon = ServiceDaemon::new().context(CANNOT)?;
        if let Some(name) = interface {
            daemon.disable_interface(IfKind::All).context(CANNOT)?;
            daemon.enable_interface(name).context(CANNOT)?;
        }
        let events = daemon.browse(SERVICE).context(CANNOT)?;
        let found = Arc::new(Mutex::new(BTreeMap::new()));
        let work = {
            let found = Arc::clone(&found);
            move || follow(&events, &found, on_change)
        };
        let thread = std::thread::Builder::new().name("discover".into()).spawn(work);
        let thread = Some(thread.context("cannot start the discover thread")?);
        Ok(Self { found, daemon, thread })
    }

    /// Those that are there now, by name.
    pub fn list(&self) -> Vec<Found> {
        let mut all: Vec<Found> = lock(&self.found).values().cloned().collect();
        all.sort_by(|a, b| (&a.name, &a.instance).cmp(&(&b.name, &b.instance)));
        all
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It answers when it has ended, and ends the channel that the thread reads.
        let ended = self.daemon.shutdown().is_ok_and(|done| done.recv_timeout(END_WITHIN).is_ok());
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            let _ = thread.join();
        }
    }
}

/// Takes in what is found, as fast as it comes: who is slow is cut off.
fn follow(
    events: &Receiver<ServiceEvent>,
    found: &Mutex<BTreeMap<String, Found>>,
    mut on_change: impl FnMut(Change),
) {
    while let Ok(event) = events.recv() {
        let change = match event {
            ServiceEvent::ServiceResolved(service) => resolved(&service, &mut lock(found)),
            ServiceEvent::ServiceRemoved(_, name) => lock(found).remove(&name).map(Change::Gone),
            _ => None,
        };
        if let Some(change) = change {
            on_change(change);
        }
    }
}

/// Takes in what was found of one sender; the same may come several times, with ever more addresses.
fn resolved(service: &ResolvedService, all: &mut BTreeMap<String, Found>) -> Option<Change> {
    let strings = service.txt_properties.iter().map(|p| (p.key(), p.val().unwrap_or_default()));
    let Announcement { name, size, fps, session, group } = Announcement::from_txt(strings).ok()?;
    let addresses = match service.port {
        0 => Vec::new(),
        port => address::usable(&service.addresses, port),
    };
    let instance = service.fullname.strip_suffix(SERVICE).unwrap_or(&service.fullname);
    let instance = printable(instance.strip_suffix('.').unwrap_or(instance));
    let sender = Found { instance, name, size, fps, session, addresses, group };
    let has_room = all.len() < MOST_SENDERS;
    match all.entry(service.fullname.clone()) {
        Entry::Occupied(known) if *known.get() == sender => None,
        Entry::Occupied(mut known) => {
            known.insert(sender.clone());
            Some(Change::Changed(sender))
        }
        Entry::Vacant(place) if has_room => {
            place.insert(sender.clone());
            Some(Change::Found(sender))
        }
        Entry::Vacant(_) => None,
    }
}

const CANNOT: &str = "cannot look for senders by multicast DNS";
/// More than a network of people has; whoever makes up more is not listened to.
const MOST_SENDERS: usize = 256;
/// It wakes up at once.
const END_WITHIN: Duration = Duration::from_millis(500);
