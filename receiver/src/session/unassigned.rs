//! Senders without a slot, while all slots are taken.

use std::net::SocketAddr;
use std::time::Instant;

use super::stream::StreamConfig;
use super::timeouts::{INSISTS, SILENT};

/// Senders heard lately that have no slot.
pub(super) struct Unassigned {
    heard: Vec<UnassignedSource>,
}

struct UnassignedSource {
    source: SocketAddr,
    /// What it called itself; empty where that is not known.
    name: String,
    since: Instant,
    last: Instant,
    /// How often he was heard, up to [`OFTEN`].
    count: u8,
}

impl Unassigned {
    pub(super) fn new() -> Self {
        Self { heard: Vec::with_capacity(MOST) }
    }

    /// Notes a datagram of a sender without a slot; whether it has been sending for so long that it is no known sender
    /// that was restarted, whose slot will be free in a moment.
    pub(super) fn insists(
        &mut self,
        source: SocketAddr,
        datagram: &[u8],
        config: &StreamConfig,
        now: Instant,
    ) -> bool {
        let Some((_, name)) = config.begins(datagram) else { return false };
        self.heard.retain(|source| now.saturating_duration_since(source.last) < SILENT);
        match self.heard.iter_mut().find(|known| known.source == source) {
            Some(known) => {
                known.last = now;
                known.count = OFTEN.min(known.count + 1);
                if !name.is_empty() {
                    name.clone_into(&mut known.name);
                }
                now.saturating_duration_since(known.since) > INSISTS
            }
            None => {
                if self.heard.len() >= MOST {
                    self.forget_one();
                }
                self.heard.push(UnassignedSource {
                    source,
                    name: name.to_owned(),
                    since: now,
                    last: now,
                    count: 1,
                });
                false
            }
        }
    }

    /// Forgets who was heard least, and of those who was heard longest ago: addresses that were made up are heard once
    /// each, and are not to keep out who goes on sending.
    fn forget_one(&mut self) {
        let all = self.heard.iter().enumerate();
        if let Some((at, _)) = all.min_by_key(|(_, source)| (source.count, source.last)) {
            self.heard.swap_remove(at);
        }
    }

    /// The name of a sender without a slot; empty where that is not known.
    pub(super) fn name_of(&self, source: SocketAddr) -> &str {
        self.heard.iter().find(|known| known.source == source).map_or("", |known| &known.name)
    }
}

/// Senders remembered: more than there are slots.
const MOST: usize = 64;
/// More says nothing more.
const OFTEN: u8 = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proto::{Clock, MediaTime, Pace, RecvConfig, SendConfig, SendOutput, SendStream, SessionId};

    use super::*;

    fn hello(now: Instant) -> Vec<u8> {
        let config = SendConfig { pace: Pace::Off, ..SendConfig::new(SessionId::new(9), [7; 16]) };
        let mut stream = SendStream::<SocketAddr>::new(config, Clock::new(now, MediaTime::default()), now);
        match stream.poll(now) {
            SendOutput::Transmit(transmit) => transmit.bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_keeps_sending_insists_and_who_sends_nonsense_or_pauses_does_not() {
        let (mut unassigned, t0) = (Unassigned::new(), Instant::now());
        let (one, other) = (([10, 0, 0, 1], 5000).into(), ([10, 0, 0, 2], 5000).into());
        let at = |millis| t0 + Duration::from_millis(millis);
        let hello = hello(t0);
        let config = StreamConfig::Chunkcast(RecvConfig::default());
        for millis in (0..=700).step_by(100) {
            assert!(!unassigned.insists(one, &hello, &config, at(millis)), "{millis}");
            assert!(!unassigned.insists(other, b"nonsense", &config, at(millis)));
        }
        assert!(unassigned.insists(one, &hello, &config, at(800)));
        assert!(!unassigned.insists(one, &hello, &config, at(2000)), "after a pause he begins anew");
    }

    #[test]
    fn only_so_many_are_remembered_until_they_fall_silent() {
        let (mut unassigned, t0) = (Unassigned::new(), Instant::now());
        let config = StreamConfig::Chunkcast(RecvConfig::default());
        let hello = hello(t0);
        for n in 0..1000_u32 {
            unassigned.insists((n.to_be_bytes(), 5000).into(), &hello, &config, t0);
        }
        assert_eq!(unassigned.heard.len(), MOST);
        unassigned.insists(([10, 0, 0, 1], 5000).into(), &hello, &config, t0 + SILENT);
        assert_eq!(unassigned.heard.len(), 1);
    }

    #[test]
    fn made_up_addresses_keep_no_sender_from_insisting() {
        let (mut unassigned, t0) = (Unassigned::new(), Instant::now());
        let at = |millis| t0 + Duration::from_millis(millis);
        let (hello, config) = (hello(t0), StreamConfig::Chunkcast(RecvConfig::default()));
        let mut made_up = 0u32;
        let mut flood = |unassigned: &mut Unassigned, now| {
            for _ in 0..2 * MOST {
                made_up += 1;
                let [_, b, c, d] = made_up.to_be_bytes();
                unassigned.insists(([10, b, c, d], 1).into(), &hello, &config, now);
            }
            assert!(unassigned.heard.len() <= MOST);
        };
        flood(&mut unassigned, at(0));
        let one = ([192, 168, 0, 1], 5000).into();
        let mut insists = false;
        for millis in (0..=900).step_by(10) {
            // Two of his datagrams come one after the other at times, as those of a frame do.
            insists = unassigned.insists(one, &hello, &config, at(millis));
            insists = unassigned.insists(one, &hello, &config, at(millis)) || insists;
            flood(&mut unassigned, at(millis));
        }
        assert!(insists);
    }
}
