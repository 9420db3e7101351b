//! The newest statistics, for the web server.

use std::sync::{Arc, Mutex, PoisonError};

/// Holds the newest statistics as JSON. Cheap to clone; every clone is the same one.
#[derive(Clone, Debug)]
pub struct LatestStats {
    text: Arc<Mutex<Arc<str>>>,
}

impl Default for LatestStats {
    fn default() -> Self {
        Self { text: Arc::new(Mutex::new("{}".into())) }
    }
}

impl LatestStats {
    /// What it says now: a JSON object, empty before the first report.
    pub fn read(&self) -> Arc<str> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn post(&self, text: &str) {
        let text = text.into();
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}
