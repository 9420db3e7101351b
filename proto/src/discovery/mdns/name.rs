//! DNS names: sequences of labels.

use std::fmt;

use super::reader::Reader;

/// A name as it travels: labels, each behind its length, and an empty one. Small and large letters are the same.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; MOST_BYTES],
    length: u8,
}

impl Name {
    /// A name of these labels; `None` if one is empty or too long, or all are.
    pub fn of<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut name = Self::empty();
        labels.into_iter().try_for_each(|label| name.push(label))?;
        Some(name)
    }

    /// A name as it is written with dots, such as `server.local`, with or without one at the end.
    pub fn dotted(text: &str) -> Option<Self> {
        Self::of(text.strip_suffix('.').unwrap_or(text).split('.').map(str::as_bytes))
    }

    /// The same with a label in front.
    pub fn under(&self, label: &[u8]) -> Option<Self> {
        Self::of(std::iter::once(label).chain(self.labels()))
    }

    /// Its labels.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..usize::from(self.length)];
        std::iter::from_fn(move || {
            let (&length, behind) = rest.split_first()?;
            let (label, behind) = behind.split_at(usize::from(length));
            rest = behind;
            Some(label)
        })
    }

    /// Its first label, if the others are `parent`'s.
    pub fn first_of(&self, parent: &Self) -> Option<&[u8]> {
        let first = self.labels().next()?;
        let rest = &self.bytes[1 + first.len()..usize::from(self.length)];
        rest.eq_ignore_ascii_case(parent.bytes()).then_some(first)
    }

    /// As it travels, without the empty label at the end.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Reads one, following its pointers: only backwards, and not for long.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut name = Self::empty();
        let mut at = reader.clone();
        let mut jumps = 0;
        loop {
            let length = at.byte()?;
            match length >> 6 {
                0 if length == 0 => break,
                0 => name.push(at.take(length.into())?)?,
                3 => {
                    let to = usize::from(length & 0x3f) << 8 | usize::from(at.byte()?);
                    if jumps == 0 {
                        *reader = at.clone();
                    }
                    jumps += 1;
                    // A pointer leads to what stands before it (RFC 1035, section 4.1.4).
                    if jumps > MOST_JUMPS || to + 2 >= at.position() {
                        return None;
                    }
                    at = at.at(to);
                }
                _ => return None,
            }
        }
        if jumps == 0 {
            *reader = at;
        }
        Some(name)
    }

    fn empty() -> Self {
        Self { bytes: [0; MOST_BYTES], length: 0 }
    }

    fn push(&mut self, label: &[u8]) -> Option<()> {
        let (from, to) = (usize::from(self.length), usize::from(self.length) + 1 + label.len());
        // The empty label at the end has a byte too.
        if label.is_empty() || label.len() > MOST_IN_A_LABEL || to >= MOST_BYTES {
            return None;
        }
        self.bytes[from] = label.len() as u8;
        self.bytes[from + 1..to].copy_from_slice(label);
        self.length = to as u8;
        Some(())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // No length of a label is a letter.
        self.bytes().eq_ignore_ascii_case(other.bytes())
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.labels().try_for_each(|label| write!(f, "{}.", label.escape_ascii()))
    }
}

/// Of a name and of a label (RFC 1035, section 2.3.4).
const MOST_BYTES: usize = 255;
const MOST_IN_A_LABEL: usize = 63;
/// Nobody who writes names for others to read has more.
const MOST_JUMPS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], from: usize) -> Option<(Name, usize)> {
        let mut reader = Reader::new(bytes).at(from);
        let name = Name::read(&mut reader)?;
        Some((name, reader.position()))
    }

    #[test]
    fn names_are_read_with_their_pointers_and_are_the_same_in_capitals() {
        let bytes = b"\x05local\0\x04door\xc0\x00\xc0\x07";
        let server = Name::dotted("DOOR.local.").unwrap();
        assert_eq!(read(bytes, 7), Some((server, 14)));
        assert_eq!(read(bytes, 14), Some((server, 16)));
        assert_eq!(server.first_of(&Name::dotted("Local").unwrap()), Some(&b"DOOR"[..]));
        assert_eq!(server.first_of(&server), None);
    }

    #[test]
    fn names_without_an_end_are_none() {
        for bytes in [
            &b"\xc0\x00"[..],
            b"\x01a\xc0\x02",
            b"\x01a\xc0\x00",
            b"\x05loc",
            b"\x80a",
            b"\xc0",
            b"\x01a",
            b"",
        ] {
            assert_eq!(read(bytes, 0), None, "{bytes:?}");
        }
        let long = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(4);
        assert_eq!(read(&[&long[..], b"\0"].concat(), 0), None);
        // Pointers to pointers to pointers.
        let mut chain = b"\x01a\0".to_vec();
        for at in 0..40u8 {
            chain.extend([0xc0, if at == 0 { 0 } else { 1 + 2 * at }]);
        }
        assert!(read(&chain, 3).is_some() && read(&chain, chain.len() - 2).is_none());
    }
}
