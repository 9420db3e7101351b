//! A sender's session, as a receiver with its key knows it.

use std::collections::VecDeque;
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
use crate::wire::{Body, Datagram, Kind};

/// A session that one genuine datagram at least has come of.
pub(super) struct KnownSession {
    pub(super) id: SessionId,
    pub(super) introduction: Introduction,
    pub(super) up: Cipher,
    pub(super) heard: Instant,
    suite: Suite,
    secret: SessionSecret,
    /// The number of the receiver whose this is.
    receiver: u64,
    stream: Option<Track>,
    replies: Option<Track>,
    /// What a pong may answer, by the time that it says that it was sent at.
    asked: VecDeque<u64>,
    /// When it was last shown that it is alive, and no recording.
    alive: Option<Instant>,
    /// Whether it listens, so that it can be asked to show that; until a hello says that it does not.
    listens: bool,
    /// What the sender calls itself, once it has said hello.
    name: Option<String>,
    /// When it last said something that is no chunk, on its clock.
    said: MediaTime,
    met: Instant,
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
            up,
            heard: now,
            suite,
            secret,
            receiver,
            stream: None,
            replies: None,
            asked: VecDeque::new(),
            alive: None,
            listens: true,
            name: None,
            said: MediaTime::default(),
            met: now,
        })
    }

    /// Opens one of its datagrams, which is for this receiver (0: for all). Nothing changes unless it is genuine.
    pub(super) fn open(
        &mut self,
        datagram: &mut [u8],
        kind: Kind,
        to: u64,
        now: Instant,
    ) -> Result<Range<usize>, Refusal> {
        let body = stream::body(layout::introduces(kind));
        let counter = layout::counter(datagram).ok_or(Refusal::Malformed)?;
        let (number, count) = stream::split(counter);
        let is_reply = kind == Kind::SubscribeReply;
        if datagram.len() < body + TAG_BYTES || is_reply != (number == REPLIES) {
            return Err(Refusal::Malformed);
        }
        let epoch = stream::epoch(count);
        let present = if is_reply { &mut self.replies } else { &mut self.stream };
        let mut has_to_answer = false;
        if let Some(track) = &present {
            let is_new = if track.number == number {
                track.window.is_new(count) && epoch >= track.epoch
            } else {
                // What others were sent may have been recorded, and what this receiver was sent before.
                let is_next = track.is_silent(now) || (to != 0 && number > track.number);
                has_to_answer = !is_next;
                layout::captured(datagram) > self.said.as_micros()
                    && (kind == Kind::Pong || (kind == Kind::Hello && is_next))
            };
            if !is_new {
                return Err(Refusal::Replayed);
            }
        }
        let (clear, sealed) = datagram.split_at_mut(body);
        let length = sealed.len();
        let (opened, next) = match present.as_mut().filter(|track| track.number == number) {
            Some(track) if track.epoch == epoch => (track.cipher.open(counter, clear, sealed), None),
            track => {
                let window = track.map(|track| track.window.clone()).unwrap_or_default();
                let cipher = self.secret.down(self.suite, self.id, to, number, epoch);
                let opened = cipher.open(counter, clear, sealed);
                (opened, Some(Track { number, epoch, cipher, window, heard: now }))
            }
        };
        let opened = opened.ok_or(Refusal::Forged)?;
        let asked = layout::asked(opened).filter(|_| kind == Kind::Pong);
        let answered = asked.and_then(|asked| self.asked.iter().position(|at| *at == asked));
        let answers = answered.and_then(|at| self.asked.remove(at)).is_some();
        if has_to_answer && !answers {
            return Err(Refusal::Replayed);
        }
        if next.is_some() {
            *present = next;
        }
        if let Some(track) = present {
            track.window.note(count);
            track.heard = now;
        }
        self.heard = now;
        if answers || is_reply {
            self.alive = Some(now);
        } else if to != 0 {
            // It is sealed for a number that this receiver has made up since it was started.
            self.alive.get_or_insert(now);
        }
        let range = layout::restore(datagram, body, body + length - TAG_BYTES);
        if let Some(asked) = asked {
            layout::set_asked(&mut datagram[range.clone()], asked.wrapping_sub(self.receiver));
        }
        if !layout::is_chunk(kind) {
            self.take_in(&datagram[range.clone()])?;
        }
        Ok(range)
    }

    /// Notes that this receiver sends something that a pong answers, and says that it is sent then.
    pub(super) fn asks(&mut self, at: u64) {
        if self.asked.len() == MOST_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(at);
    }

    /// Whether this is a later session of the sender whose other one was, by its name and clock.
    pub(super) fn succeeds(&self, other: &Self) -> bool {
        let later = self.said.as_micros().saturating_sub(other.said.as_micros());
        later > APART.as_micros() as u64
            && self.id != other.id
            && self.name.is_some()
            && self.name == other.name
    }

    /// Whether it was shown lately that it is alive, and no recording.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        self.alive.is_some_and(|alive| now.saturating_duration_since(alive) < ALIVE_FOR)
    }

    /// Whether that was shown ever.
    pub(super) fn is_proven(&self) -> bool {
        self.alive.is_some()
    }

    /// Whether its pictures may be shown if it has no successor: it is proven, or that cannot be, since it does not
    /// listen, or nothing comes back for so long that there may be no way to it.
    pub(super) fn is_trusted(&self, now: Instant) -> bool {
        let waited = now.saturating_duration_since(self.met) >= PATIENCE;
        self.is_proven() || !self.listens || waited
    }

    /// Learns of what the sender says of itself.
    fn take_in(&mut self, plain: &[u8]) -> Result<(), Refusal> {
        let plain = Datagram::parse(plain).map_err(|_| Refusal::Malformed)?;
        self.said = self.said.max(plain.header.captured);
        if let Body::Hello(hello) = plain.body {
            self.listens = hello.invitation.is_some();
            if self.name.as_deref() != Some(hello.name) {
                self.name = Some(hello.name.to_owned());
            }
        }
        Ok(())
    }
}

impl Track {
    fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) >= SILENT
    }
}

/// A sender says hello more often.
pub(super) const SILENT: Duration = Duration::from_millis(500);
/// Pings are answered sooner, where there is a way back.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longer than receivers of large groups wait between two reports, of which one may be lost.
const ALIVE_FOR: Duration = Duration::from_secs(30);
/// The clocks of two senders of one name may be so far apart.
const APART: Duration = Duration::from_secs(2);
/// A round trip's worth of pings and reports.
const MOST_ASKED: usize = 32;
