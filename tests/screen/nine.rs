//! Nine cameras in one window: all tiles alike, no picture older than before, no more memory, however long it runs.
//!
//! For ten minutes: CHUNKCAST_SECONDS=600 cargo test --release --test screen nine:: -- --ignored --nocapture

use std::time::{Duration, Instant};

use crate::common::display::Display;
use crate::common::running::{Running, count, sender, viewer};
use crate::common::{alone, comes_to, figure, free_port, pause, seconds};
use serde_json::Value;

#[test]
fn nine_small_pictures_share_a_window_evenly() {
    watch((640, 360), "320x180");
}

#[test]
#[ignore = "measures a release build for as long as it is told to; scripts/acceptance runs it"]
fn nine_720p30_share_a_window_of_their_size_evenly() {
    watch((1280, 720), "1280x720");
}

#[test]
#[ignore = "as above"]
fn nine_720p30_share_a_window_of_1080p_evenly() {
    watch((1920, 1080), "1280x720");
}

/// Watches nine cards of a size in a window that fills a display.
fn watch((width, height): (usize, usize), size: &str) {
    let _alone = alone();
    let Some(display) = Display::start(width, height) else { return };
    let to = format!("127.0.0.1:{}", free_port());
    let receiver = viewer(&display, &["--listen", &to, "--fullscreen"]);
    let card = ["--source", "pattern", "--size", size, "--fps", "30", "--dest", &to];
    let senders: Vec<_> = (0..NINE).map(|_| sender(&card)).collect();
    let are_there = || receiver.stats().is_some_and(|stats| displayed(&stats).len() == NINE);
    assert!(comes_to(are_there), "{}", receiver.said());
    pause(2000);

    let (begun, mut before) = (Instant::now(), Use::of(&receiver));
    let lines_before = receiver.all_stats();
    let (processor_before, mut memory) = (receiver.processor_time(), Vec::new());
    while begun.elapsed() < Duration::from_secs(seconds().into()) {
        pause(500);
        memory.push(receiver.memory_mib("VmRSS"));
    }
    let (took, processor) = (begun.elapsed().as_secs_f64(), receiver.processor_time() - processor_before);
    let after = Use::of(&receiver);
    // Threads that serve a moment, as those of a clock, may come and go.
    before.threads += 1;
    assert!(after.threads <= before.threads && after.files <= before.files, "{before:?} {after:?}");
    drop(senders);
    let lines = receiver.interrupt().stats;
    let (lines, last) = (&lines[lines_before.len()..lines.len() - 1], displayed(lines.last().unwrap()));

    let first = displayed(lines_before.last().unwrap());
    let shown: Vec<_> = first.iter().zip(&last).map(|(first, last)| last - first).collect();
    let (least, most) = (*shown.iter().min().unwrap(), *shown.iter().max().unwrap());
    let [early, late] = ends(lines).map(|lines| median(lines.iter().flat_map(latencies)));
    let [memory_early, memory_late] = ends(&memory).map(|memory| median(memory.iter().copied()));
    let peak = memory.iter().copied().fold(0.0, f64::max);
    let fps = [least, most].map(|frames| frames as f64 / took);
    figure(
        &format!("nine of {size} in {width}x{height}: least and most fps"),
        format!("{:.2} {:.2}", fps[0], fps[1]),
    );
    figure("  cores that the receiver took", format!("{:.2}", processor.as_secs_f64() / took));
    figure("  latency p99 of the first and the last tenth, ms", format!("{early:.1} {late:.1}"));
    figure(
        "  memory in the first and the last tenth, and at most, MiB",
        format!("{memory_early:.1} {memory_late:.1} {peak:.1}"),
    );

    // Half a second may be missing: the senders need processors too, and other programs run.
    assert!(most - least <= most / 20 + 15, "{shown:?}");
    assert!(least as f64 > took, "hardly anything is shown: {shown:?}");
    assert!(late <= early * 2.0 + 200.0, "pictures get older: {early} ms, {late} ms");
    assert!(memory_late <= memory_early + 8.0, "memory grows: {memory_early} MiB, {memory_late} MiB");
}

/// What a program has that must not become more.
#[derive(Debug)]
struct Use {
    threads: usize,
    files: usize,
}

impl Use {
    fn of(running: &Running) -> Self {
        let count = |folder| std::fs::read_dir(format!("/proc/{}/{folder}", running.id())).unwrap().count();
        Self { threads: count("task"), files: count("fd") }
    }
}

/// How many pictures of each sender were shown.
fn displayed(stats: &Value) -> Vec<u64> {
    senders(stats).map(|stats| count(stats, "/frames/displayed")).collect()
}

/// The slowest pictures of each sender since the line before, in milliseconds after their capture.
fn latencies(stats: &Value) -> impl Iterator<Item = f64> {
    senders(stats).filter_map(|stats| stats.pointer("/ms/latency/p99")?.as_f64())
}

fn senders(stats: &Value) -> impl Iterator<Item = &Value> {
    stats["senders"].as_array().into_iter().flatten()
}

/// The first tenth and the last.
fn ends<T>(all: &[T]) -> [&[T]; 2] {
    let tenth = all.len().div_ceil(10);
    [&all[..tenth], &all[all.len() - tenth..]]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const NINE: usize = 9;
