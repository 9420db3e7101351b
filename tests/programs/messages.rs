//! Messages: each level has what it should and no more.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::running::{self, Ended, Running, count, program, sender};
use crate::common::{Folder, comes_to, free_address, pause};

/// Sends a test card, with a warning on the way, and ends by itself.
fn sent(environment: &[&str], arguments: &[&str]) -> Ended {
    let to = free_address();
    let card = ["--source", "pattern", "--size", "160x120", "--frames", "5", "--log-format", "json"];
    let warned = ["--dest", &to, "--dest", "no-such-host.invalid:9000"];
    let under = [&["env"], environment].concat();
    Running::start("sender", &under, &[&card[..], &warned, arguments].concat()).end_within(10)
}

/// The levels that occur, and whether statistics do.
fn levels(ended: &Ended) -> (Vec<String>, bool) {
    let entry = |line| -> Value { serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")) };
    let entries: Vec<Value> = ended.said.lines().map(entry).collect();
    let mut levels: Vec<_> = entries
        .iter()
        .filter(|entry| entry["statistics"] == false)
        .map(|entry| entry["level"].as_str().unwrap().to_owned())
        .collect();
    levels.sort();
    levels.dedup();
    (levels, entries.iter().any(|entry| entry["statistics"] == true))
}

#[test]
fn each_level_has_those_before_it_and_no_more() {
    let folder = Folder::new();
    let file = folder.join("sender.toml");
    std::fs::write(&file, "log-level = 'warn'\n").unwrap();
    for (environment, arguments, expected, statistics) in [
        (&[][..], &["--log-level", "error"][..], &[][..], false),
        (&[], &["--log-level", "warn"], &["warn"], false),
        (&[], &["--config", &file], &["warn"], false),
        (&["RUST_LOG=warn"], &[], &["warn"], false),
        (&[], &[], &["info", "warn"], true),
        (&["RUST_LOG=trace"], &["--log-level", "info"], &["info", "warn"], true),
        (&["RUST_LOG=other=debug"], &[], &["info", "warn"], true),
        (&["RUST_LOG="], &[], &["info", "warn"], true),
    ] {
        let ended = sent(environment, arguments);
        ended.totals();
        assert_eq!(
            levels(&ended),
            (expected.iter().map(ToString::to_string).collect(), statistics),
            "{environment:?} {arguments:?}: {}",
            ended.said
        );
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_said_and_ignored() {
    let ended = sent(&["RUST_LOG=proto=loud"], &[]);
    assert!(ended.said.contains("RUST_LOG is ignored") && ended.said.contains("test card"), "{}", ended.said);
}

/// The first message that has these words, in lines of JSON.
fn told(said: &str, message: &str, reason: &str) -> Option<Value> {
    let entries = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.into_iter().find(|entry| {
        let reason_of = entry["fields"]["reason"].as_str().unwrap_or_default();
        entry["message"] == message && reason_of.contains(reason)
    })
}

const DETAILED: [&str; 4] = ["--log-format", "json", "--log-level", "debug"];

#[test]
fn a_takeover_is_told_with_its_reason() {
    let to = free_address();
    let receiver = running::receiver(&[&["--listen", &to, "--output", "none"], &DETAILED[..]].concat());
    let card = ["--source", "pattern", "--size", "160x120", "--dest", &to];
    let first = sender(&card);
    let is_told = |reason: &str| told(&receiver.said(), "session taken", reason);
    assert!(comes_to(|| is_told("the lock is free").is_some()), "{}", receiver.said());
    let second = sender(&card);
    assert!(comes_to(|| second.stats().is_some_and(|stats| count(&stats, "/frames/sent") > 10)));
    assert!(is_told("no sign of life").is_none(), "{}", receiver.said());
    first.kill();
    assert!(comes_to(|| is_told("no sign of life").is_some()), "{}", receiver.said());
    let taken = is_told("no sign of life").unwrap();
    let fields = &taken["fields"];
    assert_eq!(taken["level"], "debug");
    assert!(fields["before"] != fields["from"] && fields["silent_ms"].as_u64() >= Some(500), "{taken}");
}

#[test]
fn a_subscription_is_told_at_both_ends() {
    let at = free_address();
    let card = ["--source", "pattern", "--size", "160x120", "--announce", "off", "--serve", &at];
    let sender = sender(&[&card[..], &DETAILED].concat());
    let receiver =
        Running::start("receiver", &[], &[&["--connect", &at, "--output", "none"], &DETAILED[..]].concat());
    let welcomed = || told(&sender.said(), "subscription welcomed", "token");
    assert!(comes_to(|| welcomed().is_some()), "{}", sender.said());
    let watches = || told(&receiver.said(), "subscription", "the stream comes");
    assert!(comes_to(|| watches().is_some_and(|told| told["fields"]["to"] == at[..])), "{}", receiver.said());
    assert!(receiver.interrupt().status.success());
    let left = || told(&sender.said(), "subscription ended", "it says so");
    assert!(comes_to(|| left().is_some()), "{}", sender.said());
    assert_eq!(left().unwrap()["fields"]["viewer"], welcomed().unwrap()["fields"]["viewer"]);
}

#[test]
fn more_parity_and_less_quality_are_told_with_the_destination_and_the_reason() {
    let to = free_address();
    let receiver = running::receiver(&["--listen", &to, "--output", "none"]);
    let card = ["--source", "pattern", "--size", "640x480", "--dest", &to, "--max-bitrate", "1.5mbit"];
    let sender = sender(&[&card[..], &["--impair", "loss=10%"], &DETAILED].concat());
    let parity = || told(&sender.said(), "parity", "more is lost");
    assert!(comes_to(|| parity().is_some()), "{}", sender.said());
    let parity = parity().unwrap();
    assert!(parity["fields"]["loss_ppm"].as_u64() > parity["fields"]["before_ppm"].as_u64(), "{parity}");
    assert_eq!(parity["fields"]["to"], to[..], "{parity}");
    let quality = || told(&sender.said(), "JPEG quality", "too large");
    assert!(comes_to(|| quality().is_some()), "{}", sender.said());
    let quality = quality().unwrap();
    assert!(quality["fields"]["quality"].as_u64() < quality["fields"]["before"].as_u64(), "{quality}");
    assert!(receiver.interrupt().status.success());
    // Each line is an object of its own, with a level; none is of a frame.
    let levels = levels(&sender.interrupt()).0;
    assert!(levels.contains(&"debug".into()) && !levels.contains(&"trace".into()), "{levels:?}");
}

#[test]
fn each_frame_has_a_line_at_trace_and_nobody_who_does_not_read_them_is_waited_for() {
    let to = free_address();
    let receiver = running::receiver(&["--listen", &to, "--output", "none", "--log-level", "trace"]);
    let card = ["--source", "pattern", "--size", "160x120", "--dest", &to, "--frames", "30"];
    let ended = sender(&[&card[..], &["--log-level", "trace"]].concat()).end_within(10);
    let lines = |said: &str, what: &str| said.lines().filter(|line| line.contains(what)).count() as u64;
    let sent = count(ended.totals(), "/frames/sent");
    assert_eq!(lines(&ended.said, "sender: trace: frame sent frame="), sent, "{}", ended.said);
    let ended = receiver.interrupt();
    let delivered = count(ended.totals(), "/frames/delivered");
    assert_eq!(lines(&ended.said, "receiver: trace: frame delivered from=127.0.0.1:"), delivered);

    // A pipe that holds a page of it.
    let (reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let mut command = Command::new(program("sender"));
    command.args(&card[..card.len() - 2]).args([
        "--config",
        "none",
        "--announce",
        "off",
        "--log-level",
        "trace",
        "--fps",
        "500",
    ]);
    let mut sender = command.args(["--frames", "2000"]).stderr(writer).spawn();
    let until = Instant::now() + Duration::from_secs(20);
    while sender.as_mut().unwrap().try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it waits for its reader");
        pause(20);
    }
    drop(reader);
}
