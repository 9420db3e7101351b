//! Subscribing, over networks that lose, delay and repeat, from seeds: a subscriber gets the stream, one that leaves or
//! dies gets it no more, and an address that did not subscribe gets no more bytes than were sent in its name.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proto::{
    Clock, Decision, MediaTime, Random, SessionId, SubscribeOutput, SubscribeServer, SubscribeState,
    Subscriber,
};

#[test]
fn a_subscriber_is_served_across_loss_restart_and_death() {
    for seed in 0..200 {
        let mut network = Network::new(seed, 3);
        network.run(1500);
        network.assert_all("at first", seed, |viewer| viewer.subscriber.state() == SubscribeState::Watching);

        network.restart();
        network.run(1000);
        network.assert_all("after a restart", seed, |viewer| {
            viewer.last + Duration::from_millis(300) > viewer.now
        });

        network.viewers[0].is_dead = true;
        network.viewers[1].subscriber.leave();
        network.run(2500);
        assert!(!network.served.contains(&0), "seed {seed}: a dead viewer is still sent to");
        assert!(!network.served.contains(&1), "seed {seed}: one that left is still sent to");
        assert!(network.served.contains(&2), "seed {seed}: one that stays is sent to");
    }
}

#[test]
fn a_long_subscription_misses_nothing_while_its_token_is_renewed() {
    let mut network = Network::new(1, 2);
    network.run(1500);
    // A token counts for twenty minutes at most.
    for _ in 0..50 * 60 {
        network.run(1000);
        network.assert_all("for long", 1, |viewer| viewer.last + Duration::from_millis(500) > viewer.now);
    }
    let renewed = network.sent.values().map(|bytes| bytes / 49).max();
    assert!(renewed.is_some_and(|times| (3..50).contains(&times)), "{renewed:?}");
}

#[test]
fn subscribes_in_anothers_name_bring_it_no_more_bytes_than_they_had_and_no_stream() {
    for seed in 0..200 {
        let mut network = Network::new(seed, 2);
        // What viewers send may be replayed in another's name, whole or changed.
        let mut heard: Vec<Vec<u8>> = Vec::new();
        let mut forged = 0;
        for _ in 0..300 {
            network.run(10);
            heard.append(&mut network.overheard);
            let mut datagram = heard[network.random.below(heard.len() as u64) as usize].clone();
            if network.random.below(4) == 0 {
                let at = network.random.below(datagram.len() as u64) as usize;
                datagram[at] ^= 1 << network.random.below(8);
            }
            if network.random.below(4) == 0 {
                datagram.truncate(network.random.below(60) as usize);
            }
            forged += datagram.len();
            network.hear(VICTIM, &datagram);
            let got = network.sent.get(&VICTIM).copied().unwrap_or(0);
            assert!(got <= forged, "seed {seed}: {got} bytes for {forged}");
        }
        assert!(!network.served.contains(&VICTIM), "seed {seed}: nobody is a viewer in another's name");
        network.assert_all("beside forgeries", seed, |viewer| {
            viewer.subscriber.state() == SubscribeState::Watching
        });
    }
}

/// An address that did not subscribe.
const VICTIM: usize = 99;

/// A serving sender, and viewers, in one virtual time; datagrams take a while, and a part of them gets lost.
struct Network {
    now: Instant,
    clock: Clock,
    random: Random,
    server: SubscribeServer<usize>,
    /// The viewers that the sender streams to.
    served: BTreeSet<usize>,
    viewers: Vec<Viewer>,
    /// What is on its way: to the sender (`None`) or to a viewer, from a viewer or from the sender.
    flying: BTreeMap<(Instant, u64), (Option<usize>, usize, Packet)>,
    count: u64,
    /// Bytes of replies sent to each address.
    sent: BTreeMap<usize, usize>,
    /// What viewers sent.
    overheard: Vec<Vec<u8>>,
}

struct Viewer {
    subscriber: Subscriber,
    is_dead: bool,
    /// When the stream was last heard.
    last: Instant,
    now: Instant,
}

enum Packet {
    Datagram(Vec<u8>),
    /// Something of the stream; what does not matter.
    Stream,
}

impl Network {
    fn new(seed: u64, viewers: usize) -> Self {
        let (now, mut random) = (Instant::now(), Random::new(seed));
        let viewer = || Viewer { subscriber: Subscriber::new(now), is_dead: false, last: now, now };
        let clock = Clock::new(now, MediaTime::default());
        Self {
            now,
            clock,
            server: Self::server(&mut random, clock),
            random,
            served: BTreeSet::new(),
            viewers: (0..viewers).map(|_| viewer()).collect(),
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
        self.served.clear();
    }

    fn run(&mut self, millis: u32) {
        for _ in 0..millis {
            self.now += Duration::from_millis(1);
            self.deliver();
            while let Some(gone) = self.server.next_gone(self.now) {
                assert!(self.served.remove(&gone));
            }
            // Thirty pictures a second, or so.
            if self.random.below(33) == 0 {
                for to in self.served.clone() {
                    self.fly(Some(to), to, Packet::Stream);
                }
            }
            for number in 0..self.viewers.len() {
                self.poll(number);
            }
        }
    }

    fn poll(&mut self, number: usize) {
        self.viewers[number].now = self.now;
        if self.viewers[number].is_dead {
            return;
        }
        while let SubscribeOutput::Transmit(datagram) = self.viewers[number].subscriber.poll(self.now) {
            let datagram = datagram.to_vec();
            self.overheard.push(datagram.clone());
            self.fly(None, number, Packet::Datagram(datagram));
        }
    }

    /// Puts something on its way; one in ten gets lost, and one in twenty comes twice.
    fn fly(&mut self, to: Option<usize>, from: usize, packet: Packet) {
        if self.random.below(10) == 0 {
            return;
        }
        let again = match (&packet, self.random.below(20)) {
            (Packet::Datagram(datagram), 0) => Some(Packet::Datagram(datagram.clone())),
            _ => None,
        };
        for packet in [Some(packet), again].into_iter().flatten() {
            self.count += 1;
            let at = self.now + Duration::from_millis(1 + self.random.below(10));
            self.flying.insert((at, self.count), (to, from, packet));
        }
    }

    fn deliver(&mut self) {
        while let Some(next) = self.flying.first_entry()
            && next.key().0 <= self.now
        {
            match next.remove() {
                (None, from, Packet::Datagram(datagram)) => self.hear(from, &datagram),
                (Some(to), _, packet) if !self.viewers[to].is_dead => {
                    let (viewer, now) = (&mut self.viewers[to], self.now);
                    match packet {
                        Packet::Datagram(datagram) => {
                            assert!(viewer.subscriber.handle_datagram(&datagram, now))
                        }
                        Packet::Stream => {
                            viewer.subscriber.heard(now);
                            viewer.last = now;
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
            Some(Decision::Reply(reply)) => {
                let reply = reply.to_vec();
                *self.sent.entry(from).or_default() += reply.len();
                if from < self.viewers.len() {
                    self.fly(Some(from), from, Packet::Datagram(reply));
                }
            }
            Some(Decision::Welcome) => assert!(self.served.insert(from)),
            Some(Decision::Leaves) => assert!(self.served.remove(&from)),
            Some(Decision::Stays | Decision::Refused) | None => {}
        }
    }

    fn assert_all(&self, when: &str, seed: u64, what: impl Fn(&Viewer) -> bool) {
        for (number, viewer) in self.viewers.iter().enumerate() {
            assert!(what(viewer), "seed {seed}: {when}, viewer {number}: {:?}", viewer.subscriber);
        }
    }
}
