//! Reads DNS messages (RFC 1035, section 4) from anybody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::kind;
use super::name::Name;
use super::reader::Reader;

/// A message: questions, answers, or both.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Whether it answers, or announces.
    pub is_response: bool,
    counts: [u16; 4],
    reader: Reader<'a>,
}

/// A part of a message.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "names are kept where they are, so that nothing is allocated for a message"
)]
pub enum Item<'a> {
    /// What is asked.
    Question(Question),
    /// What is said.
    Record(Record<'a>),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Of this name.
    pub name: Name,
    /// For this kind of record.
    pub kind: u16,
}

/// What is said of a name.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Where it stands.
    pub section: Section,
    /// Of whom it is said.
    pub name: Name,
    /// For how many seconds it holds; 0: it holds no more.
    pub ttl: u32,
    /// What is said.
    pub data: Data<'a>,
}

/// The parts of a message that have records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Answers; in a query what is known already.
    Answer,
    /// In a query what its sender wants to be.
    Authority,
    /// What may be of use besides.
    Additional,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// There is this name.
    Pointer(Name),
    /// It is at this port of this host.
    Service(u16, Name),
    /// Its strings, each behind its length.
    Text(&'a [u8]),
    /// Its address.
    Address(IpAddr),
    /// Something that is not needed here.
    Other,
}

impl<'a> Message<'a> {
    /// Reads its head; `None` if it is none, or is a question or an answer of another kind.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let _id = reader.u16()?;
        let flags = reader.u16()?;
        let mut counts = [0; 4];
        for count in &mut counts {
            *count = reader.u16()?;
        }
        // Other operations and errors are ignored (RFC 6762, sections 18.3 and 18.11).
        let is_usual = flags & 0x780f == 0;
        is_usual.then_some(Self { is_response: flags & 0x8000 != 0, counts, reader })
    }

    /// Its parts in their order, up to the first that cannot be read.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> {
        let Self { mut counts, mut reader, .. } = self.clone();
        let (mut spelled, mut left) = (0, MOST_ITEMS);
        std::iter::from_fn(move || {
            let at = counts.iter().position(|count| *count > 0)?;
            left -= 1;
            counts[at] -= 1;
            let item = match at {
                0 => Item::Question(question(&mut reader)?),
                1 => Item::Record(record(&mut reader, Section::Answer)?),
                2 => Item::Record(record(&mut reader, Section::Authority)?),
                _ => Item::Record(record(&mut reader, Section::Additional)?),
            };
            // Pointers may have a short message spell a very long one.
            spelled += item.name().bytes().len();
            (spelled <= MOST_SPELLED && left > 0).then_some(item)
        })
    }
}

impl Item<'_> {
    /// Whom it is about.
    fn name(&self) -> &Name {
        match self {
            Self::Question(question) => &question.name,
            Self::Record(record) => &record.name,
        }
    }
}

/// The strings of a text, as keys and values (RFC 6763, section 6). One without a value has an empty one, and one whose
/// key is no text is left out.
pub fn strings(text: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut rest = text;
    let strings = std::iter::from_fn(move || {
        let (&length, behind) = rest.split_first()?;
        let (string, behind) = behind.split_at_checked(length.into())?;
        rest = behind;
        Some(string)
    });
    strings.filter_map(|string| {
        let end = string.iter().position(|&byte| byte == b'=').unwrap_or(string.len());
        let key = std::str::from_utf8(&string[..end]).ok()?;
        Some((key, string.get(end + 1..).unwrap_or_default()))
    })
}

fn question(reader: &mut Reader<'_>) -> Option<Question> {
    let name = Name::read(reader)?;
    let (kind, _class) = (reader.u16()?, reader.u16()?);
    Some(Question { name, kind })
}

fn record<'a>(reader: &mut Reader<'a>, section: Section) -> Option<Record<'a>> {
    let name = Name::read(reader)?;
    let (kind, class, ttl, length) = (reader.u16()?, reader.u16()?, reader.u32()?, reader.u16()?);
    let mut inside = reader.clone();
    let data = reader.take(length.into())?;
    let end = reader.position();
    let is_internet = class & 0x7fff == 1;
    let data = match kind {
        _ if !is_internet => Data::Other,
        kind::PTR => Data::Pointer(Name::read(&mut inside).filter(|_| inside.position() == end)?),
        kind::SRV => {
            let (_priority, _weight, port) = (inside.u16()?, inside.u16()?, inside.u16()?);
            Data::Service(port, Name::read(&mut inside).filter(|_| inside.position() == end)?)
        }
        kind::TXT => Data::Text(data),
        kind::A => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
        kind::AAAA => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        _ => Data::Other,
    };
    Some(Record { section, name, ttl, data })
}

/// What is looked at of one message: ten times what one of ours has.
const MOST_ITEMS: usize = 128;
/// Bytes of names in one message, all of them spelled out.
const MOST_SPELLED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::super::writing::Writer;
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let (service, host) = (Name::dotted("_x._udp.local").unwrap(), Name::dotted("h.local").unwrap());
        let server = service.under("door – left".as_bytes()).unwrap();
        let mut writer = Writer::response();
        writer.pointer(Section::Answer, &service, 4500, &server);
        writer.service(Section::Answer, &server, 120, 9001, &host);
        writer.text(Section::Answer, &server, 120, b"\x03v=1\x04name\x05a=b=c");
        for address in ["10.0.0.1", "fd00::1"] {
            writer.address(Section::Additional, &host, 0, address.parse().unwrap());
        }
        let bytes = writer.finish();
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_response);
        let records: Vec<Record<'_>> = message
            .items()
            .map(|item| match item {
                Item::Record(record) => record,
                Item::Question(_) => panic!("{item:?}"),
            })
            .collect();
        assert_eq!(records[0].data, Data::Pointer(server));
        assert_eq!((records[1].name, &records[1].data), (server, &Data::Service(9001, host)));
        let Data::Text(text) = records[2].data else { panic!("{records:?}") };
        let all: Vec<_> = strings(text).collect();
        assert_eq!(all, [("v", &b"1"[..]), ("name", b""), ("a", b"b=c")]);
        assert_eq!(records[3].data, Data::Address("10.0.0.1".parse().unwrap()));
        assert_eq!((records[4].section, records[4].ttl), (Section::Additional, 0));
        assert_eq!(records.len(), 5);
        // Cut anywhere, it has fewer, and each is one of those.
        for length in 0..bytes.len() {
            let fewer = Message::parse(&bytes[..length]).map_or(0, |message| message.items().count());
            assert!(fewer < 5, "{length}");
        }
    }

    #[test]
    fn what_is_no_usual_message_is_none() {
        let usual = Writer::response().finish();
        assert!(Message::parse(&usual).is_some());
        for (at, bits) in [(2, 0x08), (3, 0x03)] {
            let mut other = usual.clone();
            other[at] |= bits;
            assert!(Message::parse(&other).is_none());
        }
    }

    #[test]
    fn what_pointers_spell_out_is_bounded() {
        // A long name, and thousands of pointers to it.
        let mut bytes = vec![0, 0, 0x84, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
        bytes.extend([b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(3));
        bytes.extend([0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0]);
        for _ in 0..10_000 {
            bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0]);
        }
        // The first cannot be read: an address has four bytes.
        bytes[12 + 3 * 64 + 1 + 1] = 99;
        bytes.iter_mut().skip(12 + 3 * 64 + 11 + 3).step_by(12).for_each(|kind| *kind = 99);
        let read = Message::parse(&bytes).unwrap().items().count();
        assert!((50..=MOST_SPELLED / 192).contains(&read), "{read}");
    }
}
