//! Waits in one call for whatever comes first: input, a deadline, or another thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// A word from one thread to another. Cheap to clone; every clone is the same event.
///
/// It is a file descriptor that becomes readable, so that a thread can wait for it and for its sockets at once
/// (eventfd(2)).
#[derive(Clone, Debug)]
pub struct Event {
    event: Arc<OwnedFd>,
}

impl Event {
    /// An event that was not raised yet.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { event: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?) })
    }

    /// Wakes whoever waits, or waits next.
    pub fn raise(&self) {
        // It can only fail when the counter is full, and then it was raised long ago.
        let _ = rustix::io::write(&*self.event, &1u64.to_ne_bytes());
    }

    /// Forgets that it was raised, however often. Clear first and look then: what is raised after that wakes again.
    pub fn clear(&self) {
        // It only fails when it was not raised.
        let _ = rustix::io::read(&*self.event, &mut [0; 8]);
    }

    /// Waits at most `wait` until it is raised; says whether it is.
    pub fn wait(&self, wait: Duration) -> bool {
        let until = Instant::now().checked_add(wait);
        wait_until(&mut [PollFd::new(&*self.event, PollFlags::IN)], until).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

/// Waits until one of `files` is ready, or `until`; for as long as it takes if that is `None`. Returns how many are
/// ready.
///
/// The time is kept to the nanosecond as far as the system can (ppoll(2)); signals do not end it.
///
/// # Errors
/// If the system cannot wait.
pub fn wait_until(files: &mut [PollFd<'_>], until: Option<Instant>) -> std::io::Result<usize> {
    loop {
        let left = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match poll(files, left.as_ref()) {
            Ok(ready) => return Ok(ready),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_raised_until_it_is_cleared() {
        let wake = Event::new().unwrap();
        assert!(!wake.wait(Duration::ZERO));
        wake.clone().raise();
        wake.raise();
        assert!(wake.wait(Duration::MAX) && wake.wait(Duration::ZERO));
        wake.clear();
        assert!(!wake.wait(Duration::ZERO));
    }

    #[test]
    fn a_wait_without_anything_ends_in_time() {
        let (wake, begun) = (Event::new().unwrap(), Instant::now());
        let until = begun + Duration::from_millis(2);
        assert_eq!(wait_until(&mut [PollFd::new(&wake, PollFlags::IN)], Some(until)).unwrap(), 0);
        assert!(Instant::now() >= until);
    }
}
