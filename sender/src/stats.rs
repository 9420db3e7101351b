//! What the sender counts, and how it says it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::host::Report;
use proto::{MediaTime, Meter, Percentiles, SendStats, SessionId};
use serde::Serialize;

/// The sender's statistics, shared by its threads. Locked for moments only.
#[derive(Debug, Default)]
pub struct Stats {
    inner: Mutex<Counters>,
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// Pictures that the source gave.
    pub captured: u64,
    /// Pictures that a newer one replaced before they were sent.
    pub superseded: u64,
    /// Pictures that were sent to at least one destination.
    pub sent: u64,
    /// Pictures that could not be encoded or are too large to be sent.
    pub refused: u64,
    /// Times that the source failed or was gone.
    pub capture_errors: u64,
    /// From a picture's arrival to its JPEG.
    pub encode: Meter,
    /// From the JPEG to its first datagram.
    pub queue: Meter,
    /// From the first datagram to the last.
    pub send: Meter,
    /// Each destination's own.
    pub destinations: Vec<Destination>,
}

/// What is counted for one destination.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// Its address.
    pub address: String,
    /// What its stream counted.
    pub stream: SendStats,
    /// Sends that the system refused.
    pub errors: u64,
    /// Bits per second on the wire while a frame goes out; `None` if it goes at once.
    pub pace: Option<f64>,
}

impl Stats {
    /// The counters, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Counters> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a picture that was replaced by a newer one.
    pub fn superseded(&self) {
        self.lock().superseded += 1;
    }
}

/// Follows each frame until all destinations are done with it, so that it ends in one counted way.
#[derive(Debug, Default)]
pub struct Tally {
    outstanding: VecDeque<Outstanding>,
}

#[derive(Debug)]
struct Outstanding {
    captured: MediaTime,
    destinations: usize,
    sent: bool,
    refused: bool,
}

/// How a destination is done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was sent.
    Sent,
    /// A newer one took its place.
    Superseded,
    /// It cannot be sent.
    Refused,
}

impl Tally {
    /// Begins a frame that goes to so many destinations.
    pub fn begin(&mut self, captured: MediaTime, destinations: usize) {
        self.outstanding.push_back(Outstanding { captured, destinations, sent: false, refused: false });
    }

    /// Notes how one destination was done with a frame; counts the frame when all are.
    pub fn end(&mut self, captured: MediaTime, end: End, counters: &mut Counters) {
        let Some(at) = self.outstanding.iter().position(|frame| frame.captured == captured) else { return };
        let frame = &mut self.outstanding[at];
        frame.destinations -= 1;
        frame.sent |= end == End::Sent;
        frame.refused |= end == End::Refused;
        if frame.destinations == 0 {
            let frame = self.outstanding.remove(at).expect("it was found there");
            *match frame {
                Outstanding { sent: true, .. } => &mut counters.sent,
                Outstanding { refused: true, .. } => &mut counters.refused,
                _ => &mut counters.superseded,
            } += 1;
        }
    }

    /// How many frames are not done.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }
}

/// Makes reports out of counters, remembering what the last one said.
#[derive(Debug)]
pub struct Reports {
    session: SessionId,
    start: Instant,
    last: Instant,
    last_sent: u64,
    last_bytes: u64,
}

/// What `--stats-json` says; the names are stable.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the README explains the statistics' names")]
pub struct Object {
    pub session: String,
    pub frames: Frames,
    pub datagrams: Datagrams,
    pub bytes: Bytes,
    pub errors: Errors,
    pub ms: Millis,
    pub pace: PaceObject,
    pub fps: f64,
    pub mbps: f64,
    pub destinations: Vec<DestinationObject>,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Frames {
    pub captured: u64,
    pub superseded: u64,
    pub sent: u64,
    pub refused: u64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Datagrams {
    pub data: u64,
    pub parity: u64,
    pub resent: u64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Bytes {
    pub sent: u64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Errors {
    pub send: u64,
    pub capture: u64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Millis {
    pub encode: Percentiles,
    pub queue: Percentiles,
    pub send: Percentiles,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct PaceObject {
    pub rate_mbps: Option<f64>,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct DestinationObject {
    pub address: String,
    pub sent: u64,
    pub superseded: u64,
    pub datagrams: u64,
    pub bytes: u64,
    pub errors: u64,
    pub rate_mbps: Option<f64>,
}

impl Reports {
    /// Reports on this session, which begins now.
    pub fn new(session: SessionId) -> Self {
        let now = Instant::now();
        Self { session, start: now, last: now, last_sent: 0, last_bytes: 0 }
    }

    /// A report on what happened since the last one; the final one is on everything.
    pub fn make(&mut self, stats: &Stats, is_final: bool) -> Report<Object> {
        let now = Instant::now();
        let counters = &mut *stats.lock();
        let bytes: u64 = counters.destinations.iter().map(|d| d.stream.bytes).sum();
        let (since, sent_before, bytes_before) =
            if is_final { (self.start, 0, 0) } else { (self.last, self.last_sent, self.last_bytes) };
        let seconds = (now - since).max(Duration::from_millis(1)).as_secs_f64();
        let fps = round((counters.sent - sent_before) as f64 / seconds);
        let mbps = round((bytes - bytes_before) as f64 * 8.0 / seconds / 1e6);
        (self.last, self.last_sent, self.last_bytes) = (now, counters.sent, bytes);

        let look = |meter: &mut Meter| if is_final { meter.all() } else { meter.recent() };
        let ms = Millis {
            encode: look(&mut counters.encode),
            queue: look(&mut counters.queue),
            send: look(&mut counters.send),
        };
        let object = object(self.session, counters, bytes, fps, mbps, ms);
        Report { line: line(&object), object }
    }
}

fn object(session: SessionId, counters: &Counters, bytes: u64, fps: f64, mbps: f64, ms: Millis) -> Object {
    let destinations: Vec<DestinationObject> = counters
        .destinations
        .iter()
        .map(|d| DestinationObject {
            address: d.address.clone(),
            sent: d.stream.sent,
            superseded: d.stream.superseded,
            datagrams: d.stream.data,
            bytes: d.stream.bytes,
            errors: d.errors,
            rate_mbps: d.pace.map(|rate| round(rate / 1e6)),
        })
        .collect();
    Object {
        session: session.to_string(),
        frames: Frames {
            captured: counters.captured,
            superseded: counters.superseded,
            sent: counters.sent,
            refused: counters.refused,
        },
        datagrams: Datagrams { data: destinations.iter().map(|d| d.datagrams).sum(), parity: 0, resent: 0 },
        bytes: Bytes { sent: bytes },
        errors: Errors {
            send: destinations.iter().map(|d| d.errors).sum(),
            capture: counters.capture_errors,
        },
        ms,
        pace: PaceObject { rate_mbps: destinations.iter().filter_map(|d| d.rate_mbps).reduce(f64::min) },
        fps,
        mbps,
        destinations,
    }
}

fn line(object: &Object) -> String {
    let Object { frames, ms, fps, mbps, .. } = object;
    let mut line = format!("{fps:.1} fps  {mbps:.1} Mbit/s  sent {}", frames.sent);
    if frames.superseded > 0 {
        line += &format!("  superseded {}", frames.superseded);
    }
    // What is wrong stands first: a narrow terminal cuts the end off.
    for (name, count) in [
        ("refused", frames.refused),
        ("send errors", object.errors.send),
        ("capture errors", object.errors.capture),
    ] {
        if count > 0 {
            line += &format!("  {name} {count}");
        }
    }
    let start = line.len();
    for (name, spread) in [("encode", &ms.encode), ("queue", &ms.queue), ("send", &ms.send)] {
        if let (Some(p50), Some(p99)) = (spread.p50, spread.p99) {
            line += &format!(" {name} {p50:.1}/{p99:.1}");
        }
    }
    if line.len() > start {
        line.insert_str(start, "  ms:");
    }
    line
}

/// Two digits are what a person compares and more than a measurement here is worth.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> MediaTime {
        MediaTime::from_micros(micros)
    }

    #[test]
    fn a_frame_ends_once_however_many_destinations_it_has() {
        let (mut tally, mut counters) = (Tally::default(), Counters::default());
        for (captured, ends) in [
            (1, [End::Superseded, End::Sent]),
            (2, [End::Superseded, End::Superseded]),
            (3, [End::Refused, End::Superseded]),
        ] {
            tally.begin(at(captured), 2);
            for end in ends {
                tally.end(at(captured), end, &mut counters);
            }
        }
        assert_eq!((counters.sent, counters.superseded, counters.refused), (1, 1, 1));
        assert_eq!(tally.outstanding(), 0);
    }

    #[test]
    fn the_statistics_have_the_promised_names() {
        let stats = Stats::default();
        stats.lock().destinations.push(Destination { pace: Some(90e6), ..Destination::default() });
        stats.lock().queue.add(Duration::from_millis(2));
        let report = Reports::new(SessionId::new(0xabc)).make(&stats, false);
        let json = serde_json::to_value(&report.object).unwrap();
        for path in [
            "/frames/captured",
            "/frames/superseded",
            "/frames/sent",
            "/datagrams/data",
            "/datagrams/parity",
            "/datagrams/resent",
            "/bytes/sent",
            "/errors/send",
            "/errors/capture",
            "/ms/encode/p50",
            "/ms/queue/p99",
            "/ms/send/max",
            "/pace/rate_mbps",
            "/session",
        ] {
            assert!(json.pointer(path).is_some(), "{path} in {json}");
        }
        assert_eq!(json["pace"]["rate_mbps"], 90.0);
        assert!(report.line.contains("ms: queue 2.0/2.0"), "{}", report.line);
    }
}
