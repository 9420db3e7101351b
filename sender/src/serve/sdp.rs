//! Session descriptions of an RTP/JPEG stream, for players (SDP, RFC 8866).

use std::fmt;
use std::io::{self, Write, stdout};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proto::SessionId;
use proto::rtp::{self, CLOCK_RATE, PAYLOAD_TYPE};
use proto::sys::{OpenedPath, is_pipe, open_target, replace_whole};

use crate::net::Route;

/// Describes a stream, in a file, as soon as its size is known.
#[derive(Debug)]
pub(crate) struct SdpAnnouncement {
    /// Where to; - is standard output.
    path: PathBuf,
    description: Description,
    is_written: bool,
}

/// How a stream is to be described whose destination is not known yet.
#[derive(Clone, Debug)]
pub(crate) struct Sdp {
    /// The file to describe it in; - is standard output.
    pub path: PathBuf,
    /// How many routers a group's packets may pass.
    pub ttl: u8,
    /// What people call it.
    pub name: String,
    /// Frames per second, where that is known.
    pub rate: Option<f64>,
}

impl Sdp {
    /// For what goes this way.
    pub(crate) fn of(self, route: &Route, session: SessionId) -> SdpAnnouncement {
        let Self { path, ttl, name, rate } = self;
        SdpAnnouncement::new(path, Description::new(route, session, ttl, name, rate))
    }
}

/// One RTP/JPEG stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    /// A number for this run of this sender.
    pub session: u64,
    /// An address of this computer.
    pub origin: IpAddr,
    /// Where the stream goes.
    pub to: SocketAddr,
    /// How many routers a group's packets may pass.
    pub ttl: u8,
    /// What people call it.
    pub name: String,
    /// Frames per second, where that is known.
    pub rate: Option<f64>,
    /// Width and height in pixels.
    pub size: (u16, u16),
}

impl SdpAnnouncement {
    /// Of this stream, whose size is not known yet.
    pub(crate) fn new(path: PathBuf, description: Description) -> Self {
        Self { path, description, is_written: false }
    }

    /// Sees a frame of the stream; the first that can be sent tells the size.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn see(&mut self, jpeg: &[u8]) -> Result<()> {
        if !self.is_written
            && let Ok(size) = rtp::check(jpeg)
        {
            self.description.size = size;
            self.is_written = write(&self.path, &self.description.to_string())
                .with_context(|| format!("cannot write --sdp {}", self.path.display()))?;
        }
        Ok(())
    }
}

impl Description {
    /// Of a stream that goes this way, and whose size is not known yet.
    pub(crate) fn new(route: &Route, session: SessionId, ttl: u8, name: String, rate: Option<f64>) -> Self {
        let (origin, to) = (route.origin(), route.to());
        Self { session: session.get(), origin, to, ttl, name, rate, size: (0, 0) }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, origin, to, ttl, name, rate, size: (width, height) } = self;
        let family = |address: IpAddr| if address.is_ipv4() { "IP4" } else { "IP6" };
        // Nothing in a line may end it.
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        let name = if name.is_empty() { "-" } else { &name };
        write!(f, "v=0\r\no=- {session} 1 IN {} {origin}\r\ns={name}\r\n", family(*origin))?;
        write!(f, "c=IN {} {}", family(to.ip()), to.ip())?;
        // IPv6 has no such field: there the scope is in the address.
        if to.ip().is_multicast() && to.is_ipv4() {
            write!(f, "/{ttl}")?;
        }
        write!(f, "\r\nt=0 0\r\nm=video {} RTP/AVP {PAYLOAD_TYPE}\r\n", to.port())?;
        write!(f, "a=rtpmap:{PAYLOAD_TYPE} JPEG/{CLOCK_RATE}\r\n")?;
        if let Some(rate) = rate {
            write!(f, "a=framerate:{}\r\n", (rate * 1000.0).round() / 1000.0)?;
        }
        // What GStreamer and Axis's cameras say (the one), and what some set-top boxes read (the other).
        write!(f, "a=x-dimensions:{width},{height}\r\na=framesize:{PAYLOAD_TYPE} {width}-{height}\r\n")
    }
}

/// Writes the whole file or none: a player may be waiting for it. Says whether it is written: a named pipe that nobody
/// reads yet is not.
fn write(path: &Path, text: &str) -> io::Result<bool> {
    if path.as_os_str() == "-" {
        stdout().lock().write_all(text.as_bytes())?;
        stdout().flush()?;
    } else if is_pipe(path) {
        match open_target(path, FOR_ALL)? {
            // An empty pipe has room for it.
            OpenedPath::File(mut file) | OpenedPath::Pipe(mut file) => file.write_all(text.as_bytes())?,
            OpenedPath::Unread => return Ok(false),
        }
    } else {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".part");
        replace_whole(path, Path::new(&partial), FOR_ALL, text.as_bytes())?;
    }
    Ok(true)
}

/// Players of other users read it too.
const FOR_ALL: u32 = 0o666;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn description(to: &str, origin: &str) -> Description {
        Description {
            session: 7,
            origin: origin.parse().unwrap(),
            to: to.parse().unwrap(),
            ttl: 3,
            name: "door\r\n1".into(),
            rate: Some(29.970_03),
            size: (1920, 1080),
        }
    }

    #[test]
    fn a_group_is_described_with_its_reach() {
        let text = description("239.255.10.1:9000", "192.168.1.5").to_string();
        let lines = [
            "v=0",
            "o=- 7 1 IN IP4 192.168.1.5",
            "s=door1",
            "c=IN IP4 239.255.10.1/3",
            "t=0 0",
            "m=video 9000 RTP/AVP 26",
            "a=rtpmap:26 JPEG/90000",
            "a=framerate:29.97",
            "a=x-dimensions:1920,1080",
            "a=framesize:26 1920-1080",
            "",
        ];
        assert_eq!(text, lines.join("\r\n"));
    }

    #[test]
    fn one_receiver_has_no_reach_and_neither_has_ipv6() {
        let text = description("192.168.1.20:9000", "192.168.1.5").to_string();
        assert!(text.contains("\r\nc=IN IP4 192.168.1.20\r\n"), "{text}");
        let text = description("[ff15::1]:9000", "fd00::5").to_string();
        assert!(text.contains(" IN IP6 fd00::5\r\n") && text.contains("\r\nc=IN IP6 ff15::1\r\n"), "{text}");
    }

    #[test]
    fn it_is_written_once_and_whole_when_a_frame_tells_the_size() {
        let folder = std::env::temp_dir().join(format!("chunkcast-sdp-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x.sdp");
        let mut announcement = SdpAnnouncement::new(path.clone(), description("127.0.0.1:9000", "127.0.0.1"));
        announcement.see(b"no JPEG").unwrap();
        assert!(!path.exists());
        let pixels = [100; 64 * 48 * 3];
        let format = turbojpeg::PixelFormat::RGB;
        let image = turbojpeg::Image { pixels: &pixels[..], width: 64, pitch: 64 * 3, height: 48, format };
        let jpeg = turbojpeg::compress(image, 80, turbojpeg::Subsamp::Sub2x2).unwrap();
        announcement.see(&jpeg).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("a=x-dimensions:64,48\r\na=framesize:26 64-48\r\n"), "{text}");
        fs::remove_file(&path).unwrap();
        announcement.see(&jpeg).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "once, and no part is left");
        let pipe = folder.join("pipe");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, 0o600.into(), 0).unwrap();
        let mut announcement = SdpAnnouncement::new(pipe.clone(), description("127.0.0.1:9000", "127.0.0.1"));
        announcement.see(&jpeg).unwrap();
        let reading = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        while !announcement.is_written {
            announcement.see(&jpeg).unwrap();
            std::thread::yield_now();
        }
        assert!(reading.join().unwrap().starts_with("v=0\r\n"), "to who reads the pipe later");
        let nowhere = folder.join("no/such/x.sdp");
        let mut announcement = SdpAnnouncement::new(nowhere, description("127.0.0.1:9000", "127.0.0.1"));
        assert!(announcement.see(&jpeg).unwrap_err().to_string().contains("--sdp"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
