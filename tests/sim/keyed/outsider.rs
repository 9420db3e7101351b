//! Somebody in the same group, who has no key, hears everything and can send as anybody: the stream goes as without
//! him, to the last byte and microsecond.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::lan::{Lan, Means, Outcome, ReceiverSetup, Seen, Setup, Traffic, forge};
use proto::keys::{Key, ReceiverKeys, SenderKeys, StreamSealer, Suite};
use proto::wire::{self, Header, Hello, Invitation, Kind, SourceState};
use proto::{FrameId, MediaTime, Random, SessionId};

#[test]
fn whoever_has_no_key_changes_nothing() {
    for subscribes in [false, true] {
        let (quiet, paces) = run(subscribes, None);
        let outsider = Outsider::new();
        let (outcome, paces_then) = run(subscribes, Some(outsider));
        assert_eq!(outcome.latencies, quiet.latencies);
        assert_eq!(paces_then, paces, "the pace, and what a frame may have");
        assert_eq!((outcome.sent, wire_bytes(&outcome.traffic)), (quiet.sent, wire_bytes(&quiet.traffic)));
        for (now, before) in outcome.receivers.iter().zip(&quiet.receivers) {
            assert_eq!(now.received, before.received);
            // The first frames of a run come before it is proven to be alive.
            let frames = outcome.sent.pushed - 3 * u64::from(!subscribes);
            assert!(now.received.delivered >= frames, "{:?}", now.received);
        }
        let refused = outcome.receivers[0].refused;
        println!("refused by a receiver: {refused:?}, by the sender: {:?}", outcome.refused);
        let least = u64::from(frames());
        assert!(
            refused.unkeyed > 160 * least && refused.forged > 33 * least && refused.replayed > 160 * least
        );
    }
}

/// Three seconds of 1080p, or ten in a long run, in a second run of the sender, to a group that loses 1 %, or to one
/// receiver that subscribes.
fn run(subscribes: bool, mut outsider: Option<Outsider>) -> (Outcome, Vec<Pace>) {
    let receivers: Vec<_> =
        (1..=if subscribes { 1 } else { 3 }).map(|seed| receiver(seed, subscribes)).collect();
    let mut lan = Lan::with(&receivers).keyed(21);
    if let Some(outsider) = &outsider {
        lan.tap(outsider.tap());
    }
    let to = subscribes.then_some(0);
    let setup = Setup { to, pace: proto::Pace::Auto, interval: Some(INTERVAL), ..Means::BOTH.setup() };
    let station = lan.add(setup);
    lan.run_for(Duration::from_secs(3));
    lan.kill_and_restart(station);
    lan.run_for(Duration::from_secs(1));
    let mut paces = Vec::new();
    for number in 0..frames() {
        lan.push(station, 170_000);
        for _ in 0..33 {
            lan.run_for(INTERVAL / 33);
            if let Some(outsider) = &mut outsider {
                outsider.attack(&mut lan, receivers.len(), FrameId::new(number));
            }
        }
        paces.push((lan.pace(station), lan.frame_budget(station)));
    }
    lan.run_for(Duration::from_millis(100));
    (lan.finish(), paces)
}

fn frames() -> u32 {
    if std::env::var_os("CHUNKCAST_ATTACKS").is_some() { 300 } else { 90 }
}

fn receiver(seed: u64, subscribes: bool) -> ReceiverSetup {
    let path = format!("loss=1%,delay=100us,seed={seed}");
    let config = proto::RecvConfig { seed, ..Means::BOTH.recv() };
    ReceiverSetup { config, network: path.clone(), back: path, subscribes, ..ReceiverSetup::default() }
}

/// At how many bits per second a sender sends, and how large its frames may be.
type Pace = (Option<f64>, Option<usize>);

struct Outsider {
    random: Random,
    /// What arrived at each end.
    heard: Rc<RefCell<BTreeMap<Whom, Vec<Vec<u8>>>>>,
    stream: StreamSealer,
    receiver: ReceiverKeys,
}

/// A receiver; the sender if `None`.
type Whom = Option<usize>;

impl Outsider {
    fn new() -> Self {
        let key = Key::from_random(&[66; 16]);
        let session = SessionId::new(u64::MAX - 1);
        let stream = SenderKeys::new(key.clone(), session, [6; 16], Suite::Aes).stream(None).unwrap();
        let receiver = ReceiverKeys::new(vec![key], 66, true);
        Self { random: Random::new(0xbad), heard: Rc::default(), stream, receiver }
    }

    fn tap(&self) -> crate::lan::Tap {
        let heard = self.heard.clone();
        let mut count = 0;
        Box::new(move |seen, sealed| {
            let end = match seen {
                Seen::Sealed => return,
                Seen::AtReceiver(at) => Some(at),
                Seen::AtStation(_) => None,
            };
            let mut heard = heard.borrow_mut();
            let heard = heard.entry(end).or_default();
            count += 1;
            match heard.len() {
                0..MOST_HEARD => heard.push(sealed.to_vec()),
                // A part of what was heard first stays.
                _ => heard[MOST_HEARD / 3 + count % (MOST_HEARD * 2 / 3)] = sealed.to_vec(),
            }
        })
    }

    /// What he does each millisecond: at every receiver and at the sender, in everybody's name.
    fn attack(&mut self, lan: &mut Lan, receivers: usize, newest: FrameId) {
        let session = lan.session(0);
        for receiver in 0..receivers {
            for _ in 0..8 {
                let replayed = self.replay(Some(receiver));
                lan.throw(receiver, 0, &replayed);
            }
            for forged in self.say_as_sender(session) {
                lan.throw(receiver, 0, &forged);
            }
        }
        let mut forged = vec![
            forge::report(session, self.random.next(), 0, self.random.next() as u32),
            forge::request(session, newest, self.random.next(), &[EVERYTHING]),
            forge::ping(session, 0),
        ];
        for plain in forged.clone() {
            let mut sealed = Vec::new();
            // Before it knows a session it only subscribes.
            let plain = [&plain[..4], &[255; 8], &plain[12..]].concat();
            assert!(self.receiver.seal(&plain, &mut sealed));
            sealed[4..12].copy_from_slice(&session.get().to_be_bytes());
            forged.push(sealed);
        }
        forged.extend((0..8).map(|_| self.replay(None)));
        for datagram in forged {
            for from in 0..=receivers {
                lan.inject(0, from, &datagram);
            }
        }
    }

    /// Something that arrived there, as it was or with another session or a bit changed.
    fn replay(&mut self, end: Whom) -> Vec<u8> {
        let heard = self.heard.borrow();
        let Some(heard) = heard.get(&end) else { return Vec::new() };
        let mut datagram = heard[self.random.below(heard.len() as u64) as usize].clone();
        match self.random.below(4) {
            0 => {
                let bit = self.random.below(8 * datagram.len() as u64) as usize;
                datagram[bit / 8] ^= 1 << (bit % 8);
            }
            1 => datagram[4..12].copy_from_slice(&self.random.next().to_be_bytes()),
            _ => {}
        }
        datagram
    }

    /// A goodbye, a wrong hello, and a newer session's takeover: as they are without a key, and sealed with another.
    fn say_as_sender(&mut self, session: SessionId) -> Vec<Vec<u8>> {
        let newer = SessionId::new(session.get() + 1 + self.random.below(1000));
        let token = self.random.next().to_be_bytes();
        let plain = [
            control(Kind::Goodbye, session, &[]),
            hello(session, SourceState::Gone),
            hello(newer, SourceState::Live),
            control(Kind::Pong, session, &[token, [0; 8], token].concat()),
            control(Kind::Gone, session, &[]),
            control(Kind::Data, newer, b"not yours"),
        ];
        let mut forged = plain.to_vec();
        for plain in &plain {
            let mut sealed = Vec::new();
            assert!(self.stream.seal(plain, &mut sealed));
            forged.push(sealed);
        }
        forged
    }
}

fn control(kind: Kind, session: SessionId, body: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; wire::HEADER_BYTES];
    datagram.extend_from_slice(body);
    let captured = MediaTime::from_micros(2_000_000_000_000_000);
    let header = Header::control(kind, session, FrameId::new(1 << 20), captured);
    wire::emit(&Header { length: body.len() as u32, parts: 1, data_chunks: 1, ..header }, &mut datagram);
    datagram
}

fn hello(session: SessionId, state: SourceState) -> Vec<u8> {
    let invitation =
        Invitation { is_group: true, resends: true, viewers: 9, report_every: Duration::from_millis(20) };
    let hello = Hello {
        state,
        name: "evil",
        invitation: Some(invitation),
        interval: None,
        signer: None,
        capture_error: None,
    };
    let captured = MediaTime::from_micros(2_000_000_000_000_000);
    let mut datagram = Vec::new();
    let header = Header::control(Kind::Hello, session, FrameId::new(1 << 20), captured);
    wire::emit_control(&header, Some(&hello), &mut datagram);
    datagram
}

fn wire_bytes(traffic: &Traffic) -> [u64; 7] {
    let Traffic { data, parity, resent, control, replies, feedback, requests } = traffic;
    [data, parity, resent, control, replies, feedback, requests].map(|bytes| bytes.wire)
}

const MOST_HEARD: usize = 6000;
/// More chunks than the frames here have.
const EVERYTHING: Range<u16> = 0..200;
const INTERVAL: Duration = Duration::from_nanos(33_333_333);
