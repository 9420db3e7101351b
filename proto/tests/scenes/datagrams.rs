//! Datagrams for the scenes to be made of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::wire::{self, HEADER_BYTES, Header, Hello, Invitation, Kind, SourceState};
use proto::{Clock, Fec, Frame, FrameId, MediaTime, Pace, SendConfig, SendOutput, SendStream, SessionId};

use crate::run::{MEDIA_TIME, kind_of};

pub(crate) const SESSION: u64 = 0x0123_4567_89ab_cdef;
pub(crate) const OTHER: u64 = 0xfeed_feed_feed_feed;
pub(crate) const TOKEN: [u8; 8] = [0xc0, 0xff, 0xee, 0, 0, 0, 0, 1];

/// A frame of five chunks of two bytes.
pub(crate) fn frame(id: u32) -> Vec<u8> {
    (0..10).map(|i| (id as u8).wrapping_mul(31) ^ i).collect()
}

/// The datagrams of `bytes`, cut into chunks of two bytes, with so many parity chunks promised.
pub(crate) fn data(session: u64, id: u32, bytes: &[u8], parity: u16) -> Vec<Vec<u8>> {
    let chunks = bytes.chunks(2).enumerate();
    chunks.map(|(i, chunk)| of_frame(Kind::Data, session, id, i, bytes.len(), parity, chunk)).collect()
}

/// The same, retransmitted.
pub(crate) fn again(id: u32, bytes: &[u8], parity: u16, index: usize) -> Vec<u8> {
    of_frame(Kind::Again, SESSION, id, index, bytes.len(), parity, &bytes[2 * index..2 * index + 2])
}

/// The XOR of the chunks, with a checksum of the frame.
pub(crate) fn xor(session: u64, id: u32, bytes: &[u8], checksum: u32) -> Vec<u8> {
    let mut payload = checksum.to_be_bytes().to_vec();
    payload.extend([0, 1].map(|at| bytes.iter().skip(at).step_by(2).fold(0, |all, byte| all ^ byte)));
    of_frame(Kind::Parity, session, id, bytes.len() / 2, bytes.len(), 1, &payload)
}

pub(crate) fn of_frame(
    kind: Kind,
    session: u64,
    id: u32,
    index: usize,
    length: usize,
    parity: u16,
    payload: &[u8],
) -> Vec<u8> {
    let header = Header {
        kind,
        session: SessionId::new(session),
        frame: FrameId::new(id),
        part: 0,
        parts: 1,
        is_signed: false,
        index: index as u16,
        data_chunks: length.div_ceil(2) as u16,
        parity_chunks: parity,
        length: length as u32,
        captured: MediaTime::from_micros(MEDIA_TIME + 33_000 * u64::from(id)),
    };
    with(&header, payload)
}

/// A hello at `time`, with an invitation to report every so many milliseconds and to send requests, or without.
pub(crate) fn hello(session: u64, next: u32, time: u64, every: Option<u64>) -> Vec<u8> {
    let invitation = every.map(|every| Invitation {
        is_group: false,
        resends: true,
        viewers: 0,
        report_every: Duration::from_millis(every),
    });
    hello_as(
        session,
        next,
        time,
        &Hello {
            state: SourceState::Live,
            name: "bench",
            invitation,
            interval: None,
            signer: None,
            capture_error: None,
        },
    )
}

pub(crate) fn hello_as(session: u64, next: u32, time: u64, hello: &Hello<'_>) -> Vec<u8> {
    let mut datagram = Vec::new();
    wire::emit_control(
        &control(Kind::Hello, session, next, MEDIA_TIME + time, 0),
        Some(hello),
        &mut datagram,
    );
    datagram
}

/// What a sender sends as a header alone.
pub(crate) fn header_only(kind: Kind, session: u64, id: u32, time: u64) -> Vec<u8> {
    with(&control(kind, session, id, MEDIA_TIME + time, 0), &[])
}

/// A pong to what was sent at `asked` on the receiver's clock, heard and answered at `time`.
pub(crate) fn pong(session: u64, next: u32, token: [u8; 8], asked: u64, time: u64) -> Vec<u8> {
    let heard = MEDIA_TIME + time;
    let body = [token, asked.to_be_bytes(), heard.to_be_bytes()].concat();
    with(&control(Kind::Pong, session, next, heard, body.len()), &body)
}

/// What a receiver sends, at `time` of its clock.
pub(crate) fn of_receiver(kind: Kind, session: u64, id: u32, time: u64, body: &[u8]) -> Vec<u8> {
    with(&control(kind, session, id, time, body.len()), body)
}

pub(crate) fn ping(session: u64, token: [u8; 8], time: u64) -> Vec<u8> {
    of_receiver(Kind::Ping, session, 0, time, &[token, [0; 8], [0; 8]].concat())
}

/// A report without trains.
pub(crate) fn report(session: u64, id: u32, token: [u8; 8], counts: [u32; 9], time: u64) -> Vec<u8> {
    let mut body = token.to_vec();
    body.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    body.extend([0; 2]);
    of_receiver(Kind::Report, session, id, time, &body)
}

pub(crate) fn request(id: u32, token: [u8; 8], needed: u16, ranges: &[(u16, u16)], time: u64) -> Vec<u8> {
    let mut body = token.to_vec();
    body.extend(needed.to_be_bytes());
    body.extend((ranges.len() as u16).to_be_bytes());
    body.extend(
        ranges.iter().flat_map(|(first, chunks)| [first.to_be_bytes(), chunks.to_be_bytes()].concat()),
    );
    of_receiver(Kind::Resend, SESSION, id, time, &body)
}

pub(crate) fn subscribe(token: [u8; 8], leaves: bool, time: u64) -> Vec<u8> {
    let mut body = token.to_vec();
    body.push(u8::from(leaves));
    body.resize(16, 0);
    of_receiver(Kind::Subscribe, u64::MAX, 0, time, &body)
}

pub(crate) fn subscribe_reply(token: [u8; 8], status: u8, time: u64) -> Vec<u8> {
    let mut body = token.to_vec();
    body.push(status);
    with(&control(Kind::SubscribeReply, SESSION, 0, MEDIA_TIME + time, body.len()), &body)
}

fn control(kind: Kind, session: u64, id: u32, captured: u64, length: usize) -> Header {
    Header {
        kind,
        session: SessionId::new(session),
        frame: FrameId::new(id),
        part: 0,
        parts: 0,
        is_signed: false,
        index: 0,
        data_chunks: 0,
        parity_chunks: 0,
        length: length as u32,
        captured: MediaTime::from_micros(captured),
    }
}

fn with(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; HEADER_BYTES];
    datagram.extend_from_slice(payload);
    wire::emit(header, &mut datagram);
    datagram
}

/// What a sender sends of frames of its own session: data and Reed-Solomon parity, so many percent.
#[allow(clippy::disallowed_methods, reason = "some instant to count from")]
pub(crate) fn sent(first: u32, frames: &[Vec<u8>], percent: u8) -> Vec<Vec<Vec<u8>>> {
    let now = Instant::now();
    let config = SendConfig {
        datagram_bytes: HEADER_BYTES + 4 + 2,
        pace: Pace::Off,
        fec: Fec::Percent(percent),
        ..SendConfig::new(SessionId::new(SESSION), [7; 16])
    };
    let clock = Clock::new(now, MediaTime::from_micros(MEDIA_TIME));
    let mut sender: SendStream<char> = SendStream::new(config, clock, now);
    sender.set_next_frame(FrameId::new(first));
    let mut trains = Vec::new();
    for (number, jpeg) in frames.iter().enumerate() {
        let captured = MediaTime::from_micros(MEDIA_TIME + 33_000 * number as u64);
        sender.push_frame(Frame { captured, jpeg: Arc::new(jpeg.clone()), signature: None }, now);
        let mut train = Vec::new();
        loop {
            match sender.poll(now) {
                SendOutput::Transmit(transmit) => {
                    train.extend(transmit.bytes.chunks(transmit.segment).map(<[u8]>::to_vec));
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => break,
            }
        }
        train.retain(|datagram| kind_of(datagram) != Some(Kind::Hello));
        trains.push(train);
    }
    trains
}

/// A chunk of a frame of so many parts.
pub(crate) fn of_parts(id: u32, parts: u8) -> Vec<u8> {
    let mut datagram = of_frame(Kind::Data, SESSION, id, 0, 10, 0, &[0; 2]);
    let mut header = wire::Datagram::parse(&datagram).unwrap().header;
    header.parts = parts;
    wire::emit(&header, &mut datagram);
    datagram
}
