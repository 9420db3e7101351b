//! What one picture tells: how long from glass to glass, and where that time went.

use std::time::{Duration, Instant};

use super::tick_log::Between;

/// When a picture was shown, and what its stamps say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PictureTimes {
    /// When it was on the screen, as far as the system tells.
    pub(crate) presented: Instant,
    /// How long it took from the window's beginning to draw it until then.
    pub(crate) drawing: Duration,
    /// Its latency as it is told on the picture, and by how much that is wrong at most; `None` if the sender's clock is
    /// not known.
    pub(crate) latency: Option<(Duration, Duration)>,
}

/// One picture in which the strip was read, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GlassSample {
    /// From what the camera saw until its picture was shown.
    pub(crate) total: f64,
    /// By how much that is wrong at most, by the strip alone.
    pub(crate) error: f64,
    /// From beginning to draw it until it was shown.
    pub(crate) screen: f64,
    pub(crate) stamps: Option<StampTimes>,
}

/// What the stamp of the capture parts, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StampTimes {
    /// From what the camera saw until the stamp. Negative where the stamp is from before that, which cannot be.
    pub(crate) camera: f64,
    /// From the stamp until it was drawn.
    pub(crate) chunkcast: f64,
    /// By how much the sender's clock is known.
    pub(crate) error: f64,
}

impl GlassSample {
    /// Of a picture that was taken at some time between two ticks.
    pub(crate) fn new(times: PictureTimes, taken: Between) -> Self {
        let total = millis(times.presented.saturating_duration_since(taken.middle()));
        let screen = millis(times.drawing);
        let stamps = times.latency.map(|(latency, error)| StampTimes {
            camera: total - millis(latency),
            chunkcast: millis(latency) - screen,
            error: millis(error),
        });
        Self { total, error: millis(taken.half()), screen, stamps }
    }
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let (t0, ms) = (Instant::now(), Duration::from_millis);
        let taken = Between { from: t0, to: t0 + ms(4) };
        let times = PictureTimes { presented: t0 + ms(52), drawing: ms(3), latency: Some((ms(10), ms(1))) };
        let sample = GlassSample::new(times, taken);
        assert_eq!((sample.total, sample.error, sample.screen), (50.0, 2.0, 3.0));
        let stamps = sample.stamps.unwrap();
        assert_eq!((stamps.camera, stamps.chunkcast, stamps.error), (40.0, 7.0, 1.0));
        // A stamp from before the picture can have been taken.
        let early = PictureTimes { latency: Some((ms(90), ms(1))), ..times };
        assert_eq!(GlassSample::new(early, taken).stamps.unwrap().camera, -40.0);
        let unknown = PictureTimes { latency: None, ..times };
        assert_eq!(
            (GlassSample::new(unknown, taken).total, GlassSample::new(unknown, taken).stamps),
            (50.0, None)
        );
    }
}
