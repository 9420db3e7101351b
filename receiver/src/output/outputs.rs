//! Outputs besides the window. Each has a thread of its own, so that a slow one holds up no other.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use proto::sys::Stop;

use super::inbox::{Counts, Ended, OutputCounts, OutputInbox};
use super::spec::OutputSpec;
use super::writer::writer;
use crate::codec::Decoded;
use crate::frame::Received;
use crate::record::Split;
use crate::sync::lock;

/// All outputs but the window, at work.
#[derive(Debug)]
pub struct Outputs {
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    inbox: OutputInbox,
    counts: Arc<Counts>,
    /// Until it is waited for.
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Outputs {
    /// Starts what `specs` name, the window excepted. A Matroska file goes on in a new one as `split` says.
    ///
    /// An output that fails says so at once. The last one to fail requests `stop`, unless there is a window, and so
    /// does one whose reader has closed its end.
    ///
    /// # Errors
    ///
    /// Two outputs want standard output, or one does and it is a terminal; or a folder or file cannot be made.
    pub fn start(specs: &[OutputSpec], split: Option<Split>, stop: &Stop) -> Result<Self> {
        if specs.iter().filter(|spec| spec.is_standard_output()).count() > 1 {
            bail!("only one output can have standard output: give either --output - or --output y4m:-, once");
        }
        if let Some(spec) = specs.iter().find(|spec| spec.is_standard_output())
            && std::io::stdout().is_terminal()
        {
            bail!(
                "--output {spec} would write pictures to a terminal, which shows bytes; send it on, as in --output {spec} \
                 | ffmpeg ..., or record: --output FILE.mkv"
            );
        }
        let writers: Vec<&OutputSpec> = specs.iter().filter(|spec| spec.has_writer()).collect();
        let stays = usize::from(writers.len() < specs.len());
        let left = Arc::new(AtomicUsize::new(writers.len() + stays));
        let start = |spec: &&OutputSpec| Running::start(spec, split, stop, &left);
        Ok(Self { running: writers.iter().map(start).collect::<Result<_>>()? })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether one of them wants decoded pictures, as [planes](crate::decode::PixelFormat::Planes).
    pub fn want_pictures(&self) -> bool {
        self.running.iter().any(|output| matches!(output.inbox, OutputInbox::Pictures(_)))
    }

    /// Gives a frame to every output that takes JPEGs. It never waits.
    pub fn offer(&self, frame: &Received) {
        for output in &self.running {
            let dropped = match &output.inbox {
                OutputInbox::Newest(newest) => newest.put(frame.clone()).is_some(),
                OutputInbox::All(backlog) => !backlog.put(frame.clone()),
                OutputInbox::Pictures(_) => false,
            };
            output.counts.dropped.fetch_add(dropped.into(), Ordering::Relaxed);
        }
    }

    /// Gives a decoded picture to every output that takes those. It never waits.
    pub fn offer_picture(&self, picture: &Arc<Decoded>) {
        for output in &self.running {
            if let OutputInbox::Pictures(newest) = &output.inbox {
                let dropped = newest.put(picture.clone()).is_some();
                output.counts.dropped.fetch_add(dropped.into(), Ordering::Relaxed);
            }
        }
    }

    /// What becomes of the frames, to be looked at while the outputs work and after they have ended.
    pub fn tallies(&self) -> Tallies {
        Tallies(self.running.iter().map(|output| (output.name.clone(), output.counts.clone())).collect())
    }

    /// Lets every output write what it has, and waits for that. A reader that reads nothing is waited for half a
    /// second.
    ///
    /// # Errors
    ///
    /// An output had failed: it was said then, and the program is to end with status 1.
    pub fn finish(&self) -> Result<()> {
        for output in &self.running {
            output.inbox.close();
        }
        let mut failed = None;
        for output in &self.running {
            let Some(thread) = lock(&output.thread).take() else {
                continue;
            };
            let ended = thread.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked")));
            if let Err(error) = ended {
                failed = failed.or(Some(error.context(format!("output {} failed", output.name))));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// What becomes of the frames, output by output.
#[derive(Debug)]
pub struct Tallies(Vec<(String, Arc<Counts>)>);

impl Tallies {
    /// What became of them so far, by the name of the output.
    pub fn read(&self) -> impl Iterator<Item = (&str, OutputCounts)> {
        self.0.iter().map(|(name, counts)| (name.as_str(), counts.tally()))
    }
}

impl Running {
    fn start(spec: &OutputSpec, split: Option<Split>, stop: &Stop, left: &Arc<AtomicUsize>) -> Result<Self> {
        let name = spec.to_string();
        let (inbox, mut write) = writer(spec, split, stop, &name)?;
        let counts = Arc::new(Counts::default());
        let work = {
            let (inbox, counts, left) = (inbox.clone(), counts.clone(), left.clone());
            let (stop, name) = (stop.clone(), name.clone());
            move || {
                let ended = write(&counts);
                inbox.close();
                let is_last = left.fetch_sub(1, Ordering::AcqRel) == 1;
                match &ended {
                    Ok(Ended::Done) => {}
                    Ok(Ended::ReaderGone) => stop.request(),
                    Err(error) => {
                        tracing::warn!("output {name} has ended: {error:#}");
                        if is_last {
                            stop.request();
                        }
                    }
                }
                ended.map(|_| ())
            }
        };
        let thread = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(work)
            .context("cannot start a thread for an output")?;
        Ok(Self { name, inbox, counts, thread: Mutex::new(Some(thread)) })
    }
}

#[cfg(test)]
mod tests;
