//! Threads whose failure is reported.

use std::thread::{Builder, JoinHandle, panicking};

use anyhow::{Context, Result, anyhow};

use super::stop::Stop;

/// Starts a thread; when it fails or panics, everything is asked to stop.
///
/// # Errors
/// If the system gives no thread.
pub fn spawn(
    name: &str,
    stop: &Stop,
    work: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<JoinHandle<Result<()>>> {
    let stop = stop.clone();
    let work = move || {
        let _guard = StopAtPanic(&stop);
        work().inspect_err(|_| stop.request())
    };
    Builder::new().name(name.into()).spawn(work).with_context(|| format!("cannot start the {name} thread"))
}

/// Waits for a thread, and says how it ended.
///
/// # Errors
/// What it failed with, or that it panicked.
pub fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    let name = thread.thread().name().unwrap_or("a").to_owned();
    thread.join().unwrap_or_else(|_| Err(anyhow!("the {name} thread panicked; please report this")))
}

/// Whoever waits for the others would otherwise wait for ever.
struct StopAtPanic<'a>(&'a Stop);

impl Drop for StopAtPanic<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.request();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_or_fails_stops_everything_and_says_so() {
        for panics in [true, false] {
            let stop = Stop::new().unwrap();
            let work = move || if panics { panic!("on purpose") } else { Err(anyhow!("no more")) };
            let error = join(spawn("test", &stop, work).unwrap()).unwrap_err().to_string();
            assert!(stop.is_requested());
            assert!(error.contains(if panics { "the test thread panicked" } else { "no more" }), "{error}");
        }
    }
}
