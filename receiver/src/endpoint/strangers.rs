//! Senders that came when all places were taken.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::SILENCE;

use super::stream::StreamConfig;

/// Who was heard lately without having a place.
pub(super) struct Strangers {
    heard: Vec<Stranger>,
}

struct Stranger {
    source: SocketAddr,
    /// What it called itself; empty where that is not known.
    name: String,
    since: Instant,
    last: Instant,
}

impl Strangers {
    pub(super) fn new() -> Self {
        Self { heard: Vec::with_capacity(MOST) }
    }

    /// Notes a datagram of a stranger; whether he has been sending for so long that he is no restarted sender that we
    /// know, whose place will be free in a moment.
    pub(super) fn insists(
        &mut self,
        source: SocketAddr,
        datagram: &[u8],
        config: &StreamConfig,
        now: Instant,
    ) -> bool {
        let Some((_, name)) = config.begins(datagram) else { return false };
        self.heard.retain(|stranger| now.saturating_duration_since(stranger.last) < FORGOTTEN);
        match self.heard.iter_mut().find(|stranger| stranger.source == source) {
            Some(stranger) => {
                stranger.last = now;
                if !name.is_empty() {
                    name.clone_into(&mut stranger.name);
                }
                now.saturating_duration_since(stranger.since) > INSISTS
            }
            None => {
                if self.heard.len() < MOST {
                    self.heard.push(Stranger { source, name: name.to_owned(), since: now, last: now });
                }
                false
            }
        }
    }

    /// What a stranger called himself, if he did; empty where that is not known.
    pub(super) fn name_of(&self, source: SocketAddr) -> &str {
        self.heard.iter().find(|stranger| stranger.source == source).map_or("", |stranger| &stranger.name)
    }
}

/// Strangers remembered: more than there are places.
const MOST: usize = 64;
/// Longer than the silence after which a place is free: whoever takes over does it before.
const INSISTS: Duration = Duration::from_millis(SILENCE.as_millis() as u64 + 200);
/// A sender says hello five times in it.
const FORGOTTEN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
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
        let (mut strangers, t0) = (Strangers::new(), Instant::now());
        let (one, other) = (([10, 0, 0, 1], 5000).into(), ([10, 0, 0, 2], 5000).into());
        let at = |millis| t0 + Duration::from_millis(millis);
        let hello = hello(t0);
        let config = StreamConfig::Chunkcast(RecvConfig::default());
        for millis in (0..=700).step_by(100) {
            assert!(!strangers.insists(one, &hello, &config, at(millis)), "{millis}");
            assert!(!strangers.insists(other, b"nonsense", &config, at(millis)));
        }
        assert!(strangers.insists(one, &hello, &config, at(800)));
        assert!(!strangers.insists(one, &hello, &config, at(2000)), "after a pause he begins anew");
    }

    #[test]
    fn only_so_many_are_remembered_until_they_fall_silent() {
        let (mut strangers, t0) = (Strangers::new(), Instant::now());
        let config = StreamConfig::Chunkcast(RecvConfig::default());
        let hello = hello(t0);
        for n in 0..1000_u32 {
            strangers.insists((n.to_be_bytes(), 5000).into(), &hello, &config, t0);
        }
        assert_eq!(strangers.heard.len(), MOST);
        strangers.insists(([10, 0, 0, 1], 5000).into(), &hello, &config, t0 + FORGOTTEN);
        assert_eq!(strangers.heard.len(), 1);
    }
}
