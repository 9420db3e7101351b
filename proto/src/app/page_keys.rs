//! The keys that open a program's pages.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::keys::Key;

/// The keys that open a program's pages, each of them all; without any they are open to everybody. Cheap to clone;
/// every clone is the same keys.
#[derive(Clone, Debug, Default)]
pub struct PageKeys {
    all: Arc<RwLock<Vec<Key>>>,
}

impl PageKeys {
    /// Adds one. Who watches without a key is asked for one from then on.
    pub fn add(&self, key: Key) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if all.iter().all(|known| known.id() != key.id()) {
            all.push(key);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.read().len()
    }

    /// Whether one of them was made of this code or phrase. All are compared, whichever it is.
    pub fn is_one_made_of(&self, text: &str) -> bool {
        self.read().iter().fold(false, |is, key| key.is_made_of(text) | is)
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Key>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<Key> for PageKeys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let all = Self::default();
        keys.into_iter().for_each(|key| all.add(key));
        all
    }
}
