//! One thread's tools: a frame in, pictures out to the window and to outputs.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::RateLimiter;

use crate::codec::{DecodeError, DecodeTarget, Decoder, Pictures, PixelFormat};
use crate::feed::{Delays, Feed, Feeds, Picture};
use crate::frame::Received;

/// One thread's tools.
pub(super) struct FrameDecoder<'a> {
    decoder: Decoder,
    /// Each kind of refusal is named, and none of them all the time.
    complaints: HashMap<Discriminant<DecodeError>, RateLimiter>,
    feeds: &'a Feeds,
}

impl<'a> FrameDecoder<'a> {
    pub(super) fn new(decoder: Decoder, feeds: &'a Feeds) -> Self {
        Self { decoder, complaints: HashMap::new(), feeds }
    }

    pub(super) fn decode(
        &mut self,
        feed: &Feed,
        format: Option<PixelFormat>,
        received: &Received,
        delays: Delays,
        pictures: &mut Pictures,
    ) {
        let window = format.filter(|_| !feed.is_hidden());
        if format.is_some() && window.is_none() {
            feed.live().counters.hidden += 1;
        }
        for (target, to_window, to_outputs) in self.aims(feed, window).into_iter().flatten() {
            let mut picture = pictures.take();
            let into = Arc::get_mut(&mut picture).expect("a picture from the pool has one owner");
            let begun = Instant::now();
            into.set_interval(feed.interval());
            let size = match self.decoder.decode(&received.frame.jpeg, target, into) {
                Ok(size) => size,
                Err(error) => {
                    feed.live().counters.refused += 1;
                    if is_worth_saying(&mut self.complaints, &error, begun) {
                        tracing::info!("frame {} is not shown: {error}", received.id);
                    }
                    return;
                }
            };
            let took = begun.elapsed();
            pictures.keep(&picture);
            if let Some(outputs) = feed.outputs().filter(|_| to_outputs) {
                outputs.offer_picture(&picture);
            }
            let mut live = feed.live();
            live.counters.decode.add(took);
            if to_window {
                let frame = received.frame.clone();
                let displaced = live.put_picture(Picture { frame, pixels: picture }, size, delays);
                drop(live);
                drop(displaced);
                self.feeds.wake();
            }
        }
    }

    /// How a picture is wanted, and by whom: (how, the window, outputs).
    fn aims(&self, feed: &Feed, window: Option<PixelFormat>) -> [Option<(DecodeTarget, bool, bool)>; 2] {
        let written = feed.outputs().is_some_and(|outputs| outputs.want_pictures());
        let alone = self.feeds.count() <= 1;
        let planes = DecodeTarget { format: PixelFormat::Planes, area: None, alone };
        match window {
            Some(PixelFormat::Planes) => [Some((planes, true, written)), None],
            Some(format) => {
                // A single picture that is shown smaller is scaled more finely than by halves.
                let area = if alone { None } else { feed.area() };
                let pixels = DecodeTarget { format, area, alone };
                [Some((pixels, true, false)), written.then_some((planes, false, true))]
            }
            None => [written.then_some((planes, false, true)), None],
        }
    }
}

fn is_worth_saying(
    complaints: &mut HashMap<Discriminant<DecodeError>, RateLimiter>,
    error: &DecodeError,
    now: Instant,
) -> bool {
    complaints.entry(discriminant(error)).or_insert(RateLimiter::new(COMPLAIN_EVERY)).is_due(now)
}

/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::pool::tests::frame;
    use crate::feed::tests::feed;

    #[test]
    fn each_kind_of_refusal_is_named_and_none_of_them_all_the_time() {
        let (mut complaints, t0) = (HashMap::new(), Instant::now());
        let mut are_due = |error, now| is_worth_saying(&mut complaints, &error, now);
        assert!(are_due(DecodeError::Progressive, t0));
        assert!(are_due(DecodeError::Arithmetic, t0));
        assert!(!are_due(DecodeError::Progressive, t0 + COMPLAIN_EVERY / 2));
        assert!(are_due(DecodeError::Progressive, t0 + COMPLAIN_EVERY));
    }

    #[test]
    fn what_was_to_be_seen_when_it_came_and_is_not_any_more_is_counted_as_hidden() {
        let (feed, feeds) = (Arc::new(feed()), Feeds::new());
        let mut worker = FrameDecoder::new(Decoder::with_threads(1), &feeds);
        feed.set_area(None);
        worker.decode(&feed, Some(PixelFormat::Planes), &frame(1), Delays::new(), &mut Pictures::default());
        assert_eq!(feed.live().counters.hidden, 1);
        worker.decode(&feed, None, &frame(1), Delays::new(), &mut Pictures::default());
        assert_eq!(feed.live().counters.hidden, 1, "without a window there is nothing to be seen");
    }
}
