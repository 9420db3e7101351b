//! Keeps the threads that work on one picture off each other's cores.
//!
//! A thread that is woken for a few milliseconds, thirty times a second, is often put on the core of the thread that
//! woke it, although others are idle, and is finished before the system has thought better of it. Then they take turns,
//! and two threads are no faster than one (measured with a decoder on two cores: 6.5 ms, and 3.5 ms when kept apart).

use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// The system's name for a thread.
#[derive(Clone, Copy, Debug)]
pub struct ThreadId(Pid);

impl ThreadId {
    /// The calling thread's.
    pub fn current() -> Self {
        Self(gettid())
    }
}

/// Where the threads that help another one may run.
#[derive(Debug, Default)]
pub struct Placement {
    /// The calling thread's core when the others were last kept off it.
    caller: Option<usize>,
}

impl Placement {
    /// Gives each of these threads its share of the cores that the calling thread is not on.
    ///
    /// It costs a system call only when the calling thread has moved. Where the system refuses, nothing is lost but
    /// time.
    pub fn keep_apart(&mut self, threads: impl ExactSizeIterator<Item = Option<ThreadId>>) {
        let here = sched_getcpu();
        if self.caller.replace(here) == Some(here) {
            return;
        }
        let Ok(allowed) = sched_getaffinity(None) else { return };
        let others = |cpu: &usize| *cpu != here && allowed.is_set(*cpu);
        let count = threads.len();
        for (index, thread) in threads.enumerate() {
            let mut share = CpuSet::new();
            (0..CpuSet::MAX_CPU).filter(others).skip(index).step_by(count).for_each(|cpu| share.set(cpu));
            if let (Some(ThreadId(thread)), true) = (thread, share.count() > 0) {
                let _ = sched_setaffinity(Some(thread), &share);
            }
        }
    }
}
