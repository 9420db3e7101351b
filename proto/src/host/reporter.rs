//! Statistics as they leave a program: a line for people, and JSON for programs.

use std::fs::File;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::Console;

/// Writes statistics at each interval, and a last time at the end.
pub struct Reporter {
    console: Console,
    json: Option<Box<dyn Write + Send>>,
    interval: Duration,
    start: Instant,
    next: Instant,
}

/// What one report says.
pub struct Report<T> {
    /// For people: one line, or nothing.
    pub line: String,
    /// For programs: an object with stable names.
    pub object: T,
}

#[derive(Serialize)]
struct Line<'a, T> {
    /// Seconds since the program started.
    time: f64,
    /// Whether it is the last one.
    #[serde(rename = "final")]
    is_final: bool,
    #[serde(flatten)]
    object: &'a T,
}

impl Reporter {
    /// A reporter that writes JSON lines to `json`, if that is given: a file's path, or `-` for standard output.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn new(console: Console, json: Option<&Path>, interval: Duration) -> Result<Self> {
        let json: Option<Box<dyn Write + Send>> = match json {
            None => None,
            Some(path) if path == Path::new("-") => Some(Box::new(stdout())),
            Some(path) => {
                let file = File::create(path)
                    .with_context(|| format!("cannot write the statistics to {}", path.display()))?;
                Some(Box::new(file))
            }
        };
        let start = Instant::now();
        Ok(Self { console, json, interval, start, next: start + interval })
    }

    /// How long until the next report is due.
    pub fn until_next(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Writes a report.
    pub fn report<T: Serialize>(&mut self, report: &Report<T>) {
        self.next = (self.next + self.interval).max(Instant::now());
        self.console.show(&report.line);
        self.write(&report.object, false);
    }

    /// Writes the last report.
    pub fn finish<T: Serialize>(mut self, report: &Report<T>) {
        if !report.line.is_empty() {
            self.console.show(&report.line);
        }
        self.console.finish();
        self.write(&report.object, true);
    }

    /// Seconds since the program started.
    pub fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn write<T: Serialize>(&mut self, object: &T, is_final: bool) {
        let time = (self.elapsed() * 1000.0).round() / 1000.0;
        let Some(json) = &mut self.json else { return };
        let line = Line { time, is_final, object };
        let mut text = serde_json::to_string(&line).expect("statistics are numbers and strings");
        text.push('\n');
        if let Err(error) = json.write_all(text.as_bytes()).and_then(|()| json.flush()) {
            self.json = None;
            self.console.say(format_args!("statistics can no longer be written: {error}"));
        }
    }
}
