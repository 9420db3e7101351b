//! What is wrong with a network, and its notation: `loss=2%,jitter=3ms,seed=7`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::units::{self, Chance};

/// What a [`Netem`](super::Netem) does to datagrams. The default does nothing to them.
///
/// Written as `key=value` pairs with commas between them, in any order, each at most once:
///
/// | key | value | what it does |
/// |---|---|---|
/// | `loss` | `2%` | loses each datagram with this chance |
/// | `burst` | `20/2000` | loses 20 datagrams in a row out of every 2000, at a random place among them |
/// | `delay` | `5ms` | every datagram takes this long |
/// | `jitter` | `3ms` | and up to this much longer, never overtaking another |
/// | `reorder` | `1%` or `1%/5ms` | holds datagrams back with this chance, by up to 1 ms or the time given, so that later ones overtake them |
/// | `dup` | `0.5%` | delivers a datagram twice with this chance |
/// | `corrupt` | `0.1%` | flips one random bit of a datagram with this chance |
/// | `rate` | `100mbit` | an Ethernet link of this many bits a second, its framing counted |
/// | `queue` | `64k` | the buffer before that link: what does not fit is lost (64k if only `rate` is given) |
/// | `seed` | `7` | which chances: the same seed harms the same datagrams in every run (1 if not given) |
///
/// Times take `us`, `ms` or `s`; rates `bit`, `kbit`, `mbit` or `gbit`; sizes are in bytes, with `k` for 1024 and `m`
/// for 1024 times that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impairment {
    /// How likely each datagram is lost.
    pub loss: Chance,
    /// Runs of lost datagrams.
    pub burst: Option<Burst>,
    /// How long every datagram takes.
    pub delay: Duration,
    /// How much longer it may take.
    pub jitter: Duration,
    /// How likely a datagram is held back.
    pub reorder: Chance,
    /// By how much at most.
    pub hold: Duration,
    /// How likely a datagram is delivered twice.
    pub duplicate: Chance,
    /// How likely one bit of a datagram is flipped.
    pub corrupt: Chance,
    /// The narrowest link on the way.
    pub bottleneck: Option<Bottleneck>,
    /// Where the chances start.
    pub seed: u64,
}

/// `length` datagrams are lost in a row out of every `every`.
///
/// A fixed length, where a Gilbert-Elliott model would draw one: an overflowing queue loses a run of about the same
/// length each time, and what a length does to a stream can be told from the next longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Datagrams lost in a row; at least 1.
    pub length: u32,
    /// Out of this many; at least `length`.
    pub every: u32,
}

/// A link that takes its time for every datagram, and the buffer in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    /// Bits a second; at least 1.
    pub rate: u64,
    /// Bytes that may wait; one datagram always may.
    pub queue: u64,
}

/// Why a text describes no impairment.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ImpairmentError {
    /// There is no such key.
    #[error(
        "there is no '{0}'; the keys are loss, burst, delay, jitter, reorder, dup, corrupt, rate, queue and seed"
    )]
    UnknownKey(String),
    /// A key has no value, or one that does not fit it.
    #[error("{key}: '{value}' is not {expected}")]
    BadValue {
        /// The key.
        key: String,
        /// What was written for it.
        value: String,
        /// What may be written for it.
        expected: &'static str,
    },
    /// A key is there twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// There is a queue and no link for it.
    #[error("queue needs a rate beside it, such as rate=100mbit")]
    QueueWithoutRate,
}

impl Default for Impairment {
    fn default() -> Self {
        Self {
            loss: Chance::NEVER,
            burst: None,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorder: Chance::NEVER,
            hold: DEFAULT_HOLD,
            duplicate: Chance::NEVER,
            corrupt: Chance::NEVER,
            bottleneck: None,
            seed: DEFAULT_SEED,
        }
    }
}

impl FromStr for Impairment {
    type Err = ImpairmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut impairment = Self::default();
        let (mut rate, mut queue) = (None, None);
        let mut seen: Vec<&str> = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if seen.contains(&key) {
                return Err(ImpairmentError::Twice(key.into()));
            }
            seen.push(key);
            let bad = |expected| ImpairmentError::BadValue { key: key.into(), value: value.into(), expected };
            match key {
                "loss" => impairment.loss = units::chance(value).ok_or_else(|| bad(A_CHANCE))?,
                "burst" => impairment.burst = Some(burst(value).ok_or_else(|| bad(A_BURST))?),
                "delay" => impairment.delay = units::time(value).ok_or_else(|| bad(A_TIME))?,
                "jitter" => impairment.jitter = units::time(value).ok_or_else(|| bad(A_TIME))?,
                "reorder" => {
                    let (chance, hold) = reorder(value).ok_or_else(|| bad(A_REORDER))?;
                    (impairment.reorder, impairment.hold) = (chance, hold);
                }
                "dup" => impairment.duplicate = units::chance(value).ok_or_else(|| bad(A_CHANCE))?,
                "corrupt" => impairment.corrupt = units::chance(value).ok_or_else(|| bad(A_CHANCE))?,
                "rate" => rate = Some(units::rate(value).ok_or_else(|| bad(A_RATE))?),
                "queue" => queue = Some(units::size(value).ok_or_else(|| bad(A_SIZE))?),
                "seed" => impairment.seed = value.parse().map_err(|_| bad(A_SEED))?,
                _ => return Err(ImpairmentError::UnknownKey(key.into())),
            }
        }
        impairment.bottleneck = match (rate, queue) {
            (Some(rate), queue) => Some(Bottleneck { rate, queue: queue.unwrap_or(DEFAULT_QUEUE) }),
            (None, Some(_)) => return Err(ImpairmentError::QueueWithoutRate),
            (None, None) => None,
        };
        Ok(impairment)
    }
}

impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loss != Chance::NEVER {
            write!(f, "loss={},", self.loss)?;
        }
        if let Some(burst) = self.burst {
            write!(f, "burst={}/{},", burst.length, burst.every)?;
        }
        if !self.delay.is_zero() {
            write!(f, "delay={},", units::Time(self.delay))?;
        }
        if !self.jitter.is_zero() {
            write!(f, "jitter={},", units::Time(self.jitter))?;
        }
        if self.reorder != Chance::NEVER || self.hold != DEFAULT_HOLD {
            write!(f, "reorder={}/{},", self.reorder, units::Time(self.hold))?;
        }
        if self.duplicate != Chance::NEVER {
            write!(f, "dup={},", self.duplicate)?;
        }
        if self.corrupt != Chance::NEVER {
            write!(f, "corrupt={},", self.corrupt)?;
        }
        if let Some(link) = self.bottleneck {
            write!(f, "rate={},queue={},", units::BitRate(link.rate), units::Size(link.queue))?;
        }
        write!(f, "seed={}", self.seed)
    }
}

fn burst(value: &str) -> Option<Burst> {
    let (length, every) = value.split_once('/')?;
    let burst = Burst { length: length.parse().ok()?, every: every.parse().ok()? };
    (burst.length > 0 && burst.length <= burst.every).then_some(burst)
}

fn reorder(value: &str) -> Option<(Chance, Duration)> {
    match value.split_once('/') {
        Some((chance, hold)) => Some((units::chance(chance)?, units::time(hold)?)),
        None => Some((units::chance(value)?, DEFAULT_HOLD)),
    }
}

const DEFAULT_SEED: u64 = 1;
const DEFAULT_QUEUE: u64 = 64 * 1024;
const DEFAULT_HOLD: Duration = Duration::from_millis(1);

const A_CHANCE: &str = "a share from 0% to 100%, such as 0.5%";
const A_BURST: &str = "a run out of so many datagrams, such as 20/2000";
const A_TIME: &str = "a time of at most a minute, such as 3ms, 250us or 1s";
const A_REORDER: &str = "a share, or a share and a time, such as 1% or 1%/5ms";
const A_RATE: &str = "a rate, such as 100mbit or 1gbit";
const A_SIZE: &str = "a size of at most 1024m, such as 64k or 1m";
const A_SEED: &str = "a whole number";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_and_printed_back() {
        let text = "loss=2%,burst=20/2000,delay=5ms,jitter=300us,reorder=1%/5ms,dup=0.5%,corrupt=0.1%,\
                    rate=100mbit,queue=64k,seed=7";
        let impairment: Impairment = text.parse().unwrap();
        assert_eq!(impairment.to_string(), text);
        assert_eq!(impairment.loss, Chance::from_millionths(20_000));
        assert_eq!(impairment.burst, Some(Burst { length: 20, every: 2000 }));
        assert_eq!(impairment.jitter, Duration::from_micros(300));
        assert_eq!(impairment.bottleneck, Some(Bottleneck { rate: 100_000_000, queue: 65_536 }));
    }

    #[test]
    fn nothing_asked_for_is_nothing_done() {
        for text in ["", "seed=1", "loss=0%", " , "] {
            assert_eq!(text.parse(), Ok(Impairment::default()), "{text:?}");
        }
        assert_eq!(Impairment::default().to_string(), "seed=1");
    }

    #[test]
    fn a_rate_brings_a_queue_with_it() {
        let impairment: Impairment = "rate=10mbit".parse().unwrap();
        assert_eq!(impairment.bottleneck, Some(Bottleneck { rate: 10_000_000, queue: 65_536 }));
        assert_eq!("queue=64k".parse::<Impairment>(), Err(ImpairmentError::QueueWithoutRate));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text: &str| text.parse::<Impairment>().unwrap_err().to_string();
        assert_eq!(
            said("lose=2%"),
            "there is no 'lose'; the keys are loss, burst, delay, jitter, reorder, dup, corrupt, rate, queue and seed"
        );
        assert_eq!(said("loss=2"), "loss: '2' is not a share from 0% to 100%, such as 0.5%");
        assert_eq!(
            said("jitter=3"),
            "jitter: '3' is not a time of at most a minute, such as 3ms, 250us or 1s"
        );
        assert_eq!(said("seed=7,seed=8"), "seed is given twice");
        let wrong =
            ["loss", "loss=101%", "loss=-1%", "loss=NaN%", "burst=0/5", "burst=6/5", "burst=5", "delay=2min"];
        let wrong =
            wrong.into_iter().chain(["rate=0bit", "rate=1e9", "queue=-1,rate=1kbit", "seed=x", "seed=-1"]);
        for text in wrong {
            assert!(matches!(text.parse::<Impairment>(), Err(ImpairmentError::BadValue { .. })), "{text}");
        }
    }
}
