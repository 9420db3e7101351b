//! Locks that a panic elsewhere does not poison: what they guard is whole between any two calls.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(debug_assertions)]
    count::one_more();
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for as long as `condition` holds.
pub(crate) fn wait_while<'a, T>(
    condvar: &Condvar,
    mut guard: MutexGuard<'a, T>,
    mut condition: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'a, T> {
    while condition(&mut guard) {
        guard = condvar.wait(guard).unwrap_or_else(PoisonError::into_inner);
        #[cfg(debug_assertions)]
        count::one_more();
    }
    guard
}

/// How many locks were taken, for the test that keeps them few.
#[cfg(debug_assertions)]
pub(crate) mod count {
    use std::sync::atomic::{AtomicU64, Ordering};

    static TAKEN: AtomicU64 = AtomicU64::new(0);

    pub(super) fn one_more() {
        TAKEN.fetch_add(1, Ordering::Relaxed);
    }

    /// Locks that this process has taken so far.
    pub fn locks_taken() -> u64 {
        TAKEN.load(Ordering::Relaxed)
    }
}
