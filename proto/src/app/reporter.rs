//! Statistics as they leave a program: a line for people, and JSON for programs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::console::{Console, LogFormat};
use super::heartbeat::Heartbeat;
use super::latest_stats::LatestStats;
use super::service_manager::ServiceManager;
use super::stats_file::StatsFile;
use crate::histogram::Percentiles;

/// Writes statistics at each interval, and a last time at the end.
pub struct Reporter {
    console: Console,
    json: Option<StatsFile>,
    latest: Option<LatestStats>,
    interval: Duration,
    start: Instant,
    next: Instant,
    manager: ServiceManager,
    /// When the service manager is to be told next that the program lives, if it wants to hear that.
    next_sign: Option<Instant>,
    /// The threads without which it does not, by name.
    heartbeats: Vec<(&'static str, Heartbeat)>,
}

/// What one report says.
pub struct StatsReport<T> {
    /// For people: one line, or nothing.
    pub line: String,
    /// For programs: an object with stable names.
    pub object: T,
}

#[derive(Serialize)]
struct ReportLine<'a, T> {
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
        let failed = |path: &Path| format!("cannot write the statistics to {}", path.display());
        let open = |path: &Path| StatsFile::open(path).with_context(|| failed(path));
        let json = json.map(open).transpose()?;
        let start = Instant::now();
        let (next, manager) = (start + interval, ServiceManager::from_environment());
        let heartbeats = Vec::new();
        Ok(Self { console, json, latest: None, interval, start, next, manager, next_sign: None, heartbeats })
    }

    /// The same reporter, which also posts each report on `latest`.
    #[must_use]
    pub fn with_latest(self, latest: Option<LatestStats>) -> Self {
        Self { latest, ..self }
    }

    /// From now on, the program lives only while this thread does.
    pub fn watch(&mut self, thread: &'static str, heartbeat: Heartbeat) {
        self.heartbeats.push((thread, heartbeat));
    }

    /// Tells the service manager that the program does its work from now on.
    pub fn ready(&mut self) {
        self.next_sign = self.manager.interval().map(|interval| Instant::now() + interval);
        self.manager.ready();
    }

    /// Tells the service manager that the program ends.
    pub fn stopping(&self) {
        self.manager.stopping();
    }

    /// How long until there is something to do: to report, or to [show that the program lives](Self::keep_alive).
    pub fn until_next(&self) -> Duration {
        let next = self.next_sign.map_or(self.next, |sign| sign.min(self.next));
        next.saturating_duration_since(Instant::now())
    }

    /// Whether the next report is due.
    pub fn is_due(&self) -> bool {
        self.next <= Instant::now()
    }

    /// Tells the service manager, when it is time, that the program lives: if all threads that are
    /// [watched](Self::watch) went round since it was told before. Else it will restart the program.
    pub fn keep_alive(&mut self) {
        let now = Instant::now();
        let (Some(interval), Some(next)) = (self.manager.interval(), self.next_sign) else { return };
        if now < next {
            return;
        }
        self.next_sign = Some(now + interval);
        // Each is asked, so that one that hung does not hide what another did meanwhile.
        let hung: Vec<_> = self.heartbeats.iter().filter(|(_, heartbeat)| !heartbeat.was_felt()).collect();
        if hung.is_empty() {
            self.manager.alive();
        }
        for (thread, _) in hung {
            let seconds = interval.as_secs_f64();
            tracing::warn!("the {thread} thread has done nothing for {seconds:.1} s");
        }
    }

    /// Writes a report.
    pub fn report<T: Serialize>(&mut self, report: &StatsReport<T>) {
        self.next = (self.next + self.interval).max(Instant::now());
        self.show(&report.line);
        self.write(&report.object, false);
    }

    /// Writes the last report.
    pub fn finish<T: Serialize>(mut self, report: &StatsReport<T>) {
        if !report.line.is_empty() {
            self.show(&report.line);
        }
        self.console.finish();
        self.write(&report.object, true);
    }

    /// Seconds since the program started.
    pub fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// A service manager has a place for a line that rewrites itself; its journal is for messages.
    fn show(&self, line: &str) {
        self.manager.status(line);
        if !self.manager.is_there() || self.console.format() == LogFormat::Json {
            self.console.show(line);
        } else {
            self.console.catch_up();
        }
    }

    fn write<T: Serialize>(&mut self, object: &T, is_final: bool) {
        if self.json.is_none() && self.latest.is_none() {
            return;
        }
        let time = (self.elapsed() * 1000.0).round() / 1000.0;
        let line = ReportLine { time, is_final, object };
        let mut text = serde_json::to_string(&line).expect("statistics are numbers and strings");
        if let Some(latest) = &self.latest {
            latest.post(&text);
        }
        let Some(json) = &mut self.json else { return };
        text.push('\n');
        if let Err(error) = json.write(&text, if is_final { GRACE } else { Duration::ZERO }) {
            self.json = None;
            tracing::warn!("statistics can no longer be written: {error}");
        }
    }
}

/// The medians and 99th percentiles in milliseconds of what was measured, behind `label`; nothing if nothing was.
pub fn percentiles_text(label: &str, spreads: &[(&str, Percentiles)]) -> String {
    let mut text = String::new();
    for (name, histogram) in spreads {
        if let (Some(p50), Some(p99)) = (histogram.p50, histogram.p99) {
            text += &format!(" {name} {p50:.1}/{p99:.1}");
        }
    }
    if text.is_empty() { text } else { format!("  {label}:{text}") }
}

/// Rounds a figure: two digits are what a person compares and more than a measurement here is worth.
pub fn two_digits(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// How long the last line waits for its reader.
const GRACE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_lives_only_while_all_threads_that_are_watched_go_round() {
        let (manager, told) = ServiceManager::for_tests(Duration::from_millis(2));
        let mut reporter = Reporter::new(Console::new("test"), None, Duration::from_secs(60)).unwrap();
        reporter.manager = manager;
        let (one, other) = (Heartbeat::default(), Heartbeat::default());
        reporter.watch("one", one.clone());
        reporter.watch("other", other.clone());
        reporter.ready();
        let mut told_after = |beaten: &[&Heartbeat]| {
            for heartbeat in beaten {
                heartbeat.beat(None);
            }
            std::thread::sleep(reporter.until_next());
            reporter.keep_alive();
            let mut buffer = [0; 64];
            let length = told.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        };
        assert_eq!(told_after(&[]).as_deref(), Some("READY=1"));
        assert_eq!(told_after(&[&one, &other]).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(told_after(&[&other]), None);
        assert_eq!(told_after(&[&one]), None);
        assert_eq!(told_after(&[&one, &other]).as_deref(), Some("WATCHDOG=1"));
        assert!(!reporter.is_due());
    }
}
