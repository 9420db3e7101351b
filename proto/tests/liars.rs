//! What those who lie in their reports do to a group. Who contradicts itself is not followed, from the report on that
//! does; and whoever only claims to have a slow path has the stream follow it for two seconds in a minute, however
//! often it comes back under another address.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::netem::{Impairment, Netem};
use proto::wire::{Datagram, HEADER_BYTES, Header, Kind, emit};
use proto::{
    Clock, Computer, Frame, FrameId, MediaTime, Pace, RecvConfig, RecvOutput, RecvStream, SendConfig,
    SendOutput, SendStream, SessionId,
};

/// A train as it is reported: frame, first, last, microseconds, missing in the first half and in the second.
type Train = (u32, u16, u16, u32, u16, u16);

/// What a liar says of the frames that have come, how old each is, since its report before: counters (delivered, lost,
/// arrived, missing) and trains.
type Lie = fn(&mut VecDeque<(u32, Duration)>, &mut [u32; 4]) -> Vec<Train>;

#[test]
fn who_contradicts_itself_slows_nobody() {
    let lies: [(&str, Lie); 4] = [
        ("slow and whole, and none delivered", |frames, _| {
            frames.drain(..).map(|(frame, age)| (frame, 1, CHUNKS - 1, micros(age), 0, 0)).collect()
        }),
        ("slower than since they were sent", |frames, counts| {
            counts[0] += frames.len() as u32;
            frames.drain(..).map(|(frame, _)| (frame, 1, CHUNKS - 1, 900_000, 0, CHUNKS / 2)).collect()
        }),
        ("half of all, at a crawl, as fast as they are sent", |frames, counts| {
            counts.iter_mut().zip([3, 1, 60, 60]).for_each(|(count, more)| *count += more);
            frames.drain(..).map(|(frame, _)| (frame, 1, CHUNKS - 1, 400_000, 0, CHUNKS / 2)).collect()
        }),
        ("one train twice and more", |frames, counts| {
            counts[0] += frames.len() as u32;
            let last = frames.back().copied();
            frames.clear();
            let slow = |(frame, age)| (frame, 1, CHUNKS - 1, micros(age) + 90_000, 0, 40);
            std::iter::repeat_n(last.map(slow), 12).flatten().collect()
        }),
    ];
    for (name, lie) in lies {
        let mut lan = Lan::new(3);
        lan.run(6000);
        assert!(lan.pace() > 900e6, "honest receivers' paths carry {}", lan.pace());
        lan.liars.push(Liar::new(50, lie));
        let slow = lan.run(10_000);
        assert!(lan.liars[0].reports > 20, "{name}: it was heard");
        assert_eq!(slow, Duration::ZERO, "{name}");
        assert!(lan.pace() > 900e6, "{name}: {}", lan.pace());
    }
}

#[test]
fn who_completes_nothing_is_followed_for_two_seconds_in_a_minute_however_often_it_comes_back() {
    // A path that lets little through, slowly, of frames old enough for it to be true.
    let lie: Lie = |frames, counts| {
        let Some(&(frame, age)) = frames.front().filter(|(_, age)| *age > Duration::from_millis(600)) else {
            return Vec::new();
        };
        counts[1] += frames.len() as u32;
        frames.clear();
        vec![(frame, 1, CHUNKS - 1, micros(age) - 50_000, 0, CHUNKS / 4)]
    };
    let mut lan = Lan::new(3);
    lan.run(6000);
    let mut slow = Duration::ZERO;
    for number in 0..20 {
        lan.liars = vec![Liar::new(50 + number, lie)];
        slow += lan.run(1700);
    }
    assert!(slow > Duration::from_millis(300), "it was followed at first: {slow:?}");
    assert!(slow <= Duration::from_millis(2600), "{slow:?} of 34 s");
    assert!(lan.pace() > 900e6, "{}", lan.pace());
}

#[test]
fn who_is_honest_and_slow_is_followed_at_once_and_for_as_long_as_it_is_there() {
    for rate in ["30mbit", "60mbit"] {
        let mut lan = Lan::new(3);
        lan.run(6000);
        let path: Impairment = format!("rate={rate},queue=64k,delay=1ms").parse().unwrap();
        lan.slow = Some((Netem::new(path), RecvStream::new(RecvConfig { seed: 9, ..RecvConfig::default() })));
        lan.run(2000);
        let carried = rate.trim_end_matches("mbit").parse::<f64>().unwrap() * 1e6;
        for _ in 0..5 {
            let slow = lan.run(2000);
            assert!(lan.pace() < carried * 1.7, "{} to a path of {rate}, but for a probe", lan.pace());
            assert!(slow > Duration::from_millis(1900), "its limit is known: {slow:?}");
        }
        let viewer = lan.sender.viewers().find(|(source, _)| **source == SLOW).unwrap().1;
        assert!(viewer.is_healthy(), "{viewer:?}");
        let stats = lan.slow.as_ref().unwrap().1.stats();
        assert!(stats.delivered > 150, "{stats:?}");
    }
}

#[test]
fn many_sources_of_one_computer_have_a_quarter_of_the_places_and_one_voice() {
    let mut lan = Lan::new(1);
    lan.sender
        .set_computers(|source| Computer { key: (*source / 10_000) as u128, is_own: *source >= 90_000 });
    lan.run(1000);
    for source in 10_000..10_300 {
        lan.report_once(source);
    }
    assert_eq!(lan.sender.viewers().count(), 1 + 256);
    // With the sender's own there is no such bound, but for that of all.
    for source in 90_000..91_000 {
        lan.report_once(source);
    }
    assert_eq!(lan.sender.viewers().count(), 1024);
    // Who comes late gets the place of the newest of the computer that has the most.
    lan.report_once(20_000);
    let is_viewer = |lan: &Lan, source| lan.sender.viewers().any(|(viewer, _)| *viewer == source);
    assert!(is_viewer(&lan, 20_000) && is_viewer(&lan, 0) && is_viewer(&lan, 90_000));
    assert_eq!(lan.sender.viewers().count(), 1024);
}

/// A group of honest receivers, whose paths carry whatever is sent, and liars beside them.
struct Lan {
    begin: Instant,
    now: Instant,
    sender: SendStream<usize>,
    honest: Vec<RecvStream<usize>>,
    liars: Vec<Liar>,
    /// An honest one behind a narrow path.
    slow: Option<(Netem, RecvStream<usize>)>,
    pushed: u64,
    step: u64,
}

struct Liar {
    source: usize,
    lie: Lie,
    token: Option<[u8; 8]>,
    frames: VecDeque<(u32, Instant)>,
    counts: [u32; 4],
    next: Option<Instant>,
    reports: u32,
}

impl Liar {
    fn new(source: usize, lie: Lie) -> Self {
        Self { source, lie, token: None, frames: VecDeque::new(), counts: [0; 4], next: None, reports: 0 }
    }

    /// What it says now, if something.
    fn say(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.next.is_some_and(|next| next > now) {
            return None;
        }
        self.next = Some(now + Duration::from_millis(100));
        let Some(token) = self.token else { return Some(datagram(Kind::Ping, &[0; 24])) };
        let mut frames: VecDeque<_> = self.frames.iter().map(|&(frame, at)| (frame, now - at)).collect();
        let trains = (self.lie)(&mut frames, &mut self.counts);
        // What it has not spoken of it may speak of later.
        let left = self.frames.len() - frames.len();
        self.frames.drain(..left);
        self.reports += 1;
        Some(report(token, self.counts, &trains))
    }
}

impl Lan {
    fn new(honest: u64) -> Self {
        let now = Instant::now();
        let config = SendConfig {
            is_group: true,
            pace: Pace::Auto,
            interval: Some(INTERVAL),
            ..SendConfig::new(SESSION, [7; 16])
        };
        let receiver = |seed| RecvStream::new(RecvConfig { seed, ..RecvConfig::default() });
        Self {
            begin: now,
            now,
            sender: SendStream::new(config, Clock::new(now, MediaTime::from_micros(300_000_000)), now),
            honest: (0..honest).map(receiver).collect(),
            liars: Vec::new(),
            slow: None,
            pushed: 0,
            step: 0,
        }
    }

    fn pace(&self) -> f64 {
        self.sender.pace().unwrap()
    }

    /// Goes on for this long; returns for how much of it the stream was slower than to a path that is not known, or its
    /// pictures were to be smaller.
    fn run(&mut self, millis: u64) -> Duration {
        let (end, mut slow) = (self.now + Duration::from_millis(millis), Duration::ZERO);
        while self.now < end {
            self.step += 1;
            self.now = self.begin + STEP * self.step as u32;
            let frame = self.begin + INTERVAL * self.pushed as u32;
            if frame <= self.now {
                self.pushed += 1;
                let captured = MediaTime::from_micros(self.pushed);
                let jpeg = Arc::new(vec![7; usize::from(CHUNKS) * 1428]);
                self.sender.push_frame(Frame { captured, jpeg, signature: None }, self.now);
            }
            for (to, datagram) in self.sent() {
                self.carry(to, &datagram);
            }
            self.say();
            let is_slow = self.begin + Duration::from_secs(5) < self.now
                && (self.pace() < 89e6 || self.sender.frame_budget().is_some());
            slow += if is_slow { STEP } else { Duration::ZERO };
        }
        slow
    }

    fn sent(&mut self) -> Vec<(Option<usize>, Vec<u8>)> {
        let mut sent = Vec::new();
        loop {
            match self.sender.poll(self.now) {
                SendOutput::Transmit(t) => {
                    sent.extend(t.bytes.chunks(t.segment).map(|bytes| (t.to, bytes.to_vec())));
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => return sent,
            }
        }
    }

    fn carry(&mut self, to: Option<usize>, datagram: &[u8]) {
        for (number, receiver) in self.honest.iter_mut().enumerate() {
            if to.is_none_or(|to| to == number) {
                receiver.handle_datagram(usize::MAX, &mut datagram.to_vec(), self.now);
            }
        }
        if let Some((path, _)) = self.slow.as_mut().filter(|_| to.is_none_or(|to| to == SLOW)) {
            path.push(datagram, self.now);
        }
        let header = Datagram::parse(datagram).unwrap().header;
        for liar in &mut self.liars {
            match header.kind {
                Kind::Pong if to == Some(liar.source) => {
                    liar.token = datagram[HEADER_BYTES..][..8].try_into().ok();
                }
                Kind::Data if header.index == 0 => liar.frames.push_back((header.frame.get(), self.now)),
                _ => {}
            }
        }
    }

    fn say(&mut self) {
        if let Some((path, receiver)) = &mut self.slow {
            while let Some(datagram) = path.pop(self.now) {
                receiver.handle_datagram(usize::MAX, datagram, self.now);
            }
        }
        let slow = self.slow.as_mut().map(|(_, receiver)| (SLOW, receiver));
        for (number, receiver) in self.honest.iter_mut().enumerate().chain(slow) {
            receiver.handle_timeout(self.now);
            loop {
                match receiver.poll(self.now) {
                    RecvOutput::Transmit { bytes, .. } => {
                        self.sender.handle_datagram(number, bytes, self.now);
                    }
                    RecvOutput::Event(_) => {}
                    RecvOutput::Wait(_) => break,
                }
            }
        }
        for liar in &mut self.liars {
            if let Some(said) = liar.say(self.now) {
                self.sender.handle_datagram(liar.source, &said, self.now);
            }
        }
    }

    /// Somebody proves its address and reports, once.
    fn report_once(&mut self, source: usize) {
        self.sender.handle_datagram(source, &datagram(Kind::Ping, &[0; 24]), self.now);
        let sent = self.sent();
        let pong = sent.iter().find(|(to, _)| *to == Some(source)).unwrap();
        let token = pong.1[HEADER_BYTES..][..8].try_into().unwrap();
        self.now += Duration::from_micros(1);
        self.sender.handle_datagram(source, &report(token, [0; 4], &[]), self.now);
        let _pong = self.sent();
    }
}

fn report(token: [u8; 8], counts: [u32; 4], trains: &[Train]) -> Vec<u8> {
    let mut body = token.to_vec();
    let [delivered, lost, arrived, missing] = counts;
    for count in [delivered, lost, 0, 0, arrived, missing, 0, 0, 0] {
        body.extend(count.to_be_bytes());
    }
    let trains = &trains[trains.len().saturating_sub(16)..];
    body.extend((trains.len() as u16).to_be_bytes());
    for &(frame, first, last, span, head, tail) in trains {
        body.extend(frame.to_be_bytes());
        body.extend([first, last].map(u16::to_be_bytes).as_flattened());
        body.extend(span.to_be_bytes());
        body.extend([head, tail].map(u16::to_be_bytes).as_flattened());
    }
    datagram(Kind::Report, &body)
}

fn datagram(kind: Kind, body: &[u8]) -> Vec<u8> {
    let header = Header {
        length: body.len() as u32,
        ..Header::control(kind, SESSION, FrameId::default(), MediaTime::from_micros(1))
    };
    let mut datagram = vec![0; HEADER_BYTES];
    datagram.extend_from_slice(body);
    emit(&header, &mut datagram);
    datagram
}

fn micros(age: Duration) -> u32 {
    age.as_micros() as u32
}

/// Where the slow one is.
const SLOW: usize = 40;
const SESSION: SessionId = SessionId::new(7);
const INTERVAL: Duration = Duration::from_micros(33_333);
const STEP: Duration = Duration::from_micros(100);
/// Of each frame.
const CHUNKS: u16 = 100;
