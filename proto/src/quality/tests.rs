use super::*;
use crate::random::Random;
use crate::t0;

/// A camera, an encoder and the controller between them, at 30 frames a second.
struct Scene {
    control: QualityControl,
    now: Instant,
    random: Random,
    /// Bytes at quality 80.
    bytes: f64,
    /// How bytes go with libjpeg's scale.
    power: f64,
    /// Frames are up to this share larger or smaller than usual.
    noise: f64,
}

impl Scene {
    fn new(range: &str, bytes: f64) -> Self {
        let control = QualityControl::new(range.parse().unwrap());
        Self { control, now: t0(), random: Random::new(5), bytes, power: 0.54, noise: 0.0 }
    }

    /// Encodes so many frames; gives each one's quality and bytes.
    fn run(&mut self, frames: usize, budget: Option<usize>) -> Vec<(u8, f64)> {
        (0..frames)
            .map(|_| {
                self.now += Duration::from_millis(33);
                let quality = self.control.next(budget, self.now);
                let chance = self.random.below(2_000_001) as f64 / 1e6 - 1.0;
                let bytes = self.usual(quality) * (1.0 + self.noise * chance);
                self.control.encoded(quality, bytes as usize);
                (quality, bytes)
            })
            .collect()
    }

    fn usual(&self, quality: u8) -> f64 {
        let q = f64::from(quality);
        let scale: f64 = if q < 50.0 { 5000.0 / q } else { 200.0 - 2.0 * q };
        self.bytes * (scale.max(2.0) / 40.0).powf(-self.power)
    }
}

/// Mean and standard deviation.
fn histogram(frames: &[(u8, f64)]) -> (f64, f64) {
    let mean = frames.iter().map(|&(quality, _)| f64::from(quality)).sum::<f64>() / frames.len() as f64;
    let squares: f64 = frames.iter().map(|&(quality, _)| (f64::from(quality) - mean).powi(2)).sum();
    (mean, (squares / frames.len() as f64).sqrt())
}

#[test]
fn ranges_are_read_and_mistakes_explained() {
    let range = |text: &str| text.parse::<QualityRange>().map(|range| (range.min(), range.max()));
    assert_eq!((range("80"), range("40..80"), range("1..100")), (Ok((80, 80)), Ok((40, 80)), Ok((1, 100))));
    for text in ["", "0", "101", "0..80", "40..", "..80", "40-80", "40..80..90", "good", "40..=80"] {
        let error = range(text).unwrap_err().to_string();
        assert!(error.contains("from 1 to 100") && error.contains("40..80"), "{text}: {error}");
    }
    assert!(range("80..40").unwrap_err().to_string().contains("40..80"));
}

#[test]
fn without_a_limit_and_within_it_the_best_quality_is_used() {
    let mut scene = Scene::new("40..80", 170_000.0);
    assert!(scene.run(100, None).iter().all(|&(quality, _)| quality == 80));
    assert!(scene.run(100, Some(200_000)).iter().all(|&(quality, _)| quality == 80));
    scene.run(10, Some(100_000));
    assert_eq!(scene.run(1, None)[0].0, 80);
}

#[test]
fn a_fixed_quality_stays_and_the_lowest_is_the_lowest() {
    let mut fixed = Scene::new("80", 170_000.0);
    assert!(fixed.run(50, Some(1)).iter().all(|&(quality, _)| quality == 80));
    let mut narrow = Scene::new("40..80", 170_000.0);
    assert!(narrow.run(50, Some(0))[1..].iter().all(|&(quality, _)| quality == 40));
}

#[test]
fn a_first_frame_of_three_times_the_budget_fits_after_one_or_three_whatever_the_picture() {
    // The flattest cannot become three times smaller at all.
    for (power, times, late) in
        [(0.3, 2.0, 3), (0.4, 3.0, 3), (0.47, 3.0, 2), (0.54, 3.0, 1), (0.6, 3.0, 1), (0.7, 3.0, 1)]
    {
        let mut scene = Scene::new("5..80", times * 100_000.0);
        scene.power = power;
        let frames = scene.run(10, Some(100_000));
        assert!(frames[late..].iter().all(|&(_, bytes)| bytes < 100_000.0), "power {power}: {frames:.0?}");
    }
}

#[test]
fn a_constant_scene_settles_within_a_step_and_uses_its_budget() {
    for (bytes, budget) in [(170_000.0, 125_000), (300_000.0, 160_000), (50_000.0, 40_000)] {
        let mut scene = Scene::new("10..95", bytes);
        scene.run(600, Some(budget));
        let frames = scene.run(3000, Some(budget));
        let qualities = frames.iter().map(|frame| frame.0);
        assert!(qualities.clone().max().unwrap() - qualities.min().unwrap() <= 1, "{frames:.0?}");
        let share = frames[0].1 / budget as f64;
        assert!((0.85..0.97).contains(&share), "{bytes} in {budget}: {share}");
    }
}

#[test]
fn a_noisy_scene_does_not_make_it_swing_and_few_frames_are_too_large() {
    for (seed, bytes, budget) in [(1, 170_000.0, 125_000), (2, 300_000.0, 160_000), (3, 120_000.0, 150_000)] {
        let mut scene = Scene::new("10..95", bytes);
        (scene.noise, scene.random) = (0.15, Random::new(seed));
        scene.run(300, Some(budget));
        let frames = scene.run(6000, Some(budget));
        let over = frames.iter().filter(|frame| frame.1 > 1.1 * budget as f64).count();
        let used = frames.iter().map(|frame| frame.1).sum::<f64>() / 6000.0 / budget as f64;
        let (mean, deviation) = histogram(&frames);
        assert!(deviation < 1.0, "quality {mean:.1} ± {deviation:.2}");
        assert!(over < 300, "{over} of 6000 frames are too large");
        assert!((0.85..0.97).contains(&used), "{used} of the budget");
    }
}

#[test]
fn a_cut_to_a_larger_scene_costs_a_frame_and_quality_rises_slowly_again() {
    let mut scene = Scene::new("10..80", 120_000.0);
    assert_eq!(scene.run(100, Some(150_000))[99].0, 80);
    scene.bytes = 360_000.0;
    let large = scene.run(100, Some(150_000));
    assert!(large[1..].iter().all(|frame| frame.1 < 150_000.0), "{large:.0?}");
    scene.bytes = 120_000.0;
    let small = scene.run(900, Some(150_000));
    for pair in small.windows(2) {
        assert!(pair[1].0 <= pair[0].0 + 2, "{small:.0?}");
    }
    for second in small.chunks(31) {
        assert!(second[second.len() - 1].0 <= second[0].0 + 10, "two steps in 250 ms: {second:.0?}");
    }
    assert_eq!(small[899].0, 80);
}

#[test]
fn a_budget_that_steps_is_followed_down_at_once_and_up_without_overshoot() {
    let mut scene = Scene::new("10..90", 170_000.0);
    scene.noise = 0.05;
    scene.run(200, Some(170_000));
    let down = scene.run(200, Some(85_000));
    assert!(down.iter().all(|frame| frame.1 < 1.1 * 85_000.0), "{down:.0?}");
    let up = scene.run(900, Some(170_000));
    assert!(up.iter().all(|frame| frame.1 < 1.05 * 170_000.0), "{up:.0?}");
    let settled = histogram(&up[600..]);
    assert!(settled.0 > 70.0 && settled.1 < 1.0, "{settled:?}");
}

#[test]
fn a_budget_that_trembles_does_not_make_it_swing() {
    let mut scene = Scene::new("10..95", 170_000.0);
    let mut random = Random::new(9);
    let mut frames = Vec::new();
    for _ in 0..400 {
        let budget = 121_000 + random.below(8_001) as usize;
        frames.extend(scene.run(8, Some(budget)));
    }
    let (mean, deviation) = histogram(&frames[600..]);
    assert!(deviation < 1.5, "quality {mean:.1} ± {deviation:.2}");
}
