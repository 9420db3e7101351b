//! Frames that are put together by themselves.

mod parts;

use super::*;
use crate::frame::MediaTime;
use crate::geometry::Geometry;
use crate::send::Slab;
use crate::seq::SessionId;
use crate::t0;
use crate::wire::{Body, Datagram, Header};

const DEADLINE: Duration = Duration::from_millis(500);

struct Bench {
    reassembler: Reassembler,
    lost: Vec<(u32, LossReason)>,
}

impl Bench {
    fn new() -> Self {
        Self { reassembler: Reassembler::new(DEADLINE), lost: Vec::new() }
    }

    fn accept(&mut self, datagram: &[u8], now: Instant) -> (Outcome, Option<Delivery>) {
        let datagram = Datagram::parse(datagram).unwrap();
        let Body::Data { geometry, chunk, .. } = datagram.body else { panic!("not data") };
        let accepted = self.accept_chunk(&datagram.header, geometry, chunk, now);
        (accepted.outcome, accepted.delivery)
    }

    fn accept_chunk(&mut self, header: &Header, geometry: Geometry, chunk: &[u8], now: Instant) -> Accepted {
        let arrival = Arrival { header, geometry, chunk, again: false, parity: None, arrived: now, now };
        let lost = &mut self.lost;
        self.reassembler.accept(&arrival, |loss| lost.push((loss.frame.get(), loss.reason)))
    }
}

fn slab(frame: u32, length: usize) -> Slab {
    let mut slab = Slab::default();
    let jpeg = vec![frame as u8; length];
    slab.cut(
        &jpeg,
        None,
        SessionId::new(1),
        FrameId::new(frame),
        MediaTime::from_micros(frame.into()),
        144,
        |_| 0,
    )
    .unwrap();
    slab
}

#[test]
fn chunks_in_any_order_make_the_frame() {
    let (mut bench, slab, t0) = (Bench::new(), slab(1, 950), t0());
    for index in [9, 0, 3, 1, 8, 2, 7, 4, 6] {
        assert!(matches!(bench.accept(slab.range(index..index + 1), t0), (Outcome::Accepted, None)));
    }
    assert_eq!(bench.accept(slab.range(3..4), t0).0, Outcome::Duplicate);
    let (outcome, delivery) = bench.accept(slab.range(5..6), t0);
    assert_eq!((outcome, delivery.unwrap().frame.jpeg.as_slice()), (Outcome::Accepted, [1; 950].as_slice()));
    assert_eq!(bench.accept(slab.range(5..6), t0).0, Outcome::Late);
}

#[test]
fn a_whole_frame_ends_the_older_ones_and_not_the_newer() {
    let (mut bench, t0) = (Bench::new(), t0());
    let (one, two, three) = (slab(1, 300), slab(2, 300), slab(3, 300));
    for slab in [&one, &two, &three] {
        bench.accept(slab.range(0..1), t0);
    }
    for index in 1..two.len() {
        bench.accept(two.range(index..index + 1), t0);
    }
    assert_eq!(bench.lost, [(1, LossReason::Superseded)]);
    assert_eq!(bench.accept(one.range(1..2), t0).0, Outcome::Late);
    assert_eq!(bench.accept(three.range(1..2), t0).0, Outcome::Accepted);
}

#[test]
fn a_frame_ends_at_its_deadline_and_stays_ended() {
    let (mut bench, slab, t0) = (Bench::new(), slab(1, 300), t0());
    bench.accept(slab.range(0..1), t0);
    assert_eq!(bench.reassembler.next_deadline(), Some(t0 + DEADLINE));
    let mut lost = Vec::new();
    bench.reassembler.handle_timeout(t0 + DEADLINE, |loss| lost.push(loss));
    assert_eq!((lost.len(), lost[0].missing), (1, 2));
    assert_eq!(bench.accept(slab.range(1..2), t0 + DEADLINE).0, Outcome::Late);
}

/// Of a path that is sent three times what it carries no frame becomes whole, and its sender has to learn that.
#[test]
fn a_train_of_which_much_is_missing_is_told_when_the_next_begins_and_once() {
    for (chunks_apart, is_told) in [(3, true), (2, true), (1, false)] {
        let (mut bench, slab, t0) = (Bench::new(), slab(1, 4000), t0());
        for index in (0..slab.len()).filter(|index| chunks_apart == 1 || index % chunks_apart == 0) {
            // Of the one that loses next to nothing the last is missing.
            if chunks_apart > 1 || index + 1 < slab.len() {
                bench.accept(slab.range(index..index + 1), t0);
            }
        }
        assert!(bench.reassembler.next_told().is_none(), "it goes on");
        bench.accept(self::slab(2, 4000).range(0..1), t0);
        let told = bench.reassembler.next_told();
        assert_eq!(told.is_some(), is_told, "{told:?}");
        let missing =
            told.map_or(0, |told| told.entry.map_or(0, |train| train.missing_head + train.missing_tail));
        assert!(
            usize::from(missing) >= if is_told { slab.len() / 3 } else { 0 },
            "{missing} of {}",
            slab.len()
        );
        bench.reassembler.handle_timeout(t0 + DEADLINE, |_| ());
        let again = std::iter::from_fn(|| bench.reassembler.next_told());
        let entries: Vec<_> =
            again.filter_map(|told| told.entry).filter(|train| train.id.frame.get() == 1).collect();
        assert_eq!(entries.len(), usize::from(!is_told), "{entries:?}");
    }
}

#[test]
fn frames_of_which_nothing_came_are_counted() {
    let (mut bench, t0) = (Bench::new(), t0());
    let unseen = |delivery: Option<Delivery>| delivery.unwrap().unseen;
    assert_eq!(unseen(bench.accept(slab(10, 50).range(0..1), t0).1), 0, "the first one seen");
    bench.accept(slab(12, 300).range(0..1), t0);
    assert_eq!(unseen(bench.accept(slab(14, 50).range(0..1), t0).1), 2, "11 and 13; 12 was lost by name");
    assert_eq!(bench.lost, [(12, LossReason::Superseded)]);
}

#[test]
fn a_long_run_of_losses_is_counted_once_and_never_begins_again() {
    let (mut bench, t0) = (Bench::new(), t0());
    bench.accept(slab(0, 50).range(0..1), t0);
    for frame in 1..=200 {
        bench.accept(slab(frame, 300).range(0..1), t0 + Duration::from_millis(frame.into()));
    }
    let t1 = t0 + Duration::from_millis(202);
    assert_eq!(bench.accept(slab(1, 300).range(1..2), t1).0, Outcome::Late);
    let delivery = bench.accept(slab(202, 50).range(0..1), t1).1.unwrap();
    assert_eq!((bench.lost.len(), delivery.unseen), (200, 1), "only 201 was never seen");
}

#[test]
fn a_full_ring_gives_up_its_oldest_and_memory_is_bounded() {
    let (mut bench, t0) = (Bench::new(), t0());
    for frame in 0..9 {
        bench.accept(slab(frame, 300).range(0..1), t0);
    }
    assert_eq!(bench.lost, [(0, LossReason::Evicted)]);
    let header = |frame| Datagram::parse(slab(frame, 300).range(0..1)).unwrap().header;
    let large = Geometry::cut(15 << 20, 1100).unwrap();
    for frame in 10..20 {
        let chunk = vec![0; large.chunk_bytes()];
        bench.accept_chunk(&header(frame), large, &chunk, t0);
        assert!(bench.reassembler.bytes_in_flight() <= MAX_BYTES_IN_FLIGHT);
    }
}

#[test]
fn large_frames_that_ended_hold_no_more_memory_than_those_in_flight() {
    let (mut bench, t0) = (Bench::new(), t0());
    let header = |frame| Datagram::parse(slab(frame, 300).range(0..1)).unwrap().header;
    let mut frame = 0;
    for (length, count) in [(300, 8), (16 << 20, 8), (3 << 20, 8), (16 << 20, 8), (1 << 20, 8), (16 << 20, 8)]
    {
        for _ in 0..count {
            frame += 1;
            let geometry = Geometry::cut(length, 1100).unwrap();
            let chunk = vec![0; geometry.range(0).len()];
            bench.accept_chunk(&header(frame), geometry, &chunk, t0);
            let held = bench.reassembler.bytes_in_flight() + bench.reassembler.pool.free_bytes();
            assert!(held <= MAX_BYTES_IN_FLIGHT + (16 << 20), "{} MiB at frame {frame}", held >> 20);
        }
    }
}

#[test]
fn large_frames_of_which_nothing_comes_begin_in_the_same_memory_and_leave_nothing_behind() {
    let (mut bench, t0) = (Bench::new(), t0());
    let header = |frame| Datagram::parse(slab(frame, 300).range(0..1)).unwrap().header;
    let large = Geometry::cut(16 << 20, 1100).unwrap();
    let mut places = std::collections::BTreeSet::new();
    for frame in 0..40 {
        bench.accept_chunk(&header(frame), large, &vec![0xff; large.chunk_bytes()], t0);
        places.extend(bench.reassembler.slots.iter().map(Slot::place));
    }
    assert_eq!(places.len(), 2, "so many have room at a time");
    let longer = Geometry::cut(5000, 104).unwrap();
    for frame in 40..55 {
        bench.accept_chunk(&header(frame), longer, &vec![0xff; longer.chunk_bytes()], t0);
    }
    let slab = slab(55, 300);
    let frames = (0..slab.len()).filter_map(|at| bench.accept(slab.range(at..at + 1), t0).1);
    assert_eq!(frames.map(|whole| whole.frame.jpeg.to_vec()).collect::<Vec<_>>(), [vec![55; 300]]);
}

#[test]
fn contradictions_are_refused_and_the_frame_goes_on() {
    let (mut bench, t0) = (Bench::new(), t0());
    let (true_one, other) = (slab(1, 300), slab(1, 301));
    bench.accept(true_one.range(0..1), t0);
    assert_eq!(bench.accept(other.range(1..2), t0).0, Outcome::Contradictory);
    bench.accept(true_one.range(1..2), t0);
    assert!(bench.accept(true_one.range(2..3), t0).1.is_some());
}

#[test]
fn a_leap_ahead_is_refused_while_the_stream_runs_and_taken_after_a_pause() {
    let (mut bench, t0) = (Bench::new(), t0());
    bench.accept(slab(1, 50).range(0..1), t0);
    assert_eq!(bench.accept(slab(66, 300).range(0..1), t0).0, Outcome::Contradictory);
    assert_eq!(bench.accept(slab(65, 300).range(0..1), t0).0, Outcome::Accepted);
    assert_eq!(bench.accept(slab(100, 300).range(0..1), t0).0, Outcome::Contradictory, "65 was not whole");
    assert_eq!(bench.accept(slab(90_000, 50).range(0..1), t0).0, Outcome::Contradictory);
    assert_eq!(bench.accept(slab(90_000, 50).range(0..1), t0 + PAUSE).0, Outcome::Accepted);
}

#[test]
fn numbers_wrap() {
    let (mut bench, t0) = (Bench::new(), t0());
    for frame in [u32::MAX - 1, u32::MAX, 0, 1] {
        let delivery = bench.accept(slab(frame, 50).range(0..1), t0).1.unwrap();
        assert_eq!((delivery.id.get(), delivery.unseen), (frame, 0));
    }
}

#[test]
fn frames_half_the_range_apart_are_delivered_in_one_direction_and_counted_as_nothing() {
    let t0 = t0();
    for (first, second) in [(0, 1 << 31), (1 << 31, 0), (77, (1 << 31) + 77)] {
        let (mut bench, one, other) = (Bench::new(), slab(first, 300), slab(second, 300));
        for slab in [&one, &other] {
            bench.accept(slab.range(0..1), t0);
        }
        let mut whole = Vec::new();
        for slab in [&one, &other] {
            let delivered = (1..slab.len()).filter_map(|i| bench.accept(slab.range(i..i + 1), t0).1);
            whole.extend(delivered.map(|delivery| (delivery.id.get(), delivery.unseen)));
        }
        assert_eq!((whole, &bench.lost[..]), (vec![(first, 0)], &[(second, LossReason::Superseded)][..]));
    }
}

#[test]
fn what_is_taken_back_begins_anew_and_what_is_older_stays_ended() {
    let (mut bench, t0) = (Bench::new(), t0());
    for frame in [1, 2, 40] {
        assert!(bench.accept(slab(frame, 50).range(0..1), t0).1.is_some());
    }
    bench.accept(slab(50, 300).range(0..1), t0);
    assert_eq!(bench.accept(slab(3, 50).range(0..1), t0).0, Outcome::Late);
    let mut lost = Vec::new();
    bench.reassembler.take_back(FrameId::new(3), t0, |loss| lost.push((loss.frame.get(), loss.reason)));
    assert_eq!(lost, [(50, LossReason::Evicted)]);
    assert_eq!(bench.accept(slab(2, 50).range(0..1), t0).0, Outcome::Late);
    let delivery = bench.accept(slab(3, 50).range(0..1), t0).1.unwrap();
    assert_eq!((delivery.id.get(), delivery.unseen), (3, 0));
}
