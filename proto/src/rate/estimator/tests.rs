mod path;

use std::time::Duration;

use super::*;
use crate::random::Random;
use crate::t0;
use path::Stream;

const SEEDS: std::ops::Range<u64> = 0..6;
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

/// The share of frames that began after `from` at a pace between these, in Mbit/s.
fn share_paced(least: f64, most: f64, from: Duration, stream: &Stream) -> f64 {
    let paces = stream.paces.iter().filter(|(at, _)| *at >= from).map(|(_, pace)| pace / 1e6);
    let within = paces.clone().filter(|pace| (least..=most).contains(pace)).count();
    within as f64 / paces.count() as f64
}

fn sizes_and_seeds() -> impl Iterator<Item = (u64, u64)> {
    [LARGE, SMALL].into_iter().flat_map(|bytes| SEEDS.map(move |seed| (bytes, seed)))
}

/// The mean over many seeds, where chance decides what one of them shows.
fn mean(share: impl FnMut(u64) -> f64) -> f64 {
    let seeds = 0..30;
    let count = seeds.end as f64;
    seeds.map(share).sum::<f64>() / count
}

#[test]
fn a_fast_path_is_known_within_a_second() {
    for network in ["delay=2ms", "delay=1ms,rate=1000mbit,queue=128k"] {
        for (bytes, seed) in sizes_and_seeds() {
            let mut stream = Stream::over(network, bytes, seed);
            let took = rises_above(600.0, &mut stream, 3000);
            assert!(took.is_some_and(|took| took <= 1000), "{network}, {bytes}, seed {seed}: {took:?} ms");
            stream.run(ms(3000));
            assert!(stream.rate_mbps() > 900.0, "{network}, {bytes}, seed {seed}: {}", stream.rate_mbps());
            assert_eq!(stream.learned.limit(), None);
        }
    }
}

#[test]
fn a_fast_path_is_known_with_the_fifth_frame() {
    for network in ["delay=1ms", "delay=1ms,rate=1000mbit,queue=64k", "delay=1ms,loss=1%"] {
        for (bytes, seed) in sizes_and_seeds() {
            let mut stream = Stream::over(network, bytes, seed);
            stream.report_every = ms(33);
            stream.run(ms(1000));
            let fast = stream.paces.iter().position(|(_, pace)| *pace > 700e6);
            assert!(
                fast.is_some_and(|first| first < 5),
                "{network}, {bytes}, seed {seed}: {:?}",
                stream.paces
            );
        }
    }
}

#[test]
fn who_joins_a_stream_that_goes_fast_does_not_slow_it_down() {
    let (mut learned, now) = (PathRate::new(), t0());
    learned.heard(&[train(120, CEILING)], now);
    assert_eq!(learned.rate(now), CEILING);
    let mut slow = PathRate::new();
    let stretched = Train { arrived: ms(14), ..train(120, CEILING) };
    slow.heard(&[stretched; 3], now);
    assert!(slow.rate(now) < 102e6, "{}", slow.rate(now));
}

#[test]
fn the_first_second_loses_nothing_before_a_small_queue() {
    for network in ["rate=100mbit,queue=64k,delay=1ms", "rate=250mbit,queue=64k,delay=1ms"] {
        for bytes in [20_000, SMALL, LARGE, 260_000] {
            for seed in SEEDS {
                let mut stream = Stream::over(network, bytes, seed);
                (stream.report_every, stream.lateness) = (ms(33), Duration::from_micros(200));
                stream.run(ms(1000));
                let lost = stream.overflowed() * stream.sent();
                assert_eq!(lost, 0.0, "{network}, {bytes}, seed {seed}");
            }
        }
    }
}

#[test]
fn it_settles_just_below_a_bottleneck_and_does_not_fill_its_queue() {
    // A sender that wakes a whole millisecond late leaves the link idle within a small frame, and so measures less.
    for (late_us, small_least) in [(200, 0.90), (1000, 0.84)] {
        for (bytes, seed) in sizes_and_seeds() {
            let mut stream = Stream::over("rate=100mbit,queue=64k,delay=1ms", bytes, seed);
            stream.lateness = Duration::from_micros(late_us);
            stream.run(ms(10_000));
            let least = if bytes == LARGE { 90.0 } else { small_least * 100.0 };
            let settled = share_paced(least, 99.0, ms(1200), &stream);
            let lost = stream.overflowed();
            assert!(
                settled > 0.75,
                "{late_us} us, {bytes}, seed {seed}: settled for {settled:.2} of the time"
            );
            assert!(lost < 0.005, "{late_us} us, {bytes}, seed {seed}: {lost:.4} lost");
        }
    }
}

#[test]
fn a_path_narrower_than_the_stream_is_found_with_the_first_reports() {
    for (bytes, seed) in sizes_and_seeds() {
        let mut stream = Stream::over("rate=30mbit,queue=64k,delay=1ms", bytes, seed);
        stream.run(ms(1000));
        let (lost_at_first, sent_at_first) = (stream.overflowed(), stream.sent());
        stream.run(ms(9000));
        let settled = share_paced(27.0, 29.7, ms(1000), &stream);
        assert!(settled > 0.8, "{bytes}, seed {seed}: settled for {settled:.2} of the time");
        let later = stream.overflowed() * stream.sent() - lost_at_first * sent_at_first;
        let later = later / (stream.sent() - sent_at_first);
        assert!(later < 0.002, "{bytes}, seed {seed}: {later:.4} lost after the first second");
    }
}

#[test]
fn a_path_that_becomes_ten_times_faster_is_followed_within_two_seconds_and_back_at_once() {
    for (bytes, seed) in sizes_and_seeds() {
        let mut stream = Stream::over("rate=100mbit,queue=64k,delay=1ms", bytes, seed);
        stream.run(ms(4000 + seed * 137));
        stream.change("rate=1000mbit,queue=128k,delay=1ms");
        let up = rises_above(600.0, &mut stream, 4000);
        assert!(up.is_some_and(|up| up <= 2000), "{bytes}, seed {seed}: {up:?} ms");
        stream.run(ms(1000));
        stream.change("rate=100mbit,queue=64k,delay=1ms");
        stream.run(ms(350));
        assert!(stream.rate_mbps() < 99.0, "{bytes}, seed {seed}: {}", stream.rate_mbps());
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
        "loss=5%,jitter=2ms,reorder=1%/5ms,dup=1%",
    ] {
        for bytes in [LARGE, SMALL] {
            let fast = mean(|seed| {
                let mut stream = Stream::over(&format!("delay=2ms,{network}"), bytes, seed);
                stream.run(ms(8000));
                share_paced(300.0, 1000.0, ms(2000), &stream)
            });
            let least = if network.starts_with("reorder=10%") { 0.85 } else { 0.99 };
            assert!(fast > least, "{network}, {bytes}: fast for {fast:.3} of the time");
        }
    }
}

#[test]
fn a_bottleneck_is_found_through_loss_and_jitter() {
    for network in ["loss=5%", "jitter=2ms", "reorder=1%/5ms,burst=20/2000"] {
        for bytes in [LARGE, SMALL] {
            let settled = mean(|seed| {
                let mut stream = Stream::over(&format!("rate=100mbit,queue=64k,{network}"), bytes, seed);
                stream.run(ms(10_000));
                let lost = stream.overflowed();
                assert!(lost < 0.005, "{network}, {bytes}, seed {seed}: {lost:.4} lost");
                share_paced(75.0, 100.0, ms(2000), &stream)
            });
            assert!(settled > 0.6, "{network}, {bytes}: settled for {settled:.3} of the time");
        }
    }
}

#[test]
fn frames_too_small_to_measure_leave_it_where_it_starts() {
    for seed in SEEDS {
        let mut stream = Stream::over("delay=1ms,loss=5%", 12_000, seed);
        stream.run(ms(5000));
        assert_eq!(stream.rate_mbps(), 90.0, "seed {seed}");
    }
}

/// A train of `total` datagrams that arrived as it was sent.
fn train(total: u32, pace: f64) -> Train {
    let bits = f64::from(total - 1) * 12_000.0;
    let time = Duration::from_secs_f64(bits / pace);
    let pace = Some(pace);
    Train {
        bits,
        sent: time,
        arrived: time,
        datagrams: total - 1,
        lost: 0,
        missing_head: 0,
        missing_tail: 0,
        total,
        pace,
        sprinted: 0.0,
    }
}

#[test]
fn a_policer_is_met_with_a_lower_rate_and_tried_ever_more_rarely() {
    for (total, tail) in [(120, 24), (10, 3)] {
        let (mut learned, mut now) = (PathRate::new(), t0());
        let (mut hurt, mut last_hurt) = ([0, 0], 0);
        for report in 0..60 {
            let trains = [0; 3].map(|_| {
                let pace = learned.rate(now);
                let mut train = train(total, pace);
                if pace > 60e6 {
                    train.missing_tail = tail;
                    hurt[report / 300] += 1;
                    last_hurt = report;
                }
                train
            });
            now += ms(100);
            learned.heard(&trains, now);
        }
        assert!(learned.limit().is_some_and(|limit| (40e6..66e6).contains(&limit)), "{:?}", learned.limit());
        assert!(
            hurt[1] * 2 < hurt[0] && hurt[1] < 60,
            "{total}: {hurt:?} of 900 frames each, last at {last_hurt}"
        );
    }
}

#[test]
fn what_was_sent_at_once_teaches_nothing() {
    let (mut learned, t0) = (PathRate::new(), t0());
    for _ in 0..100 {
        let lost = Train { pace: None, missing_tail: 50, arrived: ms(90), ..train(120, 90e6) };
        learned.heard(&[lost; 3], t0);
    }
    assert_eq!((learned.rate(t0), learned.limit()), (START_RATE, None));
}

#[test]
fn a_path_that_is_not_sent_its_rate_does_not_outrun_what_is_known() {
    let (mut learned, mut now) = (PathRate::new(), t0());
    for _ in 0..100 {
        now += ms(100);
        learned.heard(&[train(120, 90e6); 3], now);
    }
    assert!(learned.rate(now) < 140e6, "{}", learned.rate(now));
}

#[test]
fn absurd_trains_neither_panic_nor_leave_the_bounds() {
    let numbers =
        [0.0, -1.0, 1.0, 1e3, 1e6, 90e6, 940e6, 1e9, 1e300, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE];
    let times = [0, 1, 1000, 1_000_000, 10_000_000, 1_000_000_000, 20_000_000_000, u64::MAX];
    let counts = [0, 1, 2, 15, 16, 120, 1 << 20, u32::MAX];
    for seed in 0..200 {
        let (mut random, mut learned, mut now) = (Random::new(seed), PathRate::new(), t0());
        for _ in 0..200 {
            let mut trains = [train(120, learned.rate(now)); 4];
            for train in &mut trains {
                let mut one_in = |n| random.below(n) == 0;
                let absurd: [bool; 8] = std::array::from_fn(|_| one_in(3));
                let mut number = || numbers[random.below(12) as usize];
                if absurd[0] {
                    (train.bits, train.pace) = (number(), Some(number()));
                }
                let mut time = || Duration::from_nanos(times[random.below(8) as usize]);
                if absurd[1] {
                    train.sent = time();
                }
                if absurd[2] {
                    train.arrived = time();
                }
                let mut count = || counts[random.below(8) as usize];
                if absurd[3] {
                    (train.datagrams, train.total) = (count(), count());
                }
                if absurd[4] {
                    (train.missing_head, train.missing_tail) = (count(), count());
                }
            }
            // Reports may come at once, and their stamps run backwards.
            now = t0() + ms(random.below(100_000));
            learned.heard(&trains, now);
            for rate in [learned.rate(now), learned.rate(now + ms(700)), learned.limit().unwrap_or(CEILING)] {
                assert!((LEAST_RATE..=CEILING).contains(&rate), "seed {seed}: {rate} after {trains:?}");
            }
        }
    }
}
