//! What holds of parity, and of all feedback, for every subset, every order and every byte from the network.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proto::wire::{self, Datagram, HEADER_BYTES, Header, Kind};
use proto::{
    Clock, Fec, FeedbackOutcome, Frame, FrameId, MediaTime, Outcome, Pace, Random, RecvConfig, RecvEvent,
    RecvOutput, RecvStream, SendConfig, SendOutput, SendStream, SessionId,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn data_and_parity_in_any_order_give_the_frame_exactly_if_they_suffice(
        length in 1_usize..20_000,
        datagram_bytes in 64_usize..1473,
        percent in 1_u8..=50,
        keep in 0_u64..=100,
        seed in any::<u64>(),
    ) {
        let now = Instant::now();
        let mut random = Random::new(seed);
        let mut jpeg = vec![0; length];
        random.fill(&mut jpeg);
        let mut sender = sender(Fec::Percent(percent), datagram_bytes, now);
        sender.push_frame(frame(&jpeg), now);
        let mut datagrams = sent(&mut sender, now);
        datagrams.retain(|datagram| matches!(kind(datagram), Kind::Data | Kind::Parity));
        let header = Datagram::parse(&datagrams[0]).unwrap().header;

        datagrams.retain(|_| random.below(100) < keep);
        shuffle(&mut datagrams, &mut random);
        let count = |wanted| datagrams.iter().filter(|datagram| kind(datagram) == wanted).count();
        let missing = usize::from(header.data_chunks) - count(Kind::Data);
        // One parity chunk is the exclusive or of all, and otherwise each replaces any one.
        let suffices = missing <= count(Kind::Parity) && !datagrams.is_empty();

        let mut receiver = RecvStream::new(RecvConfig::default());
        for datagram in &mut datagrams {
            let outcome = receiver.handle_datagram((), datagram, now);
            let possible = matches!(outcome, Outcome::Accepted | Outcome::Duplicate | Outcome::Late | Outcome::Spare);
            prop_assert!(possible, "{outcome:?}");
        }
        let delivered = delivered(&mut receiver, now);
        prop_assert_eq!(delivered.len(), usize::from(suffices), "{} are missing", missing);
        prop_assert!(delivered.iter().all(|bytes| **bytes == jpeg), "the bytes differ");
        prop_assert_eq!(receiver.stats().lost.damaged, 0);
    }

    // As an attacker would who can make valid datagrams: of one session, frame and geometry, with any parity.
    #[test]
    fn made_up_parity_never_makes_a_wrong_frame(
        length in 20_usize..400,
        seed in any::<u64>(),
        lies in 1_usize..6,
    ) {
        let now = Instant::now();
        let mut random = Random::new(seed);
        let mut jpeg = vec![0; length];
        random.fill(&mut jpeg);
        let mut sender = sender(Fec::Percent(50), 64, now);
        sender.push_frame(frame(&jpeg), now);
        let mut datagrams = sent(&mut sender, now);
        datagrams.retain(|datagram| matches!(kind(datagram), Kind::Data | Kind::Parity));
        shuffle(&mut datagrams, &mut random);
        for datagram in datagrams.iter_mut().filter(|datagram| kind(datagram) == Kind::Parity).take(lies) {
            let header = Datagram::parse(datagram).unwrap().header;
            let at = HEADER_BYTES + random.below((datagram.len() - HEADER_BYTES) as u64) as usize;
            datagram[at] ^= 1 + random.below(255) as u8;
            wire::emit(&header, datagram);
        }
        datagrams.retain(|_| random.below(100) < 80);
        let mut receiver = RecvStream::new(RecvConfig::default());
        for datagram in &mut datagrams {
            receiver.handle_datagram((), datagram, now);
        }
        prop_assert!(delivered(&mut receiver, now).iter().all(|bytes| **bytes == jpeg), "the bytes differ");
    }

    // Whatever a receiver says, proven or not, with a right checksum.
    #[test]
    fn no_feedback_does_harm(
        said in vec((5_u8..10, any::<bool>(), 0_u32..30, vec(any::<u8>(), 0..200), 0_u64..50), 1..60),
        is_group in any::<bool>(),
    ) {
        let mut now = Instant::now();
        let config = SendConfig { is_group, pace: Pace::Rate(50e6), ..SendConfig::new(SessionId::new(1), [7; 16]) };
        let mut sender = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
        let token = token(&mut sender, now);
        for (kind, is_proven, number, mut body, millis) in said {
            if is_proven {
                body.splice(..body.len().min(8), token);
            }
            sender.push_frame(frame(&[7; 5000]), now);
            let kind = [Kind::Report, Kind::Resend, Kind::Ping, Kind::Pong, Kind::Gone][usize::from(kind - 5)];
            sender.handle_datagram(SOURCE, &datagram(kind, number, &body), now);
            now += Duration::from_millis(millis);
            for datagram in sent(&mut sender, now) {
                prop_assert!(Datagram::parse(&datagram).is_ok() && datagram.len() <= 1472);
            }
            prop_assert!(sender.pace().is_none_or(|pace| pace.is_finite() && pace > 0.0));
        }
        prop_assert!(sender.stats().resent * 1472 <= 400_000 + sender.stats().bytes / 2, "beyond the budget");
    }

    // Whatever somebody asks for who may ask.
    #[test]
    fn one_viewer_is_sent_a_quarter_of_the_stream_again_at_most(
        asked in vec((0_u32..12, 0_u16..10, vec((0_u16..8, 1_u16..16), 1..4), 0_u64..4), 1..400),
        is_group in any::<bool>(),
    ) {
        let mut now = Instant::now();
        let config = SendConfig { is_group, pace: Pace::Off, ..SendConfig::new(SessionId::new(1), [7; 16]) };
        let mut sender = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
        let token = token(&mut sender, now);
        let (mut streamed, mut again) = (0, 0);
        for (number, (age, needed, ranges, millis)) in (0_u32..).zip(asked) {
            sender.push_frame(frame(&[7; 20_000]), now);
            streamed += bytes_of_frames(&sent(&mut sender, now));
            let mut body = token.to_vec();
            body.extend(needed.to_be_bytes());
            body.extend((ranges.len() as u16).to_be_bytes());
            let mut end = 0;
            for (gap, length) in ranges {
                body.extend([end + gap, length].map(u16::to_be_bytes).as_flattened());
                end += gap + length;
            }
            sender.handle_datagram(SOURCE, &datagram(Kind::Resend, number.saturating_sub(age), &body), now);
            now += Duration::from_millis(millis);
            again += bytes_of_frames(&sent(&mut sender, now));
        }
        prop_assert!(again <= 200_000 + streamed / 4, "{again} bytes again, {streamed} at first");
    }
}

#[test]
fn a_request_that_needs_nothing_is_refused() {
    let now = Instant::now();
    let config = SendConfig { is_group: true, ..SendConfig::new(SessionId::new(1), [7; 16]) };
    let mut sender = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
    let mut body = token(&mut sender, now).to_vec();
    sender.push_frame(frame(&[7; 20_000]), now);
    sent(&mut sender, now);
    body.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
    let outcome = sender.handle_datagram(SOURCE, &datagram(Kind::Resend, 0, &body), now);
    assert_eq!(outcome, FeedbackOutcome::Malformed);
    let later = sent(&mut sender, now + Duration::from_millis(100));
    assert!(later.iter().all(|datagram| kind(datagram) != Kind::Again));
}

#[test]
fn a_frame_whose_parity_cannot_be_is_given_up_at_once() {
    let now = Instant::now();
    let mut sender = sender(Fec::Percent(1), 1472, now);
    sender.push_frame(frame(&[7; 2001]), now);
    let mut datagrams = sent(&mut sender, now);
    datagrams.retain(|datagram| matches!(kind(datagram), Kind::Data | Kind::Parity));
    // Of two chunks the second is short, and parity says that there is something in its padding.
    let mut parity = datagrams.pop().unwrap();
    let header = Datagram::parse(&parity).unwrap().header;
    *parity.last_mut().unwrap() ^= 1;
    wire::emit(&header, &mut parity);
    let mut receiver = RecvStream::new(RecvConfig::default());
    assert_eq!(receiver.handle_datagram((), &mut datagrams[0], now), Outcome::Accepted);
    assert_eq!(receiver.handle_datagram((), &mut parity, now), Outcome::Accepted);
    assert_eq!(receiver.stats().lost.damaged, 1);
    assert_eq!(receiver.handle_datagram((), &mut datagrams[1], now), Outcome::Late);
}

#[test]
fn every_truncation_and_every_flipped_bit_of_every_kind_is_refused() {
    let seen = conversation();
    for wanted in 1..=10 {
        assert!(seen.iter().any(|datagram| datagram[3] == wanted), "kind {wanted} never came");
    }
    for mut datagram in seen {
        for length in 0..datagram.len() {
            assert!(Datagram::parse(&datagram[..length]).is_err(), "{:?} cut to {length}", kind(&datagram));
        }
        for bit in 0..datagram.len() * 8 {
            datagram[bit / 8] ^= 1 << (bit % 8);
            assert!(Datagram::parse(&datagram).is_err(), "kind {} with bit {bit} flipped", datagram[3]);
            datagram[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// One datagram of each kind and length, as a sender and a receiver exchange them over a path that loses.
fn conversation() -> Vec<Vec<u8>> {
    let begin = Instant::now();
    let (mut sender, mut receiver) =
        (sender(Fec::Percent(10), 200, begin), RecvStream::new(RecvConfig::default()));
    let (mut seen, mut random) = (Vec::<Vec<u8>>::new(), Random::new(2));
    let token = token(&mut sender, begin);
    for millis in 0..1500 {
        let now = begin + Duration::from_millis(millis);
        match millis {
            1400 => sender.close(),
            // Somebody asks for the first frame, which is gone.
            1300 => _ = sender.handle_datagram(SOURCE, &request(&token), now),
            _ if millis % 30 == 5 && millis < 1400 => sender.push_frame(frame(&[millis as u8; 2000]), now),
            _ => {}
        }
        for mut datagram in sent(&mut sender, now) {
            seen.push(datagram.clone());
            if random.below(100) >= 20 || !matches!(kind(&datagram), Kind::Data | Kind::Parity) {
                receiver.handle_datagram((), &mut datagram, now);
            }
        }
        receiver.handle_timeout(now);
        loop {
            match receiver.poll(now) {
                RecvOutput::Transmit { bytes, .. } => {
                    seen.push(bytes.to_vec());
                    sender.handle_datagram(SOURCE, bytes, now);
                }
                RecvOutput::Event(_) => {}
                RecvOutput::Wait(_) => break,
            }
        }
    }
    seen.sort_by_key(|datagram| (datagram[3], datagram.len()));
    seen.dedup_by_key(|datagram| (datagram[3], datagram.len()));
    seen
}

/// A stream that sends each frame at once.
fn sender(fec: Fec, datagram_bytes: usize, now: Instant) -> SendStream<u8> {
    let config =
        SendConfig { fec, datagram_bytes, pace: Pace::Off, ..SendConfig::new(SessionId::new(1), [7; 16]) };
    SendStream::new(config, Clock::new(now, MediaTime::default()), now)
}

fn frame(jpeg: &[u8]) -> Frame {
    Frame { captured: MediaTime::from_micros(5), jpeg: Arc::new(jpeg.to_vec()), signature: None }
}

/// All that is sent now.
fn sent(sender: &mut SendStream<u8>, now: Instant) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    loop {
        match sender.poll(now) {
            SendOutput::Transmit(transmit) => {
                sent.extend(transmit.bytes.chunks(transmit.segment).map(<[u8]>::to_vec));
            }
            SendOutput::Event(_) => {}
            SendOutput::Wait(_) => return sent,
        }
    }
}

/// Bytes of datagrams that carry frames.
fn bytes_of_frames(datagrams: &[Vec<u8>]) -> usize {
    let carries = |datagram: &&Vec<u8>| matches!(kind(datagram), Kind::Data | Kind::Again | Kind::Parity);
    datagrams.iter().filter(carries).map(Vec::len).sum()
}

/// The frames that are whole.
fn delivered(receiver: &mut RecvStream<()>, now: Instant) -> Vec<Arc<Vec<u8>>> {
    let mut delivered = Vec::new();
    while let RecvOutput::Event(event) = receiver.poll(now) {
        if let RecvEvent::Delivered(delivery) = event {
            delivered.push(delivery.frame.jpeg);
        }
    }
    delivered
}

fn kind(datagram: &[u8]) -> Kind {
    Datagram::parse(datagram).unwrap().header.kind
}

/// A request for the first chunk of the first frame.
fn request(token: &[u8; 8]) -> Vec<u8> {
    let mut body = token.to_vec();
    body.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 1]);
    datagram(Kind::Resend, 0, &body)
}

/// A datagram that a receiver might send.
fn datagram(kind: Kind, frame: u32, body: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; HEADER_BYTES];
    datagram.extend_from_slice(body);
    let header = Header {
        length: body.len() as u32,
        ..Header::control(kind, SessionId::new(1), FrameId::new(frame), MediaTime::from_micros(1))
    };
    wire::emit(&header, &mut datagram);
    datagram
}

/// The token that the sender gives to [`SOURCE`].
fn token(sender: &mut SendStream<u8>, now: Instant) -> [u8; 8] {
    sender.handle_datagram(SOURCE, &datagram(Kind::Ping, 0, &[0; 24]), now);
    let sent = sent(sender, now);
    let pong = sent.iter().find(|datagram| kind(datagram) == Kind::Pong).unwrap();
    pong[HEADER_BYTES..HEADER_BYTES + 8].try_into().unwrap()
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last as u64 + 1) as usize);
    }
}

/// Where the only receiver is.
const SOURCE: u8 = 1;
