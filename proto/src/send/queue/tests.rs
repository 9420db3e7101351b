use super::*;
use crate::frame::Buffer;
use crate::t0;

const PART_BYTES: usize = 20_000;

type Queue = FrameQueue<&'static str>;

fn queue() -> Queue {
    FrameQueue::new(Some(Duration::from_millis(33)), None)
}

fn part(captured: u64, part: u8, parts: u8) -> FramePart {
    let buffer = Buffer::new(vec![part; PART_BYTES]);
    let captured = MediaTime::from_micros(captured);
    FramePart { captured, part, parts, buffer, range: 0..PART_BYTES, signature: None }
}

fn push(queue: &mut Queue, part: FramePart) {
    queue.push(part, |bytes| bytes, Path { limit: None, free: None }, t0());
}

/// Which parts go next, in how many, if any do.
fn next(queue: &mut Queue, in_parts: bool) -> Option<(Range<usize>, usize)> {
    queue.next_part(|| in_parts, t0()).map(|going| (going.sending(), going.parts()))
}

/// How frames ended, by when they were captured: whether they were sent.
fn ends(queue: &mut Queue) -> Vec<(u64, bool)> {
    let events = std::iter::from_fn(|| queue.next_event());
    let end = |event| match event {
        SendEvent::Sent { captured, .. } => (captured.as_micros(), true),
        SendEvent::Superseded { captured, .. } | SendEvent::Refused { captured, .. } => {
            (captured.as_micros(), false)
        }
    };
    events.map(end).collect()
}

#[test]
fn parts_go_one_after_the_other_as_they_come_and_the_frame_ends_with_the_last() {
    let mut queue = queue();
    push(&mut queue, part(1, 0, 3));
    assert_eq!(next(&mut queue, true), Some((0..1, 3)));
    push(&mut queue, part(1, 1, 3));
    assert_eq!(next(&mut queue, true), None, "the first is going");
    queue.sent(t0());
    assert_eq!(next(&mut queue, true), Some((1..2, 3)));
    queue.sent(t0());
    assert_eq!((next(&mut queue, true), queue.is_going(), queue.is_sending()), (None, true, false));
    // It goes on as it has begun, whoever comes meanwhile, and another frame waits for its end.
    push(&mut queue, part(1, 2, 3));
    assert_eq!(queue.left(), PART_BYTES);
    push(&mut queue, part(2, 0, 3));
    assert_eq!(next(&mut queue, false), Some((2..3, 3)));
    assert_eq!(ends(&mut queue), []);
    queue.sent(t0());
    assert_eq!(ends(&mut queue), [(1, true)]);
    assert_eq!(next(&mut queue, true), Some((0..1, 3)));
}

#[test]
fn where_no_parts_are_taken_or_they_are_small_a_frame_goes_as_one_when_it_is_whole() {
    for (in_parts, bytes) in [(false, PART_BYTES), (true, 500)] {
        let mut queue = queue();
        for number in 0..4 {
            assert_eq!(next(&mut queue, in_parts), None);
            push(&mut queue, FramePart { range: 0..bytes, ..part(1, number, 4) });
        }
        assert_eq!(next(&mut queue, in_parts), Some((0..4, 1)));
        queue.sent(t0());
        assert_eq!(ends(&mut queue), [(1, true)]);
    }
}

#[test]
fn a_frame_that_waits_gives_way_to_a_newer_one_with_all_its_parts() {
    let mut queue = queue();
    push(&mut queue, part(1, 0, 2));
    next(&mut queue, true);
    push(&mut queue, part(1, 1, 2));
    push(&mut queue, part(2, 0, 2));
    push(&mut queue, part(3, 0, 2));
    push(&mut queue, part(2, 1, 2));
    assert_eq!(ends(&mut queue), [(2, false)]);
    queue.sent(t0());
    assert_eq!(next(&mut queue, true), Some((1..2, 2)));
    queue.sent(t0());
    assert_eq!(next(&mut queue, true), Some((0..1, 2)));
    queue.sent(t0());
    assert_eq!(next(&mut queue, true), None, "what came of another is no part of it");
    push(&mut queue, part(3, 1, 2));
    assert_eq!(next(&mut queue, true), Some((1..2, 2)));
    queue.sent(t0());
    assert_eq!(ends(&mut queue), [(1, true), (3, true)]);
}

#[test]
fn a_frame_of_which_the_rest_never_comes_ends_when_the_next_one_begins_or_the_stream_ends() {
    let mut queue = queue();
    push(&mut queue, part(1, 0, 2));
    next(&mut queue, true);
    queue.sent(t0());
    push(&mut queue, part(2, 0, 2));
    assert_eq!(ends(&mut queue), [(1, false)]);
    queue.close();
    assert_eq!((next(&mut queue, false), queue.is_going()), (None, false));
    queue.end();
    assert_eq!(ends(&mut queue), [(2, false)]);
    assert!(queue.is_drained());
    assert_eq!((queue.stats.pushed, queue.stats.superseded), (2, 2));
}

#[test]
fn a_stream_that_is_closed_does_not_wait_for_the_rest_of_a_frame() {
    let mut queue = queue();
    push(&mut queue, part(1, 0, 2));
    next(&mut queue, true);
    queue.sent(t0());
    queue.close();
    assert_eq!((queue.is_going(), ends(&mut queue)), (false, vec![(1, false)]));
}

#[test]
fn a_part_that_cannot_be_sent_ends_its_frame_and_what_follows_it_is_dropped() {
    let mut queue = queue();
    push(&mut queue, part(1, 0, 3));
    next(&mut queue, true);
    queue.sent(t0());
    push(&mut queue, FramePart { range: 0..0, ..part(1, 1, 3) });
    assert_eq!(next(&mut queue, true), Some((1..2, 3)));
    let refused = queue.refuse("without bytes");
    assert!(matches!(refused, Some(SendEvent::Refused { number: 0, error: "without bytes", .. })));
    push(&mut queue, part(1, 2, 3));
    assert_eq!((next(&mut queue, true), queue.is_going(), queue.stats.refused), (None, false, 1));
}
