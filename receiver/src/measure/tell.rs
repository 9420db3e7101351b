//! A measurement as a person begins it, follows it, and is told of it.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use proto::sys::random_bytes;

use super::measurement::{MeasureProgress, Measurement};
use super::report::{TooFewSamples, write_report};
use super::report_json::write_json;

impl Measurement {
    /// Begins one, of so many samples.
    ///
    /// # Errors
    /// If the system gives no chance.
    pub(crate) fn begin(samples: u32) -> Result<Self> {
        Ok(Self::new(samples as usize, u64::from_ne_bytes(random_bytes()?), Instant::now()))
    }

    /// How far it has come, in one line.
    pub(crate) fn line(&self) -> String {
        let progress = self.progress();
        let MeasureProgress { samples, wanted, searched, .. } = progress;
        match progress.advice() {
            None => format!("{samples} of {wanted} samples"),
            Some(advice) => format!("{samples} of {wanted} samples, {searched} pictures searched: {advice}"),
        }
    }

    /// Tells what it came to: people by `out`, programs by a file at `json` (`-` is `out`, and then people are told
    /// nothing).
    ///
    /// # Errors
    /// If there is no figure, with the way out; or nobody can be told.
    pub(crate) fn tell(&self, json: Option<&Path>, out: &mut dyn Write) -> Result<()> {
        let summary = self.summary();
        let is_out = json.is_some_and(|path| path.as_os_str() == "-");
        match json {
            Some(_) if is_out => write_json(&summary, out)?,
            Some(path) => {
                let failed = || format!("cannot write what was measured to {}", path.display());
                let mut line = Vec::new();
                write_json(&summary, &mut line)?;
                std::fs::write(path, line).with_context(failed)?;
            }
            None => {}
        }
        match TooFewSamples::of(&summary) {
            Some(why) => Err(why.into()),
            None if is_out => Ok(()),
            None => Ok(write_report(&summary, out)?),
        }
    }
}

impl MeasureProgress {
    /// What the person at the camera had better do; `None` if all is well.
    pub(crate) fn advice(self) -> Option<&'static str> {
        match self {
            Self { searched: 0, .. } => Some("no picture yet"),
            Self { codes: 0, samples: 0, .. } => Some("all four codes must be in its picture, sharp"),
            Self { codes: 0, .. } => Some("the codes are not seen now"),
            Self { samples: 0, .. } => Some("the codes are seen"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_strip_there_is_no_figure_and_an_error() {
        let measurement = Measurement::begin(200).unwrap();
        assert_eq!(measurement.line(), "0 of 200 samples, 0 pictures searched: no picture yet");
        let mut out = Vec::new();
        let error = measurement.tell(None, &mut out).unwrap_err().to_string();
        assert!(error.contains("no figure") && out.is_empty(), "{error}");
        let error = measurement.tell(Some(Path::new("-")), &mut out).unwrap_err().to_string();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert!(error.contains("no figure") && json["samples"] == 0, "{json}");
    }
}
