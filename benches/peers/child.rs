//! A program under measurement: started, fed, read, weighed and ended in order.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// One running program. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    name: String,
    errors: PathBuf,
}

/// What a program has used up since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time of all its threads.
    pub(crate) cpu: Duration,
    /// The most memory it ever had resident, in MiB.
    pub(crate) peak_mib: f64,
}

impl Program {
    /// Starts `command`; what it says on standard error goes to a file in `folder`.
    pub(crate) fn start(
        command: &[String],
        folder: &Path,
        pipes: Pipes,
        display: Option<&str>,
    ) -> anyhow::Result<Self> {
        let name = name_of(command);
        let errors = folder.join(format!("{name}-{}.err", if pipes.input { "tx" } else { "rx" }));
        let pipe = |wanted| if wanted { Stdio::piped() } else { Stdio::null() };
        let mut starting = Command::new(&command[0]);
        starting.args(&command[1..]).stdin(pipe(pipes.input)).stdout(pipe(pipes.output));
        starting.stderr(File::create(&errors).with_context(|| format!("cannot write {}", errors.display()))?);
        match display {
            Some(display) => starting.env("DISPLAY", display),
            None => starting.env_remove("DISPLAY"),
        };
        let child =
            starting.spawn().with_context(|| format!("cannot start {name}: scripts/setup --bench"))?;
        Ok(Self { child, name, errors })
    }

    /// The pipe into it, widened so that a whole frame is taken at once.
    pub(crate) fn input(&mut self) -> anyhow::Result<ChildStdin> {
        let pipe = self.child.stdin.take().context("no pipe into the program")?;
        rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES)?;
        Ok(pipe)
    }

    /// The pipe out of it, widened likewise.
    pub(crate) fn output(&mut self) -> anyhow::Result<ChildStdout> {
        let pipe = self.child.stdout.take().context("no pipe out of the program")?;
        rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES)?;
        Ok(pipe)
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let Some(peak) = peak.and_then(|kib| kib.parse::<f64>().ok()) else {
            bail!("{} ended early: {}", self.name, self.last_words());
        };
        Ok(Usage { cpu: cpu_time(self.child.id())?, peak_mib: peak / 1024.0 })
    }

    /// The last line that it wrote to standard error.
    pub(crate) fn last_words(&self) -> String {
        let errors = std::fs::read(&self.errors).unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors).into_owned();
        errors.trim_end().lines().last().unwrap_or("(it said nothing)").to_owned()
    }

    /// Asks it to end, then makes it.
    pub(crate) fn stop(mut self) {
        for signal in [Signal::INT, Signal::TERM] {
            self.signal(signal);
            if self.ends_within(Duration::from_secs(2)) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process(pid, signal);
        }
    }

    fn ends_within(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Which of a program's ends are pipes.
#[derive(Clone, Copy)]
pub(crate) struct Pipes {
    /// Standard input.
    pub(crate) input: bool,
    /// Standard output.
    pub(crate) output: bool,
}

/// The program's own name, also where `ip netns exec HOST` is what starts it.
fn name_of(command: &[String]) -> String {
    let own = if command[0] == "ip" { command.get(4) } else { command.first() };
    own.and_then(|path| Path::new(path).file_name()).unwrap_or_default().to_string_lossy().into_owned()
}

/// Processor time of all threads of a process, the ended ones too, to the nanosecond: /proc counts in ticks of 10 ms.
#[allow(unsafe_code, reason = "no safe binding reads another process's clock")]
fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    // The kernel's MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED).
    let clock = (!i32::try_from(process)? << 3) | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec that outlives the call, which writes nothing else.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(std::io::Error::last_os_error()).context("cannot read a process's clock");
    }
    Ok(Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?))
}

const PIPE_BYTES: usize = 1 << 20;
