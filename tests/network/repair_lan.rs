//! What a path loses is repaired: delivered whole, a little late, with parity and resends only where there is loss.
//!
//! Real footage, 1080p at 30 frames a second, between hosts. Transit is from the capture to a frame's last chunk.

use std::sync::OnceLock;

use crate::common::alone;
use crate::common::journey::{Journey, Travelled, is_long};
use crate::common::viewer::hosts_and_footage;

#[test]
fn a_clean_path_pays_nothing_for_repair() {
    let _alone = alone();
    let Some((clean, plain, unrepaired)) = references() else { return };
    unrepaired.tell("clean, without repair", None);
    clean.tell("clean", Some(plain));
    assert!(clean.delivered_percent() >= least(99.99, clean), "{}", clean.account());
    assert!(clean.overhead_percent(plain) <= 1.0, "{}", clean.account());
    assert!(clean.late() <= unrepaired.late() + NOISE_MS, "{}", clean.account());
}

#[test]
fn one_per_cent_of_random_loss_is_repaired() {
    over(&["loss", "host1", "10"], &Row { name: "1 % random", delivered: 99.9, overhead: 10.0, later: 5.0 });
}

#[test]
fn five_per_cent_of_random_loss_are_repaired() {
    over(&["loss", "host1", "50"], &Row { name: "5 % random", delivered: 99.9, overhead: 20.0, later: 8.0 });
}

#[test]
fn bursts_of_loss_are_repaired() {
    let row = Row { name: "bursts, 20 of 2000", delivered: 99.9, overhead: 10.0, later: 8.0 };
    over(&["burst", "host1", "20", "2000"], &row);
}

#[test]
fn loss_is_repaired_where_nothing_can_be_sent_back() {
    let _alone = alone();
    let Some((_, plain, _)) = references() else { return };
    // Without a way back there is no common clock: delays are told beside the shortest one. They are compared with
    // those of the same stream on a path that loses nothing.
    let sending = ["--resend", "off"];
    let viewing = ["--resend", "off", "--feedback", "off"];
    let Some(whole) = run(&[], &sending, &viewing) else { return };
    let Some(lossy) = run(&["loss", "host1", "10"], &sending, &viewing) else { return };
    let row = Row { name: "1 % random, one way", delivered: 99.0, overhead: 15.0, later: 3.0 };
    whole.tell("clean, one way", Some(plain));
    row.check(&lossy, plain, &whole);
}

/// A row of the table: what a path must come to.
struct Row {
    name: &'static str,
    delivered: f64,
    overhead: f64,
    /// Than on a clean path, in milliseconds.
    later: f64,
}

impl Row {
    fn check(&self, run: &Travelled, plain: &Travelled, clean: &Travelled) {
        run.tell(self.name, Some(plain));
        assert!(run.delivered_percent() >= least(self.delivered, run), "{}", run.account());
        // Loss is found, and overhead settles, in the seconds of learning: a short run has little else.
        let overhead = if is_long() { self.overhead } else { self.overhead * 1.5 };
        assert!(run.overhead_percent(plain) <= overhead, "{}", run.account());
        let late = run.late() - clean.late();
        assert!(late <= self.later, "{late:.1} ms later than on a clean path: {}", run.account());
    }
}

fn over(path: &[&str], row: &Row) {
    let _alone = alone();
    let Some((clean, plain, _)) = references() else { return };
    let Some(lossy) = run(path, &[], &[]) else { return };
    row.check(&lossy, plain, clean);
}

/// What must be delivered of a run, in per cent.
fn least(percent: f64, run: &Travelled) -> f64 {
    if is_long() { percent } else { percent.min(100.0 - 100.0 / run.sent() as f64) - ROUNDING }
}

fn run(path: &[&str], sending: &[&str], viewing: &[&str]) -> Option<Travelled> {
    let (lab, file, clip) = hosts_and_footage(2)?;
    Some(Journey { path, file: &file, clip: Some(&clip), sending, viewing }.run(&lab))
}

/// What the rows are compared with, on a path that loses nothing, each run once: the stream as it is by default; with
/// nothing but data on the wire; and without repair, but with reports, and so with the same clock and pace.
fn references() -> Option<(&'static Travelled, &'static Travelled, &'static Travelled)> {
    static RUNS: OnceLock<Option<[Travelled; 3]>> = OnceLock::new();
    let runs = RUNS.get_or_init(|| {
        let unrepaired = ["--fec", "off", "--resend", "off"];
        Some([
            run(&[], &[], &[])?,
            run(&[], &unrepaired, &["--feedback", "off"])?,
            run(&[], &unrepaired, &["--resend", "off"])?,
        ])
    });
    let [clean, plain, unrepaired] = runs.as_ref()?;
    Some((clean, plain, unrepaired))
}

/// By how much two runs of the same stream differ on a machine that does other things too.
const NOISE_MS: f64 = 1.0;
const ROUNDING: f64 = 1e-9;
