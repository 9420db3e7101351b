//! Whether anybody watches.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whether anybody watches: while nobody does, pictures are not encoded.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    state: Mutex<DemandState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct DemandState {
    is_there: bool,
    /// Whether there is one whatever is said.
    always: bool,
    is_over: bool,
}

impl Demand {
    /// One that is always there.
    pub(crate) fn always() -> Self {
        Self {
            state: Mutex::new(DemandState { is_there: true, always: true, is_over: false }),
            ..Self::default()
        }
    }

    /// Says whether there is one.
    pub(crate) fn set(&self, is_there: bool) {
        let mut state = self.lock();
        let was_there = state.is_there;
        state.is_there = is_there || state.always;
        drop(state);
        if is_there && !was_there {
            self.changed.notify_all();
        }
    }

    /// Whether there is one.
    pub(crate) fn is_there(&self) -> bool {
        self.lock().is_there
    }

    /// Waits until there is one, or never will be.
    pub(crate) fn wait(&self) {
        let nobody = |state: &mut DemandState| !state.is_there && !state.is_over;
        drop(self.changed.wait_while(self.lock(), nobody).unwrap_or_else(PoisonError::into_inner));
    }

    /// Says that there is nothing to wait for any more.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, DemandState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_woken_by_the_first_viewer_and_by_the_end() {
        let demand = Demand::default();
        for wake in [Demand::end, |demand: &Demand| demand.set(true)] {
            std::thread::scope(|scope| {
                let waiter = scope.spawn(|| demand.wait());
                wake(&demand);
                waiter.join().unwrap();
            });
        }
        assert!(demand.is_there());
        demand.set(false);
        assert!(!demand.is_there());
        let always = Demand::always();
        always.set(false);
        assert!(always.is_there());
    }
}
