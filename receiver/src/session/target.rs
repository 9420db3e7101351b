//! Where the sender is at which to subscribe.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::RateLimiter;
use proto::sys::Event;

use super::identity::is_same_name;
use crate::sync::lock;

/// Where to subscribe at a sender, or to join its group. Whoever finds it elsewhere says so here; that is a hint, and
/// what is heard outweighs it.
#[derive(Debug)]
pub(crate) struct Target {
    hints: Mutex<Hints>,
    /// How often they were changed.
    changes: AtomicU64,
    /// Where it was last heard, and when.
    heard: Mutex<Option<(SocketAddr, Instant)>>,
    /// Raised when it is heard for the first time, or elsewhere than before.
    bell: Option<Event>,
    /// What looks for it elsewhere when it is not heard there; `None` if nothing does.
    seeker: Option<SyncSender<()>>,
}

/// What is said of where a sender is.
#[derive(Clone, Debug)]
pub(super) struct Hints {
    /// The best first; not all need lead to it from here.
    addresses: Vec<SocketAddr>,
    /// The group that it sends to now, if that is joined.
    pub(super) group: Option<SocketAddr>,
    /// What it calls itself; empty where that is not known.
    name: String,
    /// Who says that he is there now instead.
    pub(super) claim: Option<AddressConflict>,
}

/// A target as the thread sees it that receives from it. It looks at each datagram, and what it sees rarely changes.
pub(super) struct TargetView {
    target: Arc<Target>,
    hints: Hints,
    changes: u64,
    /// When it was last said that it is heard.
    told: RateLimiter,
}

/// Another sender that is said to be at a target's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressConflict {
    /// What it calls itself, which is to be heard from there.
    pub(crate) name: String,
    /// What is to be said of it.
    pub(crate) why: String,
}

impl Target {
    /// There, at one of these addresses, the best first.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn new(addresses: &[SocketAddr]) -> Arc<Self> {
        Arc::new(Self::at(addresses))
    }

    /// The same of a sender that `seeker` is asked to find again when it is not heard.
    ///
    /// # Panics
    /// If there is no address.
    pub(crate) fn of_named(addresses: &[SocketAddr], seeker: SyncSender<()>) -> Arc<Self> {
        Arc::new(Self { seeker: Some(seeker), ..Self::at(addresses) })
    }

    /// The same of a sender that was found; `bell` is raised when it is heard.
    ///
    /// # Panics
    /// If there is no address.
    pub(crate) fn of_found(addresses: &[SocketAddr], bell: Event) -> Arc<Self> {
        Arc::new(Self { bell: Some(bell), ..Self::at(addresses) })
    }

    /// A group that a sender that was found sends to.
    pub(crate) fn of_group(group: SocketAddr, bell: Event) -> Arc<Self> {
        let target = Self { bell: Some(bell), ..Self::at(&[group]) };
        target.move_to_group(group);
        Arc::new(target)
    }

    fn at(addresses: &[SocketAddr]) -> Self {
        assert!(!addresses.is_empty(), "a sender needs an address");
        let hints = Hints { addresses: addresses.to_vec(), group: None, name: String::new(), claim: None };
        Self {
            hints: Mutex::new(hints),
            changes: AtomicU64::new(0),
            heard: Mutex::default(),
            bell: None,
            seeker: None,
        }
    }

    /// It is to be found at these now. Without any, it is sought where it was. Says whether it is at none any more
    /// where it was.
    pub(crate) fn move_to(&self, addresses: &[SocketAddr]) -> bool {
        if addresses.is_empty() {
            return false;
        }
        let mut has_moved = false;
        self.change(|hints| {
            has_moved = !hints.addresses.iter().any(|address| addresses.contains(address));
            addresses.clone_into(&mut hints.addresses);
        });
        has_moved
    }

    /// It sends to this group now.
    pub(crate) fn move_to_group(&self, group: SocketAddr) {
        self.change(|hints| hints.group = Some(group));
    }

    /// It calls itself so.
    pub(crate) fn set_name(&self, name: &str) {
        self.change(|hints| name.clone_into(&mut hints.name));
    }

    /// Another sender is said to be there now, or it is its own again.
    pub(crate) fn set_claim(&self, claim: Option<AddressConflict>) {
        self.change(|hints| hints.claim = claim);
    }

    fn change(&self, change: impl FnOnce(&mut Hints)) {
        change(&mut lock(&self.hints));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// All of its addresses, the best first.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        lock(&self.hints).addresses.clone()
    }

    /// The best of its addresses.
    pub(crate) fn address(&self) -> SocketAddr {
        lock(&self.hints).addresses[0]
    }

    /// The group that it sends to now, if that is joined.
    pub(crate) fn group(&self) -> Option<SocketAddr> {
        lock(&self.hints).group
    }

    /// It was heard there.
    pub(crate) fn note_heard(&self, at: SocketAddr, now: Instant) {
        let before = lock(&self.heard).replace((at, now));
        if before.is_none_or(|(before, _)| before != at)
            && let Some(bell) = &self.bell
        {
            bell.raise();
        }
    }

    /// Where it was last heard, and when, to a fraction of a second.
    pub(crate) fn heard(&self) -> Option<(SocketAddr, Instant)> {
        *lock(&self.heard)
    }
}

impl Hints {
    /// Where it is if it is not at `at`: one that replaces it, or if it is still said to be there, the next one. `None`
    /// if there is no other that a socket of this family leads to.
    pub(super) fn instead_of(&self, at: SocketAddr) -> Option<SocketAddr> {
        let next = self.addresses.iter().position(|&address| address == at).map_or(0, |known| known + 1);
        let (before, behind) = self.addresses.split_at(next);
        let mut others = behind.iter().chain(before);
        others.find(|other| other.is_ipv4() == at.is_ipv4() && **other != at).copied()
    }

    /// How many addresses there are.
    pub(super) fn count(&self) -> usize {
        self.addresses.len()
    }

    /// Whether that is one of its addresses.
    pub(super) fn is_at(&self, at: SocketAddr) -> bool {
        self.addresses.contains(&at)
    }

    /// Whether who is heard there, and calls himself so, must be another one.
    pub(super) fn is_anothers(&self, name: &str) -> bool {
        is_same_name(&self.name, name) == Some(false)
    }
}

impl TargetView {
    pub(super) fn new(target: Arc<Target>) -> Self {
        let changes = target.changes.load(Ordering::Acquire);
        let hints = lock(&target.hints).clone();
        Self { target, hints, changes, told: RateLimiter::new(TELL_EVERY) }
    }

    /// What is said of it now.
    pub(super) fn hints(&mut self) -> &Hints {
        let changes = self.target.changes.load(Ordering::Acquire);
        if changes != self.changes {
            self.changes = changes;
            self.hints.clone_from(&lock(&self.target.hints));
        }
        &self.hints
    }

    /// It was heard there, at `heard`. That is told now and then.
    pub(super) fn note_heard(&mut self, at: SocketAddr, heard: Instant, now: Instant) {
        if self.told.is_due(now) {
            self.target.note_heard(at, heard);
        }
    }

    /// What it calls itself; empty where that is not known.
    pub(super) fn name(&self) -> String {
        self.hints.name.clone()
    }

    /// It is not heard: whoever can is to find out where it is now.
    pub(super) fn seek(&self) {
        if let Some(seeker) = &self.target.seeker {
            // One that is at it already need not be told again.
            let _ = seeker.try_send(());
        }
    }

    /// It is to be found at this group after all.
    pub(super) fn stay_at(&self, group: SocketAddr) {
        self.target.move_to_group(group);
    }
}

/// How often it is told that it is heard.
const TELL_EVERY: Duration = Duration::from_millis(200);
