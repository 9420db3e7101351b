//! Converts video levels (limited range: black is 16, white 235) to those of JPEG (full range: 0 and 255).

/// Stretches luma in place: 16 to 235 becomes 0 to 255, what is outside is cut off.
pub(super) fn stretch_luma(plane: &mut [u8]) {
    plane.iter_mut().for_each(|level| *level = luma(*level));
}

/// Stretches chroma in place around its middle, 128: 16 to 240 becomes 0 to 255.
pub(super) fn stretch_chroma(plane: &mut [u8]) {
    plane.iter_mut().for_each(|level| *level = chroma(*level));
}

/// Stretches luma and chroma that lie in turn, luma first.
#[cfg(feature = "camera")]
pub(super) fn stretch_yuyv(row: &mut [u8]) {
    for pair in row.chunks_exact_mut(2) {
        pair[0] = luma(pair[0]);
        pair[1] = chroma(pair[1]);
    }
}

/// Arithmetic of 16 bits without branches, so that the compiler does 8 or 16 at once.
#[inline]
fn luma(level: u8) -> u8 {
    let above_black = u16::from(level.saturating_sub(16).min(219));
    // x + x * 36 / 219; 168.3 / 1024 is 36 / 219.
    (above_black + ((above_black * 168 + 512) >> 10)) as u8
}

#[inline]
fn chroma(level: u8) -> u8 {
    let colour = (i16::from(level) - 128).clamp(-112, 112);
    // x + x * 31 / 224; 141.7 / 1024 is 31 / 224.
    (128 + colour + ((colour * 142 + 512) >> 10)).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_standard_to_within_one() {
        let all: Vec<u8> = (0..=255).collect();
        let (mut luma, mut chroma) = (all.clone(), all.clone());
        stretch_luma(&mut luma);
        stretch_chroma(&mut chroma);
        for (level, (luma, chroma)) in all.iter().zip(luma.iter().zip(&chroma)) {
            let level = f64::from(*level);
            let exact_luma = ((level - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0);
            let exact_chroma = ((level - 128.0) * 255.0 / 224.0 + 128.0).clamp(0.0, 255.0);
            assert!((f64::from(*luma) - exact_luma).abs() < 0.75, "luma {level}: {luma}, not {exact_luma}");
            assert!(
                (f64::from(*chroma) - exact_chroma).abs() < 0.75,
                "{level}: {chroma}, not {exact_chroma}"
            );
        }
        assert_eq!((luma[16], luma[235], chroma[128], chroma[16], chroma[240]), (0, 255, 128, 0, 255));
    }

    /// Not a test but a measurement: `cargo test --release -p sender -- --ignored --nocapture speed`.
    #[test]
    #[ignore = "a measurement"]
    fn speed_of_stretching_1080p() {
        let (mut luma, mut chroma) = (vec![100; 1920 * 1080], vec![100; 1920 * 1080 / 2]);
        let mut times: Vec<_> = (0..100)
            .map(|_| {
                let begun = std::time::Instant::now();
                stretch_luma(std::hint::black_box(&mut luma));
                stretch_chroma(std::hint::black_box(&mut chroma));
                begun.elapsed()
            })
            .collect();
        times.sort();
        println!("stretch 1080p: fastest {:?}, median {:?}", times[0], times[50]);
    }
}
