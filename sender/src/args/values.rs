//! Parses single values, with errors that say what is wrong.

use proto::Pace;
use proto::discovery::MAX_LABEL_BYTES;
use proto::sys::parse_scoped;

use crate::encode::Subsampling;
use crate::serve::ServeAt;

/// `--mtu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mtu(pub Option<usize>);

/// `--pace`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PaceArg(pub Pace);

pub(super) fn parse_serve(text: &str) -> Result<ServeAt, String> {
    if let Ok(port) = text.parse() {
        return Ok(ServeAt::Port(port));
    }
    let address = parse_scoped(text).or_else(|| text.parse().ok());
    address.map(ServeAt::Address).ok_or_else(|| {
        format!("{text:?} is neither a port nor an address and a port, such as 9001, 192.168.1.20:9001 or [::]:9001")
    })
}

pub(super) fn parse_name(text: &str) -> Result<String, String> {
    if text.len() > MAX_LABEL_BYTES {
        return Err(format!("it has {} bytes; a name has at most {MAX_LABEL_BYTES}", text.len()));
    }
    Ok(text.to_owned())
}

pub(super) fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let size = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match size {
        Some((w @ 1..=8192, h @ 1..=8192)) => Ok((w, h)),
        Some(_) => Err("a picture has 1 to 8192 pixels each way".into()),
        None => Err(format!("{text:?} is no size; write it like 1280x720")),
    }
}

pub(super) fn parse_fps(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fps) if (0.001..=1000.0).contains(&fps) => Ok(fps),
        _ => Err(format!("{text:?} is no frame rate; give a number from 0.001 to 1000")),
    }
}

pub(super) fn parse_subsampling(text: &str) -> Result<Subsampling, String> {
    match text {
        "420" => Ok(Subsampling::Yuv420),
        "422" => Ok(Subsampling::Yuv422),
        "444" => Ok(Subsampling::Yuv444),
        _ => Err("it is one of 420, 422 and 444".into()),
    }
}

pub(super) fn parse_mtu(text: &str) -> Result<Mtu, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Mtu(None)),
        (_, Ok(bytes @ 576..=65_535)) => Ok(Mtu(Some(bytes))),
        _ => Err("it is auto, or a number of bytes from 576 to 65535".into()),
    }
}

pub(super) fn parse_pace(text: &str) -> Result<PaceArg, String> {
    match text {
        "auto" => Ok(PaceArg(Pace::Auto)),
        "off" => Ok(PaceArg(Pace::Off)),
        _ => match parse_rate(text) {
            Some(rate) if RATES.contains(&rate) => Ok(PaceArg(Pace::Rate(rate))),
            Some(rate) => Err(format!("a pace is 100kbit or more; {text:?} is {rate} bit/s")),
            None => Err(format!("{text:?} is neither auto, nor off, nor a rate such as 50mbit")),
        },
    }
}

pub(super) fn parse_max_bitrate(text: &str) -> Result<f64, String> {
    match parse_rate(text) {
        Some(rate) if RATES.contains(&rate) => Ok(rate),
        Some(rate) => Err(format!("a stream needs 100kbit or more; {text:?} is {rate} bit/s")),
        None => Err(format!("{text:?} is no rate; write it like 20mbit")),
    }
}

/// Bits per second.
fn parse_rate(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let scale = match unit.trim_end_matches("/s").trim_end_matches("it") {
        "b" | "" | "bps" => 1.0,
        "k" | "kb" | "kbps" => 1e3,
        "m" | "mb" | "mbps" => 1e6,
        "g" | "gb" | "gbps" => 1e9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

/// Rates that make sense, in bits per second.
const RATES: std::ops::RangeInclusive<f64> = 1e5..=1e12;
