//! The pace follows what a path carries, and where that is less than the stream needs, quality or frame rate does.
//!
//! Real footage, 1080p at 30 frames a second, between hosts; the switch's port towards the receiver is the bottleneck,
//! with a queue of 64 KB, a third of a frame.

use std::time::Instant;

use crate::common::clip::{Clip, footage};
use crate::common::journey::{Journey, LEARNING_SECONDS, Travelled, is_long, percentile};
use crate::common::lab::Lab;
use crate::common::running::count;
use crate::common::viewer::hosts_and_footage;
use crate::common::{alone, figure, pause, side_by_side};
use serde_json::Value;

#[test]
fn through_a_small_queue_each_frame_takes_hardly_longer_than_the_wire_does() {
    let _alone = alone();
    let (Some((lab, file, clip)), Some(wide)) = (hosts_and_footage(2), Lab::up(2)) else { return };
    let narrow = Journey { path: &HUNDRED, file: &file, clip: Some(&clip), sending: &[], viewing: &[] };
    let unrepaired = ["--fec", "off", "--resend", "off"];
    let plain = Journey { path: &[], sending: &unrepaired, viewing: &["--feedback", "off"], ..narrow };
    let [run, plain] = side_by_side([(narrow, &lab), (plain, &wide)].map(|(one, lab)| move || one.run(lab)));
    run.tell("100 Mbit/s port", Some(&plain));
    let own = percentile(clip.frames.iter().map(|jpeg| on_the_wire_ms(jpeg.len(), 100.0)), 0.99);
    figure("100 Mbit/s port: a large frame's own time, ms", format!("{own:.1}"));
    assert_delivered(&run, 99.9);
    // What the queue loses while the path is being learned weighs more in a short run.
    let overhead = if is_long() { 2.0 } else { 4.0 };
    assert!(run.overhead_percent(&plain) <= overhead, "{}", run.account());
    assert!(run.late() <= 1.25 * own, "{:.1} ms: {}", run.late(), run.account());
}

#[test]
fn the_pace_follows_when_a_port_becomes_fast() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(2) else { return };
    let before = Instant::now();
    let mut opened = 0.0;
    let journey = Journey { path: &HUNDRED, file: &file, clip: Some(&clip), sending: &[], viewing: &[] };
    let run = journey.run_while(&lab, || {
        pause(Journey::frames() * 1000 / 30 / 2);
        lab.netlab(&["rate", "host1", "1000mbit", "65536"]);
        opened = before.elapsed().as_secs_f64();
    });
    // The sender started after `before` by what it takes to start a receiver, so this is no earlier than it was.
    let paces: Vec<(f64, f64)> =
        run.sent.stats.iter().filter_map(|line| Some((line["time"].as_f64()?, pace_mbps(line)?))).collect();
    let followed = paces.iter().find(|(at, pace)| *at > opened - STARTING && *pace > FAST_MBPS);
    let narrow = paces.iter().filter(|(at, _)| (2.0..opened - STARTING).contains(at));
    figure(
        "port made fast: pace before, Mbit/s",
        format!("{:.0}", percentile(narrow.map(|(_, pace)| *pace), 0.5)),
    );
    let Some((at, pace)) = followed else { panic!("the pace stays low: {paces:?}") };
    figure("port made fast: pace after, Mbit/s", format!("{pace:.0}"));
    figure("port made fast: pace followed within s", format!("{:.1}", at - opened + STARTING));
    assert!(at - opened <= 2.0, "opened after {opened:.1} s: {paces:?}");
    let begin = run.received.stats.iter().find(|line| count(line, "/frames/delivered") > 0).unwrap();
    let settled = opened + 2.0 - begin["time"].as_f64().unwrap().min(0.5);
    let after = run.transits.iter().filter(|transit| transit.at > settled).map(|transit| transit.ms);
    let usual = percentile(after, 0.5);
    figure("port made fast: transit p50 afterwards, ms", format!("{usual:.1}"));
    assert!(usual > 0.0 && usual < 3.0, "{usual:.1} ms: {}", run.account());
}

#[test]
fn pictures_encoded_here_lose_quality_and_not_frames_where_the_path_is_narrow() {
    let _alone = alone();
    let Some(lab) = Lab::up(2) else { return };
    let Some(file) = footage("bbb1080.y4m") else { return };
    let run = Journey { path: &THIRTY, file: &file, clip: None, sending: &[], viewing: &[] }.run(&lab);
    run.tell("30 Mbit/s port, encoding", None);
    let fps = run.sent() as f64 / (Journey::frames() as f64 / 30.0);
    let qualities =
        run.sent.stats.iter().filter(|line| line["time"].as_f64() > Some(LEARNING_SECONDS.into()));
    let qualities: Vec<f64> = qualities.filter_map(|line| line["quality"].as_f64()).collect();
    let range = [0.01, 0.5, 1.0].map(|part| percentile(qualities.iter().copied(), part));
    figure("30 Mbit/s port, encoding: frames sent per second", format!("{fps:.1}"));
    figure("30 Mbit/s port, encoding: quality, least, usual, most", format!("{range:.0?}"));
    assert_delivered(&run, 98.0);
    // Frames are left out while the path is being learned, which is a third of a short run; and where programs are not
    // optimised, fewer are captured.
    let captured = count(run.sent.totals(), "/frames/captured");
    let enough = if is_long() { fps >= 25.0 } else { run.sent() * 30 >= captured * 24 };
    assert!(enough, "{fps:.1} frames a second: {}", run.account());
    assert!(run.late() <= 60.0, "{:.1} ms: {}", run.late(), run.account());
    assert!(range[2] < 80.0, "quality was not lowered: {qualities:?}");
}

#[test]
fn passed_through_frames_are_thinned_evenly_where_the_path_is_narrow() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(2) else { return };
    let journey = Journey { path: &THIRTY, file: &file, clip: Some(&clip), sending: &[], viewing: &[] };
    let run = journey.run(&lab);
    run.tell("30 Mbit/s port, passed through", None);
    let gaps = settled_gaps(&run, &clip);
    let [least, most] = [0.0, 1.0].map(|part| percentile(gaps.iter().copied(), part) as u64);
    figure("30 Mbit/s port, passed through: distances of frames", format!("{least} to {most}"));
    assert_delivered(&run, 99.0);
    assert!(run.late() <= 60.0, "{:.1} ms: {}", run.late(), run.account());
    assert!(
        run.sent() < Journey::frames() && count(run.sent.totals(), "/frames/thinned") > 0,
        "{}",
        run.account()
    );
    assert!(most - least <= 1, "not thinned evenly: {gaps:?}");
}

fn assert_delivered(run: &Travelled, percent: f64) {
    let allowed = (run.sent() as f64 * (100.0 - percent) / 100.0) as u64;
    // Frames may be lost before the path is known: of a minute's that is part of the percentage.
    let at_first = if is_long() { 0 } else { run.lost_while_learning().min(START) };
    assert!(run.delivered() + allowed + at_first >= run.sent(), "{}", run.account());
}

/// By how much the numbers of frames that came one after the other differ, once the path is known.
fn settled_gaps(run: &Travelled, clip: &Clip) -> Vec<f64> {
    let first = run.arrivals[0].at;
    let settled =
        run.arrivals.iter().filter(|arrival| (arrival.at - first).as_secs() >= LEARNING_SECONDS.into());
    let numbers: Vec<usize> = settled.filter_map(|arrival| arrival.number).collect();
    let count = clip.frames.len();
    numbers.windows(2).map(|pair| ((pair[1] + count - pair[0]) % count) as f64).collect()
}

/// How long a JPEG of so many bytes takes on an Ethernet of so many Mbit/s, in datagrams of the usual size.
fn on_the_wire_ms(bytes: usize, mbps: f64) -> f64 {
    let datagrams = bytes.div_ceil(CHUNK_BYTES);
    (bytes + datagrams * (1514 - CHUNK_BYTES)) as f64 * 8.0 / (mbps * 1e3)
}

fn pace_mbps(line: &Value) -> Option<f64> {
    line.pointer("/pace/rate_mbps")?.as_f64()
}

const HUNDRED: [&str; 4] = ["rate", "host1", "100mbit", "65536"];
const THIRTY: [&str; 4] = ["rate", "host1", "30mbit", "65536"];
/// Far beyond what the narrow port carried.
const FAST_MBPS: f64 = 400.0;
/// Seconds that a receiver takes to start, at most.
const STARTING: f64 = 0.5;
/// Frames of a short run that the start may cost: on a busy computer the first report comes late.
const START: u64 = 4;
/// Of a JPEG in a packet of 1500 bytes: without IPv4's, UDP's and our own header.
const CHUNK_BYTES: usize = 1500 - 28 - 40;
