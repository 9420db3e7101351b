//! A sender of trains, a path, a receiver that reports: as much of a stream as its rate needs.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::super::{CEILING, PathRate, Train};
use crate::netem::{Impairment, Netem};
use crate::random::Random;
use crate::send::{Pace, Pacer};
use crate::t0;

/// A stream over a path whose pace is learned.
pub(super) struct Stream {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) learned: PathRate,
    /// When each frame began, and at which pace.
    pub(super) paces: Vec<(Duration, f64)>,
    frame_bytes: u64,
    /// How late the sender wakes at most.
    pub(super) lateness: Duration,
    random: Random,
    pacer: Pacer,
    net: Netem<(u64, usize)>,
    /// Paths that were before; what is under way on them still arrives.
    before: Vec<Netem<(u64, usize)>>,
    frames: VecDeque<SentTrain>,
    next_id: u64,
    is_waiting: bool,
    next_frame: Instant,
    next_wake: Option<Instant>,
    next_report: Instant,
    /// How far reports are apart.
    pub(super) report_every: Duration,
    reports: VecDeque<(Instant, Vec<Train>)>,
}

struct SentTrain {
    id: u64,
    pace: f64,
    sprint: Range<usize>,
    payload: usize,
    all: usize,
    sent: Vec<Instant>,
    arrived: Vec<Option<Instant>>,
    last: Instant,
}

impl Stream {
    pub(super) fn over(network: &str, frame_bytes: u64, seed: u64) -> Self {
        let start = t0();
        let mut random = Random::new(seed);
        let at = |micros| start + Duration::from_micros(micros);
        let (next_frame, next_report) = (at(random.below(33_333)), at(50_000 + random.below(100_000)));
        Self {
            start,
            now: start,
            learned: PathRate::new(),
            paces: Vec::new(),
            frame_bytes,
            lateness: Duration::from_millis(1),
            net: net(network, random.next()),
            random,
            pacer: Pacer::new(Pace::Auto, OVERHEAD),
            before: Vec::new(),
            frames: VecDeque::new(),
            next_id: 0,
            is_waiting: false,
            next_frame,
            next_wake: None,
            next_report,
            report_every: Duration::from_millis(100),
            reports: VecDeque::new(),
        }
    }

    /// The path becomes another one.
    pub(super) fn change(&mut self, network: &str) {
        let seed = self.random.next();
        self.before.push(std::mem::replace(&mut self.net, net(network, seed)));
    }

    pub(super) fn rate_mbps(&self) -> f64 {
        self.learned.rate(self.now) / 1e6
    }

    /// The share of datagrams that a queue had no room for.
    pub(super) fn overflowed(&self) -> f64 {
        let counts = self.net.counts();
        counts.overflowed as f64 / counts.pushed.max(1) as f64
    }

    /// Datagrams sent.
    pub(super) fn sent(&self) -> f64 {
        self.net.counts().pushed as f64
    }

    /// Goes on for this long.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let due = [Some(self.next_frame), Some(self.next_report), self.next_wake];
            let reports = self.reports.front().map(|report| report.0);
            let nets = self.before.iter().chain([&self.net]).filter_map(Netem::next_due);
            let next = due.into_iter().flatten().chain(reports).chain(nets).min().unwrap();
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            self.receive();
            if self.reports.front().is_some_and(|report| report.0 <= next) {
                let (_, trains) = self.reports.pop_front().unwrap();
                self.learned.heard(&trains, next);
            }
            if self.next_report <= next {
                self.report();
            }
            if self.next_frame <= next {
                self.next_frame = next + Duration::from_micros(33_333);
                self.is_waiting = true;
            }
            self.send();
        }
    }

    fn send(&mut self) {
        loop {
            let idle = self.frames.back().is_none_or(|frame| frame.sent.len() == frame.all);
            if idle && !std::mem::take(&mut self.is_waiting) {
                self.next_wake = None;
                return;
            }
            if idle {
                self.begin();
            }
            if self.next_wake.is_some_and(|wake| wake > self.now) {
                return;
            }
            let Some(frame) = self.frames.back_mut() else { return };
            match self.pacer.due(frame.sent.len(), frame.all, self.now) {
                Ok(count) => {
                    for _ in 0..count {
                        let tag = (frame.id, frame.sent.len());
                        self.net.push_with(tag, &[0; 1500][..frame.payload], self.now);
                        frame.sent.push(self.now);
                    }
                    self.next_wake = None;
                }
                Err(next) => {
                    self.next_wake = Some(
                        next + Duration::from_micros(self.random.below(self.lateness.as_micros() as u64)),
                    )
                }
            }
        }
    }

    fn begin(&mut self) {
        let bytes = self.frame_bytes * (90 + self.random.below(21)) / 100;
        let all = bytes.div_ceil(1430) as usize;
        let payload = bytes as usize / all;
        self.pacer.set_rate(Some(self.learned.rate(self.now)));
        self.pacer.sprint_before(self.learned.wants_sprints().then_some(all));
        self.pacer.begin(all, payload * all, None, self.now);
        let pace = self.pacer.rate().unwrap();
        self.paces.push((self.now - self.start, pace));
        let (sent, arrived) = (Vec::new(), vec![None; all]);
        self.frames.push_back(SentTrain {
            id: self.next_id,
            pace,
            sprint: self.pacer.sprint(),
            payload,
            all,
            sent,
            arrived,
            last: self.now,
        });
        self.next_id += 1;
        self.next_wake = None;
    }

    fn receive(&mut self) {
        for net in self.before.iter_mut().chain([&mut self.net]) {
            while let Some(((id, index), _)) = net.pop_with(self.now) {
                let stamp = self.now + Duration::from_micros(self.random.below(STAMP));
                if let Some(frame) = self.frames.iter_mut().find(|frame| frame.id == id) {
                    frame.arrived[index].get_or_insert(stamp);
                    frame.last = self.now;
                }
            }
        }
    }

    /// Reports every frame that is complete, or of which nothing came for a while.
    fn report(&mut self) {
        self.next_report =
            self.now + self.report_every.mul_f64(0.95 + self.random.below(101) as f64 / 1000.0);
        let mut trains = Vec::new();
        while let Some(frame) = self.frames.front() {
            let is_complete = frame.arrived.iter().all(Option::is_some);
            let is_over = frame.sent.last().is_some_and(|sent| self.now > (*sent).max(frame.last) + OVER);
            if frame.sent.len() < frame.all || !(is_complete || is_over) {
                break;
            }
            trains.extend(frame.train());
            self.frames.pop_front();
        }
        self.reports.push_back((self.now + BACK, trains));
    }
}

impl SentTrain {
    /// When it left: those that are sent at once leave one after the other.
    fn departure(&self, index: usize) -> Instant {
        let before = self.sent[..index].iter().rev().take_while(|sent| **sent == self.sent[index]).count();
        self.sent[index] + Duration::from_secs_f64((before * (self.payload + OVERHEAD) * 8) as f64 / CEILING)
    }

    fn train(&self) -> Option<Train> {
        let first = self.arrived.iter().position(Option::is_some)?;
        let last = self.arrived.iter().rposition(Option::is_some)?;
        let missing = |range: &[Option<Instant>]| range.iter().filter(|at| at.is_none()).count() as u32;
        let (head, tail) = self.arrived.split_at(self.all / 2);
        let sprinted = if self.sprint.contains(&last) { last - first.max(self.sprint.start) } else { 0 };
        Some(Train {
            bits: ((last - first) * (self.payload + OVERHEAD) * 8) as f64,
            sent: self.departure(last) - self.departure(first),
            arrived: self.arrived[last]?.saturating_duration_since(self.arrived[first]?),
            datagrams: (last - first) as u32,
            lost: missing(&self.arrived[first..last]),
            missing_head: missing(head),
            missing_tail: missing(tail),
            total: self.all as u32,
            pace: Some(self.pace),
            sprinted: (sprinted * (self.payload + OVERHEAD) * 8) as f64,
        })
    }
}

fn net(network: &str, seed: u64) -> Netem<(u64, usize)> {
    Netem::new(Impairment { seed, ..network.parse().unwrap() })
}

/// What the simulated link adds to a datagram.
const OVERHEAD: usize = 66;
/// Microseconds that the receiver's stamp is late, at most.
const STAMP: u64 = 100;
/// A frame of which nothing came for so long has ended.
const OVER: Duration = Duration::from_millis(20);
/// What a report takes.
const BACK: Duration = Duration::from_millis(2);
