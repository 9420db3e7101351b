//! What comes of packets in every order, and of packets that lie.

use super::super::content::Content;
use super::super::header::{Rtp, RtpPicture, Sampling};
use super::super::jfif;
use super::super::quantization::Tables;
use super::super::slab::PacketSlab;
use super::*;
use crate::frame::MediaTime;
use crate::recv::MAX_BYTES_IN_FLIGHT;
use crate::stats::{LossReason, NotTaken};
use crate::t0;

const PICTURE: RtpPicture =
    RtpPicture { sampling: Sampling::Yuv420, q: 255, width: 640, height: 480, restart_interval: None };
/// Timestamps are so far apart.
const STEP: u32 = 3000;

struct Bench {
    stream: RtpRecvStream<u8>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = t0();
        let clock = Clock::new(now, MediaTime::from_micros(9_000_000));
        let config = RtpRecvConfig { deadline: Duration::from_millis(500), clock };
        Self { stream: RtpRecvStream::new(config), now }
    }

    fn give(&mut self, packet: &[u8]) -> Outcome {
        self.give_from(1, packet)
    }

    fn give_all(&mut self, packets: &[Vec<u8>]) {
        for packet in packets {
            self.give(packet);
        }
    }

    fn give_from(&mut self, source: u8, packet: &[u8]) -> Outcome {
        self.stream.handle_datagram_arrived(source, packet, self.now, self.now)
    }

    fn after(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self.stream.handle_timeout(self.now);
        self
    }

    fn events(&mut self) -> Vec<RecvEvent<u8>> {
        std::iter::from_fn(|| self.stream.next_event()).collect()
    }

    fn delivered(&mut self) -> Vec<Delivery> {
        let delivered =
            |event| if let RecvEvent::Delivered(delivery) = event { Some(delivery) } else { None };
        self.events().into_iter().filter_map(delivered).collect()
    }

    fn losses(&mut self) -> Vec<(u32, u16, LossReason)> {
        let lost = |event| {
            if let RecvEvent::Lost(loss) = event {
                Some((loss.frame.get(), loss.missing, loss.reason))
            } else {
                None
            }
        };
        self.events().into_iter().filter_map(lost).collect()
    }
}

fn data(number: u32, length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at as u32 * 7 + number) % 251) as u8).collect()
}

/// Three packets: frame `number` of source `ssrc`, whose packets are counted from 0.
fn frame(ssrc: u32, number: u32, picture: RtpPicture) -> Vec<Vec<u8>> {
    packets(ssrc, number * STEP, (number * 3) as u16, picture, &data(number, 500))
}

fn packets(ssrc: u32, timestamp: u32, sequence: u16, picture: RtpPicture, data: &[u8]) -> Vec<Vec<u8>> {
    let mut slab = PacketSlab::default();
    let first = Rtp { marker: false, sequence, timestamp, ssrc };
    slab.cut(&Content { picture, tables: Tables::of_quality(80), data }, first, 260);
    (0..slab.len()).map(|at| slab.range(at..at + 1).to_vec()).collect()
}

/// The file that a receiver makes of that frame.
fn file(number: u32, picture: RtpPicture, tables: &Tables) -> Vec<u8> {
    let mut file = Vec::new();
    jfif::emit(&picture, tables, &mut file);
    file.extend_from_slice(&data(number, 500));
    file.extend_from_slice(&jfif::END);
    file
}

#[test]
fn a_frame_is_delivered_whatever_the_order_of_its_packets() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let mut bench = Bench::new();
    for (number, order) in orders.into_iter().enumerate() {
        let number = number as u32;
        let packets = frame(7, number, PICTURE);
        assert_eq!(packets.len(), 3);
        for (nth, at) in order.into_iter().enumerate() {
            assert!(bench.delivered().is_empty());
            assert_eq!(bench.give(&packets[at]), Outcome::Accepted);
            let again = if nth == 2 { Outcome::Late } else { Outcome::Duplicate };
            if nth < 2 {
                assert_eq!(bench.give(&packets[at]), again);
            }
        }
        let delivered = bench.delivered();
        assert_eq!(*delivered[0].frame.jpeg, file(number, PICTURE, &Tables::of_quality(80)), "{order:?}");
        assert_eq!((delivered[0].id.get(), delivered[0].unseen), (number + 1, 0));
        assert_eq!(bench.give(&packets[0]), Outcome::Late);
    }
    let stats = bench.stream.stats();
    assert_eq!((stats.delivered, stats.lost.total(), stats.unseen), (6, 0, 0));
    assert_eq!((stats.repair.arrived, stats.repair.missing), (18, 0));
}

#[test]
fn captures_are_as_far_apart_as_timestamps_and_begin_with_the_arrival() {
    let mut bench = Bench::new();
    for (number, millis) in [(0, 0), (1, 60), (2, 5)] {
        bench.after(millis);
        bench.give_all(&frame(7, number, PICTURE));
    }
    let captured: Vec<_> = bench.delivered().iter().map(|d| d.frame.captured.as_micros()).collect();
    assert_eq!(captured, [9_000_000, 9_033_333, 9_066_666]);
}

#[test]
fn headers_are_made_of_what_the_quality_stands_for() {
    let mut bench = Bench::new();
    let by_formula = RtpPicture { q: 40, sampling: Sampling::Yuv422, restart_interval: Some(9), ..PICTURE };
    bench.give_all(&frame(7, 0, by_formula));
    assert_eq!(*bench.delivered()[0].frame.jpeg, file(0, by_formula, &Tables::of_quality(40)));

    // What stands for tables that came with an earlier frame.
    let by_name = RtpPicture { q: 200, ..PICTURE };
    bench.give_all(&frame(7, 1, by_name));
    let mut second = frame(7, 2, by_name);
    let first = &mut second[0];
    first.drain(24..24 + 128);
    first[22..24].fill(0);
    // And a quality whose tables nobody has sent.
    let mut third = second.clone();
    for packet in &mut second {
        assert_eq!(bench.give(packet), Outcome::Accepted);
    }
    assert_eq!(*bench.delivered()[1].frame.jpeg, file(2, by_name, &Tables::of_quality(80)));
    for (nth, packet) in third.iter_mut().enumerate() {
        packet[3] += 3;
        packet[4..8].copy_from_slice(&(3 * STEP).to_be_bytes());
        packet[17] = 201;
        assert_eq!(bench.give(packet), if nth == 0 { Outcome::Unknown } else { Outcome::Accepted });
    }
    assert_eq!(bench.after(500).losses(), [(4, 1, LossReason::Deadline)]);
}

#[test]
fn wide_tables_and_an_end_marker_that_was_left_on_are_kept() {
    let mut bench = Bench::new();
    let wide = [1, 2].repeat(64);
    let tables = Tables::new([&wide, &wide]).unwrap();
    let data = [&data(0, 300)[..], &jfif::END].concat();
    let mut slab = PacketSlab::default();
    let first = Rtp { marker: false, sequence: 0, timestamp: 0, ssrc: 1 };
    slab.cut(&Content { picture: PICTURE, tables, data: &data }, first, 400);
    for at in 0..slab.len() {
        assert_eq!(bench.give(slab.range(at..at + 1)), Outcome::Accepted);
    }
    let mut file = Vec::new();
    jfif::emit(&PICTURE, &tables, &mut file);
    file.extend_from_slice(&data);
    assert_eq!(*bench.delivered()[0].frame.jpeg, file);
}

#[test]
fn what_is_lost_has_a_name_and_nothing_incomplete_is_delivered() {
    let mut bench = Bench::new();
    let give = |bench: &mut Bench, number, which: &[usize]| {
        let packets = frame(7, number, PICTURE);
        for &at in which {
            bench.give(&packets[at]);
        }
    };
    give(&mut bench, 0, &[0, 1, 2]);
    give(&mut bench, 1, &[0, 1, 2]);
    give(&mut bench, 2, &[0, 2]);
    give(&mut bench, 3, &[1, 2]);
    // Of frames 4 and 5 nothing arrives, and a newer one is whole before the end of frame 3.
    give(&mut bench, 6, &[0, 1, 2]);
    assert_eq!(bench.losses(), [(3, 1, LossReason::Superseded), (4, 1, LossReason::Superseded)]);
    let stats = bench.stream.stats();
    assert_eq!((stats.delivered, stats.lost.superseded, stats.unseen), (3, 2, 2));
    assert_eq!((stats.repair.arrived, stats.repair.missing), (13, 8));
    give(&mut bench, 7, &[0, 1]);
    bench.after(499);
    assert!(bench.losses().is_empty());
    assert_eq!(bench.after(1).losses(), [(8, 1, LossReason::Deadline)]);
    // What comes after that is late, and begins nothing.
    assert_eq!(bench.give(&frame(7, 7, PICTURE)[2]), Outcome::Late);
    bench.stream.close();
    assert!(bench.events().is_empty());
}

#[test]
fn frames_in_flight_are_bounded_in_number_and_memory() {
    let mut bench = Bench::new();
    bench.give(&frame(7, 0, PICTURE)[0]);
    for number in 1..=8 {
        bench.give(&frame(7, number, PICTURE)[0]);
    }
    assert_eq!(bench.losses(), [(1, 1, LossReason::Evicted)]);

    // As far into a frame as a packet can be.
    let mut bench = Bench::new();
    for number in 0..20_u16 {
        let mut packet =
            packets(7, u32::from(number), number.wrapping_mul(300), PICTURE, &data(0, 300))[1].clone();
        packet[13..16].copy_from_slice(&[0xff, 0, 0]);
        assert_eq!(bench.give(&packet), Outcome::Accepted);
        let held: usize = bench.stream.frames.memory();
        assert!(held <= MAX_BYTES_IN_FLIGHT, "{held} bytes");
    }
    // A place that there cannot have been packets for is not believed.
    let mut packet = packets(7, 77, 19 * 300 + 2, PICTURE, &data(0, 300))[1].clone();
    packet[13..16].copy_from_slice(&[0xff, 0, 0]);
    assert_eq!(bench.give(&packet), Outcome::Contradictory);
}

#[test]
fn who_contradicts_a_frame_does_not_change_it() {
    let mut bench = Bench::new();
    let packets = frame(7, 0, PICTURE);
    assert_eq!((bench.give(&packets[0]), bench.give(&packets[2])), (Outcome::Accepted, Outcome::Accepted));
    let change = |at: usize, byte: u8| {
        let mut packet = packets[1].clone();
        packet[at] = byte;
        packet
    };
    for (what, lie) in [
        ("another size", change(18, 9)),
        ("another quality", change(17, 50)),
        ("behind the end", change(14, 0xff)),
        ("over the first", change(15, 50)),
        ("over the last", change(15, packets[1][15] + 1)),
        ("an earlier end", change(1, 0x80 | 26)),
    ] {
        assert_eq!(bench.give(&lie), Outcome::Contradictory, "{what}");
    }
    assert_eq!(bench.give(&packets[1]), Outcome::Accepted);
    assert_eq!(*bench.delivered()[0].frame.jpeg, file(0, PICTURE, &Tables::of_quality(80)));
}

#[test]
fn one_source_is_listened_to_until_it_is_silent() {
    let mut bench = Bench::new();
    bench.give_all(&frame(7, 0, PICTURE));
    let events = bench.events();
    assert!(matches!(events[0], RecvEvent::Session { source: 1, session } if session.get() == 7));
    let other = frame(8, 0, PICTURE);
    assert_eq!(bench.give_from(2, &other[0]), Outcome::Foreign);
    bench.after(501);
    other.iter().for_each(|packet| assert_eq!(bench.give_from(2, packet), Outcome::Accepted));
    assert_eq!(bench.delivered().len(), 1);
    // The same source with another SSRC was restarted, once the one before is quiet.
    assert_eq!(bench.give_from(2, &frame(9, 0, PICTURE)[0]), Outcome::Foreign);
    bench.after(250);
    frame(9, 0, PICTURE).iter().for_each(|packet| assert_eq!(bench.give_from(2, packet), Outcome::Accepted));
    assert_eq!(bench.stream.stats().sessions, 3);
    // One that goes on all the same was not restarted: somebody said so in its name.
    assert_eq!(bench.give_from(2, &frame(8, 1, PICTURE)[0]), Outcome::Accepted);
    assert_eq!(bench.give_from(2, &frame(9, 1, PICTURE)[0]), Outcome::Foreign);
    assert_eq!((bench.stream.stats().sessions, bench.stream.stats().contested), (4, 3));
}

#[test]
fn a_sender_that_leaps_is_followed_and_a_single_packet_that_does_is_not() {
    let mut bench = Bench::new();
    bench.give_all(&frame(7, 0, PICTURE));
    bench.give(&frame(7, 1, PICTURE)[0]);
    let leapt = packets(7, 5, 40_000, PICTURE, &data(9, 500));
    assert_eq!(bench.give(&leapt[0]), Outcome::Contradictory);
    assert_eq!(bench.give(&frame(7, 1, PICTURE)[1]), Outcome::Accepted);
    assert_eq!((bench.give(&leapt[0]), bench.give(&leapt[1])), (Outcome::Contradictory, Outcome::Accepted));
    assert_eq!(bench.losses(), [(2, 1, LossReason::Evicted)]);
    let next = packets(7, 3005, 40_003, PICTURE, &data(9, 500));
    next.iter().for_each(|packet| assert_eq!(bench.give(packet), Outcome::Accepted));
    assert_eq!(bench.stream.stats().delivered, 2);
}

#[test]
fn a_goodbye_among_the_packets_frees_the_place() {
    let mut bench = Bench::new();
    bench.give_all(&frame(7, 0, PICTURE));
    bench.events();
    let goodbye = |ssrc: u8| [0x80, 201, 0, 1, 0, 0, 0, ssrc, 0x81, 203, 0, 1, 0, 0, 0, ssrc];
    assert_eq!(bench.give_from(2, &goodbye(7)), Outcome::Unknown);
    assert_eq!(bench.give(&goodbye(8)), Outcome::Unknown);
    assert_eq!(bench.give(&[0x80, 201, 0, 9]), Outcome::Malformed);
    assert!(bench.events().is_empty());
    assert_eq!(bench.give(&goodbye(7)), Outcome::Control);
    assert!(bench.events().is_empty(), "a packet may follow, and then it was forged");
    assert!(matches!(bench.after(250).events()[..], [RecvEvent::Goodbye]));
    assert_eq!(bench.give_from(2, &frame(8, 0, PICTURE)[0]), Outcome::Accepted);
}

#[test]
fn what_is_no_rtp_jpeg_is_counted_by_name() {
    let mut bench = Bench::new();
    let packet = frame(7, 0, PICTURE)[0].clone();
    let mut opus = packet.clone();
    opus[1] = 111;
    for (datagram, outcome) in [
        (&b"Ck\x01\x01 a datagram of Chunkcast's own"[..], Outcome::Malformed),
        (&[][..], Outcome::Malformed),
        (&packet[..20], Outcome::Malformed),
        (&opus[..], Outcome::Unknown),
    ] {
        assert_eq!(bench.give(datagram), outcome);
    }
    assert_eq!((bench.stream.stats().datagrams.received, bench.events().len()), (4, 0));
}

#[test]
fn what_rtp_is_not_taken_is_known_by_name() {
    let good = frame(7, 0, PICTURE).remove(0);
    let with = |at: usize, byte: u8| {
        let mut packet = good.clone();
        packet[at] = byte;
        packet
    };
    for (packet, why, word) in [
        (with(1, 96), NotTaken::PayloadType(96), "type 96"),
        (with(12, 1), NotTaken::Field, "single fields"),
        (with(16, 5), NotTaken::Kind(5), "type 5"),
        (with(17, 100), NotTaken::Quality(100), "quality 100"),
        (with(18, 0), NotTaken::Size, "2040"),
    ] {
        let mut bench = Bench::new();
        assert_eq!((bench.give(&packet), bench.stream.stats().not_taken), (Outcome::Unknown, Some(why)));
        assert!(why.to_string().contains(word), "{why}");
    }
    let mut bench = Bench::new();
    bench.give(&good);
    bench.give(&[0x40; 30]);
    assert_eq!(bench.stream.stats().not_taken, None);
}
