//! Raw pictures between two hosts, from the programs' start on: what the first second costs counts.

use std::path::Path;

use crate::clip::Pictures;
use crate::feeder::{self, Feed};
use crate::lab::{Harm, Lab};
use crate::pairs::Pair;
use crate::table::{ARRIVED, CPU_RX, CPU_TX, Figure, Goal, Measured, P50, P95, P99};
use crate::take_turns;

/// Every pair over both paths; `finish` gets each path's figures as soon as they are there.
pub(crate) fn measure(
    lab: &Lab,
    pairs: &[Pair],
    clip: &mut Pictures,
    (runs, seconds): (usize, u32),
    folder: &Path,
    mut finish: impl FnMut(Measured),
) -> anyhow::Result<()> {
    let feed = Feed { fps: 30, warm_seconds: 0, seconds, wire: None };
    let fast = vec![
        Goal::of_best_peer(P50, 0.5),
        Goal::of_best_peer(P95, 0.7),
        Goal::of_best_peer(P99, 1.0),
        Goal::at_least(ARRIVED, 99.9),
    ];
    for (kind, harm, goals) in [
        ("hosts: 1080p picture in, picture out, 30 fps, from the start", Harm::None, fast),
        (
            "hosts: the same through a port of 100 Mbit/s with a queue of 64 KiB",
            Harm::Port("100mbit", 65_536),
            vec![Goal::at_least(ARRIVED, 99.9)],
        ),
    ] {
        let pairs = take_turns(pairs, runs, |pair| {
            lab.set(harm)?;
            feeder::pictures(pair, clip, feed, folder)
        })?;
        finish(Measured { kind, seconds, figures: &FIGURES, pairs, goals });
    }
    Ok(())
}

const FIGURES: [Figure; 6] = [ARRIVED, P50, P95, P99, CPU_TX, CPU_RX];
