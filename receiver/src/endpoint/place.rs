//! Where a sender is that is asked for its pictures.

use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

use crate::feed::lock;

/// Where a sender is to be asked. Whoever finds it elsewhere says so here.
#[derive(Debug)]
pub struct Place {
    /// The best first; not all need lead to it from here.
    addresses: Mutex<Vec<SocketAddr>>,
    /// Why it is not asked there, if another sender is there now.
    anothers: Mutex<Option<String>>,
    /// Who looks for it elsewhere when it is not heard there; `None` if that needs no asking.
    seeker: Option<SyncSender<()>>,
}

impl Place {
    /// There, at one of these addresses, the best first.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(addresses: &[SocketAddr]) -> Arc<Self> {
        Arc::new(Self::at(addresses, None))
    }

    /// The same of a sender that `seeker` is asked to find again when it is not heard.
    ///
    /// # Panics
    /// If there is no address.
    pub(crate) fn of_named(addresses: &[SocketAddr], seeker: SyncSender<()>) -> Arc<Self> {
        Arc::new(Self::at(addresses, Some(seeker)))
    }

    fn at(addresses: &[SocketAddr], seeker: Option<SyncSender<()>>) -> Self {
        assert!(!addresses.is_empty(), "a sender without an address cannot be asked");
        Self { addresses: Mutex::new(addresses.to_vec()), anothers: Mutex::default(), seeker }
    }

    /// It is to be found at these now. Without any, it is asked where it was. Says whether it is at none any more where it
    /// was.
    pub fn move_to(&self, addresses: &[SocketAddr]) -> bool {
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

    /// Another sender is there now, as `why` says, and none is asked; or it is its own again. Returns whether that is new.
    pub(crate) fn set_anothers(&self, why: Option<String>) -> bool {
        let mut anothers = lock(&self.anothers);
        let is_new = *anothers != why;
        *anothers = why;
        is_new
    }

    /// Why it is not to be asked there, if another sender is there now.
    pub(super) fn anothers(&self) -> Option<String> {
        lock(&self.anothers).clone()
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

    /// Whether that is one of its addresses.
    pub(super) fn is_at(&self, at: SocketAddr) -> bool {
        lock(&self.addresses).contains(&at)
    }
}
