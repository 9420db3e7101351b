//! What the threads of an encoder share: the picture, which of its bands come next, and the parts they become.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use proto::{Buffer, FramePart, MAX_PARTS, MediaTime, Pool};
use turbojpeg::Subsamp;

use super::band::{Band, Task};
use super::bands::Bands;
use super::part;
use crate::picture::{RawPicture, unique};

/// Takes the parts of a frame, in their order, each as soon as it and those before it are encoded. Whichever thread
/// encoded it calls this, and the others wait meanwhile.
pub type PartSink = Arc<dyn Fn(FramePart) + Send + Sync>;

/// A picture to be encoded, and how.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) picture: RawPicture,
    pub(super) captured: MediaTime,
    pub(super) bands: Bands,
    pub(super) sampling: Subsamp,
    pub(super) quality: u8,
    pub(super) sink: PartSink,
}

/// Where the threads meet. Whichever is free takes the next band.
#[derive(Default)]
pub(super) struct BandQueue {
    state: Mutex<BandQueueState>,
    begun: Condvar,
    done: Condvar,
}

#[derive(Default)]
struct BandQueueState {
    job: Option<Job>,
    /// The band that nobody has taken yet, and how many are taken and not done.
    next: usize,
    busy: usize,
    /// Parts that wait for one before them; how many were given out, and their bytes.
    parts: [Option<Buffer>; MAX_PARTS],
    given: usize,
    bytes: usize,
    error: Option<anyhow::Error>,
    buffers: Option<Pool>,
    is_over: bool,
}

impl BandQueue {
    /// Has a picture encoded by all threads, the calling one with its own `band`; returns the bytes of its JPEG.
    ///
    /// # Errors
    /// If a band could not be encoded. Parts before it may have been given out.
    pub(super) fn encode(&self, job: Job, band: &mut Band) -> Result<usize> {
        let mut state = self.state();
        (state.job, state.next, state.given, state.bytes, state.error) = (Some(job), 0, 0, 0, None);
        drop(state);
        self.begun.notify_all();
        self.work(band);
        let mut state = self.state();
        while state.job.is_some() {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match state.error.take() {
            None => Ok(state.bytes),
            Some(error) => Err(error),
        }
    }

    /// Encodes bands whenever there are some, until it is over.
    pub(super) fn help(&self, band: &mut Band) {
        loop {
            let mut state = self.state();
            while !state.is_over && !state.has_work() {
                state = self.begun.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_over {
                return;
            }
            drop(state);
            self.work(band);
        }
    }

    /// Ends what waits for work.
    pub(super) fn end(&self) {
        self.state().is_over = true;
        self.begun.notify_all();
    }

    /// Encodes bands as long as there are some.
    fn work(&self, band: &mut Band) {
        while let Some((index, job, mut buffer)) = self.take() {
            let result = catch_unwind(AssertUnwindSafe(|| encode(&job, index, band, &mut buffer)));
            let result = result.unwrap_or_else(|_| {
                *band = Band::new()?;
                Err(anyhow!("the encoder failed at a picture; this is a bug"))
            });
            // The picture is given back first, so that its buffer is free as soon as it is done.
            drop(job);
            self.finish(index, result.map(|()| buffer));
        }
    }

    fn take(&self) -> Option<(usize, Job, Buffer)> {
        let mut state = self.state();
        if !state.has_work() {
            return None;
        }
        let (index, job) = (state.next, state.job.clone()?);
        state.next += 1;
        state.busy += 1;
        let buffer = state.buffers().take();
        Some((index, job, buffer))
    }

    fn finish(&self, index: usize, result: Result<Buffer>) {
        let mut state = self.state();
        let state = &mut *state;
        state.busy -= 1;
        match result {
            Ok(buffer) => {
                let buffer = state.buffers().share(buffer);
                state.parts[index] = Some(buffer);
                state.give_out();
            }
            Err(error) => {
                state.error.get_or_insert(error);
            }
        }
        if state.busy == 0 && !state.has_work() {
            state.job = None;
            state.parts = Default::default();
            self.done.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, BandQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BandQueueState {
    /// Whether there is a band that nobody has taken. After an error none is wanted.
    fn has_work(&self) -> bool {
        self.error.is_none() && self.job.as_ref().is_some_and(|job| self.next < job.bands.count())
    }

    /// Gives out what is next in order.
    fn give_out(&mut self) {
        let Some(Job { captured, bands, sink, .. }) = &self.job else { return };
        while let Some(buffer) = self.parts.get_mut(self.given).and_then(Option::take) {
            let (part, parts) = (self.given as u8, bands.count() as u8);
            self.given += 1;
            self.bytes += buffer.len();
            let (captured, range) = (*captured, 0..buffer.len());
            sink(FramePart { captured, part, parts, buffer, range, signature: None });
        }
    }

    fn buffers(&mut self) -> &mut Pool {
        self.buffers.get_or_insert_with(|| Pool::new(MOST_BUFFERS))
    }
}

fn encode(job: &Job, index: usize, band: &mut Band, buffer: &mut Buffer) -> Result<()> {
    let Job { picture, bands, sampling, quality, .. } = job;
    let (sampling, quality) = (*sampling, *quality);
    band.encode(&Task { picture, rows: bands.rows(index), sampling, quality })?;
    let bytes = unique(buffer);
    bytes.clear();
    part::append(band.jpeg(), bands.place(index), bytes)
}

/// Those of frames that are encoded, wait, and are sent to several destinations, at once.
const MOST_BUFFERS: usize = 8 * MAX_PARTS;
