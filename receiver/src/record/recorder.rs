//! Recordings, snapshots and instant replay.
//!
//! A [`Recorder`] is what the window's keys, a signal and the web page turn to. Nothing that it is asked for is done in
//! the asking thread: files are made and written by threads of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use jiff::Zoned;
use proto::Frame;

use super::file_writer::FileWriter;
use super::names::{self, Names, make_folder};
use super::notice::{Notice, Notifier, Pending};
use super::recording::{self, Recording};
use super::replay::ReplayBuffer;
use super::split::Split;
use super::thread::{RecordingStatus, RecordingThread};
use crate::frame::Received;
use crate::sync::lock;

/// What is to be kept, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepOptions {
    /// Where files go. Made when the first one is written.
    pub folder: PathBuf,
    /// How much of the past is kept in memory; `None` is nothing.
    pub replay: Option<Duration>,
    /// The most memory that the past may take, in bytes; and once more while it is written out.
    pub replay_bytes: u64,
    /// When a recording goes on in a new file.
    pub split: Option<Split>,
}

/// Keeps one sender's pictures, as they come or as it is asked to.
#[derive(Debug)]
pub struct Recorder {
    options: KeepOptions,
    /// Whether frames are wanted at all.
    wants_frames: AtomicBool,
    name: Mutex<String>,
    replay: Option<Mutex<ReplayBuffer>>,
    /// Whether the past is being written out.
    replay_is_busy: Arc<AtomicBool>,
    recorder: Mutex<Option<RecordingThread>>,
    /// Recorders that were told to end, and may still be writing.
    ending: Mutex<Vec<RecordingThread>>,
    writer: FileWriter,
    /// Nothing more is begun.
    is_finished: AtomicBool,
    notifier: Notifier,
}

/// How the keeping goes.
#[derive(Clone, Debug, Default)]
pub struct KeepStatus {
    /// The recording that runs, if one does.
    pub recording: Option<RecordingStatus>,
    /// What is held of the past, if it is kept.
    pub replay: Option<ReplayStatus>,
    /// What was said last, such as the name of a file that was written; for a person, for a moment.
    pub said: Option<Notice>,
}

/// What is held of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayStatus {
    /// From the oldest frame to the newest.
    pub span: Duration,
    /// Bytes of memory that the frames take.
    pub bytes: u64,
}

impl Recorder {
    /// One that keeps nothing yet but, if it is to, the past. It starts no thread before it has something to write.
    pub fn new(options: &KeepOptions) -> Self {
        let most_bytes = usize::try_from(options.replay_bytes).unwrap_or(usize::MAX);
        let replay = options.replay.map(|keep| Mutex::new(ReplayBuffer::new(keep, most_bytes)));
        let notifier = Notifier::default();
        Self {
            options: options.clone(),
            wants_frames: AtomicBool::new(replay.is_some()),
            name: Mutex::new(names::safe("")),
            replay,
            replay_is_busy: Arc::default(),
            recorder: Mutex::default(),
            ending: Mutex::default(),
            writer: FileWriter::new(&notifier),
            is_finished: AtomicBool::new(false),
            notifier,
        }
    }

    /// Takes the sender's name, which files are then called by. Nothing in it can lead out of the folder.
    pub fn set_name(&self, name: &str) {
        *lock(&self.name) = names::safe(name);
    }

    /// Gives it a frame that has arrived. It never waits for a disk, and does nothing while nothing is kept.
    pub fn offer(&self, received: &Received) {
        if !self.wants_frames.load(Ordering::Relaxed) {
            return;
        }
        if let Some(replay) = &self.replay {
            let cut = lock(replay).push(Instant::now(), received.clone());
            if let (Some(span), Some(wanted)) = (cut, self.options.replay) {
                tracing::info!(
                    "--past-memory has room for {:.1} s of the {:.1} s of --past; give it more to keep more",
                    span.as_secs_f64(),
                    wanted.as_secs_f64()
                );
            }
        }
        if let Some(recorder) = lock(&self.recorder).as_ref() {
            recorder.offer(received);
        }
    }

    /// Begins a recording, or ends the one that runs. The answer comes when its first frame is in the file, or when the
    /// file is whole.
    pub fn toggle_recording(&self) -> Pending {
        let mut recorder = lock(&self.recorder);
        if self.is_finished.load(Ordering::Acquire) {
            return self.notifier.refuse(anyhow!("the receiver is ending"));
        }
        if let Some(running) = recorder.take() {
            self.wants_frames.store(self.replay.is_some(), Ordering::Relaxed);
            let stopped = (!running.has_ended()).then(|| running.end());
            let mut ending = lock(&self.ending);
            ending.retain(|recorder| !recorder.is_over());
            ending.push(running);
            if let Some(answer) = stopped {
                return answer;
            }
        }
        let names = self.names("", recording::EXTENSION);
        let (folder, split) = (self.options.folder.clone(), self.options.split);
        match RecordingThread::start(folder, names, split, &self.notifier) {
            Ok((started, answer)) => {
                *recorder = Some(started);
                self.wants_frames.store(true, Ordering::Relaxed);
                answer
            }
            Err(error) => self.notifier.refuse(error),
        }
    }

    /// Writes a frame as the JPEG that came; nobody ever sees a part of the file. `None`: there is none of now, and
    /// that is said.
    pub fn snapshot(&self, frame: Option<&Frame>) -> Pending {
        let Some(frame) = frame else {
            return self.notifier.refuse(anyhow!("there is no picture of now to keep"));
        };
        let (mut names, jpeg) = (self.names("", "jpg"), frame.jpeg.clone());
        let folder = self.options.folder.clone();
        self.writer.ask(move || {
            make_folder(&folder)?;
            let written = names.create(|path| names::write_whole(path, &jpeg));
            let (path, ()) = written.with_context(|| format!("cannot write {}", names.last().display()))?;
            Ok((format!("saved {}", path.display()), path))
        })
    }

    /// Writes out what is held of the past, while it goes on being kept.
    pub fn save_replay(&self) -> Pending {
        let Some(replay) = &self.replay else {
            return self
                .notifier
                .refuse(anyhow!("nothing is kept of the past; start the receiver with --past 10s"));
        };
        let (frames, span) = {
            let replay = lock(replay);
            (replay.frames(), replay.span())
        };
        if frames.is_empty() {
            return self.notifier.refuse(anyhow!("there is no past yet: no picture has come"));
        }
        if self.replay_is_busy.swap(true, Ordering::AcqRel) {
            return self.notifier.refuse(anyhow!("the past is still being written; try again when it is"));
        }
        let (names, folder) = (self.names("-past", recording::EXTENSION), self.options.folder.clone());
        let busy = Busy(self.replay_is_busy.clone());
        self.writer.ask(move || {
            let _busy = busy;
            make_folder(&folder)?;
            let mut recording = Recording::new(names, None).of_replay(span);
            // Each frame is let go of as soon as it is written.
            for received in frames {
                recording.write(&received)?;
            }
            recording.finish()?;
            let progress = recording.progress();
            let path = progress.path().context("nothing of the past was a picture")?;
            let seconds = progress.span().as_secs_f64();
            Ok((format!("saved the past {seconds:.1} s to {}", path.display()), path))
        })
    }

    /// How it goes.
    pub fn status(&self) -> KeepStatus {
        let recorder = lock(&self.recorder);
        let recording =
            recorder.as_ref().filter(|recorder| !recorder.has_ended()).map(RecordingThread::status);
        drop(recorder);
        let replay = self.replay.as_ref().map(|replay| {
            let replay = lock(replay);
            ReplayStatus { span: replay.span(), bytes: replay.bytes() as u64 }
        });
        KeepStatus { recording, replay, said: self.notifier.last() }
    }

    /// Ends what runs, in order, and waits for that. Afterwards nothing is kept any more.
    pub fn finish(&self) {
        let mut recorder = lock(&self.recorder);
        self.is_finished.store(true, Ordering::Release);
        self.wants_frames.store(false, Ordering::Relaxed);
        let running = recorder.take();
        drop(recorder);
        let ending = std::mem::take(&mut *lock(&self.ending));
        for recorder in running.into_iter().chain(ending) {
            drop(recorder.end());
            recorder.join();
        }
        self.writer.finish();
    }

    /// Names for files of this moment.
    fn names(&self, suffix: &str, extension: &str) -> Names {
        let stem = format!("{}-{}{suffix}", lock(&self.name), names::stamp(&Zoned::now()));
        Names::new(&self.options.folder, stem, extension)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

/// That the past is being written, until this is dropped.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
