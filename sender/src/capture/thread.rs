//! The capture thread: opens the source, paces it if it is a file, and hands on each picture.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::Frame;
use proto::RateLimiter;
use proto::jpeg::{self, Coding, Info, JpegHead};

use super::parts::in_parts;
use super::sizes::Sizes;
use super::source::{self, NextPicture, Source, SourceDrops, SourceOptions, Spec, Timing};
use crate::picture::{Captured, Picture, Raw, RawPicture};
use crate::pipeline::Pipeline;
use crate::priority;

/// What a source turned out to be, once it is open.
#[derive(Clone, Debug)]
pub(crate) struct OpenedSource {
    /// For people.
    pub description: String,
    /// How far its pictures are apart, where that is known.
    pub interval: Option<Duration>,
}

/// What the capture thread works with.
pub(crate) struct CaptureThread {
    /// What to open, and how.
    spec: Spec,
    options: SourceOptions,
    /// Where the picture's size is told when it has changed, and which was told last.
    sizes: Arc<Sizes>,
    size: Option<(u16, u16)>,
    /// How the newest JPEG that was looked at is coded.
    coding: Coding,
    /// When the size is looked at.
    look: RateLimiter,
    /// When what is wrong with the source is said.
    complaints: RateLimiter,
    pipeline: Pipeline,
}

impl CaptureThread {
    /// Takes pictures from this source into the pipeline, and tells their size.
    pub(crate) fn new(spec: Spec, options: SourceOptions, sizes: Arc<Sizes>, pipeline: Pipeline) -> Self {
        let (look, complaints) = (RateLimiter::new(LOOK_EVERY), RateLimiter::of_messages());
        Self { spec, options, sizes, size: None, coding: Coding::Baseline, look, complaints, pipeline }
    }

    /// Opens the source, says so to `opened`, and hands on its pictures until it ends or is stopped.
    ///
    /// # Errors
    /// If the source cannot be opened, or fails for good.
    pub(crate) fn run(mut self, opened: &SyncSender<OpenedSource>) -> Result<()> {
        priority::raise();
        let mut source = source::open(&self.spec, &self.options)?;
        let timing = source.timing();
        let rate = match timing {
            Timing::Live(rate) => rate,
            Timing::Stored(rate) => Some(self.options.wanted.fps.or(rate).unwrap_or(DEFAULT_FPS)),
        };
        let interval = rate.map(interval_of);
        if let Some(interval) = interval {
            self.pipeline.inbox.set_interval(interval);
        }
        // Nobody listens any more if the program is already ending.
        let _ = opened.send(OpenedSource { description: source.describe(), interval });
        match (timing, interval) {
            (Timing::Stored(_), Some(interval)) => self.play(&mut *source, interval),
            _ => self.follow(&mut *source),
        }
    }

    /// A live source says itself when a picture is there.
    fn follow(&mut self, source: &mut dyn Source) -> Result<()> {
        while !self.pipeline.stop.is_requested() && self.pass_on(source)? {}
        Ok(())
    }

    /// A stored source is asked for a picture at each instant.
    fn play(&mut self, source: &mut dyn Source, interval: Duration) -> Result<()> {
        let start = Instant::now();
        let (mut due, mut base, mut count) = (start, start, 0u32);
        while !self.pipeline.stop.wait(due.saturating_duration_since(Instant::now()))
            && self.pass_on(source)?
        {
            count += 1;
            due = base + interval.mul_f64(f64::from(count));
            let now = Instant::now();
            // A stalled file or computer does not make the pictures after it come faster.
            if now > due + interval {
                (due, base, count) = (now, now, 0);
            }
        }
        Ok(())
    }

    /// Hands on the next picture; `false` if there is none any more.
    fn pass_on(&mut self, source: &mut dyn Source) -> Result<bool> {
        let before = source.dropped();
        let next = source.next(&self.pipeline.stop)?;
        self.count_dropped(before, source.dropped());
        match next {
            NextPicture::Picture(captured) => {
                if self.pipeline.inbox.source_is_gone.swap(false, Ordering::Relaxed) {
                    tracing::info!("the source is back");
                }
                self.look_after(source);
                // Of a pipe it is known only when its first picture has come.
                if let Timing::Live(Some(rate)) = source.timing() {
                    self.pipeline.inbox.set_interval(interval_of(rate));
                }
                self.look_at(&captured);
                self.deliver(captured);
                Ok(true)
            }
            NextPicture::Gone(why) => {
                self.pipeline.inbox.source_is_gone.store(true, Ordering::Relaxed);
                self.pipeline.stats.lock().capture_errors += 1;
                tracing::warn!("{why}");
                Ok(true)
            }
            NextPicture::End => Ok(false),
        }
    }

    /// Counts a picture, and notes what its source says of itself: how well capture times are known, and what is wrong.
    fn look_after(&mut self, source: &dyn Source) {
        let (error, diagnosis) = (source.capture_error(), source.diagnosis());
        let mut counters = self.pipeline.stats.lock();
        counters.captured += 1;
        let error_before = std::mem::replace(&mut counters.capture_error, error);
        let is_other_diagnosis = counters.source_diagnosis.as_deref() != diagnosis;
        if is_other_diagnosis {
            counters.source_diagnosis = diagnosis.map(str::to_owned);
        }
        drop(counters);
        if let Some(error) = error.filter(|_| error != error_before) {
            self.pipeline.inbox.set_capture_error(error);
            let ms = error.as_secs_f64() * 1000.0;
            if error_before.is_none() {
                tracing::info!("when the camera takes its pictures is known to within {ms:.1} ms");
            } else {
                tracing::debug!(ms, "capture times are known to within another time");
            }
        }
        if is_other_diagnosis && self.complaints.is_due(Instant::now()) {
            match diagnosis {
                Some(diagnosis) => tracing::warn!("{diagnosis}"),
                None => tracing::info!("the source gives as many pictures as it should again"),
            }
        }
    }

    /// Counts what the source dropped by itself: what was damaged never was a picture.
    fn count_dropped(&self, before: SourceDrops, after: SourceDrops) {
        if before != after {
            let mut counters = self.pipeline.stats.lock();
            counters.capture_errors += after.damaged - before.damaged;
            counters.captured += after.superseded - before.superseded;
            counters.superseded += after.superseded - before.superseded;
        }
    }

    /// Tells the picture's size when it is another one, and what no receiver shows. JPEGs are looked at now and then
    /// only.
    fn look_at(&mut self, captured: &Captured) {
        if !self.look.is_due(captured.at) {
            return;
        }
        let size = match &captured.picture {
            Picture::Raw(RawPicture { width, height, .. }) => (*width, *height),
            Picture::Jpeg(jpeg) => match jpeg::scan_head(jpeg) {
                Ok(JpegHead { info: Info { width, height, coding, .. }, .. }) => {
                    self.tell_coding(coding);
                    (width.into(), height.into())
                }
                Err(_) => return,
            },
        };
        let size = u16::try_from(size.0).ok().zip(u16::try_from(size.1).ok());
        if let Some(newest) = size.filter(|_| size != self.size) {
            self.size = size;
            self.sizes.put(newest);
        }
    }

    fn tell_coding(&mut self, coding: Coding) {
        if std::mem::replace(&mut self.coding, coding) == coding {
            return;
        }
        let kind = match coding {
            Coding::Baseline => return,
            Coding::Progressive => "progressive",
            Coding::Lossless => "lossless",
            Coding::Unusual => "arithmetic-coded or hierarchical",
        };
        tracing::warn!(
            "the source's pictures are {kind} JPEGs, and receivers show baseline JPEGs only; \
             jpegtran makes them baseline"
        );
    }

    /// JPEGs go straight to the sending thread, pixels to the encoder.
    fn deliver(&self, captured: Captured) {
        let at = captured.at;
        let displaced = match captured.picture {
            Picture::Raw(picture) => self.pipeline.pictures.put(Raw { picture, at }).is_some(),
            Picture::Jpeg(jpeg) => {
                let (captured, inbox) = (self.pipeline.clock.at(at), &self.pipeline.inbox);
                let frame = Frame { captured, jpeg, signature: None };
                inbox.show(&frame);
                let mut displaced = false;
                in_parts(frame, |part| displaced |= inbox.put(part));
                displaced
            }
        };
        if displaced {
            tracing::trace!(reason = "a newer one came before it was taken", "frame superseded");
            self.pipeline.stats.replaced(self.pipeline.demand.is_there());
        }
    }
}

fn interval_of(rate: f64) -> Duration {
    Duration::from_secs_f64(rate.recip())
}

/// How often a size that changes is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For files that do not say.
const DEFAULT_FPS: f64 = 30.0;
