//! Reports at each interval, and a last time when all has ended.

use std::time::{Duration, Instant};

use anyhow::Result;
use proto::app::Reporter;

use super::diagnosis::Diagnosis;
use crate::pipeline::Pipeline;
use crate::stats::Reports;

/// What reports are made of and how.
pub(super) struct Reporting {
    pub(super) pipeline: Pipeline,
    pub(super) diagnosis: Diagnosis,
    pub(super) reports: Reports,
    pub(super) reporter: Reporter,
}

impl Reporting {
    /// Looks and reports at each interval until the program is told to stop, or `duration` is over; then has everything
    /// `end`ed.
    ///
    /// # Errors
    /// What that failed with.
    pub(super) fn run(mut self, duration: Option<Duration>, end: impl FnOnce() -> Result<()>) -> Result<()> {
        let (stop, stats) = (self.pipeline.stop.clone(), self.pipeline.stats.clone());
        let over = duration.map(|duration| Instant::now() + duration);
        loop {
            let left = over.map(|over| over.saturating_duration_since(Instant::now()));
            let wait = left.unwrap_or(Duration::MAX).min(self.reporter.until_next());
            if stop.wait(wait) || left == Some(Duration::ZERO) {
                break;
            }
            self.reporter.keep_alive();
            if self.reporter.is_due() {
                self.diagnosis.look(&stats, Instant::now());
                self.reporter.report(&self.reports.make(&stats, false));
            }
        }
        self.reporter.stopping();
        stop.request();
        let result = end();
        let mut report = self.reports.make(&stats, true);
        if report.object.frames.captured == 0 && result.is_err() {
            // There is an error to read, and no statistics worth a line before it.
            report.line.clear();
        }
        self.reporter.finish(&report);
        result
    }
}
