//! Asking to watch, over networks that lose, delay and repeat, from seeds: who asks is shown pictures, who leaves or dies
//! is not, and who did not ask gets no more bytes than were sent in its name.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proto::{
    Clock, Decision, MediaTime, Random, SessionId, SubscribeOutput, SubscribeServer, SubscribeState,
    Subscriber,
};

#[test]
fn who_asks_is_served_across_loss_restart_and_death() {
    for seed in 0..200 {
        let mut lan = Lan::new(seed, 3);
        lan.run(1500);
        lan.assert_all("at first", seed, |seat| seat.subscriber.state() == SubscribeState::Watching);

        lan.restart();
        lan.run(1000);
        lan.assert_all("after a restart", seed, |seat| seat.last + Duration::from_millis(300) > seat.now);

        lan.seats[0].is_dead = true;
        lan.seats[1].subscriber.leave();
        lan.run(2500);
        assert!(!lan.audience.contains(&0), "seed {seed}: a dead viewer is still sent to");
        assert!(!lan.audience.contains(&1), "seed {seed}: one that left is still sent to");
        assert!(lan.audience.contains(&2), "seed {seed}: one that stays is sent to");
    }
}

#[test]
fn who_watches_for_long_misses_nothing_while_its_token_is_renewed() {
    let mut lan = Lan::new(1, 2);
    lan.run(1500);
    // A token counts for twenty minutes at most.
    for _ in 0..50 * 60 {
        lan.run(1000);
        lan.assert_all("for long", 1, |seat| seat.last + Duration::from_millis(500) > seat.now);
    }
    let renewed = lan.sent.values().map(|bytes| bytes / 49).max();
    assert!(renewed.is_some_and(|times| (3..50).contains(&times)), "{renewed:?}");
}

#[test]
fn asks_in_anothers_name_bring_it_no_more_bytes_than_they_had_and_no_stream() {
    for seed in 0..200 {
        let mut lan = Lan::new(seed, 2);
        // What viewers say may be heard, and said again in another's name; or anything else.
        let mut heard: Vec<Vec<u8>> = Vec::new();
        let mut forged = 0;
        for _ in 0..300 {
            lan.run(10);
            heard.append(&mut lan.overheard);
            let mut datagram = heard[lan.random.below(heard.len() as u64) as usize].clone();
            if lan.random.below(4) == 0 {
                let at = lan.random.below(datagram.len() as u64) as usize;
                datagram[at] ^= 1 << lan.random.below(8);
            }
            if lan.random.below(4) == 0 {
                datagram.truncate(lan.random.below(60) as usize);
            }
            forged += datagram.len();
            lan.hear(VICTIM, &datagram);
            let got = lan.sent.get(&VICTIM).copied().unwrap_or(0);
            assert!(got <= forged, "seed {seed}: {got} bytes for {forged}");
        }
        assert!(!lan.audience.contains(&VICTIM), "seed {seed}: nobody is a viewer in another's name");
        lan.assert_all("beside forgeries", seed, |seat| seat.subscriber.state() == SubscribeState::Watching);
    }
}

/// An address that asked for nothing.
const VICTIM: usize = 99;

/// A sender with a door, and viewers, in one virtual time; what is said takes a while, and a part of it gets lost.
struct Lan {
    now: Instant,
    clock: Clock,
    random: Random,
    server: SubscribeServer<usize>,
    /// Whom the sender streams to.
    audience: BTreeSet<usize>,
    seats: Vec<Seat>,
    /// What is on its way: to the sender (`None`) or to a seat, from a seat or from the sender.
    flying: BTreeMap<(Instant, u64), (Option<usize>, usize, Said)>,
    count: u64,
    /// Bytes of answers sent to each address.
    sent: BTreeMap<usize, usize>,
    /// What viewers said.
    overheard: Vec<Vec<u8>>,
}

struct Seat {
    subscriber: Subscriber,
    is_dead: bool,
    /// When the stream was last heard.
    last: Instant,
    now: Instant,
}

enum Said {
    Datagram(Vec<u8>),
    /// Something of the stream; what does not matter.
    Stream,
}

impl Lan {
    fn new(seed: u64, seats: usize) -> Self {
        let (now, mut random) = (Instant::now(), Random::new(seed));
        let seat = || Seat { subscriber: Subscriber::new(now), is_dead: false, last: now, now };
        let clock = Clock::new(now, MediaTime::default());
        Self {
            now,
            clock,
            server: Self::server(&mut random, clock),
            random,
            audience: BTreeSet::new(),
            seats: (0..seats).map(|_| seat()).collect(),
            flying: BTreeMap::new(),
            count: 0,
            sent: BTreeMap::new(),
            overheard: Vec::new(),
        }
    }

    fn server(random: &mut Random, clock: Clock) -> SubscribeServer<usize> {
        let mut secret = [0; 16];
        random.fill(&mut secret);
        SubscribeServer::new(SessionId::new(random.next().max(1)), secret, 16, clock)
    }

    /// The sender is killed and started again: it knows nobody.
    fn restart(&mut self) {
        self.server = Self::server(&mut self.random, self.clock);
        self.audience.clear();
    }

    fn run(&mut self, millis: u32) {
        for _ in 0..millis {
            self.now += Duration::from_millis(1);
            self.deliver();
            while let Some(gone) = self.server.next_gone(self.now) {
                assert!(self.audience.remove(&gone));
            }
            // Thirty pictures a second, or so.
            if self.random.below(33) == 0 {
                for to in self.audience.clone() {
                    self.fly(Some(to), to, Said::Stream);
                }
            }
            for number in 0..self.seats.len() {
                self.poll(number);
            }
        }
    }

    fn poll(&mut self, number: usize) {
        self.seats[number].now = self.now;
        if self.seats[number].is_dead {
            return;
        }
        while let SubscribeOutput::Transmit(datagram) = self.seats[number].subscriber.poll(self.now) {
            let datagram = datagram.to_vec();
            self.overheard.push(datagram.clone());
            self.fly(None, number, Said::Datagram(datagram));
        }
    }

    /// Puts something on its way; one in ten gets lost, and one in twenty comes twice.
    fn fly(&mut self, to: Option<usize>, from: usize, said: Said) {
        if self.random.below(10) == 0 {
            return;
        }
        let again = match (&said, self.random.below(20)) {
            (Said::Datagram(datagram), 0) => Some(Said::Datagram(datagram.clone())),
            _ => None,
        };
        for said in [Some(said), again].into_iter().flatten() {
            self.count += 1;
            let at = self.now + Duration::from_millis(1 + self.random.below(10));
            self.flying.insert((at, self.count), (to, from, said));
        }
    }

    fn deliver(&mut self) {
        while let Some(next) = self.flying.first_entry()
            && next.key().0 <= self.now
        {
            match next.remove() {
                (None, from, Said::Datagram(datagram)) => self.hear(from, &datagram),
                (Some(to), _, said) if !self.seats[to].is_dead => {
                    let (seat, now) = (&mut self.seats[to], self.now);
                    match said {
                        Said::Datagram(datagram) => assert!(seat.subscriber.handle_datagram(&datagram, now)),
                        Said::Stream => {
                            seat.subscriber.heard(now);
                            seat.last = now;
                        }
                    }
                    self.poll(to);
                }
                _ => {}
            }
        }
    }

    /// The sender hears this from there.
    fn hear(&mut self, from: usize, datagram: &[u8]) {
        match self.server.handle_datagram(from, datagram, self.now) {
            Some(Decision::Reply(answer)) => {
                let answer = answer.to_vec();
                *self.sent.entry(from).or_default() += answer.len();
                if from < self.seats.len() {
                    self.fly(Some(from), from, Said::Datagram(answer));
                }
            }
            Some(Decision::Welcome) => assert!(self.audience.insert(from)),
            Some(Decision::Leaves) => assert!(self.audience.remove(&from)),
            Some(Decision::Stays | Decision::Refused) | None => {}
        }
    }

    fn assert_all(&self, when: &str, seed: u64, what: impl Fn(&Seat) -> bool) {
        for (number, seat) in self.seats.iter().enumerate() {
            assert!(what(seat), "seed {seed}: {when}, seat {number}: {:?}", seat.subscriber);
        }
    }
}
