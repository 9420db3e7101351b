//! A viewer: what it hears, is shown and says.

use std::time::Instant;

use proto::keys::{Key, ReceiverKeys, Refusal};
use proto::netem::Netem;
use proto::{Random, RecvConfig, RecvEvent, RecvOutput, RecvStream, SubscribeOutput, Subscriber};

use super::{House, OnAir, Way, picture};

pub(crate) struct Viewer {
    pub(crate) way: Way,
    pub(crate) keys: ReceiverKeys,
    /// Pictures that it was shown, and those of them that were of a run that was over.
    pub(crate) delivered: u64,
    pub(crate) outdated: u64,
    subscriber: Option<Subscriber>,
    stream: RecvStream<usize>,
    pub(super) network: Netem<()>,
    pub(super) back: Netem<()>,
}

impl Viewer {
    pub(super) fn new(way: Way, key: &Key, network: &str, seed: u64, now: Instant) -> Self {
        let netem = |seed: u64| Netem::new(format!("{network},seed={seed}").parse().expect("a network"));
        let number = Random::new(seed).next() | 1;
        Self {
            way,
            keys: ReceiverKeys::new(vec![key.clone()], number, way == Way::Subscribed),
            delivered: 0,
            outdated: 0,
            subscriber: (way == Way::Subscribed).then(|| Subscriber::new(now)),
            stream: RecvStream::new(RecvConfig { seed, ..RecvConfig::default() }),
            network: netem(seed),
            back: netem(!seed),
        }
    }

    /// Takes in what arrives.
    pub(super) fn take(&mut self, sealed: &mut [u8], now: Instant) -> Result<(), Refusal> {
        let plain = self.keys.open(sealed, now)?;
        if let Some(subscriber) = &mut self.subscriber {
            if subscriber.handle_datagram(plain, now) {
                return Ok(());
            }
            subscriber.heard(now);
        }
        self.stream.handle_datagram(0, plain, now);
        Ok(())
    }
}

impl House {
    pub(super) fn hear(&mut self, at: usize, now: Instant) {
        let viewer = &mut self.viewers[at];
        while let Some(sealed) = viewer.network.pop(now) {
            let mut sealed = sealed.to_vec();
            // What is refused is counted.
            let _ = viewer.take(&mut sealed, now);
        }
        viewer.stream.handle_timeout(now);
    }

    pub(super) fn say(&mut self, at: usize, now: Instant) {
        let Viewer { keys, subscriber, stream, back, delivered, outdated, .. } = &mut self.viewers[at];
        let mut say = |plain: &[u8]| {
            let mut sealed = Vec::new();
            if keys.seal(plain, &mut sealed) {
                back.push(&sealed, now);
                self.air.push(OnAir { from: Some(at), to: Vec::new(), sealed, at: self.at });
            }
        };
        loop {
            match stream.poll(now) {
                RecvOutput::Transmit { bytes, .. } => say(bytes),
                RecvOutput::Event(RecvEvent::Delivered(delivery)) => {
                    let is_true = *delivery.frame.jpeg == *picture(delivery.frame.captured, self.frame_bytes);
                    assert!(is_true, "viewer {at} is shown what was never sent");
                    *delivered += 1;
                    *outdated += u64::from(delivery.frame.captured < self.began);
                }
                RecvOutput::Event(_) => {}
                RecvOutput::Wait(_) => break,
            }
        }
        let Some(subscriber) = subscriber else { return };
        while let SubscribeOutput::Transmit(plain) = subscriber.poll(now) {
            say(plain);
        }
    }
}
