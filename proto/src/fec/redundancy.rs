//! How much parity goes with a frame: none, a fixed share, or as much as the reported loss needs.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::codec::most_parity;
use crate::geometry::MAX_CHUNKS;

mod binomial;
#[cfg(test)]
mod tests;

use binomial::enough;

/// How much parity a sender adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fec {
    /// None.
    Off,
    /// As much as the reported loss needs, and a fixed share while nobody reports.
    #[default]
    Auto,
    /// This many parity chunks for every 100 data chunks, from 1 to 50, rounded up.
    Percent(u8),
}

/// What was given for [`Fec`] is none of its choices.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("parity is off, auto, or a percentage from 1 to {MOST_PERCENT}; not {0:?}")]
pub struct FecError(String);

impl FromStr for Fec {
    type Err = FecError;

    fn from_str(text: &str) -> Result<Self, FecError> {
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            _ => match text.strip_suffix('%').unwrap_or(text).parse() {
                Ok(percent @ 1..=MOST_PERCENT) => Ok(Self::Percent(percent)),
                _ => Err(FecError(text.into())),
            },
        }
    }
}

impl fmt::Display for Fec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// The number of parity chunks for `data_chunks` at this share, rounded up and never fewer than [`MIN_PARITY`].
pub(crate) fn parity_for(data_chunks: usize, percent: u8) -> usize {
    let share = (data_chunks * usize::from(percent)).div_ceil(100);
    share.max(MIN_PARITY).min(most_parity(data_chunks))
}

/// Decides how many parity chunks the next frame gets.
///
/// In [`Fec::Auto`] it follows the loss of the worst receiver that is followed: up at once, as far as the reports are
/// evidence (the lower end of a confidence interval over the last [`MEMORY`] chunks, so that one chunk lost of few
/// does not count as a path that loses much), and down slowly. Losses are taken to be independent. A burst that is
/// longer than the parity is left to resends: parity for the worst burst would cost its length in every frame.
#[derive(Debug)]
pub(crate) struct Redundancy {
    fec: Fec,
    resend_answered: bool,
    /// Whether the worst receiver requests what it misses.
    requests: bool,
    last_report: Option<Instant>,
    /// Chunks that recent reports cover, and how many of them were missing: the past counts less and less.
    covered: f64,
    missing: f64,
    /// The share of chunks that is taken to be lost.
    loss: f64,
    /// The same as what the number of parity chunks is computed from: in steps, so that it rarely changes. 0 on a clean
    /// path.
    loss_ppm: u32,
    /// Numbers of data chunks and the parity that each needs at this loss, each in the place of its remainder.
    needed: [(usize, usize); REMEMBERED],
}

impl Redundancy {
    /// `resend_answered` tells whether receivers can have a lost chunk sent again.
    pub(crate) fn new(fec: Fec, resend_answered: bool) -> Self {
        let (covered, missing, needed) = (0.0, 0.0, [(0, 0); REMEMBERED]);
        let (loss, loss_ppm) = (STARTING_LOSS, steps(STARTING_LOSS));
        Self {
            fec,
            resend_answered,
            requests: true,
            last_report: None,
            covered,
            missing,
            loss,
            loss_ppm,
            needed,
        }
    }

    /// The worst followed receiver has reported: of the data chunks that were sent for the first time since its last
    /// report, this many arrived, and this many did not; and it `requests` what it misses, or does not.
    pub(crate) fn heard(&mut self, arrived: u64, missing: u64, requests: bool, now: Instant) {
        if arrived.saturating_add(missing) > 0 && self.requests != requests {
            self.requests = requests;
            let reason =
                if requests { "the worst receiver requests what it misses" } else { "it sends no requests" };
            tracing::debug!(requests, reason, "parity");
            self.needed.fill((0, 0));
        }
        let since = self.last_report.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last_report = Some(self.last_report.map_or(now, |last| last.max(now)));

        let total = arrived.saturating_add(missing) as f64;
        // Whatever a report claims, it can be outweighed by a few others.
        let weight = (MOST_COVERED / total).min(1.0);
        let kept = MEMORY / (MEMORY + total * weight);
        self.covered = self.covered * kept + total * weight;
        self.missing = self.missing * kept + (missing as f64).min(total) * weight;

        // For reports that come often, this is the exponential; unlike that, it is the same on every machine.
        let decayed = self.loss / (1.0 + since.as_secs_f64() / DECAY.as_secs_f64());
        self.loss = decayed.max(lower_bound(self.missing, self.covered)).min(MOST_LOSS);
        let loss_ppm = steps(self.loss);
        if loss_ppm != self.loss_ppm {
            if self.fec == Fec::Auto {
                let reason = if loss_ppm > self.loss_ppm { "more is lost" } else { "less is lost" };
                let (before_ppm, missing, covered) =
                    (self.loss_ppm, self.missing as u64, self.covered as u64);
                tracing::debug!(loss_ppm, before_ppm, missing, covered, reason, "parity");
            }
            self.loss_ppm = loss_ppm;
            self.needed.fill((0, 0));
        }
    }

    /// How many parity chunks a frame of `data_chunks` gets; at most [`most_parity`] of them.
    pub(crate) fn chunks(&mut self, data_chunks: usize) -> usize {
        if data_chunks == 0 || data_chunks > MAX_CHUNKS {
            return 0;
        }
        match self.fec {
            Fec::Off => 0,
            Fec::Percent(percent) => parity_for(data_chunks, percent),
            Fec::Auto if self.last_report.is_none() => parity_for(data_chunks, BLIND_PERCENT),
            Fec::Auto if self.resend_answered && self.requests => self.needed(data_chunks, MAY_REQUEST),
            Fec::Auto => self.needed(data_chunks, MUST_NOT_FAIL).max(parity_for(data_chunks, FLOOR_PERCENT)),
        }
    }

    /// The share of chunks that is taken to be lost, from 0 to 1.
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    /// Nobody reports any more.
    pub(crate) fn forget_reports(&mut self) {
        if self.last_report.take().is_some() && self.fec == Fec::Auto {
            tracing::debug!(percent = BLIND_PERCENT, reason = "nobody reports", "parity");
        }
    }

    /// The parity with which a frame stays incomplete with at most this chance; none if the path is clean.
    fn needed(&mut self, data_chunks: usize, chance: f64) -> usize {
        if self.loss_ppm == 0 {
            return 0;
        }
        let remembered = &mut self.needed[data_chunks % REMEMBERED];
        if remembered.0 != data_chunks {
            let most = most_parity(data_chunks);
            let loss = f64::from(self.loss_ppm) / 1e6;
            *remembered = (data_chunks, enough(data_chunks, most, loss, chance).max(MIN_PARITY));
        }
        remembered.1
    }
}

/// The share of which `missing` of `covered` are evidence: the lower end of E. Wilson's interval ("Probable Inference,
/// the Law of Succession, and Statistical Inference", JASA 22, 1927), which also holds for few.
fn lower_bound(missing: f64, covered: f64) -> f64 {
    if missing <= 0.0 {
        return 0.0;
    }
    let (share, z) = (missing / covered, CONFIDENCE * CONFIDENCE / covered);
    let histogram = CONFIDENCE * ((share * (1.0 - share) + z / 4.0) / covered).sqrt();
    ((share + z / 2.0 - histogram) / (1.0 + z)).max(0.0)
}

/// A loss in parts per million, rounded up to five significant bits (at most 6 %); 0 below [`CLEAN_PPM`].
fn steps(loss: f64) -> u32 {
    let ppm = (loss * 1e6).ceil() as u32;
    if ppm < CLEAN_PPM {
        return 0;
    }
    let step = 1 << (u32::BITS - ppm.leading_zeros()).saturating_sub(5);
    ppm.next_multiple_of(step)
}

/// The most that can be requested: more than half again hurts others before it helps.
pub const MOST_PERCENT: u8 = 50;
/// The fewest parity chunks where there is parity: a small frame is protected too.
pub(crate) const MIN_PARITY: usize = 1;
/// What goes with every frame while nobody reports, in percent: a frame of 120 chunks survives 3 % of random loss.
const BLIND_PERCENT: u8 = 10;
/// The least where reports come but resends are off, in percent: parity is then all there is.
const FLOOR_PERCENT: u8 = 2;
/// The chance that a frame is incomplete where a resend costs it a few milliseconds.
const MAY_REQUEST: f64 = 0.01;
/// The same where it is then lost.
const MUST_NOT_FAIL: f64 = 0.0005;
/// A path that loses less than 1 chunk in 5000 is clean: parity would cost more than the resends that it saves.
const CLEAN_PPM: u32 = 200;
/// What is assumed of a path when its first report comes: what is lost before there is evidence can be requested.
const STARTING_LOSS: f64 = 0.0;
/// Above this, loss is congestion, which more parity makes worse.
const MOST_LOSS: f64 = 0.2;
/// How slowly the assumed loss goes down.
const DECAY: Duration = Duration::from_secs(10);
/// The number of chunks over which reports are evidence: long enough that a burst of 20 in 2000 looks like 1 %, and
/// half a second of a usual stream.
const MEMORY: f64 = 2000.0;
/// The most chunks that one report stands for.
const MOST_COVERED: f64 = 8.0 * MEMORY;
/// One-sided 95 %, in standard deviations.
const CONFIDENCE: f64 = 1.645;
/// How many frame sizes are remembered: the sizes of a steady stream's frames differ by less.
const REMEMBERED: usize = 64;
