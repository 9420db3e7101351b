//! A house with one camera: a sender to a group, to an address and to subscribers at once, all of one session and one
//! key, and viewers over networks of their own.

mod run;
mod viewer;

use std::time::{Duration, Instant};

use proto::keys::{Key, Refusal, RefusalCounts};
use proto::{Buffer, Clock, Frame, MediaTime, Random};

use run::Run;
use viewer::Viewer;

/// Who is sent to; a viewer's number is its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// With the others of the group.
    Group,
    /// Alone, sealed for all.
    Unicast,
    /// Alone, sealed for it.
    Subscribed,
}

pub(crate) struct House {
    pub(crate) key: Key,
    pub(crate) at: Duration,
    pub(crate) run: Run,
    pub(crate) viewers: Vec<Viewer>,
    /// What was sealed since whoever looks took it.
    pub(crate) air: Vec<OnAir>,
    /// Frames that the sender was given.
    pub(crate) pushed: u64,
    /// Whether some datagrams are kept from viewers: one chunk in 97, and of all else one in five.
    pub(crate) withholds: bool,
    pub(crate) withheld: Vec<OnAir>,
    t0: Instant,
    random: Random,
    back_at: Option<Duration>,
    /// When the run began, on the sender's clock.
    began: MediaTime,
    network: String,
    frame_bytes: u64,
    sent: u64,
}

/// A datagram as it goes.
#[derive(Clone, Debug)]
pub(crate) struct OnAir {
    /// Which viewer says it, or `None` for the sender.
    pub(crate) from: Option<usize>,
    /// Which viewers hear it.
    pub(crate) to: Vec<usize>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) at: Duration,
}

impl OnAir {
    /// Its kind, as it stands there.
    pub(crate) fn kind(&self) -> u8 {
        self.sealed[3]
    }

    /// Whether that viewer hears it, or the sender.
    pub(crate) fn is_for(&self, end: Option<usize>) -> bool {
        match end {
            Some(viewer) => self.to.contains(&viewer),
            None => self.from.is_some(),
        }
    }
}

impl House {
    /// With a viewer for each of these ways; `network` is that of each, there and back.
    #[allow(clippy::disallowed_methods, reason = "some instant to count from; nothing depends on which")]
    pub(crate) fn new(seed: u64, network: &str, ways: &[Way], frame_bytes: u64) -> Self {
        let (t0, mut random) = (Instant::now(), Random::new(seed));
        let mut secret = [0; 16];
        random.fill(&mut secret);
        let key = Key::from_random(&secret);
        let viewers =
            ways.iter().zip(1..).map(|(way, seed)| Viewer::new(*way, &key, network, seed, t0)).collect();
        let run = Run::new(&key, &mut random, t0);
        let mut house = Self {
            key,
            at: Duration::ZERO,
            run,
            viewers,
            air: Vec::new(),
            pushed: 0,
            withholds: false,
            withheld: Vec::new(),
            t0,
            random,
            back_at: None,
            began: MediaTime::default(),
            network: network.to_owned(),
            frame_bytes,
            sent: 0,
        };
        house.open_streams();
        house
    }

    pub(crate) fn now(&self) -> Instant {
        self.t0 + self.at
    }

    /// Ends the sender without a goodbye; it is there again after a while.
    pub(crate) fn restart(&mut self, away: Duration) {
        self.back_at = Some(self.at + away);
    }

    /// Ends a viewer, and has another there in its place.
    pub(crate) fn replace(&mut self, at: usize) {
        let seed = self.random.next();
        self.viewers[at] = Viewer::new(self.viewers[at].way, &self.key, &self.network, seed, self.now());
    }

    /// Lets a millisecond pass.
    pub(crate) fn step(&mut self) {
        self.at += TICK;
        let now = self.now();
        if self.back_at.is_some_and(|back| back <= self.at) {
            self.back_at = None;
            self.run = Run::new(&self.key, &mut self.random, self.t0);
            self.began = clock(self.t0).at(now);
            self.open_streams();
        }
        if self.back_at.is_none() {
            if self.at.as_millis().is_multiple_of(FRAME_MS) {
                self.push(now);
            }
            self.end_streams(now);
            for at in 0..self.run.streams.len() {
                self.send(at, now);
            }
        }
        for at in 0..self.viewers.len() {
            self.hear(at, now);
            self.say(at, now);
            self.feed_back(at, now);
        }
    }

    /// Throws something at a viewer, in the sender's name, or at the sender.
    pub(crate) fn throw(&mut self, at: Option<usize>, datagram: &mut [u8]) -> Result<(), Refusal> {
        let now = self.now();
        match at {
            Some(viewer) => self.viewers[viewer].take(datagram, now),
            None => self.run.keys.open(datagram, now).map(|_| ()),
        }
    }

    /// What that viewer refused so far, or the sender.
    pub(crate) fn refused(&self, at: Option<usize>) -> RefusalCounts {
        match at {
            Some(viewer) => self.viewers[viewer].keys.counts(),
            None => self.run.keys.counts(),
        }
    }

    fn push(&mut self, now: Instant) {
        let captured = clock(self.t0).at(now);
        let jpeg = Buffer::new(picture(captured, self.frame_bytes));
        for outgoing in &mut self.run.streams {
            outgoing.stream.push_frame(Frame { captured, jpeg: jpeg.clone(), signature: None }, now);
        }
        self.pushed += 1;
    }
}

/// The picture that was captured at this time, which nobody guesses.
fn picture(captured: MediaTime, most: u64) -> Vec<u8> {
    let mut random = Random::new(captured.as_micros());
    let mut jpeg = vec![0; (most / 2 + random.below(most / 2)) as usize];
    random.fill(&mut jpeg);
    jpeg
}

fn clock(t0: Instant) -> Clock {
    Clock::new(t0, MediaTime::from_micros(1_700_000_000_000_000))
}

const TICK: Duration = Duration::from_millis(1);
const FRAME_MS: u128 = 33;
