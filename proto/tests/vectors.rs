//! Golden datagrams, both ways: `tests/vectors/*.txt` hold bytes as hex beside what they mean.
//!
//! They were made from the protocol document by another program, and another implementation can be checked with them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use proto::wire::{self, Body, Datagram, HEADER_BYTES, Header, Hello, Kind, SourceState};
use proto::{FrameId, MediaTime, SessionId};

#[test]
fn golden_datagrams_mean_what_they_say() {
    for vector in Vector::all().iter().filter(|vector| vector.get("refused").is_none()) {
        let read =
            Datagram::parse(&vector.datagram).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(read.header, vector.header(), "{}", vector.name);
        match read.body {
            Body::Data { geometry, chunk } => {
                assert_eq!(chunk, unhex(vector.field("chunk")), "{}", vector.name);
                assert_eq!(chunk.len(), geometry.range(read.header.index.into()).len(), "{}", vector.name);
            }
            Body::Hello(hello) => assert_eq!(hello, vector.hello().unwrap(), "{}", vector.name),
            Body::Goodbye => assert_eq!(read.header.kind, Kind::Goodbye, "{}", vector.name),
            Body::Unknown => assert!(matches!(read.header.kind, Kind::Other(_)), "{}", vector.name),
        }
    }
}

#[test]
fn what_is_meant_is_written_as_the_golden_datagram() {
    for vector in Vector::all().iter().filter(|vector| vector.get("refused").is_none()) {
        // What is not written shows.
        let mut datagram = vec![0xa5; HEADER_BYTES];
        datagram.extend(unhex(vector.field("payload")));
        wire::emit(&vector.header(), &mut datagram);
        assert_eq!(datagram, vector.datagram, "{}", vector.name);

        if let Some(hello) = vector.hello() {
            let mut datagram = vec![0xa5; 7];
            wire::emit_control(&vector.header(), Some(&hello), &mut datagram);
            assert_eq!(datagram, vector.datagram, "{}", vector.name);
        }
    }
}

#[test]
fn damaged_datagrams_are_refused_by_name() {
    for vector in Vector::all() {
        if let Some(why) = vector.get("refused") {
            let error = Datagram::parse(&vector.datagram).expect_err(&vector.name);
            assert_eq!(format!("{error:?}"), why, "{}", vector.name);
        }
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_of_a_golden_datagram_is_refused() {
    for vector in Vector::all().iter().filter(|vector| vector.get("refused").is_none()) {
        let whole = &vector.datagram;
        for length in 0..whole.len() {
            assert!(Datagram::parse(&whole[..length]).is_err(), "{} cut to {length}", vector.name);
        }
        let mut flipped = whole.clone();
        for bit in 0..whole.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Datagram::parse(&flipped).is_err(), "{} with bit {bit} flipped", vector.name);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// One file: a comment, `key: value` lines, and the datagram.
struct Vector {
    name: String,
    fields: Vec<(String, String)>,
    datagram: Vec<u8>,
}

impl Vector {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(paths.len() >= 27, "only {} vectors were found", paths.len());
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (head, hex) = text.split_once("datagram:\n").unwrap();
        let fields = head.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (key, value) = line.split_once(':').unwrap();
            (key.to_owned(), value.trim().to_owned())
        });
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, fields: fields.collect(), datagram: unhex(hex) }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    fn field(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }

    fn number<N: TryFrom<u64>>(&self, key: &str) -> N {
        let number: u64 = self.field(key).parse().unwrap();
        N::try_from(number).unwrap_or_else(|_| panic!("{}: {key} is too large", self.name))
    }

    fn header(&self) -> Header {
        Header {
            kind: match self.number::<u8>("kind") {
                1 => Kind::Data,
                3 => Kind::Hello,
                4 => Kind::Goodbye,
                other => Kind::Other(other),
            },
            session: SessionId::new(u64::from_str_radix(self.field("session"), 16).unwrap()),
            frame: FrameId::new(self.number("frame")),
            part: self.number("part"),
            parts: self.number("parts"),
            index: self.number("index"),
            data_chunks: self.number("data chunks"),
            parity_chunks: self.number("parity chunks"),
            length: self.number("length"),
            captured: MediaTime::from_micros(self.number("captured")),
        }
    }

    fn hello(&self) -> Option<Hello<'_>> {
        let state = match self.get("state")? {
            "live" => SourceState::Live,
            "gone" => SourceState::Gone,
            other => panic!("{}: there is no state {other}", self.name),
        };
        Some(Hello { state, name: self.field("name") })
    }
}

fn unhex(text: &str) -> Vec<u8> {
    if text == "(none)" {
        return Vec::new();
    }
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
