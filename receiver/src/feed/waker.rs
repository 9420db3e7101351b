//! Wakes the window, whatever it waits by.

use std::sync::Arc;

/// Wakes the window from any thread. Cheap to clone; after the window is gone it does nothing.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// One that does this; it must not wait.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Makes the window look into its mailbox now.
    pub fn wake(&self) {
        (self.0)();
    }
}
