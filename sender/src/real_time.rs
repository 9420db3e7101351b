//! Lets a thread run as soon as it is due, where the system permits that and as long as it is brief.

#![allow(
    unsafe_code,
    reason = "two libc calls; no safe crate here offers a policy that new threads do not inherit"
)]

use std::time::{Duration, Instant};

use rustix::process::getpriority_process;
use rustix::time::{ClockId, clock_gettime};

/// The policy by which the calling thread is scheduled.
///
/// Beside others that compute all the time, a thread that was asleep often waits until the next tick for its turn, 1 to
/// 10 ms, several times for each frame; meanwhile a queue on the way drains, and the train that follows shows a path
/// that is faster than it is. In real time (sched(7), SCHED_RR) it waits for none of them, but could also hold all of
/// them up, as in a flood of feedback. So it has to be idle for part of the time; else it is scheduled like others for a
/// while.
#[derive(Debug)]
pub(crate) struct RealTime {
    /// When the present interval began, and the processor's time that the thread had used by then.
    since: Instant,
    used: Duration,
    policy: Policy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Ordinary,
    RealTime,
    /// Real time is not for this user, or whoever started the program chose another policy.
    Fixed,
}

impl RealTime {
    /// Asks for real time, for the calling thread; not where the program was started with a policy of its own
    /// (`chrt`), or to be nice to others.
    pub(crate) fn new(now: Instant) -> Self {
        // SAFETY: nothing is passed but a number; 0 is the calling thread.
        let is_ordinary = unsafe { libc::sched_getscheduler(0) } == libc::SCHED_OTHER
            && getpriority_process(None).is_ok_and(|nice| nice <= 0);
        let mut new = Self { since: now, used: time_used(), policy: Policy::Fixed };
        if is_ordinary {
            new.apply(Policy::RealTime);
        }
        new
    }

    /// Looks now and then at what the calling thread, which made this, has used, and changes its policy by it.
    pub(crate) fn look(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= self.interval()
            && let Some(policy) = self.decide(now, time_used())
        {
            self.apply(policy);
        }
    }

    /// How long it is watched before anything is decided.
    fn interval(&self) -> Duration {
        match self.policy {
            Policy::RealTime => INTERVAL,
            Policy::Ordinary => PATIENCE,
            Policy::Fixed => Duration::MAX,
        }
    }

    /// Ends an interval; the policy to change to, if any.
    fn decide(&mut self, now: Instant, used: Duration) -> Option<Policy> {
        let share = used.saturating_sub(self.used).div_duration_f64(now - self.since);
        (self.since, self.used) = (now, used);
        match self.policy {
            // Scheduled like others, it may use less than it would like to.
            Policy::Ordinary if share <= BRIEF => Some(Policy::RealTime),
            Policy::RealTime if share > BUSY => Some(Policy::Ordinary),
            _ => None,
        }
    }

    fn apply(&mut self, policy: Policy) {
        let (number, priority) = match policy {
            Policy::RealTime => (libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, LEAST_PRIORITY),
            Policy::Ordinary | Policy::Fixed => (libc::SCHED_OTHER, 0),
        };
        let parameters = libc::sched_param { sched_priority: priority };
        // SAFETY: `parameters` lives through the call; 0 is the calling thread.
        let is_granted = unsafe { libc::sched_setscheduler(0, number, &raw const parameters) } == 0;
        self.policy = if is_granted { policy } else { Policy::Fixed };
        tracing::debug!(?policy, is_granted, "scheduling");
    }
}

/// Of the processor's, by the calling thread.
fn time_used() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Others are held up for so long at most,
const INTERVAL: Duration = Duration::from_millis(100);
/// and not again for so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who uses a processor for this share of the time may go before others,
const BRIEF: f64 = 0.25;
/// and who uses it for more than this may not.
const BUSY: f64 = 0.5;
/// Before all that is not in real time, and after all else that is.
const LEAST_PRIORITY: libc::c_int = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_is_scheduled_like_others_until_it_has_been_idle_for_a_while() {
        let (mut now, mut used) = (Instant::now(), Duration::ZERO);
        let mut time = RealTime { since: now, used, policy: Policy::RealTime };
        let mut decided = Vec::new();
        for (number, share) in [0.1, 0.45, 0.9, 0.45, 0.6, 0.2, 0.45].into_iter().enumerate() {
            now += time.interval();
            used += time.interval().mul_f64(share);
            if let Some(policy) = time.decide(now, used) {
                time.policy = policy;
                decided.push((number, policy));
            }
        }
        assert_eq!(decided, [(2, Policy::Ordinary), (5, Policy::RealTime)]);
    }

    #[test]
    fn the_system_schedules_the_thread_as_was_decided_or_refuses_once_and_no_choice_is_overruled() {
        let mut time = RealTime::new(Instant::now());
        if time.policy == Policy::Fixed {
            assert_eq!((policy(), time.interval()), (libc::SCHED_OTHER, Duration::MAX));
            return;
        }
        assert_eq!(policy(), libc::SCHED_RR);
        assert_eq!(std::thread::spawn(policy).join().unwrap(), libc::SCHED_OTHER, "it inherits nothing");
        assert_eq!(RealTime::new(Instant::now()).policy, Policy::Fixed, "it has a policy already");
        time.apply(Policy::Ordinary);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }

    /// By which the calling thread is scheduled (proc_pid_stat(5), field 41).
    fn policy() -> libc::c_int {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, behind_name) = stat.rsplit_once(") ").unwrap();
        behind_name.split_whitespace().nth(41 - 3).unwrap().parse().unwrap()
    }
}
