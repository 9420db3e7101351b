//! Where a sender is that is asked for its pictures.

use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use proto::sys::Event;

use crate::sync::lock;

/// Where a sender is to be asked, or its group joined. Whoever finds it elsewhere says so here; that is a hint, and what is
/// heard outweighs it.
#[derive(Debug)]
pub(crate) struct Target {
    /// The best first; not all need lead to it from here.
    addresses: Mutex<Vec<SocketAddr>>,
    /// The group that it sends to now, if it is not asked.
    group: Mutex<Option<SocketAddr>>,
    /// What it calls itself, where that is known.
    name: Mutex<Option<String>>,
    /// Who says that he is there now instead.
    claim: Mutex<Option<Claim>>,
    /// Where it was last heard, and when.
    heard: Mutex<Option<(SocketAddr, Instant)>>,
    /// Raised when it is heard for the first time, or elsewhere than before.
    bell: Option<Event>,
    /// Who looks for it elsewhere when it is not heard there; `None` if that needs no asking.
    seeker: Option<SyncSender<()>>,
}

/// Another sender that is said to be at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
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
        Arc::new(Self { group: Mutex::new(Some(group)), bell: Some(bell), ..Self::at(&[group]) })
    }

    fn at(addresses: &[SocketAddr]) -> Self {
        assert!(!addresses.is_empty(), "a sender without an address cannot be asked");
        Self {
            addresses: Mutex::new(addresses.to_vec()),
            group: Mutex::default(),
            name: Mutex::default(),
            claim: Mutex::default(),
            heard: Mutex::default(),
            bell: None,
            seeker: None,
        }
    }

    /// It is to be found at these now. Without any, it is asked where it was. Says whether it is at none any more where it
    /// was.
    pub(crate) fn move_to(&self, addresses: &[SocketAddr]) -> bool {
        if addresses.is_empty() {
            return false;
        }
        let mut known = lock(&self.addresses);
        let has_moved = !known.iter().any(|address| addresses.contains(address));
        addresses.clone_into(&mut known);
        has_moved
    }

    /// All of its addresses, the best first.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        lock(&self.addresses).clone()
    }

    /// It sends to this group now.
    pub(crate) fn move_to_group(&self, group: SocketAddr) {
        *lock(&self.group) = Some(group);
    }

    /// The group that it sends to now, if it is not asked.
    pub(crate) fn group(&self) -> Option<SocketAddr> {
        *lock(&self.group)
    }

    /// It calls itself so.
    pub(crate) fn set_name(&self, name: &str) {
        let mut known = lock(&self.name);
        if known.as_deref() != Some(name) {
            *known = Some(name.to_owned());
        }
    }

    /// Whether who is heard there, and calls himself so, must be another one.
    pub(super) fn is_anothers(&self, name: &str) -> bool {
        !name.is_empty() && lock(&self.name).as_deref().is_some_and(|own| own != name)
    }

    /// Another sender is said to be there now, or it is its own again.
    pub(crate) fn set_claim(&self, claim: Option<Claim>) {
        *lock(&self.claim) = claim;
    }

    /// Who is said to be there now instead, if somebody is.
    pub(super) fn claim(&self) -> Option<Claim> {
        lock(&self.claim).clone()
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

    /// It is not heard: whoever can is to find out where it is now.
    pub(super) fn seek(&self) {
        if let Some(seeker) = &self.seeker {
            // Who is at it already need not be asked again.
            let _ = seeker.try_send(());
        }
    }

    /// The best of its addresses.
    pub(crate) fn address(&self) -> SocketAddr {
        lock(&self.addresses)[0]
    }

    /// Where it is if it is not at `at`: one that took its place, or if it is still said to be there, the next one. `None` if
    /// there is no other that a socket of this family leads to.
    pub(super) fn instead_of(&self, at: SocketAddr) -> Option<SocketAddr> {
        let addresses = lock(&self.addresses);
        let next = addresses.iter().position(|&address| address == at).map_or(0, |known| known + 1);
        let (before, behind) = addresses.split_at(next);
        let mut others = behind.iter().chain(before);
        others.find(|other| other.is_ipv4() == at.is_ipv4() && **other != at).copied()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.addresses).len()
    }

    /// Whether that is one of its addresses.
    pub(super) fn is_at(&self, at: SocketAddr) -> bool {
        lock(&self.addresses).contains(&at)
    }
}
