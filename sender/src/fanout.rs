//! All that frames go to: the destinations, and the sockets that lead there.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use proto::host::{Console, Seldom};
use proto::wire::SourceState;
use proto::{Follow, Frame};

use crate::destination::Destination;
use crate::link::Link;
use crate::stats::{Stats, Tally};

/// The destinations, each paced on its own, and their sockets, each of which may lead to many.
#[derive(Debug)]
pub struct Fanout {
    links: Vec<Link>,
    destinations: Vec<Destination>,
    complaints: Seldom,
    console: Console,
}

impl Fanout {
    /// Over these sockets to these destinations, which name theirs by number.
    pub fn new(links: Vec<Link>, destinations: Vec<Destination>, console: Console) -> Self {
        Self { links, destinations, complaints: Seldom::new(COMPLAIN_EVERY), console }
    }

    /// Other handles to the sockets, in their order, to wait for what comes back.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub fn sockets(&self) -> io::Result<Vec<OwnedFd>> {
        self.links.iter().map(|link| link.as_fd().try_clone_to_owned()).collect()
    }

    /// Gives a frame to all.
    pub fn push(&mut self, frame: &Frame, tally: &mut Tally, now: Instant) {
        tally.begin(frame.captured, self.destinations.len());
        self.destinations
            .iter_mut()
            .for_each(|destination| destination.stream.push_frame(frame.clone(), now));
    }

    /// Sends what is due to all; returns when there is more to do.
    pub fn drain(&mut self, state: SourceState, tally: &mut Tally, stats: &Stats) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for (number, destination) in self.destinations.iter_mut().enumerate() {
            destination.stream.set_state(state, Instant::now());
            let until = destination.drain(&mut self.links[destination.link], number, tally, stats);
            next = [next, until].into_iter().flatten().min();
        }
        next
    }

    /// Takes in a batch of what came back by one of the sockets. Not more: however much comes, what is due goes out in
    /// between.
    pub fn receive(&mut self, number: usize, now: Instant) {
        let Self { links, destinations, .. } = self;
        let read = links[number].receive(FEEDBACK_AT_ONCE, |from, datagram| {
            let is_from = |d: &&mut Destination| d.link == number && d.route().is_receiver(from);
            let Some(destination) = destinations.iter_mut().find(is_from) else { return false };
            let _counted = destination.stream.handle_datagram(from, datagram, now);
            true
        });
        if let Err(error) = read
            && self.complaints.is_due(now)
        {
            self.console.say(format_args!("cannot read what comes back: {error}"));
        }
    }

    /// How many bytes a picture may have, so that the paths of those who are followed carry the stream.
    pub fn frame_budget(&mut self, follow: Follow) -> Option<usize> {
        let budgets = self.destinations.iter_mut().map(|d| d.stream.frame_budget().unwrap_or(usize::MAX));
        let budget = match follow {
            Follow::Slowest => budgets.min(),
            Follow::Percentile(percentile) => {
                let mut budgets: Vec<usize> = budgets.collect();
                budgets.sort_unstable();
                let at = (budgets.len() * usize::from(percentile) / 100).min(budgets.len().saturating_sub(1));
                budgets.get(at).copied()
            }
        };
        budget.filter(|&bytes| bytes < usize::MAX)
    }

    /// Ends all streams: what was given to them still goes out, and then a goodbye.
    pub fn close(&mut self) {
        self.destinations.iter_mut().for_each(|destination| destination.stream.close());
    }

    /// Gives up what has not gone, but for the goodbyes.
    pub fn abandon(&mut self) {
        self.destinations.iter_mut().for_each(Destination::abandon);
    }

    /// Whether all that was to go has gone.
    pub fn is_done(&self) -> bool {
        self.destinations.iter().all(Destination::is_done)
    }
}

/// Many receivers' reports; a few tens of microseconds, which no pacing instant misses by much.
const FEEDBACK_AT_ONCE: usize = 32;
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{NetworkOptions, Route};
    use proto::{Clock, MediaTime, Pace, SendConfig, SendStream, SessionId};
    use std::net::UdpSocket;

    #[test]
    fn what_is_due_goes_before_more_than_a_batch_of_feedback_is_read() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let options = NetworkOptions::default();
        let route = Route::find(receiver.local_addr().unwrap(), &options).unwrap();
        let link = Link::open(&route, &options).unwrap();
        let config = SendConfig { pace: Pace::Off, ..SendConfig::new(SessionId::new(1), [7; 16]) };
        let now = Instant::now();
        let stream = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
        let console = Console::silent();
        let destination = Destination::new(stream, 0, route, None, console.clone());
        let mut fanout = Fanout::new(vec![link], vec![destination], console);
        let stats = Stats::default();
        stats.lock().destinations.push(crate::stats::Destination::default());
        // The hello tells where to answer.
        fanout.drain(SourceState::Live, &mut Tally::default(), &stats);
        let to = receiver.recv_from(&mut [0; 2000]).unwrap().1;
        for _ in 0..FEEDBACK_AT_ONCE + 3 {
            receiver.send_to(b"feedback", to).unwrap();
        }
        let heard = |fanout: &Fanout| fanout.destinations[0].stream.stats().feedback.total();
        fanout.receive(0, now);
        assert_eq!(heard(&fanout), FEEDBACK_AT_ONCE as u64);
        fanout.receive(0, now);
        assert_eq!(heard(&fanout), FEEDBACK_AT_ONCE as u64 + 3);
    }
}
