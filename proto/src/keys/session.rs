//! A sender's session, as a receiver with its key knows it.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::cipher::{Cipher, Suite};
use super::key::{Key, SessionSecret};
use super::layout::{self, Introduction, TAG_BYTES};
use super::refusal::Refusal;
use super::replay::ReplayWindow;
use super::stream::{self, REPLIES};
use crate::frame::MediaTime;
use crate::seq::SessionId;
use crate::wire::Kind;

/// A session that one genuine datagram at least has come of.
pub(super) struct KnownSession {
    pub(super) id: SessionId,
    pub(super) introduction: Introduction,
    suite: Suite,
    secret: SessionSecret,
    pub(super) up: Cipher,
    stream: Option<Track>,
    replies: Option<Track>,
    /// Whether a pong has shown that it is alive, and no recording of one.
    pub(super) is_proven: bool,
    /// Whether it listens, so that it can be asked to show that; until a hello says that it does not.
    pub(super) listens: bool,
    /// Whether a newer session of the same name was heard: then only a pong shows that this one is alive.
    pub(super) is_old: bool,
    /// What the sender calls itself, and when it last said so, on its clock.
    pub(super) name: String,
    pub(super) said: MediaTime,
    met: Instant,
    pub(super) heard: Instant,
}

/// What has come of one stream.
struct Track {
    number: u32,
    epoch: u32,
    cipher: Cipher,
    window: ReplayWindow,
    heard: Instant,
}

impl KnownSession {
    /// `None` if it is sealed in a way that this version does not know.
    pub(super) fn new(
        key: &Key,
        id: SessionId,
        introduction: Introduction,
        receiver: u64,
        now: Instant,
    ) -> Option<Self> {
        let suite = Suite::from_wire(introduction.suite)?;
        let secret = key.session(&introduction.salt);
        let up = secret.up(suite, id, receiver);
        Some(Self {
            id,
            introduction,
            suite,
            secret,
            up,
            stream: None,
            replies: None,
            is_proven: false,
            listens: true,
            is_old: false,
            name: String::new(),
            said: MediaTime::default(),
            met: now,
            heard: now,
        })
    }

    /// Opens one of its datagrams, which is for this receiver (0: for all). Nothing changes unless it is genuine.
    /// `answers` says of a pong's body whether it answers what this receiver has sent.
    pub(super) fn open(
        &mut self,
        datagram: &mut [u8],
        kind: Kind,
        to: u64,
        answers: impl FnOnce(&[u8]) -> bool,
        now: Instant,
    ) -> Result<Range<usize>, Refusal> {
        let body = stream::body(layout::introduces(kind));
        let counter = layout::counter(datagram).ok_or(Refusal::Malformed)?;
        if datagram.len() < body + TAG_BYTES {
            return Err(Refusal::Malformed);
        }
        let (number, count) = stream::split(counter);
        let is_reply = kind == Kind::SubscribeReply;
        if is_reply != (number == REPLIES) {
            return Err(Refusal::Malformed);
        }
        let epoch = stream::epoch(count);
        let track = if is_reply { &mut self.replies } else { &mut self.stream };
        let (mut other, mut has_to_answer) = (None, false);
        let track = match track {
            Some(track) if track.number == number => {
                if !track.window.is_new(count) || epoch < track.epoch {
                    return Err(Refusal::Replayed);
                }
                Some(track)
            }
            // Another stream of the session counts once this one is silent, or by a pong: those of other receivers may
            // have been recorded.
            Some(track) if now.saturating_duration_since(track.heard) < SILENT => {
                has_to_answer = true;
                None
            }
            _ => None,
        };
        if has_to_answer && kind != Kind::Pong {
            return Err(Refusal::Replayed);
        }
        let cipher_of = |epoch| self.secret.down(self.suite, self.id, to, number, epoch);
        let (clear, sealed) = datagram.split_at_mut(body);
        let length = sealed.len();
        match track {
            Some(track) if track.epoch == epoch => {
                track.cipher.open(counter, clear, sealed).ok_or(Refusal::Forged)?;
                track.window.note(count);
                track.heard = now;
            }
            track => {
                let cipher = cipher_of(epoch);
                let body = cipher.open(counter, clear, sealed).ok_or(Refusal::Forged)?;
                if has_to_answer && !answers(body) {
                    return Err(Refusal::Replayed);
                }
                let mut window = track.map(|track| track.window.clone()).unwrap_or_default();
                window.note(count);
                other = Some(Track { number, epoch, cipher, window, heard: now });
            }
        }
        if other.is_some() {
            *if is_reply { &mut self.replies } else { &mut self.stream } = other;
        }
        self.heard = now;
        Ok(layout::restore(datagram, body, body + length - TAG_BYTES))
    }

    /// Whether its pictures may be shown: it has been shown to be alive, or that cannot be.
    pub(super) fn is_trusted(&self, now: Instant) -> bool {
        self.is_proven || (!self.is_old && (!self.listens || self.waited(now)))
    }

    /// Whether nothing has shown it to be alive for so long that there may be no way back.
    pub(super) fn waited(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.met) >= PATIENCE
    }
}

/// A sender says hello more often.
const SILENT: Duration = Duration::from_millis(500);
/// Pings are answered sooner, where there is a way back.
const PATIENCE: Duration = Duration::from_secs(1);
