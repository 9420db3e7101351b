//! A tick's number as a QR code, and back.
//!
//! QR codes, since a camera sees them turned, from the side and out of focus, and well-kept crates make and read them.

use qrcode::{Color, EcLevel, QrCode, Version};

/// What all codes of one run have in common, so that those of another run, or a film of one, are not taken for its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunNumber(u64);

impl RunNumber {
    /// The number of a run, by chance.
    pub(crate) fn new(random: u64) -> Self {
        Self(random % RUNS)
    }

    /// The squares of a tick's code, row by row: whether each is dark. There are [`SIDE`] in a row.
    pub(crate) fn squares(self, tick: u64) -> Vec<bool> {
        let text = format!("{:08}{:09}", self.0, tick % TICKS);
        let code = QrCode::with_version(text, VERSION, EcLevel::H).expect("17 of at most 34 digits");
        code.to_colors().iter().map(|colour| *colour == Color::Dark).collect()
    }

    /// The tick whose code says this; `None` if it is not of this run.
    pub(crate) fn tick(self, text: &str) -> Option<u64> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (run, tick) = text.split_at(RUN_DIGITS);
        (run.parse() == Ok(self.0)).then(|| tick.parse().ok()).flatten()
    }
}

/// The place in the strip of a tick's code, from 0.
pub(crate) fn lane_of(tick: u64) -> usize {
    (tick % LANES as u64) as usize
}

/// Codes in the strip. Three stand still while one is drawn, so that a picture whose exposure lasts over a tick has some
/// that can be read.
pub(crate) const LANES: usize = 4;
/// Squares on each side of a code.
pub(crate) const SIDE: usize = 25;
/// Light squares around a code, which belong to it (ISO/IEC 18004).
pub(crate) const QUIET: usize = 4;

/// The smallest version with a fourth mark, by which a code that is turned or seen from the side is read far smaller.
const VERSION: Version = Version::Normal(2);
const RUN_DIGITS: usize = 8;
const DIGITS: usize = 17;
const RUNS: u64 = 100_000_000;
/// At 200 a second, enough for two months.
const TICKS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_as_many_squares_as_is_said() {
        assert_eq!(RunNumber::new(7).squares(0).len(), SIDE * SIDE);
    }

    #[test]
    fn only_a_code_of_this_run_has_a_tick() {
        let run = RunNumber::new(12_345_678);
        assert_eq!(run.tick("12345678000000042"), Some(42));
        for text in
            ["", "12345679000000042", "1234567800000004", "12345678+00000042", "1234567800000004é", "x"]
        {
            assert_eq!(run.tick(text), None, "{text}");
        }
        assert_eq!((0..6).map(lane_of).collect::<Vec<_>>(), [0, 1, 2, 3, 0, 1]);
    }
}
