//! A thread that decodes strips, for as long as its decoder lives.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use proto::sys::ThreadId;

use super::engine::{Engine, ExpectedJpeg};
use super::error::DecodeError;

/// A thread that decodes one strip at a time. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct StripWorker {
    jobs: Option<SyncSender<StripJob>>,
    done: Receiver<(StripJob, Result<(), DecodeError>)>,
    /// The strip to be given, and then the buffer that comes back.
    jpeg: Vec<u8>,
    thread: Option<JoinHandle<()>>,
    id: Option<ThreadId>,
}

/// Both buffers go there and come back, so that nothing is allocated.
#[derive(Debug)]
struct StripJob {
    jpeg: Vec<u8>,
    shape: ExpectedJpeg,
    pixels: Vec<u8>,
}

impl StripWorker {
    pub(super) fn start(number: usize) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel::<StripJob>(1);
        let (outbox, done) = sync_channel(1);
        let (say_id, id) = channel();
        let work = move || {
            // Who asked waits for it.
            let _ = say_id.send(ThreadId::current());
            let mut engine = Engine::default();
            while let Ok(mut job) = inbox.recv() {
                let decoded = engine.decode(&job.jpeg, job.shape, &mut job.pixels);
                if outbox.send((job, decoded)).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("decode {number}")).spawn(work)?;
        let id = id.recv().ok();
        Ok(Self { jobs: Some(jobs), done, jpeg: Vec::new(), thread: Some(thread), id })
    }

    /// The system's name for the thread.
    pub(super) fn id(&self) -> Option<ThreadId> {
        self.id
    }

    /// Where the strip's JPEG is to be written.
    pub(super) fn jpeg(&mut self) -> &mut Vec<u8> {
        &mut self.jpeg
    }

    /// Begins to decode what was written. Says whether it did; then [`Self::collect`] must follow.
    pub(super) fn give(&mut self, shape: ExpectedJpeg, pixels: Vec<u8>) -> bool {
        let job = StripJob { jpeg: std::mem::take(&mut self.jpeg), shape, pixels };
        self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }

    /// Waits for the strip.
    pub(super) fn collect(&mut self) -> (Vec<u8>, Result<(), DecodeError>) {
        match self.done.recv() {
            Ok((job, decoded)) => {
                self.jpeg = job.jpeg;
                (job.pixels, decoded)
            }
            Err(_) => (Vec::new(), Err(DecodeError::Threads)),
        }
    }
}

impl Drop for StripWorker {
    fn drop(&mut self) {
        // It waits for a job; that none will come ends it.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
