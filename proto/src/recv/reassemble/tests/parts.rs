//! Frames of several parts.

use super::*;
use crate::frame::MAX_PARTS;
use crate::random::Random;
use crate::send::PartHead;

/// The bytes of a part of a frame.
fn bytes(frame: u32, part: u8) -> Vec<u8> {
    (0..350_u32).map(|at| (at * 7 + frame * 31 + u32::from(part) * 13) as u8).collect()
}

/// Its datagrams: four with data.
fn part(frame: u32, part: u8, parts: u8) -> Vec<Vec<u8>> {
    let mut slab = Slab::default();
    let head = PartHead {
        session: SessionId::new(1),
        id: PartId { frame: FrameId::new(frame), part },
        parts,
        captured: MediaTime::from_micros(frame.into()),
    };
    slab.cut_part(std::iter::once(&bytes(frame, part)[..]), None, head, 144, |_| 0).unwrap();
    (0..slab.len()).map(|at| slab.range(at..at + 1).to_vec()).collect()
}

fn frame(number: u32, parts: u8) -> Vec<Vec<u8>> {
    (0..parts).flat_map(|number_of| part(number, number_of, parts)).collect()
}

impl Bench {
    fn take(&mut self, datagram: &[u8], now: Instant) -> Accepted {
        let Datagram { header, body } = Datagram::parse(datagram).unwrap();
        let Body::Data { geometry, chunk, .. } = body else { panic!("not data") };
        self.accept_chunk(&header, geometry, chunk, now)
    }
}

#[test]
fn the_chunks_of_all_parts_in_any_order_make_the_frame_and_each_part_is_told_when_it_is_whole() {
    let (mut random, t0) = (Random::new(7), t0());
    for round in 0..50 {
        let parts = 1 + random.below(MAX_PARTS as u64) as u8;
        let (mut bench, mut datagrams) = (Bench::new(), frame(3, parts));
        for at in (1..datagrams.len()).rev() {
            datagrams.swap(at, random.below(at as u64 + 1) as usize);
        }
        let (mut told, mut delivered) = (Vec::new(), Vec::new());
        for datagram in &datagrams {
            let accepted = bench.take(datagram, t0);
            assert_eq!(accepted.outcome, Outcome::Accepted);
            if let Some(part) = accepted.part {
                assert_eq!((part.bytes.as_slice(), part.parts), (&bytes(3, part.id.part)[..], parts));
                told.push(part.id.part);
            }
            delivered.extend(accepted.delivery);
        }
        let whole: Vec<u8> = (0..parts).flat_map(|part| bytes(3, part)).collect();
        assert!(delivered.len() == 1 && *delivered[0].frame.jpeg == whole, "round {round}");
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), usize::from(parts) - 1, "the last one is told with the frame");
        assert!(bench.reassembler.slots().is_empty() && bench.lost.is_empty());
        assert_eq!(bench.take(&datagrams[0], t0).outcome, Outcome::Late);
    }
}

#[test]
fn a_part_waits_for_those_before_it_and_a_newer_frame_ends_all_of_them_once() {
    let (mut bench, t0) = (Bench::new(), t0());
    let one = frame(1, 4);
    // Two whole parts, a begun one, and nothing of the last.
    for datagram in one[..8].iter().chain(&one[9..11]) {
        bench.take(datagram, t0);
    }
    assert_eq!(bench.reassembler.slots().len(), 3);
    for datagram in frame(2, 2) {
        bench.take(&datagram, t0);
    }
    assert_eq!(bench.lost, [(1, LossReason::Superseded)]);
    for datagram in &one {
        assert_eq!(bench.take(datagram, t0).outcome, Outcome::Late);
    }
    assert!(bench.reassembler.slots().is_empty());
}

#[test]
fn a_frame_is_given_up_when_its_first_part_has_waited_too_long_with_what_is_missing_of_all() {
    let (mut bench, t0) = (Bench::new(), t0());
    let one = frame(1, 3);
    one[..4].iter().for_each(|datagram| drop(bench.take(datagram, t0)));
    let later = t0 + DEADLINE / 2;
    one[4..6].iter().for_each(|datagram| drop(bench.take(datagram, later)));
    let mut lost = Vec::new();
    bench.reassembler.handle_timeout(t0 + DEADLINE, |loss| lost.push(loss));
    let (frame, reason) = (FrameId::new(1), LossReason::Deadline);
    assert_eq!(lost, [Loss { frame, missing: 3, chunks: 9, reason }], "one of the part that never came");
}

#[test]
fn no_frame_is_made_of_parts_of_two() {
    let (mut bench, t0) = (Bench::new(), t0());
    bench.take(&part(1, 0, 3)[0], t0);
    // Of another number of parts, and captured at another time.
    assert_eq!(bench.take(&part(1, 1, 4)[0], t0).outcome, Outcome::Contradictory);
    let other = part(2, 1, 3);
    let Datagram { header, body } = Datagram::parse(&other[0]).unwrap();
    let Body::Data { geometry, chunk, .. } = body else { panic!("not data") };
    let header = Header { frame: FrameId::new(1), ..header };
    assert_eq!(bench.accept_chunk(&header, geometry, chunk, t0).outcome, Outcome::Contradictory);
    let own = [&part(1, 0, 3)[1..], &part(1, 1, 3), &part(1, 2, 3)].concat();
    let delivered: Vec<_> = own.iter().filter_map(|datagram| bench.take(datagram, t0).delivery).collect();
    assert_eq!(delivered.len(), 1);
}

#[test]
fn frames_are_counted_and_not_parts_and_a_frame_is_no_larger_than_one_may_be() {
    let (mut bench, t0) = (Bench::new(), t0());
    for number in 0..MAX_FRAMES_IN_FLIGHT as u32 {
        (0..8).for_each(|of| drop(bench.take(&part(number, of, 8)[0], t0)));
    }
    assert_eq!((bench.reassembler.slots().len(), bench.lost.len()), (8 * MAX_FRAMES_IN_FLIGHT, 0));
    bench.take(&part(99, 0, 8)[0], t0 + PAUSE);
    assert_eq!(bench.lost, [(0, LossReason::Evicted)]);

    let mut bench = Bench::new();
    let large = Geometry::cut(9 << 20, 1100).unwrap();
    let chunk = vec![0; large.chunk_bytes()];
    let header = |of| Datagram::parse(&part(1, of, 8)[0]).unwrap().header;
    let outcomes = [0, 1, 2].map(|of| bench.accept_chunk(&header(of), large, &chunk, t0).outcome);
    assert_eq!(outcomes, [Outcome::Accepted, Outcome::Contradictory, Outcome::Contradictory]);
}
