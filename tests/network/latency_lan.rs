//! The latency that a receiver tells is the true one, whatever its clock says.
//!
//! The test knows when it put each frame into the sender's pipe and when that came out of the receiver's, by one clock.
//! The frames are small, so that the pipes take next to nothing, and are sent slowly, so that their way takes long.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::clip::Clip;
use crate::common::journey::{EACH_FRAME, TO, percentile, transits};
use crate::common::lab::Lab;
use crate::common::running::Running;
use crate::common::viewer::{Viewer, viewing};
use crate::common::{alone, figure, pause, seconds};

#[test]
fn the_latency_shown_is_the_true_one_with_one_clock() {
    let _alone = alone();
    let Some(lab) = Lab::up(2) else { return };
    let arguments = [&viewing(TO)[..], &["--stats-interval", EACH_FRAME]].concat();
    compare("one clock", &lab, lab.receiver("host1", &arguments));
}

#[test]
fn the_latency_shown_is_the_true_one_with_clocks_that_differ_by_hours() {
    let _alone = alone();
    let Some(lab) = Lab::up(2) else { return };
    let arguments = [&viewing(TO)[..], &["--stats-interval", EACH_FRAME]].concat();
    compare("clocks ten hours apart", &lab, lab.receiver_ahead("host1", 36_000, &arguments));
}

/// Sends frames through both programs, and compares what the receiver tells of their way with what it took.
fn compare(what: &str, lab: &Lab, receiver: Running) {
    let clip = Arc::new(Clip::made(60, 320, 240));
    let viewer = Viewer::of(receiver, &clip);
    let mut sender = lab.sender("host0", &["--dest", TO, "--source", "-", "--pace", "10mbit"]);
    let mut input = sender.input();
    let (start, mut fed) = (Instant::now(), Vec::new());
    for number in 0..30 * seconds() {
        std::thread::sleep(
            (start + Duration::from_millis(33) * number).saturating_duration_since(Instant::now()),
        );
        let jpeg = &clip.frames[number as usize % clip.frames.len()];
        // The frame is captured when its end is read, which is not before it was written.
        let (most, end) = jpeg.split_at(jpeg.len() - 2);
        input.write_all(most).unwrap();
        fed.push(Instant::now());
        input.write_all(end).unwrap();
    }
    drop(input);
    sender.end_within(10);
    pause(300);
    let (received, arrivals) = viewer.finish(&clip);
    // On a busy computer frames come late, and the next is left out: that is not what is asked here.
    assert!(arrivals.len() * 10 >= fed.len() * 9, "{}", received.totals());

    let mut puts = fed.iter().enumerate();
    let truth = arrivals.iter().map(|out| {
        let is_it = |number: &usize| Some(number % clip.frames.len()) == out.number;
        let (_, &put) = puts.find(|(number, _)| is_it(number)).expect("a frame that was put in");
        out.at.saturating_duration_since(put).as_secs_f64() * 1e3
    });
    let truth: Vec<f64> = truth.skip(UNKNOWN).collect();
    let told: Vec<f64> = transits(&received.stats).iter().map(|transit| transit.ms).collect();
    // From the end, because the first frames are told before the clock is known.
    let differences = truth.iter().rev().zip(told.iter().rev()).map(|(truth, told)| truth - told);
    let difference = percentile(differences, 0.5);
    let (truth, error) = (percentile(truth.iter().copied(), 0.5), &received.totals()["clock_error_ms"]);
    let error = error.as_f64().unwrap_or_else(|| panic!("no error bar: {}", received.totals()));
    figure(
        &format!("{what}: true latency, and what is told less, ms"),
        format!("{truth:.2} {difference:.2}"),
    );
    figure(&format!("{what}: its error bar, ms"), format!("{error:.2}"));
    assert_eq!(received.totals()["clock"], "shared", "{}", received.totals());
    assert!(error < 1.0, "{}", received.totals());
    // The way through the pipes is part of what the test saw, and only that. Statistics have three digits.
    assert!(difference >= -error - truth / 100.0, "{difference:.2} ± {error:.2} ms of {truth:.2}");
    assert!(difference <= error + PIPES_MS, "{difference:.2} ± {error:.2} ms of {truth:.2}");
    assert!(truth > 10.0, "the way is too short to tell: {truth:.2} ms");
}

/// Frames at the start, before the clocks are compared.
const UNKNOWN: usize = 15;
/// What two small writes, two reads and two threads that are woken take together.
const PIPES_MS: f64 = 1.0;
