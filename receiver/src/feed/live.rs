//! What changes while a sender is received: all of it behind one lock, taken once for each thing that happens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use proto::{Frame, SessionId};

use super::counters::FeedCounters;
use super::delay::Delays;
use super::status::{Status, StreamState};
use crate::codec::Decoded;

/// What is known of a sender by now. The receiving thread and the decoding threads write it, and the window, the
/// reports and the web page read it.
#[derive(Debug)]
pub struct Live {
    /// What is counted of it.
    pub counters: FeedCounters,
    /// What is said of it in words; whoever looked has this one, and finds another when something else is said.
    pub status: Arc<Status>,
    /// How to tell the delay of what was decoded last.
    pub delays: Delays,
    /// Its newest decoded picture, until the window takes it.
    pub picture: Option<Picture>,
}

impl Live {
    pub(super) fn new(status: Status) -> Self {
        Self {
            counters: FeedCounters::default(),
            status: Arc::new(status),
            delays: Delays::new(),
            picture: None,
        }
    }

    /// What is said of it, to be changed.
    pub fn status(&mut self) -> &mut Status {
        Arc::make_mut(&mut self.status)
    }

    /// A session begins, from there, by this interface if one was named.
    pub(crate) fn begins(&mut self, session: SessionId, source: SocketAddr, interface: Option<&str>) {
        self.counters.session = Some(session.to_string());
        self.counters.is_over = false;
        self.comes_from(source, interface);
    }

    /// The session goes on from there.
    pub(crate) fn comes_from(&mut self, source: SocketAddr, interface: Option<&str>) {
        self.counters.source = Some(source.to_string());
        let status = self.status();
        (status.source, status.interface) = (source.to_string(), interface.unwrap_or_default().to_owned());
    }

    /// It says what it calls itself, and whether it has no pictures.
    pub(crate) fn says_hello(&mut self, name: &str, is_gone: bool) {
        self.counters.is_over = is_gone;
        if self.counters.name != name {
            name.clone_into(&mut self.counters.name);
        }
        if self.status.name != name {
            name.clone_into(&mut self.status().name);
        }
        // Where it has pictures, the next one says that it is live.
        if is_gone {
            self.status().state = StreamState::SourceGone("the sender waits for its camera".into());
        }
    }

    /// Pictures come. Said when one is delivered, and not when it is decoded: by then the sender may have said goodbye.
    pub(crate) fn goes_live(&mut self) {
        if self.status.state != StreamState::Live {
            self.status().state = StreamState::Live;
        }
    }

    /// Nothing comes any more.
    pub(crate) fn falls_silent(&mut self) {
        // Of one that is not there, that is as it should be.
        let state = &self.status.state;
        if !matches!(state, StreamState::Away(_) | StreamState::Locked(_) | StreamState::Refused(_)) {
            self.status().state = StreamState::Silent(Instant::now());
        }
    }

    /// It has ended its session.
    pub(crate) fn ends(&mut self) {
        self.counters.is_over = true;
        self.status().state = StreamState::Ended;
    }

    /// Another sender is where it was, in a sentence; or it is found again.
    pub(crate) fn is_away(&mut self, why: Option<String>) {
        self.counters.name.clear();
        (self.counters.is_full, self.counters.away) = (false, why.clone());
        let status = self.status();
        status.state = match why {
            Some(why) => {
                (status.name, status.source) = (String::new(), String::new());
                StreamState::Away(why)
            }
            None => StreamState::Waiting(Instant::now()),
        };
    }

    /// What is wrong about its key, in a sentence; or nothing is, any more.
    pub(crate) fn is_locked(&mut self, why: Option<String>) {
        self.counters.locked.clone_from(&why);
        match why {
            Some(why) => self.status().state = StreamState::Locked(why),
            None if matches!(self.status.state, StreamState::Locked(_)) => {
                self.status().state = StreamState::Waiting(Instant::now());
            }
            None => {}
        }
    }

    /// Why the pictures that come are not shown, in a sentence; or they are, from now on.
    pub(crate) fn is_refused(&mut self, why: Option<String>) {
        self.counters.locked = why.as_ref().map(|why| format!("not shown: {why}"));
        self.status().state = why.map_or_else(|| StreamState::Waiting(Instant::now()), StreamState::Refused);
    }

    /// By which interface this source is reached, if that is who sends. Whoever asks the system for it does so in no
    /// hurry: a sender may change often, and the thread that receives has no time for it.
    pub(crate) fn is_reached(&mut self, source: &str, interface: &str) {
        if self.status.source == source && self.status.interface != interface {
            interface.clone_into(&mut self.status().interface);
        }
    }

    /// Takes over a picture and how to tell its delay; returns one that it displaced.
    pub fn put_picture(&mut self, picture: Picture, size: (u32, u32), delays: Delays) -> Option<Picture> {
        self.delays = delays;
        if self.status.size != Some(size) {
            self.status().size = Some(size);
        }
        let displaced = self.picture.replace(picture);
        self.counters.unshown += u64::from(displaced.is_some());
        displaced
    }
}

/// A picture to be shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The JPEG that it was, and when that was captured, on the sender's clock.
    pub frame: Frame,
    /// Its pixels, best in the form that the window wants.
    pub pixels: Arc<Decoded>,
}
