//! How large a picture's JPEG is at each quality, estimated from those before.
//!
//! libjpeg scales its quantisation tables by `S` percent: 5000 / q below quality 50, 200 - 2 q from there
//! (`jpeg_quality_scaling` in jcparam.c). A photographic picture's bytes go with `S` to the power -0.54: on four
//! pictures of a 1080p film, the power between neighbouring qualities was -0.44 to -0.60 everywhere from 5 to 98. Flat
//! graphics have less to save (-0.3 for a test card), so the power is learned, too.

/// Sizes as a function of quality, for pictures like those seen.
///
/// All in natural logarithms, so that a picture twice as large and one half as large are equally far off.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// The power, positive, and how many squared units of log-scale it rests on.
    power: f64,
    weight: f64,
    /// What was seen last; `None` before the first picture.
    seen: Option<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The log-scale of the picture seen last, for which the logarithms below hold.
    scale: f64,
    /// Bytes, averaged over the last few frames, and over the last second or two.
    soon: f64,
    usual: f64,
    /// How far frames usually are from the prediction.
    deviation: f64,
}

impl Default for Curve {
    fn default() -> Self {
        Self { power: POWER, weight: PRIOR_WEIGHT, seen: None }
    }
}

impl Curve {
    /// Whether there was a picture.
    pub(super) fn is_known(&self) -> bool {
        self.seen.is_some()
    }

    /// Bytes that the next picture will have at `quality`.
    pub(super) fn soon(&self, quality: u8) -> f64 {
        self.predict(quality, |seen| seen.soon)
    }

    /// Bytes that pictures have on average at `quality`.
    pub(super) fn usual(&self, quality: u8) -> f64 {
        self.predict(quality, |seen| seen.usual)
    }

    /// The larger of the two.
    pub(super) fn highest(&self, quality: u8) -> f64 {
        self.predict(quality, |seen| seen.soon.max(seen.usual))
    }

    /// How far [`soon`](Self::soon) may be too high by mere chance, as a factor: 1 for a scene that does not change.
    pub(super) fn chance(&self) -> f64 {
        self.seen.map_or(1.0, |seen| (CHANCE * seen.deviation).exp())
    }

    /// Learns from a picture that has so many `bytes` at `quality`.
    pub(super) fn add(&mut self, quality: u8, bytes: usize) {
        let (scale, size) = (log_scale(quality), (bytes.max(1) as f64).ln());
        let Some(Seen { scale: before, soon, usual, deviation }) = self.seen else {
            self.seen = Some(Seen { scale, soon: size, usual: size, deviation: 0.0 });
            return;
        };
        let finer = before - scale;
        self.learn_power(finer, size - soon);
        let (soon, usual) = (soon + self.power * finer, usual + self.power * finer);
        let off = size - soon;
        let moved = |average: f64, gain: f64| average + (size - average) * gain;
        // After a jump it is the curve that is off, not the scene: what was seen since counts most.
        let jumped = finer.abs() > JUMP;
        let (soon, usual) = if off > (SURPRISE * deviation).max(LEAST_SURPRISE) {
            // Another scene: what was before tells nothing of it. One with less detail is no hurry.
            (size, size)
        } else if jumped {
            (size, moved(usual, GAIN_SOON))
        } else {
            (moved(soon, GAIN_SOON), moved(usual, GAIN_USUAL))
        };
        let gain = if jumped { 0.0 } else { GAIN_DEVIATION };
        let deviation = deviation + (off.abs().min(MOST_OFF) - deviation) * gain;
        self.seen = Some(Seen { scale, soon, usual, deviation });
    }

    fn predict(&self, quality: u8, level: impl Fn(&Seen) -> f64) -> f64 {
        self.seen
            .as_ref()
            .map_or(0.0, |seen| (level(seen) + self.power * (seen.scale - log_scale(quality))).exp())
    }

    /// Least squares through the origin, recursively: sizes `grew` when the scale became `finer`. Single steps of
    /// quality weigh next to nothing, so that noise does not pass for a slope.
    fn learn_power(&mut self, finer: f64, grew: f64) {
        let squared = finer * finer;
        self.power += (finer * grew - squared * self.power) / (self.weight + squared);
        self.power = self.power.clamp(LEAST_POWER, MOST_POWER);
        self.weight = (self.weight + squared).min(MOST_WEIGHT);
    }
}

/// The logarithm of libjpeg's scale of the quantisation tables.
fn log_scale(quality: u8) -> f64 {
    let quality = f64::from(quality.clamp(1, 100));
    let scale = if quality < 50.0 { 5000.0 / quality } else { 200.0 - 2.0 * quality };
    scale.max(FINEST_SCALE).ln()
}

/// Below this scale most quantisers are 1 already, and sizes grow no more: measured from quality 98 to 100.
const FINEST_SCALE: f64 = 2.0;
/// What was measured on film.
const POWER: f64 = 0.54;
/// The measured powers lie well within these.
const LEAST_POWER: f64 = 0.2;
const MOST_POWER: f64 = 0.9;
/// What the measured power weighs: a jump from quality 80 to 40, 1.3 squared units, moves it by half of its error.
const PRIOR_WEIGHT: f64 = 1.0;
/// What is remembered, so that another scene's power is found as quickly.
const MOST_WEIGHT: f64 = 3.0;
/// Averages over about four frames, and over a second or two.
const GAIN_SOON: f64 = 1.0 / 4.0;
const GAIN_USUAL: f64 = 1.0 / 48.0;
const GAIN_DEVIATION: f64 = 1.0 / 16.0;
/// An average over four frames is off by 0.4 standard deviations, which are 1.25 mean ones; the rest of its way up to
/// the budget makes this rare enough.
const CHANCE: f64 = 0.5;
/// How many deviations make a frame the first of another scene,
const SURPRISE: f64 = 4.0;
/// and how much it must be at least: a fifth.
const LEAST_SURPRISE: f64 = 0.2;
/// More than a few steps of quality, in log-scale.
const JUMP: f64 = 0.2;
/// One cut does not make a scene noisy.
const MOST_OFF: f64 = 0.4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_qualities_of_a_film_within_a_few_percent() {
        // Bytes of one 1080p picture of the film "Big Buck Bunny", 4:2:0, by libjpeg-turbo.
        let film = [
            (10, 59_083),
            (20, 84_399),
            (30, 104_903),
            (40, 121_808),
            (50, 138_247),
            (60, 155_815),
            (70, 183_234),
            (80, 227_663),
            (90, 331_161),
            (95, 476_532),
            (98, 756_759),
            (100, 1_093_197),
        ];
        let mut curve = Curve::default();
        curve.add(80, 227_663);
        for (quality, bytes) in film {
            let error = curve.soon(quality) / f64::from(bytes) - 1.0;
            assert!(error.abs() < 0.08, "quality {quality}: {:+.1} %", error * 100.0);
        }
    }

    #[test]
    fn another_slope_is_learned_from_large_steps_and_noise_is_none() {
        let mut curve = Curve::default();
        let bytes = |quality, power: f64| (1e5 * (-power * log_scale(quality)).exp()) as usize;
        for quality in [80, 40, 80, 40, 80, 40] {
            curve.add(quality, bytes(quality, 0.3));
        }
        assert!((curve.power - 0.3).abs() < 0.05, "{}", curve.power);

        let (mut curve, mut random) = (Curve::default(), crate::random::Random::new(3));
        for frame in 0..1000_u16 {
            let quality = 60 + (frame % 3) as u8;
            curve.add(quality, bytes(quality, 0.5) * (85 + random.below(31) as usize) / 100);
        }
        assert!((curve.power - POWER).abs() < 0.15, "{}", curve.power);
    }

    #[test]
    fn impossible_sizes_and_qualities_do_no_harm() {
        let mut curve = Curve::default();
        for (quality, bytes) in [(0, 0), (255, usize::MAX), (1, 1), (100, usize::MAX)] {
            curve.add(quality, bytes);
            assert!((0..=255).all(|quality| curve.highest(quality).is_finite()));
        }
    }
}
