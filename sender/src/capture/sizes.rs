//! The size of the pictures, for announcements.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};

use proto::sys::Event;

/// Where the size of the newest picture is put when it has changed. It is a file descriptor that is readable then.
#[derive(Debug)]
pub(crate) struct Sizes {
    state: Mutex<(Option<(u16, u16)>, bool)>,
    changed: Event,
}

impl Sizes {
    /// None is known yet.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { state: Mutex::default(), changed: Event::new()? })
    }

    /// It is this now.
    pub(crate) fn put(&self, size: (u16, u16)) {
        self.set(|state| state.0 = Some(size));
    }

    /// Says that there will be no other.
    pub(crate) fn close(&self) {
        self.set(|state| state.1 = true);
    }

    fn set(&self, set: impl FnOnce(&mut (Option<(u16, u16)>, bool))) {
        set(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.raise();
    }

    /// The newest, and whether it is the last.
    pub(crate) fn take(&self) -> (Option<(u16, u16)>, bool) {
        self.changed.clear();
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Sizes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changed.as_fd()
    }
}
