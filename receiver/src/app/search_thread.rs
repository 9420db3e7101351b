//! The thread that looks for the strip in the pictures, where times from glass to glass are measured.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use proto::sys::{Stop, join, spawn};

use crate::measure::Measurement;

/// A thread that searches.
pub(super) struct SearchThread {
    measurement: Arc<Measurement>,
    thread: JoinHandle<Result<()>>,
    /// Nothing comes here; it is closed when the thread has ended.
    ended: mpsc::Receiver<()>,
}

impl SearchThread {
    /// Starts it. It requests `stop` when there is enough.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(measurement: &Arc<Measurement>, stop: &Stop) -> Result<Self> {
        let (searching, until) = (measurement.clone(), stop.clone());
        let (alive, ended) = mpsc::channel::<()>();
        let thread = spawn("search", stop, move || {
            searching.search(&until);
            drop(alive);
            Ok(())
        })?;
        Ok(Self { measurement: measurement.clone(), thread, ended })
    }

    /// Ends it. One that is in a picture for long is left there, and ends with the program: what takes long was made to.
    ///
    /// # Errors
    /// If it ended by a panic.
    pub(super) fn end(self) -> Result<()> {
        self.measurement.close();
        match self.ended.recv_timeout(ENDS_WITHIN) {
            Err(RecvTimeoutError::Disconnected) => join(self.thread),
            _ => Ok(()),
        }
    }
}

/// Far more than a search takes.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
