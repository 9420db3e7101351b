//! A session of which only one datagram has come: nothing of it is reported yet.

use super::output::RecvEvent;
use super::source_lock::SourceLock;
use crate::seq::SessionId;
use std::fmt::Debug;

/// Whose session is still to be told of, if there is one.
#[derive(Debug)]
pub(crate) struct PendingSession<S>(Option<(S, SessionId)>);

impl<S: Copy + Debug + Eq> PendingSession<S> {
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// A session begins, from there.
    pub(crate) fn begin(&mut self, source: S, session: SessionId) {
        self.0 = Some((source, session));
    }

    /// The session goes on from another address; what is to be told of that, where it is known already.
    pub(crate) fn go_on_from(&mut self, source: S) -> Option<RecvEvent<S>> {
        match &mut self.0 {
            Some((pending, _)) => {
                *pending = source;
                None
            }
            None => Some(RecvEvent::Moved { source }),
        }
    }

    /// What is to be told of it once it is more than a single datagram.
    pub(crate) fn introduce(&mut self, lock: &SourceLock<S>) -> Option<RecvEvent<S>> {
        let (source, session) = self.0.take_if(|_| lock.is_established())?;
        Some(RecvEvent::Session { source, session })
    }

    /// Nobody is to be told of it any more; whether there was one.
    pub(crate) fn forget(&mut self) -> bool {
        self.0.take().is_some()
    }
}
