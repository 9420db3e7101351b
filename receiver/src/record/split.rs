//! When a recording goes on in a new file.

use std::str::FromStr;
use std::time::Duration;

use proto::app::{parse_bytes, parse_duration};

/// How long or how large one file of a recording becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// From a file's first picture to the next file's.
    Time(Duration),
    /// Bytes, which no file exceeds.
    Size(u64),
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = match (parse_duration(text), parse_bytes(text)) {
            (Ok(time), _) => Self::Time(time),
            (_, Ok(bytes)) => Self::Size(bytes),
            _ => {
                return Err(format!(
                    "{text:?} is neither a time nor a size; write it like 10m, 1h, 500MB or 2GB"
                ));
            }
        };
        match split {
            Self::Time(time) if time < LEAST_TIME => Err("a file is to hold a second at least".into()),
            Self::Size(bytes) if bytes < LEAST_BYTES => Err("a file is to hold 1MB at least".into()),
            _ => Ok(split),
        }
    }
}

/// Below these, folders would fill with files.
const LEAST_TIME: Duration = Duration::from_secs(1);
const LEAST_BYTES: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_time_or_a_size() {
        for (text, split) in [
            ("10m", Split::Time(Duration::from_secs(600))),
            ("90", Split::Time(Duration::from_secs(90))),
            ("500MB", Split::Size(500_000_000)),
            ("1MiB", Split::Size(1 << 20)),
        ] {
            assert_eq!(text.parse(), Ok(split), "{text}");
        }
        for (text, way_out) in [("10M", "500MB"), ("often", "10m"), ("1ms", "second"), ("1kB", "1MB")] {
            let error = text.parse::<Split>().unwrap_err();
            assert!(error.contains(way_out), "{text}: {error}");
        }
    }
}
