//! A mailbox for one, where the newest wins. It stands between every two live stages.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Holds at most one value. Putting a second one hands the first back to its producer, which counts it and reuses it.
///
/// Latency lives in queues; this is the queue that cannot grow.
#[derive(Debug)]
pub struct Latest<T> {
    place: Mutex<LatestState<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct LatestState<T> {
    value: Option<T>,
    closed: bool,
}

/// What a taker found.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// Nothing came in time.
    TimedOut,
    /// Nothing more will come.
    Closed,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { place: Mutex::new(LatestState { value: None, closed: false }), changed: Condvar::new() }
    }
}

impl<T> Latest<T> {
    /// An empty mailbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `value` in, and returns what it displaced: an older value that nobody took, or `value` itself if the
    /// mailbox is closed.
    pub fn put(&self, value: T) -> Option<T> {
        let mut place = self.lock();
        if place.closed {
            return Some(value);
        }
        let displaced = place.value.replace(value);
        drop(place);
        self.changed.notify_one();
        displaced
    }

    /// Takes the newest value if there is one, without waiting.
    pub fn try_take(&self) -> Option<T> {
        self.lock().value.take()
    }

    /// Takes the newest value; waits for one at most `wait`, or for as long as it takes if that is `None`.
    ///
    /// A value that was put in before the mailbox was closed is still given out.
    pub fn take(&self, wait: Option<Duration>) -> Taken<T> {
        let place = self.lock();
        let empty = |place: &mut LatestState<T>| place.value.is_none() && !place.closed;
        let mut place = match wait {
            None => self.changed.wait_while(place, empty).unwrap_or_else(PoisonError::into_inner),
            Some(wait) => {
                self.changed.wait_timeout_while(place, wait, empty).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        match place.value.take() {
            Some(value) => Taken::Value(value),
            None if place.closed => Taken::Closed,
            None => Taken::TimedOut,
        }
    }

    /// Says that nothing more will come, and wakes whoever waits.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    // A thread that panicked while holding the lock left the place whole: it holds a value or none.
    fn lock(&self) -> MutexGuard<'_, LatestState<T>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_the_displaced_comes_back() {
        let mailbox = Latest::new();
        assert_eq!(mailbox.put(1), None);
        assert_eq!(mailbox.put(2), Some(1));
        assert_eq!(mailbox.take(None), Taken::Value(2));
        assert_eq!(mailbox.take(Some(Duration::ZERO)), Taken::TimedOut);
    }

    #[test]
    fn what_was_put_before_closing_is_still_given_out() {
        let mailbox = Latest::new();
        mailbox.put(1);
        mailbox.close();
        assert_eq!(mailbox.put(2), Some(2), "a closed mailbox takes nothing");
        assert_eq!(mailbox.take(None), Taken::Value(1));
        assert_eq!(mailbox.take(None), Taken::Closed);
    }
}
