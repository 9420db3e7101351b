//! How durations, sizes, switches and formats are written on a command line.

use std::time::Duration;

use clap::ValueEnum;

/// What a stream's datagrams are: `--format`, at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StreamFormat {
    /// Chunkcast's own, which is repaired.
    Chunkcast,
    /// RTP/JPEG (RFC 2435).
    Rtp,
}

/// Reads `90s`, `1.5m`, `250ms` or `2h`; a bare number is seconds.
///
/// # Errors
/// A sentence that says what can be written.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write it like 500ms, 10s, 1.5m or 2h");
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if duration.is_zero() {
        Err(format!("{text:?} is no time at all"))
    } else if duration > LONGEST {
        Err(format!("{text:?} is more than a century"))
    } else {
        Ok(duration)
    }
}

/// Reads `500MB`, `2GB`, `256MiB` or `64kB`: a number of bytes, at least 1.
///
/// # Errors
/// A sentence that says what can be written.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write it like 500MB, 2GB or 256MiB");
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let factor: u64 = match unit {
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    let bytes = number * factor as f64;
    // What an f64 counts exactly is far more than any disk has.
    if (1.0..9e15).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

/// Reads `on` or `off`.
///
/// # Errors
/// A sentence that says so.
pub fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".into()),
    }
}

/// A century: far more than anybody waits for, and far less than what overflows a clock.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, millis) in [("250ms", 250), ("2s", 2000), ("3", 3000), ("1.5m", 90_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "10 days", "-1s", "0s", "1e300h", "5000000000000000h", "NaN"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("500MB", 500_000_000), ("1.5GB", 1_500_000_000), ("256MiB", 256 << 20), ("1kB", 1000)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "500", "MB", "0MB", "-1MB", "500M", "500mb", "1e300TB", "NaNMB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off() {
        assert_eq!((parse_switch("on"), parse_switch("off")), (Ok(true), Ok(false)));
        assert!(parse_switch("yes").is_err() && parse_switch("").is_err());
    }
}
