//! Lets a thread that is brief run as soon as it is due.

#![allow(
    unsafe_code,
    reason = "one system call; no safe crate here offers a slice, or a priority that new threads do not inherit"
)]

use std::io;

use rustix::process::getpriority_process;

/// Puts the calling thread before other programs' when it wakes.
///
/// Beside programs that compute all the time, a thread that was asleep often waits until the next tick for its turn, 1
/// to 10 ms, several times for each frame; meanwhile a queue on the way drains, and the train that follows shows a path
/// that is faster than it is. A short slice lets it interrupt others at once (from Linux 6.12 on, for every user); a
/// higher priority does so more often, where the system permits one. Both leave it a choice of all processors, and leave
/// others their share if it has much to do. A thread in real time does neither, and takes the processor from whoever
/// wakes it, though another is idle.
///
/// Nothing changes where the program was started with a policy of its own (`chrt`), or to be nice to others.
pub(crate) fn raise() {
    // SAFETY: nothing is passed but a number; 0 is the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let is_ordinary = policy & !libc::SCHED_RESET_ON_FORK == libc::SCHED_OTHER;
    let nice = getpriority_process(None).unwrap_or(0);
    if !is_ordinary || nice > 0 {
        tracing::debug!(is_ordinary, nice, "scheduled as the program was started");
        return;
    }
    let granted = [nice.min(PRIORITY), nice].into_iter().find(|nice| schedule(*nice).is_ok());
    tracing::debug!(nice = granted, "scheduled before others");
}

/// sched_setattr(2): an ordinary thread with a slice of its own, neither of which new threads inherit.
fn schedule(nice: i32) -> io::Result<()> {
    let wanted = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER.cast_unsigned(),
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SLICE_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: `wanted` lives through the call, and says its size; 0 is the calling thread, and there are no flags.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What desktops give to whoever plays sound.
const PRIORITY: i32 = -11;
/// The least that the system gives.
const SLICE_NS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_thread_goes_before_others_where_that_is_permitted_and_passes_nothing_on() {
        thread::spawn(|| {
            let before = nice();
            let is_permitted = schedule(PRIORITY).is_ok();
            schedule(before).unwrap_or_else(|error| assert!(!is_permitted, "{error}"));
            raise();
            assert_eq!(nice(), if is_permitted && before <= 0 { before.min(PRIORITY) } else { before });
            assert_eq!(thread::spawn(nice).join().unwrap(), before.max(0), "nothing is inherited");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn whoever_is_nice_to_others_stays_so() {
        let nice_after = thread::spawn(|| {
            schedule(10).unwrap();
            raise();
            nice()
        });
        assert_eq!(nice_after.join().unwrap(), 10);
    }

    /// Of the calling thread (proc_pid_stat(5), field 19).
    fn nice() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, behind_name) = stat.rsplit_once(") ").unwrap();
        behind_name.split_whitespace().nth(19 - 3).unwrap().parse().unwrap()
    }
}
