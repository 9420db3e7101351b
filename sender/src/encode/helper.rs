//! A thread that encodes one band of each picture.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::bail;
use proto::sys::ThreadId;

use super::band::{Band, Task};

/// A thread that waits for bands to encode. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Helper {
    handover: Arc<Handover>,
    /// The band, while the thread has no work.
    band: Option<Band>,
    thread: Option<JoinHandle<()>>,
    id: Option<ThreadId>,
}

impl Helper {
    pub(super) fn spawn(number: usize) -> anyhow::Result<Self> {
        let handover = Arc::<Handover>::default();
        let band = Some(Band::new()?);
        let name = format!("encode {number}");
        let (say_id, id) = channel();
        let thread = std::thread::Builder::new().name(name).spawn({
            let handover = handover.clone();
            move || {
                // Who asked waits for it.
                let _ = say_id.send(ThreadId::current());
                work(&handover);
            }
        })?;
        Ok(Self { handover, band, thread: Some(thread), id: id.recv().ok() })
    }

    /// The system's name for the thread.
    pub(super) fn id(&self) -> Option<ThreadId> {
        self.id
    }

    /// Gives the thread a task; [`Self::wait`] is called before the next.
    pub(super) fn begin(&mut self, task: Task) {
        if let Some(band) = self.band.take() {
            self.handover.put(HandoverState::Given(task, band));
        }
    }

    /// Waits until the task is done.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        let mut state = self.handover.state();
        loop {
            match std::mem::take(&mut *state) {
                HandoverState::Done(band, result) => {
                    self.band = Some(band);
                    return result;
                }
                HandoverState::Broken => {
                    self.band = Some(Band::new()?);
                    bail!("the encoder failed at a picture; this is a bug");
                }
                other => *state = other,
            }
            state = self.handover.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The JPEG of the task done last.
    pub(super) fn jpeg(&self) -> &[u8] {
        self.band.as_ref().map_or(&[], Band::jpeg)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.handover.put(HandoverState::End);
        if let Some(thread) = self.thread.take() {
            // It catches its panics, so there is nothing to learn from it.
            let _ = thread.join();
        }
    }
}

/// Where tasks and results are handed over.
#[derive(Debug, Default)]
struct Handover {
    state: Mutex<HandoverState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
enum HandoverState {
    #[default]
    Empty,
    Given(Task, Band),
    Done(Band, anyhow::Result<()>),
    Broken,
    End,
}

impl Handover {
    fn state(&self) -> MutexGuard<'_, HandoverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, state: HandoverState) {
        *self.state() = state;
        self.changed.notify_one();
    }

    fn next_task(&self) -> Option<(Task, Band)> {
        let mut state = self.state();
        loop {
            match std::mem::take(&mut *state) {
                HandoverState::Given(task, band) => return Some((task, band)),
                HandoverState::End => return None,
                other => *state = other,
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn work(handover: &Handover) {
    while let Some((task, mut band)) = handover.next_task() {
        let result = catch_unwind(AssertUnwindSafe(|| band.encode(&task)));
        // The picture is given back first, so that its buffer is free as soon as the task is done.
        drop(task);
        handover.put(match result {
            Ok(result) => HandoverState::Done(band, result),
            Err(_) => HandoverState::Broken,
        });
    }
}
