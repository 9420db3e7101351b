//! One run of the sender: its streams, what they send, and what comes back.

use std::time::{Duration, Instant};

use proto::keys::{Key, SEALED_BYTES, SenderKeys, StreamSealer, Suite};
use proto::{Decision, FrameId, Random, SendConfig, SendOutput, SendStream, SessionId, SubscribeServer};

use super::viewer::Viewer;
use super::{FRAME_MS, House, OnAir, Way, clock};

/// One run of the sender.
pub(crate) struct Run {
    pub(crate) session: SessionId,
    pub(crate) keys: SenderKeys,
    server: SubscribeServer<usize>,
    pub(super) streams: Vec<Outgoing>,
}

pub(super) struct Outgoing {
    /// The group if `None`.
    to: Option<usize>,
    pub(super) stream: SendStream<usize>,
    sealer: StreamSealer,
}

impl House {
    pub(super) fn open_streams(&mut self) {
        let ways = self.viewers.iter().enumerate();
        let alone = ways.filter(|(_, viewer)| viewer.way == Way::Unicast).map(|(at, _)| Some(at));
        let all: Vec<_> = std::iter::once(None).chain(alone).collect();
        all.into_iter().for_each(|to| self.open_stream(to, None));
    }

    pub(super) fn open_stream(&mut self, to: Option<usize>, number: Option<u64>) {
        let config = SendConfig {
            seal_bytes: SEALED_BYTES,
            interval: Some(Duration::from_millis(FRAME_MS as u64)),
            is_group: to.is_none(),
            name: "door".into(),
            ..SendConfig::new(self.run.session, SECRET)
        };
        let mut stream = SendStream::new(config, clock(self.t0), self.now());
        stream.set_next_frame(FrameId::new(self.pushed as u32));
        let sealer = self.run.keys.stream(number).expect("there were few");
        self.run.streams.push(Outgoing { to, stream, sealer });
    }

    pub(super) fn end_streams(&mut self, now: Instant) {
        while let Some(gone) = self.run.server.next_gone(now) {
            self.run.streams.retain(|outgoing| outgoing.to != Some(gone));
        }
    }

    pub(super) fn send(&mut self, at: usize, now: Instant) {
        let Outgoing { to, stream, sealer } = &mut self.run.streams[at];
        loop {
            match stream.poll(now) {
                SendOutput::Transmit(transmit) => {
                    let viewers = self.viewers.iter_mut().enumerate();
                    let hear = |(at, viewer): &(usize, &mut Viewer)| match transmit.to.or(*to) {
                        Some(one) => one == *at,
                        None => viewer.way == Way::Group,
                    };
                    let mut hear: Vec<_> = viewers.filter(hear).collect();
                    for plain in transmit.bytes.chunks(transmit.segment) {
                        let mut sealed = Vec::new();
                        assert!(sealer.seal(plain, &mut sealed));
                        self.sent += 1;
                        let to = hear.iter().map(|(at, _)| *at).collect();
                        let on_air = OnAir { from: None, to, sealed, at: self.at };
                        let every = if on_air.kind() == DATA { 97 } else { 5 };
                        if self.withholds && self.sent.is_multiple_of(every) {
                            self.withheld.push(on_air);
                            continue;
                        }
                        hear.iter_mut().for_each(|(_, viewer)| viewer.network.push(&on_air.sealed, now));
                        self.air.push(on_air);
                    }
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => break,
            }
        }
    }

    pub(super) fn feed_back(&mut self, at: usize, now: Instant) {
        let way = self.viewers[at].way;
        while let Some(sealed) = self.viewers[at].back.pop(now) {
            if self.back_at.is_some() {
                continue;
            }
            let Ok((plain, number)) = self.run.keys.open(sealed, now) else { continue };
            let decision = self.run.server.handle_datagram(at, plain, now);
            let mut sealed = Vec::new();
            match decision {
                Some(Decision::Reply(reply)) => {
                    assert!(self.run.keys.seal_reply(number, reply, &mut sealed));
                    self.viewers[at].network.push(&sealed, now);
                    self.air.push(OnAir { from: None, to: vec![at], sealed, at: self.at });
                }
                Some(Decision::Welcome) => self.open_stream(Some(at), Some(number)),
                Some(Decision::Leaves) => self.run.streams.retain(|outgoing| outgoing.to != Some(at)),
                Some(Decision::Stays | Decision::Refused) => {}
                None => {
                    let to = (way != Way::Group).then_some(at);
                    let his = self.run.streams.iter_mut().find(|outgoing| outgoing.to == to);
                    his.map(|outgoing| outgoing.stream.handle_datagram(at, plain, now));
                }
            }
        }
    }
}

impl Run {
    pub(super) fn new(key: &Key, random: &mut Random, t0: Instant) -> Self {
        let session = SessionId::new(random.next() >> 1 | 1);
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let suite = if random.below(2) == 0 { Suite::Aes } else { Suite::ChaCha };
        Self {
            session,
            keys: SenderKeys::new(key.clone(), session, salt, suite),
            server: SubscribeServer::new(session, SECRET, 16, clock(t0)),
            streams: Vec::new(),
        }
    }
}

const SECRET: [u8; 16] = [5; 16];
const DATA: u8 = 1;
