use super::*;
use crate::random::Random;
use crate::t0;

/// Two crystals beside true time, which no program sees.
struct World {
    begin: Instant,
    /// What each has counted, in billionths of a nanosecond.
    our_count: i128,
    their_count: i128,
    /// By how much each is fast, in parts per billion.
    ours: i128,
    theirs: i128,
    /// What the sender's clock showed at the beginning, and by how much it has jumped since, in nanoseconds.
    epoch: i128,
    random: Random,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut drift = || [-100_000, 100_000, 0, random.below(200_001) as i128 - 100_000][seed as usize % 4];
        let ours = drift();
        // As different as they can be, or alike.
        let theirs = if seed % 8 < 4 { -drift() } else { drift() };
        let hours = random.below(20) as i128 - 10;
        let epoch = 1_700_000_000_123_456_789 + hours * 3_600_000_000_000;
        Self { begin: t0(), our_count: 0, their_count: 0, ours, theirs, epoch, random }
    }

    fn instant(&self) -> Instant {
        self.begin + Duration::from_nanos((self.our_count / BILLION) as u64)
    }

    fn truth(&self) -> i128 {
        self.epoch + self.their_count / BILLION
    }

    fn media(&self) -> MediaTime {
        MediaTime::from_micros((self.truth() / 1000) as u64)
    }

    fn wait(&mut self, nanos: u64) {
        self.our_count += i128::from(nanos) * (BILLION + self.ours);
        self.their_count += i128::from(nanos) * (BILLION + self.theirs);
    }

    /// An exchange that takes at most `longest` on its way, divided between there and back by chance.
    fn exchange(&mut self, longest: Duration) -> Exchange {
        let longest = longest.as_nanos() as u64;
        let there = self.random.below(longest);
        let back = self.random.below(longest - there);
        let hold = self.random.below(200_000);
        let sent = self.instant();
        self.wait(there);
        let heard = self.media();
        self.wait(hold);
        let answered = self.media();
        self.wait(back);
        Exchange { sent, heard, answered, received: self.instant() }
    }

    /// Looks at the clock several times until the next exchange; returns the widest error bar.
    fn check(&mut self, filter: &ClockFilter, interval: Duration) -> Duration {
        let mut widest = Duration::ZERO;
        for _ in 0..5 {
            let instant = self.instant();
            let reading = filter.reading(instant).expect("there were exchanges");
            let error = reading.error_at(instant);
            let off = i128::from(reading.at(instant).as_micros()) * 1000 - self.truth();
            assert!(off.unsigned_abs() <= error.as_nanos(), "off by {off} ns, error {error:?}");
            widest = widest.max(error);
            self.wait(interval.as_nanos() as u64 / 5);
        }
        widest
    }
}

const BILLION: i128 = 1_000_000_000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

#[test]
fn the_truth_is_always_within_the_error_bar() {
    let mut checks = 0;
    for (interval, longest) in
        [ms(100), ms(1000), ms(3000)].into_iter().flat_map(|i| [(i, us(60)), (i, us(500)), (i, ms(30))])
    {
        for seed in 0..16 {
            let (mut world, mut filter) = (World::new(seed), ClockFilter::new());
            for _ in 0..60 {
                assert!(filter.add(world.exchange(longest)));
                let widest = world.check(&filter, interval);
                assert!(widest < longest / 2 + us(2) + interval / 4000, "{widest:?} by {interval:?}");
                assert!(longest > us(500) || widest < ms(1), "{widest:?}");
                checks += 5;
            }
            assert_eq!(filter.jumps(), 0);
        }
    }
    assert!(checks > 40_000);
}

#[test]
fn the_drift_is_learned_so_that_the_bar_hardly_grows() {
    for seed in 0..16 {
        let (mut world, mut filter) = (World::new(seed), ClockFilter::new());
        for _ in 0..30 {
            filter.add(world.exchange(us(500)));
            world.check(&filter, ms(1000));
        }
        let reading = filter.reading(world.instant()).unwrap();
        let growth = reading.error_at(world.instant() + ms(3000)) - reading.error_at(world.instant());
        assert!(growth < us(100), "{growth:?}; with nothing but the crystals' tolerance it would be 600 µs");
    }
}

#[test]
fn a_drift_that_changes_as_a_crystal_warms_up_stays_within_the_bar() {
    for by in [500, -500, 0] {
        let (mut world, mut filter) = (World::new(2), ClockFilter::new());
        for n in 0..600 {
            filter.add(world.exchange(us(20)));
            world.check(&filter, ms(3000));
            // 10 ppm a minute, by turns up and down.
            world.theirs += if n / 100 % 2 == 0 { by } else { -by };
        }
        assert_eq!(filter.jumps(), 0);
    }
}

#[test]
fn one_fast_exchange_helps_the_slow_ones_after_it() {
    let (mut world, mut filter) = (World::new(3), ClockFilter::new());
    for n in 0..40 {
        filter.add(world.exchange(if n == 19 { us(20) } else { ms(20) }));
        world.check(&filter, ms(500));
    }
    let now = world.instant();
    assert!(
        filter.reading(now).unwrap().error_at(now) < ms(3),
        "{:?}",
        filter.reading(now).unwrap().error_at(now)
    );
}

#[test]
fn a_jump_is_found_with_the_second_exchange_after_it() {
    for (seed, jump) in (0_u64..).zip([3_600_000_000_000, -7_200_000_000_000, 5_000_000, -5_000_000_i128]) {
        let (mut world, mut filter) = (World::new(seed), ClockFilter::new());
        for _ in 0..20 {
            filter.add(world.exchange(us(500)));
            world.check(&filter, ms(1000));
        }
        world.epoch += jump;
        assert!(!filter.add(world.exchange(us(500))), "not on one exchange's word");
        world.wait(1_000_000_000);
        assert!(filter.add(world.exchange(us(500))));
        assert_eq!(filter.jumps(), 1);
        for _ in 0..20 {
            assert!(world.check(&filter, ms(1000)) < ms(1));
            assert!(filter.add(world.exchange(us(500))));
        }
    }
}

#[test]
fn single_outliers_are_ignored_wherever_they_point() {
    let (mut world, mut filter) = (World::new(5), ClockFilter::new());
    for n in 0..200_u64 {
        let mut exchange = world.exchange(us(500));
        if n % 3 == 1 {
            let by = [1_500, 3_600_000_000, u64::MAX / 2][n as usize / 3 % 3];
            let forge = |time: MediaTime| MediaTime::from_micros(time.as_micros().wrapping_add(by));
            (exchange.heard, exchange.answered) = (forge(exchange.heard), forge(exchange.answered));
            assert!(!filter.add(exchange));
            let again = Exchange { received: exchange.received + ms(1), ..exchange };
            assert!(!filter.add(again), "the same answer again confirms nothing");
        } else {
            assert!(filter.add(exchange), "{n}");
        }
        assert!(world.check(&filter, ms(300)) < ms(1));
    }
    assert_eq!(filter.jumps(), 0);
}

#[test]
fn a_forged_first_exchange_is_outvoted() {
    let (mut world, mut filter) = (World::new(6), ClockFilter::new());
    let forged =
        Exchange { heard: MediaTime::default(), answered: MediaTime::default(), ..world.exchange(us(9)) };
    assert!(filter.add(forged));
    world.wait(100_000_000);
    assert!(!filter.add(world.exchange(us(500))));
    world.wait(100_000_000);
    assert!(filter.add(world.exchange(us(500))));
    world.check(&filter, ms(100));
}

#[test]
fn a_clock_that_is_slewed_faster_than_crystals_drift_is_followed_in_the_end() {
    let (mut world, mut filter) = (World::new(7), ClockFilter::new());
    for n in 0..40 {
        filter.add(world.exchange(us(500)));
        if (10..20).contains(&n) {
            world.epoch += 80_000_000;
        }
        if n > 22 {
            world.check(&filter, ms(1000));
        } else {
            world.wait(1_000_000_000);
        }
    }
    assert!(filter.jumps() >= 2);
}

#[test]
fn absurd_exchanges_are_refused() {
    let (now, time) = (t0(), MediaTime::from_micros);
    let good =
        Exchange { sent: now, heard: time(5_000_000), answered: time(5_000_010), received: now + ms(1) };
    let absurd = [
        Exchange { answered: time(4_999_999), ..good },
        Exchange { answered: time(5_001_010), ..good },
        Exchange { answered: time(u64::MAX), ..good },
        Exchange { received: now - ms(1), ..good },
        Exchange { received: now + ms(1001), ..good },
        Exchange { received: now + Duration::from_secs(1 << 40), ..good },
    ];
    let mut filter = ClockFilter::new();
    for exchange in absurd {
        assert!(!filter.add(exchange), "{exchange:?}");
    }
    assert_eq!(filter.reading(now), None);
    assert!(filter.add(good));
    assert!(!filter.add(good));
}

#[test]
fn any_four_times_are_survived() {
    let (now, mut random, mut filter) = (t0(), Random::new(1), ClockFilter::new());
    for _ in 0..20_000 {
        let mut instant = || now + Duration::from_nanos(random.next() >> (1 + random.below(60)));
        let (sent, received) = (instant(), instant());
        let heard = random.next() << random.below(64);
        let answered = heard.saturating_add(random.next() >> random.below(64));
        let [heard, answered] = [heard, answered].map(MediaTime::from_micros);
        filter.add(Exchange { sent, heard, answered, received });
        if let Some(reading) = filter.reading(received) {
            let _ =
                (reading.at(now), reading.error_at(now), reading.at(received), reading.error_at(received));
        }
    }
}

#[test]
fn what_was_known_a_minute_ago_is_known_no_more() {
    let (mut world, mut filter) = (World::new(1), ClockFilter::new());
    filter.add(world.exchange(us(500)));
    let now = world.instant();
    assert!(filter.reading(now + ms(59_999)).is_some());
    assert_eq!(filter.reading(now + FRESH), None);
    world.epoch -= 1_000_000_000;
    world.wait(61_000_000_000);
    assert!(filter.add(world.exchange(us(500))), "and need not be refuted twice");
    world.check(&filter, ms(100));
}
