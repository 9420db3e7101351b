//! Who is measured: Chunkcast and its peers, each with the settings that serve it best.

use std::net::UdpSocket;
use std::path::Path;

use anyhow::Context;

use crate::lab::Lab;

/// A transmitter that reads its standard input, and a viewer that writes its standard output or draws.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// For people.
    pub(crate) name: &'static str,
    /// The transmitter's command line.
    pub(crate) tx: Vec<String>,
    /// The viewer's command line.
    pub(crate) rx: Vec<String>,
    /// What goes in.
    pub(crate) input: Format,
    /// What comes out.
    pub(crate) output: Format,
}

/// What a pipe carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    /// JPEG after JPEG.
    Jpeg,
    /// JPEGs as parts of a MIME multipart stream: each one's length is known before it comes.
    Parts,
    /// Pictures of I420 with nothing between them.
    I420,
    /// Y4M.
    Y4m,
    /// None: the viewer draws.
    Screen,
}

/// Where the two programs of a pair run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Location {
    /// On this computer.
    Loopback,
    /// On two hosts of a [`Lab`].
    Hosts,
}

impl Location {
    fn address(self) -> &'static str {
        if self == Self::Hosts { Lab::RX_ADDRESS } else { "127.0.0.1" }
    }

    /// Loopback carries a frame at once; elsewhere the pace is learned, as users have it.
    fn pace(self) -> &'static str {
        if self == Self::Hosts { "" } else { "--pace off" }
    }

    fn start(self, pair: Pair) -> Pair {
        let on = |host, command: Vec<String>| Lab::on(host).into_iter().chain(command).collect();
        match self {
            Self::Loopback => pair,
            Self::Hosts => Pair { tx: on(Lab::TX, pair.tx), rx: on(Lab::RX, pair.rx), ..pair },
        }
    }
}

/// The name that Chunkcast's own rows have.
pub(crate) const OURS: &str = "Chunkcast";

/// JPEG in, JPEG out.
pub(crate) fn transport(programs: &Path, folder: &Path) -> anyhow::Result<Vec<Pair>> {
    let (ours, ffmpeg, gstreamer) = (port()?, port()?, port()?);
    Ok(vec![
        Pair {
            name: OURS,
            tx: sender(programs, Location::Loopback, ours, ""),
            rx: receiver(programs, Location::Loopback, ours, "--output -"),
            input: Format::Jpeg,
            output: Format::Jpeg,
        },
        Pair {
            name: "FFmpeg RTP/JPEG",
            tx: words(&format!(
                "ffmpeg -hide_banner -loglevel error -fflags nobuffer -analyzeduration 0 -probesize 200000 -f mpjpeg \
                 -i pipe:0 -c copy -f rtp -flush_packets 1 rtp://127.0.0.1:{ffmpeg}?pkt_size=1400"
            )),
            rx: ffmpeg_viewer(folder, ffmpeg)?,
            input: Format::Parts,
            output: Format::Jpeg,
        },
        Pair {
            name: "GStreamer RTP/JPEG",
            tx: words(&format!(
                "gst-launch-1.0 -q fdsrc fd=0 ! image/jpeg,framerate=30/1 ! jpegparse ! rtpjpegpay mtu=1400 ! \
                 udpsink host=127.0.0.1 port={gstreamer} sync=false async=false"
            )),
            rx: words(&format!("{} ! fdsink fd=1 sync=false async=false", gstreamer_source(gstreamer))),
            input: Format::Jpeg,
            output: Format::Jpeg,
        },
    ])
}

/// Raw picture in, raw picture out.
pub(crate) fn raw(
    programs: &Path,
    width: usize,
    height: usize,
    location: Location,
) -> anyhow::Result<Vec<Pair>> {
    let (ours, mixed, gstreamer) = (port()?, port()?, port()?);
    let address = location.address();
    let decode =
        |port| words(&format!("{} ! jpegdec ! fdsink fd=1 sync=false async=false", gstreamer_source(port)));
    let pairs = vec![
        Pair {
            name: OURS,
            tx: sender(programs, location, ours, "--quality 80"),
            rx: receiver(programs, location, ours, "--output y4m:-"),
            input: Format::Y4m,
            output: Format::Y4m,
        },
        Pair {
            name: "FFmpeg to GStreamer",
            tx: words(&format!(
                "ffmpeg -hide_banner -loglevel error -fflags nobuffer -analyzeduration 0 -probesize 32 -f rawvideo \
                 -pix_fmt yuvj420p -s {width}x{height} -r 30 -i pipe:0 -threads 1 -c:v mjpeg -huffman default -q:v 3 \
                 -f rtp -flush_packets 1 rtp://{address}:{mixed}?pkt_size=1400"
            )),
            rx: decode(mixed),
            input: Format::I420,
            output: Format::I420,
        },
        Pair {
            name: "GStreamer",
            tx: gstreamer_encoder(location, gstreamer, width, height),
            rx: decode(gstreamer),
            input: Format::I420,
            output: Format::I420,
        },
    ];
    Ok(pairs.into_iter().map(|pair| location.start(pair)).collect())
}

/// Raw picture in, pixels on a screen.
pub(crate) fn glass(programs: &Path, width: usize, height: usize) -> anyhow::Result<Vec<Pair>> {
    let (ours, gstreamer) = (port()?, port()?);
    Ok(vec![
        Pair {
            name: OURS,
            tx: sender(programs, Location::Loopback, ours, "--quality 80"),
            rx: receiver(programs, Location::Loopback, ours, "--output window"),
            input: Format::Y4m,
            output: Format::Screen,
        },
        Pair {
            name: "GStreamer ximagesink",
            tx: gstreamer_encoder(Location::Loopback, gstreamer, width, height),
            rx: words(&format!(
                "{} ! jpegdec ! videoconvert ! ximagesink sync=false",
                gstreamer_source(gstreamer)
            )),
            input: Format::I420,
            output: Format::Screen,
        },
    ])
}

/// JPEG in at one end, nothing but counting at the other.
pub(crate) fn headless(programs: &Path) -> anyhow::Result<Pair> {
    let port = port()?;
    Ok(Pair {
        name: OURS,
        tx: sender(programs, Location::Loopback, port, ""),
        rx: receiver(programs, Location::Loopback, port, "--output none"),
        input: Format::Jpeg,
        output: Format::Screen,
    })
}

fn sender(programs: &Path, location: Location, port: u16, more: &str) -> Vec<String> {
    let (address, pace) = (location.address(), location.pace());
    own(programs, "sender", &format!("--source - --dest {address}:{port} {pace} {more}"))
}

fn receiver(programs: &Path, location: Location, port: u16, more: &str) -> Vec<String> {
    own(programs, "receiver", &format!("--listen {}:{port} {more}", location.address()))
}

/// The command line of Chunkcast's program `name`.
pub(crate) fn own(programs: &Path, name: &str, arguments: &str) -> Vec<String> {
    let mut command = vec![programs.join(name).to_string_lossy().into_owned()];
    command.extend(words(arguments));
    command
}

fn ffmpeg_viewer(folder: &Path, port: u16) -> anyhow::Result<Vec<String>> {
    let sdp = folder.join("jpeg.sdp");
    let session =
        format!("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 26\n");
    std::fs::write(&sdp, session).with_context(|| format!("cannot write {}", sdp.display()))?;
    Ok(words(&format!(
        "ffmpeg -hide_banner -loglevel error -protocol_whitelist file,rtp,udp -fflags nobuffer -flags low_delay \
         -reorder_queue_size 0 -max_delay 0 -buffer_size 4194304 -i {} -c copy -f mjpeg -flush_packets 1 pipe:1",
        sdp.display()
    )))
}

fn gstreamer_encoder(location: Location, port: u16, width: usize, height: usize) -> Vec<String> {
    let address = location.address();
    words(&format!(
        "gst-launch-1.0 -q fdsrc fd=0 blocksize=1048576 ! rawvideoparse format=i420 width={width} height={height} \
         framerate=30/1 ! jpegenc quality=80 ! rtpjpegpay mtu=1400 ! udpsink host={address} port={port} sync=false \
         async=false"
    ))
}

fn gstreamer_source(port: u16) -> String {
    format!(
        "gst-launch-1.0 -q udpsrc port={port} buffer-size=4194304 \
         caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26 ! rtpjpegdepay"
    )
}

/// A command line in which nothing is quoted.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

/// A free port whose neighbour, where RTP puts its control protocol, is free too.
fn port() -> anyhow::Result<u16> {
    loop {
        let one = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port() & !1;
        if UdpSocket::bind(("127.0.0.1", one)).is_ok() && UdpSocket::bind(("127.0.0.1", one + 1)).is_ok() {
            return Ok(one);
        }
    }
}
