//! Sends what is due, and takes in changes of the network and the source.

use std::time::Instant;

use super::super::awaited::Awaited;
use super::super::ledger::FrameLedger;
use super::Fanout;
use crate::inbox::SourceNews;
use crate::net::SendSocket;
use crate::serve::Served;
use crate::stats::Stats;

impl Fanout {
    /// Sends what is due, and looks at nobody to whom nothing is; returns when there is more to do.
    pub(crate) fn drain(
        &mut self,
        source: SourceNews,
        ledger: &mut FrameLedger,
        stats: &Stats,
    ) -> Option<Instant> {
        self.end_silent(ledger, stats);
        self.look_around(ledger, stats);
        self.tell_source(source);
        self.touched.clear();
        // Some become due while others are sent to. They are not waited for, but neither does what comes back wait for
        // ever.
        while self.touched.len() < self.destinations.len() {
            let before = self.touched.len();
            self.due_times.take(&mut self.touched, Instant::now());
            for at in before..self.touched.len() {
                self.touch(self.touched[at], ledger, stats);
            }
            if self.touched.len() == before {
                break;
            }
        }
        self.count(stats);
        let silent = self.served.as_ref().and_then(Served::next_due);
        let tries = self.awaited.iter().filter_map(Awaited::next_try).min();
        [self.due_times.next(), silent, self.changes.next_due(), tries].into_iter().flatten().min()
    }

    /// Sends to one what is due.
    fn touch(&mut self, number: usize, ledger: &mut FrameLedger, stats: &Stats) {
        let destination = &mut self.destinations[number];
        let socket = &mut self.sockets[destination.socket];
        self.due_times.set(number, destination.drain(socket, &self.room, ledger, stats));
        self.budgets_changed |= destination.learns_budget();
        if destination.takes_lost() {
            self.changes.suspect(Instant::now());
        }
    }

    /// Has all receivers told what has become of the source, if that is news.
    fn tell_source(&mut self, source: SourceNews) {
        if std::mem::replace(&mut self.source, source) == source {
            return;
        }
        let now = Instant::now();
        self.destinations.iter_mut().for_each(|destination| destination.tell(source, now));
        self.due_times.set_all(now);
    }

    /// Has the statistics of those who were looked at say what there is to say now.
    fn count(&mut self, stats: &Stats) {
        let Self { touched, destinations, .. } = self;
        if touched.is_empty() {
            return;
        }
        let (now, listed) = (Instant::now(), &mut stats.lock().destinations);
        touched.iter().for_each(|&number| destinations[number].count(&mut listed[number], now));
    }

    /// Goes on by the interfaces that there are, if they have changed, and tries destinations that could not be sent
    /// to.
    fn look_around(&mut self, ledger: &mut FrameLedger, stats: &Stats) {
        let now = Instant::now();
        if self.changes.is_due(now) {
            self.renew(stats);
            self.awaited.iter_mut().for_each(|awaited| awaited.hurry(now));
        }
        let mut number = 0;
        while let Some(awaited) = self.awaited.get_mut(number) {
            match awaited.try_again(&self.options, now) {
                None => number += 1,
                Some((socket, route)) => {
                    self.awaited.remove(number);
                    self.add(socket, route, stats);
                    self.push_unwatched(ledger, now);
                }
            }
        }
    }

    /// Has all sockets go on by the interfaces that there are now.
    fn renew(&mut self, stats: &Stats) {
        let Self { sockets, destinations, served, .. } = self;
        if let Some(served) = served {
            // There is one socket for each family, and the same is to be said of both.
            let mut news: Vec<String> =
                sockets[served.sockets()].iter_mut().filter_map(SendSocket::find_only).collect();
            news.dedup();
            news.iter().for_each(|news| tracing::info!("{news}"));
        }
        let listed = &mut stats.lock().destinations;
        for (destination, listed) in destinations.iter_mut().zip(listed) {
            destination.renew(&sockets[destination.socket], listed);
        }
        // What could not go by the way that was may go by the one that is.
        self.due_times.set_all(Instant::now());
    }

    /// Goes on where there was no room: there is some now.
    pub(crate) fn go_on(&mut self, now: Instant) {
        for (number, destination) in self.destinations.iter().enumerate() {
            if destination.awaits_room() {
                self.due_times.set(number, Some(now));
            }
        }
    }
}
