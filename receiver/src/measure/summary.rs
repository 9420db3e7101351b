//! What all samples come to, and whether that agrees with the stamps.

use std::time::Duration;

use super::sample::{GlassSample, StampTimes, millis};

/// What was measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) samples: Vec<GlassSample>,
    /// How many were wanted.
    pub(crate) wanted: usize,
    /// From the first sample to the last.
    pub(crate) lasted: Duration,
    pub(crate) pictures: PictureCounts,
    /// How far the captures are apart, as far as that is known.
    pub(crate) interval: Option<Duration>,
    /// Whose pictures they are, and their size.
    pub(crate) sender: String,
    pub(crate) size: (u32, u32),
}

/// Pictures by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PictureCounts {
    pub(crate) shown: u64,
    /// In which the strip was looked for; the others came while it was looked for in one before.
    pub(crate) searched: u64,
    /// In which a code of it was read at least.
    pub(crate) with_strip: u64,
}

/// Percentiles in milliseconds. Those are missing for which there are too few samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GlassPercentiles {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// Whether the stamps of the captures can be true, by what was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum StampVerdict {
    /// They can, within this many milliseconds.
    Agree { bar: f64 },
    /// They can; and pictures are stamped so long after they were taken, which is more than a frame.
    Late { bar: f64, by: f64 },
    /// They cannot: they are from before the pictures can have been taken, by so many milliseconds.
    Ahead { bar: f64, by: f64 },
    /// The sender's clock is not known.
    Unknown,
}

impl Summary {
    /// Whether there are enough samples for any figure.
    pub(crate) fn has_figure(&self) -> bool {
        self.samples.len() >= LEAST
    }

    /// From glass to glass.
    pub(crate) fn total(&self) -> GlassPercentiles {
        percentiles(self.samples.iter().map(|sample| sample.total))
    }

    /// Drawing and showing the picture.
    pub(crate) fn screen(&self) -> GlassPercentiles {
        percentiles(self.samples.iter().map(|sample| sample.screen))
    }

    /// Until the stamp of the capture; `None` where the sender's clock was not known.
    pub(crate) fn camera(&self) -> Option<GlassPercentiles> {
        self.stamped(|stamps| stamps.camera)
    }

    /// From the stamp until the window began to draw.
    pub(crate) fn chunkcast(&self) -> Option<GlassPercentiles> {
        self.stamped(|stamps| stamps.chunkcast)
    }

    /// By how much a sample is wrong at most, by the strip alone, in milliseconds: the median.
    pub(crate) fn error(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.error))
    }

    /// Whether the stamps can be true.
    pub(crate) fn verdict(&self) -> StampVerdict {
        let Some(GlassPercentiles { p50: Some(camera), .. }) = self.camera() else {
            return StampVerdict::Unknown;
        };
        let clock = median(self.samples.iter().filter_map(|sample| sample.stamps).map(|stamps| stamps.error));
        let bar = clock + self.error();
        match self.interval.map(millis) {
            _ if camera < -bar => StampVerdict::Ahead { bar, by: -camera },
            Some(frame) if camera > frame + bar => StampVerdict::Late { bar, by: camera },
            _ => StampVerdict::Agree { bar },
        }
    }

    fn stamped(&self, part: impl Fn(StampTimes) -> f64) -> Option<GlassPercentiles> {
        // Parts of some would not be parts of the whole that is told.
        self.samples
            .iter()
            .all(|sample| sample.stamps.is_some())
            .then(|| percentiles(self.samples.iter().filter_map(|sample| sample.stamps).map(part)))
    }
}

/// Percentiles by nearest rank, so that each is something that was measured.
fn percentiles(values: impl Iterator<Item = f64>) -> GlassPercentiles {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let rank = |percent: usize, least: usize| {
        (values.len() >= least).then(|| values[(values.len() * percent).div_ceil(100) - 1])
    };
    GlassPercentiles { p50: rank(50, LEAST), p95: rank(95, LEAST_FOR_P95), p99: rank(99, LEAST_FOR_P99) }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Samples without which there is no figure at all, and those that each percentile needs: one of as many is beyond it.
pub(crate) const LEAST: usize = 10;
const LEAST_FOR_P95: usize = 20;
const LEAST_FOR_P99: usize = 100;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// So many samples, from `from` milliseconds on, 0.1 apart, of a camera that takes as much before its stamp.
    pub(crate) fn summary(count: usize, from: f64, camera: Option<f64>) -> Summary {
        let sample = |number| GlassSample {
            total: from + 0.1 * number as f64,
            error: 2.5,
            screen: 1.0,
            stamps: camera.map(|camera| StampTimes {
                camera,
                chunkcast: from + 0.1 * number as f64 - camera - 1.0,
                error: 0.5,
            }),
        };
        Summary {
            samples: (0..count).map(sample).collect(),
            wanted: 200,
            lasted: Duration::from_secs(14),
            pictures: PictureCounts { shown: 420, searched: 205, with_strip: 203 },
            interval: Some(Duration::from_millis(33)),
            sender: "bench 3".into(),
            size: (1280, 720),
        }
    }

    #[test]
    fn percentiles_are_of_what_was_measured_and_only_where_there_is_enough_of_it() {
        let near = |is: Option<f64>, wanted: f64| is.is_some_and(|is| (is - wanted).abs() < 1e-9);
        let of = |count| summary(count, 50.0, Some(20.0)).total();
        assert_eq!(of(0), GlassPercentiles::default());
        assert_eq!(of(9), GlassPercentiles::default());
        assert!(near(of(10).p50, 50.4) && of(10).p95.is_none());
        assert!(near(of(20).p95, 51.8) && of(99).p99.is_none());
        let all = of(200);
        assert!(near(all.p50, 59.9) && near(all.p95, 68.9) && near(all.p99, 69.7), "{all:?}");
    }

    #[test]
    fn stamps_agree_where_they_are_from_after_the_picture_was_taken() {
        let verdict = |camera| summary(200, 300.0, camera).verdict();
        assert_eq!(verdict(Some(12.0)), StampVerdict::Agree { bar: 3.0 });
        assert_eq!(verdict(Some(-2.9)), StampVerdict::Agree { bar: 3.0 });
        assert_eq!(verdict(Some(-3.1)), StampVerdict::Ahead { bar: 3.0, by: 3.1 });
        assert_eq!(verdict(Some(35.9)), StampVerdict::Agree { bar: 3.0 });
        assert_eq!(verdict(Some(200.0)), StampVerdict::Late { bar: 3.0, by: 200.0 });
        assert_eq!(verdict(None), StampVerdict::Unknown);
        let mut some = summary(200, 300.0, Some(12.0));
        some.samples[7].stamps = None;
        assert_eq!((some.verdict(), some.camera()), (StampVerdict::Unknown, None));
        let unpaced = Summary { interval: None, ..summary(200, 300.0, Some(200.0)) };
        assert_eq!(unpaced.verdict(), StampVerdict::Agree { bar: 3.0 });
    }
}
