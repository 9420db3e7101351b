//! What each pair delivers over a path that loses datagrams, how late, and with how much more traffic.
//!
//! Overhead is in bytes on the wire, both ways, all headers included, over the measured time: (W - W0) / W0, where W0
//! is what the same pair without repair sends on the clean path for the same pictures.

use std::path::Path;

use crate::clip::Jpegs;
use crate::feeder::{self, Feed, WARM_SECONDS};
use crate::lab::{Harm, Lab};
use crate::pairs::{OURS, Pair};
use crate::repairers::Repairer;
use crate::table::{ARRIVED, CPU_RX, CPU_TX, Figure, Goal, Measured, OVERHEAD, P50, P99, WIRE, of_pair};
use crate::take_turns;

/// Every pair over every path; `finish` gets each path's figures as soon as they are there.
pub(crate) fn measure(
    lab: &Lab,
    repairers: &[Repairer],
    clip: &Jpegs,
    (runs, seconds): (usize, u32),
    folder: &Path,
    mut finish: impl FnMut(Measured),
) -> anyhow::Result<()> {
    let feed = Feed { fps: 30, warm_seconds: WARM_SECONDS, seconds, wire: Some(lab) };
    let pairs: Vec<Pair> = repairers.iter().map(|repairer| repairer.pair.clone()).collect();
    let mut clean: Option<Measured> = None;
    for route in &ROUTES {
        let mut pairs = take_turns(&pairs, runs, |pair| {
            lab.set(route.harm)?;
            feeder::jpegs(pair, clip, feed, folder)
        })?;
        let plain = clean.as_ref().map_or(&pairs, |clean| &clean.pairs);
        let plain: Vec<_> = repairers.iter().map(|one| of_pair(plain, one.plain, WIRE)).collect();
        for ((_, runs), plain) in pairs.iter_mut().zip(plain) {
            for run in runs {
                run.overhead = run.wire_bytes.zip(plain).map(|(bytes, plain)| bytes as f64 / plain - 1.0);
            }
        }
        let goals = route.goals(clean.as_ref());
        let measured = Measured { kind: route.kind, seconds, figures: &FIGURES, pairs, goals };
        clean.get_or_insert_with(|| measured.clone());
        finish(measured);
    }
    Ok(())
}

/// A path, and what Chunkcast is to reach on it.
struct Route {
    kind: &'static str,
    harm: Harm,
    /// Per cent of the pictures, at least.
    delivered: f64,
    /// Per cent of its own traffic without repair, at most.
    overhead: f64,
    /// How much later than on the clean path one of a hundred pictures may come, in ms, where that is asked.
    later: Option<f64>,
}

impl Route {
    fn goals(&self, clean: Option<&Measured>) -> Vec<Goal> {
        let mut goals =
            vec![Goal::at_least(ARRIVED, self.delivered), Goal::absolute(OVERHEAD, self.overhead)];
        let clean = clean.and_then(|clean| of_pair(&clean.pairs, OURS, P99));
        goals.extend(clean.zip(self.later).map(|(clean, later)| Goal::absolute(P99, clean + later)));
        goals
    }
}

// The clean one first: the others are held against it.
const ROUTES: [Route; 5] = [
    Route { kind: "repair: clean path", harm: Harm::None, delivered: 99.99, overhead: 1.0, later: None },
    Route {
        kind: "repair: 1 % lost at random",
        harm: Harm::Random(10),
        delivered: 99.9,
        overhead: 10.0,
        later: Some(5.0),
    },
    Route {
        kind: "repair: 5 % lost at random",
        harm: Harm::Random(50),
        delivered: 99.9,
        overhead: 20.0,
        later: Some(8.0),
    },
    Route {
        kind: "repair: 20 of every 2000 datagrams lost in a row",
        harm: Harm::Bursts(20, 2000),
        delivered: 99.9,
        overhead: 10.0,
        later: Some(8.0),
    },
    Route {
        kind: "repair: port of 100 Mbit/s with a queue of 64 KiB",
        harm: Harm::Port("100mbit", 65_536),
        delivered: 99.9,
        overhead: 2.0,
        later: None,
    },
];

const FIGURES: [Figure; 6] = [ARRIVED, OVERHEAD, P50, P99, CPU_TX, CPU_RX];
