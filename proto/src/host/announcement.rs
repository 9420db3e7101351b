//! What a sender says of itself by DNS-SD (RFC 6763), so that receivers find it without its address: to and from the
//! strings of a TXT record.

use std::net::SocketAddr;

use thiserror::Error;

use super::printable;
use crate::SessionId;
use crate::wire::MAX_NAME_BYTES;

/// The service type that senders announce (RFC 6763, section 7).
pub const SERVICE: &str = "_chunkcast._udp.local.";

/// The longest name that is announced whole: a label of a domain name (RFC 1035, section 2.3.4).
pub const MAX_LABEL_BYTES: usize = 63;

/// What a sender announces. Where it is, and at which port it can be asked, stands in other records.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// What people call it; at most [`MAX_NAME_BYTES`], without control characters.
    pub name: String,
    /// Width and height of its picture in pixels, once that is known.
    pub size: Option<(u16, u16)>,
    /// Pictures per second, where that is known.
    pub fps: Option<f64>,
    /// Its session.
    pub session: SessionId,
    /// The group that it sends to, if it does.
    pub group: Option<SocketAddr>,
}

/// Why a TXT record is no sender's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AnnouncementError {
    /// It is of another version, or says none.
    #[error("its version is not known")]
    Version,
    /// Its session is missing, 0, or no number.
    #[error("it has no session")]
    Session,
}

impl Announcement {
    /// The strings of the TXT record, as keys and values.
    pub fn to_txt(&self) -> Vec<(&'static str, String)> {
        let mut txt =
            vec![("v", VERSION.into()), ("name", name(&self.name)), ("session", self.session.to_string())];
        txt.extend(self.size.map(|(width, height)| ("size", format!("{width}x{height}"))));
        txt.extend(self.fps.map(|fps| ("fps", format!("{}", (fps * 100.0).round() / 100.0))));
        txt.extend(self.group.map(|group| ("group", group.to_string())));
        txt
    }

    /// Reads the strings of a TXT record, whoever sent it. What is not known is passed over, and so is a size, rate or
    /// group that cannot be.
    ///
    /// # Errors
    /// If it is no sender's of this version.
    pub fn from_txt<'a>(
        strings: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, AnnouncementError> {
        let (mut version, mut session) = (false, None);
        let mut read =
            Self { name: String::new(), size: None, fps: None, session: SessionId::new(0), group: None };
        for (key, value) in strings.into_iter().take(MOST_STRINGS) {
            let text = String::from_utf8_lossy(value);
            match &*key.to_ascii_lowercase() {
                "v" => version = text == VERSION,
                "name" => read.name = name(&text),
                "size" => read.size = size(&text),
                "fps" => read.fps = text.parse().ok().filter(|fps| RATES.contains(fps)),
                "session" => session = u64::from_str_radix(&text, 16).ok().filter(|number| *number != 0),
                "group" => read.group = text.parse().ok().filter(|at: &SocketAddr| at.ip().is_multicast()),
                _ => {}
            }
        }
        if !version {
            return Err(AnnouncementError::Version);
        }
        read.session = SessionId::new(session.ok_or(AnnouncementError::Session)?);
        Ok(read)
    }

    /// The name of the service instance, if nobody else has it (RFC 6763, section 4.1.1).
    pub fn instance(&self) -> String {
        let name = name(&self.name);
        let name = if name.is_empty() { "chunkcast" } else { &name };
        cut(name, MAX_LABEL_BYTES).to_owned()
    }
}

/// A name as people may see it: without what would move their cursor, and not longer than a hello's.
fn name(text: &str) -> String {
    cut(&printable(text), MAX_NAME_BYTES).to_owned()
}

/// As much of the text as has so many bytes, to a character's boundary.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn size(text: &str) -> Option<(u16, u16)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| *side > 0);
    Some((side(width)?, side(height)?))
}

const VERSION: &str = "1";
/// Of a record with more, the rest is not looked at.
const MOST_STRINGS: usize = 32;
/// Those that a sender can be set to.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            name: "bench 3 – left".into(),
            size: Some((1280, 720)),
            fps: Some(29.97),
            session: SessionId::new(0xabc),
            group: Some("239.255.10.1:9000".parse().unwrap()),
        }
    }

    fn read(strings: &[(&str, &[u8])]) -> Result<Announcement, AnnouncementError> {
        Announcement::from_txt(strings.iter().copied())
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let unknown = Announcement { size: None, fps: None, group: None, ..announcement() };
        for meant in [announcement(), unknown] {
            let txt = meant.to_txt();
            let strings = txt.iter().map(|(key, value)| (*key, value.as_bytes()));
            assert_eq!(Announcement::from_txt(strings), Ok(meant));
            assert!(txt.iter().all(|(key, value)| key.len() + value.len() < 255));
        }
    }

    #[test]
    fn what_comes_from_the_network_is_checked() {
        let v = ("v", &b"1"[..]);
        let session = ("session", &b"0000000000000abc"[..]);
        assert_eq!(read(&[]), Err(AnnouncementError::Version));
        assert_eq!(read(&[("v", b"2"), session]), Err(AnnouncementError::Version));
        for wrong in [&b""[..], b"0", b"xyz", b"10000000000000000"] {
            assert_eq!(read(&[v, ("session", wrong)]), Err(AnnouncementError::Session));
        }
        for (key, wrong) in [
            ("size", &b"0x5"[..]),
            ("size", b"70000x5"),
            ("size", b"12"),
            ("fps", b"NaN"),
            ("fps", b"-1"),
            ("fps", b"1e9"),
            ("group", b"10.0.0.1:9000"),
            ("group", b"239.255.10.1"),
            ("other", b"\xff"),
        ] {
            let found = read(&[v, session, (key, wrong)]).unwrap();
            assert_eq!((found.size, found.fps, found.group), (None, None, None), "{key}");
        }
        let found = read(&[v, session, ("NAME", b"a\x1b[2Jb\xff\n")]).unwrap();
        assert_eq!(found.name, "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }

    #[test]
    fn names_are_cut_to_what_a_label_holds() {
        let long = Announcement { name: "ä".repeat(200), ..announcement() };
        assert_eq!(long.to_txt()[1].1.len(), 64);
        assert_eq!(long.instance().len(), 62);
        assert_eq!(Announcement { name: String::new(), ..announcement() }.instance(), "chunkcast");
        assert_eq!(announcement().instance(), "bench 3 – left");
    }
}
