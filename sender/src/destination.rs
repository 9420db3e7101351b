//! One destination: its stream, its socket, and what stands in their way.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use proto::host::{Console, Seldom};
use proto::netem::Netem;
use proto::{SendEvent, SendOutput, SendStream, Transmit};

use crate::link::Link;
use crate::stats::{End, Stats, Tally};

/// Where frames go, paced on its own.
#[derive(Debug)]
pub struct Destination {
    /// Decides what goes when.
    pub stream: SendStream<SocketAddr>,
    link: Link,
    /// The bad network of `--impair`, in front of the socket; what goes to one receiver of a group carries its address.
    netem: Option<Netem<Option<SocketAddr>>>,
    errors: u64,
    /// When the statistics' list of viewers is to be made anew.
    look: Instant,
    complaints: Seldom,
    refusals: Seldom,
    console: Console,
}

impl Destination {
    /// A destination that nothing was sent to yet.
    pub fn new(
        stream: SendStream<SocketAddr>,
        link: Link,
        netem: Option<Netem<Option<SocketAddr>>>,
        console: Console,
    ) -> Self {
        let seldom = Seldom::new(COMPLAIN_EVERY);
        Self {
            stream,
            link,
            netem,
            errors: 0,
            look: Instant::now(),
            complaints: seldom,
            refusals: seldom,
            console,
        }
    }

    /// Sends what is due; returns when there is more to do, if no frame comes before.
    pub fn drain(&mut self, number: usize, tally: &mut Tally, stats: &Stats) -> Option<Instant> {
        let until = loop {
            let now = Instant::now();
            match self.stream.poll(now) {
                SendOutput::Transmit(transmit) => {
                    let result = match &mut self.netem {
                        None => give(&mut self.link, &transmit),
                        Some(netem) => {
                            let datagrams = transmit.bytes.chunks(transmit.segment);
                            datagrams.for_each(|bytes| netem.push_with(transmit.to, bytes, now));
                            Ok(())
                        }
                    };
                    if let Err(error) = result {
                        self.complain(&error, now);
                    }
                }
                SendOutput::Event(event) => self.note(event, tally, stats, now),
                SendOutput::Wait(until) => break until,
            }
        };
        let until = [until, self.drain_netem()].into_iter().flatten().min();
        let own = &mut stats.lock().destinations[number];
        (own.stream, own.errors, own.pace) = (*self.stream.stats(), self.errors, self.stream.pace());
        own.strangers = self.link.strangers();
        let now = Instant::now();
        if self.look <= now {
            self.look = now + LOOK_EVERY;
            own.viewers.clear();
            own.viewers.extend(self.stream.viewers().map(|(address, viewer)| (*address, viewer.clone())));
        }
        until
    }

    /// Another handle to its socket, to wait for what comes back.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn socket(&self) -> io::Result<OwnedFd> {
        self.link.as_fd().try_clone_to_owned()
    }

    /// Takes in what came back, at most a few tens of datagrams.
    pub fn receive(&mut self, now: Instant) {
        let Self { link, stream, .. } = self;
        let read = link.receive(FEEDBACK_AT_ONCE, |from, datagram| {
            let _counted = stream.handle_datagram(from, datagram, now);
        });
        if let Err(error) = read
            && self.complaints.is_due(now)
        {
            let to = self.link.to();
            self.console.say(format_args!("cannot read what comes back from {to}: {error}"));
        }
    }

    /// Gives up what has not gone, but for the goodbye.
    pub fn abandon(&mut self) {
        self.stream.abandon();
        self.netem = None;
    }

    /// Whether all that was to go has gone.
    pub fn is_done(&self) -> bool {
        self.stream.is_closed() && self.netem.as_ref().is_none_or(|netem| netem.next_due().is_none())
    }

    fn drain_netem(&mut self) -> Option<Instant> {
        let now = Instant::now();
        while let Some((to, datagram)) = self.netem.as_mut()?.pop_with(now) {
            let transmit = Transmit { to, bytes: datagram, segment: datagram.len() };
            if let Err(error) = give(&mut self.link, &transmit) {
                self.complain(&error, now);
            }
        }
        self.netem.as_ref()?.next_due()
    }

    /// Counts how a frame ended.
    fn note(&mut self, event: SendEvent, tally: &mut Tally, stats: &Stats, now: Instant) {
        let (captured, end) = match event {
            SendEvent::Sent { captured, .. } => (captured, End::Sent),
            SendEvent::Superseded { captured } => (captured, End::Superseded),
            SendEvent::Refused { captured, error } => {
                if self.refusals.is_due(now) {
                    self.console.say(format_args!("a picture is not sent: {error}"));
                }
                (captured, End::Refused)
            }
        };
        let counters = &mut *stats.lock();
        if let SendEvent::Sent { queued, sending, .. } = event {
            counters.queue.add(queued);
            counters.send.add(sending);
        }
        tally.end(captured, end, counters);
    }

    /// Counts a send that failed, and says so now and then.
    fn complain(&mut self, error: &io::Error, now: Instant) {
        self.errors += 1;
        if error.raw_os_error() == Some(libc::EMSGSIZE) && self.link.learn_mtu() {
            self.stream.set_datagram_bytes(self.link.datagram_bytes());
            let (to, mtu) = (self.link.to(), self.link.mtu());
            self.console.say(format_args!("the path to {to} takes only {mtu} bytes; going on with that"));
            return;
        }
        if !self.complaints.is_due(now) {
            return;
        }
        let way_out = match error.raw_os_error() {
            Some(libc::EMSGSIZE) => "; the packets are too large for the path: give a smaller --mtu",
            Some(libc::EPERM) => "; a firewall on this computer forbids it",
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN) => "; going on: it may come back",
            _ => "",
        };
        self.console.say(format_args!("cannot send to {}: {error}{way_out}", self.link.to()));
    }
}

fn give(link: &mut Link, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
    match transmit.to {
        None => link.send(transmit),
        Some(to) => link.send_to(to, transmit.bytes),
    }
}

/// Many receivers' reports; a few tens of microseconds, which no pacing instant misses by much.
const FEEDBACK_AT_ONCE: usize = 32;
/// Statistics are not read more often.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::NetworkOptions;
    use proto::{Clock, MediaTime, Pace, SendConfig, SessionId};
    use std::net::UdpSocket;

    #[test]
    fn what_is_due_goes_before_more_than_a_batch_of_feedback_is_read() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let link = Link::open(receiver.local_addr().unwrap(), &NetworkOptions::default()).unwrap();
        let config = SendConfig { pace: Pace::Off, ..SendConfig::new(SessionId::new(1), [7; 16]) };
        let now = Instant::now();
        let stream = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
        let mut destination = Destination::new(stream, link, None, Console::new("test"));
        let stats = Stats::default();
        stats.lock().destinations.push(crate::stats::Destination::default());
        // The hello tells where to answer.
        destination.drain(0, &mut Tally::default(), &stats);
        let to = receiver.recv_from(&mut [0; 2000]).unwrap().1;
        for _ in 0..FEEDBACK_AT_ONCE + 3 {
            receiver.send_to(b"feedback", to).unwrap();
        }
        destination.receive(now);
        assert_eq!(destination.stream.stats().feedback.total(), FEEDBACK_AT_ONCE as u64);
        destination.receive(now);
        assert_eq!(destination.stream.stats().feedback.total(), FEEDBACK_AT_ONCE as u64 + 3);
    }
}
