//! What a sender announces by DNS-SD (RFC 6763), so that receivers find it without its address: to and from the strings
//! of a TXT record.

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;
use thiserror::Error;

use crate::names::printable;
use crate::seq::SessionId;
use crate::wire::{KeyId, MAX_NAME_BYTES};

/// The service type that senders announce (RFC 6763, section 7).
pub const SERVICE: &str = "_chunkcast._udp.local.";

/// What tells a sender that was restarted from before: a digest of its session. The session itself is all that is
/// needed to speak for its sender, and is not for everybody on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// Of a sender that has this session.
    pub fn of(session: SessionId) -> Self {
        // Any key will do that all have: a session is drawn from so many that none can be tried out.
        let mut hasher = SipHasher24::new_with_key(b"chunkcast mark 1");
        hasher.write(&session.get().to_be_bytes());
        Self(hasher.finish().max(1))
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

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
    /// Which of its sessions this is; with senders of before, that session's own number.
    pub mark: Mark,
    /// The group that it sends to, if it does.
    pub group: Option<SocketAddr>,
    /// The key that it is locked with, if it is.
    pub key: Option<KeyId>,
}

/// Why a TXT record is no sender's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AnnouncementError {
    /// It is of another version, or says none.
    #[error("its version is not known")]
    Version,
    /// What tells its sessions apart is missing, 0, or no number.
    #[error("it has no session")]
    Session,
}

impl Announcement {
    /// The strings of the TXT record, as keys and values.
    pub fn to_txt(&self) -> Vec<(&'static str, String)> {
        let mut txt =
            vec![("v", VERSION.into()), ("name", name(&self.name)), ("session", self.mark.to_string())];
        txt.extend(self.size.map(|(width, height)| ("size", format!("{width}x{height}"))));
        txt.extend(self.fps.map(|fps| ("fps", format!("{}", (fps * 100.0).round() / 100.0))));
        txt.extend(self.group.map(|group| ("group", group.to_string())));
        txt.extend(self.key.map(|key| ("key", key.to_string())));
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
            Self { name: String::new(), size: None, fps: None, mark: Mark(0), group: None, key: None };
        for (key, value) in strings.into_iter().take(MOST_STRINGS) {
            let text = String::from_utf8_lossy(value);
            match &*key.to_ascii_lowercase() {
                "v" => version = text == VERSION,
                "name" => read.name = name(&text),
                "size" => read.size = size(&text),
                "fps" => read.fps = text.parse().ok().filter(|fps| RATES.contains(fps)),
                "session" => session = u64::from_str_radix(&text, 16).ok().filter(|number| *number != 0),
                "key" => read.key = KeyId::parse(&text),
                "group" => read.group = text.parse().ok().filter(|at| may_be_joined(*at)),
                _ => {}
            }
        }
        if !version {
            return Err(AnnouncementError::Version);
        }
        read.mark = Mark(session.ok_or(AnnouncementError::Session)?);
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

/// Whether a group may be joined because somebody says so: of those that are for local use, and no other program's (RFC
/// 2365; RFC 4291, section 2.7). Any other has to be typed.
fn may_be_joined(group: SocketAddr) -> bool {
    let is_ours = match group.ip() {
        IpAddr::V4(v4) => v4.octets()[0] == 239,
        IpAddr::V6(v6) => v6.octets()[0] == 0xff && v6.octets()[1] >> 4 == 1,
    };
    is_ours && group.port() != 0
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
            mark: Mark(0xabc),
            group: Some("239.255.10.1:9000".parse().unwrap()),
            key: None,
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
            ("group", b"239.255.10.1:0"),
            ("group", b"224.0.0.251:5353"),
            ("group", b"232.1.1.1:9000"),
            ("group", b"[ff02::fb]:5353"),
            ("group", b"[ff05::1]:9000"),
            ("other", b"\xff"),
        ] {
            let found = read(&[v, session, (key, wrong)]).unwrap();
            assert_eq!((found.size, found.fps, found.group), (None, None, None), "{key}");
        }
        let found = read(&[v, session, ("NAME", b"a\x1b[2Jb\xff\n")]).unwrap();
        assert_eq!(found.name, "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_session_is_not_told_but_whether_it_is_another_one() {
        let mark = |session| Mark::of(SessionId::new(session));
        assert_eq!(mark(0xabc).to_string(), "8937a4aa9f3f9860");
        assert_ne!(mark(0xabc), mark(0xabd));
        let group = read(&[("v", b"1"), ("session", b"1"), ("group", b"[ff15::7]:9000")]).unwrap().group;
        assert_eq!(group, Some("[ff15::7]:9000".parse().unwrap()));
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
