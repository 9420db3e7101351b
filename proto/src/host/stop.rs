//! The one request that every thread listens to: to end in order.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Asks all threads to end. Cheap to clone; every clone is the same request.
///
/// It is a file descriptor that becomes readable, so that a thread can wait for it and for its own input at once.
#[derive(Clone, Debug)]
pub struct Stop {
    event: Arc<OwnedFd>,
}

impl Stop {
    /// A request that was not made yet.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { event: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?) })
    }

    /// Makes the request.
    pub fn request(&self) {
        // It can only fail when the counter is full, and then the request was made long ago.
        let _ = rustix::io::write(&*self.event, &1u64.to_ne_bytes());
    }

    /// Whether it was made.
    pub fn is_requested(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits at most `wait` for the request; says whether it was made.
    pub fn wait(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match poll(&mut [PollFd::new(&*self.event, PollFlags::IN)], Some(&timespec(left))) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Waits until `file` can be read or has ended, or the request is made; says whether it was made.
    pub fn wait_for_input(&self, file: BorrowedFd<'_>) -> std::io::Result<bool> {
        loop {
            let mut files =
                [PollFd::new(&*self.event, PollFlags::IN), PollFd::from_borrowed_fd(file, PollFlags::IN)];
            match poll(&mut files, None) {
                Ok(_) => return Ok(!files[0].revents().is_empty()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
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
