//! How frames go out, and how they end.

use super::super::output::SendEvent;
use super::super::slab::CutError;
use super::*;
use crate::fec::Fec;
use crate::frame::{Buffer, MediaTime};
use crate::seq::SessionId;
use crate::t0;

fn config(pace: Pace) -> SendConfig {
    let interval = Some(Duration::from_millis(33));
    SendConfig { pace, interval, fec: Fec::Off, ..SendConfig::new(SessionId::new(1), [7; 16]) }
}

fn stream(pace: Pace, now: Instant) -> SendStream<u8> {
    SendStream::new(config(pace), Clock::new(now, MediaTime::default()), now)
}

fn frame(number: u64, bytes: usize) -> Frame {
    Frame {
        captured: MediaTime::from_micros(number),
        jpeg: Buffer::new(vec![number as u8; bytes]),
        signature: None,
    }
}

/// Drains `poll`: (datagrams with a chunk, events, when to call again).
fn drain(stream: &mut SendStream<u8>, now: Instant) -> (usize, Vec<SendEvent>, Option<Instant>) {
    let (mut data, mut events) = (0, Vec::new());
    loop {
        match stream.poll(now) {
            SendOutput::Transmit(transmit) => {
                for bytes in transmit.bytes.chunks(transmit.segment) {
                    data += usize::from(bytes[3] == 1);
                }
            }
            SendOutput::Event(event) => events.push(event),
            SendOutput::Wait(until) => return (data, events, until),
        }
    }
}

#[test]
fn an_unpaced_frame_goes_at_once_and_is_counted() {
    let now = t0();
    let mut stream = stream(Pace::Off, now);
    stream.push_frame(frame(1, 170_000), now);
    let (data, events, _) = drain(&mut stream, now);
    assert_eq!((data, events.len()), (120, 1));
    assert_eq!((stream.stats().sent, stream.stats().data), (1, 120));
}

#[test]
fn parts_go_as_one_frame_while_nobody_has_said_that_it_takes_them() {
    let now = t0();
    let mut stream = stream(Pace::Off, now);
    let whole = frame(1, 170_000);
    for (number, expected) in (0..4).zip([(0, 0), (0, 0), (0, 0), (120, 1)]) {
        let range = usize::from(number) * 42_500..usize::from(number + 1) * 42_500;
        let part = FramePart { part: number, parts: 4, range, ..whole.clone().into() };
        stream.push_part(part, now);
        let (data, events, _) = drain(&mut stream, now);
        assert_eq!((data, events.len()), expected);
    }
}

#[test]
fn a_newer_frame_replaces_the_one_that_waits_and_the_one_going_is_finished() {
    let t0 = t0();
    let mut stream = stream(Pace::Auto, t0);
    let mut now = t0;
    stream.push_frame(frame(1, 170_000), now);
    let (_, _, mut next) = drain(&mut stream, now);
    stream.push_frame(frame(2, 170_000), now);
    stream.push_frame(frame(3, 170_000), now);
    let mut ends = Vec::new();
    while ends.len() < 3 {
        let (_, events, until) = drain(&mut stream, now);
        ends.extend(events);
        next = until.or(next);
        now = next.unwrap();
    }
    assert!(matches!(ends[0], SendEvent::Superseded { captured, .. } if captured.as_micros() == 2));
    assert!(matches!(ends[1], SendEvent::Sent { captured, .. } if captured.as_micros() == 1));
    assert!(matches!(ends[2], SendEvent::Sent { captured, .. } if captured.as_micros() == 3));
}

#[test]
fn frames_captured_at_once_end_each_by_its_number() {
    let t0 = t0();
    let mut stream = stream(Pace::Auto, t0);
    let (mut now, mut ends) = (t0, Vec::new());
    for bytes in [170_000, 170_000, 0, 100] {
        stream.push_frame(frame(7, bytes), now);
        ends.extend(drain(&mut stream, now).1);
    }
    while ends.len() < 4 {
        let (_, events, until) = drain(&mut stream, now);
        ends.extend(events);
        now = until.unwrap_or(now);
    }
    let numbers = ends.iter().map(|end| match *end {
        SendEvent::Sent { number, captured, .. } => (number, captured.as_micros(), true),
        SendEvent::Superseded { number, captured, .. } | SendEvent::Refused { number, captured, .. } => {
            (number, captured.as_micros(), false)
        }
    });
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        [(1, 7, false), (2, 7, false), (0, 7, true), (3, 7, true)],
        "those that waited, then those that went"
    );
}

#[test]
fn a_closed_stream_sends_what_it_has_then_goodbye_then_nothing() {
    let now = t0();
    let mut stream = stream(Pace::Off, now);
    stream.push_frame(frame(1, 100), now);
    stream.close();
    let (data, events, until) = drain(&mut stream, now);
    assert_eq!((data, events.len(), until), (1, 1, None));
    assert!(stream.is_closed());
    assert_eq!(drain(&mut stream, now + HELLO_INTERVAL * 2).0, 0);
}

#[test]
fn an_abandoned_stream_says_goodbye_at_once_and_every_frame_has_ended() {
    let now = t0();
    let mut stream = stream(Pace::Auto, now);
    stream.push_frame(frame(1, 170_000), now);
    let _ = drain(&mut stream, now);
    stream.push_frame(frame(2, 170_000), now);
    stream.close();
    assert!(drain(&mut stream, now).2.is_some() && !stream.is_closed());
    stream.abandon();
    let (data, events, until) = drain(&mut stream, now);
    assert_eq!((data, events.len(), until, stream.is_closed()), (0, 2, None, true));
    assert_eq!((stream.stats().pushed, stream.stats().superseded), (2, 2));
}

#[test]
fn hellos_go_on_without_frames_and_a_change_is_told_at_once() {
    let t0 = t0();
    let mut stream = stream(Pace::Off, t0);
    let said = |stream: &mut SendStream<u8>, now| matches!(stream.poll(now), SendOutput::Transmit(_));
    let ms = Duration::from_millis;
    let at: Vec<u64> = (0..1000).filter(|&at| said(&mut stream, t0 + ms(at))).collect();
    assert_eq!(at, [0, 12, 36, 84, 180, 372, 572, 772, 972], "soon again at first");
    let now = t0 + ms(1000);
    stream.set_state(SourceState::Gone, now);
    assert!(said(&mut stream, now) && !said(&mut stream, now));
    stream.set_interval(ms(33), now);
    assert!(!said(&mut stream, now), "that is known");
    stream.set_interval(ms(40), now);
    stream.push_frame(frame(1, 10), now);
    let SendOutput::Transmit(first) = stream.poll(now) else { panic!("it is told") };
    let told = wire::Datagram::parse(first.bytes).unwrap().body;
    assert!(
        matches!(told, wire::Body::Hello(wire::Hello { interval: Some(apart), .. }) if apart == ms(40)),
        "before the frame: {told:?}"
    );
    assert_eq!(drain(&mut stream, now).0, 1);
    stream.set_capture_error(Some(ms(8)), now);
    let SendOutput::Transmit(told) = stream.poll(now) else { panic!("it is told") };
    let told = wire::Datagram::parse(told.bytes).unwrap().body;
    let error = if let wire::Body::Hello(hello) = told { hello.capture_error } else { None };
    assert_eq!(error, Some(ms(8)), "{told:?}");
    stream.set_capture_error(Some(ms(8)), now);
    assert!(!said(&mut stream, now), "that is known");
}

#[test]
fn a_frame_that_cannot_be_sent_is_refused_and_the_next_one_goes() {
    let now = t0();
    let mut stream = stream(Pace::Off, now);
    stream.push_frame(frame(1, 0), now);
    let (_, events, _) = drain(&mut stream, now);
    assert!(matches!(events[..], [SendEvent::Refused { error: CutError::Empty, .. }]));
    stream.push_frame(frame(2, 10), now);
    assert_eq!(drain(&mut stream, now).0, 1);
}
