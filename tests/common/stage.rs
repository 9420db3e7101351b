//! Where a recipe is tried: computers with the addresses that it has, and all that a reader would have at hand.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use super::Folder;
use super::display::Display;
use super::lab::Lab;
use super::running::{count, program};

/// Two computers with cameras and two with screens.
pub(crate) struct Stage {
    lab: Lab,
    display: Display,
    /// Stand-ins for `sender` and others, which call the real ones.
    programs: Folder,
}

/// One recipe that is tried on a stage, in a folder of its own.
pub(crate) struct RecipeRun<'a> {
    stage: &'a Stage,
    folder: Folder,
    commands: Vec<Started>,
}

struct Started {
    child: Child,
    text: String,
    said: PathBuf,
}

impl Stage {
    /// A stage; `None`, said aloud, where that is not possible.
    pub(crate) fn set() -> Option<Self> {
        let lab = Lab::up(HOSTS.len())?;
        for (number, host) in HOSTS.iter().enumerate() {
            let name = format!("host{number}");
            lab.run(&name, &["ip", "address", "add", &format!("{host}/24"), "dev", "eth0"]);
            let last = host.rsplit('.').next().unwrap();
            lab.run(&name, &["ip", "address", "add", &format!("fd00::{last}/64"), "dev", "eth0", "nodad"]);
        }
        let display = Display::start(1280, 720)?;
        let programs = Folder::new();
        for (name, script) in [("sender", SENDER), ("receiver", RECEIVER), ("pkill", PKILL), ("vlc", VLC)] {
            let real = if name == "vlc" { "/usr/bin/vlc".into() } else { program_if_ours(name) };
            let file = programs.join(name);
            std::fs::write(&file, script.replace("REAL", &real.to_string_lossy())).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { lab, display, programs })
    }

    /// Whoever listens for UDP on a host has read so many datagrams.
    pub(crate) fn datagrams_read(&self, host: usize) -> u64 {
        let table = self.lab.run(&format!("host{host}"), &["cat", "/proc/net/snmp"]);
        let numbers = table.lines().filter(|line| line.starts_with("Udp:")).nth(1).unwrap();
        numbers.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// How many UDP sockets there are on a host.
    pub(crate) fn sockets(&self, host: usize) -> usize {
        self.lab.run(&format!("host{host}"), &["cat", "/proc/net/udp", "/proc/net/udp6"]).lines().count()
    }

    /// What a server on a host, that it shows itself by, answers to a request for its health.
    pub(crate) fn health(&self, host: usize, port: u16) -> String {
        let url = format!("http://127.0.0.1:{port}/healthz");
        let ask = [
            "python3",
            "-c",
            "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
        ];
        self.lab.run(&format!("host{host}"), &[&ask[..], &[&url]].concat()).trim().to_owned()
    }
}

impl<'a> RecipeRun<'a> {
    /// A run with these files, by their names in the recipe, at hand.
    pub(crate) fn begin(stage: &'a Stage, files: &[(&str, String)]) -> Self {
        let folder = Folder::new();
        for (name, file) in files {
            symlink(file, folder.join(name)).unwrap();
        }
        std::fs::create_dir(folder.join(".stats")).unwrap();
        Self { stage, folder, commands: Vec::new() }
    }

    /// Starts a command on a host.
    pub(crate) fn start(&mut self, host: usize, text: &str) {
        let text = text.replace("-i :0", &format!("-i {}", self.stage.display.name));
        let said = PathBuf::from(self.folder.join(&format!(".stats/said.{}", self.commands.len())));
        let to = std::fs::File::create(&said).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.stage.lab.namespace(&format!("host{host}")), "sh", "-c", &text])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}:/usr/sbin", self.stage.programs.path().display()))
            .env("DISPLAY", &self.stage.display.name)
            .env("HOME", self.folder.path())
            .env("STATS", self.folder.join(".stats"))
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(to.try_clone().unwrap())
            .stderr(to)
            .process_group(0);
        self.commands.push(Started { child: command.spawn().unwrap(), text, said });
    }

    /// Waits until the command that was started last has ended by itself; it must have done well.
    pub(crate) fn finish_last(&mut self) {
        let Started { child, text, said } = self.commands.last_mut().unwrap();
        let status = wait(child).unwrap_or_else(|| panic!("{text} does not end: {}", read(said)));
        assert!(status, "{text}: {}", read(said));
    }

    /// What the command that was started last has said.
    pub(crate) fn said_last(&self) -> String {
        self.commands.last().map(|command| read(&command.said)).unwrap_or_default()
    }

    /// Ends the command that was started last, which must still run.
    pub(crate) fn end_last(&mut self) {
        let Started { child, text, said } = self.commands.last_mut().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "{text} has ended: {}", read(said));
        end(child, Signal::KILL);
        child.wait().unwrap();
    }

    /// Waits until each of so many receivers has pictures of so many senders, and shows them if it has a window.
    pub(crate) fn pictures_arrive(&self, receivers: usize, senders: usize) {
        self.comes_to("pictures arrive", || {
            let ours = self.runs("receiver");
            ours.len() == receivers && ours.iter().all(|(_, typed, stats)| is_fed(typed, stats, senders))
        });
    }

    /// Waits until a file of this name, or one in the folder of this name, is there and holds something.
    pub(crate) fn comes(&self, name: &str) {
        let path = PathBuf::from(self.folder.join(name));
        self.comes_to(name, || has_something(&path));
    }

    /// Waits until so many senders run, and say so.
    pub(crate) fn senders_run(&self, count: usize) {
        self.comes_to("senders run", || self.runs("sender").len() == count);
    }

    /// Ends the receivers, then all else, in order. What is ours ends well.
    pub(crate) fn end(mut self) {
        for (name, is_ours) in [("receiver", true), ("sender", true), ("", false)] {
            for (pid, ..) in self.runs(name) {
                // It may have ended with the program that it hands its pictures to.
                let _ = kill_process(pid, Signal::INT);
            }
            for Started { child, text, said } in &mut self.commands {
                if is_ours && last_word_of(text, name) {
                    let ended = wait(child).unwrap_or_else(|| panic!("{text} goes on: {}", read(said)));
                    assert!(ended, "{text}: {}", read(said));
                }
            }
        }
    }

    /// What runs, or ran, of `sender` or `receiver`: its process, what was typed, and its last statistics.
    fn runs(&self, name: &str) -> Vec<(Pid, String, Option<Value>)> {
        let entries = std::fs::read_dir(self.folder.join(".stats")).unwrap();
        let of = |entry: std::io::Result<std::fs::DirEntry>| {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let pid = file.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".typed")?.to_owned();
            let typed = read(Path::new(&self.folder.join(&format!(".stats/{file}"))));
            let text = read(Path::new(&self.folder.join(&format!(".stats/{name}.{pid}"))));
            let stats =
                text.rfind('\n').and_then(|end| serde_json::from_str(text[..end].lines().last()?).ok());
            Some((Pid::from_raw(pid.parse().unwrap()).unwrap(), typed, stats))
        };
        entries.filter_map(of).collect()
    }

    fn comes_to(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < until, "never: {what}\n{}", self.everything_said());
            super::pause(50);
        }
    }

    fn everything_said(&self) -> String {
        // The lines of statistics are in the statistics too.
        let words = |said: String| {
            said.lines().filter(|line| !line.contains(" fps  ")).collect::<Vec<_>>().join("\n")
        };
        let said = |c: &Started| format!("--- {}\n{}\n", c.text, words(read(&c.said)));
        let stats =
            self.runs("receiver").into_iter().map(|(_, typed, stats)| format!("{typed}: {stats:?}\n"));
        self.commands.iter().map(said).chain(stats).collect()
    }
}

impl Drop for RecipeRun<'_> {
    fn drop(&mut self) {
        for Started { child, .. } in &mut self.commands {
            end(child, Signal::KILL);
            let _ = child.wait();
        }
    }
}

/// Ends a command with all that it started.
fn end(child: &Child, signal: Signal) {
    if let Some(group) = child.id().try_into().ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

/// Whether a command's last program is this one, so that its end is the command's.
fn last_word_of(text: &str, name: &str) -> bool {
    let mut parts = text.split('|').map(str::trim);
    let starts = |part: &str| part.split(' ').next() == Some(name);
    match name {
        // What it is piped into ends with it.
        "receiver" => parts.any(starts),
        _ => parts.next_back().is_some_and(starts),
    }
}

fn is_fed(typed: &str, stats: &Option<Value>, senders: usize) -> bool {
    let Some(stats) = stats else { return false };
    let all: Vec<&Value> = match stats["senders"].as_array() {
        Some(all) => all.iter().collect(),
        None => vec![stats],
    };
    let has_window = !typed.contains("--output") || typed.contains("--output window");
    let is_enough = |of: &&Value| {
        count(of, "/frames/delivered") >= ENOUGH && (!has_window || count(of, "/frames/displayed") >= ENOUGH)
    };
    all.len() == senders && all.iter().all(is_enough)
}

fn has_something(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.any(|entry| has_something(&entry.unwrap().path())),
        Err(_) => path.metadata().is_ok_and(|file| file.len() > 0),
    }
}

/// Waits for the end; says whether it was a good one.
fn wait(child: &mut Child) -> Option<bool> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.success());
        }
        super::pause(20);
    }
    None
}

fn read(file: &Path) -> String {
    std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn program_if_ours(name: &str) -> PathBuf {
    if name == "pkill" { PathBuf::new() } else { program(name) }
}

/// Cameras first, then screens.
pub(crate) const HOSTS: [&str; 4] = ["192.168.1.10", "192.168.1.11", "192.168.1.20", "192.168.1.21"];
/// Pictures that show that more will come.
const ENOUGH: u64 = 5;
/// Long enough for a busy machine; who is in time does not wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

// There is no camera here: the test card stands in for it. All else is as it was typed, and statistics are added.
const SENDER: &str = r#"#!/bin/sh
case "$1" in cameras | doctor | key) exec REAL "$@" ;; esac
echo "$*" >"$STATS/sender.$$.typed"
case " $* " in
  *" --source camera:1 "*) shift 2; set -- --source pattern "$@" ;;
  *" --source "*) ;;
  *) set -- "$@" --source pattern --size 640x480 --fps 15 ;;
esac
case " $* " in
  *" --stats-json "*) ;;
  *) set -- "$@" --stats-interval 200ms --stats-json "$STATS/sender.$$" ;;
esac
exec REAL "$@" --config none
"#;
const RECEIVER: &str = r#"#!/bin/sh
case "$1" in list | doctor) exec REAL "$@" ;; esac
echo "$*" >"$STATS/receiver.$$.typed"
case " $* " in
  *" --stats-json - "*) exec REAL "$@" --config none >"$STATS/receiver.$$" ;;
esac
exec REAL "$@" --config none --stats-interval 200ms --stats-json "$STATS/receiver.$$"
"#;
// Whoever else runs a receiver on this machine is not meant.
const PKILL: &str = r#"#!/bin/sh
[ "$*" = "-USR1 -x receiver" ] || exit 2
for typed in "$STATS"/receiver.*.typed; do
  pid=${typed%.typed}
  kill -USR1 "${pid##*.}"
done
"#;
// VLC refuses to be root; Debian's reads the description by FFmpeg's library.
const VLC: &str = r#"#!/bin/sh
[ "$(id -u)" = 0 ] || exec REAL --demux=avformat -I dummy "$@"
exec setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/tmp REAL --demux=avformat -I dummy "$@"
"#;
