//! Other people's programs, which join in.

use std::fs::File;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Folder;

/// A program that runs. Dropping it kills it.
pub(crate) struct Peer {
    child: Child,
    folder: Folder,
    name: String,
}

impl Peer {
    /// Starts `command`, whose first word is the program; `None`, said aloud, where that is not installed.
    pub(crate) fn start(command: &[&str]) -> Option<Self> {
        Self::under(&[], command)
    }

    /// The same by `under`, a command that runs what stands behind it.
    pub(crate) fn under(under: &[&str], command: &[&str]) -> Option<Self> {
        if !is_installed(command[0]) {
            super::skip(&format!("no {} here", command[0]), false);
            return None;
        }
        let folder = Folder::new();
        let said = File::create(folder.join("said")).unwrap();
        let words = [under, command].concat();
        let mut child = Command::new(words[0]);
        child.args(&words[1..]).env_remove("DISPLAY").env("HOME", folder.path());
        child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said);
        Some(Self { child: child.spawn().unwrap(), folder, name: command[0].to_owned() })
    }

    /// Waits until a UDP socket is bound to `port` where it runs.
    pub(crate) fn when_listening(self, port: u16) -> Self {
        let until = Instant::now() + Duration::from_secs(20);
        let bound = format!(":{port:04X} ");
        let table = |name| std::fs::read_to_string(format!("/proc/{}/net/{name}", self.child.id()));
        while !["udp", "udp6"].iter().any(|name| table(name).is_ok_and(|table| table.contains(&bound))) {
            assert!(Instant::now() < until, "{} does not listen on {port}: {}", self.name, self.said());
            super::pause(10);
        }
        self
    }

    /// The pipe out of it.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// What it has written to standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("said")).unwrap()).into_owned()
    }

    /// Interrupts it, and waits until it has ended.
    pub(crate) fn interrupt(mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        self.end_within(10);
    }

    /// Waits until it ends by itself; returns how, and what it said.
    pub(crate) fn end_within(&mut self, seconds: u64) -> (ExitStatus, String) {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, self.said());
            }
            assert!(Instant::now() < until, "{} has not ended after {seconds} s: {}", self.name, self.said());
            super::pause(10);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether there is a program of this name.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
