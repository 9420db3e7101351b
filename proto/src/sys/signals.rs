//! Signals: those that end a program in order, and one for the user.

use std::io;
use std::os::raw::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::stop::Stop;

/// Requests `stop` at the first signal that ends a program and can be caught, but for SIGUSR1. A second one ends the
/// program at once, so that a person is never stuck with it.
///
/// Those that are not for ending it in the first place are left ignored if the program was started so, as SIGHUP is by
/// nohup(1). A file beyond the size that the system allows (SIGXFSZ) is an error of writing it and nothing else.
///
/// # Errors
/// If the operating system refuses to have its signals handled.
pub fn stop_at_signals(stop: &Stop) -> io::Result<()> {
    let stop = stop.clone();
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let mut ending = vec![SIGINT, SIGTERM, SIGQUIT];
    let others = [SIGHUP, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGXCPU];
    ending.extend(others.into_iter().filter(|&signal| !is_ignored(signal)));
    let mut count = 0;
    on_signals(&ending, move |signal| {
        stop.request();
        count += 1;
        if count > 1 {
            std::process::exit(128 + signal);
        }
    })
}

/// Does `action` at each SIGUSR1, on a thread of its own.
///
/// # Errors
/// As above.
pub fn at_user_signal(mut action: impl FnMut() + Send + 'static) -> io::Result<()> {
    on_signals(&[SIGUSR1], move |_| action())
}

fn on_signals(signals: &[c_int], mut action: impl FnMut(c_int) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(signals)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(&mut action))?;
    Ok(())
}

/// Whether this signal is ignored, as far as the system says it (proc(5)).
fn is_ignored(signal: c_int) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")?.trim().into());
    mask.and_then(|mask: &str| u64::from_str_radix(mask, 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::consts::{SIGCHLD, SIGPIPE};

    #[test]
    fn it_is_known_which_signals_are_ignored() {
        // Rust's runtime has it ignored, so that writing to a closed pipe is an error like others.
        assert!(is_ignored(SIGPIPE) && !is_ignored(SIGCHLD));
    }
}
