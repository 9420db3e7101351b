//! A thread that writes single files, one after the other.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};

use super::notice::{Notifier, Pending};
use crate::sync::lock;

/// Does what it is asked for, in order, on a thread that is started when it is first needed.
#[derive(Debug)]
pub(super) struct FileWriter {
    running: Mutex<WriterState>,
    notifier: Notifier,
}

#[derive(Debug)]
enum WriterState {
    NotYet,
    Running(SyncSender<WriteJob>, JoinHandle<()>),
    Finished,
}

type WriteJob = Box<dyn FnOnce() + Send>;

impl FileWriter {
    pub(super) fn new(notifier: &Notifier) -> Self {
        Self { running: Mutex::new(WriterState::NotYet), notifier: notifier.clone() }
    }

    /// Has `work` done, which returns what to say of it and the file that it wrote.
    pub(super) fn ask(&self, work: impl FnOnce() -> Result<(String, PathBuf)> + Send + 'static) -> Pending {
        let (sender, answer) = Pending::later();
        let notifier = self.notifier.clone();
        let job = Box::new(move || {
            // Nobody may be waiting for it.
            let _ = sender.send(notifier.say(work()));
        });
        match self.hand_over(job) {
            Ok(()) => answer,
            Err(error) => self.notifier.refuse(error),
        }
    }

    /// Waits until all that it was asked for is done; it then does nothing more.
    pub(super) fn finish(&self) {
        let state = std::mem::replace(&mut *lock(&self.running), WriterState::Finished);
        if let WriterState::Running(jobs, thread) = state {
            drop(jobs);
            let _ = thread.join();
        }
    }

    fn hand_over(&self, job: WriteJob) -> Result<()> {
        let mut state = lock(&self.running);
        if let WriterState::NotYet = *state {
            let (jobs, inbox) = sync_channel::<WriteJob>(MOST_JOBS);
            let work = move || inbox.into_iter().for_each(|job| job());
            let thread = std::thread::Builder::new().name("keep".into()).spawn(work);
            *state = WriterState::Running(jobs, thread.context("cannot start a thread to write files")?);
        }
        let WriterState::Running(jobs, _) = &*state else { return Err(anyhow!("the receiver is ending")) };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => anyhow!("the disk does not keep up; try again in a moment"),
            TrySendError::Disconnected(_) => {
                anyhow!("the thread that writes files has died; please report this")
            }
        })
    }
}

/// A person presses no faster, and each may hold a frame.
const MOST_JOBS: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_so_many_files_wait_to_be_written_and_who_asks_beyond_is_told() {
        let worker = FileWriter::new(&Notifier::default());
        let done = || Ok(("done".to_owned(), PathBuf::from("file")));
        let ((began, has_begun), (go_on, may_go_on)) = (channel(), channel::<()>());
        let first = worker.ask(move || {
            began.send(())?;
            may_go_on.recv()?;
            done()
        });
        has_begun.recv().unwrap();
        let waiting: Vec<_> = (0..MOST_JOBS).map(|_| worker.ask(done)).collect();
        let said = |answer: &Pending| answer.wait(Duration::from_secs(10)).unwrap();
        let refused = said(&worker.ask(done));
        assert!(refused.is_trouble && refused.text.contains("does not keep up"), "{}", refused.text);
        go_on.send(()).unwrap();
        assert!(waiting.iter().chain([&first]).all(|answer| !said(answer).is_trouble));
        worker.finish();
    }
}
