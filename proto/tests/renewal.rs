//! An expired token is renewed, whatever made it invalid, and nobody is flooded with pings for it.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::diagnosis::{Cause, Counters, explain};
use proto::wire::{Body, Datagram, HEADER_BYTES, Header, Kind, Subscribe, Token, emit};
use proto::{
    Clock, Decision, FeedbackOutcome, Frame, FrameId, MediaTime, Pace, RecvConfig, RecvEvent, RecvOutput,
    RecvStream, SendConfig, SendOutput, SendStream, SessionId, SubscribeServer,
};

#[test]
fn a_cable_that_was_out_for_longer_than_a_token_lasts_leaves_nothing_behind() {
    for (is_group, receivers) in [(false, 1), (true, 3)] {
        let mut lan = Lan::new(is_group, receivers);
        lan.run(1500);
        assert_eq!(lan.sender.viewers().count(), receivers);
        lan.is_cut = true;
        lan.run(5000);
        lan.now += Duration::from_secs(21 * 60);
        lan.is_cut = false;
        // A hello, a ping in a part of 100 ms, its answer, and a report.
        lan.run(600);
        assert_eq!(lan.sender.viewers().count(), receivers, "group {is_group}");
        let before = *lan.sender.stats();
        lan.run(3000);
        let after = lan.sender.stats();
        assert_eq!(after.feedback.unproven, before.feedback.unproven);
        assert!(after.feedback.accepted >= before.feedback.accepted + 5 * receivers as u64);
        for receiver in &lan.receivers {
            assert!(receiver.clock(lan.now).is_some(), "its clock is known again");
            assert_eq!(receiver.stats().lost.total(), 0);
        }
    }
}

#[test]
fn a_secret_that_changes_under_a_running_stream_costs_a_few_reports_and_no_wrong_diagnosis() {
    for (is_group, receivers) in [(false, 1), (true, 3)] {
        let mut lan = Lan::new(is_group, receivers);
        lan.run(1500);
        let before: Vec<_> =
            lan.receivers.iter().map(|receiver| Counters::of_stream(receiver.stats())).collect();
        lan.change_secret();
        // Reports come every 400 ms here.
        lan.run(1500);
        let unproven = lan.sender.stats().feedback.unproven;
        assert!((1..=6 * receivers as u64).contains(&unproven), "{unproven}");
        lan.run(1500);
        let feedback = lan.sender.stats().feedback;
        assert_eq!(feedback.unproven, unproven);
        assert!(feedback.accepted > 2 * receivers as u64 && lan.sender.viewers().count() == receivers);
        for (receiver, before) in lan.receivers.iter().zip(before) {
            let causes = explain(&Counters::of_stream(receiver.stats()).since(&before));
            assert!(!causes.contains(&Cause::OneWay), "{causes:?}");
        }
    }
}

#[test]
fn what_an_ask_was_answered_is_a_reason_to_ask_and_in_doubt_the_token_of_reports() {
    let mut lan = Lan::new(false, 1);
    lan.run(1500);
    lan.change_secret();
    let mut server = SubscribeServer::new(SESSION, lan.secret, 1, lan.clock);
    let told = told(&mut server, lan.now);
    lan.receivers[0].told_token(SENDER, told, lan.now);
    lan.run(100);
    assert_eq!(lan.count(Kind::Ping), 2, "it asks at once");
    assert!(lan.sender.stats().feedback.unproven <= 1 && lan.sender.viewers().count() == 1);

    // Where pings or pongs do not pass, an answer does.
    lan.change_secret();
    lan.passes = |kind| kind != Kind::Ping;
    lan.run(3000);
    let unproven = lan.sender.stats().feedback.unproven;
    assert!(unproven > 4, "{unproven}");
    let mut server = SubscribeServer::new(SESSION, lan.secret, 1, lan.clock);
    let told = self::told(&mut server, lan.now);
    lan.receivers[0].told_token(9, Token::new(5), lan.now);
    lan.receivers[0].told_token(SENDER, told, lan.now);
    lan.run(1000);
    assert_eq!(lan.sender.stats().feedback.unproven, unproven);
}

#[test]
fn a_receiver_without_replies_pings_ever_more_rarely_and_goes_on_reporting() {
    let mut lan = Lan::new(false, 1);
    lan.run(1500);
    lan.is_deaf = true;
    let before = lan.count(Kind::Ping);
    lan.run(60_000);
    let pings = lan.count(Kind::Ping) - before;
    assert!((8..=20).contains(&pings), "{pings}");
    assert!(lan.count(Kind::Report) > 100);
    lan.is_deaf = false;
    lan.run(1000);
    assert_eq!(lan.sender.stats().feedback.unproven, 0);
    assert!(lan.receivers[0].clock(lan.now).is_some());
}

#[test]
fn whose_reports_alone_are_not_answered_does_not_ping_without_end() {
    let mut lan = Lan::new(false, 1);
    lan.passes = |kind| kind != Kind::Report;
    lan.run(60_000);
    let pings = lan.count(Kind::Ping);
    assert!(pings <= 25, "{pings}");
}

/// A sender, and receivers that are a millisecond away.
struct Lan {
    now: Instant,
    clock: Clock,
    secret: [u8; 16],
    sender: SendStream<usize>,
    receivers: Vec<RecvStream<usize>>,
    is_group: bool,
    pushed: u32,
    /// Nothing passes.
    is_cut: bool,
    /// The sender hears nothing.
    is_deaf: bool,
    /// Which kinds the sender hears.
    passes: fn(Kind) -> bool,
    /// What receivers said.
    said: Vec<Kind>,
}

impl Lan {
    fn new(is_group: bool, receivers: usize) -> Self {
        let now = Instant::now();
        // In the middle of what a token lasts.
        let clock = Clock::new(now, MediaTime::from_micros(300_000_000));
        let secret = [1; 16];
        let receiver = |seed| RecvStream::new(RecvConfig { seed, ..RecvConfig::default() });
        Self {
            now,
            clock,
            secret,
            sender: sender(is_group, secret, clock, now),
            receivers: (0..receivers as u64).map(receiver).collect(),
            is_group,
            pushed: 0,
            is_cut: false,
            is_deaf: false,
            passes: |_| true,
            said: Vec::new(),
        }
    }

    fn change_secret(&mut self) {
        self.secret[0] += 1;
        self.sender = sender(self.is_group, self.secret, self.clock, self.now);
        self.sender.set_next_frame(FrameId::new(self.pushed));
    }

    fn run(&mut self, millis: u32) {
        for millis in 0..millis {
            self.now += Duration::from_millis(1);
            if millis % 33 == 0 {
                self.pushed += 1;
                let captured = MediaTime::from_micros(self.pushed.into());
                self.sender.push_frame(
                    Frame { captured, jpeg: Arc::new(vec![7; 20_000]), signature: None },
                    self.now,
                );
            }
            let (mut sent, now) = (Vec::new(), self.now);
            loop {
                match self.sender.poll(now) {
                    SendOutput::Transmit(t) => {
                        sent.extend(t.bytes.chunks(t.segment).map(|bytes| (t.to, bytes.to_vec())));
                    }
                    SendOutput::Event(_) => {}
                    SendOutput::Wait(_) => break,
                }
            }
            for (number, receiver) in self.receivers.iter_mut().enumerate() {
                let own = sent.iter().filter(|(to, _)| !self.is_cut && to.is_none_or(|to| to == number));
                for (_, datagram) in own {
                    receiver.handle_datagram(SENDER, &mut datagram.clone(), now);
                }
                receiver.handle_timeout(now);
                loop {
                    match receiver.poll(now) {
                        RecvOutput::Transmit { bytes, .. } => {
                            let kind = Datagram::parse(bytes).unwrap().header.kind;
                            self.said.push(kind);
                            if !self.is_cut && !self.is_deaf && (self.passes)(kind) {
                                let outcome = self.sender.handle_datagram(number, bytes, now);
                                assert!(matches!(
                                    outcome,
                                    FeedbackOutcome::Accepted | FeedbackOutcome::Unproven
                                ));
                            }
                        }
                        RecvOutput::Event(RecvEvent::Lost(lost)) => panic!("{lost:?}"),
                        RecvOutput::Event(_) => {}
                        RecvOutput::Wait(_) => break,
                    }
                }
            }
        }
    }

    fn count(&self, kind: Kind) -> usize {
        self.said.iter().filter(|said| **said == kind).count()
    }
}

fn sender(is_group: bool, secret: [u8; 16], clock: Clock, now: Instant) -> SendStream<usize> {
    let config = SendConfig { is_group, pace: Pace::Off, ..SendConfig::new(SESSION, secret) };
    SendStream::new(config, clock, now)
}

/// The token that a door tells the only receiver.
fn told(server: &mut SubscribeServer<usize>, now: Instant) -> Token {
    let ask = Subscribe { token: Token::new(1), leaves: false };
    let mut body = vec![0; 16];
    body[7] = 1;
    let header = Header {
        length: 16,
        ..Header::control(Kind::Subscribe, SESSION, FrameId::default(), MediaTime::default())
    };
    let mut datagram = vec![0; HEADER_BYTES];
    datagram.extend(body);
    emit(&header, &mut datagram);
    assert_eq!(Datagram::parse(&datagram).unwrap().body, Body::Subscribe(ask));
    let Some(Decision::Reply(answer)) = server.handle_datagram(0, &datagram, now) else {
        panic!("no answer")
    };
    let Body::SubscribeReply(answer) = Datagram::parse(answer).unwrap().body else { panic!("not an answer") };
    answer.token
}

const SESSION: SessionId = SessionId::new(7);
/// Where the sender is.
const SENDER: usize = 100;
