//! A sender or receiver that runs, and what it came to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Folder;
use super::display::Display;

/// A program that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    folder: Folder,
    name: &'static str,
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it wrote to standard error.
    pub(crate) said: String,
    /// Its statistics, line by line, if it was asked for them.
    pub(crate) stats: Vec<Value>,
}

/// The path of `sender` or `receiver`, built in the same profile as this test; or in the folder `CHUNKCAST_PROGRAMS`.
pub(crate) fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("CHUNKCAST_PROGRAMS") {
        return Path::new(&folder).join(name);
    }
    let own = std::env::current_exe().unwrap();
    let path = own.ancestors().nth(2).unwrap().join(name);
    assert!(path.exists(), "no {}: build them first: cargo build --workspace", path.display());
    path
}

/// `sender` with these arguments, and statistics every 200 ms.
pub(crate) fn sender(arguments: &[&str]) -> Running {
    Running::start("sender", &[], arguments)
}

/// `receiver` with these arguments, listening before this returns, and statistics every 200 ms.
pub(crate) fn receiver(arguments: &[&str]) -> Running {
    Running::listening(&[], arguments)
}

/// `receiver` with a window on `display`, listening before this returns, and statistics every 200 ms.
pub(crate) fn viewer(display: &Display, arguments: &[&str]) -> Running {
    Running::on_display(display, arguments)
}

/// Runs a program that is expected to end by itself, soon, with nothing on its standard input.
pub(crate) fn run(name: &'static str, arguments: &[&str]) -> Ended {
    Running::spawn(name, Command::new(program(name)).args(arguments).stdin(Stdio::null())).end_within(10)
}

impl Running {
    /// Starts `name` by `under`, a command that runs what stands behind it; by nothing, if that is empty.
    pub(crate) fn start(name: &'static str, under: &[&str], arguments: &[&str]) -> Self {
        let mut command = match under {
            [] => Command::new(program(name)),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program(name));
                command
            }
        };
        command.args(arguments);
        if !arguments.contains(&"--stats-interval") {
            command.args(["--stats-interval", "200ms"]);
        }
        Self::spawn(name, command.stdin(Stdio::piped()))
    }

    fn spawn(name: &'static str, command: &mut Command) -> Self {
        let folder = Folder::new();
        if command.get_args().any(|argument| argument == "--stats-interval") {
            command.args(["--stats-json", &folder.join("stats")]);
            // What this machine's own configuration says is no part of any test, nor whom it knows.
            command.env("XDG_CONFIG_HOME", folder.path());
            if !command.get_args().any(|argument| argument == "--config") {
                command.args(["--config", "none"]);
            }
        }
        Self::spawn_in(folder, name, command)
    }

    /// Starts a program of another build, with nothing but these arguments.
    pub(crate) fn of(
        folder: &Path,
        name: &'static str,
        display: Option<&Display>,
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(folder.join(name));
        command.args(arguments).stdin(Stdio::null());
        command.envs(display.map(|display| ("DISPLAY", &display.name)));
        Self::spawn_in(Folder::new(), name, &mut command)
    }

    fn spawn_in(folder: Folder, name: &'static str, command: &mut Command) -> Self {
        let said = std::fs::File::create(folder.join("said")).unwrap();
        // A display, and how to draw on it, is given by a test or not at all.
        let is_given = command.get_envs().any(|(key, _)| key == "DISPLAY");
        if !is_given {
            command.env_remove("DISPLAY");
        }
        for key in ["WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "SDL_RENDER_DRIVER", "RUST_BACKTRACE", "RUST_LOG"] {
            command.env_remove(key);
        }
        // Nor are the keys that this user knows.
        if !command.get_envs().any(|(key, _)| key == "XDG_CONFIG_HOME") {
            command.env("XDG_CONFIG_HOME", folder.path());
        }
        let child = command.stdout(Stdio::piped()).stderr(said).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{name}: {error}")), folder, name }
    }

    /// Starts `receiver`, and returns when it has a UDP socket bound to the port that it was told to listen on.
    pub(crate) fn listening(under: &[&str], arguments: &[&str]) -> Self {
        Self::start("receiver", under, arguments).when_listening(arguments)
    }

    /// Starts `receiver` on a display, and returns when it listens.
    fn on_display(display: &Display, arguments: &[&str]) -> Self {
        Self::with_fonts(display, "/nonexistent", arguments)
    }

    /// The same, where those of a folder called `fonts` in this one are the only fonts that are installed.
    pub(crate) fn with_fonts(display: &Display, folder: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program("receiver"));
        command.args(arguments).args(["--stats-interval", "200ms"]);
        command.env("DISPLAY", &display.name).stdin(Stdio::null());
        command.env("XDG_DATA_HOME", folder).env("XDG_DATA_DIRS", "/nonexistent").env("HOME", "/nonexistent");
        Self::spawn("receiver", &mut command).when_listening(arguments)
    }

    fn when_listening(self, arguments: &[&str]) -> Self {
        let at = arguments.iter().skip_while(|argument| **argument != "--listen").nth(1).expect("--listen");
        let port: u16 = at.rsplit(':').next().unwrap().parse().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        // "  sl  local_address ...": an address is hexadecimal, a colon, and the port as four digits.
        let bound = format!(":{port:04X} ");
        while !["udp", "udp6"].iter().any(|table| self.proc(&format!("net/{table}")).contains(&bound)) {
            assert!(Instant::now() < until, "the receiver does not listen on {port}: {}", self.said());
            super::pause(10);
        }
        self
    }

    /// A file of its folder under /proc, as seen in its own network namespace; empty if it has ended.
    pub(crate) fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }

    /// Bytes that have left by `eth0`, whoever sent them, where it runs.
    pub(crate) fn bytes_out(&self) -> u64 {
        let table = self.proc("net/dev");
        let line = table.lines().find_map(|line| line.trim_start().strip_prefix("eth0:"));
        let fields = line.unwrap_or_else(|| panic!("{} has ended: {}", self.name, self.said()));
        // Eight fields of what was received stand before it.
        fields.split_whitespace().nth(8).unwrap().parse().unwrap()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("said")).unwrap()).into_owned()
    }

    /// Resident memory in MiB; `VmHWM` is the most that it ever was, `VmRSS` what it is.
    pub(crate) fn memory_mib(&self, key: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kib = line.unwrap_or_else(|| panic!("{} has ended: {}", self.name, self.said()));
        kib.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Processor time of all its threads so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The name, in parentheses, may have blanks; user and system time are the 14th and 15th field (proc(5)).
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|&n: &usize| fields[n].parse::<u64>().unwrap()).sum();
        // A hundred a second, on every system that this is tested on.
        Duration::from_millis(ticks * 10)
    }

    /// Processor time of its threads so far, to the nanosecond; without that of threads that have ended.
    pub(crate) fn scheduled_time(&self) -> Duration {
        let nanos = |line: String| line.split(' ').next().unwrap().parse::<u64>().unwrap();
        Duration::from_nanos(self.of_each_thread("schedstat").map(nanos).sum())
    }

    /// What the system says of each of its threads; without those that end meanwhile.
    fn of_each_thread(&self, file: &str) -> impl Iterator<Item = String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks.filter_map(move |task| std::fs::read_to_string(task.unwrap().path().join(file)).ok())
    }

    /// The last statistics that it wrote.
    pub(crate) fn stats(&self) -> Option<Value> {
        self.all_stats().pop()
    }

    /// The pipe into it.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// The pipe out of it.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Writes all of `bytes` into it from a thread, then closes the pipe.
    pub(crate) fn feed(&mut self, bytes: Vec<u8>) {
        let mut input = self.input();
        // A program that ends early closes the pipe, and the test will say so by what is missing.
        std::thread::spawn(move || input.write_all(&bytes));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Stops it, and waits until it stands still: a thread that is in a system call ends that first.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let is_stopped = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
        while !self.of_each_thread("stat").all(is_stopped) {
            super::pause(5);
        }
    }

    /// Interrupts it, as Ctrl-C does, and waits until it has ended.
    pub(crate) fn interrupt(self) -> Ended {
        self.signal(Signal::INT);
        self.end_within(5)
    }

    /// Ends it without giving it a chance to do anything about it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn end_within(mut self, seconds: u64) -> Ended {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ended { status, said: self.said(), stats: self.all_stats() };
            }
            assert!(Instant::now() < until, "{} has not ended after {seconds} s: {}", self.name, self.said());
            super::pause(10);
        }
    }

    /// All statistics that it wrote so far.
    pub(crate) fn all_stats(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join("stats")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Its last statistics; it must have ended in order, and have said that they are the last.
    pub(crate) fn totals(&self) -> &Value {
        assert!(self.status.success(), "{}: {}", self.status, self.said);
        let last = self.stats.last().unwrap_or_else(|| panic!("no statistics: {}", self.said));
        assert_eq!(last["final"], true, "{last}");
        assert_eq!(self.stats.iter().filter(|line| line["final"] == true).count(), 1, "one line is final");
        last
    }
}

/// A count in statistics, by a path like `/frames/sent`.
pub(crate) fn count(stats: &Value, path: &str) -> u64 {
    stats.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("no count {path} in {stats}"))
}

/// What a sender counted must add up.
pub(crate) fn sender_adds_up(stats: &Value) {
    let ends = ["sent", "superseded", "refused", "unwatched"];
    let frames = ends.map(|end| format!("/frames/{end}")).map(|path| count(stats, &path));
    assert_eq!(count(stats, "/frames/captured"), frames.iter().sum::<u64>(), "{stats}");
    assert!(count(stats, "/datagrams/data") >= count(stats, "/frames/sent"), "{stats}");
}

/// What a receiver counted must add up: each datagram has one fate, and each frame of the sender's one end.
pub(crate) fn receiver_adds_up(stats: &Value) {
    let fates = [
        "accepted",
        "control",
        "spare",
        "duplicate",
        "late",
        "foreign",
        "malformed",
        "bad_checksum",
        "contradictory",
        "unknown",
    ];
    let fates: u64 = fates.iter().map(|outcome| count(stats, &format!("/datagrams/{outcome}"))).sum();
    assert_eq!(count(stats, "/datagrams/received"), fates, "{stats}");
    let lost: u64 = ["deadline", "superseded", "evicted", "damaged"]
        .iter()
        .map(|r| count(stats, &format!("/lost/{r}")))
        .sum();
    assert_eq!(count(stats, "/frames/lost"), lost, "{stats}");
}

/// What a receiver with a window counted must add up, of each of its senders: whatever was delivered was seen, or was
/// not for one reason.
pub(crate) fn window_adds_up(stats: &Value) {
    let several = stats["senders"].as_array().map_or(&[][..], Vec::as_slice);
    for sender in if several.is_empty() { std::slice::from_ref(stats) } else { several } {
        receiver_adds_up(sender);
        let ends = ["displayed", "superseded", "refused", "hidden"];
        let ends: u64 = ends.iter().map(|end| count(sender, &format!("/frames/{end}"))).sum();
        assert_eq!(count(sender, "/frames/delivered"), ends, "{sender}");
    }
}
