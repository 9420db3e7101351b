//! The units an [`Impairment`](super::impairment::Impairment) is written in: read exactly, printed so that they read
//! back the same.

use std::fmt;
use std::time::Duration;

/// A chance in millionths, from 0 to 1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(pub(super) u32);

impl Chance {
    /// No chance.
    pub const NEVER: Self = Self(0);

    /// This many millionths, at most 1,000,000.
    pub fn from_millionths(millionths: u32) -> Self {
        Self(millionths.min(1_000_000))
    }
}

/// `2%`, in steps of a ten-thousandth of a percent.
pub(super) fn chance(text: &str) -> Option<Chance> {
    let percent = number(text.strip_suffix('%')?)?;
    (percent <= 100.0).then(|| Chance((percent * 10_000.0).round() as u32))
}

/// `5ms`, in whole microseconds, at most a minute.
pub(super) fn time(text: &str) -> Option<Duration> {
    let micros = scaled(text, &[("us", 1.0), ("ms", 1e3), ("s", 1e6)])?;
    (micros <= 60_000_000).then(|| Duration::from_micros(micros))
}

/// `100mbit`, in bits a second.
pub(super) fn rate(text: &str) -> Option<u64> {
    let rate = scaled(text, &[("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1.0)])?;
    (1..=1_000_000_000_000).contains(&rate).then_some(rate)
}

/// `64k`, in bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let size = scaled(text, &[("k", 1024.0), ("m", 1024.0 * 1024.0), ("", 1.0)])?;
    (size <= 1 << 30).then_some(size)
}

// The first unit that fits is taken, so one that ends like another stands before it.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let (digits, scale) = units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    Some((number(digits)? * scale).round() as u64)
}

// Plain decimals only: no sign, no exponent, no "inf".
fn number(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 10_000.0)
    }
}

/// Prints a time for [`time`].
pub(super) struct Time(pub(super) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros if micros % 1000 == 0 => write!(f, "{}ms", micros / 1000),
            micros => write!(f, "{micros}us"),
        }
    }
}

/// Prints a rate for [`rate`].
pub(super) struct BitRate(pub(super) u64);

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bits if bits % 1_000_000 == 0 => write!(f, "{}mbit", bits / 1_000_000),
            bits if bits % 1000 == 0 => write!(f, "{}kbit", bits / 1000),
            bits => write!(f, "{bits}bit"),
        }
    }
}

/// Prints a size for [`size`].
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes % 1024 == 0 => write!(f, "{}k", bytes / 1024),
            bytes => write!(f, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(chance("0.0001%"), Some(Chance(1)));
        assert_eq!(chance("99.9999%").unwrap().to_string(), "99.9999%");
        assert_eq!(time("1.5ms"), Some(Duration::from_micros(1500)));
        assert_eq!(rate("2.5gbit"), Some(2_500_000_000));
        assert_eq!(size("1.5k"), Some(1536));
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(time("60s"), Some(Duration::from_secs(60)));
        assert_eq!(
            (time("61s"), size("1025m"), rate("1001gbit"), chance("100.1%")),
            (None, None, None, None)
        );
        assert_eq!(
            (number("1e3"), number("inf"), number("-1"), number(""), number(".")),
            (None, None, None, None, None)
        );
    }
}
