//! Reports of the sender's counters: an object with stable names for programs, and a line for people.

use std::time::{Duration, Instant};

use proto::app::{StatsReport, percentiles_text, two_digits};
use proto::keys::RefusalCounts;
use proto::{FeedbackCounts, Percentiles, SessionId, SubscribeCounts, WindowedHistogram};
use serde::Serialize;

use super::viewers::ViewerObject;
use super::{SendCounters, Stats};

/// Makes reports out of counters, remembering what the last one said.
#[derive(Debug)]
pub(crate) struct Reports {
    session: SessionId,
    full_quality: u8,
    start: Instant,
    last: Instant,
    last_sent: u64,
    last_bytes: u64,
}

/// What `--stats-json` says; the names are stable, and docs/statistics.md explains them.
#[derive(Debug, Serialize)]
pub(crate) struct Object {
    pub session: String,
    pub frames: Frames,
    pub datagrams: Datagrams,
    pub bytes: Bytes,
    pub errors: Errors,
    pub ms: Millis,
    pub pace: PaceObject,
    pub quality: Option<u8>,
    pub capture_error_ms: Option<f64>,
    pub fps: f64,
    pub mbps: f64,
    pub destinations: Vec<DestinationObject>,
    /// Asks to watch, by how they ended.
    pub asks: SubscribeCounts,
    /// What came and was refused, where only who has the key may speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyed: Option<RefusalCounts>,
    pub diagnosis: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Frames {
    pub captured: u64,
    pub superseded: u64,
    pub thinned: u64,
    pub sent: u64,
    pub refused: u64,
    pub unwatched: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Datagrams {
    pub data: u64,
    pub parity: u64,
    pub resent: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Bytes {
    pub sent: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Errors {
    pub send: u64,
    pub capture: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Millis {
    pub encode: Percentiles,
    pub queue: Percentiles,
    pub send: Percentiles,
}

#[derive(Debug, Serialize)]
pub(crate) struct PaceObject {
    pub rate_mbps: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DestinationObject {
    pub address: String,
    pub served: bool,
    pub sent: u64,
    pub superseded: u64,
    pub thinned: u64,
    pub datagrams: u64,
    pub bytes: u64,
    pub errors: u64,
    pub rate_mbps: Option<f64>,
    pub parity: u64,
    pub resent: u64,
    /// What receivers sent back, by how it ended.
    pub feedback: FeedbackCounts,
    /// What came to its socket, which may be others' too, from nobody who is sent to by it.
    pub strangers: u64,
    pub viewers: Vec<ViewerObject>,
}

impl Reports {
    /// Reports on this session, which begins now; less than `full_quality` is worth a word.
    pub(crate) fn new(session: SessionId, full_quality: u8) -> Self {
        let now = Instant::now();
        Self { session, full_quality, start: now, last: now, last_sent: 0, last_bytes: 0 }
    }

    /// A report on what happened since the last one; the final one is on everything.
    pub(crate) fn make(&mut self, stats: &Stats, is_final: bool) -> StatsReport<Object> {
        let now = Instant::now();
        let counters = &mut *stats.lock();
        let bytes: u64 =
            counters.departed.bytes + counters.destinations.iter().map(|d| d.stream.bytes).sum::<u64>();
        let (since, sent_before, bytes_before) =
            if is_final { (self.start, 0, 0) } else { (self.last, self.last_sent, self.last_bytes) };
        let seconds = (now - since).max(Duration::from_millis(1)).as_secs_f64();
        let fps = two_digits((counters.sent - sent_before) as f64 / seconds);
        let mbps = two_digits((bytes - bytes_before) as f64 * 8.0 / seconds / 1e6);
        (self.last, self.last_sent, self.last_bytes) = (now, counters.sent, bytes);

        let look = |meter: &mut WindowedHistogram| if is_final { meter.all() } else { meter.recent() };
        let ms = Millis {
            encode: look(&mut counters.encode),
            queue: look(&mut counters.queue),
            send: look(&mut counters.send),
        };
        let object = object(self.session, counters, bytes, fps, mbps, ms);
        StatsReport { line: line(&object, self.full_quality), object }
    }
}

fn object(
    session: SessionId,
    counters: &SendCounters,
    bytes: u64,
    fps: f64,
    mbps: f64,
    ms: Millis,
) -> Object {
    let now = Instant::now();
    let departed = counters.departed;
    let destinations: Vec<DestinationObject> = counters
        .destinations
        .iter()
        .map(|d| DestinationObject {
            address: d.address.clone(),
            served: d.is_served,
            sent: d.stream.sent,
            superseded: d.stream.superseded,
            thinned: d.stream.thinned,
            datagrams: d.stream.data,
            bytes: d.stream.bytes,
            errors: d.errors,
            rate_mbps: d.pace.map(|rate| two_digits(rate / 1e6)),
            parity: d.stream.parity,
            resent: d.stream.resent,
            feedback: d.stream.feedback,
            strangers: d.strangers,
            viewers: d.viewers.iter().map(|(address, v)| ViewerObject::new(*address, v, now)).collect(),
        })
        .collect();
    Object {
        session: session.to_string(),
        frames: Frames {
            captured: counters.captured,
            superseded: counters.superseded,
            thinned: counters.thinned,
            sent: counters.sent,
            refused: counters.refused,
            unwatched: counters.unwatched,
        },
        datagrams: Datagrams {
            data: departed.data + destinations.iter().map(|d| d.datagrams).sum::<u64>(),
            parity: departed.parity + destinations.iter().map(|d| d.parity).sum::<u64>(),
            resent: departed.resent + destinations.iter().map(|d| d.resent).sum::<u64>(),
        },
        bytes: Bytes { sent: bytes },
        errors: Errors {
            send: departed.errors + destinations.iter().map(|d| d.errors).sum::<u64>(),
            capture: counters.capture_errors,
        },
        ms,
        pace: PaceObject { rate_mbps: destinations.iter().filter_map(|d| d.rate_mbps).reduce(f64::min) },
        quality: counters.quality,
        capture_error_ms: counters.capture_error.map(|error| two_digits(error.as_secs_f64() * 1000.0)),
        fps,
        mbps,
        destinations,
        asks: counters.asks,
        keyed: counters.keyed,
        diagnosis: counters.diagnosis.clone(),
    }
}

fn line(object: &Object, full_quality: u8) -> String {
    let Object { frames, ms, fps, mbps, .. } = object;
    let mut line = format!("{fps:.1} fps  {mbps:.1} Mbit/s  sent {}", frames.sent);
    if let Some(quality) = object.quality.filter(|&quality| quality < full_quality) {
        line += &format!("  quality {quality}");
    }
    for (name, count) in
        [("superseded", frames.superseded), ("thinned", frames.thinned), ("unwatched", frames.unwatched)]
    {
        if count > 0 {
            line += &format!("  {name} {count}");
        }
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
    line += &percentiles_text("ms", &[("encode", ms.encode), ("queue", ms.queue), ("send", ms.send)]);
    line
}

#[cfg(test)]
mod tests {
    use proto::SendStats;

    use super::super::DestinationCounters;
    use super::*;

    #[test]
    fn the_statistics_have_the_promised_names() {
        let stats = Stats::default();
        stats
            .lock()
            .destinations
            .push(DestinationCounters { pace: Some(90e6), ..DestinationCounters::default() });
        stats.lock().queue.add(Duration::from_millis(2));
        let report = Reports::new(SessionId::new(0xabc), 80).make(&stats, false);
        let json = serde_json::to_value(&report.object).unwrap();
        for path in [
            "/frames/captured",
            "/frames/superseded",
            "/frames/thinned",
            "/frames/sent",
            "/frames/unwatched",
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
            "/quality",
            "/capture_error_ms",
            "/destinations/0/thinned",
            "/destinations/0/served",
            "/asks/welcomed",
            "/session",
            "/diagnosis",
        ] {
            assert!(json.pointer(path).is_some(), "{path} in {json}");
        }
        assert_eq!(json["pace"]["rate_mbps"], 90.0);
        assert!(report.line.contains("ms: queue 2.0/2.0"), "{}", report.line);
    }

    #[test]
    fn quality_and_thinning_are_told_where_there_is_something_to_tell() {
        let stats = Stats::default();
        let mut reports = Reports::new(SessionId::new(1), 80);
        stats.encoded(80, Duration::from_millis(5));
        let report = reports.make(&stats, false);
        assert_eq!((report.object.quality, report.object.frames.thinned), (Some(80), 0));
        assert!(!report.line.contains("quality") && !report.line.contains("thinned"), "{}", report.line);

        stats.encoded(62, Duration::from_millis(5));
        (stats.lock().superseded, stats.lock().thinned) = (9, 7);
        let report = reports.make(&stats, false);
        assert!(report.line.contains("quality 62  superseded 9  thinned 7"), "{}", report.line);
    }

    #[test]
    fn what_was_sent_to_viewers_who_have_left_stays_in_the_sums() {
        let stats = Stats::default();
        for bytes in [1000, 200] {
            let stream = SendStats { bytes, data: bytes / 100, ..SendStats::default() };
            stats.lock().destinations.push(DestinationCounters {
                stream,
                errors: 1,
                ..DestinationCounters::default()
            });
        }
        stats.lock().depart(0);
        let object = Reports::new(SessionId::new(1), 80).make(&stats, false).object;
        assert_eq!((object.bytes.sent, object.datagrams.data, object.errors.send), (1200, 12, 2));
        assert_eq!(object.destinations.len(), 1);
    }
}
