//! One thread's tools: frames and parts in, pictures out to the window and to outputs.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::{FrameId, MediaTime, RateLimiter};

use crate::codec::{DecodeError, DecodeTarget, Decoded, Decoder, EarlyPicture, Pictures, PixelFormat};
use crate::feed::{Delays, Feed, Feeds, Picture};
use crate::frame::{Received, ReceivedPart};

/// One thread's tools.
pub(super) struct FrameDecoder<'a> {
    decoder: Decoder,
    /// Each kind of refusal is named, and none of them all the time.
    complaints: HashMap<Discriminant<DecodeError>, RateLimiter>,
    feeds: &'a Feeds,
}

/// A feed's pictures: those that are used again, and the one that is begun.
#[derive(Debug, Default)]
pub(super) struct FeedPictures {
    kept: Pictures,
    begun: Option<BegunPicture>,
}

/// A picture of which some parts are decoded.
#[derive(Debug)]
struct BegunPicture {
    key: FrameKey,
    /// How many of its parts are.
    parts: u8,
    took: Duration,
    early: EarlyPicture,
}

/// A picture of which all is decoded.
struct WholePicture {
    picture: Arc<Decoded>,
    /// Its width and height, as it was sent.
    size: (u32, u32),
    /// How long its parts took before it was whole.
    took: Duration,
}

/// Which frame it is: a sender that was restarted begins with the same numbers.
type FrameKey = (u32, FrameId, MediaTime);

fn key_of(ReceivedPart { sender, part }: &ReceivedPart) -> FrameKey {
    (*sender, part.id.frame, part.captured)
}

impl FeedPictures {
    /// Gives up the picture that is begun.
    fn give_up(&mut self, decoder: &mut Decoder) {
        if let Some(begun) = self.begun.take() {
            self.kept.keep(&decoder.give_up_early(begun.early));
        }
    }
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
        pictures: &mut FeedPictures,
    ) {
        let window = format.filter(|_| !feed.is_hidden());
        if format.is_some() && window.is_none() {
            feed.live().counters.hidden += 1;
        }
        for (target, to_window, to_outputs) in self.aims(feed, window).into_iter().flatten() {
            let begun = Instant::now();
            let WholePicture { mut picture, size, took } =
                match self.finish_or_decode(received, target, pictures) {
                    Ok(picture) => picture,
                    Err(error) => {
                        feed.live().counters.refused += 1;
                        if is_worth_saying(&mut self.complaints, &error, begun) {
                            tracing::info!("frame {} is not shown: {error}", received.id);
                        }
                        return;
                    }
                };
            if let Some(picture) = Arc::get_mut(&mut picture) {
                picture.set_interval(feed.interval());
            }
            let took = took + begun.elapsed();
            pictures.kept.keep(&picture);
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

    /// Decodes parts of a frame that still arrives, as far as they follow each other.
    pub(super) fn begin(
        &mut self,
        feed: &Feed,
        format: Option<PixelFormat>,
        parts: &[ReceivedPart],
        pictures: &mut FeedPictures,
    ) {
        let window = format.filter(|_| !feed.is_hidden());
        // What is wanted in two ways is decoded when it is whole.
        let [Some((target, ..)), None] = self.aims(feed, window) else { return };
        let mut parts = parts;
        while let Some(first) = parts.first() {
            let (start, key, id) = (Instant::now(), key_of(first), first.part.id);
            if id.part == 0 {
                pictures.give_up(&mut self.decoder);
                match self.decoder.begin_early(&first.part.bytes, target, pictures.kept.take()) {
                    Ok(early) => {
                        pictures.begun = Some(BegunPicture { key, parts: 0, took: Duration::ZERO, early });
                    }
                    Err(picture) => pictures.kept.keep(&picture),
                }
            }
            let begun = pictures.begun.as_mut().filter(|begun| begun.key == key);
            let Some(begun) = begun.filter(|begun| begun.parts == id.part) else {
                // The rest waits for what is missing before it.
                parts = &parts[1..];
                continue;
            };
            let follow = |(number, next): &(u8, &ReceivedPart)| {
                (key_of(next), next.part.id.part) == (key, id.part + number)
            };
            let run = (0..).zip(parts).take_while(follow).count();
            let (own, rest) = parts.split_at(run);
            if self.decoder.decode_parts(&mut begun.early, own.iter().map(|own| &own.part.bytes[..])) {
                begun.parts += run as u8;
                begun.took += start.elapsed();
            } else {
                pictures.give_up(&mut self.decoder);
            }
            parts = rest;
        }
    }

    /// Decodes what of a frame is not yet.
    fn finish_or_decode(
        &mut self,
        received: &Received,
        target: DecodeTarget,
        pictures: &mut FeedPictures,
    ) -> Result<WholePicture, DecodeError> {
        let jpeg = &received.frame.jpeg;
        let key = (received.sender, received.id, received.frame.captured);
        let is_its = |begun: &mut BegunPicture| begun.key == key && begun.early.target() == target;
        if let Some(BegunPicture { early, took, .. }) = pictures.begun.take_if(is_its) {
            let size = early.size();
            match self.decoder.finish_early(early, jpeg) {
                Ok(picture) => return Ok(WholePicture { picture, size, took }),
                Err(picture) => pictures.kept.keep(&picture),
            }
        }
        pictures.give_up(&mut self.decoder);
        let mut picture = pictures.kept.take();
        let into = Arc::get_mut(&mut picture).expect("a picture from the pool has one owner");
        let size = self.decoder.decode(jpeg, target, into)?;
        Ok(WholePicture { picture, size, took: Duration::ZERO })
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
        worker.decode(
            &feed,
            Some(PixelFormat::Planes),
            &frame(1),
            Delays::new(),
            &mut FeedPictures::default(),
        );
        assert_eq!(feed.live().counters.hidden, 1);
        worker.decode(&feed, None, &frame(1), Delays::new(), &mut FeedPictures::default());
        assert_eq!(feed.live().counters.hidden, 1, "without a window there is nothing to be seen");
    }
}
