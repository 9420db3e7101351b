//! Who is measured on bad paths: Chunkcast as it comes, and what GStreamer has to repair a stream of JPEGs.

use std::path::Path;
use std::process::Command;

use crate::lab::Lab;
use crate::pairs::{Format, OURS, Pair, own, words};

/// A pair in the lab, and whose traffic its own is held against.
#[derive(Clone, Debug)]
pub(crate) struct Repairer {
    /// The two programs, each on its host.
    pub(crate) pair: Pair,
    /// The pair that carries the same pictures without repair.
    pub(crate) plain: &'static str,
    /// Whether it is Chunkcast.
    pub(crate) ours: bool,
}

/// Everyone; those without repair first, because the others are held against them.
///
/// Left out: UltraGrid, which Debian does not have. SRT's repair cannot be turned off, so that it is held against the
/// plain RTP that carries the same JPEGs; the headers differ by less than a hundredth.
pub(crate) fn repairers(programs: &Path) -> Vec<Repairer> {
    let mut all = ours(programs);
    let rtp = "rtpjpegpay mtu=1400";
    let gstreamer = |name, tx: String, rx: String| Repairer {
        pair: in_lab(
            name,
            words(&format!("{GSTREAMER_IN} ! {tx}")),
            words(&format!("gst-launch-1.0 -q {rx}")),
        ),
        plain: PLAIN,
        ours: false,
    };
    all.push(gstreamer(
        PLAIN,
        format!("{rtp} ! {}", gstreamer_sink(9000)),
        format!("{} ! rtpjpegdepay ! {GSTREAMER_OUT}", gstreamer_source(9000, JPEG)),
    ));
    all.push(gstreamer(
        "GStreamer ULPFEC 20 %",
        format!("{rtp} ! rtpulpfecenc pt=100 percentage=20 ! {}", gstreamer_sink(9000)),
        // The jitter buffer drops parity if its caps name another payload type, and the repairer needs that name.
        format!(
            "{} ! rtpstorage size-time=220000000 ! rtpssrcdemux ! {JPEG_OR_PARITY} ! rtpjitterbuffer do-lost=true \
             latency=40 ! capssetter caps=application/x-rtp,payload=26 ! rtpulpfecdec pt=100 ! rtpjpegdepay ! \
             {GSTREAMER_OUT}",
            gstreamer_source(9000, JPEG_OR_PARITY)
        ),
    ));
    all.push(gstreamer(
        "GStreamer 2022-1 5x5",
        format!(
            "{rtp} ssrc=0 ! rtpst2022-1-fecenc name=e rows=5 columns=5 enable-row-fec=true enable-column-fec=true \
             e.src ! {} e.fec_0 ! {} e.fec_1 ! {}",
            gstreamer_sink(9000),
            gstreamer_sink(9002),
            gstreamer_sink(9004)
        ),
        format!(
            "rtpst2022-1-fecdec name=d size-time=100000000 ! rtpjitterbuffer latency=100 do-lost=true ! rtpjpegdepay ! \
             {GSTREAMER_OUT} {} ! d.sink {} ! d.fec_0 {} ! d.fec_1",
            gstreamer_source(9000, JPEG),
            gstreamer_source(9002, PARITY),
            gstreamer_source(9004, PARITY)
        ),
    ));
    all.push(gstreamer(
        "GStreamer RIST 30 ms",
        format!("{rtp} ! ristsink address={} port=9000", Lab::RX_ADDRESS),
        format!(
            "ristsrc address={} port=9000 receiver-buffer=30 reorder-section=1 min-rtcp-interval=1 \
             rist_rtp_udpsrc0::buffer-size=4194304 ! rtpjpegdepay ! {GSTREAMER_OUT}",
            Lab::RX_ADDRESS
        ),
    ));
    for (name, latency) in [("GStreamer SRT 80 ms", 80), ("GStreamer SRT 20 ms", 20)] {
        all.push(gstreamer(
            name,
            format!("srtsink uri=srt://{}:9000?mode=caller&latency={latency}", Lab::RX_ADDRESS),
            format!("srtsrc uri=srt://:9000?mode=listener&latency={latency} ! {GSTREAMER_OUT}"),
        ));
    }
    all
}

/// Chunkcast as it comes, and before it the same with all repair off.
fn ours(programs: &Path) -> Vec<Repairer> {
    let pair = |name, off: [&str; 2]| {
        let to = format!("--source - --dest {}:9000 {}", Lab::RX_ADDRESS, off[0]);
        let from = format!("--listen {}:9000 --output - {}", Lab::RX_ADDRESS, off[1]);
        in_lab(name, own(programs, "sender", &to), own(programs, "receiver", &from))
    };
    let off = ["sender", "receiver"].map(|program| repair_off(&programs.join(program)));
    if off.iter().all(String::is_empty) {
        return vec![Repairer { pair: pair(OURS, ["", ""]), plain: OURS, ours: true }];
    }
    vec![
        Repairer { pair: pair(OURS_PLAIN, [&off[0], &off[1]]), plain: OURS_PLAIN, ours: true },
        Repairer { pair: pair(OURS, ["", ""]), plain: OURS_PLAIN, ours: true },
    ]
}

/// The options of `program` that turn repair off; none if it has none.
fn repair_off(program: &Path) -> String {
    let help = Command::new(program).arg("--help").output().map(|done| done.stdout).unwrap_or_default();
    let help = String::from_utf8_lossy(&help);
    let options = ["--fec", "--resend"].into_iter().filter(|option| help.contains(&format!("{option} <")));
    options.map(|option| format!("{option} off ")).collect()
}

fn in_lab(name: &'static str, tx: Vec<String>, rx: Vec<String>) -> Pair {
    let on = |host, command: Vec<String>| Lab::on(host).into_iter().chain(command).collect();
    Pair { name, tx: on(Lab::TX, tx), rx: on(Lab::RX, rx), input: Format::Jpeg, output: Format::Jpeg }
}

fn gstreamer_sink(port: u16) -> String {
    format!("udpsink host={} port={port} sync=false async=false", Lab::RX_ADDRESS)
}

fn gstreamer_source(port: u16, caps: &str) -> String {
    format!("udpsrc port={port} buffer-size=4194304 caps={caps}")
}

/// The name that Chunkcast's rows have with all repair off.
const OURS_PLAIN: &str = "Chunkcast, repair off";
const PLAIN: &str = "GStreamer RTP/JPEG";

// Without do-timestamp every frame has the same RTP time, from which a jitter buffer concludes that all are late.
const GSTREAMER_IN: &str =
    "gst-launch-1.0 -q fdsrc fd=0 do-timestamp=true ! image/jpeg,framerate=30/1 ! jpegparse";
const GSTREAMER_OUT: &str = "fdsink fd=1 sync=false async=false";
const JPEG: &str = "application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26";
const JPEG_OR_PARITY: &str = "application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG";
const PARITY: &str = "application/x-rtp,payload=96";
