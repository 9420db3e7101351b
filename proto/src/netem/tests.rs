use super::*;
use crate::t0;

#[test]
fn a_good_network_passes_everything_on_at_once() {
    let run = run("", 100, Duration::ZERO);
    assert_eq!(run.arrivals, (0..100).collect::<Vec<_>>());
    assert_eq!(run.counts, NetemCounts { pushed: 100, arrived: 100, ..NetemCounts::default() });
}

#[test]
fn loss_comes_as_often_as_asked_and_the_same_way_each_time() {
    let first = run("loss=5%", 20_000, Duration::ZERO);
    assert!((900..1100).contains(&first.counts.lost), "{:?}", first.counts);
    assert_eq!(
        first.arrivals,
        run("loss=5%,seed=1", 20_000, Duration::ZERO).arrivals,
        "the default seed is 1"
    );
    assert_ne!(first.arrivals, run("loss=5%,seed=2", 20_000, Duration::ZERO).arrivals);
}

#[test]
fn other_harm_does_not_change_what_is_lost() {
    let plain = run("loss=5%", 5_000, Duration::ZERO).arrivals;
    let mut worse = run("loss=5%,jitter=5ms,reorder=3%,dup=2%", 5_000, Duration::ZERO).arrivals;
    worse.sort_unstable();
    worse.dedup();
    assert_eq!(plain, worse);
}

#[test]
fn bursts_have_their_length_and_come_once_in_every_so_many() {
    let arrived = run("burst=20/500", 10_000, Duration::ZERO).arrivals;
    assert_eq!(arrived.len(), 10_000 - 20 * 20);
    for start in (0..10_000).step_by(500) {
        let lost: Vec<u32> = (start..start + 500).filter(|n| !arrived.contains(n)).collect();
        assert_eq!(lost.len(), 20);
        assert_eq!(lost[19] - lost[0], 19, "in a row");
    }
}

#[test]
fn jitter_delays_and_keeps_the_order() {
    let run = run("delay=5ms,jitter=3ms", 1_000, Duration::from_micros(100));
    assert!(run.arrivals.is_sorted());
    assert_eq!(run.counts.reordered, 0);
    assert!(run.transit.iter().all(|t| (5_000..=8_000).contains(&t.as_micros())), "{:?}", run.transit);
    assert!(run.transit.iter().max().unwrap().as_micros() > 7_500);
}

#[test]
fn reordering_holds_back_by_at_most_its_time() {
    let run = run("reorder=2%/5ms", 5_000, Duration::from_micros(100));
    assert!(!run.arrivals.is_sorted());
    assert!((60..140).contains(&run.counts.reordered), "{:?}", run.counts);
    assert!(run.transit.iter().all(|t| t.as_micros() <= 5_000));
    assert_eq!(run.arrivals.len(), 5_000);
}

#[test]
fn what_goes_with_a_datagram_stays_with_it() {
    let impairment: Impairment = "jitter=5ms,reorder=30%/9ms,dup=20%,seed=3".parse().unwrap();
    let (t0, mut netem) = (t0(), Netem::new(impairment));
    for from in 0..200_u8 {
        netem.push_with(from, &[from; 9], t0 + Duration::from_micros(from.into()));
    }
    let mut count = 0;
    while let Some((from, datagram)) = netem.pop_with(t0 + Duration::from_secs(1)) {
        assert_eq!(datagram, [from; 9]);
        count += 1;
    }
    assert!(count > 200, "{count}");
}

#[test]
fn copies_are_the_same_datagram_again() {
    let run = run("dup=10%", 2_000, Duration::ZERO);
    assert!((150..250).contains(&run.counts.duplicated));
    assert_eq!(run.arrivals.len() as u64, 2_000 + run.counts.duplicated);
    assert_eq!(run.counts.corrupted, 0);
}

#[test]
fn corruption_flips_exactly_one_bit() {
    let now = t0();
    let mut netem = Netem::new("corrupt=100%".parse().unwrap());
    let sent = [0x5a; 64];
    for _ in 0..200 {
        netem.push(&sent, now);
        let got = netem.pop(now).unwrap();
        let flipped: u32 = got.iter().zip(sent).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(flipped, 1);
    }
    netem.push(&[], now);
    assert_eq!(netem.pop(now), Some(&mut [][..]), "there is nothing to flip in nothing");
    assert_eq!(netem.counts().corrupted, 200);
}

#[test]
fn a_link_takes_its_time_for_every_datagram() {
    let now = t0();
    let mut netem = Netem::new("rate=100mbit,queue=64k".parse().unwrap());
    netem.push(&[0; 1184], now);
    netem.push(&[0; 1184], now);
    // 1184 and 66 bytes at 100 Mbit/s.
    assert_eq!(netem.next_due(), Some(now + Duration::from_micros(100)));
    assert!(netem.pop(now + Duration::from_micros(99)).is_none());
    assert!(netem.pop(now + Duration::from_micros(100)).is_some());
    assert_eq!(netem.next_due(), Some(now + Duration::from_micros(200)));
}

#[test]
fn a_full_queue_loses_the_newest_and_empties_with_time() {
    let now = t0();
    let mut netem = Netem::new("rate=100mbit,queue=5000".parse().unwrap());
    for _ in 0..10 {
        netem.push(&[0; 1184], now);
    }
    assert_eq!(netem.counts().overflowed, 6);
    for _ in 0..10 {
        netem.push(&[0; 1184], now + Duration::from_micros(400));
    }
    assert_eq!(netem.counts().overflowed, 12);
    let mut tiny = Netem::new("rate=100mbit,queue=10".parse().unwrap());
    tiny.push(&[0; 1184], now);
    assert_eq!(tiny.counts().overflowed, 0, "an idle link takes any datagram");
}

#[test]
fn what_is_under_way_is_bounded_and_buffers_come_back() {
    let now = t0();
    let mut netem = Netem::new("delay=60s".parse().unwrap());
    for _ in 0..MOST_FLYING + 10 {
        netem.push(&[1], now);
    }
    assert_eq!(netem.counts().overflowed, 10);
    let later = now + Duration::from_secs(60);
    while netem.pop(later).is_some() {}
    assert_eq!(netem.flying_bytes, 0);
    for _ in 0..100 {
        netem.push(&[1], later);
    }
    assert_eq!(netem.buffers.len(), MOST_FLYING);
}

/// What came out of a network into which numbered datagrams were pushed at equal times.
struct Run {
    arrivals: Vec<u32>,
    transit: Vec<Duration>,
    counts: NetemCounts,
}

fn run(impairment: &str, datagrams: u32, gap: Duration) -> Run {
    let begin = t0();
    let mut netem = Netem::new(impairment.parse().unwrap());
    for number in 0..datagrams {
        netem.push(&number.to_be_bytes(), begin + gap * number);
    }
    let (mut arrivals, mut transit) = (Vec::new(), Vec::new());
    while let Some(due) = netem.next_due() {
        let number = u32::from_be_bytes(netem.pop(due).unwrap().try_into().unwrap());
        arrivals.push(number);
        transit.push(due - (begin + gap * number));
    }
    let counts = netem.counts();
    assert_eq!(counts.pushed + counts.duplicated, counts.lost + counts.overflowed + counts.arrived);
    Run { arrivals, transit, counts }
}
