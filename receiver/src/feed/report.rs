//! Reports of the counters: a line for people, and JSON.

use std::time::{Duration, Instant};

use proto::app::{StatsReport, percentiles_text, two_digits};
use proto::keys::RefusalCounts;
use proto::{DatagramCounts, LossCounts, Percentiles, RecvStats, RepairCounts, WindowedHistogram};
use serde::{Serialize, Serializer};

use super::counters::{FeedCounters, OutputObject, SignatureCounters};
use super::delay::Agreement;

/// Makes reports out of counters, remembering what the last one said.
#[derive(Debug)]
pub(crate) struct Reports {
    start: Instant,
    last: Instant,
    before: RecvStats,
}

/// What `--stats-json` says; the names are stable.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "docs/statistics.md explains the statistics' names")]
pub(crate) struct Object {
    pub session: Option<String>,
    pub source: Option<String>,
    pub name: String,
    pub frames: Frames,
    pub lost: LossCounts,
    pub datagrams: Datagrams,
    pub repair: RepairCounts,
    pub ms: Millis,
    pub clock: Agreement,
    pub clock_error_ms: Option<f64>,
    pub capture_error_ms: Option<f64>,
    pub fps: f64,
    pub mbps: f64,
    pub sessions: u64,
    pub outputs: Vec<OutputObject>,
    /// Of a hundred frames sent since the last report.
    pub loss_percent: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyed: Option<RefusalCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureObject>,
    pub diagnosis: Option<String>,
    #[serde(skip)]
    is_full: bool,
    #[serde(skip)]
    away: Option<String>,
    #[serde(skip)]
    locked: Option<String>,
}

/// What is said of all senders: of the first as if it were alone, and of each, as `senders`, if there are several.
#[derive(Debug)]
pub(crate) struct Everything {
    senders: Vec<Object>,
}

impl Serialize for Everything {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct First<'a> {
            #[serde(flatten)]
            first: &'a Object,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            senders: &'a [Object],
        }
        let senders = if self.senders.len() > 1 { &self.senders[..] } else { &[] };
        First { first: &self.senders[0], senders }.serialize(serializer)
    }
}

impl Everything {
    /// Of at least one sender.
    pub(crate) fn new(senders: Vec<Object>) -> Self {
        assert!(
            !senders.is_empty(),
            "there is always a first sender to speak of, if only to say that it is silent"
        );
        Self { senders }
    }

    /// One line for people about several senders.
    pub(crate) fn line(&self) -> String {
        let sum = |figure: fn(&Object) -> f64| self.senders.iter().map(figure).sum::<f64>();
        let count = |figure: fn(&Object) -> u64| self.senders.iter().map(figure).sum::<u64>();
        let silent = self.senders.iter().filter(|object| object.fps == 0.0).count();
        let mut line = format!(
            "{} senders  {:.1} fps  {:.1} Mbit/s  delivered {}  lost {}",
            self.senders.len(),
            sum(|object| object.fps),
            sum(|object| object.mbps),
            count(|object| object.frames.delivered),
            count(|object| object.frames.lost + object.frames.unseen),
        );
        if silent > 0 {
            line += &format!("  without pictures {silent}");
        }
        let superseded = count(|object| object.frames.superseded);
        if superseded > 0 {
            line += &format!("  superseded {superseded}");
        }
        line
    }
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub(crate) struct Frames {
    pub delivered: u64,
    pub displayed: u64,
    pub superseded: u64,
    pub refused: u64,
    pub hidden: u64,
    pub lost: u64,
    pub unseen: u64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub(crate) struct Datagrams {
    #[serde(flatten)]
    pub counts: DatagramCounts,
    pub kernel_dropped: u64,
    pub turned_away: u64,
    pub contested: u64,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub(crate) struct Millis {
    pub transit: Percentiles,
    pub reassemble: Percentiles,
    pub decode: Percentiles,
    pub present: Percentiles,
    pub latency: Percentiles,
}

#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub(crate) struct SignatureObject {
    pub signer: Option<String>,
    pub refused: u64,
}

impl SignatureObject {
    /// Nothing where nobody signs.
    fn of(SignatureCounters { signer, refused }: SignatureCounters) -> Option<Self> {
        let signer = signer.map(|signer| signer.to_string());
        (signer.is_some() || refused > 0).then_some(Self { signer, refused })
    }
}

impl Reports {
    /// Reports on what began then.
    pub(crate) fn since(start: Instant) -> Self {
        Self { start, last: start, before: RecvStats::default() }
    }

    /// A report on what happened since the last one; the final one is on everything.
    pub(crate) fn make(&mut self, counters: &mut FeedCounters, is_final: bool) -> StatsReport<Object> {
        let now = Instant::now();
        let stream = counters.stream;
        let (since, before) =
            if is_final { (self.start, RecvStats::default()) } else { (self.last, self.before) };
        (self.last, self.before) = (now, stream);
        let seconds = (now - since).max(Duration::from_millis(1)).as_secs_f64();

        let look = |meter: &mut WindowedHistogram| if is_final { meter.all() } else { meter.recent() };
        let object = Object {
            session: counters.session.clone(),
            source: counters.source.clone(),
            name: counters.name.clone(),
            frames: Frames {
                delivered: stream.delivered,
                displayed: counters.displayed,
                superseded: counters.undecoded + counters.unshown,
                refused: counters.refused + counters.signature.refused,
                hidden: counters.hidden,
                lost: stream.lost.total(),
                unseen: stream.unseen,
            },
            lost: stream.lost,
            datagrams: Datagrams {
                counts: stream.datagrams,
                kernel_dropped: counters.kernel_dropped,
                turned_away: counters.turned_away,
                contested: stream.contested,
            },
            repair: stream.repair,
            ms: Millis {
                transit: look(&mut counters.transit),
                reassemble: look(&mut counters.reassemble),
                decode: look(&mut counters.decode),
                present: look(&mut counters.present),
                latency: look(&mut counters.latency),
            },
            clock: counters.clock,
            // The widest: then it holds for every delay above.
            clock_error_ms: look(&mut counters.clock_error).max,
            capture_error_ms: counters.capture_error.map(|error| two_digits(error.as_secs_f64() * 1000.0)),
            fps: two_digits((stream.delivered - before.delivered) as f64 / seconds),
            mbps: two_digits((stream.delivered_bytes - before.delivered_bytes) as f64 * 8.0 / seconds / 1e6),
            sessions: stream.sessions,
            outputs: counters.outputs.clone(),
            loss_percent: loss_percent(&stream, &before),
            keyed: counters.keyed,
            signature: SignatureObject::of(counters.signature),
            diagnosis: counters.diagnosis.clone(),
            is_full: counters.is_full,
            away: counters.away.clone(),
            locked: counters.locked.clone(),
        };
        StatsReport { line: line(&object), object }
    }
}

pub(crate) fn loss_percent(now: &RecvStats, before: &RecvStats) -> f64 {
    let lost = |stats: &RecvStats| stats.lost.total() + stats.unseen;
    let (lost, delivered) = (lost(now) - lost(before), now.delivered - before.delivered);
    if lost == 0 { 0.0 } else { two_digits(100.0 * lost as f64 / (lost + delivered) as f64) }
}

fn line(object: &Object) -> String {
    let Object { frames, datagrams, ms, .. } = object;
    if object.session.is_none() {
        if let Some(why) = &object.locked {
            return format!("no signal: {why}");
        }
        return match datagrams.counts {
            _ if object.is_full => "no signal: the sender is full".into(),
            DatagramCounts { received: 0, .. } => "no signal: nothing arrives".into(),
            // What it is, the diagnosis says.
            DatagramCounts { control: 0, received, unknown, .. } if 2 * unknown > received => {
                format!("no signal: {received} datagrams arrived, of a format or version that is not taken")
            }
            DatagramCounts { control: 0, received, .. } => {
                format!("no signal: {received} datagrams arrived, and none of them is a sender's")
            }
            _ => "no signal: the sender answers, and sends no pictures".into(),
        };
    }
    let mut line = format!(
        "{:.1} fps  {:.1} Mbit/s  delivered {}  lost {}",
        object.fps,
        object.mbps,
        frames.delivered,
        frames.lost + frames.unseen
    );
    // What is wrong stands first: a narrow terminal cuts the end off.
    if let Some(why) = object.away.as_ref().or(object.locked.as_ref()) {
        line += &format!("  {why}");
    }
    if object.is_full {
        line += "  the sender is full";
    }
    for (name, count) in [
        ("not written", object.outputs.iter().map(|output| output.dropped).sum()),
        ("superseded", frames.superseded),
        ("refused", frames.refused),
        ("kernel dropped", datagrams.kernel_dropped),
        ("damaged", datagrams.counts.bad_checksum),
        ("foreign", datagrams.counts.foreign),
        ("turned away", datagrams.turned_away),
        ("contested", datagrams.contested),
    ] {
        if count > 0 {
            line += &format!("  {name} {count}");
        }
    }
    let measured =
        [("latency", ms.latency), ("transit", ms.transit), ("decode", ms.decode), ("present", ms.present)];
    line += &percentiles_text(&label(object), &measured);
    line
}

fn label(object: &Object) -> String {
    match (object.clock, object.clock_error_ms) {
        (Agreement::Relative, _) => "ms, relative".into(),
        (Agreement::Shared, None) => "ms".into(),
        (Agreement::Shared, Some(clock)) => {
            format!("ms ± {}", error_bar(clock + object.capture_error_ms.unwrap_or(0.0)))
        }
    }
}

/// An error in milliseconds; never "0.0": that nobody knows.
pub(crate) fn error_bar(error: f64) -> String {
    if error < 0.1 { format!("{error:.2}") } else { format!("{error:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_have_the_promised_names() {
        let report = Reports::since(Instant::now()).make(&mut FeedCounters::default(), true);
        let json = serde_json::to_value(&report.object).unwrap();
        for path in [
            "frames/delivered frames/displayed frames/superseded frames/lost",
            "lost/deadline lost/superseded lost/evicted",
            "datagrams/received datagrams/duplicate datagrams/late datagrams/foreign datagrams/malformed",
            "datagrams/bad_checksum datagrams/contradictory datagrams/missing datagrams/kernel_dropped",
            "datagrams/turned_away datagrams/contested",
            "ms/transit/p50 ms/reassemble/p99 ms/decode/max ms/present/p50 ms/latency/p50",
            "fps mbps session source clock clock_error_ms capture_error_ms diagnosis",
        ]
        .iter()
        .flat_map(|line| line.split(' '))
        {
            assert!(json.pointer(&format!("/{path}")).is_some(), "{path} in {json}");
        }
    }

    #[test]
    fn without_pictures_the_line_says_what_there_is_instead() {
        let line = |datagrams, is_full| {
            let mut counters = FeedCounters { is_full, ..FeedCounters::default() };
            counters.stream.datagrams = datagrams;
            Reports::since(Instant::now()).make(&mut counters, false).line
        };
        let answers = DatagramCounts { received: 3, control: 3, ..DatagramCounts::default() };
        let others = DatagramCounts { received: 3, foreign: 3, ..DatagramCounts::default() };
        let rtp = DatagramCounts { received: 3, unknown: 2, ..DatagramCounts::default() };
        assert_eq!(line(DatagramCounts::default(), false), "no signal: nothing arrives");
        assert!(line(rtp, false).ends_with("3 datagrams arrived, of a format or version that is not taken"));
        assert_eq!(line(answers, true), "no signal: the sender is full");
        assert_eq!(line(answers, false), "no signal: the sender answers, and sends no pictures");
        assert!(line(others, false).ends_with("3 datagrams arrived, and none of them is a sender's"));
    }

    #[test]
    fn the_line_says_first_what_a_narrow_terminal_must_show() {
        let mut counters = FeedCounters::default();
        (counters.session, counters.kernel_dropped) = (Some("1".into()), 12);
        counters.latency.add(Duration::from_millis(7));
        counters.transit.add(Duration::from_millis(1));
        let line = Reports::since(Instant::now()).make(&mut counters, true).line;
        let end = "kernel dropped 12  ms, relative: latency 7.0/7.0 transit 1.0/1.0";
        assert!(line.ends_with(end), "{line}");
    }

    #[test]
    fn absolute_delays_are_told_with_their_error_bar_and_relative_ones_are_named_so() {
        let (mut counters, mut reports) = (FeedCounters::default(), Reports::since(Instant::now()));
        counters.session = Some("1".into());
        counters.latency.add(Duration::from_millis(900));
        counters.forget_delays(Agreement::Shared);
        counters.latency.add(Duration::from_millis(7));
        for micros in [40, 200, 90] {
            counters.clock_error.add(Duration::from_micros(micros));
        }
        let report = reports.make(&mut counters, false);
        assert!(report.line.ends_with("  ms ± 0.2: latency 7.0/7.0"), "{}", report.line);
        let json = serde_json::to_value(&report.object).unwrap();
        assert_eq!(json["clock"], "shared");
        assert!((0.2..0.21).contains(&json["clock_error_ms"].as_f64().unwrap()), "{json}");

        counters.latency.add(Duration::from_millis(7));
        counters.clock_error.add(Duration::from_micros(41));
        let line = reports.make(&mut counters, false).line;
        assert!(line.ends_with("  ms ± 0.04: latency 7.0/7.0"), "{line}");

        counters.latency.add(Duration::from_millis(7));
        counters.clock_error.add(Duration::from_micros(200));
        counters.capture_error = Some(Duration::from_micros(8300));
        let report = reports.make(&mut counters, false);
        assert!(report.line.ends_with("  ms ± 8.5: latency 7.0/7.0"), "the camera's too: {}", report.line);
        assert_eq!(serde_json::to_value(&report.object).unwrap()["capture_error_ms"], 8.3);

        counters.forget_delays(Agreement::Relative);
        counters.latency.add(Duration::from_millis(3));
        let report = reports.make(&mut counters, true);
        assert!(report.line.ends_with("  ms, relative: latency 3.0/3.0"), "{}", report.line);
        let json = serde_json::to_value(&report.object).unwrap();
        assert_eq!((&json["clock"], json["clock_error_ms"].is_null()), (&"relative".into(), true));
    }

    #[test]
    fn loss_is_of_what_was_sent_since_the_last_report() {
        let before = RecvStats { delivered: 90, unseen: 10, ..RecvStats::default() };
        let now = RecvStats { delivered: 165, unseen: 35, ..RecvStats::default() };
        assert_eq!(loss_percent(&now, &before), 25.0);
        assert_eq!(loss_percent(&now, &now), 0.0);
    }
}
