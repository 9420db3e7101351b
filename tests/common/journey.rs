//! One stream from host0 to host1 over some path, and what it came to: what was delivered, how late, at what expense.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::clip::Clip;
use super::collector::Arrival;
use super::lab::Lab;
use super::running::{Ended, count, receiver_adds_up, sender_adds_up};
use super::viewer::Viewer;
use super::{figure, pause, seconds};

/// A stream that is to be.
pub(crate) struct Journey<'a> {
    /// What `netlab` is told of the path before it begins.
    pub(crate) path: &'a [&'a str],
    /// The source; looped, at 30 frames a second unless the sender is told another rate.
    pub(crate) file: &'a Path,
    /// Its frames, if they are passed through, so that each is known again.
    pub(crate) clip: Option<&'a Arc<Clip>>,
    /// What more the sender is told.
    pub(crate) sending: &'a [&'a str],
    /// What more the receiver is told.
    pub(crate) viewing: &'a [&'a str],
}

/// A stream that was.
pub(crate) struct Travelled {
    pub(crate) sent: Ended,
    pub(crate) received: Ended,
    /// What came, if the clip is known.
    pub(crate) arrivals: Vec<Arrival>,
    /// Each frame's time from its capture to its last chunk, as the receiver told it.
    pub(crate) transits: Vec<Transit>,
    /// Bytes that both hosts put on the wire, with Ethernet's headers.
    pub(crate) wire_bytes: u64,
}

/// One frame's time from capture to its last chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transit {
    /// Seconds after the first frame came, to 20 ms.
    pub(crate) at: f64,
    pub(crate) ms: f64,
}

/// Where it goes.
pub(crate) const TO: &str = "10.77.0.2:9000";

impl Journey<'_> {
    /// As many frames as [`seconds`] say; what no run is too short for is the same number of frames in each.
    pub(crate) fn frames() -> u64 {
        u64::from(30 * (seconds() + LEARNING_SECONDS))
    }

    /// Runs it to its end on `lab`. What both ends counted adds up, and no frame is damaged, twice, or out of order.
    pub(crate) fn run(&self, lab: &Lab) -> Travelled {
        self.run_while(lab, || {})
    }

    /// The same; `meanwhile` may change the path while it runs.
    pub(crate) fn run_while(&self, lab: &Lab, meanwhile: impl FnOnce()) -> Travelled {
        if !self.path.is_empty() {
            lab.netlab(self.path);
        }
        let before = on_the_wire(lab);
        let output = if self.clip.is_some() { "-" } else { "none" };
        let fixed = ["--listen", TO, "--output", output, "--stats-interval", EACH_FRAME];
        let viewing = [&fixed[..], self.viewing].concat();
        let (viewer, plain) = match self.clip {
            Some(clip) => (Some((Viewer::on(lab, "host1", &viewing, clip), clip)), None),
            None => (None, Some(lab.receiver("host1", &viewing))),
        };
        // By the clock and not by the count, because a path that is too narrow lets fewer pass.
        let duration = format!("{}ms", Self::frames() * 1000 / 30);
        let fixed =
            ["--dest", TO, "--source", self.file.to_str().unwrap(), "--loop", "--duration", &duration];
        let rate: &[&str] = if self.sending.contains(&"--fps") { &[] } else { &["--fps", "30"] };
        let sender = lab.sender("host0", &[&fixed[..], rate, self.sending].concat());
        meanwhile();
        let sent = sender.end_within(u64::from(seconds()) * 2 + 10);
        pause(300);
        let (received, arrivals) = match (viewer, plain) {
            (Some((viewer, clip)), _) => viewer.finish(clip),
            (None, plain) => (plain.unwrap().interrupt(), Vec::new()),
        };
        sender_adds_up(sent.totals());
        receiver_adds_up(received.totals());
        let transits = transits(&received.stats);
        Travelled { sent, received, arrivals, transits, wire_bytes: on_the_wire(lab) - before }
    }
}

impl Travelled {
    pub(crate) fn sent(&self) -> u64 {
        count(self.sent.totals(), "/frames/sent")
    }

    pub(crate) fn delivered(&self) -> u64 {
        count(self.received.totals(), "/frames/delivered")
    }

    /// Of the frames sent, in per cent.
    pub(crate) fn delivered_percent(&self) -> f64 {
        self.delivered() as f64 * 100.0 / self.sent() as f64
    }

    /// Frames that were lost while the path was being learned.
    pub(crate) fn lost_while_learning(&self) -> u64 {
        let mut lines = self.received.stats.iter();
        let begun = lines.find(|line| count(line, "/frames/delivered") > 0);
        let until = begun.and_then(|line| line["time"].as_f64()).unwrap_or(0.0) + f64::from(LEARNING_SECONDS);
        let known = lines.take_while(|line| line["time"].as_f64() <= Some(until)).last().or(begun);
        known.map_or(0, |line| count(line, "/frames/lost") + count(line, "/frames/unseen"))
    }

    /// How [`late`] it is once the path is known.
    pub(crate) fn late(&self) -> f64 {
        late(self.settled())
    }

    /// Half of the transits are shorter, once the path is known.
    pub(crate) fn usual(&self) -> f64 {
        percentile(self.settled(), 0.5)
    }

    /// The transits once the path is known.
    pub(crate) fn settled(&self) -> impl Iterator<Item = f64> + '_ {
        self.transits.iter().filter(|transit| transit.at > LEARNING_SECONDS.into()).map(|transit| transit.ms)
    }

    /// What it took on the wire, both ways, beyond what `plain` took for as many frames, in per cent.
    pub(crate) fn overhead_percent(&self, plain: &Self) -> f64 {
        let each = |run: &Self| run.wire_bytes as f64 / run.sent() as f64;
        (each(self) / each(plain) - 1.0) * 100.0
    }

    /// Says what it came to.
    pub(crate) fn tell(&self, row: &str, plain: Option<&Self>) {
        figure(
            &format!("{row}: delivered of {}, %", self.sent()),
            format!("{:.2}", self.delivered_percent()),
        );
        if let Some(plain) = plain {
            figure(&format!("{row}: overhead, %"), format!("{:.2}", self.overhead_percent(plain)));
        }
        let whole = |p| percentile(self.transits.iter().map(|transit| transit.ms), p);
        figure(&format!("{row}: transit p50, p99, ms"), format!("{:.1} {:.1}", whole(0.5), whole(0.99)));
        let settled = |p| percentile(self.settled(), p);
        figure(
            &format!("{row}: the same after {LEARNING_SECONDS} s"),
            format!("{:.1} {:.1}", settled(0.5), settled(0.99)),
        );
    }

    /// What both ends said last, for a test that fails.
    pub(crate) fn account(&self) -> String {
        format!("sender: {}\nreceiver: {}", self.sent.totals(), self.received.totals())
    }
}

/// Whether the run is long enough for the limits that hold for a minute. A shorter one may lose a frame while the path
/// is not known yet, which weighs as much there as ten do in a minute.
pub(crate) fn is_long() -> bool {
    seconds() >= 30
}

/// The 99th percentile of these transits, in milliseconds. Of a short run the 95th: there the 99th is the worst frame or
/// the one before it, which says more of the machine than of the stream.
pub(crate) fn late(transits: impl Iterator<Item = f64>) -> f64 {
    percentile(transits, if is_long() { 0.99 } else { 0.95 })
}

/// The least value that at least this part of `values` does not exceed; 0 of none.
pub(crate) fn percentile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * part).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Reads the transits out of statistics that were written more often than frames came.
pub(crate) fn transits(stats: &[Value]) -> Vec<Transit> {
    let (mut before, mut first, mut transits) = (0, None, Vec::new());
    for line in stats.iter().filter(|line| line["final"] == false) {
        let (time, delivered) = (line["time"].as_f64().unwrap(), count(line, "/frames/delivered"));
        let ms = |which: &str| line["ms"]["transit"][which].as_f64();
        for nth in (before..delivered).rev() {
            let at = time - *first.get_or_insert(time);
            // Of two, the lower is the p50, and the higher is the most.
            let ms = if nth + 1 == delivered { ms("max") } else { ms("p50") };
            transits.extend(ms.map(|ms| Transit { at, ms }));
        }
        before = delivered;
    }
    transits
}

fn on_the_wire(lab: &Lab) -> u64 {
    ["host0", "host1"]
        .map(|host| lab.run(host, &["cat", "/sys/class/net/eth0/statistics/tx_bytes"]))
        .iter()
        .map(|bytes| bytes.trim().parse::<u64>().unwrap())
        .sum()
}

/// In these, at the start of a run, the path becomes known.
pub(crate) const LEARNING_SECONDS: u32 = 2;
/// Shorter than the distance of frames, so that each line of statistics is about one.
pub(crate) const EACH_FRAME: &str = "20ms";
