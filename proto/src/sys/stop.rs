//! The request to stop, which every thread listens to.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::event::{Event, wait_until};

/// Asks all threads to end. Cheap to clone; every clone is the same request.
///
/// It is a file descriptor that becomes readable, so that a thread can wait for it and for its own input at once.
#[derive(Clone, Debug)]
pub struct Stop {
    wake: Event,
}

impl Stop {
    /// A request that was not made yet.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { wake: Event::new()? })
    }

    /// Makes the request.
    pub fn request(&self) {
        self.wake.raise();
    }

    /// Whether it was made.
    pub fn is_requested(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits at most `wait` for the request; says whether it was made.
    pub fn wait(&self, wait: Duration) -> bool {
        self.wake.wait(wait)
    }

    /// Waits until `file` can be read or has ended, or the request is made; says whether it was made.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn wait_for_input(&self, file: BorrowedFd<'_>) -> std::io::Result<bool> {
        let mut files =
            [PollFd::new(&self.wake, PollFlags::IN), PollFd::from_borrowed_fd(file, PollFlags::IN)];
        wait_until(&mut files, None)?;
        Ok(!files[0].revents().is_empty())
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_seen_by_every_clone_and_stays() {
        let stop = Stop::new().unwrap();
        let other = stop.clone();
        assert!(!other.is_requested());
        stop.request();
        assert!(other.is_requested() && other.wait(Duration::from_secs(60)) && stop.is_requested());
    }
}
