//! The encoding thread: the newest raw picture in, the parts of a JPEG out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use proto::{FrameInParts, FramePart, MediaTime, Pool, QualityControl, Taken};

use super::band_queue::PartSink;
use super::encoder::Encoder;
use crate::inbox::FrameInbox;
use crate::pipeline::Pipeline;

/// Encodes the newest raw picture until there are no more, as well as the path carries it. While nobody watches it
/// waits with the newest where it is.
pub(crate) fn run(pipeline: &Pipeline, mut encoder: Encoder, mut control: QualityControl) {
    let Pipeline { pictures, inbox, demand, stats, clock, .. } = pipeline;
    let output = Arc::new(PartOutput::new(inbox.clone()));
    let sink: PartSink = Arc::new({
        let output = output.clone();
        move |part| output.put(part)
    });
    let mut complained = false;
    loop {
        demand.wait();
        let Taken::Value(raw) = pictures.take(None) else { return };
        if !demand.is_there() {
            stats.replaced(false);
            continue;
        }
        let begun = Instant::now();
        let quality = control.next(inbox.frame_budget(), begun);
        let captured = clock.at(raw.at);
        encoder.cut_finely(inbox.frame_budget().is_some());
        let encoded = encoder.encode_parts(&raw.picture, quality, captured, &sink);
        if output.has_displaced.swap(false, Ordering::Relaxed) {
            tracing::trace!(reason = "a newer one came before it was taken", "frame superseded");
            stats.superseded();
        }
        match encoded {
            Ok(bytes) => {
                control.encoded(quality, bytes);
                stats.encoded(quality, begun.elapsed());
                output.show();
            }
            Err(error) => {
                // What was given out of it ends as refused where it is sent.
                if !output.break_off(captured) {
                    stats.lock().refused += 1;
                }
                if !complained {
                    tracing::warn!("a picture cannot be encoded: {error:#}");
                    complained = true;
                }
            }
        }
    }
}

/// Where the parts of a frame go.
struct PartOutput {
    inbox: Arc<FrameInbox>,
    has_displaced: AtomicBool,
    /// The frame as far as it was given out, for whom frames are shown to.
    frame: Mutex<(Option<FrameInParts>, Pool)>,
}

impl PartOutput {
    fn new(inbox: Arc<FrameInbox>) -> Self {
        let frame = Mutex::new((None, Pool::new(FRAMES_SHOWN)));
        Self { inbox, has_displaced: AtomicBool::new(false), frame }
    }

    fn put(&self, part: FramePart) {
        let mut place = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut place.0 {
            Some(frame) if part.part > 0 => {
                frame.add(part.clone());
            }
            other => *other = Some(FrameInParts::begin(part.clone())),
        }
        drop(place);
        if self.inbox.put(part) {
            self.has_displaced.store(true, Ordering::Relaxed);
        }
    }

    /// Shows the frame, now that it is whole.
    fn show(&self) {
        let mut place = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        let (frame, pool) = &mut *place;
        if let Some(frame) = frame.take().filter(|_| self.inbox.has_tap()).and_then(|frame| frame.whole(pool))
        {
            self.inbox.show(&frame);
        }
    }

    /// The rest of the frame will not come; says whether anything of it was given out.
    fn break_off(&self, captured: MediaTime) -> bool {
        let begun = self.frame.lock().unwrap_or_else(PoisonError::into_inner).0.take();
        let Some(begun) = begun else { return false };
        let (part, parts) = (begun.there() as u8, begun.parts() as u8);
        self.inbox.put(FramePart {
            captured,
            part,
            parts,
            buffer: Arc::default(),
            range: 0..0,
            signature: None,
        });
        true
    }
}

/// Frames that are shown at once.
const FRAMES_SHOWN: usize = 8;

#[cfg(test)]
mod tests;
