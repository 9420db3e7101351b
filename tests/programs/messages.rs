//! Messages: each level has what it should and no more.

use serde_json::Value;

use crate::common::running::{Ended, Running};
use crate::common::{Folder, free_address};

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
