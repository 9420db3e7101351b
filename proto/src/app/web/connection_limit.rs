//! A limit on connections at one time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of places. Cheap to clone; every clone is the same places.
#[derive(Clone, Debug)]
pub(super) struct ConnectionLimit {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// One of them. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    taken: Arc<AtomicUsize>,
}

impl ConnectionLimit {
    pub(super) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<ConnectionPermit> {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(ConnectionPermit { taken: self.taken.clone() })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_left_is_free_again() {
        let connection_limit = ConnectionLimit::new(2);
        let (one, other) = (connection_limit.take(), connection_limit.take());
        assert!(one.is_some() && other.is_some() && connection_limit.take().is_none());
        drop(one);
        assert!(connection_limit.take().is_some());
    }
}
