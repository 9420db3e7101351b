//! With which of its keys a receiver makes first requests.

/// The keys that are tried in turn, by their places; `None` is for none, unsealed.
///
/// Anybody may name one, as a sender's does that is locked. So none that was named takes the turns of the others.
#[derive(Debug)]
pub(super) struct Turns {
    tried: Vec<Option<usize>>,
    next: usize,
}

impl Turns {
    /// With this one alone.
    pub(super) fn of(key: Option<usize>) -> Self {
        Self { tried: vec![key], next: 0 }
    }

    /// Whose turn it is.
    pub(super) fn take(&mut self) -> Option<usize> {
        let taken = self.tried[self.next];
        self.next = (self.next + 1) % self.tried.len();
        taken
    }

    /// Somebody says that this one is wanted: it is the next, if it was not among them.
    pub(super) fn name(&mut self, key: usize) {
        if !self.tried.contains(&Some(key)) {
            self.next = self.tried.len();
            self.tried.push(Some(key));
        }
    }

    /// This one was answered to.
    pub(super) fn settle(&mut self, key: usize) {
        self.tried.clear();
        self.tried.push(Some(key));
        self.next = 0;
    }
}
