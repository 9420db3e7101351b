use super::*;
use crate::rate::SPRINT_BYTES;
use crate::t0;

const OVERHEAD: usize = 66;

/// Sends one frame, polling at every instant it asks for (plus `lateness`); returns (microsecond, datagrams).
fn sent_at(pacer: &mut Pacer, all: usize, t0: Instant, lateness: Duration) -> Vec<(u64, usize)> {
    let (mut now, mut sent, mut groups) = (t0, 0, Vec::new());
    while sent < all {
        match pacer.due(sent, all, now) {
            Ok(count) => {
                groups.push(((now - t0).as_micros() as u64, count));
                sent += count;
            }
            Err(next) => now = next + lateness,
        }
    }
    groups
}

fn ms(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn a_frame_goes_out_at_90_mbit_in_groups_of_half_a_millisecond() {
    let t0 = t0();
    let mut pacer = Pacer::new(Pace::Auto, OVERHEAD);
    pacer.begin(120, 170_000, ms(33), t0);
    let groups = sent_at(&mut pacer, 120, t0, Duration::ZERO);
    let wire_us = (170_000 + 120 * OVERHEAD) as u64 * 8 / 90;
    let last = groups.last().unwrap();
    assert!(groups.iter().all(|&(_, count)| count <= 4), "{groups:?}");
    assert!(last.0 < wire_us && last.0 > wire_us * 9 / 10, "the last group at {} of {wire_us} us", last.0);
}

#[test]
fn a_stream_that_needs_more_is_spread_over_most_of_its_interval() {
    let t0 = t0();
    let mut pacer = Pacer::new(Pace::Auto, OVERHEAD);
    pacer.begin(700, 1_000_000, ms(33), t0);
    let last = *sent_at(&mut pacer, 700, t0, Duration::ZERO).last().unwrap();
    assert!((18_000..19_800).contains(&last.0), "60 % of 33 ms, not {} us", last.0);
}

#[test]
fn lateness_does_not_add_up_and_bursts_are_bounded() {
    let t0 = t0();
    let mut pacer = Pacer::new(Pace::Rate(90e6), OVERHEAD);
    pacer.begin(120, 170_000, None, t0);
    let late = sent_at(&mut pacer, 120, t0, Duration::from_micros(300));
    assert!(late.last().unwrap().0 < 16_500, "{late:?}");

    let mut stalled = Pacer::new(Pace::Rate(90e6), OVERHEAD);
    stalled.begin(120, 170_000, None, t0);
    let burst = stalled.due(4, 120, t0 + Duration::from_millis(12)).unwrap();
    assert!(burst <= 20, "{burst} datagrams at once");
}

#[test]
fn at_a_high_pace_neither_a_group_nor_what_is_made_up_for_fills_a_switch() {
    let t0 = t0();
    for (rate, datagrams, bytes) in
        [(900e6, 120, 170_000), (10e9, 120, 170_000), (900e6, 126, 170_000), (900e6, 20, 177_000)]
    {
        let wire = |count: usize| count * (bytes / datagrams + OVERHEAD);
        let mut pacer = Pacer::new(Pace::Rate(rate), OVERHEAD);
        pacer.begin(datagrams, bytes, None, t0);
        let groups = sent_at(&mut pacer, datagrams, t0, Duration::ZERO);
        assert!(groups.iter().all(|&(_, count)| wire(count) <= 16 * 1024), "{groups:?}");
        assert!(groups.len() <= 20, "few wake-ups: {groups:?}");

        pacer.begin(datagrams, bytes, None, t0 + Duration::from_secs(1));
        let late = sent_at(&mut pacer, datagrams, t0 + Duration::from_secs(1), Duration::from_millis(1));
        assert!(late.iter().all(|&(_, count)| wire(count) <= 32 * 1024), "{late:?}");
    }
}

#[test]
fn what_cannot_be_made_up_for_goes_on_at_the_pace() {
    let t0 = t0();
    let mut pacer = Pacer::new(Pace::Rate(900e6), OVERHEAD);
    pacer.begin(120, 170_000, None, t0);
    let first = pacer.due(0, 120, t0).unwrap();
    let woken = t0 + Duration::from_millis(5);
    let burst = pacer.due(first, 120, woken).unwrap();
    let group = (first * (170_000 / 120 + OVERHEAD) * 8) as f64 / 900e6;
    let next = pacer.due(first + burst, 120, woken).unwrap_err();
    assert!((next - woken).as_secs_f64() > group * 0.9, "{:?} after a burst of {burst}", next - woken);
    // The next frame waits for what moved.
    pacer.begin(120, 170_000, None, woken);
    assert!(pacer.due(0, 120, woken).is_err());
}

#[test]
fn a_learned_rate_replaces_the_guess_of_auto_alone() {
    let (t0, mut now) = (t0(), t0());
    let mut pacer = Pacer::new(Pace::Auto, OVERHEAD);
    for (learned, rate) in [
        (Some(400e6), 400e6),
        (Some(28e6), 28e6),
        (None, 90e6),
        (Some(f64::NAN), 90e6),
        (Some(f64::INFINITY), 90e6),
        (Some(0.0), 90e6),
        (Some(-1.0), 90e6),
        (Some(f64::MIN_POSITIVE), 90e6),
    ] {
        pacer.set_rate(learned);
        now += Duration::from_secs(1);
        pacer.begin(120, 170_000, ms(33), now);
        assert_eq!(pacer.rate(), Some(rate), "{learned:?}");
    }
    let mut stated = Pacer::new(Pace::Rate(50e6), OVERHEAD);
    stated.set_rate(Some(400e6));
    stated.begin(120, 170_000, ms(33), t0);
    assert_eq!(stated.rate(), Some(50e6));
}

#[test]
fn a_frame_waits_for_the_one_before_to_be_off_the_wire() {
    let t0 = t0();
    let mut pacer = Pacer::new(Pace::Rate(8e6), 0);
    pacer.begin(10, 10_000, None, t0);
    sent_at(&mut pacer, 10, t0, Duration::ZERO);
    pacer.begin(10, 10_000, None, t0 + Duration::from_millis(2));
    assert_eq!(pacer.due(0, 10, t0 + Duration::from_millis(2)), Err(t0 + Duration::from_millis(10)));
}

#[test]
fn off_sends_everything_at_once() {
    let t0 = t0();
    let mut pacer = Pacer::new(Pace::Off, OVERHEAD);
    pacer.begin(120, 170_000, ms(33), t0);
    assert_eq!(pacer.due(0, 120, t0), Ok(120));
}

#[test]
fn the_end_of_a_frame_sprints_and_fits_a_small_queue() {
    let t0 = t0();
    for (bytes, lateness) in [(170_000, 0), (170_000, 300), (30_000, 0), (260_000, 1500)] {
        let (mut pacer, datagrams) = (Pacer::new(Pace::Auto, OVERHEAD), bytes / 1416);
        pacer.sprint_before(Some(datagrams));
        pacer.begin(datagrams, bytes, ms(33), t0);
        assert_eq!(pacer.sprint().len(), (SPRINT_BYTES as usize / 1482).min(datagrams));
        let groups = sent_at(&mut pacer, datagrams, t0, Duration::from_micros(lateness));
        // What waits before a port of 100 Mbit/s, in bytes.
        let (mut queue, mut most, mut before) = (0.0_f64, 0.0_f64, 0);
        for &(at, count) in &groups {
            queue = (queue - (at - before) as f64 * 12.5).max(0.0) + (count * 1482) as f64;
            (most, before) = (most.max(queue), at);
        }
        assert!(most < 64e3, "{bytes} bytes, {lateness} us late: {most} bytes wait in {groups:?}");
        let paced = (pacer.sprint().start * 1482 * 8) as u64 / 90;
        let last = groups.last().unwrap().0;
        assert!(last < paced + 500 + 4 * lateness, "{bytes} bytes, {lateness} us late: done at {last} us");
        assert!(pacer.free().unwrap() <= t0 + Duration::from_micros(last + 3 * lateness + 500));
    }
    let mut chosen = Pacer::new(Pace::Rate(90e6), OVERHEAD);
    chosen.sprint_before(Some(120));
    chosen.begin(120, 170_000, ms(33), t0);
    assert_eq!(chosen.sprint(), 0..0, "a pace that was chosen is kept");
}
