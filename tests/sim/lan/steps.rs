//! What happens at one moment: streams are drained, and datagrams taken from one network to the next.

use proto::wire::{Body, Datagram};
use proto::{RecvEvent, RecvOutput, SendOutput};

use super::agenda::Node;
use super::keyring::Seen;
use super::ledger::LONGEST_CONTROL;
use super::traffic::Load;
use super::{Address, Lan};

impl Lan {
    /// Looks at a node now, and at whatever comes of that.
    pub(super) fn poke(&mut self, node: Node) {
        self.agenda.wake(node, self.now);
        self.settle();
    }

    /// Does all that is due now.
    pub(super) fn settle(&mut self) {
        let mut steps = 0;
        while let Some(node) = self.agenda.pop(self.now) {
            let next = match node {
                Node::Station(at) => {
                    self.drain_station(at);
                    self.carry(at);
                    self.stations[at].next()
                }
                Node::Receiver(at) => {
                    self.hear(at);
                    self.say_back(at);
                    self.receivers[at].next()
                }
            };
            if let Some(next) = next {
                self.agenda.wake(node, next.max(self.now));
            }
            steps += 1;
            assert!(steps < MOST_AT_ONCE, "{}: it does not come to rest", self.ledger);
        }
    }

    fn drain_station(&mut self, at: usize) {
        let station = &mut self.stations[at];
        if station.gone {
            return;
        }
        let (local, ledger) = (station.clock.local(self.now), &mut self.ledger);
        let longest = station.longest();
        let mut past_waits = 0;
        for _ in 0..MOST_AT_ONCE {
            match station.stream.poll(local) {
                SendOutput::Transmit(transmit) => {
                    let is_something = transmit.segment > 0 && !transmit.bytes.is_empty();
                    assert!(is_something, "{ledger}: nothing to send");
                    assert!(transmit.bytes.len() <= 65_487, "{ledger}: too much for one call");
                    let datagrams = transmit.bytes.chunks(transmit.segment);
                    assert!(datagrams.len() <= 64, "{ledger}: too many for one call");
                    for datagram in datagrams {
                        ledger.transmitted(transmit.to, datagram, longest);
                        let sealed = station.lock.seal(datagram, &mut self.tap);
                        station.network.push_with(transmit.to, sealed, self.now);
                    }
                }
                SendOutput::Event(event) => ledger.sender_event(station.session, &event),
                SendOutput::Wait(until) => {
                    station.wakes = until;
                    if until.is_none_or(|until| until > local) {
                        return;
                    }
                    past_waits += 1;
                    assert!(past_waits < 2, "{ledger}: a sender waits for the past");
                }
            }
        }
        panic!("{ledger}: a sender does not come to rest");
    }

    /// Takes what has come through a station's network on to the receivers.
    fn carry(&mut self, at: usize) {
        let station = &mut self.stations[at];
        let destination = station.setup.to;
        while let Some((to, datagram)) = station.network.pop_with(self.now) {
            let receivers = match to.or(destination) {
                None => 0..self.receivers.len(),
                Some(one) if one < self.receivers.len() => one..one + 1,
                Some(nobody) => {
                    self.mail.insert(nobody, datagram.to_vec());
                    continue;
                }
            };
            for receiver in receivers {
                self.receivers[receiver].network.push_with(at, datagram, self.now);
                self.agenda.wake(
                    Node::Receiver(receiver),
                    self.receivers[receiver].network.next_due().unwrap_or(self.now),
                );
            }
        }
    }

    /// Gives a receiver what has come, and wakes it if it is time.
    fn hear(&mut self, at: usize) {
        let local = self.receivers[at].clock.local(self.now);
        loop {
            let receiver = &mut self.receivers[at];
            let Some((from, datagram)) = receiver.network.pop_with(self.now) else { break };
            self.tap.iter_mut().for_each(|tap| tap(Seen::AtReceiver(at), datagram));
            let Ok(datagram) = receiver.lock.open(datagram, local) else {
                receiver.refused += 1;
                continue;
            };
            let outcome = receiver.stream.handle_datagram(from, datagram, local);
            receiver.monitor.arrived(&self.ledger, datagram, outcome);
            self.drain_receiver(at);
            let receiver = &mut self.receivers[at];
            receiver.monitor.rested(receiver.wakes.is_none());
        }
        let is_due = |wakes: Option<std::time::Instant>| wakes.is_some_and(|wakes| wakes <= local);
        if is_due(self.receivers[at].wakes) {
            self.receivers[at].stream.handle_timeout(local);
            self.drain_receiver(at);
            assert!(!is_due(self.receivers[at].wakes), "{}: a receiver waits for the past", self.ledger);
        }
    }

    pub(super) fn drain_receiver(&mut self, at: usize) {
        let (receiver, ledger) = (&mut self.receivers[at], &mut self.ledger);
        let local = receiver.clock.local(self.now);
        let mut said = 0;
        let delivered = loop {
            match receiver.stream.poll(local) {
                RecvOutput::Transmit { to, bytes } => {
                    assert!(bytes.len() <= LONGEST_CONTROL, "{ledger}: {} bytes of feedback", bytes.len());
                    let is_request =
                        matches!(Datagram::parse(bytes), Ok(Datagram { body: Body::Resend(_), .. }));
                    let load = if is_request { Load::Request } else { Load::Feedback };
                    ledger.traffic.add(load, bytes.len());
                    if let Some(sealed) = receiver.lock.seal(bytes, &mut self.tap) {
                        receiver.back.push_with(to, sealed, self.now);
                    }
                    said += 1;
                    assert!(said < MOST_SAID, "{ledger}: a receiver does not come to rest");
                }
                RecvOutput::Event(event) => {
                    receiver.monitor.receiver_event(ledger, &event, self.now);
                    if matches!(event, RecvEvent::Delivered(_)) {
                        break true;
                    }
                }
                RecvOutput::Wait(until) => {
                    receiver.wakes = until;
                    break false;
                }
            }
        };
        if delivered {
            self.check_clock(at);
            self.drain_receiver(at);
        }
    }

    /// Compares the sender's time that a receiver shows with the sender's clock.
    fn check_clock(&mut self, at: usize) {
        let receiver = &mut self.receivers[at];
        let Some(station) =
            self.stations.iter().find(|station| Some(station.session) == receiver.monitor.heard())
        else {
            return;
        };
        if let Some((error, bar)) =
            receiver.clock_error(station.session, station.media_time(self.now), self.now)
        {
            receiver.monitor.clock_error(&self.ledger, error, bar);
        }
    }

    /// Takes what has come back from a receiver to the senders.
    fn say_back(&mut self, at: usize) {
        while let Some((to, datagram)) = self.receivers[at].back.pop_with(self.now) {
            let mut datagram = datagram.to_vec();
            self.tap.iter_mut().for_each(|tap| tap(Seen::AtStation(to), &datagram));
            self.feed_back(to, at, &mut datagram);
        }
    }

    pub(super) fn feed_back(&mut self, to: usize, from: Address, datagram: &mut [u8]) {
        let station = &mut self.stations[to];
        if station.gone {
            return;
        }
        let Ok(datagram) = station.lock.open(datagram, station.clock.local(self.now)) else { return };
        self.ledger.fed_back(from, datagram);
        let outcome = station.stream.handle_datagram(from, datagram, station.clock.local(self.now));
        self.ledger.judged(datagram, outcome);
        self.agenda.wake(Node::Station(to), self.now);
    }
}

/// Looks at nodes, or outputs of a sender, in one moment: more than the largest frame has datagrams.
const MOST_AT_ONCE: usize = 200_000;
/// Datagrams that a receiver says between two events.
const MOST_SAID: usize = 64;
