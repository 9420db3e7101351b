//! The thread that looks for the strip in pictures that are on the screen already: nothing waits for it.

use std::time::{Duration, Instant};

use proto::Taken;
use proto::sys::Stop;

use super::measurement::Measurement;
use super::search::StripSearch;
use super::tick_pace::TickPace;

impl Measurement {
    /// Searches pictures until there are enough samples, the strip is not found for long, or no more pictures come;
    /// requests `stop` then.
    pub(crate) fn search(&self, stop: &Stop) {
        // What it takes is not to be missing where pictures are on their way to the screen.
        let _ = rustix::process::nice(MODEST);
        let mut search = StripSearch::new(self.run);
        let mut found = Instant::now();
        let mut pace = TickPace::new(found);
        loop {
            let left = PATIENCE.saturating_sub(found.elapsed());
            let Taken::Value(picture) = self.pictures.take(Some(left)) else { break };
            let begun = Instant::now();
            let read = search.read(&picture.pixels);
            let now = Instant::now();
            if read.is_some() {
                found = now;
            }
            let codes = read.map_or(0, |read| read.codes);
            let is_sample = pace.read(codes, picture.times.presented, now);
            self.set_tick(pace.tick());
            self.searched(&picture, read, is_sample);
            let progress = self.progress();
            tracing::trace!(?read, is_sample, tick = ?pace.tick(), took = ?now - begun, "a picture is searched");
            // As long without work: of two cores, pictures need more than one.
            if progress.samples >= progress.wanted || found.elapsed() >= PATIENCE || stop.wait(now - begun) {
                break;
            }
        }
        stop.request();
    }
}

/// How long a person may take to point a camera at the strip, or lose it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Behind what shows pictures, and not so far that a busy computer never comes to it.
const MODEST: i32 = 5;
