//! From runs to medians, from medians to ratios, and both to a table and to JSON.

use serde_json::{Value, json};

use crate::feeder::Run;
use crate::pairs::OURS;

/// All runs of all pairs under one kind of measurement.
#[derive(Debug)]
pub(crate) struct Measured {
    /// What was measured, for people and as JSON key.
    pub(crate) kind: &'static str,
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
}

/// Transmitter's processor time for a picture.
pub(crate) const CPU_TX: Figure =
    Figure { name: "cpu tx ms", of: |run| per_picture(run, run.tx.cpu.as_secs_f64()) };
/// Viewer's processor time for a picture.
pub(crate) const CPU_RX: Figure =
    Figure { name: "cpu rx ms", of: |run| per_picture(run, run.rx.cpu.as_secs_f64()) };
/// Median latency.
pub(crate) const P50: Figure = Figure { name: "p50 ms", of: |run| quantile(&run.latency_ms, 0.5) };
/// Latency that one of a hundred pictures exceeds.
pub(crate) const P99: Figure = Figure { name: "p99 ms", of: |run| quantile(&run.latency_ms, 0.99) };
/// Transmitter's memory.
pub(crate) const MIB_TX: Figure = Figure { name: "tx MiB", of: |run| Some(run.tx.peak_mib) };
/// Viewer's memory.
pub(crate) const MIB_RX: Figure = Figure { name: "rx MiB", of: |run| Some(run.rx.peak_mib) };
const BOTTOM: Figure = Figure { name: "bottom p50", of: |run| quantile(&run.bottom_ms, 0.5) };
const DELIVERED: Figure = Figure { name: "delivered %", of: delivered };
const PSNR: Figure = Figure { name: "luma dB", of: |run| run.psnr_db };
const FIGURES: [Figure; 9] = [P50, P99, BOTTOM, CPU_TX, CPU_RX, MIB_TX, MIB_RX, DELIVERED, PSNR];

impl Measured {
    /// The figures of each pair, then how they stand to the goals.
    pub(crate) fn table(&self) -> String {
        let mut out = format!("{}\n{:22}", self.kind, "");
        for figure in FIGURES {
            out += &format!("{:>12}", figure.name);
        }
        for (name, runs) in &self.pairs {
            out += &format!("\n{name:22}");
            for figure in FIGURES {
                out += &median(runs, figure)
                    .map_or_else(|| format!("{:>12}", "-"), |value| format!("{value:>12.2}"));
            }
        }
        out.push('\n');
        for (goal, verdict) in self.verdicts() {
            out += &format!(
                "  {:10} {:8.3}, at most {:8.3} wanted{}: {}\n",
                goal.figure.name,
                verdict.ours,
                verdict.most,
                verdict.ratio.map_or_else(String::new, |(ratio, peer)| format!(" ({ratio:.2} of {peer}'s)")),
                if verdict.ours <= verdict.most { "reached" } else { "NOT REACHED" },
            );
        }
        out
    }

    /// The same for programs, with every run.
    pub(crate) fn json(&self) -> Value {
        let figures = |run: &Run| -> Value {
            FIGURES
                .iter()
                .filter_map(|figure| Some((figure.name.to_owned(), json!((figure.of)(run)?))))
                .collect()
        };
        json!({
            "kind": self.kind,
            "pairs": self.pairs.iter().map(|(name, runs)| json!({
                "name": name,
                "medians": FIGURES.iter().map(|f| (f.name.to_owned(), json!(median(runs, *f)))).collect::<Value>(),
                "runs": runs.iter().map(figures).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "goals": self.verdicts().map(|(goal, verdict)| json!({
                "figure": goal.figure.name, "ours": verdict.ours, "at_most": verdict.most,
                "ratio": verdict.ratio.map(|(ratio, _)| ratio), "best_peer": verdict.ratio.map(|(_, peer)| peer),
                "reached": verdict.ours <= verdict.most,
            })).collect::<Vec<_>>(),
        })
    }

    fn verdicts(&self) -> impl Iterator<Item = (&Goal, Verdict)> {
        self.goals.iter().filter_map(|goal| Some((goal, self.verdict(goal)?)))
    }

    fn verdict(&self, goal: &Goal) -> Option<Verdict> {
        let ours = self.pairs.iter().find(|(name, _)| *name == OURS)?;
        let ours = median(&ours.1, goal.figure)?;
        let peers = self.pairs.iter().filter(|(name, _)| *name != OURS);
        let best = peers.filter_map(|(name, runs)| Some((median(runs, goal.figure)?, *name)));
        let best = best.min_by(|a, b| a.0.total_cmp(&b.0));
        match goal.limit {
            Limit::Absolute(most) => Some(Verdict { ours, most, ratio: None }),
            Limit::OfBestPeer(part) => {
                let (theirs, peer) = best?;
                Some(Verdict { ours, most: part * theirs, ratio: Some((ours / theirs, peer)) })
            }
        }
    }
}

struct Verdict {
    ours: f64,
    most: f64,
    ratio: Option<(f64, &'static str)>,
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
