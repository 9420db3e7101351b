//! A bad network that is reproducible: datagrams come out late, twice, damaged, out of order, or not at all.
//!
//! It has no socket and no clock, and the same [`Impairment`] does the same to the same datagrams every time. It serves
//! the tests, and `--impair` of both programs.

mod impairment;
mod units;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

pub use impairment::{Bottleneck, Burst, Impairment, ImpairmentError};
pub use units::Chance;

use crate::random::Random;

/// A network as bad as an [`Impairment`] says.
///
/// A datagram first meets loss, then duplication, then corruption of each copy, then the link and its queue, then the
/// delay. Each of these rolls its own dice for every datagram: the same seed loses the same datagrams with jitter and
/// without.
///
/// Each datagram may carry a `T` past it all, such as where it came from; nothing by default.
#[derive(Clone, Debug)]
pub struct Netem<T = ()> {
    impairment: Impairment,
    dice: Dice,
    burst: BurstState,
    /// When the link will have sent all that it accepted.
    link_free: Option<Instant>,
    /// When the last datagram that kept its place arrives.
    latest_due: Option<Instant>,
    /// What is under way, the next to arrive first.
    flying: BinaryHeap<Reverse<Flight>>,
    flying_bytes: usize,
    buffers: Vec<(T, Vec<u8>)>,
    free: Vec<usize>,
    /// The buffer that was given out last; free at the next call.
    lent: Option<usize>,
    /// The number of the newest datagram that came out, plus one.
    newest_out: u64,
    counts: NetemCounts,
}

/// What became of the datagrams so far: `pushed + duplicated = lost + overflowed + arrived`, and those still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetemCounts {
    /// Datagrams that went in.
    pub pushed: u64,
    /// Lost by chance, one by one or in bursts.
    pub lost: u64,
    /// Lost because they did not fit the link's queue (or the simulation's own bound).
    pub overflowed: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Datagrams with one bit flipped.
    pub corrupted: u64,
    /// Datagrams that came out after one that went in later (RFC 4737, section 3).
    pub reordered: u64,
    /// Datagrams that came out.
    pub arrived: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    due: Instant,
    number: u64,
    buffer: usize,
}

#[derive(Clone, Debug)]
struct Dice {
    loss: Random,
    burst: Random,
    duplicate: Random,
    corrupt: Random,
    jitter: Random,
    reorder: Random,
}

#[derive(Clone, Copy, Debug, Default)]
struct BurstState {
    /// Place of the next datagram within its run of `every`.
    at: u32,
    /// Place of this run's first lost datagram.
    start: u32,
}

impl Netem {
    /// Sends `datagram` at `now`. What comes of it comes out of [`pop`](Self::pop).
    pub fn push(&mut self, datagram: &[u8], now: Instant) {
        self.push_with((), datagram, now);
    }

    /// The next datagram that has arrived by `now`.
    pub fn pop(&mut self, now: Instant) -> Option<&mut [u8]> {
        self.pop_with(now).map(|((), datagram)| datagram)
    }
}

impl<T: Copy> Netem<T> {
    /// A network with nothing under way.
    pub fn new(impairment: Impairment) -> Self {
        Self {
            dice: Dice::new(impairment.seed),
            impairment,
            burst: BurstState::default(),
            link_free: None,
            latest_due: None,
            flying: BinaryHeap::new(),
            flying_bytes: 0,
            buffers: Vec::new(),
            free: Vec::new(),
            lent: None,
            newest_out: 0,
            counts: NetemCounts::default(),
        }
    }

    /// Sends `datagram` and what goes with it at `now`. What comes of it comes out of [`pop_with`](Self::pop_with).
    pub fn push_with(&mut self, with: T, datagram: &[u8], now: Instant) {
        self.counts.pushed += 1;
        // Both are asked every time, so that neither changes what the other one hits.
        let (unlucky, in_burst) = (self.dice.loss.happens(self.impairment.loss), self.in_burst());
        let twice = self.dice.duplicate.happens(self.impairment.duplicate);
        if unlucky || in_burst {
            self.counts.lost += 1;
            return;
        }
        self.carry(with, datagram, now);
        if twice {
            self.counts.duplicated += 1;
            self.carry(with, datagram, now);
        }
    }

    /// The next datagram that has arrived by `now`, and what went with it.
    pub fn pop_with(&mut self, now: Instant) -> Option<(T, &mut [u8])> {
        self.free.extend(self.lent.take());
        if self.next_due()? > now {
            return None;
        }
        let Reverse(flight) = self.flying.pop()?;
        self.counts.arrived += 1;
        self.counts.reordered += u64::from(flight.number < self.newest_out);
        self.newest_out = self.newest_out.max(flight.number + 1);
        self.lent = Some(flight.buffer);
        let (with, datagram) = &mut self.buffers[flight.buffer];
        self.flying_bytes -= datagram.len();
        Some((*with, datagram))
    }

    /// When the next datagram arrives; `None` if nothing is under way.
    pub fn next_due(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse(flight)| flight.due)
    }

    /// What became of the datagrams so far.
    pub fn counts(&self) -> NetemCounts {
        self.counts
    }

    /// Takes one copy through corruption, link and delay.
    fn carry(&mut self, with: T, datagram: &[u8], now: Instant) {
        let flipped = self.dice.corrupt.happens(self.impairment.corrupt).then(|| self.dice.corrupt.next());
        let late = self.dice.jitter.up_to(self.impairment.jitter);
        let held = self.dice.reorder.happens(self.impairment.reorder);
        let hold = if held { self.dice.reorder.up_to(self.impairment.hold) } else { Duration::ZERO };

        let fits = self.flying_bytes + datagram.len() <= MOST_BYTES_FLYING && self.flying.len() < MOST_FLYING;
        let Some(sent) = fits.then(|| self.through_link(datagram.len(), now)).flatten() else {
            self.counts.overflowed += 1;
            return;
        };
        let in_turn = sent + self.impairment.delay + late;
        let in_turn = self.latest_due.map_or(in_turn, |latest| latest.max(in_turn));
        if !held {
            self.latest_due = Some(in_turn);
        }

        let buffer = self.free.pop().unwrap_or_else(|| {
            self.buffers.push((with, Vec::new()));
            self.buffers.len() - 1
        });
        let (kept, copy) = &mut self.buffers[buffer];
        *kept = with;
        copy.clear();
        copy.extend_from_slice(datagram);
        if let (Some(at), false) = (flipped, copy.is_empty()) {
            self.counts.corrupted += 1;
            let bit = (at % (copy.len() as u64 * 8)) as usize;
            copy[bit / 8] ^= 1 << (bit % 8);
        }
        let number = self.counts.pushed + self.counts.duplicated - 1;
        self.flying.push(Reverse(Flight { due: in_turn + hold, number, buffer }));
        self.flying_bytes += datagram.len();
    }

    /// When the link has sent a datagram of this length; `None` if its queue has no room.
    fn through_link(&mut self, length: usize, now: Instant) -> Option<Instant> {
        let Some(Bottleneck { rate, queue }) = self.impairment.bottleneck else { return Some(now) };
        let free = self.link_free.map_or(now, |free| free.max(now));
        // What waits is what the link still has to send: no need to keep the queue itself.
        let waiting = free.duration_since(now).as_nanos() * u128::from(rate) / BIT_NANOS;
        let length = (length + ETHERNET_OVERHEAD) as u128;
        if waiting > 0 && waiting + length > u128::from(queue) {
            return None;
        }
        let nanos = u64::try_from(length * BIT_NANOS / u128::from(rate)).unwrap_or(u64::MAX);
        let sent = free + Duration::from_nanos(nanos);
        self.link_free = Some(sent);
        Some(sent)
    }

    /// Whether the next datagram is part of a burst of losses.
    fn in_burst(&mut self) -> bool {
        let Some(Burst { length, every }) = self.impairment.burst else { return false };
        if self.burst.at == 0 {
            self.burst.start = self.dice.burst.below(u64::from(every - length) + 1) as u32;
        }
        let lost = (self.burst.start..self.burst.start + length).contains(&self.burst.at);
        self.burst.at = (self.burst.at + 1) % every;
        lost
    }
}

impl Dice {
    fn new(seed: u64) -> Self {
        let mut seeds = Random::new(seed);
        let mut next = || Random::new(seeds.next());
        Self {
            loss: next(),
            burst: next(),
            duplicate: next(),
            corrupt: next(),
            jitter: next(),
            reorder: next(),
        }
    }
}

impl Random {
    fn happens(&mut self, chance: Chance) -> bool {
        self.below(1_000_000) < u64::from(chance.0)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_nanos(self.below(longest.as_nanos() as u64 + 1))
    }
}

/// What Ethernet adds to a UDP payload: preamble 8, header 14, IPv4 20, UDP 8, check sequence 4, gap 12.
const ETHERNET_OVERHEAD: usize = 66;

/// Nanoseconds in a second, for each of a byte's eight bits.
const BIT_NANOS: u128 = 8_000_000_000;

/// Most datagrams under way, so that a long delay cannot take all memory: a second of 600 Mbit/s.
const MOST_FLYING: usize = 65_536;

/// Most bytes under way.
const MOST_BYTES_FLYING: usize = 128 << 20;

#[cfg(test)]
mod tests;
