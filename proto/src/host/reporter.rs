//! Statistics as they leave a program: a line for people, and JSON for programs.

use std::fs::File;
use std::io::{Write, stdout};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::{Board, Console};
use crate::Percentiles;

/// Writes statistics at each interval, and a last time at the end.
pub struct Reporter {
    console: Console,
    json: Option<File>,
    board: Option<Board>,
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
        let open = |path: &Path| match path.to_str() {
            Some("-") => stdout().as_fd().try_clone_to_owned().map(File::from),
            _ => File::create(path),
        };
        let failed = |path: &Path| format!("cannot write the statistics to {}", path.display());
        let json = json.map(|path| open(path).with_context(|| failed(path))).transpose()?;
        let start = Instant::now();
        Ok(Self { console, json, board: None, interval, start, next: start + interval })
    }

    /// The same reporter, which also posts each report on `board`.
    #[must_use]
    pub fn with_board(self, board: Option<Board>) -> Self {
        Self { board, ..self }
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
        if self.json.is_none() && self.board.is_none() {
            return;
        }
        let time = (self.elapsed() * 1000.0).round() / 1000.0;
        let line = Line { time, is_final, object };
        let mut text = serde_json::to_string(&line).expect("statistics are numbers and strings");
        if let Some(board) = &self.board {
            board.post(&text);
        }
        let Some(json) = &mut self.json else { return };
        // Whoever reads nothing misses lines, and keeps nobody waiting: each line says everything so far.
        if !has_room(json, if is_final { GRACE } else { Duration::ZERO }) {
            return;
        }
        text.push('\n');
        if let Err(error) = json.write_all(text.as_bytes()).and_then(|()| json.flush()) {
            self.json = None;
            self.console.say(format_args!("statistics can no longer be written: {error}"));
        }
    }
}

/// The medians and 99th percentiles in milliseconds of what was measured, behind `label`; nothing if nothing was.
pub fn percentiles_text(label: &str, spreads: &[(&str, Percentiles)]) -> String {
    let mut text = String::new();
    for (name, spread) in spreads {
        if let (Some(p50), Some(p99)) = (spread.p50, spread.p99) {
            text += &format!(" {name} {p50:.1}/{p99:.1}");
        }
    }
    if text.is_empty() { text } else { format!("  {label}:{text}") }
}

/// Rounds a figure: two digits are what a person compares and more than a measurement here is worth.
pub fn two_digits(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Whether a line can be written without waiting longer than `patience`. A pipe that can be written to has room for a
/// page (pipe(7)), and a line is shorter.
fn has_room(file: &File, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).ok();
    // What cannot be asked is written to, and says itself what is wrong with it.
    !matches!(poll(&mut [PollFd::new(file, PollFlags::OUT)], patience.as_ref()), Ok(0))
}

/// How long the last line waits for its reader.
const GRACE: Duration = Duration::from_millis(500);
