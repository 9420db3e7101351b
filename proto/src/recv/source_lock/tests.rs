//! Which source holds the lock, and which takes it.

use super::*;
use crate::t0;

const A: SessionId = SessionId::new(1);
const B: SessionId = SessionId::new(2);
const C: SessionId = SessionId::new(3);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

struct Bench {
    lock: SourceLock<u64>,
    t0: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { lock: SourceLock::new(), t0: t0() }
    }

    fn hear(&mut self, source: u64, session: SessionId, at: u64) -> Admission {
        self.lock.admit(source, session, true, self.t0 + ms(at))
    }

    /// A whole frame.
    fn show(&mut self, source: u64, session: SessionId, at: u64) -> Admission {
        let admission = self.hear(source, session, at);
        if self.lock.is_held_by(source, session) {
            self.lock.completed(self.t0 + ms(at));
        }
        admission
    }
}

#[test]
fn a_restart_is_believed_once_the_session_before_is_quiet() {
    let mut bench = Bench::new();
    assert_eq!(bench.show(7, A, 0), Admission::New);
    assert_eq!(bench.show(7, A, 100), Admission::Ours);
    assert_eq!(bench.hear(7, B, 349), Admission::Contested);
    assert_eq!(bench.hear(7, B, 350), Admission::New);
    assert_eq!(bench.hear(7, B, 351), Admission::Ours);
}

#[test]
fn a_session_that_goes_on_after_its_restart_was_believed_has_its_place_again() {
    let mut bench = Bench::new();
    bench.show(7, A, 0);
    assert_eq!(bench.show(7, B, 300), Admission::New);
    assert_eq!(bench.lock.admit(7, A, false, bench.t0 + ms(310)), Admission::Ended, "a straggler");
    assert_eq!(bench.show(7, A, 320), Admission::Back);
    // Whoever came later does not have it in turn, but waits like anybody.
    assert_eq!(bench.show(7, B, 330), Admission::Contested);
    assert_eq!(bench.show(7, B, 570), Admission::New);
}

#[test]
fn another_source_waits_for_silence_or_goodbye() {
    let mut bench = Bench::new();
    bench.show(7, A, 100);
    assert_eq!(bench.hear(8, B, 599), Admission::Foreign);
    assert_eq!(bench.hear(8, B, 600), Admission::New);
    assert_eq!(bench.hear(8, B, 601), Admission::Ours);
    bench.lock.said_goodbye(bench.t0 + ms(602));
    assert!(!bench.lock.free_if_left(bench.t0 + ms(851)));
    assert_eq!(bench.hear(9, C, 851), Admission::Foreign);
    assert!(bench.lock.free_if_left(bench.t0 + ms(852)));
    assert_eq!(bench.hear(9, C, 852), Admission::New);
}

#[test]
fn who_goes_on_after_a_goodbye_has_not_left() {
    let mut bench = Bench::new();
    bench.show(7, A, 0);
    bench.lock.said_goodbye(bench.t0 + ms(1));
    assert_eq!(bench.lock.admit(7, A, false, bench.t0 + ms(2)), Admission::Ours, "a straggler");
    assert!(bench.lock.leaves().is_some());
    assert_eq!(bench.show(7, A, 33), Admission::Stayed);
    assert_eq!(bench.lock.leaves(), None);
    assert!(!bench.lock.free_if_left(bench.t0 + ms(10_000)));
}

#[test]
fn a_flood_of_sessions_each_heard_once_does_not_keep_the_true_one_out() {
    let mut bench = Bench::new();
    let mut heard = None;
    for step in 0..400_u64 {
        for pending in 0..10 {
            let number = 1000 + step * 10 + pending;
            bench.hear(number, SessionId::new(number), step);
            bench.lock.said_hello(bench.t0 + ms(step));
        }
        if matches!(bench.hear(7, A, step), Admission::New | Admission::Ours) {
            heard.get_or_insert(step);
        }
    }
    assert!(heard.is_some_and(|heard| heard <= 41), "{heard:?}");
    assert_eq!(bench.hear(1, B, 401), Admission::Foreign);
    assert_eq!(bench.hear(7, A, 402), Admission::Ours);
}

#[test]
fn nobody_is_quicker_than_a_sender_that_was_heard_first() {
    let mut bench = Bench::new();
    assert_eq!(bench.hear(7, A, 0), Admission::New);
    for at in 1..12 {
        assert_eq!(bench.show(8, B, at), Admission::Foreign);
    }
    assert_eq!(bench.hear(7, A, 12), Admission::Ours);
    assert!(bench.lock.is_established());
    assert_eq!(bench.show(8, B, 13), Admission::Foreign);
}

#[test]
fn one_datagram_keeps_the_place_for_a_moment_only() {
    let mut bench = Bench::new();
    bench.hear(8, B, 0);
    assert_eq!(bench.hear(7, A, 10), Admission::Foreign);
    assert_eq!(bench.hear(7, A, 40), Admission::New);
    assert!(bench.lock.is_established(), "it was heard twice");
    let mut bench = Bench::new();
    bench.hear(8, B, 0);
    assert_eq!(bench.hear(7, A, 80), Admission::New);
}

#[test]
fn a_sender_that_restarts_before_its_first_frame_is_whole_is_heard() {
    let mut bench = Bench::new();
    for session in 1..=5 {
        assert_eq!(bench.hear(7, SessionId::new(session), session), Admission::New);
    }
    bench.lock.completed(bench.t0 + ms(6));
    assert_eq!(bench.hear(7, SessionId::new(5), 7), Admission::Ours);
}

#[test]
fn a_source_that_completes_nothing_does_not_keep_the_true_one_out() {
    let mut bench = Bench::new();
    assert_eq!(bench.hear(666, A, 0), Admission::New);
    for step in 1..2000 {
        for _ in 0..3 {
            bench.hear(666, SessionId::new(1000 + step), step);
        }
        bench.show(7, B, step);
    }
    assert_eq!(bench.hear(7, B, 2000), Admission::Ours);
}

#[test]
fn who_is_barred_displaces_nobody_who_speaks_and_may_have_an_empty_place() {
    let mut bench = Bench::new();
    // Twice heard and never whole: it loses the lock after 500 ms, and is barred.
    bench.hear(7, A, 0);
    bench.hear(7, A, 1);
    assert_eq!(bench.hear(8, B, 500), Admission::New);
    bench.hear(8, B, 501);
    bench.hear(8, B, 1100);
    assert_eq!(bench.hear(7, A, 1101), Admission::Foreign);
    assert_eq!(bench.hear(7, A, 1600), Admission::New, "the holder sends nothing any more");
    // Nor does one that was heard once keep it from him for longer.
    let mut bench = Bench::new();
    bench.hear(7, A, 0);
    bench.hear(7, A, 1);
    bench.hear(8, B, 500);
    assert_eq!(bench.hear(7, A, 999), Admission::Foreign);
    assert_eq!(bench.hear(7, A, 1000), Admission::New);
}

#[test]
fn a_session_goes_on_at_another_address_once_it_is_silent_at_the_one_before() {
    let mut bench = Bench::new();
    bench.show(7, A, 0);
    assert_eq!(bench.hear(8, A, 499), Admission::Foreign);
    assert_eq!(bench.hear(8, A, 500), Admission::Moved);
    assert_eq!((bench.lock.holder(), bench.lock.is_established()), (Some((8, A)), false));
    assert_eq!(bench.hear(8, A, 501), Admission::Ours);
    assert!(bench.lock.is_established());
    // Who only said so is left as soon as the session goes on where it was.
    assert_eq!(bench.hear(7, A, 502), Admission::Moved);
    assert_eq!(bench.hear(8, A, 503), Admission::Foreign);
}

#[test]
fn one_that_fell_silent_gets_the_lock_back_from_another_that_took_it_since() {
    let mut bench = Bench::new();
    bench.show(7, A, 0);
    bench.show(8, B, 600);
    bench.show(8, B, 890);
    assert_eq!(bench.show(7, A, 900), Admission::Back);
    assert_eq!(bench.show(8, B, 901), Admission::Foreign);
    // Also where nothing of it is news, once whoever took it is silent.
    let mut bench = Bench::new();
    bench.show(7, A, 0);
    bench.show(8, B, 600);
    let stale = |bench: &mut Bench, at| bench.lock.admit(7, A, false, bench.t0 + ms(at));
    assert_eq!(stale(&mut bench, 1099), Admission::Ended);
    assert_eq!(stale(&mut bench, 1100), Admission::New);
    // After ten minutes it is somebody like anybody.
    let mut bench = Bench::new();
    bench.show(7, A, 0);
    bench.show(8, B, 600_000);
    assert_eq!(bench.show(7, A, 600_001), Admission::Foreign);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut bench = Bench::new();
    for number in 0..1000_u64 {
        let at = number * 2000;
        bench.show(number, SessionId::new(number + 1), at);
        bench.hear(number + 5000, A, at + 1000);
        bench.hear(number + 5000, A, at + 1001);
        for other in 0..40 {
            bench.hear(other + 9000, C, at + 1002);
        }
    }
    let SourceLock { past, candidates, barred, .. } = &bench.lock;
    assert!(past.len() <= MOST_PAST && candidates.len() <= MOST_CANDIDATES && barred.len() <= MOST_BARRED);
    assert_eq!((past.len(), barred.len()), (MOST_PAST, MOST_BARRED));
}
