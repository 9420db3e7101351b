//! What was typed, and what it means.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use proto::Pace;
use proto::host::{parse_duration, parse_scoped};
use proto::netem::Impairment;

use crate::encode::Subsampling;
use crate::source::Spec;

/// Sends a camera's pictures to screens on this network: JPEG frames in UDP datagrams, to one address, to several, or
/// to a multicast group.
#[derive(Debug, Parser)]
#[command(
    name = "sender",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    max_term_width = 100
)]
pub struct Args {
    /// Other things to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where pictures come from: camera (the first one), camera:N, /dev/videoN, pattern (a test card), a path (an
    /// .mjpeg or .y4m file, or a folder of .jpg files), or - (MJPEG or Y4M from standard input)
    #[arg(long, value_name = "SPEC", default_value = "camera", allow_hyphen_values = true, help_heading = INPUT)]
    pub source: Spec,

    /// Size of the camera's picture or of the test card, in pixels [default: the camera's best; test card 1280x720]
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = INPUT)]
    pub size: Option<(u32, u32)>,

    /// Frames per second: asked of a camera, set for files and the test card [default: the source's own, or 30]
    #[arg(long, value_name = "N", value_parser = parse_fps, help_heading = INPUT)]
    pub fps: Option<f64>,

    /// Start a file or folder again when it ends
    #[arg(long = "loop", help_heading = INPUT)]
    pub repeat: bool,

    /// End after this many frames were sent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = INPUT)]
    pub frames: Option<u64>,

    /// End after this time, such as 90s or 1.5m
    #[arg(long, value_name = "T", value_parser = parse_duration, help_heading = INPUT)]
    pub duration: Option<Duration>,

    /// JPEG quality of pictures that are encoded here, 1 to 100; JPEGs are passed through as they are
    #[arg(long, value_name = "1..100", default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100), help_heading = ENCODING)]
    pub quality: u8,

    /// Colour resolution of pictures that are encoded here: 420, 422 or 444 [default: the source's own]
    #[arg(long, value_name = "420|422|444", value_parser = parse_subsampling, help_heading = ENCODING)]
    pub subsampling: Option<Subsampling>,

    /// Where to send: an address or name and a port; a multicast group reaches many. Repeatable
    #[arg(long, value_name = "HOST:PORT", required = true, value_parser = parse_dest, help_heading = NETWORK)]
    pub dest: Vec<Dest>,

    /// Largest packet in bytes, or auto: the route's, at most 1500. Nothing is ever fragmented
    #[arg(long, value_name = "BYTES|auto", default_value = "auto", value_parser = parse_mtu, help_heading = NETWORK)]
    pub mtu: Mtu,

    /// How many routers multicast may pass, 0 to 255
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = NETWORK)]
    pub ttl: u8,

    /// Network interface to send by: its name, index or address [default: by the routes]
    #[arg(long, value_name = "NAME", help_heading = NETWORK)]
    pub interface: Option<String>,

    /// How fast each frame goes out: off (at once), a rate such as 50mbit, or auto: at once on this computer, else at
    /// 90 Mbit/s or what the stream needs
    #[arg(long, value_name = "auto|off|RATE", default_value = "auto", value_parser = parse_pace, help_heading = NETWORK)]
    pub pace: PaceArg,

    /// Priority mark of the packets, 0 to 63 (DSCP; 34 is usual for video)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=63), help_heading = NETWORK)]
    pub dscp: u8,

    /// What viewers see this stream called, up to 64 bytes [default: this computer's name]
    #[arg(long, value_name = "TEXT", help_heading = NETWORK)]
    pub name: Option<String>,

    /// Time between statistics, such as 500ms or 2s
    #[arg(long, value_name = "T", default_value = "1s", value_parser = parse_duration, help_heading = DIAGNOSTICS)]
    pub stats_interval: Duration,

    /// Write statistics as JSON, one object a line, to this file; - is standard output
    #[arg(long, value_name = "PATH", help_heading = DIAGNOSTICS)]
    pub stats_json: Option<PathBuf>,

    /// Treat outgoing datagrams as a bad network would, for trying things out: loss=2%,jitter=3ms,seed=7. It knows
    /// loss, burst, delay, jitter, reorder, dup, corrupt, rate, queue and seed
    #[arg(long, value_name = "SPEC", help_heading = DIAGNOSTICS)]
    pub impair: Option<Impairment>,
}

/// Other things to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the cameras, with their sizes and rates
    Cameras,
    /// Check what sending needs: interfaces and cameras
    Doctor,
    /// Print completions for a shell
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// A destination as it was typed, and the address it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dest {
    /// As typed.
    pub text: String,
    /// Where that is.
    pub address: SocketAddr,
}

/// `--mtu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mtu(pub Option<usize>);

/// `--pace`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceArg(pub Pace);

fn parse_dest(text: &str) -> Result<Dest, String> {
    let (host, port) = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .ok_or_else(|| format!("{text:?} has no port; write it like 192.168.1.20:9000 or [fd00::20]:9000"))?;
    let port: u16 =
        port.parse().map_err(|_| format!("{port:?} is no port; ports are numbers from 1 to 65535"))?;
    if port == 0 {
        return Err("port 0 is none; give the port that the receiver listens on, such as 9000".into());
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err(format!("write an IPv6 address in brackets: [{host}]:{port}"));
    }
    if let Some(address) = parse_scoped(text) {
        return Ok(Dest { text: text.to_owned(), address });
    }
    let found = text.to_socket_addrs().map_err(|error| {
        format!("the host {host:?} is not known ({error}); check the name, or give its address")
    })?;
    // Where a name has both, IPv4 is what most LANs really route.
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let address = *found.first().ok_or_else(|| format!("the host {host:?} has no address"))?;
    Ok(Dest { text: text.to_owned(), address })
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let size = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match size {
        Some((w @ 1..=8192, h @ 1..=8192)) => Ok((w, h)),
        Some(_) => Err("a picture has 1 to 8192 pixels each way".into()),
        None => Err(format!("{text:?} is no size; write it like 1280x720")),
    }
}

fn parse_fps(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fps) if (0.001..=1000.0).contains(&fps) => Ok(fps),
        _ => Err(format!("{text:?} is no frame rate; give a number from 0.001 to 1000")),
    }
}

fn parse_subsampling(text: &str) -> Result<Subsampling, String> {
    match text {
        "420" => Ok(Subsampling::Yuv420),
        "422" => Ok(Subsampling::Yuv422),
        "444" => Ok(Subsampling::Yuv444),
        _ => Err("it is one of 420, 422 and 444".into()),
    }
}

fn parse_mtu(text: &str) -> Result<Mtu, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Mtu(None)),
        (_, Ok(bytes @ 576..=65_535)) => Ok(Mtu(Some(bytes))),
        _ => Err("it is auto, or a number of bytes from 576 to 65535".into()),
    }
}

fn parse_pace(text: &str) -> Result<PaceArg, String> {
    let wrong = || format!("{text:?} is neither auto, nor off, nor a rate such as 50mbit");
    let pace = match text {
        "auto" => Pace::Auto,
        "off" => Pace::Off,
        _ => {
            let lower = text.to_ascii_lowercase();
            let digits = lower.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(lower.len());
            let (number, unit) = lower.split_at(digits);
            let scale = match unit.trim_end_matches("/s").trim_end_matches("it") {
                "b" | "" | "bps" => 1.0,
                "k" | "kb" | "kbps" => 1e3,
                "m" | "mb" | "mbps" => 1e6,
                "g" | "gb" | "gbps" => 1e9,
                _ => return Err(wrong()),
            };
            let rate = number.parse::<f64>().map_err(|_| wrong())? * scale;
            if !(1e5..=1e12).contains(&rate) {
                return Err(format!("a pace is 100kbit or more; {text:?} is {rate} bit/s"));
            }
            Pace::Rate(rate)
        }
    };
    Ok(PaceArg(pace))
}

const INPUT: &str = "Input";
const ENCODING: &str = "Encoding";
const NETWORK: &str = "Network";
const DIAGNOSTICS: &str = "Diagnostics";

const EXAMPLES: &str = "\
Examples:
  sender --dest 192.168.1.20:9000          the first camera, to one screen
  sender --dest 239.255.10.1:9000          to many: receiver --listen that group
  sender --source pattern --dest 127.0.0.1:9000   a test card, to this computer
  sender --source clip.mjpeg --loop --fps 30 --dest 192.168.1.20:9000
  ffmpeg -re -i film.mp4 -q:v 4 -f mjpeg - |
    sender --source - --dest 192.168.1.20:9000

Exit status: 0 done, 1 failed while running, 2 wrong usage.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Which;

    fn parse(words: &str) -> Result<Args, String> {
        Args::try_parse_from(words.split(' ')).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_enough() {
        let args = parse("sender --dest 127.0.0.1:9000 --dest [::1]:9001").unwrap();
        assert_eq!(args.dest[1].address, "[::1]:9001".parse().unwrap());
        assert_eq!(
            (args.source, args.quality, args.pace),
            (Spec::Camera(Which::First), 80, PaceArg(Pace::Auto))
        );
    }

    #[test]
    fn wrong_values_are_refused_with_the_way_out() {
        for (words, way_out) in [
            ("sender", "--dest"),
            ("sender --dest 127.0.0.1", "port"),
            ("sender --dest 127.0.0.1:0", "port 0"),
            ("sender --dest ::1:9000", "brackets"),
            ("sender --dest 127.0.0.1:9 --quality 0", "1..=100"),
            ("sender --dest 127.0.0.1:9 --size big", "1280x720"),
            ("sender --dest 127.0.0.1:9 --fps 0", "from 0.001"),
            ("sender --dest 127.0.0.1:9 --fps 1e-20", "from 0.001"),
            ("sender --dest 127.0.0.1:9 --pace fast", "50mbit"),
            ("sender --dest 127.0.0.1:9 --mtu 20", "576"),
            ("sender --dest 127.0.0.1:9 --frames 0", "0"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(way_out), "{words}: {error}");
        }
    }

    #[test]
    fn rates_have_units() {
        for (text, rate) in [("50mbit", 50e6), ("1g", 1e9), ("800kbps", 800e3), ("1.5Mbit/s", 1.5e6)] {
            assert_eq!(parse_pace(text), Ok(PaceArg(Pace::Rate(rate))), "{text}");
        }
    }
}
