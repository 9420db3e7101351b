//! The work of each output's thread.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use proto::sys::Stop;
use proto::{Latest, Taken};

use super::files::{FrameFolder, MjpegFile};
use super::inbox::{Counts, Ended, OutputInbox};
use super::pipe::Pipe;
use super::spec::OutputSpec;
use super::y4m::Y4mWriter;
use crate::codec::Decoded;
use crate::frame::Received;
use crate::record::{Backlog, Recording, Split};

pub(super) type Write = Box<dyn FnMut(&Counts) -> Result<Ended> + Send>;

/// The inbox of an output and what its thread does: take from it and write, until it is closed and empty.
pub(super) fn writer(
    spec: &OutputSpec,
    split: Option<Split>,
    stop: &Stop,
    name: &str,
) -> Result<(OutputInbox, Write)> {
    Ok(match spec {
        OutputSpec::Window | OutputSpec::None => bail!("{name} is not written"),
        OutputSpec::Frames => {
            let newest = Arc::new(Latest::<Received>::new());
            let (inbox, mut output) = (newest.clone(), Pipe::standard_output(stop)?);
            let write = move |counts: &Counts| {
                while let Taken::Value(received) = inbox.take(None) {
                    let picture = &mut [IoSlice::new(&received.frame.jpeg)];
                    if !output.write(picture).context("cannot write to standard output")? {
                        return Ok(Ended::ReaderGone);
                    }
                    counts.one_written();
                }
                Ok(Ended::Done)
            };
            (OutputInbox::Newest(newest), Box::new(write))
        }
        OutputSpec::Y4m => {
            let newest = Arc::new(Latest::<Arc<Decoded>>::new());
            let (inbox, mut output) = (newest.clone(), Pipe::standard_output(stop)?);
            let write = move |counts: &Counts| {
                let is_read = Y4mWriter::default().run(&inbox, &mut output, || counts.one_written())?;
                Ok(if is_read { Ended::Done } else { Ended::ReaderGone })
            };
            (OutputInbox::Pictures(newest), Box::new(write))
        }
        OutputSpec::Folder(path) => record(name, FrameFolder::open(path)?),
        OutputSpec::File(path) => record(name, MjpegFile::create(path, stop)?),
        OutputSpec::Matroska(path) => record(name, Recording::to(path, split)?),
    })
}

/// What is to have every frame, in order.
trait FrameRecord: Send + 'static {
    /// Writes a frame; says whether it was one that can be written there now.
    fn write(&mut self, received: &Received) -> Result<bool>;

    /// Writes what must stand at the end.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl FrameRecord for FrameFolder {
    fn write(&mut self, received: &Received) -> Result<bool> {
        self.write(&received.frame.jpeg).map(|()| true)
    }
}

impl FrameRecord for MjpegFile {
    fn write(&mut self, received: &Received) -> Result<bool> {
        self.write(&received.frame.jpeg)
    }
}

impl FrameRecord for Recording {
    fn write(&mut self, received: &Received) -> Result<bool> {
        self.write(received)
    }

    fn finish(&mut self) -> Result<()> {
        self.finish()
    }
}

fn record(name: &str, mut to: impl FrameRecord) -> (OutputInbox, Write) {
    let backlog = Arc::new(Backlog::new(&format!("output {name}")));
    let inbox = backlog.clone();
    let work = move |counts: &Counts| {
        while let Some(received) = inbox.take() {
            let count = if to.write(&received)? { &counts.written } else { &counts.dropped };
            count.fetch_add(1, Ordering::Relaxed);
        }
        to.finish()?;
        Ok(Ended::Done)
    };
    (OutputInbox::All(backlog), Box::new(work))
}
