//! The receiving end by itself.

use super::super::source_lock::QUIET;
use super::*;
use crate::frame::MediaTime;
use crate::send::Slab;
use crate::t0;
use crate::wire::{self, Header, Hello, Invitation, Pong};

fn frame(session: u64, number: u32, length: usize) -> Vec<Vec<u8>> {
    let mut slab = Slab::default();
    let jpeg = vec![number as u8; length];
    slab.cut(&jpeg, None, SessionId::new(session), FrameId::new(number), MediaTime::default(), 144, |_| 0)
        .unwrap();
    (0..slab.len()).map(|i| slab.range(i..i + 1).to_vec()).collect()
}

fn control(session: u64, kind: wire::Kind, hello: Option<&Hello<'_>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = Header::control(kind, SessionId::new(session), FrameId::new(0), MediaTime::default());
    wire::emit_control(&header, hello, &mut bytes);
    bytes
}

const INVITATION: Invitation =
    Invitation { is_group: false, resends: true, viewers: 1, report_every: Duration::from_millis(250) };

fn drain(stream: &mut RecvStream<u8>, now: Instant) -> Vec<RecvEvent<u8>> {
    let mut events = Vec::new();
    while let RecvOutput::Event(event) = stream.poll(now) {
        events.push(event);
    }
    events
}

#[test]
fn a_session_begins_a_frame_is_delivered_and_both_are_counted() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    for mut datagram in frame(5, 1, 250) {
        assert_eq!(stream.handle_datagram(1, &mut datagram, now), Outcome::Accepted);
    }
    let events = drain(&mut stream, now);
    assert!(matches!(events[0], RecvEvent::Session { source: 1, .. }));
    assert!(matches!(&events[1], RecvEvent::Delivered(d) if d.frame.jpeg.as_slice() == [1; 250]));
    assert_eq!((stream.stats().delivered, stream.stats().datagrams.accepted), (1, 3));
}

#[test]
fn a_restart_never_mixes_with_the_session_before() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let (before, old, new) = (frame(5, 0, 250), frame(5, 1, 250), frame(6, 1, 250));
    for mut datagram in before {
        stream.handle_datagram(1, &mut datagram, now);
    }
    stream.handle_datagram(1, &mut old[0].clone(), now);
    stream.handle_datagram(1, &mut old[1].clone(), now);
    assert_eq!(stream.handle_datagram(1, &mut new[1].clone(), now), Outcome::Foreign, "the old one goes on");
    let now = now + QUIET;
    stream.handle_datagram(1, &mut new[1].clone(), now);
    assert_eq!(stream.handle_datagram(1, &mut old[2].clone(), now), Outcome::Late);
    assert_eq!(stream.stats().lost.evicted, 1);
    stream.handle_datagram(1, &mut new[0].clone(), now);
    stream.handle_datagram(1, &mut new[2].clone(), now);
    assert_eq!(stream.stats().delivered, 2);
}

#[test]
fn a_hello_is_told_when_it_changes_and_a_goodbye_frees_the_place() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let live = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: None,
        interval: None,
        signer: None,
        capture_error: None,
    };
    for _ in 0..3 {
        stream.handle_datagram(1, &mut control(5, wire::Kind::Hello, Some(&live)), now);
    }
    let told = drain(&mut stream, now);
    assert_eq!(told.len(), 2, "a session and one hello: {told:?}");
    assert_eq!(stream.handle_datagram(2, &mut frame(9, 1, 20)[0], now), Outcome::Foreign);
    stream.handle_datagram(1, &mut control(5, wire::Kind::Goodbye, None), now);
    assert!(matches!(stream.poll(now), RecvOutput::Wait(Some(until)) if until == now + QUIET));
    assert_eq!(stream.handle_datagram(2, &mut frame(9, 1, 20)[0], now), Outcome::Foreign, "it may be forged");
    let now = now + QUIET;
    assert_eq!(stream.handle_datagram(2, &mut frame(9, 1, 20)[0], now), Outcome::Accepted);
    assert!(matches!(drain(&mut stream, now)[0], RecvEvent::Goodbye));
}

#[test]
fn the_first_interval_between_frames_is_told_and_not_each_that_the_sender_learns() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let live = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: Some(INVITATION),
        interval: None,
        signer: None,
        capture_error: None,
    };
    for interval in [None, None, Some(33_333), Some(33_334), Some(33_332)] {
        let live = Hello { interval: interval.map(Duration::from_micros), ..live };
        stream.handle_datagram(1, &mut control(5, wire::Kind::Hello, Some(&live)), now);
    }
    let told: Vec<_> = std::iter::from_fn(|| stream.next_event()).collect();
    let [
        RecvEvent::Session { .. },
        RecvEvent::Hello { interval: None, .. },
        RecvEvent::Hello { interval, .. },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(*interval, Some(Duration::from_micros(33_333)));
}

#[test]
fn how_well_capture_times_are_known_is_told_whenever_that_changes() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let live = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: Some(INVITATION),
        interval: None,
        signer: None,
        capture_error: None,
    };
    for error in [None, Some(8300), Some(8300), Some(16_700), None] {
        let live = Hello { capture_error: error.map(Duration::from_micros), ..live };
        stream.handle_datagram(1, &mut control(5, wire::Kind::Hello, Some(&live)), now);
    }
    let told = std::iter::from_fn(|| stream.next_event()).filter_map(|event| match event {
        RecvEvent::Hello { capture_error, .. } => Some(capture_error.map(|error| error.as_micros())),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [None, Some(8300), Some(16_700), None]);
}

#[test]
fn the_name_of_a_sender_is_an_event_as_soon_as_it_is_known_and_before_its_first_frame() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let live = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: None,
        interval: None,
        signer: None,
        capture_error: None,
    };
    stream.handle_datagram(1, &mut control(5, wire::Kind::Hello, Some(&live)), now);
    assert!(drain(&mut stream, now).is_empty());
    for mut datagram in frame(5, 1, 20) {
        stream.handle_datagram(1, &mut datagram, now);
    }
    let told = drain(&mut stream, now);
    let [RecvEvent::Session { .. }, RecvEvent::Hello { name, .. }, RecvEvent::Delivered(_)] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(name, "door");
}

#[test]
fn every_datagram_ends_in_one_counted_way() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let good = frame(5, 1, 250);
    let mut damaged = good[1].clone();
    damaged[60] ^= 1;
    let mut other_version = good[1].clone();
    other_version[2] = 2;
    let sent = [
        (good[0].clone(), Outcome::Accepted),
        (good[0].clone(), Outcome::Duplicate),
        (damaged, Outcome::BadChecksum),
        (b"who are you?".to_vec(), Outcome::Malformed),
        (other_version, Outcome::Unknown),
        (frame(5, 1, 251)[1].clone(), Outcome::Contradictory),
    ];
    for (mut datagram, outcome) in sent {
        assert_eq!(stream.handle_datagram(1, &mut datagram, now), outcome);
    }
    let d = stream.stats().datagrams;
    let sum =
        d.accepted + d.control + d.spare + d.duplicate + d.late + d.foreign + d.malformed + d.bad_checksum;
    assert_eq!((d.received, sum + d.contradictory + d.unknown), (6, 6));
}

/// A hello that says which frame comes next.
fn hello(session: u64, next: u32, sent: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sent = MediaTime::from_micros(sent * 1000);
    let header = Header::control(wire::Kind::Hello, SessionId::new(session), FrameId::new(next), sent);
    wire::emit_control(
        &header,
        Some(&Hello {
            state: SourceState::Live,
            name: "",
            invitation: None,
            interval: None,
            signer: None,
            capture_error: None,
        }),
        &mut bytes,
    );
    bytes
}

#[test]
fn a_goodbye_that_the_session_outlives_changes_nothing() {
    let (mut stream, t0) = (RecvStream::new(RecvConfig::default()), t0());
    let give = |stream: &mut RecvStream<u8>, datagram: &[u8], millis: u64| {
        stream.handle_datagram(1, &mut datagram.to_vec(), t0 + Duration::from_millis(millis))
    };
    for (number, forged) in [(1, false), (2, true), (3, true)] {
        let millis = u64::from(number) * 33;
        let [first, .., last] = &frame(5, number, 250)[..] else { panic!("too few") };
        assert_eq!(give(&mut stream, first, millis), Outcome::Accepted);
        if forged {
            assert_eq!(give(&mut stream, &control(5, wire::Kind::Goodbye, None), millis), Outcome::Control);
        }
        give(&mut stream, &frame(5, number, 250)[1], millis);
        assert_eq!(give(&mut stream, last, millis), Outcome::Accepted);
    }
    give(&mut stream, &hello(5, 4, 200), 200);
    stream.handle_timeout(t0 + Duration::from_secs(1));
    let events = drain(&mut stream, t0 + Duration::from_secs(1));
    assert!(!events.iter().any(|event| matches!(event, RecvEvent::Goodbye)), "{events:?}");
    assert_eq!((stream.stats().delivered, stream.stats().sessions), (3, 1));
    assert_eq!(stream.stats().contested, 2, "the frame after each, or a hello");
}

#[test]
fn frames_that_the_sender_never_sent_keep_its_own_out_for_two_hellos() {
    let (mut stream, t0) = (RecvStream::new(RecvConfig::default()), t0());
    let mut shown = Vec::new();
    for millis in 0..2000_u32 {
        let now = t0 + Duration::from_millis(millis.into());
        let mut datagrams = Vec::new();
        if millis % 200 == 0 {
            datagrams.push(hello(5, millis / 33 + u32::from(millis % 33 > 0), millis.into()));
        }
        if millis % 33 == 0 {
            datagrams.extend(frame(5, millis / 33, 250));
        }
        // One forged frame, a few dozen ahead.
        if millis == 500 {
            datagrams.extend(frame(5, 70, 1));
        }
        let before = stream.stats().delivered;
        for datagram in &mut datagrams {
            stream.handle_datagram(1, datagram, now);
        }
        if stream.stats().delivered > before && millis % 33 == 0 {
            shown.push(millis);
        }
        drain(&mut stream, now);
    }
    let darkness = shown.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!((200..=500).contains(&darkness), "{darkness} ms");
    assert_eq!(stream.stats().contested, 1);
}

/// What it would send now, headers only; how long it would wait then.
fn said(stream: &mut RecvStream<u8>, now: Instant) -> (Vec<Header>, Option<Instant>) {
    let mut said = Vec::new();
    loop {
        match stream.poll(now) {
            RecvOutput::Event(_) => {}
            RecvOutput::Transmit { bytes, .. } => said.push(Datagram::parse(bytes).unwrap().header),
            RecvOutput::Wait(until) => return (said, until),
        }
    }
}

#[test]
fn what_only_waits_to_be_read_is_not_requested() {
    let (mut stream, now) = (RecvStream::new(RecvConfig::default()), t0());
    let report_every = INVITATION.report_every;
    let hello = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: Some(INVITATION),
        interval: None,
        signer: None,
        capture_error: None,
    };
    stream.handle_datagram(1, &mut frame(5, 0, 20)[0], now);
    stream.handle_datagram(1, &mut control(5, wire::Kind::Hello, Some(&hello)), now);
    let (pings, _) = said(&mut stream, now + report_every);
    let header = Header::control(wire::Kind::Pong, SessionId::new(5), FrameId::new(1), MediaTime::default());
    let pong = Pong { token: Token::new(1), asked: pings[0].captured, heard: MediaTime::default() };
    let mut bytes = Vec::new();
    wire::emit_with(&header, &mut bytes, |body| pong.emit(body));
    let now = now + report_every;
    assert_eq!(stream.handle_datagram(1, &mut bytes, now), Outcome::Control);
    stream.handle_datagram(1, &mut frame(5, 1, 250)[0], now);

    // Whoever calls is held up for longer than the rest of the frame takes.
    let later = now + Duration::from_millis(20);
    let requests = |stream: &mut RecvStream<u8>| {
        let (said, until) = said(stream, later);
        assert!(until.is_some_and(|until| until <= later + report_every), "{until:?}");
        (said.iter().filter(|header| header.kind == wire::Kind::Resend).count(), until <= Some(later))
    };
    assert_eq!(requests(&mut stream), (0, true), "the frame is to be looked at once all is read");
    stream.handle_timeout(later);
    assert_eq!(requests(&mut stream).0, 1, "nothing was unread");
}
