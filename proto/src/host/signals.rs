//! SIGINT, SIGTERM and SIGHUP end a program in order.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Stop;

/// Requests `stop` at the first of these signals. A second one ends the program at once, so that a person is never
/// stuck with it.
///
/// # Errors
/// If the operating system refuses to have its signals handled.
pub fn stop_at_signals(stop: &Stop) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let stop = stop.clone();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            stop.request();
            if count > 0 {
                std::process::exit(128 + signal);
            }
        }
    })?;
    Ok(())
}
