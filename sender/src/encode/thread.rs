//! The encoding thread: the newest raw picture in, a JPEG out.

use std::time::Instant;

use proto::{Frame, Pool, QualityControl, Taken};

use super::encoder::Encoder;
use crate::pipeline::Pipeline;

/// Encodes the newest raw picture until there are no more, as well as the path carries it. While nobody watches it
/// waits with the newest where it is.
pub(crate) fn run(pipeline: &Pipeline, mut encoder: Encoder, mut control: QualityControl) {
    let Pipeline { pictures, inbox, demand, stats, clock, .. } = pipeline;
    let mut pool = Pool::new(FRAMES_AT_ONCE);
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
        match encoder.encode(&raw.picture, quality, &mut pool) {
            Ok(jpeg) => {
                control.encoded(quality, jpeg.len());
                stats.encoded(quality, begun.elapsed());
                let frame = Frame { captured: clock.at(raw.at), jpeg, signature: None };
                if inbox.put(frame).is_some() {
                    tracing::trace!(reason = "a newer one came before it was taken", "frame superseded");
                    stats.superseded();
                }
            }
            Err(error) => {
                stats.lock().refused += 1;
                if !complained {
                    tracing::warn!("a picture cannot be encoded: {error:#}");
                    complained = true;
                }
            }
        }
    }
}

/// JPEGs that are encoded, wait, and are sent to several destinations, at once.
const FRAMES_AT_ONCE: usize = 8;

#[cfg(test)]
mod tests;
