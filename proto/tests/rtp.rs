//! What holds of RTP/JPEG for every frame, every order, every loss and every byte from the network.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proto::rtp::{self, RtpRecvConfig, RtpRecvStream, RtpSendConfig, RtpSendStream};
use proto::{Clock, Frame, MediaTime, Outcome, Pace, Random, RecvEvent, SendOutput};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_copies_any_subset_give_the_whole_scan_or_nothing(
        length in 1_usize..20_000,
        datagram_bytes in 300_usize..1473,
        restarts in any::<bool>(),
        copies in vec(0_u8..4, 1..100),
        keep_all in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let now = Instant::now();
        let jpeg = jpeg(length, restarts, seed);
        let packets = packets(&jpeg, datagram_bytes, now);
        let times = |index: usize| usize::from(copies[index % copies.len()]).max(usize::from(keep_all));
        let mut sent: Vec<usize> = (0..packets.len()).flat_map(|i| std::iter::repeat_n(i, times(i))).collect();
        shuffle(&mut sent, seed);
        let whole = (0..packets.len()).all(|index| times(index) > 0);

        let mut receiver = receiver(now);
        for &index in &sent {
            let outcome = receiver.handle_datagram_arrived((), &packets[index], now, now);
            prop_assert!(matches!(outcome, Outcome::Accepted | Outcome::Duplicate | Outcome::Late), "{outcome:?}");
        }
        let delivered = delivered(&mut receiver);
        prop_assert_eq!(delivered.len(), usize::from(whole));
        for got in delivered {
            prop_assert!(got[scan(&got)] == jpeg[scan(&jpeg)], "the scan differs");
            let (before, after) = (proto::jpeg::scan(&jpeg).unwrap(), proto::jpeg::scan(&got).unwrap());
            prop_assert_eq!((before.width, before.height), (after.width, after.height));
            prop_assert_eq!((before.sampling, before.restart_interval), (after.sampling, after.restart_interval));
            prop_assert_eq!(tables(&jpeg), tables(&got));
            prop_assert!(rtp::check(&got).is_ok() && after.has_huffman_tables);
        }
        receiver.handle_timeout(now + Duration::from_secs(60));
        let stats = receiver.stats();
        // A single datagram is not yet a session, unless it is a whole frame.
        let begun = u64::from(whole || sent.len() > 1);
        prop_assert_eq!(stats.delivered + stats.lost.total(), begun, "a frame that began ends once");
    }

    #[test]
    fn no_truncation_and_no_flipped_bits_do_harm(
        length in 1_usize..3000,
        seed in any::<u64>(),
        damage in vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..60),
    ) {
        let now = Instant::now();
        let whole = packets(&jpeg(length, true, seed), 400, now);
        let mut packets = whole.clone();
        for (which, at, cut) in damage {
            let mut packet = which.get(&whole).clone();
            if cut {
                packet.truncate(at.index(packet.len()));
            } else {
                let bit = at.index(packet.len() * 8);
                packet[bit / 8] ^= 1 << (bit % 8);
            }
            packets.push(packet);
        }
        let (mut receiver, mut now) = (receiver(now), now);
        for packet in packets.iter().rev() {
            receiver.handle_datagram_arrived((), packet, now, now);
            now += Duration::from_millis(3);
            receiver.handle_timeout(now);
        }
        adds_up(&receiver)?;
    }

    // As an attacker would who knows the format: few streams, frames and places, so that some belong together.
    #[test]
    fn no_made_up_packets_do_harm(
        headers in vec((any::<[u8; 32]>(), 0_usize..300, any::<bool>()), 1..80),
    ) {
        let (mut now, mut receiver) = (Instant::now(), receiver(Instant::now()));
        for (mut head, length, is_rtcp) in headers {
            head[0] = 0x80 | head[0] & 0x31;
            head[1] = if is_rtcp { 200 + head[1] % 5 } else { head[1] & 0x80 | 26 };
            for (at, mask) in [(2, 0), (3, 31), (4, 0), (5, 0), (6, 0), (7, 3), (8, 0), (9, 0), (10, 0), (11, 1)] {
                head[at] &= mask;
            }
            head[12] = 0;
            head[16] &= 0x41;
            head[17] |= if head[17] > 99 { 0x80 } else { 1 };
            let mut packet = head.to_vec();
            packet.resize(32 + length, 7);
            receiver.handle_datagram_arrived(head[31] & 1, &packet, now, now);
            now += Duration::from_millis(u64::from(head[30] & 15));
            receiver.handle_timeout(now);
        }
        adds_up(&receiver)?;
    }

    #[test]
    fn no_bytes_from_the_network_do_harm(junk in vec(vec(any::<u8>(), 0..200), 1..20)) {
        let now = Instant::now();
        let mut receiver = receiver(now);
        for datagram in junk {
            receiver.handle_datagram_arrived((), &datagram, now, now);
        }
        prop_assert_eq!(receiver.stats().sessions, 0);
    }

    #[test]
    fn no_jpeg_from_a_camera_does_harm(seed in any::<u64>(), damage in vec((any::<Index>(), any::<u8>()), 1..10)) {
        let now = Instant::now();
        let mut jpeg = jpeg(200, true, seed);
        for (at, byte) in damage {
            let at = at.index(jpeg.len());
            jpeg[at] = byte;
        }
        let is_legal = rtp::check(&jpeg).is_ok();
        prop_assert_eq!(packets(&jpeg, 1472, now).len(), usize::from(is_legal));
    }
}

fn receiver<S: Copy + std::fmt::Debug + Eq>(now: Instant) -> RtpRecvStream<S> {
    let clock = Clock::new(now, MediaTime::default());
    RtpRecvStream::new(RtpRecvConfig { deadline: Duration::from_millis(500), clock })
}

fn packets(jpeg: &[u8], datagram_bytes: usize, now: Instant) -> Vec<Vec<u8>> {
    let config = RtpSendConfig {
        ssrc: 1,
        sequence: 65_530,
        timestamp: u32::MAX,
        datagram_bytes,
        overhead_bytes: 66,
        pace: Pace::Off,
        max_bitrate: None,
        reports_to: None,
        name: String::new(),
    };
    let mut sender: RtpSendStream<()> = RtpSendStream::new(config, Clock::new(now, MediaTime::default()));
    sender.push_frame(
        Frame { captured: MediaTime::from_micros(7), jpeg: Arc::new(jpeg.to_vec()), signature: None },
        now,
    );
    let mut packets = Vec::new();
    loop {
        match sender.poll(now) {
            SendOutput::Transmit(transmit) => {
                packets.extend(transmit.bytes.chunks(transmit.segment).map(<[u8]>::to_vec));
            }
            SendOutput::Event(_) => {}
            SendOutput::Wait(_) => return packets,
        }
    }
}

fn delivered<S: Copy + std::fmt::Debug + Eq>(receiver: &mut RtpRecvStream<S>) -> Vec<Arc<Vec<u8>>> {
    let mut delivered = Vec::new();
    while let Some(event) = receiver.next_event() {
        if let RecvEvent::Delivered(delivery) = event {
            delivered.push(delivery.frame.jpeg);
        }
    }
    delivered
}

fn adds_up<S: Copy + std::fmt::Debug + Eq>(receiver: &RtpRecvStream<S>) -> Result<(), TestCaseError> {
    let d = receiver.stats().datagrams;
    let sum =
        d.accepted + d.control + d.spare + d.duplicate + d.late + d.foreign + d.malformed + d.bad_checksum;
    prop_assert_eq!(d.received, sum + d.contradictory + d.unknown);
    Ok(())
}

/// A JPEG in structure only: 640x480, 4:2:2, without Huffman tables.
fn jpeg(length: usize, restarts: bool, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut jpeg = vec![0xff, 0xd8];
    for number in 0..2 {
        jpeg.extend_from_slice(&[0xff, 0xdb, 0, 67, number]);
        let from = jpeg.len();
        jpeg.resize(from + 64, 0);
        random.fill(&mut jpeg[from..]);
    }
    jpeg.extend_from_slice(&[0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128, 3, 1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1]);
    if restarts {
        jpeg.extend_from_slice(&[0xff, 0xdd, 0, 4, 0, 40]);
    }
    jpeg.extend_from_slice(&[0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    let from = jpeg.len();
    jpeg.resize(from + length, 0);
    random.fill(&mut jpeg[from..]);
    // Nothing in it is a marker.
    jpeg[from..].iter_mut().for_each(|byte| *byte &= 0x7f);
    jpeg.extend_from_slice(&[0xff, 0xd9]);
    jpeg
}

fn scan(jpeg: &[u8]) -> Range<usize> {
    let header = [0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0];
    let at = jpeg.windows(header.len()).position(|window| window == header).unwrap();
    at + header.len()..jpeg.len()
}

fn tables(jpeg: &[u8]) -> Vec<&[u8]> {
    let is_table = |at: &usize| jpeg[*at..].starts_with(&[0xff, 0xdb, 0, 67]);
    (0..jpeg.len()).filter(is_table).map(|at| &jpeg[at..at + 69]).collect()
}

fn shuffle(items: &mut [usize], seed: u64) {
    let mut random = Random::new(seed);
    for end in (1..items.len()).rev() {
        items.swap(end, random.below(end as u64 + 1) as usize);
    }
}
