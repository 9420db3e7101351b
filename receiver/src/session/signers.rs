//! Whose pictures are signed, by the names of their senders.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::app::keys::SignerStore;
use proto::names::printable;
use proto::wire::Signer;

use crate::sync::lock;

/// What all receiving threads know of who signs.
pub(crate) struct Signers {
    store: Mutex<SignerStore>,
    is_empty: AtomicBool,
}

impl Signers {
    /// With those of the store.
    pub(crate) fn new(store: SignerStore) -> Self {
        Self { is_empty: AtomicBool::new(store.is_empty()), store: Mutex::new(store) }
    }

    /// Whether nobody ever signed.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty.load(Ordering::Relaxed)
    }

    /// Who signed under this name before.
    pub(super) fn signer_of(&self, name: &str) -> Option<Signer> {
        if self.is_empty() { None } else { lock(&self.store).signer_of(name) }
    }

    /// A sender of this name has signed a picture.
    pub(super) fn learn(&self, name: &str, signer: Signer) {
        let mut store = lock(&self.store);
        if name.is_empty() || store.signer_of(name).is_some() {
            return;
        }
        let name_shown = printable(name);
        match store.keep(name, signer) {
            Ok(()) => tracing::info!(
                "the pictures of {name_shown:?} are signed by {signer}; nobody else's are shown under that name"
            ),
            Err(error) => tracing::warn!("{error:#}"),
        }
        self.is_empty.store(false, Ordering::Relaxed);
    }
}
