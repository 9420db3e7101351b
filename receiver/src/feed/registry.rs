//! All senders that are received, in the order in which they came.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::feed::Feed;
use crate::sync::lock;

/// The feeds, shared by all threads. None is ever taken away: a camera that is gone is to be missed.
#[derive(Default)]
pub struct Feeds {
    all: Mutex<Vec<Arc<Feed>>>,
    /// How many have a tile.
    shown: AtomicUsize,
    /// Wakes the window, where there is one.
    waker: OnceLock<Waker>,
}

impl Feeds {
    /// No feeds yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has this window woken whenever something is to be seen.
    pub fn set_waker(&self, waker: Waker) {
        // There is one window, and it is there before the first feed.
        let _ = self.waker.set(waker);
    }

    /// Wakes the window.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    /// Whether there is a window.
    pub fn have_window(&self) -> bool {
        self.waker.get().is_some()
    }

    /// Adds a feed that has no tile yet.
    pub fn add(&self, feed: Feed) -> Arc<Feed> {
        let feed = Arc::new(feed);
        lock(&self.all).push(feed.clone());
        feed
    }

    /// Gives a feed a tile, if it has none.
    pub fn show(&self, feed: &Feed) {
        if feed.number() == 0 {
            // Under the lock, so that no two have one number.
            let all = lock(&self.all);
            feed.set_number(self.shown.fetch_add(1, Ordering::Relaxed) + 1);
            drop(all);
            self.wake();
        }
    }

    /// How many have a tile.
    pub fn count(&self) -> usize {
        self.shown.load(Ordering::Relaxed)
    }

    /// Those with a tile, by its number; if none has one yet, the one that will.
    pub fn list(&self) -> Vec<Arc<Feed>> {
        let all = lock(&self.all);
        let mut shown: Vec<_> = all.iter().filter(|feed| feed.number() > 0).cloned().collect();
        shown.sort_by_key(|feed| feed.number());
        if shown.is_empty() {
            shown.extend(all.first().cloned());
        }
        shown
    }

    /// Those with a tile, by its number.
    pub fn tiles(&self) -> Vec<Arc<Feed>> {
        let mut tiles = self.list();
        tiles.retain(|feed| feed.number() > 0);
        tiles
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::tests::feed;

    #[test]
    fn feeds_are_numbered_as_they_are_shown_and_one_that_is_not_stands_in() {
        let feeds = Feeds::new();
        assert!(feeds.list().is_empty());
        let (first, second) = (feeds.add(feed()), feeds.add(feed()));
        assert!(feeds.tiles().is_empty() && Arc::ptr_eq(&feeds.list()[0], &first));
        feeds.show(&second);
        feeds.show(&first);
        feeds.show(&second);
        assert_eq!((second.number(), first.number(), feeds.count()), (1, 2, 2));
        assert!(Arc::ptr_eq(&feeds.tiles()[0], &second));
    }
}
