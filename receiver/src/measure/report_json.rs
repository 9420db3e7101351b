//! What was measured, as it is told to programs.

use std::io::{self, Write};

use serde::Serialize;

use super::sample::millis;
use super::summary::{GlassPercentiles, StampVerdict, Summary};

/// Writes what was measured, for programs, with or without a figure: one object in one line.
pub(crate) fn write_json(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let (verdict, bar) = match summary.verdict() {
        StampVerdict::Agree { bar } => ("agree", Some(bar)),
        StampVerdict::Late { bar, .. } => ("late", Some(bar)),
        StampVerdict::Ahead { bar, .. } => ("ahead", Some(bar)),
        StampVerdict::Unknown => ("unknown", None),
    };
    let object = MeasureObject {
        samples: summary.samples.len(),
        wanted: summary.wanted,
        seconds: rounded(summary.lasted.as_secs_f64()),
        pictures: [summary.pictures.shown, summary.pictures.searched, summary.pictures.with_strip],
        total: summary.total().into(),
        camera: summary.camera().map(Into::into),
        chunkcast: summary.chunkcast().map(Into::into),
        screen: summary.screen().into(),
        error_ms: rounded(summary.error()),
        interval_ms: summary.interval.map(|interval| rounded(millis(interval))),
        stamps: verdict,
        stamps_error_ms: bar.map(rounded),
    };
    writeln!(out, "{}", serde_json::to_string(&object).expect("numbers and words"))
}

/// What was measured, in milliseconds.
#[derive(Serialize)]
struct MeasureObject {
    samples: usize,
    wanted: usize,
    seconds: f64,
    /// Shown, searched, and with a code that was read.
    pictures: [u64; 3],
    #[serde(rename = "glass_to_glass_ms")]
    total: PercentilesObject,
    #[serde(rename = "camera_ms")]
    camera: Option<PercentilesObject>,
    #[serde(rename = "chunkcast_ms")]
    chunkcast: Option<PercentilesObject>,
    #[serde(rename = "screen_ms")]
    screen: PercentilesObject,
    error_ms: f64,
    interval_ms: Option<f64>,
    stamps: &'static str,
    stamps_error_ms: Option<f64>,
}

#[derive(Serialize)]
struct PercentilesObject {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

impl From<GlassPercentiles> for PercentilesObject {
    fn from(GlassPercentiles { p50, p95, p99 }: GlassPercentiles) -> Self {
        let [p50, p95, p99] = [p50, p95, p99].map(|value| value.map(rounded));
        Self { p50, p95, p99 }
    }
}

fn rounded(value: f64) -> f64 {
    proto::app::two_digits(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::summary::tests::summary;

    #[test]
    fn programs_are_told_the_same() {
        let mut json = Vec::new();
        write_json(&summary(200, 250.0, Some(12.0)), &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["glass_to_glass_ms"]["p99"], 269.7);
        assert_eq!((json["camera_ms"]["p50"].as_f64(), json["stamps"].as_str()), (Some(12.0), Some("agree")));
    }

    #[test]
    fn without_a_figure_there_is_none() {
        let mut json = Vec::new();
        write_json(&summary(9, 250.0, Some(12.0)), &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert!(json["glass_to_glass_ms"]["p50"].is_null() && json["samples"] == 9, "{json}");
    }
}
