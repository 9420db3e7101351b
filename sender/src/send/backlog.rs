//! Datagrams that wait for room in their socket's buffer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::Transmit;

/// What was to go, and could not yet. Nothing else of its destination goes meanwhile, and nobody else waits for it.
#[derive(Debug, Default)]
pub(super) struct SendBacklog {
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
    segment: usize,
    /// When it is given up.
    until: Option<Instant>,
}

impl SendBacklog {
    /// Keeps what is left of `transmit` when `sent` of its bytes have gone.
    pub(super) fn keep(&mut self, transmit: &Transmit<'_, SocketAddr>, sent: usize, now: Instant) {
        (self.to, self.segment) = (transmit.to, transmit.segment);
        self.bytes.extend_from_slice(&transmit.bytes[sent..]);
        self.until = Some(now + PATIENCE);
    }

    /// What waits, and until when; `None` if nothing does.
    pub(super) fn waiting(&self) -> Option<(Transmit<'_, SocketAddr>, Instant)> {
        let transmit = Transmit { to: self.to, bytes: &self.bytes, segment: self.segment };
        Some((transmit, self.until?))
    }

    /// So many of its first bytes have gone.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        if self.bytes.is_empty() {
            self.until = None;
        }
    }

    /// Gives it up.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.until = None;
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_none()
    }
}

/// Shorter: bursts that a slow interface would have taken are lost. Longer: what comes when it goes on is old.
const PATIENCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_waits_until_it_has_gone_or_is_given_up() {
        let (mut held, now) = (SendBacklog::default(), Instant::now());
        let bytes = |held: &SendBacklog| held.waiting().map(|(transmit, _)| transmit.bytes.to_vec());
        let transmit = Transmit { to: None, bytes: &[1, 1, 2, 2, 3], segment: 2 };
        for gives_up in [false, true] {
            held.keep(&transmit, 2, now);
            assert_eq!(bytes(&held), Some(vec![2, 2, 3]));
            held.sent(2);
            assert_eq!(bytes(&held), Some(vec![3]));
            let (waiting, until) = held.waiting().unwrap();
            assert_eq!((waiting.segment, until), (2, now + PATIENCE));
            if gives_up {
                held.clear()
            } else {
                held.sent(1)
            }
            assert!(held.is_empty() && held.waiting().is_none());
        }
    }
}
