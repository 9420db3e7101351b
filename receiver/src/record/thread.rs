//! A thread that records.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result};

use super::backlog::Backlog;
use super::names::{Names, make_folder};
use super::notice::{Notice, Notifier, Pending};
use super::recording::{Progress, Recording};
use super::split::Split;
use crate::frame::Received;
use crate::sync::lock;

/// A recording with a thread of its own, which ends when it is told to, or when the disk fails.
#[derive(Debug)]
pub(super) struct RecordingThread {
    since: Instant,
    backlog: Arc<Backlog>,
    progress: Arc<Progress>,
    dropped: Arc<AtomicU64>,
    has_ended: Arc<AtomicBool>,
    answer: Mutex<Option<Pending>>,
    thread: JoinHandle<()>,
}

impl RecordingThread {
    /// Begins one. The answer comes with its first frame.
    pub(super) fn start(
        folder: PathBuf,
        names: Names,
        split: Option<Split>,
        notifier: &Notifier,
    ) -> Result<(Self, Pending)> {
        let recording = Recording::new(names, split);
        let (progress, dropped) = (recording.progress(), Arc::<AtomicU64>::default());
        let backlog = Arc::new(Backlog::new("the recording"));
        let has_ended = Arc::<AtomicBool>::default();
        let ((begun, first), (ended, last)) = (Pending::later(), Pending::later());
        let mut work = Work {
            folder,
            recording,
            backlog: backlog.clone(),
            dropped: dropped.clone(),
            notifier: notifier.clone(),
            begun: Some(begun),
        };
        let over = has_ended.clone();
        let thread = std::thread::Builder::new().name("record".into()).spawn(move || {
            let result = work.run();
            // Before it is said: who hears it may ask for the next one.
            over.store(true, Ordering::Release);
            work.backlog.close();
            let said = work.notifier.say(result);
            for waiting in work.begun.into_iter().chain([ended]) {
                // Nobody may be waiting for it.
                let _ = waiting.send(said.clone());
            }
        });
        let thread = thread.context("cannot start a thread to record")?;
        let (since, answer) = (Instant::now(), Mutex::new(Some(last)));
        Ok((Self { since, backlog, progress, dropped, has_ended, answer, thread }, first))
    }

    /// Gives it a frame. It never waits.
    pub(super) fn offer(&self, received: &Received) {
        if !self.backlog.put(received.clone()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells it to write what it has and to end. The answer comes when it has.
    pub(super) fn end(&self) -> Pending {
        self.backlog.close();
        lock(&self.answer).take().unwrap_or_else(|| Pending::later().1)
    }

    /// Whether it has ended, by itself or told to.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Whether its thread has ended.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until it has ended.
    pub(super) fn join(self) {
        let _ = self.thread.join();
    }

    /// How it goes.
    pub(super) fn status(&self) -> RecordingStatus {
        RecordingStatus {
            path: self.progress.path(),
            since: self.since,
            bytes: self.progress.bytes(),
            frames: self.progress.frames(),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}

/// A recording that runs.
#[derive(Clone, Debug)]
pub struct RecordingStatus {
    /// The file that is being written; `None` until the first frame.
    pub path: Option<PathBuf>,
    /// When it was begun.
    pub since: Instant,
    /// Bytes of JPEG written, in all of its files.
    pub bytes: u64,
    /// Frames written.
    pub frames: u64,
    /// Frames that were not, because the disk did not keep up or they were no pictures.
    pub dropped: u64,
}

/// What the thread works with.
struct Work {
    folder: PathBuf,
    recording: Recording,
    backlog: Arc<Backlog>,
    dropped: Arc<AtomicU64>,
    notifier: Notifier,
    /// Who wants to know of the first frame.
    begun: Option<Sender<Notice>>,
}

impl Work {
    /// Writes until the backlog is closed and empty; returns what to say then.
    fn run(&mut self) -> Result<(String, PathBuf)> {
        make_folder(&self.folder)?;
        let progress = self.recording.progress();
        while let Some(received) = self.backlog.take() {
            if !self.recording.write(&received)? {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            } else if let Some(begun) = self.begun.take() {
                let path = progress.path().unwrap_or_default();
                let _ = begun.send(self.notifier.say(Ok((format!("recording to {}", path.display()), path))));
            }
        }
        self.recording.finish()?;
        summary(&progress)
    }
}

fn summary(progress: &Progress) -> Result<(String, PathBuf)> {
    let path = progress.path().context("nothing was recorded: no picture came")?;
    let (seconds, frames) = (progress.span().as_secs_f64(), progress.frames());
    let megabytes = progress.bytes() as f64 / 1e6;
    Ok((format!("recorded {seconds:.1} s, {frames} frames, {megabytes:.1} MB to {}", path.display()), path))
}
