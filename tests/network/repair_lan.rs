//! What a path loses is repaired: delivered whole, a little late, with parity and retransmissions only where there is
//! loss.
//!
//! Real footage, 1080p at 30 frames a second, between hosts. Transit is from the capture to a frame's last chunk.

use crate::common::journey::{Journey, Travelled, is_long};
use crate::common::viewer::hosts_and_footage;
use crate::common::{alone, side_by_side};

#[test]
fn a_clean_path_pays_nothing_for_repair() {
    let _alone = alone();
    let Some([clean, plain, unrepaired]) = runs([BY_DEFAULT, PLAIN, UNREPAIRED]) else { return };
    unrepaired.tell("clean, without repair", None);
    clean.tell("clean", Some(&plain));
    assert!(clean.delivered_percent() >= least(99.99, &clean), "{}", clean.account());
    assert!(clean.overhead_percent(&plain) <= 1.0, "{}", clean.account());
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
    // Without a way back there is no common clock: delays are told beside the shortest one. They are compared with
    // those of the same stream on a path that loses nothing.
    let lossy = Run { path: &["loss", "host1", "10"], ..ONE_WAY };
    let Some([plain, whole, lossy]) = runs([PLAIN, ONE_WAY, lossy]) else { return };
    let row = Row { name: "1 % random, one way", delivered: 99.0, overhead: 15.0, later: 3.0 };
    whole.tell("clean, one way", Some(&plain));
    row.check(&lossy, &plain, &whole);
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

fn over(path: &'static [&'static str], row: &Row) {
    let _alone = alone();
    let Some([clean, plain, lossy]) = runs([BY_DEFAULT, PLAIN, Run { path, ..BY_DEFAULT }]) else { return };
    row.check(&lossy, &plain, &clean);
}

/// What must be delivered of a run, in per cent.
fn least(percent: f64, run: &Travelled) -> f64 {
    if is_long() { percent } else { percent.min(100.0 - 100.0 / run.sent() as f64) - ROUNDING }
}

/// A stream over a path of its own.
#[derive(Clone, Copy)]
struct Run {
    path: &'static [&'static str],
    sending: &'static [&'static str],
    viewing: &'static [&'static str],
}

/// Runs them side by side, each between hosts of its own.
fn runs(all: [Run; 3]) -> Option<[Travelled; 3]> {
    // At one rate, one of them may find the processor taken by another at each of its frames.
    let rates = ["30", "30.7", "31.3"];
    let runs: [_; 3] = std::array::from_fn(|at| (all[at], rates[at]));
    let [one, two, three] = side_by_side(runs.map(|(run, fps)| move || run.run(fps)));
    Some([one?, two?, three?])
}

impl Run {
    fn run(self, fps: &str) -> Option<Travelled> {
        let (lab, file, clip) = hosts_and_footage(2)?;
        let Self { path, sending, viewing } = self;
        let sending = &[sending, &["--fps", fps]].concat();
        Some(Journey { path, file: &file, clip: Some(&clip), sending, viewing }.run(&lab))
    }
}

/// As it is by default.
const BY_DEFAULT: Run = Run { path: &[], sending: &[], viewing: &[] };
/// With nothing but data on the wire.
const PLAIN: Run =
    Run { path: &[], sending: &["--fec", "off", "--resend", "off"], viewing: &["--feedback", "off"] };
/// Without repair, but with reports, and so with the same clock and pace.
const UNREPAIRED: Run = Run { viewing: &["--resend", "off"], ..PLAIN };
/// With nothing sent back.
const ONE_WAY: Run =
    Run { path: &[], sending: &["--resend", "off"], viewing: &["--resend", "off", "--feedback", "off"] };
/// By how much two runs of the same stream differ on a machine that does other things too.
const NOISE_MS: f64 = 1.0;
const ROUNDING: f64 = 1e-9;
