//! The command line, and what it means.

mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use proto::app::keys::KeyArgs;
use proto::app::{Given, StreamFormat, SystemArgs, parse_duration, parse_switch};
use proto::app::{WebArgs, WebPolicy};
use proto::keys::SEALED_BYTES;
use proto::netem::Impairment;
use proto::{Fec, Follow, Pace, QualityRange, SendConfig, SessionId};

use crate::capture::source::Spec;
use crate::encode::Subsampling;
use crate::net::Dest;
use crate::serve::ServeAt;
pub(crate) use values::{Mtu, PaceArg};
use values::{
    parse_fps, parse_max_bitrate, parse_mtu, parse_name, parse_pace, parse_serve, parse_size,
    parse_subsampling,
};

/// Sends a camera's pictures to screens on this network: JPEG frames in UDP datagrams, to viewers that connect, to
/// fixed addresses, or to a multicast group.
#[derive(Debug, Parser)]
#[command(
    name = "sender",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
pub struct Args {
    /// Other things to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where pictures come from: camera (the first one), camera:N, /dev/videoN, pattern (a test card), a path (an
    /// .mjpeg or .y4m file, or a folder of .jpg files), or - (MJPEG or Y4M from standard input)
    #[arg(long, value_name = "SPEC", default_value = "camera", allow_hyphen_values = true, value_parser = OsStringValueParser::new().try_map(Spec::typed), help_heading = INPUT)]
    pub(crate) source: Spec,

    /// Size of the camera's picture or of the test card, in pixels [default: the camera's best; test card 1280x720]
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = INPUT)]
    pub(crate) size: Option<(u32, u32)>,

    /// Frames per second: requested of a camera, set for files and the test card [default: the source's own, or 30]
    #[arg(long, value_name = "N", value_parser = parse_fps, help_heading = INPUT)]
    pub(crate) fps: Option<f64>,

    /// Start a file or folder again when it ends
    #[arg(long = "loop", help_heading = INPUT)]
    pub(crate) repeat: bool,

    /// End after this many frames were sent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = INPUT)]
    pub(crate) frames: Option<u64>,

    /// End after this time, such as 90s or 1.5m
    #[arg(long, value_name = "T", value_parser = parse_duration, help_heading = INPUT)]
    pub(crate) duration: Option<Duration>,

    /// JPEG quality of pictures that are encoded here, 1 to 100: the best is used, and less, down to the first number,
    /// while the path does not carry it. One number stands. JPEGs are passed through as they are
    #[arg(long, value_name = "MIN..MAX", default_value = "20..80", help_heading = ENCODING)]
    pub(crate) quality: QualityRange,

    /// Colour resolution of pictures that are encoded here: 420, 422 or 444 [default: the source's own]
    #[arg(long, value_name = "420|422|444", value_parser = parse_subsampling, help_heading = ENCODING)]
    pub(crate) subsampling: Option<Subsampling>,

    /// Where to send: an address or name and a port; a multicast group reaches many. Repeatable. Without it,
    /// viewers that connect are sent to (--serve)
    #[arg(long, value_name = "HOST:PORT", value_parser = Dest::typed, help_heading = NETWORK)]
    pub(crate) dest: Vec<Dest>,

    /// Where receivers may connect, also beside --dest [default: without --dest, port 9001 on all addresses, or
    /// a free one if that is taken]
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = parse_serve, help_heading = NETWORK)]
    pub(crate) serve: Option<ServeAt>,

    /// How many viewers may connect, at most a quarter of them (or two) on one other computer. Each takes a stream of
    /// its own out of this one
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = NETWORK)]
    pub(crate) max_viewers: u16,

    /// Announce this sender on the network by multicast DNS, so that receivers find it by its name: if it serves, or
    /// sends to a group
    #[arg(long, value_name = "on|off", default_value = "on", action = ArgAction::Set, value_parser = parse_switch, help_heading = NETWORK)]
    pub(crate) announce: bool,

    /// What is sent: chunkcast, or rtp (RTP/JPEG, RFC 2435, which VLC, GStreamer and FFmpeg play: without repair, and
    /// not every JPEG)
    #[arg(long, value_name = "chunkcast|rtp", hide_possible_values = true, default_value = "chunkcast", help_heading = NETWORK)]
    pub(crate) format: StreamFormat,

    /// Describe the RTP stream for players in this file, as soon as its size is known; - is standard output
    #[arg(long, value_name = "FILE", help_heading = NETWORK)]
    pub(crate) sdp: Option<PathBuf>,

    /// Largest packet in bytes, or auto: the route's, at most 1500. Nothing is ever fragmented
    #[arg(long, value_name = "BYTES|auto", default_value = "auto", value_parser = parse_mtu, help_heading = NETWORK)]
    pub(crate) mtu: Mtu,

    /// How many routers multicast may pass, 0 to 255
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = NETWORK)]
    pub(crate) ttl: u8,

    /// Network interface to send by: its name, index or address [default: by the routes]
    #[arg(long, value_name = "NAME", help_heading = NETWORK)]
    pub(crate) interface: Option<String>,

    /// How fast each frame goes out: off (at once), a rate such as 50mbit, or auto: at once on this computer, else at
    /// 90 Mbit/s or what the stream needs, then at what receivers find the path to carry, up to 940 Mbit/s
    #[arg(long, value_name = "auto|off|RATE", default_value = "auto", value_parser = parse_pace, help_heading = NETWORK)]
    pub(crate) pace: PaceArg,

    /// The most that the stream may take on the wire, such as 20mbit: quality is lowered first, then the frame rate
    /// [default: what the path carries]
    #[arg(long, value_name = "RATE", value_parser = parse_max_bitrate, help_heading = NETWORK)]
    pub(crate) max_bitrate: Option<f64>,

    /// Priority mark of the packets, 0 to 63 (DSCP; 34 is usual for video)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=63), help_heading = NETWORK)]
    pub(crate) dscp: u8,

    /// What viewers see this stream called, up to 63 bytes [default: this computer's name]
    #[arg(long, value_name = "TEXT", value_parser = parse_name, help_heading = NETWORK)]
    pub(crate) name: Option<String>,

    /// Parity that goes with each frame, from which receivers rebuild what was lost: off, a percentage from 1 to 50, or
    /// auto: what the reported loss calls for
    #[arg(long, value_name = "off|auto|PERCENT", default_value = "auto", help_heading = REPAIR)]
    pub(crate) fec: Fec,

    /// Retransmit what receivers request, while it can still be in time
    #[arg(long, value_name = "on|off", default_value = "on", action = ArgAction::Set, value_parser = parse_switch, help_heading = REPAIR)]
    pub(crate) resend: bool,

    /// Whose path decides pace and quality, in a group or with several destinations or viewers: the slowest, or the
    /// slowest but a percentage of them, 10 to 100, who may lose frames so that the others need not wait for them
    /// [default: slowest; of the viewers that connect, the slower half is not waited for]
    #[arg(long, value_name = "slowest|PERCENT", help_heading = REPAIR)]
    pub(crate) follow: Option<Follow>,

    /// Who may look.
    #[command(flatten)]
    pub(crate) keys: KeyArgs,

    /// Sign each picture with the key in this file, which is made if it is not there: then nobody else who has the
    /// stream's key can send in this sender's name
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub(crate) sign: Option<PathBuf>,

    /// Send RTP/JPEG to everybody although there is a key: that format cannot be sealed
    #[arg(long, help_heading = "Keys")]
    pub(crate) insecure: bool,

    /// How it shows itself to browsers.
    #[command(flatten)]
    pub(crate) web: WebArgs,

    /// What browsers may do.
    #[command(flatten)]
    pub(crate) web_policy: WebPolicy,

    /// Time between statistics, such as 500ms or 2s
    #[arg(long, value_name = "T", default_value = "1s", value_parser = parse_duration, help_heading = DIAGNOSTICS)]
    pub(crate) stats_interval: Duration,

    /// Write statistics as JSON, one object a line, to this file; - is standard output
    #[arg(long, value_name = "PATH", help_heading = DIAGNOSTICS)]
    pub(crate) stats_json: Option<PathBuf>,

    /// Treat outgoing datagrams as a bad network would, for trying things out: loss=2%,jitter=3ms,seed=7. It knows
    /// loss, burst, delay, jitter, reorder, dup, corrupt, rate, queue and seed
    #[arg(long, value_name = "SPEC", help_heading = DIAGNOSTICS)]
    pub(crate) impair: Option<Impairment>,

    /// What both programs have.
    #[command(flatten)]
    pub system: SystemArgs,
}

impl Args {
    /// What viewers see this stream called.
    pub fn name(&self) -> String {
        let computer = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(computer)
    }

    /// Where it serves, if it does.
    pub fn serve_at(&self) -> Option<ServeAt> {
        self.serve.or_else(|| self.dest.is_empty().then_some(ServeAt::Anywhere))
    }

    /// What streams are to be like, in this session. Receivers' tokens are made with the secret.
    pub fn send_config(&self, session: SessionId, secret: [u8; 16]) -> SendConfig {
        SendConfig {
            pace: self.pace.0,
            name: self.name(),
            fec: self.fec,
            resend: self.resend,
            follow: self.follow.unwrap_or_default(),
            max_bitrate: self.max_bitrate,
            seal_bytes: if self.keys.is_given() { SEALED_BYTES } else { 0 },
            ..SendConfig::new(session, secret)
        }
    }

    /// What nobody need be advised to give.
    pub fn given(&self) -> Given {
        let pace = if let Pace::Rate(rate) = self.pace.0 { Some(rate) } else { None };
        Given { fec: self.fec, pace, no_vsync: false }
    }

    /// Whether what was typed goes together.
    ///
    /// # Errors
    /// If it does not, with the way out.
    pub fn check(&self) -> Result<(), clap::Error> {
        let is_rtp = self.format == StreamFormat::Rtp;
        let is_stdout = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.as_os_str() == "-");
        let wrong = if is_stdout(&self.sdp) && is_stdout(&self.stats_json) {
            "--sdp - and --stats-json - would mix in standard output; give one of them a file"
        } else if self.sdp.is_some() && !is_rtp {
            "--sdp describes an RTP stream: give --format rtp too"
        } else if self.sdp.is_some() && self.dest.len() > 1 {
            "--sdp describes one destination: give one --dest, or a group that many can join"
        } else if is_rtp && self.serve_at().is_some() {
            "RTP/JPEG goes to a --dest, and nobody can subscribe to it: give --dest HOST:PORT, and leave out --serve"
        } else if is_rtp && matches!(self.fec, Fec::Percent(_)) {
            "RTP/JPEG has no parity: leave out --fec, or --format rtp"
        } else if is_rtp && self.keys.is_given() && !self.insecure {
            "RTP/JPEG is open to everybody, whatever key there is: leave out --format rtp, or say --insecure"
        } else if is_rtp && self.sign.is_some() {
            "RTP/JPEG has no room for a signature: leave out --format rtp, or --sign"
        } else {
            return Ok(());
        };
        Err(Self::command().error(ErrorKind::ArgumentConflict, wrong))
    }
}

/// Other things to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the cameras, with their sizes and rates
    Cameras,
    /// Make a key, so that only who has it looks and speaks
    Key {
        /// What to do
        #[command(subcommand)]
        action: KeyAction,
    },
    /// Check what sending needs: interfaces, the way to a receiver and whether it answers, cameras. Status 1 if
    /// something needs attention
    Doctor {
        /// Where to send: an address, name or multicast group, and a port. Hellos are sent there, and no pictures
        #[arg(long, value_name = "HOST:PORT", value_parser = Dest::typed)]
        dest: Option<Dest>,
        /// Network interface to send by [default: by the routes]
        #[arg(long, value_name = "NAME")]
        interface: Option<String>,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Make one: twelve words that stand for 128 random bits. It is printed, or written to a file
    New {
        /// Where to write it; only its owner can read it. What is there is kept
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
}

const INPUT: &str = "Input";
const ENCODING: &str = "Encoding";
const NETWORK: &str = "Network";
const REPAIR: &str = "Repair";
const DIAGNOSTICS: &str = "Diagnostics";

const EXAMPLES: &str = "\
Examples:
  sender                                 the first camera, to viewers that connect
  sender --name door --http 8080         called so, and seen by browsers
  sender --source pattern                a test card
  sender --source clip.mjpeg --loop --fps 30     a file, again and again
  sender --dest 192.168.1.20:9000        to one screen
  sender --dest 239.255.10.1:9000        to many: receiver --listen that group
  sender --dest 239.255.10.1:5004 --format rtp --sdp camera.sdp
                                         for VLC, GStreamer and FFmpeg
  ffmpeg -re -i film.mp4 -q:v 4 -f mjpeg - | sender --source -

Exit status: 0 done, 1 failed while running, 2 wrong usage.";

#[cfg(test)]
mod tests;
