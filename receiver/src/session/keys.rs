//! The keys that all receiving threads know, and which senders want one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use proto::RateLimiter;
use proto::app::PageKeys;
use proto::app::keys::{KeyStore, TypedKey, hold_secret};
use proto::keys::{Key, KeyId};
use proto::names::printable;
use proto::sys::Event;

use crate::sync::lock;

/// The keys of this receiver. Those that are typed while it runs are added, and kept by the sender's name.
pub struct Keyring {
    keys: Mutex<Vec<Key>>,
    /// The same, as they open the pages.
    pages: PageKeys,
    /// How many there are: who has fewer looks.
    count: AtomicUsize,
    /// Whether only what is sealed is shown: keys were given for it.
    pub(super) is_strict: bool,
    store: Mutex<Option<KeyStore>>,
    has_names: AtomicBool,
    /// What was typed last, until the program ends: the sender's name is known only once it is opened.
    typed: Mutex<Option<TypedKey>>,
    /// How else a code is given than at the start.
    pub(super) way_in: &'static str,
    /// Raised when a sender's key turns out not to be known.
    pub(crate) bell: Event,
    /// Senders whose key is not known, and when that was last noticed.
    locked: Mutex<BTreeMap<KeyId, Instant>>,
    complaints: Mutex<RateLimiter>,
}

impl Keyring {
    /// With these keys, that were given, and those of the store; more are typed in the window, if there is one.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn new(given: Vec<Key>, store: Option<KeyStore>, has_window: bool) -> Result<Self> {
        let is_strict = !given.is_empty();
        let mut keys = given;
        if let Some(store) = &store {
            keys.extend(store.keys());
        }
        let keyring = Self {
            count: AtomicUsize::new(0),
            keys: Mutex::default(),
            pages: PageKeys::default(),
            is_strict,
            has_names: AtomicBool::new(store.as_ref().is_some_and(|store| !store.is_empty())),
            store: Mutex::new(store),
            typed: Mutex::default(),
            way_in: if has_window { ", or press k in the window and type it" } else { "" },
            bell: Event::new()?,
            locked: Mutex::default(),
            complaints: Mutex::new(RateLimiter::new(COMPLAIN_EVERY)),
        };
        keys.into_iter().for_each(|key| keyring.add(key));
        Ok(keyring)
    }

    /// What opens the pages: all keys, since what one of them opens may be seen there.
    pub(crate) fn pages(&self) -> PageKeys {
        self.pages.clone()
    }

    /// All of them, if there are more than `known`.
    pub(super) fn newer_than(&self, known: usize) -> Option<Vec<Key>> {
        (self.count.load(Ordering::Acquire) > known).then(|| lock(&self.keys).clone())
    }

    /// Takes what was typed: a code or a phrase. It is kept once it has opened a sender.
    ///
    /// # Errors
    /// If it is no key, or not the one that `wanted` is the id of.
    pub(crate) fn enter(&self, text: &str, wanted: Option<KeyId>) -> Result<()> {
        let typed = TypedKey::read(text)?;
        let key = typed.key().clone();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != key.id()) {
            bail!("that is another key ({}) than the sender's ({wanted})", key.id());
        }
        lock(&self.locked).remove(&key.id());
        *lock(&self.typed) = Some(typed);
        self.add(key);
        Ok(())
    }

    /// A sender of this name was opened by a key: one that was typed is kept for it.
    pub(super) fn remember(&self, name: &str, key: KeyId) {
        let typed = lock(&self.typed).clone();
        let Some(typed) = typed.filter(|typed| typed.key().id() == key) else { return };
        let mut store = lock(&self.store);
        let Some(store) = &mut *store else { return };
        if name.is_empty() || store.key_of(name) == Some(key) {
            return;
        }
        match store.keep(name, typed) {
            Ok(()) => tracing::info!(
                "the key of {:?} is kept, and who has that name has to have it",
                printable(name)
            ),
            Err(error) => tracing::warn!("{error:#}"),
        }
        self.has_names.store(true, Ordering::Relaxed);
    }

    /// Whether the sender of this name was opened by a key before, so that who has the name without it is another one.
    pub(super) fn wants_key(&self, name: &str) -> bool {
        lock(&self.store).as_ref().is_some_and(|store| store.key_of(name).is_some())
    }

    /// Whether any name had a key.
    pub(super) fn has_names(&self) -> bool {
        self.has_names.load(Ordering::Relaxed)
    }

    /// Notes that a sender has a key that is not known; says whether that is to be spoken of.
    pub(super) fn note_locked(&self, key: KeyId, now: Instant) -> bool {
        let mut locked = lock(&self.locked);
        locked.retain(|_, noticed| now.saturating_duration_since(*noticed) < FORGOTTEN_AFTER);
        if locked.len() < MOST_LOCKED || locked.contains_key(&key) {
            locked.insert(key, now);
            self.bell.raise();
        }
        lock(&self.complaints).is_due(now)
    }

    /// The key that some sender there wants, if one does.
    pub(crate) fn wanted(&self) -> Option<KeyId> {
        let now = Instant::now();
        let locked = lock(&self.locked);
        let fresh =
            locked.iter().filter(|(_, noticed)| now.saturating_duration_since(**noticed) < FORGOTTEN_AFTER);
        fresh.max_by_key(|(_, noticed)| **noticed).map(|(key, _)| *key)
    }

    fn add(&self, key: Key) {
        let mut keys = lock(&self.keys);
        if keys.iter().any(|known| known.id() == key.id()) {
            return;
        }
        if keys.is_empty() {
            hold_secret();
        }
        self.pages.add(key.clone());
        keys.push(key);
        self.count.store(keys.len(), Ordering::Release);
    }
}

/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// It says hello many times in it.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3);
/// Whoever makes up ids fills no memory.
const MOST_LOCKED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_made_up_fill_no_memory_and_are_soon_forgotten() {
        let keyring = Keyring::new(Vec::new(), None, false).unwrap();
        let now = Instant::now();
        let made_up = |number: u64| KeyId::new(number.to_be_bytes());
        for number in 0..1000 {
            keyring.note_locked(made_up(number), now);
        }
        assert_eq!(lock(&keyring.locked).len(), MOST_LOCKED);
        keyring.note_locked(made_up(1000), now + FORGOTTEN_AFTER);
        assert_eq!(lock(&keyring.locked).len(), 1);
    }
}
