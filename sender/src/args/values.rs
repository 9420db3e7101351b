//! Reads single values, and says what is wrong with them.

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

use anyhow::Result as Looked;
use clap::ValueEnum;
use proto::Pace;
use proto::host::{MAX_LABEL_BYTES, NotNow, can_be_a_host, parse_scoped};

use crate::encode::Subsampling;
use crate::serve::ServeAt;

/// A destination as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dest {
    /// As typed.
    pub text: String,
    /// What that is, if it is an address; a name is looked up.
    address: Option<SocketAddr>,
}

impl Dest {
    /// The address, if that is what was typed.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it is a name, which the system may take half a minute to look up.
    pub fn is_name(&self) -> bool {
        self.address.is_none() && !self.text.starts_with('[')
    }

    /// The address that it stands for now.
    ///
    /// # Errors
    /// If its name is not known, or the interface in it is not there; that may pass.
    pub fn look_up(&self) -> Looked<SocketAddr> {
        if let Some(address) = self.address.or_else(|| parse_scoped(&self.text)) {
            return Ok(address);
        }
        let host = self.text.rsplit_once(':').map_or(&*self.text, |(host, _)| host);
        if !self.is_name() {
            return Err(NotNow(format!("the interface in {host} is not there")).into());
        }
        let found = self.text.to_socket_addrs().map_err(|error| {
            NotNow(format!("the host {host:?} is not known ({error}); check the name, or give its address"))
        })?;
        // Where a name has both, IPv4 is what most LANs really route.
        let mut found: Vec<SocketAddr> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(*found.first().ok_or_else(|| NotNow(format!("the host {host:?} has no address")))?)
    }
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Chunkcast's own, which is repaired.
    Chunkcast,
    /// RTP/JPEG (RFC 2435).
    Rtp,
}

/// `--mtu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mtu(pub Option<usize>);

/// `--pace`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceArg(pub Pace);

pub(super) fn parse_dest(text: &str) -> Result<Dest, String> {
    let (host, port) = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .ok_or_else(|| format!("{text:?} has no port; write it like 192.168.1.20:9000 or [fd00::20]:9000"))?;
    let port: u16 =
        port.parse().map_err(|_| format!("{port:?} is no port; ports are numbers from 1 to 65535"))?;
    if port == 0 {
        return Err("port 0 is none; give the port that the receiver listens on, such as 9000".into());
    }
    if host.split('%').next().is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()) {
        return Err(format!("write an IPv6 address in brackets: [{host}]:{port}"));
    }
    let address = text.parse().ok().or_else(|| parse_scoped(text));
    // Which interfaces there are, and which names are known, is seen later: the network may not be up yet.
    if address.is_none() && !is_scoped(host) && !can_be_a_host(host) {
        return Err(format!(
            "{host:?} is no address or name; write it like 192.168.1.20:9000, door.local:9000 or [fd00::20]:9000"
        ));
    }
    Ok(Dest { text: text.to_owned(), address })
}

/// Whether it is an address of a link's own scope with its interface, in brackets.
fn is_scoped(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let parts = inner.and_then(|inner| inner.split_once('%'));
    parts.is_some_and(|(address, zone)| address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty())
}

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
