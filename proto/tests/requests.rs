//! Retransmission requests: whatever is lost, late or comes twice, a request is one that the sender accepts.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proto::wire::{self, Body, Datagram, Header, Kind};
use proto::{
    Clock, Fec, FeedbackOutcome, Frame, MediaTime, Pace, RecvConfig, RecvEvent, RecvOutput, RecvStream,
    SendConfig, SendOutput, SendStream, SessionId,
};

#[test]
fn what_is_late_of_a_frame_that_the_next_has_overtaken_is_not_asked_for_twice() {
    let mut pair = Pair::new(Fec::Off);
    let (one, two) = (pair.push(20, 10), pair.push(20, 43));
    for datagram in &one[..5] {
        pair.receive(datagram, 10);
    }
    // What follows of the first frame is held up on its way, and some of it is lost; the second overtakes it.
    pair.receive(&two[0], 43);
    for index in [12, 13, 19] {
        pair.receive(&one[index], 43);
    }
    pair.run(44, 60);
    assert_eq!(pair.asked, [(0, vec![(5, 7), (14, 5)]), (1, vec![(1, 19)])]);
    assert_eq!(pair.delivered, [0, 1]);
    assert_eq!(pair.sender.stats().feedback.malformed, 0);
}

#[test]
fn parity_that_cannot_be_is_not_waited_for() {
    let mut pair = Pair::new(Fec::Off);
    let mut frame = pair.push(20, 10);
    for datagram in &mut frame {
        let header = Datagram::parse(datagram).unwrap().header;
        wire::emit(&Header { parity_chunks: u16::MAX, ..header }, datagram);
    }
    for (index, millis) in (0..20).zip(20..).filter(|(index, _)| *index != 3) {
        pair.receive(&frame[index], millis);
        pair.run(millis, millis);
    }
    assert_eq!(pair.asked, [], "there is some to come");
    // Of 20 chunks there are 16 of parity, at the distance of the data.
    pair.run(40, 70);
    assert_eq!(pair.asked.first(), Some(&(0, vec![(3, 1)])));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    // Of some frames, in any order, with any pauses, any of it lost or twice.
    #[test]
    fn every_request_rises_and_is_taken(
        chunks in 2_usize..160,
        parity in 0_u8..30,
        arrivals in vec((0_usize..4, 0_usize..200, 1_usize..12, 0_u64..4), 1..120),
    ) {
        let fec = if parity == 0 { Fec::Off } else { Fec::Percent(parity) };
        let mut pair = Pair::new(fec);
        let frames: Vec<_> = (0..4).map(|number| pair.push(chunks, 10 + number)).collect();
        let mut now = 20;
        for (frame, first, count, pause) in arrivals {
            let datagrams = &frames[frame];
            let first = first % datagrams.len();
            for datagram in &datagrams[first..datagrams.len().min(first + count)] {
                pair.receive(datagram, now);
            }
            pair.run(now, now + pause);
            now += pause;
        }
        pair.run(now, now + 40);
        prop_assert_eq!(pair.sender.stats().feedback.malformed, 0);
        for (frame, ranges) in &pair.asked {
            let rises = ranges.windows(2).all(|two| two[0].0 + two[0].1 < two[1].0);
            prop_assert!(rises && !ranges.is_empty(), "frame {frame}: {ranges:?}");
        }
    }
}

/// A sender and a receiver that knows its token; what goes back is heard at once, and the answers come at once.
struct Pair {
    begin: Instant,
    sender: SendStream<u8>,
    receiver: RecvStream<u8>,
    pushed: u64,
    /// Which frames were asked for, and which chunks: the first, and how many.
    asked: Vec<(u32, Vec<(usize, usize)>)>,
    delivered: Vec<u32>,
}

impl Pair {
    fn new(fec: Fec) -> Self {
        let begin = Instant::now();
        let config = SendConfig { pace: Pace::Off, fec, ..SendConfig::new(SessionId::new(1), [7; 16]) };
        let mut pair = Self {
            begin,
            sender: SendStream::new(config, Clock::new(begin, MediaTime::default()), begin),
            receiver: RecvStream::new(RecvConfig::default()),
            pushed: 0,
            asked: Vec::new(),
            delivered: Vec::new(),
        };
        // Two hellos make it known; then it asks for its token, and is told.
        for datagram in pair.sent(0) {
            pair.receive(&datagram, 0);
            pair.receive(&datagram, 0);
        }
        pair.run(0, 3);
        pair
    }

    fn at(&self, millis: u64) -> Instant {
        self.begin + Duration::from_millis(millis)
    }

    /// The datagrams of a frame of so many chunks, which are on their way from then on.
    fn push(&mut self, chunks: usize, millis: u64) -> Vec<Vec<u8>> {
        self.pushed += 1;
        let jpeg = Arc::new(vec![self.pushed as u8; chunks * 1428]);
        self.sender.push_frame(
            Frame { captured: MediaTime::from_micros(self.pushed), jpeg, signature: None },
            self.at(millis),
        );
        let mut sent = self.sent(millis);
        sent.retain(|datagram| matches!(kind(datagram), Kind::Data | Kind::Parity));
        sent
    }

    fn sent(&mut self, millis: u64) -> Vec<Vec<u8>> {
        let (now, mut sent) = (self.at(millis), Vec::new());
        loop {
            match self.sender.poll(now) {
                SendOutput::Transmit(t) => sent.extend(t.bytes.chunks(t.segment).map(<[u8]>::to_vec)),
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => return sent,
            }
        }
    }

    fn receive(&mut self, datagram: &[u8], millis: u64) {
        let now = self.at(millis);
        self.receiver.handle_datagram(1, &mut datagram.to_vec(), now);
    }

    fn run(&mut self, from: u64, to: u64) {
        for millis in from..=to {
            self.receiver.handle_timeout(self.at(millis));
            self.say(millis);
            for datagram in self.sent(millis) {
                self.receive(&datagram, millis);
            }
        }
    }

    /// The sender hears what the receiver has to say.
    fn say(&mut self, millis: u64) {
        let now = self.at(millis);
        loop {
            match self.receiver.poll(now) {
                RecvOutput::Transmit { bytes, .. } => {
                    let outcome = self.sender.handle_datagram(9, bytes, now);
                    assert_ne!(outcome, FeedbackOutcome::Malformed, "{bytes:?}");
                    let datagram = Datagram::parse(bytes).unwrap();
                    if let Body::Resend(request) = datagram.body {
                        let ranges = request.ranges().map(|range| (range.start, range.len()));
                        self.asked.push((datagram.header.frame.get(), ranges.collect()));
                    }
                }
                RecvOutput::Event(RecvEvent::Delivered(delivery)) => self.delivered.push(delivery.id.get()),
                RecvOutput::Event(_) => {}
                RecvOutput::Wait(_) => return,
            }
        }
    }
}

fn kind(datagram: &[u8]) -> Kind {
    Datagram::parse(datagram).unwrap().header.kind
}
