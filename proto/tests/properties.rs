//! What holds for every frame, every order, every loss and every byte from the network.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use proptest::array::uniform;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proto::netem::{Bottleneck, Burst, Chance, Impairment};
use proto::wire::{Body, Datagram};
use proto::{
    FrameId, Geometry, MAX_CHUNKS, MAX_FRAME_BYTES, MediaTime, Outcome, Random, RecvConfig, RecvEvent,
    RecvOutput, RecvStream, SessionId, Slab,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_copies_any_subset_give_the_whole_frame_or_none(
        length in 1_usize..20_000,
        datagram_bytes in 46_usize..1473,
        copies in vec(0_u8..4, 1..600),
        keep_all in any::<bool>(),
        signature in option::of(uniform::<_, 64>(any::<u8>())),
        seed in any::<u64>(),
    ) {
        let mut jpeg = vec![0; length];
        Random::new(seed).fill(&mut jpeg);
        let mut slab = Slab::default();
        let (session, id) = (SessionId::new(1), FrameId::new(9));
        prop_assume!(slab.cut(&jpeg, signature.as_ref(), session, id, MediaTime::from_micros(5), datagram_bytes, |_| 0).is_ok());

        let times = |index: usize| usize::from(copies[index % copies.len()]).max(usize::from(keep_all));
        let mut sent: Vec<usize> = (0..slab.len()).flat_map(|i| std::iter::repeat_n(i, times(i))).collect();
        shuffle(&mut sent, seed);
        let whole = (0..slab.len()).all(|index| times(index) > 0);

        let now = Instant::now();
        let mut stream = RecvStream::new(RecvConfig::default());
        for &index in &sent {
            let mut datagram = slab.range(index..index + 1).to_vec();
            let outcome = stream.handle_datagram((), &mut datagram, now);
            prop_assert!(matches!(outcome, Outcome::Accepted | Outcome::Duplicate | Outcome::Late), "{outcome:?}");
        }
        let mut delivered = Vec::new();
        while let RecvOutput::Event(event) = stream.poll(now) {
            if let RecvEvent::Delivered(delivery) = event {
                delivered.push(delivery);
            }
        }
        prop_assert_eq!(delivered.len(), usize::from(whole));
        for delivery in delivered {
            prop_assert!(*delivery.frame.jpeg == jpeg, "the bytes differ");
            prop_assert_eq!((delivery.id, delivery.frame.captured.as_micros()), (id, 5));
            prop_assert!(delivery.frame.signature == signature, "the signature differs");
        }
        stream.handle_timeout(now + Duration::from_secs(60));
        let stats = stream.stats();
        // A single datagram is not yet a session, unless it is a whole frame.
        let begun = u64::from(whole || sent.len() > 1);
        prop_assert_eq!(stats.delivered + stats.lost.total(), begun, "a frame that began ends once");
    }

    #[test]
    fn no_bytes_from_the_network_do_harm(
        junk in vec(vec(any::<u8>(), 0..200), 1..20),
        marked in any::<bool>(),
    ) {
        let now = Instant::now();
        let mut stream = RecvStream::new(RecvConfig::default());
        for mut datagram in junk {
            if marked && datagram.len() > 3 {
                datagram[..3].copy_from_slice(b"Ck\x01");
            }
            let outcome = stream.handle_datagram((), &mut datagram, now);
            prop_assert!(matches!(outcome, Outcome::Malformed | Outcome::BadChecksum | Outcome::Unknown), "{outcome:?}");
        }
        prop_assert_eq!(stream.stats().sessions, 0);
    }

    // As an attacker would: whatever the fields say, the checksum is right.
    #[test]
    fn no_sealed_header_does_harm(
        headers in vec((any::<[u8; 36]>(), 0_u8..16, 0_u32..12, vec(any::<u8>(), 0..64)), 1..40),
    ) {
        let (mut now, mut stream) = (Instant::now(), RecvStream::new(RecvConfig::default()));
        for (mut head, kind, length, payload) in headers {
            // Few kinds, sessions, frames and sizes, so that some belong together.
            head[..4].copy_from_slice(&[b'C', b'k', 1, KINDS[usize::from(kind)]]);
            for (byte, mask) in head[4..].iter_mut().zip(FEW) {
                *byte &= mask;
            }
            head[24..28].copy_from_slice(&length.to_be_bytes());
            let mut datagram = head.to_vec();
            datagram.extend_from_slice(&crc32(&[&head, &payload]).to_be_bytes());
            datagram.extend_from_slice(&payload);
            stream.handle_datagram(head[35], &mut datagram, now);
            now += Duration::from_millis(u64::from(length) * 10);
            stream.handle_timeout(now);
        }
        while !matches!(stream.poll(now), RecvOutput::Wait(_)) {}
        let d = stream.stats().datagrams;
        let sum = d.accepted + d.control + d.spare + d.duplicate + d.late + d.foreign + d.malformed + d.bad_checksum;
        prop_assert_eq!(d.received, sum + d.contradictory + d.unknown);
        prop_assert_eq!(d.bad_checksum, 0);
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused(
        jpeg in vec(any::<u8>(), 1..400),
        datagram_bytes in 60_usize..500,
        which in any::<Index>(),
    ) {
        let mut slab = Slab::default();
        slab.cut(&jpeg, None, SessionId::new(1), FrameId::new(2), MediaTime::from_micros(3), datagram_bytes, |_| 0)
            .unwrap();
        let at = which.index(slab.len());
        let mut datagram = slab.range(at..at + 1).to_vec();
        prop_assert!(Datagram::parse(&datagram).is_ok());
        for length in 0..datagram.len() {
            prop_assert!(Datagram::parse(&datagram[..length]).is_err(), "cut to {length}");
        }
        for bit in 0..datagram.len() * 8 {
            datagram[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Datagram::parse(&datagram).is_err(), "bit {bit} flipped");
            datagram[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn chunks_cover_the_frame_and_their_place_is_computed(
        length in 1_usize..=MAX_FRAME_BYTES,
        largest in 2_usize..9000,
    ) {
        let Some(geometry) = Geometry::cut(length, largest) else {
            prop_assert!(length.div_ceil(largest & !1) > MAX_CHUNKS);
            return Ok(());
        };
        prop_assert_eq!(Geometry::checked(length as u32, geometry.chunks() as u16), Some(geometry));
        prop_assert!(geometry.chunk_bytes() <= largest && geometry.chunk_bytes().is_multiple_of(2));
        let (first, last) = (geometry.range(0), geometry.range(geometry.chunks() - 1));
        prop_assert_eq!((first.start, last.end), (0, length));
        prop_assert!(!last.is_empty() && last.len() <= geometry.chunk_bytes());
        for index in 1..geometry.chunks() {
            prop_assert_eq!(geometry.range(index - 1).end, geometry.range(index).start);
        }
    }

    #[test]
    fn a_slab_holds_the_frame_in_datagrams_of_the_size_asked_for(
        length in 1_usize..60_000,
        datagram_bytes in 46_usize..9000,
    ) {
        let mut jpeg = vec![0; length];
        Random::new(length as u64).fill(&mut jpeg);
        let mut slab = Slab::default();
        prop_assume!(
            slab.cut(&jpeg, None, SessionId::new(1), FrameId::new(2), MediaTime::default(), datagram_bytes, |_| 0).is_ok()
        );
        let mut found = Vec::with_capacity(length);
        for index in 0..slab.len() {
            let bytes = slab.range(index..index + 1);
            prop_assert!(bytes.len() <= datagram_bytes);
            prop_assert!(bytes.len() == slab.stride() || index + 1 == slab.len());
            let Body::Data { chunk, .. } = Datagram::parse(bytes).unwrap().body else { panic!("not data") };
            found.extend_from_slice(chunk);
        }
        prop_assert!(found == jpeg, "the bytes differ");
    }

    #[test]
    fn an_impairment_reads_back_as_it_was_printed(impairment in impairments()) {
        prop_assert_eq!(impairment.to_string().parse(), Ok(impairment));
    }

    #[test]
    fn no_text_breaks_the_impairment_parser(text in "[a-z=,%/.0-9 ]{0,60}|.{0,40}") {
        if let Ok(impairment) = text.parse::<Impairment>() {
            prop_assert_eq!(impairment.to_string().parse(), Ok(impairment));
        }
    }
}

/// Mostly chunks.
const KINDS: [u8; 16] = [1, 1, 1, 1, 1, 10, 2, 2, 3, 4, 5, 6, 7, 8, 9, 200];
/// Which bits of a header's bytes from 4 on may be set.
const FEW: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 3, // session
    0, 0, 0, 7, // frame
    0, 1, 0, 3, // part, parts, index
    0, 3, 0, 1, // data chunks, parity chunks
    0, 0, 0, 0, // length: see there
    0, 0, 0, 0, 0, 0, 0, 1, // captured
];

fn impairments() -> impl Strategy<Value = Impairment> {
    let chance = || (0_u32..=1_000_000).prop_map(Chance::from_millionths);
    let time = || (0_u64..=60_000_000).prop_map(Duration::from_micros);
    let burst = (1_u32..5000, 0_u32..5000).prop_map(|(length, more)| Burst { length, every: length + more });
    let bottleneck =
        (1_u64..=1_000_000_000_000, 0_u64..=1 << 30).prop_map(|(rate, queue)| Bottleneck { rate, queue });
    let chances = (chance(), chance(), chance(), chance());
    let times = (time(), time(), time());
    (chances, times, option::of(burst), option::of(bottleneck), any::<u64>()).prop_map(
        |((loss, reorder, duplicate, corrupt), (delay, jitter, hold), burst, bottleneck, seed)| Impairment {
            loss,
            burst,
            delay,
            jitter,
            reorder,
            hold,
            duplicate,
            corrupt,
            bottleneck,
            seed,
        },
    )
}

fn shuffle(items: &mut [usize], seed: u64) {
    let mut random = Random::new(seed);
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last as u64 + 1) as usize);
    }
}

// Bit by bit, so that the library's own is checked against something else.
fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
