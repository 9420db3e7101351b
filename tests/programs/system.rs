//! Integration with the system: configuration files, logs for programs, service manager, manual pages, completions.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::running::{Running, count, program, run, sender};
use crate::common::{Folder, alone, free_port, pause, root, skip};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn a_configuration_file_is_as_good_as_typing_and_typing_is_better() {
    let folder = Folder::new();
    let file = folder.join("sender.toml");
    let to = free_port();
    let text = format!(
        "# a test card\nsource = \"pattern\"\nsize = \"160x120\"\nframes = 3\ndest = [\"127.0.0.1:{to}\", \"[::1]:{to}\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    let ended = sender(&["--config", &file]).end_within(5);
    assert_eq!(count(ended.totals(), "/frames/sent"), 3);
    assert_eq!(ended.totals()["destinations"].as_array().unwrap().len(), 2);
    assert!(ended.said.contains(&format!("options from {file}")), "{}", ended.said);
    let typed = ["--config", &file, "--frames", "5", "--dest", &format!("127.0.0.1:{to}")];
    let ended = sender(&typed).end_within(5);
    assert_eq!(count(ended.totals(), "/frames/sent"), 5);
    assert_eq!(ended.totals()["destinations"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_wrong_in_a_configuration_file_is_named() {
    let folder = Folder::new();
    let file = folder.join("it.toml");
    for (name, text, words) in [
        (
            "sender",
            "dest = '127.0.0.1:1'\n\nduratoin = '2s'\n",
            &["it.toml:3", "duratoin", "is duration meant?"][..],
        ),
        ("sender", "dest = '127.0.0.1'\n", &["it.toml:1", "HOST:PORT"]),
        ("receiver", "resend = 'maybe'\n", &["it.toml:1", "on or off"]),
        ("receiver", "feedback = true\nvsync = 'on'\n", &["it.toml:2", "true or false"]),
        ("receiver", "listen = '0.0.0.0:9000\n", &["it.toml:1"]),
    ] {
        std::fs::write(&file, text).unwrap();
        let ended = run(name, &["--config", &file]);
        assert_eq!(ended.status.code(), Some(2), "{text}: {}", ended.said);
        let first = ended.said.lines().next().unwrap();
        assert!(words.iter().all(|word| first.contains(word)), "{text}: {}", ended.said);
    }
}

#[test]
fn examples_of_configuration_files_hold_what_can_be_said() {
    let folder = Folder::new();
    let file = folder.join("example.toml");
    // What is typed fails after the file was read, and before anything is done.
    for (name, example, typed) in [
        ("sender", "sender", ["--source", "none.mjpeg"]),
        ("receiver", "receiver", ["--listen", "192.0.2.7:9000"]),
        ("receiver", "receiver-service", ["--listen", "192.0.2.7:9000"]),
    ] {
        let path = root().join("packaging/config").join(example).with_extension("toml");
        let text = std::fs::read_to_string(path).unwrap();
        // Every line that is an option is one; of two that say the same, the second.
        let options = text.lines().map(|line| line.trim_start_matches('#')).filter_map(|line| {
            let (key, _) = line.split_once(" = ")?;
            (!key.contains(' ')).then_some((key, line))
        });
        let options: std::collections::BTreeMap<_, _> = options.collect();
        assert!(options.len() >= 3, "{example}: {text}");
        std::fs::write(&file, options.into_values().collect::<Vec<_>>().join("\n")).unwrap();
        let ended = run(name, &["--config", &file, typed[0], typed[1]]);
        assert_eq!(ended.status.code(), Some(1), "{example}: {}", ended.said);
        assert!(ended.said.contains(&format!("options from {file}")), "{example}: {}", ended.said);
    }
}

#[test]
fn logs_for_programs_are_one_object_a_line() {
    let to = format!("127.0.0.1:{}", free_port());
    let card = ["--source", "pattern", "--size", "160x120", "--dest", &to, "--frames", "20"];
    let ended = sender(&[&card[..], &["--log-format", "json"]].concat()).end_within(5);
    ended.totals();
    let lines = entries(&ended.said);
    assert!(lines.iter().any(|line| line["message"].as_str().unwrap().starts_with("test card 160x120")));
    assert!(lines.iter().any(|line| line["statistics"] == true), "{}", ended.said);
    assert!(lines.iter().all(|line| line["level"] == "info"), "{}", ended.said);
    // Also when something is wrong, with what was typed, with the file, and while it runs.
    let folder = Folder::new();
    let (file, unreadable) = (folder.join("wrong.toml"), folder.join("unreadable.toml"));
    std::fs::write(&file, "fps = 'many'\nlog-format = 'json'\n").unwrap();
    std::fs::write(&unreadable, "log-format = 'json'\ndest = [\n").unwrap();
    for (program, arguments, status, word) in [
        ("sender", &["--frames", "0", "--log-format", "json"][..], 2, "--frames"),
        ("sender", &["--source", "none.mjpeg", "--log-format=json", "--dest=127.0.0.1:9"], 1, "none.mjpeg"),
        ("sender", &["--format", "rtp", "--log-format", "json"], 2, "give --dest"),
        ("receiver", &["--format", "rtp", "--log-format", "json"], 2, "give --listen"),
        ("sender", &["--config", &file], 2, "many"),
        ("sender", &["--config", &unreadable], 2, "unreadable.toml:2"),
    ] {
        let ended = run(program, arguments);
        assert_eq!(ended.status.code(), Some(status), "{}", ended.said);
        let [.., last] = &entries(&ended.said)[..] else { panic!("nothing is said") };
        assert_eq!(last["level"], "error");
        assert!(last["message"].as_str().unwrap().contains(word), "{last}");
    }
}

fn entries(said: &str) -> Vec<Value> {
    let entry = |line| -> Value { serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")) };
    let entries: Vec<Value> = said.lines().map(entry).collect();
    for entry in &entries {
        let time = entry["time"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 24, "{time}");
        assert!(entry["program"].is_string() && entry["message"].is_string(), "{entry}");
    }
    entries
}

#[test]
fn a_service_manager_hears_how_a_program_is() {
    let _alone = alone();
    let to = format!("127.0.0.1:{}", free_port());
    let sender = ["--source", "pattern", "--size", "160x120", "--dest", &to];
    let receiver = ["--listen", &to, "--output", "none"];
    std::thread::scope(|scope| {
        scope.spawn(|| a_service_manager_hears("sender", &sender));
        scope.spawn(|| a_service_manager_hears("receiver", &receiver));
    });
}

fn a_service_manager_hears(name: &'static str, arguments: &[&str]) {
    let folder = Folder::new();
    let path = folder.join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let environment = ["env", &format!("NOTIFY_SOCKET={path}"), "WATCHDOG_USEC=2400000"];
    let running = Running::start(name, &environment, arguments);
    assert_eq!(heard(&manager), "READY=1", "{}", running.said());
    let begun = Instant::now();
    let (mut signs, mut states) = (0, 0);
    while begun.elapsed() < Duration::from_millis(3000) {
        match heard(&manager).as_str() {
            "WATCHDOG=1" => signs += 1,
            state => {
                states += 1;
                assert!(state.starts_with("STATUS="), "{state}");
            }
        }
    }
    assert!((2..=3).contains(&signs) && (9..=16).contains(&states), "{name}: {signs} signs, {states} states");
    // A program that stands still is restarted: it must not seem to live.
    running.stop();
    manager.set_nonblocking(true).unwrap();
    while manager.recv(&mut [0; 512]).is_ok() {}
    pause(1500);
    assert!(manager.recv(&mut [0; 512]).is_err(), "{name} seems to live while it is stopped");
    manager.set_nonblocking(false).unwrap();
    running.signal(Signal::CONT);
    running.signal(Signal::TERM);
    while heard(&manager) != "STOPPING=1" {}
    let ended = running.end_within(5);
    ended.totals();
    assert!(!ended.said.contains("fps  "), "its journal is for messages: {}", ended.said);
}

fn heard(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = manager.recv(&mut buffer).expect("the service manager is told something");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn manual_pages_are_complete_and_well_formed() {
    let folder = Folder::new();
    for name in ["sender", "receiver"] {
        let output = |argument| Command::new(program(name)).arg(argument).output().unwrap().stdout;
        let (page, help) = (output("man"), output("--help"));
        let file = folder.join("page.1");
        std::fs::write(&file, &page).unwrap();
        let (shown, warnings) = read("man", &["--warnings", "-l", &file]);
        assert!(warnings.is_empty(), "{name}: {warnings}");
        for section in ["NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXAMPLES", "EXIT STATUS", "FILES"] {
            assert!(shown.lines().any(|line| line == section), "{name} has no section {section}: {shown}");
        }
        let flags = String::from_utf8(help).unwrap();
        let flags = flags.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 3);
        for flag in flags.map(|flag| flag.trim_end_matches([',', '.', ';'])) {
            assert!(shown.contains(flag), "{name}'s page does not know {flag}");
        }
        let (complaints, _) = read("mandoc", &["-T", "lint", "-W", "warning", &file]);
        assert!(complaints.is_empty(), "{name}: {complaints}");
    }
}

/// What a program says to standard output and to standard error. Empty if it is not there.
fn read(program: &str, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new(program);
    command.args(arguments).env("MANWIDTH", "200").env("LC_ALL", "C.UTF-8").env("MAN_DISABLE_SECCOMP", "1");
    match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (text(&output.stdout), text(&output.stderr))
        }
        Err(error) => {
            skip(&format!("{program}: {error}"), false);
            Default::default()
        }
    }
}

#[test]
fn completions_load_and_complete() {
    let folder = Folder::new();
    let file = folder.join("completions");
    for (shell, script, word) in [
        (
            "bash",
            "source FILE; COMP_WORDS=(sender --stats-i); COMP_CWORD=1; _sender sender --stats-i sender
             echo ${COMPREPLY[@]}",
            "--stats-interval",
        ),
        ("zsh", "autoload -U compinit; compinit -D -u; source FILE; whence -w _sender", "_sender: function"),
        ("fish", "source FILE; complete -C 'sender --stats-i'", "--stats-interval"),
        (
            "bash",
            "source FILE; COMP_WORDS=(sender --pace ''); COMP_CWORD=2; _sender sender '' --pace; echo ${COMPREPLY[@]}",
            "auto off\n",
        ),
        ("fish", "source FILE; complete -C 'sender --announce '", "off\non\n"),
        ("fish", "source FILE; complete -C 'sender --fps 30 --format '", "rtp\t"),
    ] {
        let output = Command::new(program("sender")).args(["completions", shell]).output().unwrap();
        std::fs::write(&file, output.stdout).unwrap();
        let (said, complaints) = read(shell, &["-c", &script.replace("FILE", &file)]);
        if !said.is_empty() || !complaints.is_empty() {
            assert!(said.contains(word) && complaints.is_empty(), "{shell}: {said}{complaints}");
        }
    }
}
