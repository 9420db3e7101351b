//! What a stream keeps over which network: a table under review in `tests/snapshots/loss_matrix.txt`.
//!
//! The same seeds give the same table everywhere. A change of the protocol shows as a change of these numbers; if it is
//! meant, write them again with `UPDATE_SNAPSHOTS=1 cargo test --test loss_matrix` and look at the difference.
#![allow(missing_docs, clippy::unwrap_used)]

mod lan;

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use lan::{Outcome, Scenario};
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
        assert_eq!(now, before, "if that is meant: UPDATE_SNAPSHOTS=1 cargo test --test loss_matrix");
    }
    assert_eq!(table, reviewed);
}

fn table() -> String {
    let mut table = String::from(HEAD);
    for (name, network) in NETWORKS {
        for (pace_name, pace) in PACES {
            for (size_name, least, most) in SIZES {
                let network = [*network, "seed=7"].join(",");
                let scenario =
                    Scenario { network, pace: *pace, least: *least, most: *most, ..Scenario::default() };
                row(&mut table, name, pace_name, size_name, &scenario.run());
            }
        }
    }
    table
}

fn row(table: &mut String, network: &str, pace: &str, size: &str, outcome: &Outcome) {
    let millis = |percent| outcome.latency(percent).map_or_else(|| "-".into(), |ms| format!("{ms:.2}"));
    let (lost, delivered) = (outcome.received.lost, outcome.delivered() * 100.0);
    writeln!(
        table,
        "{network:<22} {pace:<5} {size:<6} {delivered:>9.1} {:>7} {:>7} {:>10} {:>8} {:>7} {:>8} {:>10}",
        millis(50),
        millis(99),
        lost.superseded,
        lost.deadline,
        lost.evicted,
        outcome.vanished(),
        outcome.sent.superseded,
    )
    .unwrap();
}

/// What it is called, and what it does.
const NETWORKS: &[(&str, &str)] = &[
    ("clean", ""),
    ("loss 0.1 %", "loss=0.1%"),
    ("loss 1 %", "loss=1%"),
    ("loss 5 %", "loss=5%"),
    ("loss 10 %", "loss=10%"),
    ("burst 5 of 2000", "burst=5/2000"),
    ("burst 20 of 2000", "burst=20/2000"),
    ("burst 60 of 2000", "burst=60/2000"),
    ("reordered by 5 ms", "reorder=5%/5ms"),
    ("jitter 5 ms", "delay=2ms,jitter=5ms"),
    ("copies 5 %", "dup=5%"),
    ("damage 0.1 %", "corrupt=0.1%"),
    ("100 Mbit/s, 64 KiB", "rate=100mbit,queue=64k"),
    ("100 Mbit/s, 512 KiB", "rate=100mbit,queue=512k"),
    (
        "Wi-Fi, busy",
        "loss=0.5%,burst=10/3000,delay=2ms,jitter=4ms,reorder=1%/3ms,dup=0.1%,rate=150mbit,queue=256k",
    ),
];

const PACES: &[(&str, Pace)] = &[("auto", Pace::Auto), ("off", Pace::Off)];

/// Frames of 720p and 1080p at quality 80, about 50 and 120 datagrams.
const SIZES: &[(&str, usize, usize)] = &[("70 KB", 64_000, 76_000), ("170 KB", 160_000, 180_000)];

const HEAD: &str = "\
200 frames at 30 per second, datagrams of at most 1472 bytes, no repair, seed 7.

delivered: frames delivered of those pushed, percent. p50, p99: from push to delivery, milliseconds of virtual time.
Lost at the receiver: superseded by a newer frame, at the deadline, evicted, or vanished (nothing of it arrived).
skipped: superseded at the sender, before they were sent.

network                pace  frame  delivered     p50     p99 superseded deadline evicted vanished    skipped
";
