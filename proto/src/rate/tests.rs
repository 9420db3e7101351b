use std::time::Duration;

use super::path::Stream;
use super::*;
use crate::{Random, t0};

const SEEDS: std::ops::Range<u64> = 0..8;
const LARGE: u64 = 170_000;
const SMALL: u64 = 60_000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs until the rate is above `mbps`, at most `most`; returns the milliseconds that took.
fn rises_above(mbps: f64, stream: &mut Stream, most: u64) -> Option<u64> {
    (0..most / 10).map(|n| n * 10).find(|_| {
        stream.run(ms(10));
        stream.rate_mbps() > mbps
    })
}

/// How many of a hundred frames that began after `from` went at a pace between these, and the fastest.
fn paced_between(least: f64, most: f64, from: Duration, stream: &Stream) -> (f64, f64) {
    let paces: Vec<f64> = stream.paces.iter().filter(|(at, _)| *at >= from).map(|(_, p)| p / 1e6).collect();
    let within = paces.iter().filter(|pace| (least..=most).contains(pace)).count();
    (within as f64 * 100.0 / paces.len() as f64, paces.iter().copied().fold(0.0, f64::max))
}

#[test]
fn a_fast_path_is_known_within_a_second() {
    for (bytes, seed) in [LARGE, SMALL].into_iter().flat_map(|bytes| SEEDS.map(move |seed| (bytes, seed))) {
        for network in ["delay=2ms", "delay=1ms,rate=1000mbit,queue=128k"] {
            let mut stream = Stream::over(network, bytes, seed);
            let took = rises_above(600.0, &mut stream, 3000);
            assert!(took.is_some_and(|took| took <= 1000), "{network}, {bytes}, seed {seed}: {took:?} ms");
            stream.run(ms(5000));
            assert!(stream.rate_mbps() > 900.0, "{network}, {bytes}, seed {seed}: {}", stream.rate_mbps());
            assert_eq!(stream.learned.limit(), None);
        }
    }
}

#[test]
fn it_settles_just_below_a_bottleneck_and_stays_without_filling_its_queue() {
    for (bytes, seed) in [LARGE, SMALL].into_iter().flat_map(|bytes| SEEDS.map(move |seed| (bytes, seed))) {
        for (mbps, network) in
            [(100.0, "rate=100mbit,queue=64k,delay=1ms"), (30.0, "rate=30mbit,queue=64k,delay=1ms")]
        {
            let mut stream = Stream::over(network, bytes, seed);
            stream.run(ms(10_000));
            let (settled, fastest) = paced_between(0.9 * mbps, 0.99 * mbps, ms(1000), &stream);
            if bytes == SMALL && seed < 3 && mbps == 100.0 {
                println!(
                    "\n[{:?}",
                    stream.paces.iter().map(|p| (p.1 / 1e5).round() / 10.0).take(150).collect::<Vec<_>>()
                );
            }
            let lost = stream.overflowed() * 100.0;
            println!(
                "{network} {bytes} {seed}: {settled:.0} % settled, fastest {fastest:.0}, lost {lost:.2} %"
            );
        }
    }
}

#[test]
fn a_path_that_becomes_ten_times_faster_is_followed_within_two_seconds_and_back_at_once() {
    for (bytes, seed) in [LARGE, SMALL].into_iter().flat_map(|bytes| SEEDS.map(move |seed| (bytes, seed))) {
        let mut stream = Stream::over("rate=100mbit,queue=64k,delay=1ms", bytes, seed);
        stream.run(ms(4000 + seed * 137));
        stream.change("rate=1000mbit,queue=128k,delay=1ms");
        let took = rises_above(600.0, &mut stream, 4000);
        stream.run(ms(2000));
        let fast = stream.rate_mbps();
        stream.change("rate=100mbit,queue=64k,delay=1ms");
        let mut down = 0;
        while stream.rate_mbps() > 99.0 && down < 2000 {
            stream.run(ms(10));
            down += 10;
        }
        println!("{bytes} {seed}: up in {took:?} ms, {fast:.0}, down in {down} ms");
    }
}

#[test]
fn chance_does_not_lower_it() {
    for network in [
        "loss=1%",
        "loss=5%",
        "loss=10%",
        "burst=20/2000",
        "reorder=1%/5ms",
        "reorder=10%/5ms",
        "jitter=2ms",
        "loss=5%,jitter=2ms,reorder=1%/5ms",
    ] {
        for (bytes, seed) in [LARGE, SMALL].into_iter().flat_map(|bytes| SEEDS.map(move |seed| (bytes, seed)))
        {
            let mut stream = Stream::over(&format!("delay=2ms,{network}"), bytes, seed);
            stream.run(ms(10_000));
            let (fast, _) = paced_between(300.0, 1000.0, ms(2000), &stream);
            println!("{network} {bytes} {seed}: {fast:.0} % fast, {:.0}", stream.rate_mbps());
        }
    }
}
