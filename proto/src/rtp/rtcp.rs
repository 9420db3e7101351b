//! The RTCP that goes with a stream: sender reports and goodbyes (RFC 3550 section 6).

use super::timeline::timestamp;
use crate::frame::MediaTime;

/// What a sender's report tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderReport<'a> {
    pub(super) ssrc: u32,
    pub(super) now: MediaTime,
    /// Where the stream's timestamps begin.
    pub(super) offset: u32,
    pub(super) packets: u64,
    /// Bytes of payload, without headers and padding.
    pub(super) octets: u64,
    /// The sender's name for all that it sends (RFC 3550 section 6.5.1).
    pub(super) name: &'a str,
}

impl SenderReport<'_> {
    /// Writes a compound packet into `out`, replacing what was there: the report, the name, and at the end a goodbye.
    pub(super) fn emit(&self, is_goodbye: bool, out: &mut Vec<u8>) {
        out.clear();
        begin(SENDER_REPORT, 0, 6, out);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&ntp(self.now).to_be_bytes());
        out.extend_from_slice(&timestamp(self.now, self.offset).to_be_bytes());
        // The counts wrap.
        out.extend_from_slice(&(self.packets as u32).to_be_bytes());
        out.extend_from_slice(&(self.octets as u32).to_be_bytes());

        // One chunk: the source, the item, and from 1 to 4 zeros.
        let name = &self.name.as_bytes()[..self.name.len().min(255)];
        let words = 1 + (2 + name.len()) / 4 + 1;
        begin(DESCRIPTION, 1, words as u16, out);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[CNAME, name.len() as u8]);
        out.extend_from_slice(name);
        out.resize((out.len() + 1).next_multiple_of(4), 0);

        if is_goodbye {
            begin(GOODBYE, 1, 1, out);
            out.extend_from_slice(&self.ssrc.to_be_bytes());
        }
    }
}

/// What RTCP says that came among a stream's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rtcp {
    /// Who says it.
    pub(super) ssrc: u32,
    /// Whether it leaves.
    pub(super) is_goodbye: bool,
}

impl Rtcp {
    /// Whether these bytes are RTCP, which may share the stream's port (RFC 5761 section 4).
    pub(super) fn is_here(bytes: &[u8]) -> bool {
        bytes.len() >= 2 && bytes[0] >> 6 == VERSION && (192..=223).contains(&bytes[1])
    }

    /// Reads a compound packet; `None` if it is damaged.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut read: Option<Self> = None;
        while !bytes.is_empty() {
            let (&[flags, kind, high, low], _) = bytes.split_first_chunk::<4>()?;
            let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
            let (packet, rest) = bytes.split_at_checked(length)?;
            if flags >> 6 != VERSION {
                return None;
            }
            let mut sources =
                packet[4..].chunks_exact(4).map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]));
            let own = read.map_or_else(|| sources.clone().next(), |read| Some(read.ssrc))?;
            // Who leaves is listed.
            let leaves = kind == GOODBYE && sources.by_ref().take(usize::from(flags & 31)).any(|s| s == own);
            read = Some(Self { ssrc: own, is_goodbye: leaves || read.is_some_and(|read| read.is_goodbye) });
            bytes = rest;
        }
        read
    }
}

/// Appends a packet's header: what it is, how many it lists, and how many words follow.
fn begin(kind: u8, count: u8, words: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION << 6 | count, kind]);
    out.extend_from_slice(&words.to_be_bytes());
}

/// Seconds since 1900 and their fraction, 32 bits each.
fn ntp(moment: MediaTime) -> u64 {
    let (seconds, micros) = (moment.as_micros() / 1_000_000, moment.as_micros() % 1_000_000);
    let fraction = (micros << 32) / 1_000_000;
    ((seconds + UNIX_EPOCH) << 32) | fraction
}

const VERSION: u8 = 2;
const SENDER_REPORT: u8 = 200;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CNAME: u8 = 1;
/// The Unix epoch in seconds since 1900.
const UNIX_EPOCH: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, is_goodbye: bool) -> Vec<u8> {
        let mut bytes = vec![7];
        let now = MediaTime::from_micros(1_500_000);
        let report =
            SenderReport { ssrc: 0x0102_0304, now, offset: 5, packets: 1 << 32 | 9, octets: 77, name };
        report.emit(is_goodbye, &mut bytes);
        bytes
    }

    #[test]
    fn a_report_has_the_bytes_of_the_standard() {
        let bytes = report("door", false);
        assert_eq!(bytes[..8], [0x80, 200, 0, 6, 1, 2, 3, 4]);
        assert_eq!(bytes[8..16], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0]);
        assert_eq!(bytes[16..28], [0, 2, 0x0f, 0x5d, 0, 0, 0, 9, 0, 0, 0, 77]);
        assert_eq!(bytes[28..], [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 4, b'd', b'o', b'o', b'r', 0, 0]);
    }

    #[test]
    fn names_of_every_length_leave_whole_words_and_are_read_over() {
        for length in 0..300 {
            for is_goodbye in [false, true] {
                let bytes = report(&"x".repeat(length), is_goodbye);
                assert!(Rtcp::is_here(&bytes));
                assert_eq!(Rtcp::parse(&bytes), Some(Rtcp { ssrc: 0x0102_0304, is_goodbye }), "{length}");
            }
        }
    }

    #[test]
    fn no_damage_does_harm() {
        let bytes = report("door", true);
        for length in 0..bytes.len() {
            assert!(Rtcp::parse(&bytes[..length]).is_none_or(|read| !read.is_goodbye), "{length} bytes");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _either = Rtcp::parse(&flipped);
        }
        assert_eq!(Rtcp::parse(&[0x80, 200, 0, 0]), None);
    }
}
