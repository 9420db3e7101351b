//! One sender's part of the window: its newest picture or a card instead, and what lies over it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::Frame;
use sdl2::EventPump;
use sdl2::rect::Rect;

use super::backend::canvas::{Canvas, Drawing, Layer};
use super::draw::font::Fonts;
use super::tile_overlay::{Style, TileOverlay, TileState};
use super::widgets::card;
use super::widgets::health::Age;
use super::widgets::samples::Samples;
use crate::codec::Decoded;
use crate::feed::{Delays, Feed, Live, Picture, Status, StreamState};
use crate::measure::{PictureTimes, ShownPicture};

/// A sender's tile.
pub(super) struct Tile {
    pub(super) feed: Arc<Feed>,
    pub(super) samples: Samples,
    /// What was said of it when it was looked at last, and how to tell delays.
    pub(super) status: Arc<Status>,
    delays: Delays,
    /// Its place in the window; `None` while another is shown in all of it.
    area: Option<Rect>,
    picture: Option<Picture>,
    /// Whether the picture has not been shown yet.
    is_fresh: bool,
    /// Whether the picture is from before the sender was silent or gone: it is not shown again.
    is_of_before: bool,
    card: Decoded,
    /// What the card says, while it is shown.
    on_card: Option<Vec<String>>,
    /// What it says beside, where a code is wanted.
    on_key: Vec<String>,
    /// How many letters had been looked for when the card was drawn, and how far from the left it was covered.
    card_drawn: (u32, u32),
    fonts: Rc<Fonts>,
    /// How old the picture was when it was looked at last, and whether that is too old.
    age: Age,
    overlay: TileOverlay,
    must_draw: bool,
    drawing_began: Instant,
}

impl Tile {
    pub(super) fn new(feed: Arc<Feed>, fonts: Rc<Fonts>) -> Self {
        let now = Instant::now();
        Self {
            status: feed.status(),
            delays: Delays::new(),
            feed,
            samples: Samples::new(now),
            area: None,
            picture: None,
            is_fresh: false,
            card: Decoded::default(),
            on_card: None,
            on_key: Vec::new(),
            card_drawn: (0, 0),
            age: Age::default(),
            overlay: TileOverlay::new(fonts.clone()),
            fonts,
            is_of_before: false,
            must_draw: true,
            drawing_began: now,
        }
    }

    pub(super) fn area(&self) -> Option<Rect> {
        self.area
    }

    /// Width and height of the pictures, once one has come.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        self.status.size
    }

    /// Puts it somewhere in the window, or nowhere. It is to be drawn again in any case.
    pub(super) fn place(&mut self, area: Option<Rect>) {
        self.area = area;
        self.feed.set_area(area.map(|area| area.size()));
        if area.is_none() && std::mem::take(&mut self.is_fresh) {
            self.feed.live().counters.hidden += 1;
        }
        self.redraw();
    }

    pub(super) fn redraw(&mut self) {
        self.must_draw = true;
    }

    /// Takes the newest picture, if one has come, and all else that has changed.
    pub(super) fn take(&mut self, now: Instant) {
        let is_hidden = self.feed.is_hidden();
        let mut live = self.feed.live();
        let Live { counters, status, delays, picture } = &mut *live;
        self.delays = *delays;
        if !Arc::ptr_eq(&self.status, status) {
            self.status.clone_from(status);
        }
        self.samples.look(counters, delays.error(), now);
        // A source that comes back goes on with its stream.
        self.is_of_before |= !matches!(status.state, StreamState::Live | StreamState::SourceGone(_));
        let Some(picture) = picture.take() else { return };
        let is_live = status.state == StreamState::Live;
        // The one before was never drawn, or this one came after the end, or when nobody wanted to see it any more.
        counters.unshown += u64::from(self.is_fresh) + u64::from(!is_live && !is_hidden);
        counters.hidden += u64::from(is_hidden);
        drop(live);
        self.is_fresh = is_live && !is_hidden;
        if is_live {
            (self.picture, self.is_of_before, self.must_draw) = (Some(picture), false, true);
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.status.state == StreamState::Live
    }

    /// Whether its key is not known.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.status.state, StreamState::Locked(_))
    }

    /// Has its card say this where a code is wanted.
    pub(super) fn say_of_key(&mut self, lines: &[String]) {
        if self.on_key != lines {
            lines.clone_into(&mut self.on_key);
            self.must_draw = true;
        }
    }

    /// Looks at how old the picture is now.
    pub(super) fn look(&mut self, now: Instant) {
        let age = self.picture.as_ref().map(|p| self.delays.since(p.frame.captured, now));
        let limit = self.stale_after();
        let is_stale = match (self.is_live(), age, limit) {
            (false, ..) => self.picture.is_some(),
            (true, Some(age), Some(limit)) => age > limit,
            (true, ..) => false,
        };
        self.must_draw |= is_stale != self.age.is_stale;
        self.age = Age { age, is_stale };
    }

    /// When the picture will be too old, if none comes before.
    fn next_stale(&self, now: Instant) -> Option<Instant> {
        let left = self.stale_after()?.saturating_sub(self.age.age?);
        (!self.age.is_stale).then(|| now + left)
    }

    fn stale_after(&self) -> Option<Duration> {
        self.feed.interval().map(|interval| STALE_AFTER * interval.apart)
    }

    /// Brings the card up to date, or takes it away; whether it says something new. While there is none, there is a
    /// picture.
    fn renew_card(&mut self, size: (u32, u32), now: Instant) -> bool {
        let mut lines = self.status.card(now);
        if self.is_locked()
            && let Some(lines) = &mut lines
        {
            lines.splice(2..2, self.on_key.iter().cloned());
        }
        let lines = match (lines, &self.picture) {
            // Pictures come again, and none of them is there yet: the card stays, since the picture below it is old.
            (None, Some(_)) if self.is_of_before && self.on_card.is_some() => return false,
            (None, Some(_)) => {
                self.on_card = None;
                return false;
            }
            (lines, _) => lines.unwrap_or_else(|| vec!["waiting for a picture".to_owned()]),
        };
        let now = (self.fonts.answers(), self.overlay.reach());
        let is_same = self.card_drawn == now && (self.card.width(), self.card.height()) == size;
        if !is_same || self.on_card.as_ref() != Some(&lines) {
            card::draw(&mut self.card, &self.fonts, size, now.1, &lines);
            (self.on_card, self.card_drawn) = (Some(lines), now);
            return true;
        }
        false
    }

    /// The frame that is shown, if it is live.
    pub(super) fn frame(&self) -> Option<&Frame> {
        self.picture.as_ref().filter(|_| self.is_live() && !self.is_of_before).map(|picture| &picture.frame)
    }

    /// Brings all that is to be seen of it up to date; whether it is to be drawn again.
    pub(super) fn is_due(&mut self, style: Style, now: Instant) -> bool {
        let Some(area) = self.area else { return false };
        let had_card = self.on_card.is_some();
        let state = TileState { status: &self.status, samples: &self.samples, age: self.age };
        self.must_draw |= self.overlay.refresh(&self.feed, state, area.size(), style, now);
        let is_new = self.renew_card(area.size(), now);
        self.must_draw |= is_new || had_card != self.on_card.is_some();
        self.must_draw
    }

    /// When it changes by itself.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        self.area?;
        [self.next_stale(now), self.overlay.next()].into_iter().flatten().min()
    }

    /// Draws it, and `above` over it.
    pub(super) fn draw(
        &mut self,
        canvas: &mut impl Canvas,
        number: usize,
        above: Option<Layer<'_>>,
        pump: &EventPump,
    ) -> Result<()> {
        let Some(area) = self.area else { return Ok(()) };
        self.drawing_began = Instant::now();
        let picture = match (&self.on_card, &self.picture) {
            (None, Some(picture)) => &*picture.pixels,
            _ => &self.card,
        };
        let ([overlay, label], border) = self.overlay.layers(area);
        let drawing = Drawing { area, picture, layers: [overlay, label, above], border };
        canvas.draw(number, &drawing, pump)?;
        self.must_draw = false;
        Ok(())
    }

    /// Counts the picture that was drawn, if it had not been shown before; returns its times then.
    pub(super) fn presented(&mut self, at: Instant) -> Option<PictureTimes> {
        if self.on_card.is_some() || !std::mem::take(&mut self.is_fresh) {
            return None;
        }
        let Picture { frame, .. } = self.picture.as_ref()?;
        let drawing = at - self.drawing_began;
        let latency = self.feed.shown(frame.captured, at, drawing);
        self.samples.add(latency);
        // Relative ones are of no use to who wants to know when something happened.
        let latency = self.delays.error().map(|error| (latency, error));
        Some(PictureTimes { presented: at, drawing, latency })
    }

    /// The picture that is shown, with its times, to be searched for the strip.
    pub(super) fn shown_picture(&self, times: PictureTimes) -> Option<ShownPicture> {
        let pixels = self.picture.as_ref()?.pixels.clone();
        let size = self.status.size.unwrap_or_default();
        Some(ShownPicture { pixels, size, sender: self.status.label().to_owned(), times })
    }
}

impl Drop for Tile {
    fn drop(&mut self) {
        self.feed.live().counters.unshown += u64::from(self.is_fresh);
    }
}

/// How many frame times a picture may be old: one until the next is captured, and two for the road.
const STALE_AFTER: u32 = 3;

#[cfg(test)]
mod tests {
    use proto::MediaTime;

    use super::*;
    use crate::feed;

    #[test]
    fn a_card_stays_until_a_picture_is_there_that_is_newer() {
        let (feed, now, size) = (Arc::new(feed::tests::feed()), Instant::now(), (320, 240));
        let mut tile = Tile::new(feed.clone(), Rc::new(Fonts::new()));
        let put = |micros| {
            let frame =
                Frame { captured: MediaTime::from_micros(micros), jpeg: Arc::default(), signature: None };
            let picture = Picture { frame, pixels: Arc::default() };
            feed.live().put_picture(picture, size, Delays::new());
        };
        let look = |tile: &mut Tile| {
            tile.take(now);
            tile.renew_card(size, now);
            (tile.on_card.is_some(), tile.frame().map(|frame| frame.captured.as_micros()))
        };
        feed.live().goes_live();
        put(1);
        assert_eq!(look(&mut tile), (false, Some(1)));
        feed.live().falls_silent();
        assert_eq!(look(&mut tile), (true, None));
        // A frame is whole, and not decoded yet.
        feed.live().goes_live();
        assert_eq!(look(&mut tile), (true, None));
        put(2);
        assert_eq!(look(&mut tile), (false, Some(2)));
    }
}
