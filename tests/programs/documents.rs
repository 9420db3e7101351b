//! What the documents say of the programs is so: every statistic has its line, every symptom its message, and every
//! link its end.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::recipes::{DOCUMENTS, read};
use crate::common::running::{Running, count, run, sender};
use crate::common::{Folder, beside_others, free_port, pause, root};
use serde_json::Value;

#[test]
fn every_statistic_is_explained_and_nothing_else() {
    let _turn = beside_others();
    let (port, folder) = (free_port(), Folder::new());
    let (to, serve) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", free_port()));
    let (written, key, sign) = (folder.join("out.mjpeg"), folder.join("key"), folder.join("sign"));
    assert!(run("sender", &["key", "new", "--key-file", &key]).status.success());
    // It remembers who signs.
    let home = format!("XDG_CONFIG_HOME={}", folder.path().display());
    let many = ["--listen", &to, "--max-senders", "2", "--output", &written, "--key-file", &key];
    let watching = Running::start("receiver", &["env", &home], &many);
    let card = ["--source", "pattern", "--size", "320x240", "--fps", "20", "--dest", &to, "--key-file", &key];
    let card = [&card[..], &["--sign", &sign]].concat();
    let first = sender(&[&card[..], &["--serve", &serve, "--announce", "off"]].concat());
    let second = sender(&card);
    let viewers = |sender: &Running| {
        let stats = sender.stats()?;
        stats["destinations"][0]["viewers"].as_array().map(Vec::len)
    };
    let is_there =
        || watching.stats().is_some_and(|stats| stats["senders"].as_array().is_some_and(|s| s.len() == 2));
    let mut patience = 400;
    while !is_there() || viewers(&first) != Some(1) {
        patience -= 1;
        assert!(patience > 0, "two senders and a viewer: {:?} {:?}", watching.stats(), first.stats());
        pause(25);
    }
    let received = watching.interrupt();
    let sent = first.interrupt();
    drop(second);
    assert!(count(sent.totals(), "/frames/sent") > 0);

    let document = read("docs/statistics.md");
    let (of_sender, of_receiver) = document.split_once("\n## Receiver").unwrap();
    let (of_receiver, of_both) = of_receiver.split_once("\n## Keys").unwrap();
    for (program, section, stats) in
        [("sender", of_sender, sent.stats), ("receiver", of_receiver, received.stats)]
    {
        let mut told = BTreeSet::new();
        stats.iter().for_each(|line| collect(line, "", &mut told));
        let explained = &explained(section) | &explained(of_both);
        let missing: Vec<_> = told.difference(&explained).collect();
        let stale: Vec<_> = explained.difference(&told).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "{program}: not explained {missing:?}; not there {stale:?}"
        );
    }
}

/// The paths of all values, such as `frames.sent`, and of lists too.
fn collect(value: &Value, path: &str, told: &mut BTreeSet<String>) {
    match value {
        // Each sender has what is told of the first.
        Value::Array(_) if path == "senders" => drop(told.insert(path.to_owned())),
        Value::Array(all) => {
            told.insert(path.to_owned());
            all.iter().for_each(|value| collect(value, &format!("{path}[]"), told));
        }
        Value::Object(object) if object.contains_key("p50") => drop(told.insert(path.to_owned())),
        Value::Object(object) => {
            for (name, value) in object {
                let within = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(value, &within, told);
            }
        }
        _ => drop(told.insert(path.to_owned())),
    }
}

/// The names in the first columns of a section's tables.
fn explained(section: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut within = "";
    for line in section.lines() {
        if line.starts_with("What a viewer, ") {
            within = "destinations[].viewers[].";
        }
        let Some(cell) = line.strip_prefix("| `") else { continue };
        let cell = cell.split(" |").next().unwrap();
        names.extend(
            cell.split('`').step_by(2).filter(|name| !name.is_empty()).map(|name| format!("{within}{name}")),
        );
    }
    // A group of figures that are explained one by one.
    names.retain(|name| !["asks", "destinations[].feedback", "keyed"].contains(&&**name));
    names
}

#[test]
fn every_bound_of_memory_is_shown_by_a_test_that_is_there() {
    let text = read("ARCHITECTURE.md");
    let table = text.split_once("**Memory is bounded**").unwrap().1;
    let rows =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = rows.skip(2).collect();
    assert!(rows.len() >= 18, "{rows:?}");
    let tests = tests();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let [_, _, shown_by] = cells[..] else { panic!("where, at most, shown by: {row}") };
        let mut names = shown_by.split('`').skip(1).step_by(2).peekable();
        assert!(names.peek().is_some(), "no test is named: {row}");
        names.for_each(|name| assert!(tests.contains(name), "there is no test {name}: {row}"));
    }
}

/// The names of all tests that there are.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for folder in ["proto", "sender", "receiver", "tests"] {
        each_source(&root().join(folder), &mut |source| {
            // A function behind the attribute, and perhaps behind others.
            for behind in source.split("#[test]").skip(1) {
                let name = behind.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
                tests.extend(name.map(|(name, _)| name.to_owned()));
            }
        });
    }
    tests
}

fn each_source(folder: &Path, look: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_source(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_message_among_the_symptoms_is_one_that_a_program_says() {
    // The system's own words.
    let of_the_system = ["Network is unreachable", "No space left on device"];
    let mut sources = String::new();
    for folder in ["proto/src", "sender/src", "receiver/src"] {
        each_source(&root().join(folder), &mut |source| {
            // A string goes on behind a backslash, in the next line.
            for line in source.lines().map(str::trim) {
                sources += line.strip_suffix('\\').unwrap_or(line);
                sources += if line.ends_with('\\') { "" } else { "\n" };
            }
        });
    }
    let text = read("docs/troubleshooting.md");
    let symptoms = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what you see"));
    let messages: Vec<&str> =
        symptoms.flat_map(|row| row.split(" | ").next().unwrap().split('`').skip(1).step_by(2)).collect();
    assert!(messages.len() >= 40, "{messages:?}");
    for message in messages {
        // What differs from case to case: names, numbers, and what stands between two parts of a sentence.
        let parts = message.split("...").flat_map(|part| part.split(" N ")).flat_map(|part| part.split(", "));
        for part in parts.flat_map(|part| part.split(char::is_numeric)) {
            let part = part.trim_matches([' ', ':', ';']);
            let is_said = sources.contains(part) || of_the_system.contains(&part);
            assert!(is_said, "no program says {part:?}, as in {message:?}");
        }
    }
}

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    let others = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/policy.md",
        "proto/README.md",
        "proto/docs/crate.md",
    ];
    for document in DOCUMENTS.iter().chain(&others) {
        let text = read(document);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) =
                link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let path = if file.is_empty() {
                root().join(document)
            } else {
                root().join(document).parent().unwrap_or_else(|| Path::new("")).join(file)
            };
            assert!(path.exists(), "{document}: {link}");
            if let Some(heading) = heading {
                let text = std::fs::read_to_string(&path).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.any(|known| known == heading), "{document}: {link}");
            }
        }
    }
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches(['#', ' ']).to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
