//! The result of a save, and how it is reported.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// Something that was done, or that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When it was said.
    pub at: Instant,
    /// In words, on one line.
    pub text: String,
    /// The file that was written, if one was.
    pub path: Option<PathBuf>,
    /// Whether it went wrong.
    pub is_trouble: bool,
}

impl Notice {
    /// The same with the file's name alone: on a picture there is no room for where it is.
    pub fn briefly(&self) -> String {
        let name = self.path.as_ref().and_then(|path| Some((path.to_str()?, path.file_name()?.to_str()?)));
        name.map_or_else(|| self.text.clone(), |(path, name)| self.text.replace(path, name))
    }
}

/// What will be said of something that was asked for. Who does not want to wait lets go of it: it is said on the
/// console and in [`KeepStatus::said`](super::KeepStatus::said) all the same.
#[derive(Debug)]
pub struct Pending(Receiver<Notice>);

impl Pending {
    /// Waits for it, for so long at most; `None` if it is not done by then.
    pub fn wait(&self, at_most: Duration) -> Option<Notice> {
        self.0.recv_timeout(at_most).ok()
    }

    /// One that comes when it is sent.
    pub(super) fn later() -> (Sender<Notice>, Self) {
        let (sender, receiver) = mpsc::channel();
        (sender, Self(receiver))
    }
}

/// Says what was done and what went wrong, and remembers the last of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Notifier {
    last: Arc<Mutex<Option<Notice>>>,
}

impl Notifier {
    /// What was said last.
    pub(super) fn last(&self) -> Option<Notice> {
        lock(&self.last).clone()
    }

    /// Says how something ended.
    pub(super) fn say(&self, result: anyhow::Result<(String, PathBuf)>) -> Notice {
        let said = match result {
            Ok((text, path)) => Notice { at: Instant::now(), text, path: Some(path), is_trouble: false },
            Err(error) => {
                Notice { at: Instant::now(), text: format!("{error:#}"), path: None, is_trouble: true }
            }
        };
        tracing::info!("{}", said.text);
        *lock(&self.last) = Some(said.clone());
        said
    }

    /// Says at once that something is not done.
    pub(super) fn refuse(&self, error: anyhow::Error) -> Pending {
        let (sender, answer) = Pending::later();
        // The other end is right here.
        let _ = sender.send(self.say(Err(error)));
        answer
    }
}
