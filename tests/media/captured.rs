//! A keyed stream as it is captured, beside what was sealed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::keys::{Key, ReceiverKeys, SenderKeys, StreamSealer, Suite};
use proto::wire::{self, Header, Kind};
use proto::{Clock, Fec, Frame, FrameId, MediaTime, Pace, SendConfig, SendOutput, SendStream, SessionId};

use crate::common::Folder;
use crate::dissector::{classic_pcap, hex};

/// A keyed stream to all, one to a receiver, and what that says.
pub(crate) struct Captured {
    pub(crate) frames: Vec<Vec<u8>>,
    /// As they were, and sealed.
    pub(crate) datagrams: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Captured {
    pub(crate) fn new(suite: Suite) -> Self {
        let mut sender = SenderKeys::new(Key::from_random(&SECRET), SESSION, SALT, suite);
        let frames = vec![content(40_000, 1), content(9, 2), content(1500, 3)];
        let mut datagrams = Vec::new();
        for to in [None, Some(NUMBER)] {
            let mut sealer = sender.stream(to).unwrap();
            let plain = said(&frames);
            datagrams.extend(plain.into_iter().map(|plain| (plain.clone(), sealed_by(&mut sealer, &plain))));
        }
        let mut receiver = ReceiverKeys::new(vec![Key::from_random(&SECRET)], NUMBER, false);
        receiver.open(&mut datagrams[0].1.clone(), Instant::now()).unwrap();
        let subscribe = request(Kind::Subscribe, u64::MAX, 16);
        for plain in [subscribe, request(Kind::Ping, SESSION.get(), 24)] {
            let sealed = sealed(&mut receiver, &plain);
            // On the wire, its clock begins at its number, and zeros are behind its subscribes.
            let opened = sender.open(&mut sealed.clone(), Instant::now()).unwrap().0.to_vec();
            datagrams.push((opened, sealed));
        }
        let (reply, mut sealed) = (request(Kind::SubscribeReply, SESSION.get(), 9), Vec::new());
        assert!(sender.seal_reply(NUMBER, &reply, &mut sealed));
        datagrams.push((reply, sealed));
        Self { frames, datagrams }
    }

    /// A file with the key, and the capture.
    pub(crate) fn write(&self, folder: &Folder) -> [String; 2] {
        let [key, pcap] = ["key", "stream.pcap"].map(|name| folder.join(name));
        std::fs::write(&key, format!("# The golden key\n{}\n", hex(&SECRET))).unwrap();
        let sealed: Vec<_> = self.datagrams.iter().map(|(_, sealed)| sealed.clone()).collect();
        std::fs::write(&pcap, classic_pcap(&sealed)).unwrap();
        [key, pcap]
    }
}

/// All that a sender says of these frames.
fn said(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let now = Instant::now();
    let config = SendConfig {
        pace: Pace::Off,
        fec: Fec::Percent(10),
        name: "door".into(),
        ..SendConfig::new(SESSION, [7; 16])
    };
    let clock = Clock::new(now, MediaTime::from_micros(1_700_000_000_000_000));
    let mut stream: SendStream<u8> = SendStream::new(config, clock, now);
    let mut said = Vec::new();
    for (number, jpeg) in frames.iter().enumerate() {
        let later = now + Duration::from_millis(33 * number as u64);
        let captured = MediaTime::from_micros(1_700_000_000_000_000 + number as u64);
        stream.push_frame(Frame { captured, jpeg: Arc::new(jpeg.clone()), signature: None }, later);
        loop {
            match stream.poll(later) {
                SendOutput::Transmit(sent) => {
                    said.extend(sent.bytes.chunks(sent.segment).map(<[u8]>::to_vec))
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => break,
            }
        }
    }
    said
}

fn sealed_by(sealer: &mut StreamSealer, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(sealer.seal(plain, &mut sealed));
    sealed
}

pub(crate) fn sealed(keys: &mut ReceiverKeys, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(keys.seal(plain, &mut sealed));
    sealed
}

/// A datagram that is no chunk, with zeros for its body.
pub(crate) fn request(kind: Kind, session: u64, bytes: usize) -> Vec<u8> {
    let time = MediaTime::from_micros(1000);
    let header = Header {
        length: bytes as u32,
        ..Header::control(kind, SessionId::new(session), FrameId::new(5), time)
    };
    let mut datagram = vec![0; wire::HEADER_BYTES + bytes];
    wire::emit(&header, &mut datagram);
    datagram
}

pub(crate) fn content(bytes: usize, seed: u8) -> Vec<u8> {
    (0..bytes).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

pub(crate) const SECRET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
pub(crate) const SALT: [u8; 16] = [0xa5; 16];
pub(crate) const SESSION: SessionId = SessionId::new(0x0123_4567_89ab_cdef);
pub(crate) const NUMBER: u64 = 77;
