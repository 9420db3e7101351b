//! From runs to medians, from medians to ratios, and both to a table and to JSON.

use serde_json::{Value, json};

use crate::feeder::Run;
use crate::pairs::OURS;

/// All runs of all pairs under one kind of measurement.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// What was measured, for people and as JSON key.
    pub(crate) kind: &'static str,
    /// For how long, each run.
    pub(crate) seconds: u32,
    /// What the table shows.
    pub(crate) figures: &'static [Figure],
    /// Each pair's name and runs.
    pub(crate) pairs: Vec<(&'static str, Vec<Run>)>,
    /// What Chunkcast is to reach.
    pub(crate) goals: Vec<Goal>,
}

/// One figure that Chunkcast is to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    figure: Figure,
    limit: Limit,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// At most this part of the best peer's.
    OfBestPeer(f64),
    /// At most this.
    Absolute(f64),
    /// At least this.
    AtLeast(f64),
}

/// Something that each run has, in the unit that `name` says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    name: &'static str,
    of: fn(&Run) -> Option<f64>,
}

impl Goal {
    /// `figure` is to be at most `part` of the best peer's.
    pub(crate) fn of_best_peer(figure: Figure, part: f64) -> Self {
        Self { figure, limit: Limit::OfBestPeer(part) }
    }

    /// `figure` is to be at most `most`, whatever peers need.
    pub(crate) fn absolute(figure: Figure, most: f64) -> Self {
        Self { figure, limit: Limit::Absolute(most) }
    }

    /// `figure` is to be at least `least`, whatever peers reach.
    pub(crate) fn at_least(figure: Figure, least: f64) -> Self {
        Self { figure, limit: Limit::AtLeast(least) }
    }

    fn words(&self) -> &'static str {
        if matches!(self.limit, Limit::AtLeast(_)) { "at least" } else { "at most" }
    }
}

/// Transmitter's processor time for a picture.
pub(crate) const CPU_TX: Figure =
    Figure { name: "cpu tx ms", of: |run| per_picture(run, run.tx.cpu.as_secs_f64()) };
/// Viewer's processor time for a picture.
pub(crate) const CPU_RX: Figure =
    Figure { name: "cpu rx ms", of: |run| per_picture(run, run.rx.cpu.as_secs_f64()) };
/// Median latency.
pub(crate) const P50: Figure = Figure { name: "p50 ms", of: |run| quantile(&run.latency_ms, 0.5) };
/// Latency that one of twenty pictures exceeds.
pub(crate) const P95: Figure = Figure { name: "p95 ms", of: |run| quantile(&run.latency_ms, 0.95) };
/// Latency that one of a hundred pictures exceeds.
pub(crate) const P99: Figure = Figure { name: "p99 ms", of: |run| quantile(&run.latency_ms, 0.99) };
/// Transmitter's memory.
pub(crate) const MIB_TX: Figure = Figure { name: "tx MiB", of: |run| Some(run.tx.peak_mib) };
/// Viewer's memory.
pub(crate) const MIB_RX: Figure = Figure { name: "rx MiB", of: |run| Some(run.rx.peak_mib) };
const BOTTOM: Figure = Figure { name: "bottom p50", of: |run| quantile(&run.bottom_ms, 0.5) };
const DELIVERED: Figure = Figure { name: "delivered %", of: delivered };
const PSNR: Figure = Figure { name: "luma dB", of: |run| run.psnr_db };
/// Pictures that came, whole; none is a figure too, unlike with `DELIVERED`, for viewers that write a pipe.
pub(crate) const ARRIVED: Figure = Figure { name: "delivered %", of: arrived };
/// What repair costs in traffic, against the same pair without repair on a clean path.
pub(crate) const OVERHEAD: Figure =
    Figure { name: "overhead %", of: |run| run.overhead.map(|part| part * 100.0) };
/// Bytes on the wire, both ways.
pub(crate) const WIRE: Figure =
    Figure { name: "wire bytes", of: |run| run.wire_bytes.map(|bytes| bytes as f64) };
/// What the groups show that pass no bad network.
pub(crate) const FIGURES: [Figure; 9] = [P50, P99, BOTTOM, CPU_TX, CPU_RX, MIB_TX, MIB_RX, DELIVERED, PSNR];

impl Measured {
    /// The figures of each pair, then how they stand to the goals.
    pub(crate) fn table(&self) -> String {
        let mut out = format!("{}\n{:22}", self.kind, "");
        for figure in self.figures {
            out += &format!("{:>12}", figure.name);
        }
        for (name, runs) in &self.pairs {
            out += &format!("\n{name:22}");
            for figure in self.figures {
                out += &median(runs, *figure)
                    .map_or_else(|| format!("{:>12}", "-"), |value| format!("{value:>12.2}"));
            }
        }
        out.push('\n');
        for (goal, verdict) in self.verdicts() {
            out += &format!(
                "  {:11} {:8.3}, {} {:8.3} wanted{}: {}\n",
                goal.figure.name,
                verdict.ours,
                goal.words(),
                verdict.wanted,
                verdict.ratio.map_or_else(String::new, |(ratio, peer)| format!(" ({ratio:.2} of {peer}'s)")),
                if verdict.reached { "reached" } else { "NOT REACHED" },
            );
        }
        out
    }

    /// The same for programs, with every run.
    pub(crate) fn json(&self) -> Value {
        let figures = |run: &Run| -> Value {
            self.figures
                .iter()
                .filter_map(|figure| Some((figure.name.to_owned(), json!((figure.of)(run)?))))
                .collect()
        };
        json!({
            "kind": self.kind, "seconds": self.seconds,
            "pairs": self.pairs.iter().map(|(name, runs)| json!({
                "name": name,
                "medians": self.figures.iter().map(|f| (f.name.to_owned(), json!(median(runs, *f)))).collect::<Value>(),
                "runs": runs.iter().map(figures).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "goals": self.verdicts().map(|(goal, verdict)| json!({
                "figure": goal.figure.name, "ours": verdict.ours, goal.words().replace(' ', "_"): verdict.wanted,
                "ratio": verdict.ratio.map(|(ratio, _)| ratio), "best_peer": verdict.ratio.map(|(_, peer)| peer),
                "reached": verdict.reached,
            })).collect::<Vec<_>>(),
        })
    }

    fn verdicts(&self) -> impl Iterator<Item = (&Goal, Verdict)> {
        self.goals.iter().filter_map(|goal| Some((goal, self.verdict(goal)?)))
    }

    fn verdict(&self, goal: &Goal) -> Option<Verdict> {
        let ours = of_pair(&self.pairs, OURS, goal.figure)?;
        let peers = self.pairs.iter().filter(|(name, _)| *name != OURS);
        let best = peers.filter_map(|(name, runs)| Some((median(runs, goal.figure)?, *name)));
        let best = best.min_by(|a, b| a.0.total_cmp(&b.0));
        Some(match goal.limit {
            Limit::Absolute(most) => Verdict { ours, wanted: most, ratio: None, reached: ours <= most },
            Limit::AtLeast(least) => Verdict { ours, wanted: least, ratio: None, reached: ours >= least },
            Limit::OfBestPeer(part) => {
                let (theirs, peer) = best?;
                let most = part * theirs;
                Verdict { ours, wanted: most, ratio: Some((ours / theirs, peer)), reached: ours <= most }
            }
        })
    }
}

struct Verdict {
    ours: f64,
    wanted: f64,
    ratio: Option<(f64, &'static str)>,
    reached: bool,
}

/// The median of one figure of the pair called `name`.
pub(crate) fn of_pair(pairs: &[(&'static str, Vec<Run>)], name: &str, figure: Figure) -> Option<f64> {
    pairs.iter().find(|(its, _)| *its == name).and_then(|(_, runs)| median(runs, figure))
}

/// The median of one figure over all runs that have it.
fn median(runs: &[Run], figure: Figure) -> Option<f64> {
    let values: Vec<f64> = runs.iter().filter_map(figure.of).collect();
    quantile(&values, 0.5)
}

fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1))).copied()
}

fn per_picture(run: &Run, seconds: f64) -> Option<f64> {
    (run.sent > 0).then(|| seconds * 1e3 / run.sent as f64)
}

fn delivered(run: &Run) -> Option<f64> {
    (run.sent > 0 && !run.latency_ms.is_empty())
        .then(|| run.latency_ms.len() as f64 * 100.0 / run.sent as f64)
}

fn arrived(run: &Run) -> Option<f64> {
    (run.sent > 0).then(|| run.latency_ms.len() as f64 * 100.0 / run.sent as f64)
}
