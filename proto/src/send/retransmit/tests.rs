//! What is retransmitted to a group, and what that costs.

use super::*;
use crate::frame::MediaTime;
use crate::seq::{FrameId, SessionId};
use crate::t0;
use crate::wire::{self, Body, Datagram, Header, Kind, Token};

/// A frame of so many chunks, all of which have been sent.
fn sent_frames(chunks: usize, planned: usize, now: Instant) -> SentFrames {
    let mut sent_frames = SentFrames::new();
    let sent = sent_frames.begin(PartId::default(), now);
    let jpeg = vec![7; chunks * 100];
    let cut =
        sent.slab
            .cut(&jpeg, None, SessionId::new(1), FrameId::new(0), MediaTime::default(), 144, |_| planned);
    cut.unwrap();
    assert_eq!(sent.slab.len(), chunks);
    sent.begin(1, None, 0..0);
    sent.sent(chunks + planned, now);
    sent_frames
}

fn request(needed: u16, first: usize) -> Vec<u8> {
    let header = Header::control(Kind::Resend, SessionId::new(1), FrameId::new(0), MediaTime::default());
    let mut datagram = Vec::new();
    let ranges = std::iter::once(first..first + usize::from(needed));
    wire::emit_with(&header, &mut datagram, |body| Resend::emit(Token::new(1), needed, ranges, body));
    datagram
}

#[test]
fn one_receiver_is_sent_the_first_that_it_needs_of_those_that_it_names() {
    let now = t0();
    let (mut sent_frames, mut encoder) = (sent_frames(100, 0, now), ParityEncoder::default());
    let (mut retransmitter, mut subscriber) = (Retransmitter::new(false), Budget::new(1, 0));
    let header = Header::control(Kind::Resend, SessionId::new(1), FrameId::new(0), MediaTime::default());
    let mut datagram = Vec::new();
    for (needed, expected) in [(3, vec![3..4, 7..9]), (2, vec![3..4, 7..8]), (9, vec![3..4, 7..10, 90..91])] {
        wire::emit_with(&header, &mut datagram, |body| {
            Resend::emit(Token::new(1), needed, [3..4, 7..10, 90..91].into_iter(), body);
        });
        let Body::Resend(request) = Datagram::parse(&datagram).unwrap().body else { panic!() };
        for _ in 0..2 {
            // What is on its way is not sent twice.
            retransmitter.request(
                &request,
                PartId::default(),
                &mut sent_frames,
                &mut subscriber,
                1 << 40,
                now,
            );
        }
        let mut sent = Vec::new();
        while let Some(repair) =
            retransmitter.next(&mut sent_frames, &mut encoder, 1 << 40, now).map(|r| r.clone())
        {
            sent_frames.find(PartId::default()).unwrap().resent(repair.range.clone());
            retransmitter.taken(repair.range.len());
            sent.push(repair.range);
        }
        assert_eq!(sent, expected);
    }
}

#[test]
fn fresh_parity_is_made_for_many_requests_at_once_and_none_is_sent_twice() {
    for (chunks, planned) in [(1000, 10), (1000, 0), (200, 1), (64, 4), (20, 2)] {
        let now = t0();
        let (mut sent_frames, mut encoder) = (sent_frames(chunks, planned, now), ParityEncoder::default());
        let mut retransmitter = Retransmitter::new(true);
        let (mut made, mut given) = (Vec::new(), planned);
        for moment in 0..chunks as u32 / 10 {
            let now = now + Duration::from_millis(3) * moment;
            // Two that miss different chunks.
            for first in [0, 2] {
                let datagram = request(2, first + moment as usize % 8);
                let Body::Resend(request) = Datagram::parse(&datagram).unwrap().body else { panic!() };
                let mut subscriber = Budget::new(1, 0);
                retransmitter.request(
                    &request,
                    PartId::default(),
                    &mut sent_frames,
                    &mut subscriber,
                    1 << 40,
                    now,
                );
            }
            let now = now + TOGETHER;
            while let Some(repair) =
                retransmitter.next(&mut sent_frames, &mut encoder, 1 << 40, now).map(|repair| repair.clone())
            {
                if repair.what == SlabPart::Parity {
                    assert_eq!(repair.range.start, given, "each is new");
                    given = repair.range.end;
                }
                let sent = sent_frames.find(PartId::default()).unwrap();
                assert!(repair.what == SlabPart::Data || repair.range.end <= sent.slab.parity_made());
                made.push(sent.slab.parity_made());
                retransmitter.taken(repair.range.len());
            }
        }
        made.dedup();
        let passes = (given - planned).div_ceil((chunks / BATCH).max(LEAST_BATCH)) + 1;
        assert!(given > planned && made.len() <= passes, "{chunks} chunks: {made:?}, {given} given");
    }
}
