//! A measurement while it goes on: the window draws ticks and hands over pictures, a thread of its own reads them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::Latest;

use super::code::RunNumber;
use super::sample::{GlassSample, PictureTimes};
use super::search::StripReading;
use super::summary::{PictureCounts, Summary};
use super::tick_log::TickLog;
use super::tick_pace::TickPace;
use crate::codec::Decoded;
use crate::sync::lock;

/// What the window, the searching thread and the report share. Each lock is held for a moment.
#[derive(Debug)]
pub(crate) struct Measurement {
    pub(super) run: RunNumber,
    /// How many samples are wanted.
    wanted: usize,
    log: Mutex<TickLog>,
    /// How long each tick lasts, in microseconds.
    tick: AtomicU64,
    /// The newest picture that was shown.
    pub(super) pictures: Latest<ShownPicture>,
    gathered: Mutex<Gathered>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Gathered {
    samples: Vec<GlassSample>,
    counts: PictureCounts,
    /// When the first sample was shown, and the last one.
    span: Option<(Instant, Instant)>,
    /// How many codes were read in the last picture.
    codes: usize,
    sender: String,
    size: (u32, u32),
    interval: Option<Duration>,
}

/// A picture that was shown, to be searched for the strip.
#[derive(Debug)]
pub(crate) struct ShownPicture {
    pub(crate) pixels: Arc<Decoded>,
    /// Its size as it was sent.
    pub(crate) size: (u32, u32),
    /// Whose it is.
    pub(crate) sender: String,
    pub(crate) times: PictureTimes,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MeasureProgress {
    pub(crate) samples: usize,
    pub(crate) wanted: usize,
    /// Pictures in which the strip was looked for.
    pub(crate) searched: u64,
    /// Codes of it in the last one.
    pub(crate) codes: usize,
}

impl Measurement {
    /// Of so many samples, in a run with this number.
    pub(crate) fn new(wanted: usize, random: u64, now: Instant) -> Self {
        let tick = TickPace::new(now).tick().as_micros() as u64;
        Self {
            run: RunNumber::new(random),
            wanted,
            log: Mutex::default(),
            tick: AtomicU64::new(tick),
            pictures: Latest::new(),
            gathered: Mutex::default(),
        }
    }

    /// How long each tick is to last, about.
    pub(crate) fn tick(&self) -> Duration {
        Duration::from_micros(self.tick.load(Ordering::Relaxed))
    }

    pub(super) fn set_tick(&self, tick: Duration) {
        self.tick.store(tick.as_micros() as u64, Ordering::Relaxed);
    }

    /// The tick to be shown next, and the squares of its code.
    pub(crate) fn next_tick(&self) -> (u64, Vec<bool>) {
        let tick = lock(&self.log).next();
        (tick, self.run.squares(tick))
    }

    /// Its code is on the screen.
    pub(crate) fn tick_shown(&self, at: Instant) {
        lock(&self.log).shown(at);
    }

    /// Takes over a picture that is on the screen.
    pub(crate) fn picture_shown(&self, picture: ShownPicture) {
        lock(&self.gathered).counts.shown += 1;
        drop(self.pictures.put(picture));
    }

    /// No more pictures come.
    pub(crate) fn close(&self) {
        self.pictures.close();
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> MeasureProgress {
        let gathered = lock(&self.gathered);
        let (samples, searched) = (gathered.samples.len(), gathered.counts.searched);
        MeasureProgress { samples, wanted: self.wanted, searched, codes: gathered.codes }
    }

    /// Counts a picture that was searched. Where it can be a sample, it becomes one, if its tick was on the screen.
    pub(super) fn searched(&self, picture: &ShownPicture, read: Option<StripReading>, is_sample: bool) {
        let taken = read
            .filter(|_| is_sample)
            .and_then(|read| lock(&self.log).taken(read.tick, read.is_changing, picture.times.presented));
        let mut gathered = lock(&self.gathered);
        gathered.counts.searched += 1;
        gathered.counts.with_strip += u64::from(read.is_some());
        gathered.codes = read.map_or(0, |read| read.codes);
        let Some(taken) = taken else { return };
        gathered.samples.push(GlassSample::new(picture.times, taken));
        let at = picture.times.presented;
        gathered.span = Some((gathered.span.map_or(at, |(first, _)| first), at));
        gathered.size = picture.size;
        picture.sender.clone_into(&mut gathered.sender);
        gathered.interval = picture.pixels.interval().map(|interval| interval.apart).or(gathered.interval);
    }

    /// What it came to.
    pub(crate) fn summary(&self) -> Summary {
        let gathered = lock(&self.gathered);
        Summary {
            samples: gathered.samples.clone(),
            wanted: self.wanted,
            lasted: gathered.span.map_or(Duration::ZERO, |(first, last)| last - first),
            pictures: gathered.counts,
            interval: gathered.interval,
            sender: gathered.sender.clone(),
            size: gathered.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_sample_if_its_tick_was_on_the_screen_before_it() {
        let t0 = Instant::now();
        let measurement = Measurement::new(5, 7, t0);
        let picture = |millis| ShownPicture {
            pixels: Arc::default(),
            size: (640, 480),
            sender: "bench".into(),
            times: PictureTimes {
                presented: t0 + Duration::from_millis(millis),
                drawing: Duration::ZERO,
                latency: None,
            },
        };
        assert_eq!(measurement.next_tick().0, 0);
        measurement.tick_shown(t0);
        measurement.tick_shown(t0 + Duration::from_millis(10));
        let read = |tick| Some(StripReading { tick, codes: 2, is_changing: false });
        measurement.searched(&picture(50), read(0), true);
        measurement.searched(&picture(80), read(0), false);
        measurement.searched(&picture(90), read(2), true);
        measurement.searched(&picture(95), None, true);
        measurement.searched(&picture(8), read(1), true);
        let summary = measurement.summary();
        assert_eq!(summary.samples.iter().map(|sample| sample.total).collect::<Vec<_>>(), [45.0]);
        assert_eq!(summary.pictures, PictureCounts { shown: 0, searched: 5, with_strip: 4 });
        assert_eq!(measurement.progress(), MeasureProgress { samples: 1, wanted: 5, searched: 5, codes: 2 });
    }
}
