//! A thread that encodes bands beside the calling one.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use proto::sys::ThreadId;

use super::band::Band;
use super::band_queue::BandQueue;

/// A thread that takes bands from a queue, until that is over.
#[derive(Debug)]
pub(super) struct Helper {
    thread: Option<JoinHandle<()>>,
    id: Option<ThreadId>,
}

impl Helper {
    pub(super) fn spawn(number: usize, queue: &Arc<BandQueue>) -> anyhow::Result<Self> {
        let (queue, mut band) = (queue.clone(), Band::new()?);
        let (say_id, id) = channel();
        let thread = std::thread::Builder::new().name(format!("encode {number}")).spawn(move || {
            // Who asked waits for it.
            let _ = say_id.send(ThreadId::current());
            queue.help(&mut band);
        })?;
        Ok(Self { thread: Some(thread), id: id.recv().ok() })
    }

    /// The system's name for the thread.
    pub(super) fn id(&self) -> Option<ThreadId> {
        self.id
    }

    /// Waits for its end, once the queue is over.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It catches its panics, so there is nothing to learn from it.
            let _ = thread.join();
        }
    }
}
