//! The command line, and what it means.

mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use proto::app::keys::KeyArgs;
use proto::app::{StreamFormat, SystemArgs, parse_bytes, parse_duration, parse_switch};
use proto::app::{WebArgs, WebPolicy};
use proto::netem::Impairment;

use crate::discovery::Sources;
use crate::output::OutputSpec;
use crate::record::{KeepOptions, Split};
use crate::session::Host;
use crate::window::Detail;
use values::{DEFAULT_LISTEN, output_parser, parse_detail, parse_listen};

/// Shows what a sender sends: the newest picture at once, in a window, or wherever it is wanted.
#[derive(Debug, Parser)]
#[command(
    name = "receiver",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
pub struct Args {
    /// Other things to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// What is received, and where it goes.
    #[command(flatten)]
    pub receive: ReceiveArgs,
}

/// What is received, and where it goes.
#[derive(Debug, clap::Args)]
pub struct ReceiveArgs {
    /// Senders to show, by the names that `receiver list` prints. Without any, and without --listen and --connect, a
    /// sender that is found is shown; if there are several, they are offered
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,

    /// Where to listen for senders that have this computer as their --dest: an address of this computer (0.0.0.0 is all
    /// of them) and a port; a multicast group is joined. Repeatable [default: 0.0.0.0:9000, if nothing else is given]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen, help_heading = NETWORK)]
    pub listen: Vec<SocketAddr>,

    /// A sender to connect to: its address or name on the network, and its port if that is not 9001. Repeatable
    #[arg(long, value_name = "HOST[:PORT]", value_parser = Host::parse, help_heading = NETWORK)]
    pub connect: Vec<Host>,

    /// What arrives by --listen: chunkcast, or rtp (RTP/JPEG, RFC 2435, as GStreamer and FFmpeg send it)
    #[arg(long, value_name = "chunkcast|rtp", hide_possible_values = true, default_value = "chunkcast", help_heading = NETWORK)]
    pub format: StreamFormat,

    /// How many senders to show that send to one port; one that comes later is reported and not shown [default: 9 in a
    /// window or for browsers, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = NETWORK)]
    pub max_senders: Option<u8>,

    /// Network interface to listen on or to join the group by: its name, index or address [default: by the routes]
    #[arg(long, value_name = "NAME", help_heading = NETWORK)]
    pub interface: Option<String>,

    /// How long after its first datagram an incomplete frame is given up, such as 100ms
    #[arg(long, value_name = "T", default_value = "500ms", value_parser = parse_duration, help_heading = NETWORK)]
    pub deadline: Duration,

    /// Ask the sender for what is missing, while it can still be in time
    #[arg(long, value_name = "on|off", default_value = "on", action = ArgAction::Set, value_parser = parse_switch, help_heading = REPAIR)]
    pub resend: bool,

    /// Tell the sender what arrives, so that it finds the pace, the parity and the quality for this path. off sends
    /// nothing back at all, no requests either, as on a one-way link
    #[arg(long, value_name = "on|off", default_value = "on", action = ArgAction::Set, value_parser = parse_switch, help_heading = REPAIR)]
    pub feedback: bool,

    /// Where frames go: window, none, - (JPEG frames to standard output), y4m:- (decoded pictures to standard output),
    /// FOLDER/ (one .jpg per frame), FILE.mkv (a video of the same JPEGs) or FILE.mjpeg. Of several senders, all but
    /// the window take the first. Repeatable
    #[arg(long, value_name = "SPEC", default_value = "window", value_parser = output_parser(), allow_hyphen_values = true, help_heading = OUTPUT)]
    pub output: Vec<OutputSpec>,

    /// Go on in a new file, such as door-0002.mkv, after this time or before this size: 10m, 500MB
    #[arg(long, value_name = "T|SIZE", help_heading = OUTPUT)]
    pub split: Option<Split>,

    /// Keep the last seconds in memory, to be written out when something has happened: by p in the window,
    /// the page's button, or SIGUSR1
    #[arg(long, value_name = "T", value_parser = parse_duration, help_heading = OUTPUT)]
    pub past: Option<Duration>,

    /// The most memory that --past may take
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = parse_bytes, help_heading = OUTPUT)]
    pub past_memory: u64,

    /// Where to save recordings, snapshots and the past, which are called by the sender's name and the time
    #[arg(long, value_name = "DIR", default_value = ".", help_heading = OUTPUT)]
    pub save_to: PathBuf,

    /// End after this many frames were delivered
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = OUTPUT)]
    pub frames: Option<u64>,

    /// End after this time, such as 90s or 1.5m
    #[arg(long, value_name = "T", value_parser = parse_duration, help_heading = OUTPUT)]
    pub duration: Option<Duration>,

    /// Begin on the full screen (f switches)
    #[arg(long, help_heading = OUTPUT)]
    pub fullscreen: bool,

    /// What is written on the picture at first: off, small (name, age, rate) or full (all figures, and plots of the
    /// last half minute). i switches
    #[arg(long, value_name = "off|small|full", default_value = "off", value_parser = parse_detail, help_heading = OUTPUT)]
    pub overlay: Detail,

    /// Wait for the screen's refresh before each picture: no tearing, but up to one refresh later
    #[arg(long, help_heading = OUTPUT)]
    pub vsync: bool,

    /// What opens senders.
    #[command(flatten)]
    pub(crate) keys: KeyArgs,

    /// Forget the key that was typed for the sender of this name, so that it may be shown without one, and who signed
    /// its pictures. Repeatable
    #[arg(long, value_name = "NAME", help_heading = "Keys")]
    pub(crate) forget: Vec<String>,

    /// How it shows itself to browsers.
    #[command(flatten)]
    pub web: WebArgs,

    /// What browsers may do.
    #[command(flatten)]
    pub web_policy: WebPolicy,

    /// Time between statistics, such as 500ms or 2s
    #[arg(long, value_name = "T", default_value = "1s", value_parser = parse_duration, help_heading = DIAGNOSTICS)]
    pub stats_interval: Duration,

    /// Write statistics as JSON, one object a line, to this file; - is standard output
    #[arg(long, value_name = "PATH", help_heading = DIAGNOSTICS)]
    pub stats_json: Option<PathBuf>,

    /// Treat arriving datagrams as a bad network would, for trying things out: loss=2%,jitter=3ms,seed=7. It knows
    /// loss, burst, delay, jitter, reorder, dup, corrupt, rate, queue and seed
    #[arg(long, value_name = "SPEC", help_heading = DIAGNOSTICS)]
    pub impair: Option<Impairment>,

    /// What both programs have.
    #[command(flatten)]
    pub system: SystemArgs,
}

impl ReceiveArgs {
    /// What of it does not go together, with the way out.
    fn contradiction(&self) -> Option<&'static str> {
        if self.format != StreamFormat::Rtp {
            None
        } else if self.listen.is_empty() || !self.connect.is_empty() || !self.name.is_empty() {
            Some("RTP/JPEG is only listened to: give --listen ADDR:PORT, and neither names nor --connect")
        } else if self.keys.is_given() {
            Some(
                "RTP/JPEG cannot be sealed, so nothing of it has a key: leave out --key and --key-file, or --format rtp",
            )
        } else {
            None
        }
    }

    /// Where pictures are to come from.
    pub fn sources(&self) -> Sources {
        let is_open = self.listen.is_empty() && self.connect.is_empty() && self.name.is_empty();
        let listen = if is_open { vec![DEFAULT_LISTEN] } else { self.listen.clone() };
        let mut connect: Vec<Host> = Vec::new();
        for host in &self.connect {
            if !connect.iter().any(|known| known.is(host)) {
                connect.push(host.clone());
            }
        }
        Sources { listen, connect, names: self.name.clone(), is_open }
    }
}

impl Args {
    /// Whether what was typed goes together.
    ///
    /// # Errors
    /// If it does not, with the way out.
    pub fn check(&self) -> Result<(), clap::Error> {
        let wrong = match &self.command {
            None => self.receive.contradiction(),
            Some(Command::Measure(measure)) => measure.contradiction(),
            Some(_) => None,
        };
        wrong.map_or(Ok(()), |wrong| Err(Self::command().error(ErrorKind::ArgumentConflict, wrong)))
    }
}

/// Other things to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check what receiving needs: interfaces, the port, firewall, a display; then listen, and say what arrives. Status
    /// 1 if something needs attention
    Doctor {
        /// Where to listen: an address of this computer (0.0.0.0 is all of them) and a port; a multicast group is
        /// joined
        #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:9000", value_parser = parse_listen)]
        listen: SocketAddr,
        /// Network interface to listen on or to join the group by [default: by the routes]
        #[arg(long, value_name = "NAME")]
        interface: Option<String>,
        /// How long to listen
        #[arg(long = "for", value_name = "T", default_value = "3s", value_parser = parse_duration)]
        time: Duration,
    },
    /// List the senders on this network that announce themselves. Status 1 if there is none
    List {
        /// How long to look
        #[arg(long = "for", value_name = "T", default_value = "1.5s", value_parser = parse_duration)]
        time: Duration,
        /// Network interface to look by: its name [default: all]
        #[arg(long, value_name = "NAME")]
        interface: Option<String>,
    },
    /// Measure from glass to glass: a window shows a strip of codes, the camera whose pictures come is pointed at it, and
    /// what passes from one to the other is told. Status 1 without a figure
    Measure(Box<MeasureArgs>),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// What is measured. The options of receiving are those of the receiver.
#[derive(Debug, clap::Args)]
pub struct MeasureArgs {
    /// End after this many pictures in which the strip was read
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub samples: u32,

    /// Whose pictures, and how.
    #[command(flatten)]
    pub receive: ReceiveArgs,
}

impl MeasureArgs {
    /// What of it does not go together, with the way out.
    fn contradiction(&self) -> Option<&'static str> {
        if !self.receive.output.contains(&OutputSpec::Window) {
            return Some(
                "what is measured is what a window shows: leave out --output, or add --output window",
            );
        }
        self.receive.contradiction()
    }
}

impl ReceiveArgs {
    /// What is to be kept on request, and where.
    pub fn keep(&self) -> KeepOptions {
        KeepOptions {
            folder: self.save_to.clone(),
            replay: self.past,
            replay_bytes: self.past_memory,
            split: self.split,
        }
    }
}

const NETWORK: &str = "Network";
const REPAIR: &str = "Repair";
const OUTPUT: &str = "Output";
const DIAGNOSTICS: &str = "Diagnostics";

const EXAMPLES: &str = "\
Examples:
  receiver                               find a sender and show it
  receiver list                          who is there
  receiver door \"bench 3\"                these two, in one window
  receiver --connect 192.168.1.10        by address, where none is found
  receiver --listen 239.255.10.1:9000    what is sent to that group
  receiver --listen 0.0.0.0:5004 --format rtp    from GStreamer or FFmpeg
  receiver --output window --output door.mkv     show it, and record
  receiver --output door/ --duration 10s         ten seconds as .jpg files
  receiver --past 10s --save-to clips    p writes what just happened
  receiver --http 8080                   also at http://127.0.0.1:8080/
  receiver measure door                  how long from glass to glass
  receiver --output - |
    ffmpeg -use_wallclock_as_timestamps 1 -f mjpeg -i - door.mp4

In the window: h shows the keys, i the figures, 1-9 one sender of several;
s keeps the picture, r records, p keeps what just happened, f fills the
screen, q quits.

Exit status: 0 done, 1 failed while running, 2 wrong usage.";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Args, String> {
        Args::try_parse_from(words.split(' ')).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_need_be_said() {
        let args = parse("receiver").unwrap();
        let sources = args.receive.sources();
        assert_eq!(sources.listen, ["0.0.0.0:9000".parse().unwrap()]);
        assert!(sources.is_open && sources.want_finding());
        assert_eq!(args.receive.output, [OutputSpec::Window]);
        assert!(args.receive.resend && args.receive.feedback);
    }

    #[test]
    fn paths_can_be_any_bytes() {
        use std::os::unix::ffi::OsStringExt;
        let path = |rest: &[u8]| std::ffi::OsString::from_vec([b"t\xfcr", rest].concat());
        let words = [
            "receiver".into(),
            "--output".into(),
            path(b".mkv"),
            "--save-to".into(),
            path(b""),
            "--stats-json".into(),
            path(b""),
            "--config".into(),
            path(b""),
        ];
        let args = Args::try_parse_from(words).unwrap().receive;
        assert_eq!(args.output, [OutputSpec::Matroska(path(b".mkv").into())]);
        assert_eq!(args.save_to, PathBuf::from(path(b"")));
        assert_eq!((args.stats_json, args.system.config), (Some(path(b"").into()), Some(path(b"").into())));
    }

    #[test]
    fn rtp_is_only_listened_to() {
        let check = |words: &str| {
            parse(words).unwrap().check().map_err(|error| (error.to_string(), error.exit_code()))
        };
        assert!(check("receiver --format rtp --listen 0.0.0.0:5004").is_ok() && check("receiver").is_ok());
        for more in ["", " --connect 127.0.0.1", " --listen 0.0.0.0:5004 --connect 127.0.0.1", " door"] {
            let (error, code) = check(&format!("receiver --format rtp{more}")).unwrap_err();
            assert!(error.contains("give --listen") && code == 2, "{more}: {error}");
        }
        let (error, _) =
            check("receiver --format rtp --listen 0.0.0.0:5004 --key-file door.key").unwrap_err();
        assert!(error.contains("leave out --key"), "{error}");
    }

    #[test]
    fn what_is_kept_is_bounded_unless_it_is_said_otherwise() {
        let keep = parse("receiver").unwrap().receive.keep();
        assert_eq!((keep.replay, keep.replay_bytes, keep.split), (None, 256_000_000, None));
        assert_eq!(keep.folder, std::path::Path::new("."));
        let keep =
            parse("receiver --past 10s --past-memory 1GiB --save-to a/b --split 1h").unwrap().receive.keep();
        assert_eq!((keep.replay, keep.replay_bytes), (Some(Duration::from_secs(10)), 1 << 30));
        assert_eq!(keep.split, Some(Split::Time(Duration::from_secs(3600))));
    }

    #[test]
    fn several_senders_are_listened_to_asked_and_found() {
        let words = "receiver --listen :9000 --listen 239.255.10.1:9001 --connect 192.168.1.7 --connect [::1]:9100 door 7";
        let sources = parse(words).unwrap().receive.sources();
        assert_eq!(sources.listen.len(), 2);
        let connects: Vec<String> =
            sources.connect.iter().map(|host| host.look_up().unwrap()[0].to_string()).collect();
        assert_eq!(connects, ["192.168.1.7:9001", "[::1]:9100"]);
        assert_eq!(sources.names, ["door", "7"]);
        assert!(!sources.is_open && sources.want_finding());
        assert!(!parse("receiver --listen :9000").unwrap().receive.sources().want_finding());
    }

    #[test]
    fn a_sender_that_is_named_twice_is_asked_once() {
        let connects = |words| parse(words).unwrap().receive.sources().connect.len();
        assert_eq!(connects("receiver --connect 10.0.0.7 --connect 10.0.0.7:9001"), 1);
        assert_eq!(connects("receiver --connect 10.0.0.7 --connect 10.0.0.7:9002"), 2);
    }

    #[test]
    fn a_doctor_knows_where_and_how_long_to_listen() {
        let command = |words| parse(words).unwrap().command;
        let doctor = command("receiver doctor --listen 239.255.10.1:9001 --interface lo --for 500ms");
        let Some(Command::Doctor { listen, interface, time }) = doctor else { panic!("{doctor:?}") };
        assert_eq!((listen, interface), ("239.255.10.1:9001".parse().unwrap(), Some("lo".into())));
        assert_eq!(time, Duration::from_millis(500));
        let doctor = command("receiver doctor");
        assert!(matches!(doctor, Some(Command::Doctor { time, .. }) if time == Duration::from_secs(3)));
    }

    #[test]
    fn what_is_measured_is_received_as_ever_and_shown_in_a_window() {
        let command = |words| parse(words).map(|args| (args.check().is_ok(), args.command));
        let measure = command("receiver measure --samples 50 --connect 192.168.1.7 --vsync").unwrap();
        let (true, Some(Command::Measure(args))) = measure else { panic!("{measure:?}") };
        assert_eq!((args.samples, args.receive.connect.len(), args.receive.vsync), (50, 1, true));
        let measure = command("receiver measure door").unwrap();
        let (true, Some(Command::Measure(args))) = measure else { panic!("{measure:?}") };
        assert_eq!((args.samples, &args.receive.name[..]), (200, &["door".to_owned()][..]));
        assert!(!command("receiver measure --output none").unwrap().0);
        assert!(!command("receiver measure --format rtp").unwrap().0);
        assert!(command("receiver measure --samples 0").is_err());
    }

    #[test]
    fn what_goes_back_can_be_turned_off() {
        let args = parse("receiver --resend off --feedback off").unwrap().receive;
        assert!(!args.resend && !args.feedback);
    }

    #[test]
    fn wrong_values_are_refused_with_the_way_out() {
        for (words, way_out) in [
            ("receiver --listen here", "0.0.0.0:9000"),
            ("receiver --listen 0.0.0.0:0", "port 0"),
            ("receiver --output film.mp4", "FILE.mjpeg"),
            ("receiver --deadline soon", "500ms"),
            ("receiver --frames 0", "0"),
            ("receiver --split 10M", "500MB"),
            ("receiver --past-memory much", "256MiB"),
            ("receiver --resend maybe", "on or off"),
            ("receiver --feedback", "on|off"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(way_out), "{words}: {error}");
        }
    }
}
