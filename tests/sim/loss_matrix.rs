//! What a stream keeps over which network, by what is done about loss: a table under review in
//! `tests/snapshots/loss_matrix.txt`.
//!
//! The same seeds give the same table everywhere. A change of the protocol shows as a change of these numbers; if it is
//! meant, write them again with `UPDATE_SNAPSHOTS=1 cargo test --test sim loss_matrix` and look at the difference.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, thread};

use crate::lan::{Means, Outcome, Scenario};
use proto::Pace;

#[test]
fn delivery_over_bad_networks_is_as_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/loss_matrix.txt");
    let table = table();
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    for (now, before) in table.lines().zip(reviewed.lines().chain(std::iter::repeat(""))) {
        assert_eq!(now, before, "if that is meant: UPDATE_SNAPSHOTS=1 cargo test --test sim loss_matrix");
    }
    assert_eq!(table, reviewed);
}

fn table() -> String {
    // One thread for each column of the matrix: the runs have nothing to do with each other.
    let columns: Vec<_> = MEANS
        .iter()
        .map(|&(name, means, extra)| thread::spawn(move || (name, column(means, extra))))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let mut table = String::from(HEAD);
    for (at, (network, ..)) in NETWORKS.iter().enumerate() {
        for (name, rows) in &columns {
            writeln!(table, "{network:<20} {name:<7}{}", rows[at]).unwrap();
        }
    }
    table
}

/// Every network, with the same means.
fn column(means: Means, extra: Extra) -> Vec<String> {
    let quiet = Means { feedback: means.feedback, ..Means::SILENT };
    let clean = run(quiet, Extra::None, "", "");
    NETWORKS.iter().map(|(_, there, back)| row(&run(means, extra, there, back), &clean)).collect()
}

fn run(means: Means, extra: Extra, there: &str, back: &str) -> Outcome {
    let keyed = extra == Extra::Keyed;
    let over = |path: &str| ["delay=100us,seed=7", path].join(if path.is_empty() { "" } else { "," });
    let scenario = Scenario {
        network: over(there),
        back: over(back),
        means,
        pace: Pace::Auto,
        frames: 660,
        warm_up: 60,
        least: 160_000,
        most: 180_000,
        keyed,
        parts: if extra == Extra::Parts { 4 } else { 1 },
        apart: Duration::from_millis(1),
        // Who has a key is shown nothing before the sender is proven to be alive.
        lead: if keyed { Duration::from_millis(1500) } else { Duration::ZERO },
        ..Scenario::default()
    };
    scenario.run()
}

fn row(outcome: &Outcome, clean: &Outcome) -> String {
    let added = |percent| match (outcome.latency(percent), clean.latency(percent)) {
        (Some(here), Some(clean)) => format!("{:.2}", here - clean),
        _ => "-".into(),
    };
    let received = outcome.received;
    let at_once = received.delivered - received.repair.by_parity - received.repair.by_resend;
    format!(
        " {:>9.2} {:>8.2} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
        outcome.delivered() * 100.0,
        outcome.traffic.overhead() * 100.0,
        added(50),
        added(99),
        at_once,
        received.repair.by_parity,
        received.repair.by_resend,
        outcome.sent.superseded,
    )
}

/// What it is called, and what is special.
const MEANS: &[(&str, Means, Extra)] = &[
    ("none", Means::NONE, Extra::None),
    ("parity", Means::PARITY, Extra::None),
    ("blind", Means::BLIND, Extra::None),
    ("resend", Means::RESEND, Extra::None),
    ("both", Means::BOTH, Extra::None),
    ("keyed", Means::BOTH, Extra::Keyed),
    ("parts", Means::BOTH, Extra::Parts),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    /// All is sealed.
    Keyed,
    /// Frames come in parts.
    Parts,
}

/// What it is called, and what it does there and back. What receivers say are few datagrams: a burst of so many of them
/// would be a pause of a minute, which no path makes.
const NETWORKS: &[(&str, &str, &str)] = &[
    ("clean", "", ""),
    ("loss 0.1 %", "loss=0.1%", "loss=0.1%"),
    ("loss 1 %", "loss=1%", "loss=1%"),
    ("loss 5 %", "loss=5%", "loss=5%"),
    ("loss 10 %", "loss=10%", "loss=10%"),
    ("burst 5 of 500", "burst=5/500", ""),
    ("burst 20 of 2000", "burst=20/2000", ""),
    ("burst 60 of 6000", "burst=60/6000", ""),
    ("reordered by 5 ms", "reorder=5%/5ms", "reorder=5%/5ms"),
    ("copies 5 %", "dup=5%", "dup=5%"),
    ("damage 0.1 %", "corrupt=0.1%", "corrupt=0.1%"),
    ("jitter 5 ms", "jitter=5ms", "jitter=5ms"),
    ("100 Mbit/s, 64 KiB", "rate=100mbit,queue=64k", ""),
    ("100 Mbit/s, 512 KiB", "rate=100mbit,queue=512k", ""),
    (
        "Wi-Fi, busy",
        "loss=0.5%,burst=10/3000,jitter=4ms,reorder=1%/3ms,dup=0.1%,rate=150mbit,queue=256k",
        "loss=0.5%,jitter=4ms,reorder=1%/3ms,dup=0.1%",
    ),
];

const HEAD: &str = "\
660 frames of 160 to 180 KB at 30 per second, datagrams of at most 1472 bytes, paced by themselves, 0.1 ms each way, seed 7.

none: reports, and nothing that repairs. parity: by what is reported, no resends. blind: parity, and nothing is said back.
resend: no parity. both: as it comes. keyed: the same, sealed; the sender is there for 1.5 s before the first frame.
parts: both, frames in four parts that come 1 ms apart; the latency counts from the first.

delivered: frames delivered of those pushed, percent. overhead: everything else on the wire, both ways, percent of the
frames' own datagrams. +p50, +p99: latency from push to delivery in milliseconds of virtual time, beyond that of the clean
path without repair, of the frames after the first 60, in which the pace is found. whole: frames of which all arrived at
first. parity, resent: frames made whole by these. skipped: frames superseded at the sender, before they were sent.

network              repair  delivered overhead    +p50    +p99   whole  parity  resent skipped
";
