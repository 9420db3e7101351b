//! How frames go out as packets, and how they end.

use std::sync::Arc;

use super::super::header::{Packet, RtpPicture, Sampling};
use super::super::jfif;
use super::super::quantization::Tables;
use super::super::recv::{RtpRecvConfig, RtpRecvStream};
use super::*;
use crate::frame::MediaTime;
use crate::recv::RecvEvent;
use crate::stats::Outcome;
use crate::t0;

fn stream(pace: Pace, reports_to: Option<u8>, now: Instant) -> RtpSendStream<u8> {
    let config = RtpSendConfig {
        ssrc: 5,
        sequence: 65_500,
        timestamp: 1000,
        datagram_bytes: 1472,
        overhead_bytes: 66,
        pace,
        max_bitrate: None,
        reports_to,
        name: "bench".into(),
    };
    let mut stream = RtpSendStream::new(config, Clock::new(now, MediaTime::default()));
    stream.set_interval(Duration::from_millis(33));
    stream
}

fn frame(number: u64, bytes: usize) -> Frame {
    let picture = RtpPicture {
        sampling: Sampling::Yuv420,
        q: 255,
        width: 1920,
        height: 1080,
        restart_interval: Some(120),
    };
    let mut jpeg = Vec::new();
    jfif::emit(&picture, &Tables::of_quality(80), &mut jpeg);
    jpeg.extend((0..bytes).map(|at| ((at as u64 * 7 + number) % 251) as u8));
    jpeg.extend_from_slice(&jfif::END);
    Frame { captured: MediaTime::from_micros(number * 33_333), jpeg: Arc::new(jpeg), signature: None }
}

/// Drains `poll`: datagrams to everybody, those to somebody, events, and when to call again.
#[derive(Default)]
struct Drained {
    packets: Vec<Vec<u8>>,
    reports: Vec<(u8, Vec<u8>)>,
    events: Vec<SendEvent<Illegal>>,
    until: Option<Instant>,
}

fn drain(stream: &mut RtpSendStream<u8>, now: Instant) -> Drained {
    let mut drained = Drained::default();
    loop {
        match stream.poll(now) {
            SendOutput::Transmit(Transmit { to: Some(to), bytes, .. }) => {
                drained.reports.push((to, bytes.to_vec()))
            }
            SendOutput::Transmit(transmit) => {
                drained.packets.extend(transmit.bytes.chunks(transmit.segment).map(<[u8]>::to_vec));
            }
            SendOutput::Event(event) => drained.events.push(event),
            SendOutput::Wait(until) => {
                drained.until = until;
                return drained;
            }
        }
    }
}

#[test]
fn what_is_sent_is_delivered_with_the_same_data() {
    let now = t0();
    let mut sender = stream(Pace::Off, None, now);
    let config =
        RtpRecvConfig { deadline: Duration::from_millis(500), clock: Clock::new(now, MediaTime::default()) };
    let mut receiver = RtpRecvStream::new(config);
    for number in 0..3 {
        let frame = frame(number, 170_000);
        sender.push_frame(frame.clone(), now);
        let Drained { packets, events, .. } = drain(&mut sender, now);
        assert!(matches!(events[..], [SendEvent::Sent { captured, .. }] if captured == frame.captured));
        for packet in &packets {
            assert!(packet.len() <= 1472);
            assert_eq!(receiver.handle_datagram_arrived((), packet, now, now), Outcome::Accepted);
        }
        let delivered = std::iter::from_fn(|| receiver.next_event()).find_map(|event| match event {
            RecvEvent::Delivered(delivery) => Some(delivery),
            _ => None,
        });
        // The headers are those that this crate makes, so that all bytes are the same.
        let delivered = delivered.unwrap().frame;
        assert!(delivered.jpeg == frame.jpeg, "the bytes differ");
        // A tick is 11 microseconds.
        assert!(frame.captured.micros_since(delivered.captured).abs() <= 12, "{:?}", delivered.captured);
    }
    assert_eq!((sender.stats().sent, sender.stats().data), (3, receiver.stats().datagrams.accepted));
}

#[test]
fn a_frame_is_paced_like_any_other_and_a_newer_one_replaces_the_one_that_waits() {
    let t0 = t0();
    let mut sender = stream(Pace::Rate(50e6), None, t0);
    sender.push_frame(frame(1, 170_000), t0);
    let (mut now, mut sent, mut ends) = (t0, 0, Vec::new());
    while ends.is_empty() {
        let Drained { packets, events, until, .. } = drain(&mut sender, now);
        assert!(packets.len() <= 3, "a group of 500 microseconds has 2 packets");
        sent += packets.len();
        ends.extend(events);
        now = until.unwrap_or(now);
    }
    // 119 packets of 1538 bytes on the wire at 50 Mbit/s.
    let took = (now - t0).as_secs_f64();
    assert!(sent == 118 && (0.028..0.030).contains(&took), "{sent} packets took {took} s");

    let mut sender = stream(Pace::Auto, None, t0);
    for number in 1..=3 {
        sender.push_frame(frame(number, 100), t0);
    }
    let ends = drain(&mut sender, t0).events;
    assert!(matches!(ends[0], SendEvent::Superseded { captured, .. } if captured.as_micros() == 33_333));
    assert!(matches!(ends[2], SendEvent::Sent { captured, .. } if captured.as_micros() == 99_999));
    assert_eq!((sender.stats().pushed, sender.stats().superseded, sender.stats().sent), (3, 2, 1));
}

#[test]
fn what_cannot_be_carried_is_refused_and_the_next_frame_goes() {
    let now = t0();
    let mut sender = stream(Pace::Off, None, now);
    let mut wrong = frame(1, 100);
    let at = wrong.jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    Arc::get_mut(&mut wrong.jpeg).unwrap()[at + 6] += 1;
    sender.push_frame(wrong, now);
    let refusal = Illegal::Size { width: 1920, height: 1081 };
    let events = drain(&mut sender, now).events;
    assert!(matches!(events[..], [SendEvent::Refused { error: why, .. }] if why == refusal));
    sender.push_frame(frame(2, 100), now);
    let packet = drain(&mut sender, now).packets.remove(0);
    let packet = Packet::parse(&packet).unwrap();
    assert_eq!((packet.rtp.sequence, packet.rtp.timestamp, packet.rtp.ssrc), (65_500, 1000 + 5999, 5));
    assert_eq!((sender.stats().refused, sender.stats().sent), (1, 1));
}

#[test]
fn reports_follow_the_first_frame_now_and_then_and_a_goodbye_ends_the_stream() {
    let t0 = t0();
    let mut sender = stream(Pace::Off, Some(9), t0);
    assert_eq!(drain(&mut sender, t0).until, None);
    sender.push_frame(frame(1, 5000), t0);
    let drained = drain(&mut sender, t0);
    assert_eq!((drained.packets.len(), drained.reports.len()), (4, 0));
    for after in [500, 5500, 10_500] {
        let at = t0 + Duration::from_millis(after);
        assert!(drain(&mut sender, at - Duration::from_millis(1)).reports.is_empty());
        let (to, report) = drain(&mut sender, at).reports.remove(0);
        assert_eq!((to, report[1], report[20..28].to_vec()), (9, 200, vec![0, 0, 0, 4, 0, 0, 0x13, 0x88]));
    }
    sender.push_frame(frame(2, 5000), t0 + Duration::from_secs(11));
    sender.close();
    let drained = drain(&mut sender, t0 + Duration::from_secs(11));
    assert_eq!((drained.packets.len(), drained.events.len(), drained.until), (4, 1, None));
    assert!(drained.reports[0].1.ends_with(&[0x81, 203, 0, 1, 0, 0, 0, 5]) && sender.is_closed());
}

#[test]
fn an_abandoned_stream_says_goodbye_at_once_and_every_frame_has_ended() {
    let now = t0();
    let mut sender = stream(Pace::Rate(1e6), Some(9), now);
    sender.push_frame(frame(1, 170_000), now);
    let _ = drain(&mut sender, now);
    sender.abandon();
    let drained = drain(&mut sender, now);
    assert_eq!((drained.packets.len(), drained.reports.len(), drained.events.len()), (0, 1, 1));
    assert!(sender.is_closed() && sender.stats().superseded == 1);
}
