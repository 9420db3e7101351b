//! A receiver among several senders, of which one is real and answers what it is told. Each datagram and each frame
//! ends in one counted way, ids only rise, and all that is sent back can be read: no request names a chunk twice.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use proto::wire::Datagram;
use proto::{
    Fec, Frame, FrameId, MediaTime, Pace, RecvConfig, RecvEvent, RecvOutput, RecvStats, RecvStream,
    SendConfig, SendOutput, SendStream, SessionId,
};

use super::Bytes;
use super::datagrams::{
    HEADER, SECRET, STARTED, Stream, apart, content, in_parts, mutate, seal, sender_clock,
};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut scene = Scene::new(bytes.u8());
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        scene.step(&mut bytes);
        scene.drain();
        scene.check();
    }
    scene.recv.close();
    while !matches!(scene.recv.poll(scene.now), RecvOutput::Wait(_)) {}
}

struct Scene {
    start: Instant,
    now: Instant,
    recv: RecvStream<u8>,
    send: SendStream<u8>,
    /// What the real sender has said lately.
    live: Vec<Vec<u8>>,
    last: Option<(SessionId, FrameId)>,
    contested: u64,
    delivered: u64,
    lost: u64,
}

impl Scene {
    fn new(flags: u8) -> Self {
        let start = Instant::now() + Duration::from_secs(10);
        let recv = RecvStream::new(RecvConfig {
            feedback: flags & 1 == 0,
            resend: flags & 2 == 0,
            deadline: Duration::from_millis(if flags & 4 == 0 { 500 } else { 20 }),
            seed: flags.into(),
        });
        let config = SendConfig {
            pace: Pace::Off,
            datagram_bytes: 200,
            is_group: flags & 8 != 0,
            name: "x".into(),
            ..SendConfig::new(SessionId::new(1), SECRET)
        };
        let send = SendStream::new(config, sender_clock(start), start);
        Self {
            start,
            now: start,
            recv,
            send,
            live: Vec::new(),
            last: None,
            contested: 0,
            delivered: 0,
            lost: 0,
        }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let op = bytes.u8();
        match op % 8 {
            0 => {
                self.now += bytes.step();
                self.recv.handle_timeout(self.now);
            }
            1 => {
                let length = 1 + usize::from(bytes.u16()) % 3000;
                let micros = (self.now - self.start).as_micros() as u64;
                let captured = MediaTime::from_micros(STARTED + micros);
                self.send.push_frame(
                    Frame { captured, jpeg: Arc::new(content(length, op)), signature: None },
                    self.now,
                );
            }
            2 => self.hear_sender(),
            3 if !self.live.is_empty() => {
                // Several of what the real one said, in order; some are lost.
                let (from, mask) = (bytes.below(self.live.len()), bytes.u8());
                for (i, datagram) in self.live.iter().skip(from).take(8).enumerate() {
                    if mask >> i & 1 == 1 {
                        self.recv.handle_datagram(1, &mut datagram.clone(), self.now);
                    }
                }
            }
            4 if !self.live.is_empty() => {
                let mut datagram = self.live[bytes.below(self.live.len())].clone();
                mutate(bytes, &mut datagram);
                seal(&mut datagram);
                self.recv.handle_datagram(bytes.u8() % 3, &mut datagram, self.now);
            }
            5 => {
                let count = bytes.below(60);
                let mut datagram = bytes.take(count).to_vec();
                if datagram.len() >= HEADER {
                    datagram[..3].copy_from_slice(b"Ck\x01");
                    seal(&mut datagram);
                }
                self.recv.handle_datagram(op >> 6, &mut datagram, self.now);
            }
            6 => {
                // A run of what another one says.
                let pool = &POOLS[bytes.below(POOLS.len())];
                let (from, count, source) = (bytes.below(pool.len()), bytes.below(64), bytes.u8() % 3);
                let arrived = self.now - Duration::from_micros(op.into());
                for datagram in pool.iter().skip(from).take(count) {
                    self.recv.handle_datagram_arrived(source, &mut datagram.clone(), arrived, self.now);
                }
            }
            _ => {
                let pool = &POOLS[bytes.below(POOLS.len())];
                let mut datagram = pool[bytes.below(pool.len())].clone();
                mutate(bytes, &mut datagram);
                if op & 64 == 0 {
                    seal(&mut datagram);
                }
                self.recv.handle_datagram(bytes.u8() % 3, &mut datagram, self.now);
            }
        }
    }

    fn hear_sender(&mut self) {
        for _ in 0..39 {
            let SendOutput::Transmit(sent) = self.send.poll(self.now) else { break };
            self.live.extend(apart(sent.bytes, sent.segment));
        }
        if self.live.len() > 400 {
            self.live.drain(..200);
        }
    }

    /// Takes what comes out, and gives what is sent to the real sender.
    fn drain(&mut self) {
        for _ in 0..2000 {
            match self.recv.poll(self.now) {
                RecvOutput::Wait(_) => return,
                RecvOutput::Transmit { to: _, bytes } => {
                    let said = Datagram::parse(bytes).map(|_| ());
                    assert!(said.is_ok(), "{said:?} of what is sent: {bytes:02x?}");
                    let bytes = bytes.to_vec();
                    self.send.handle_datagram(9, &bytes, self.now);
                }
                RecvOutput::Event(RecvEvent::Delivered(delivery)) => {
                    self.delivered += 1;
                    let this = self.recv.holder().map(|(_, session)| (session, delivery.id));
                    // Where somebody spoke in the sender's name, its frames may be counted anew.
                    let contested = self.recv.stats().contested;
                    if let (Some((session, id)), Some((before, newest))) = (this, self.last)
                        && session == before
                        && std::mem::replace(&mut self.contested, contested) == contested
                    {
                        assert!(id.is_newer_than(newest), "delivered ids only rise");
                    }
                    self.last = this;
                }
                RecvOutput::Event(RecvEvent::Lost(loss)) => {
                    self.lost += 1;
                    assert!(loss.chunks > 0, "of a frame that is lost something came");
                }
                RecvOutput::Event(RecvEvent::Session { .. } | RecvEvent::Goodbye) => self.last = None,
                RecvOutput::Event(_) => {}
            }
        }
        panic!("it never waits");
    }

    fn check(&self) {
        let stats = self.recv.stats();
        adds_up(stats);
        assert_eq!((stats.delivered, stats.lost.total()), (self.delivered, self.lost));
        assert!(stats.unseen < 1 << 32, "{} unseen", stats.unseen);
        let _ = (self.recv.clock(self.now), self.recv.reordering(), self.recv.is_free(self.now));
    }
}

/// Each datagram ends in exactly one way.
pub(crate) fn adds_up(stats: &RecvStats) {
    let d = &stats.datagrams;
    let ended = [
        d.accepted,
        d.control,
        d.spare,
        d.duplicate,
        d.late,
        d.foreign,
        d.malformed,
        d.bad_checksum,
        d.contradictory,
        d.unknown,
    ];
    assert_eq!(d.received, ended.iter().sum::<u64>(), "{d:?}");
}

static POOLS: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| {
    let said = |session, frames: &[usize], percent, datagram_bytes, is_group| {
        let fec = if percent == 0 { Fec::Off } else { Fec::Percent(percent) };
        Stream { session, frames, fec, datagram_bytes, is_group }.said()
    };
    vec![
        said(1, &[900, 40, 3000, 700, 1200], 40, 300, false),
        said(2, &[5000, 5001, 300, 300, 300, 300], 5, 200, true),
        said(3, &[100; 10], 0, 80, false),
        // The first one's session, with other frames.
        said(1, &[901, 41, 3001, 701, 1201], 1, 301, false),
        said(4, &[70_000, 65_000], 50, 1472, false),
        in_parts(said(5, &[900, 40, 3000, 700, 1200, 300, 80, 90, 5000], 20, 300, false), 3),
        in_parts(said(1, &[900, 40, 3000, 700], 0, 300, false), 4),
    ]
});
const MOST_STEPS: usize = 400;
