//! One game: a sender, a receiver, a network that only takes time, and the attacker.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::{
    Clock, Fec, Frame, MediaTime, Pace, Random, RecvConfig, RecvEvent, RecvOutput, RecvStream, SendConfig,
    SendOutput, SendStream, SessionId,
};

use super::attacker::Attacker;
use crate::lan::in_parts;

/// Where datagrams come from.
pub(crate) type Source = u64;
/// The sender's address; after it moves or is restarted elsewhere, the next numbers.
pub(crate) const SENDER: Source = 1;

/// What happens in a game but for the attack.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) interval: Duration,
    pub(crate) bytes: u64,
    pub(crate) parts: u8,
    pub(crate) delay: Duration,
    pub(crate) is_group: bool,
    pub(crate) talks: bool,
    pub(crate) incident: Incident,
    /// When it happens, and how long the sender is away.
    pub(crate) at: Duration,
    pub(crate) away: Duration,
    /// When he begins and ends, how far his datagrams are apart, and how many they are at most.
    pub(crate) attack: (Duration, Duration),
    pub(crate) every: Duration,
    pub(crate) shots: u64,
}

/// What becomes of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incident {
    /// It goes on.
    None,
    /// Its cable is out for a while.
    Cable,
    /// It is killed and started again.
    Restart,
    /// It is killed and started again, with another port.
    Elsewhere,
    /// It goes on from another address.
    Move,
}

/// How a game ended.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) fired: u64,
    pub(crate) pushed: u64,
    pub(crate) shown: u64,
    /// The longest time without a true picture and without a datagram of his, and when it was over.
    pub(crate) longest: Duration,
    pub(crate) at: Duration,
}

impl Plot {
    pub(crate) fn of_seed(seed: u64) -> Self {
        let random = &mut Random::new(seed ^ 0xad5e);
        let incidents = [
            Incident::None,
            Incident::None,
            Incident::Cable,
            Incident::Restart,
            Incident::Elsewhere,
            Incident::Move,
        ];
        let incident = incidents[random.below(incidents.len() as u64) as usize];
        let least = if incident == Incident::Cable { 100 } else { 20 };
        let start = random.below(2000);
        let rates = [Duration::from_micros(500), ms(1 + random.below(20)), ms(20 + random.below(500))];
        Self {
            interval: ms([16, 33, 33, 100, 250][random.below(5) as usize]),
            bytes: 1 + random.below(12_000),
            delay: ms(random.below(4)),
            is_group: random.below(3) == 0,
            talks: random.below(3) > 0,
            incident,
            at: ms(800 + random.below(1500)),
            away: ms(least + random.below(900)),
            attack: (ms(start), ms(start + random.below(2000))),
            every: rates[random.below(3) as usize],
            shots: [1, 3, 20, u64::MAX][random.below(4) as usize],
            parts: [1, 1, 3, 8][random.below(4) as usize],
        }
    }

    /// How long no picture may be shown: a second, a frame, and the way.
    pub(crate) fn allowed(&self) -> Duration {
        ms(1000) + self.interval + self.delay + ms(20)
    }

    fn is_away(&self, at: Duration) -> bool {
        self.incident != Incident::None && (self.at..self.at + self.away).contains(&at)
    }
}

/// What is under way, and to whom.
struct Flight {
    due: Duration,
    from: Source,
    datagram: Vec<u8>,
}

pub(crate) struct Game {
    t0: Instant,
    at: Duration,
    plot: Plot,
    sender: SendStream<Source>,
    source: Source,
    receiver: RecvStream<Source>,
    towards: VecDeque<Flight>,
    back: VecDeque<Flight>,
    attacker: Attacker,
    next_frame: Duration,
    /// When a true picture was shown last, the attacker spoke, or the sender was away.
    last: Duration,
    end: Score,
}

impl Game {
    pub(crate) fn play(seed: u64, plot: &Plot) -> Score {
        let mut game = Self::new(seed, plot.clone());
        while game.at < LENGTH {
            game.step();
            game.at += TICK;
        }
        game.mark();
        game.end
    }

    #[allow(clippy::disallowed_methods, reason = "some instant to count from; nothing depends on which")]
    fn new(seed: u64, plot: Plot) -> Self {
        let t0 = Instant::now();
        let config = RecvConfig { feedback: plot.talks, seed, ..RecvConfig::default() };
        Self {
            t0,
            at: Duration::ZERO,
            sender: start(&plot, 0x5e55_0000 + seed, t0, t0),
            source: SENDER,
            receiver: RecvStream::new(config),
            towards: VecDeque::new(),
            back: VecDeque::new(),
            attacker: Attacker::new(seed),
            next_frame: Duration::ZERO,
            last: Duration::ZERO,
            end: Score::default(),
            plot,
        }
    }

    fn now(&self) -> Instant {
        self.t0 + self.at
    }

    fn step(&mut self) {
        let (now, plot) = (self.now(), &self.plot);
        if self.at == plot.at + plot.away {
            match plot.incident {
                Incident::None | Incident::Cable => {}
                Incident::Move => self.source += 1,
                Incident::Restart | Incident::Elsewhere => {
                    self.source += u64::from(plot.incident == Incident::Elsewhere);
                    self.sender = start(plot, 0xffff_0000, self.t0, now);
                    self.next_frame = self.at;
                }
            }
        }
        let is_away = self.plot.is_away(self.at);
        // Who is killed is not there; who only moves, or whose cable is out, goes on, and nobody hears it.
        if !(is_away && matches!(self.plot.incident, Incident::Restart | Incident::Elsewhere)) {
            self.send(now, is_away);
        }
        if is_away {
            self.mark();
        }
        self.fire(now);
        while let Some(flight) = arrived(&mut self.towards, self.at) {
            self.hear(flight.from, &flight.datagram, now);
        }
        self.receiver.handle_timeout(now);
        self.drain(now);
        while let Some(flight) = arrived(&mut self.back, self.at) {
            let _fate = self.sender.handle_datagram(RECEIVER, &flight.datagram, now);
        }
    }

    fn send(&mut self, now: Instant, is_lost: bool) {
        if self.at >= self.next_frame {
            self.next_frame += self.plot.interval;
            self.end.pushed += u64::from(!is_lost);
            let captured = MediaTime::from_micros(self.at.as_micros() as u64);
            let frame =
                Frame { captured, jpeg: Arc::new(picture(self.at, self.plot.bytes)), signature: None };
            for part in in_parts(frame, self.plot.parts) {
                self.sender.push_part(part, now);
            }
        }
        let due = self.at + self.plot.delay;
        loop {
            match self.sender.poll(now) {
                SendOutput::Transmit(transmit) => {
                    for datagram in transmit.bytes.chunks(transmit.segment).filter(|_| !is_lost) {
                        self.attacker.overhear(datagram);
                        self.towards.push_back(Flight {
                            due,
                            from: self.source,
                            datagram: datagram.to_vec(),
                        });
                    }
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => break,
            }
        }
    }

    fn fire(&mut self, now: Instant) {
        let (from, until) = self.plot.attack;
        let is_his_time = (from..=until).contains(&self.at);
        let is_overdue = self.end.fired == 0 && self.at > until;
        if !is_his_time && !is_overdue {
            return;
        }
        let every = self.plot.every.as_micros().max(1);
        let is_due = self.at.as_micros() % every < TICK.as_micros();
        let volley = (TICK.as_micros() / every).max(1) as u64;
        for _ in 0..if is_due { volley } else { 0 } {
            if self.end.fired == self.plot.shots {
                return;
            }
            self.mark();
            self.end.fired += 1;
            let (from, datagram) = self.attacker.forge(self.source, self.at);
            self.hear(from, &datagram, now);
        }
    }

    fn hear(&mut self, from: Source, datagram: &[u8], now: Instant) {
        let _fate = self.receiver.handle_datagram(from, &mut datagram.to_vec(), now);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.receiver.poll(now) {
                RecvOutput::Transmit { to, bytes } => {
                    if to == self.source && !self.plot.is_away(self.at) {
                        let due = self.at + self.plot.delay;
                        self.back.push_back(Flight { due, from: RECEIVER, datagram: bytes.to_vec() });
                    }
                }
                RecvOutput::Event(RecvEvent::Delivered(delivery)) => {
                    if is_true_and_new(&delivery.frame.jpeg, self.at, self.plot.bytes) {
                        self.end.shown += 1;
                        self.mark();
                    }
                }
                RecvOutput::Event(_) => {}
                RecvOutput::Wait(_) => break,
            }
        }
    }

    /// What ends a time in which nothing is shown, or excuses it.
    fn mark(&mut self) {
        let dark = self.at - self.last;
        if dark > self.end.longest {
            (self.end.longest, self.end.at) = (dark, self.at);
        }
        self.last = self.at;
    }
}

/// What has arrived next by then.
fn arrived(flights: &mut VecDeque<Flight>, at: Duration) -> Option<Flight> {
    flights.front().is_some_and(|flight| flight.due <= at).then(|| flights.pop_front())?
}

fn start(plot: &Plot, session: u64, t0: Instant, now: Instant) -> SendStream<Source> {
    let config = SendConfig {
        pace: Pace::Off,
        fec: Fec::Auto,
        interval: Some(plot.interval),
        is_group: plot.is_group,
        name: "door".into(),
        ..SendConfig::new(SessionId::new(session), [7; 16])
    };
    SendStream::new(config, Clock::new(t0, MediaTime::default()), now)
}

/// The true picture of a moment, which nobody guesses.
fn picture(at: Duration, bytes: u64) -> Vec<u8> {
    let mut jpeg = vec![0; 16 + bytes as usize];
    Random::new(!(at.as_micros() as u64)).fill(&mut jpeg[8..]);
    jpeg[..8].copy_from_slice(&(at.as_micros() as u64).to_le_bytes());
    jpeg
}

/// Whether it is a picture that the sender sent, and lately: what is shown again is no news.
fn is_true_and_new(jpeg: &[u8], at: Duration, bytes: u64) -> bool {
    let Some(made) = jpeg.first_chunk().map(|made| Duration::from_micros(u64::from_le_bytes(*made))) else {
        return false;
    };
    made <= at && at - made < ms(500) && jpeg == picture(made, bytes)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Whoever the sender sends to.
const RECEIVER: Source = 99;
const TICK: Duration = Duration::from_millis(1);
/// The attack, and what comes after it.
const LENGTH: Duration = Duration::from_millis(6500);
