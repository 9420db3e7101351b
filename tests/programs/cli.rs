//! The command line: help that is complete, mistakes that are explained, signals that are obeyed.

use crate::common::running::{self, Ended, Running, count, program, receiver, run, sender, sender_adds_up};
use crate::common::{Folder, beside_others, comes_to, free_address, free_port, pause};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::process::Command;

const SENDER: &[&str] = &[
    "dest",
    "serve",
    "max-viewers",
    "announce",
    "source",
    "size",
    "fps",
    "quality",
    "subsampling",
    "loop",
    "frames",
    "duration",
    "mtu",
    "ttl",
    "interface",
    "pace",
    "max-bitrate",
    "dscp",
    "name",
    "format",
    "sdp",
    "fec",
    "resend",
    "follow",
    "key",
    "key-file",
    "insecure",
    "http",
    "http-host",
    "http-viewers",
    "http-actions",
    "http-embed",
    "http-open",
    "http-cert",
    "http-key",
    "stats-interval",
    "stats-json",
    "impair",
    "config",
    "log-format",
    "log-level",
];
const RECEIVER: &[&str] = &[
    "listen",
    "connect",
    "format",
    "max-senders",
    "interface",
    "deadline",
    "resend",
    "feedback",
    "output",
    "split",
    "past",
    "past-memory",
    "save-to",
    "frames",
    "duration",
    "fullscreen",
    "overlay",
    "vsync",
    "key",
    "key-file",
    "forget",
    "http",
    "http-host",
    "http-viewers",
    "http-actions",
    "http-embed",
    "http-open",
    "http-cert",
    "http-key",
    "stats-interval",
    "stats-json",
    "impair",
    "config",
    "log-format",
    "log-level",
];

#[test]
fn help_names_every_flag_with_its_default() {
    for (name, flags, with_default, sections) in [
        (
            "sender",
            SENDER,
            &[
                "serve",
                "max-viewers",
                "source",
                "fps",
                "quality",
                "subsampling",
                "mtu",
                "ttl",
                "pace",
                "max-bitrate",
                "fec",
                "resend",
                "follow",
                "http-viewers",
                "http-actions",
                "stats-interval",
            ][..],
            &["Input", "Encoding", "Network", "Repair", "Web", "Diagnostics", "System"][..],
        ),
        (
            "receiver",
            RECEIVER,
            &["listen", "deadline", "resend", "feedback", "output", "http-viewers", "stats-interval"],
            &["Network", "Repair", "Output", "Web", "Diagnostics", "System"],
        ),
    ] {
        let help = Command::new(program(name)).arg("--help").output().unwrap();
        assert!(help.status.success());
        let help = String::from_utf8(help.stdout).unwrap();
        for flag in flags {
            assert!(help.contains(&format!("--{flag}")), "{name} --help does not name --{flag}");
        }
        for flag in with_default {
            let entry = help
                .split("\n      --")
                .chain(help.split("\n  -"))
                .find(|entry| entry.trim_start_matches(['-', ',', ' ']).starts_with(flag));
            let entry = entry.unwrap_or_else(|| panic!("{name} --help has no entry for --{flag}"));
            assert!(entry.contains("default"), "{name} --help names no default for --{flag}: {entry}");
        }
        for section in sections {
            assert!(help.contains(&format!("{section}:")), "{name} --help has no section {section}");
        }
        assert!(help.contains("Examples"), "{name} --help has no examples");
        let short = Command::new(program(name)).arg("-h").output().unwrap();
        let short = String::from_utf8(short.stdout).unwrap();
        assert!(short == help, "{name} has two sorts of help: does an option's value have help of its own?");
        let version = Command::new(program(name)).arg("--version").output().unwrap();
        assert!(version.status.success() && String::from_utf8_lossy(&version.stdout).starts_with(name));
    }
}

#[test]
fn wrong_usage_is_explained_in_a_line_and_has_status_2() {
    let folder = Folder::new();
    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let to = ["--dest", "127.0.0.1:9"];
    let pattern = ["--source", "pattern"];
    for (name, arguments, word) in [
        ("sender", vec!["--serve", "here"], "9001"),
        ("sender", [&["--dest", "127.0.0.1:0"], &pattern[..]].concat(), "port"),
        ("sender", [&["--dest", "127.0.0.1"], &pattern[..]].concat(), "HOST:PORT"),
        ("sender", [&["--dest", "192.168.1.700:9"], &pattern[..]].concat(), "192.168.1.20:9000"),
        ("sender", [&["--dest", "http://door:9"], &pattern[..]].concat(), "door.local:9000"),
        ("sender", [&to, &pattern[..], &["--quality", "0"]].concat(), "1 to 100"),
        ("sender", [&to, &pattern[..], &["--quality", "40..101"]].concat(), "40..80"),
        ("sender", [&to, &pattern[..], &["--max-bitrate", "1k"]].concat(), "100kbit"),
        ("sender", [&to, &pattern[..], &["--fec", "80"]].concat(), "1 to 50"),
        ("sender", [&to, &pattern[..], &["--follow", "me"]].concat(), "slowest"),
        ("sender", [&to, &pattern[..], &["--size", "12"]].concat(), "--size"),
        ("sender", [&to, &pattern[..], &["--fps", "0"]].concat(), "--fps"),
        ("sender", [&to, &pattern[..], &["--subsampling", "411"]].concat(), "420"),
        ("sender", [&to, &pattern[..], &["--pace", "quick"]].concat(), "auto"),
        ("sender", [&to, &pattern[..], &["--impair", "rain=2%"]].concat(), "loss"),
        ("sender", [&to, &pattern[..], &["--nonsense"]].concat(), "--nonsense"),
        ("receiver", vec!["--listen", "127.0.0.1:0"], "port"),
        ("receiver", vec!["--listen", "nine thousand"], "--listen"),
        ("receiver", vec!["--connect", "http://door"], "no port"),
        ("receiver", vec!["--connect", "the door"], "door.local:9001"),
        ("receiver", vec!["--output", "picture.bmp"], ".mjpeg"),
        ("receiver", vec!["--output", "y4m:film.y4m"], "y4m:-"),
        ("receiver", vec!["--deadline", "soon"], "500ms"),
        ("receiver", vec!["--resend", "maybe"], "on or off"),
        ("receiver", vec!["--http", "here"], "0.0.0.0:8080"),
        ("receiver", vec!["--http-host", "bench:80"], "without a port"),
        ("receiver", vec!["--nonsense"], "--nonsense"),
    ] {
        let ended = run(name, &arguments);
        explained(&ended, name, &arguments, word);
        assert_eq!(ended.status.code(), Some(2), "{name} {arguments:?}: {}", ended.said);
    }
}

#[test]
fn what_is_not_there_is_explained_in_a_line() {
    let folder = Folder::new();
    let (empty, text, none) = (folder.join("empty"), folder.join("notes.txt"), folder.join("none.mjpeg"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(&text, "these are no pictures").unwrap();
    let unwritable = folder.join("no/such/folder/film.mjpeg");
    let to = ["--dest", "127.0.0.1:9"];
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let (port, taken) = (taken.port().to_string(), taken.to_string());
    let web_holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = web_holder.local_addr().unwrap().to_string();
    for (name, arguments, word) in [
        ("sender", [&to[..], &["--source", &none]].concat(), "none.mjpeg"),
        ("sender", [&to[..], &["--source", &empty]].concat(), "jpg"),
        ("sender", [&to[..], &["--source", &text]].concat(), "notes.txt"),
        ("sender", [&to[..], &["--source", "camera:97"]].concat(), "sender cameras"),
        ("sender", [&to[..], &["--source", "/dev/video97"]].concat(), "sender cameras"),
        ("sender", [&to[..], &["--source", "-"]].concat(), "standard input"),
        ("receiver", vec!["--output", "none", "--listen", &taken], &port),
        ("receiver", vec!["--output", "none", "--listen", "192.0.2.7:9000"], "192.0.2.7"),
        ("receiver", vec!["--output", "none", "--listen", "127.0.0.1:9996", "--http", &web], "--http"),
        ("sender", [&to[..], &["--source", "pattern", "--http", "192.0.2.7:8080"]].concat(), "0.0.0.0:8080"),
        ("receiver", vec!["--output", &unwritable, "--listen", "127.0.0.1:9997"], "film.mjpeg"),
        ("receiver", vec!["--listen", "127.0.0.1:9998"], "--output"),
    ] {
        let ended = run(name, &arguments);
        explained(&ended, name, &arguments, word);
        assert!(matches!(ended.status.code(), Some(1 | 2)), "{name} {arguments:?}: {}", ended.status);
    }
}

#[test]
fn what_may_be_there_later_is_explained_in_a_line_and_waited_for() {
    let pattern = ["--source", "pattern", "--size", "160x120"];
    let (to, other) = (free_address(), free_address());
    let receiver = receiver(&["--listen", &to, "--output", "none"]);
    let named = ["--dest", "no-such-host.invalid:9000", "--dest", &to];
    let sender = sender(&[&named[..], &pattern].concat());
    let is_explained = |running: &Running, word: &str| {
        let explains = |line: &str| line.contains(word) && line.contains("tried again");
        let lines = || running.said().lines().filter(|line| explains(line)).count();
        assert!(comes_to(|| lines() == 1), "{}", running.said());
    };
    is_explained(&sender, "no-such-host.invalid");
    let arrives = || receiver.stats().is_some_and(|stats| count(&stats, "/frames/delivered") > 10);
    assert!(comes_to(arrives), "it keeps nobody else waiting: {}", sender.said());
    assert!(sender.interrupt().status.success());
    let sender = running::sender(&[&["--dest", &to, "--interface", "none97"], &pattern[..]].concat());
    is_explained(&sender, "none97");
    let receiver = running::receiver(&["--listen", &other, "--interface", "none97", "--output", "none"]);
    let waits = || receiver.said().lines().any(|line| line.contains("none97") && line.contains("waiting"));
    assert!(comes_to(waits), "{}", receiver.said());
    assert!(sender.interrupt().status.success() && receiver.interrupt().status.success());
}

/// The last paragraph but a pointer to --help is one line, and `word` of the way out is in it.
fn explained(ended: &Ended, name: &str, arguments: &[&str], word: &str) {
    let lines: Vec<_> = ended.said.lines().filter(|line| !line.trim().is_empty()).collect();
    let context = format!("{name} {arguments:?}: {}", ended.said);
    assert!(!ended.said.contains("panicked") && !ended.said.contains("Stack backtrace"), "{context}");
    assert!(lines.iter().any(|line| line.contains(word)), "says nothing of {word:?}: {context}");
    assert!((1..=5).contains(&lines.len()), "not one clear line: {context}");
}

#[test]
fn signals_end_both_in_order_with_final_statistics() {
    let _turn = beside_others();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR2, Signal::XCPU] {
        let port = free_port().to_string();
        let to = format!("127.0.0.1:{port}");
        // Whoever started this test, as nohup does, may have had some of them ignored.
        let under = ["env", "--default-signal"];
        let receiver = Running::listening(&under, &["--listen", &to, "--output", "none"]);
        let card = ["--dest", &to, "--source", "pattern", "--size", "320x240"];
        let sender = Running::start("sender", &under, &card);
        pause(1000);
        for (running, frames) in [(sender, "/frames/sent"), (receiver, "/frames/delivered")] {
            running.signal(signal);
            let ended = running.end_within(3);
            assert!(count(ended.totals(), frames) > 5, "{signal:?}: {}", ended.totals());
            assert!(ended.stats.len() > 2, "statistics come at each interval: {:?}", ended.stats);
        }
    }
}

#[test]
fn a_signal_that_is_for_another_program_does_no_harm() {
    let to = format!("127.0.0.1:{}", free_port());
    let sender = sender(&["--dest", &to, "--source", "pattern", "--size", "160x120"]);
    pause(500);
    sender.signal(Signal::USR1);
    assert!(comes_to(|| sender.said().contains("SIGUSR1 is for a receiver")), "{}", sender.said());
    assert!(sender.interrupt().status.success());
}

#[test]
fn a_second_signal_ends_a_program_at_once() {
    let slow = ["--source", "pattern", "--dest", "192.0.2.1:9", "--pace", "100kbit", "--interface", "lo"];
    let running = sender(&slow);
    // In the middle of a picture, of which the first signal has it send more for a second.
    let sends = || running.stats().is_some_and(|stats| count(&stats, "/datagrams/data") > 0);
    assert!(comes_to(sends), "{}", running.said());
    // Both are there when it goes on. Which of them its threads are told of first is the system's choice.
    for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
        running.signal(signal);
    }
    let ended = running.end_within(10);
    assert!(matches!(ended.status.code(), Some(130 | 143)), "{}: {}", ended.status, ended.said);
}

#[test]
fn a_program_that_was_told_to_ignore_the_hangup_does() {
    let to = format!("127.0.0.1:{}", free_port());
    let card = ["--source", "pattern", "--size", "160x120", "--dest", &to];
    let receiver = Running::listening(&["nohup"], &["--listen", &to, "--output", "none"]);
    let sender = Running::start("sender", &["nohup"], &card);
    let both = [(sender, "/frames/sent"), (receiver, "/frames/delivered")];
    pause(500);
    both.iter().for_each(|(running, _)| running.signal(Signal::HUP));
    pause(300);
    let before = both.each_ref().map(|(running, frames)| count(&running.stats().unwrap(), frames));
    pause(500);
    for ((running, frames), before) in both.into_iter().rev().zip(before.into_iter().rev()) {
        // The interrupt is for ending it, even where it was ignored, as by a shell in the background.
        let ended = running.interrupt();
        assert!(count(ended.totals(), frames) > before + 5, "{}", ended.totals());
    }
}

#[test]
fn what_was_stopped_goes_on_when_it_is_continued() {
    let _turn = beside_others();
    let to = format!("127.0.0.1:{}", free_port());
    let receiver = receiver(&["--listen", &to, "--output", "none"]);
    let sender = sender(&["--source", "pattern", "--size", "160x120", "--dest", &to]);
    pause(700);
    for running in [&sender, &receiver] {
        running.signal(Signal::TSTP);
        pause(300);
        running.signal(Signal::CONT);
        pause(700);
    }
    let before = count(&receiver.stats().unwrap(), "/frames/delivered");
    pause(700);
    sender.interrupt().totals();
    let ended = receiver.interrupt();
    assert!(count(ended.totals(), "/frames/delivered") > before + 5, "{}", ended.totals());
    assert_eq!(count(ended.totals(), "/sessions"), 1, "{}", ended.totals());
}

#[test]
fn statistics_that_nobody_reads_keep_nobody_waiting() {
    let _turn = beside_others();
    let to = format!("127.0.0.1:{}", free_port());
    // So many that a line does not fit into a page.
    let receivers: Vec<_> = (0..24).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let mut pattern = vec!["--source", "pattern", "--size", "160x120"];
    receivers.iter().for_each(|to| pattern.extend(["--dest", to]));
    for (name, arguments) in [("sender", &pattern[..]), ("receiver", &["--listen", &to, "--output", "none"])]
    {
        let mut command = Command::new(program(name));
        command.args(arguments).args(["--config", "none", "--stats-json", "-"]);
        command.args(["--stats-interval", "1ms", "--duration", "1s"]);
        let (mut reader, writer) = std::io::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
        let null = std::process::Stdio::null;
        let mut child = command.stdin(null()).stdout(writer).stderr(null()).spawn().unwrap();
        // It would keep the pipe open.
        drop(command);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while child.try_wait().unwrap().is_none() {
            if std::time::Instant::now() > until {
                child.kill().unwrap();
                panic!("{name} waits for a reader of its statistics");
            }
            pause(20);
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        for line in whole.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{name}: {e}: {line}"));
        }
    }
}

#[test]
fn messages_that_nobody_reads_hold_up_no_frame_and_keep_no_program_from_ending() {
    let _turn = beside_others();
    let to = format!("127.0.0.1:{}", free_port());
    // Nobody ever reads it, and it is full from the beginning.
    let (_reader, mut full) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&full, 4096).unwrap();
    full.write_all(&[b'\n'; 4096]).unwrap();
    let pipe = format!("/proc/{}/fd/{}", std::process::id(), full.as_raw_fd());
    let under = ["sh", "-c", &format!(r#"exec "$0" "$@" 2> {pipe}"#)];
    let receiver = Running::start("receiver", &under, &["--listen", &to, "--output", "none"]);
    let pattern = ["--dest", &to, "--source", "pattern", "--size", "160x120"];
    let sender = Running::start("sender", &under, &pattern);
    for (running, frames) in [(receiver, "/frames/delivered"), (sender, "/frames/sent")] {
        let goes_on = comes_to(|| running.stats().is_some_and(|stats| count(&stats, frames) > 20));
        assert!(goes_on, "{frames}: {:?}", running.stats());
        running.interrupt().totals();
    }
}

#[test]
fn a_pipe_that_nobody_reads_keeps_no_program_from_its_work_or_from_ending() {
    let (folder, to) = (Folder::new(), free_address());
    let [pictures, figures] = ["door.mjpeg", "stats.json"].map(|name| {
        let pipe = folder.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        pipe
    });
    let receiver = receiver(&["--listen", &to, "--output", "none", "--output", &pictures]);
    let picture = ["--source", "pattern", "--size", "64x64", "--frames", "20", "--dest", &to];
    assert!(run("sender", &picture).status.success());
    assert!(comes_to(|| receiver.stats().is_some_and(|stats| count(&stats, "/frames/delivered") > 0)));
    receiver.signal(Signal::TERM);
    let ended = receiver.end_within(5);
    assert!(ended.said.contains("nobody reads"), "{}", ended.said);
    assert_eq!(count(ended.totals(), "/outputs/0/written"), 0);
    assert!(count(ended.totals(), "/outputs/0/dropped") > 0);

    let said = std::fs::File::create(folder.join("said")).unwrap();
    let mut sender = Command::new(program("sender"));
    sender.args(["--config", "none", "--source", "pattern", "--announce", "off", "--dest", &to]);
    sender.args(["--stats-json", &figures, "--duration", "1s"]);
    let mut sender = sender.stderr(said).spawn().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while sender.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > until {
            sender.kill().unwrap();
            panic!("it waits for a reader of its statistics");
        }
        pause(20);
    }
    assert!(sender.wait().unwrap().success());
    assert!(std::fs::read_to_string(folder.join("said")).unwrap().contains("once somebody reads"));
}

#[test]
fn pictures_are_not_written_to_a_terminal() {
    for output in ["-", "y4m:-"] {
        let receiver = format!("{} --config none --output {output}", program("receiver").display());
        // script(1) gives it a terminal.
        let run = Command::new("script").args(["-qec", &receiver, "/dev/null"]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert_eq!(run.status.code(), Some(1), "{said}");
        assert!(said.contains("terminal") && said.contains("FILE.mkv"), "{said}");
    }
}

#[test]
fn a_slow_pace_does_not_keep_a_sender_from_ending_and_every_frame_has_ended() {
    let _turn = beside_others();
    let one = format!("127.0.0.1:{}", free_port());
    let other = format!("[::1]:{}", free_port());
    let to = ["--source", "pattern", "--dest", &one, "--dest", &other];
    let slow = sender(&[&to[..], &["--pace", "100kbit"]].concat());
    let captures = || slow.stats().is_some_and(|stats| count(&stats, "/frames/captured") > 5);
    assert!(comes_to(captures), "{}", slow.said());
    let ended = slow.interrupt();
    sender_adds_up(ended.totals());
    assert!(count(ended.totals(), "/frames/captured") > 5, "{}", ended.totals());
    for ending in [&["--frames", "1"][..], &["--frames", "20", "--pace", "20mbit"], &["--duration", "500ms"]]
    {
        let ended = sender(&[&to[..], &["--fps", "200"], ending].concat()).end_within(5);
        sender_adds_up(ended.totals());
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_receiver_without_a_fuss() {
    let _turn = beside_others();
    let to = format!("127.0.0.1:{}", free_port());
    let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
    drop(receiver.output());
    let _sender = sender(&["--dest", &to, "--source", "pattern", "--size", "320x240"]);
    let ended = receiver.end_within(5);
    assert!(!ended.said.contains("panicked"), "{}", ended.said);
}
