//! Golden datagrams, both ways: `tests/vectors/*.txt` hold bytes as hex beside what they mean.
//!
//! They were made from the protocol document by another program, and another implementation can be checked with them.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proto::wire::{
    self, Body, Datagram, HEADER_BYTES, Header, Hello, Invitation, KeyId, Kind, Pong, ReportCounts, Signer,
    SourceState, Subscribe, SubscribeReply, SubscribeStatus, Token, TrainEntry,
};
use proto::{
    FrameId, Geometry, MediaTime, PartId, RecvConfig, RecvEvent, RecvOutput, RecvStream, RepairedBy,
    SessionId,
};

#[test]
fn golden_datagrams_mean_what_they_say() {
    for vector in Vector::all().iter().filter(|vector| vector.get("refused").is_none()) {
        let read =
            Datagram::parse(&vector.datagram).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(read.header, vector.header(), "{}", vector.name);
        match read.body {
            Body::Data { geometry, chunk, again } => {
                assert_eq!(again, read.header.kind == Kind::Again, "{}", vector.name);
                assert_eq!(chunk, unhex(vector.field("chunk")), "{}", vector.name);
                assert_eq!(chunk.len(), geometry.range(read.header.index.into()).len(), "{}", vector.name);
            }
            Body::Parity { index, checksum, chunk, .. } => {
                let number = usize::from(read.header.index - read.header.data_chunks);
                assert_eq!((index, chunk), (number, &unhex(vector.field("chunk"))[..]), "{}", vector.name);
                assert_eq!(checksum.to_be_bytes(), unhex(vector.field("checksum"))[..], "{}", vector.name);
            }
            Body::Hello(hello) => assert_eq!(hello, vector.hello().unwrap(), "{}", vector.name),
            Body::Goodbye => assert_eq!(read.header.kind, Kind::Goodbye, "{}", vector.name),
            Body::Ping(token) => assert_eq!(token, vector.token(), "{}", vector.name),
            Body::Pong(pong) => {
                let time = |key| MediaTime::from_micros(vector.number(key));
                let meant = Pong { token: vector.token(), asked: time("asked"), heard: time("heard") };
                assert_eq!(pong, meant, "{}", vector.name);
            }
            Body::Resend(request) => {
                assert_eq!(request.token, vector.token(), "{}", vector.name);
                assert_eq!(request.needed, vector.number::<u16>("needed"), "{}", vector.name);
                let ranges = request.ranges().map(|range| format!("{}+{}", range.start, range.len()));
                let ranges: Vec<_> = ranges.collect();
                assert_eq!(ranges.join(" "), vector.field("ranges"), "{}", vector.name);
            }
            Body::Report(report) => {
                assert_eq!(report.token, vector.token(), "{}", vector.name);
                assert_eq!(report.counts, vector.counts(), "{}", vector.name);
                let trains: Vec<_> = report.trains().collect();
                assert_eq!(trains, vector.trains(), "{}", vector.name);
            }
            Body::Subscribe(subscribe) => {
                let meant = Subscribe { token: vector.token(), leaves: vector.field("leaves") == "yes" };
                assert_eq!(subscribe, meant, "{}", vector.name);
            }
            Body::SubscribeReply(reply) => {
                let status = match vector.number("status") {
                    0 => SubscribeStatus::ShowToken,
                    1 => SubscribeStatus::Full,
                    2 => {
                        SubscribeStatus::Locked(KeyId::new(unhex(vector.field("token")).try_into().unwrap()))
                    }
                    3 => SubscribeStatus::Open,
                    other => SubscribeStatus::Other(other),
                };
                assert_eq!(reply, SubscribeReply { token: vector.token(), status }, "{}", vector.name);
            }
            Body::Gone => assert_eq!(read.header.kind, Kind::Gone, "{}", vector.name),
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

        // What this version does not know, it does not write.
        if let Some(hello) = vector.hello().filter(|_| vector.get("more").is_none()) {
            let mut datagram = vec![0xa5; 7];
            wire::emit_control(&vector.header(), Some(&hello), &mut datagram);
            assert_eq!(datagram, vector.datagram, "{}", vector.name);
        }
    }
}

#[test]
fn golden_parity_makes_up_for_any_chunk() {
    let now = Instant::now();
    let vectors = Vector::all();
    for vector in vectors.iter().filter(|vector| vector.get("frame bytes").is_some()) {
        let (parity, bytes) = (vector.header(), unhex(vector.field("frame bytes")));
        let geometry = Geometry::checked(parity.length, parity.data_chunks).unwrap();
        // Of thousands of chunks not every one has to be lost.
        for lost in (0..geometry.chunks()).step_by(geometry.chunks() / 64 + 1) {
            let mut stream = RecvStream::new(RecvConfig::default());
            stream.handle_datagram((), &mut vector.datagram.clone(), now);
            for index in (0..geometry.chunks()).filter(|&index| index != lost) {
                let mut datagram = vec![0; HEADER_BYTES];
                datagram.extend_from_slice(&bytes[geometry.range(index)]);
                wire::emit(&Header { kind: Kind::Data, index: index as u16, ..parity }, &mut datagram);
                stream.handle_datagram((), &mut datagram, now);
            }
            let mut delivered = None;
            while let RecvOutput::Event(event) = stream.poll(now) {
                if let RecvEvent::Delivered(delivery) = event {
                    delivered = Some(delivery);
                }
            }
            let delivery = delivered.unwrap_or_else(|| panic!("{}: chunk {lost} is missing", vector.name));
            assert_eq!(*delivery.frame.jpeg, bytes, "{}: chunk {lost}", vector.name);
            assert!(
                matches!(delivery.repair, Some(RepairedBy::Parity | RepairedBy::Retransmission)),
                "{}",
                vector.name
            );
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
        assert!(paths.len() >= 84, "only {} vectors were found", paths.len());
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
                2 => Kind::Parity,
                3 => Kind::Hello,
                4 => Kind::Goodbye,
                5 => Kind::Report,
                6 => Kind::Resend,
                7 => Kind::Ping,
                8 => Kind::Pong,
                9 => Kind::Gone,
                10 => Kind::Again,
                11 => Kind::Subscribe,
                12 => Kind::SubscribeReply,
                other => Kind::Other(other),
            },
            session: SessionId::new(u64::from_str_radix(self.field("session"), 16).unwrap()),
            frame: FrameId::new(self.number("frame")),
            part: self.number("part"),
            parts: self.number("parts"),
            is_signed: self.get("signed").is_some(),
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
        let invitation = self.get("report every").map(|_| Invitation {
            is_group: self.field("group") == "yes",
            resends: self.field("resends") == "yes",
            viewers: self.number("viewers"),
            report_every: Duration::from_millis(self.number("report every")),
        });
        let micros = |name| self.get(name).map(|_| Duration::from_micros(self.number(name)));
        let (interval, capture_error) = (micros("interval"), micros("capture error"));
        let signer = self.get("signer").map(|key| Signer::new(unhex(key).try_into().unwrap()));
        Some(Hello { state, name: self.field("name"), invitation, interval, signer, capture_error })
    }

    fn token(&self) -> Token {
        Token::new(u64::from_str_radix(self.field("token"), 16).unwrap())
    }

    fn counts(&self) -> ReportCounts {
        ReportCounts {
            delivered: self.number("delivered"),
            lost: self.number("lost"),
            repaired: self.number("repaired"),
            resent: self.number("resent"),
            arrived: self.number("arrived"),
            missing: self.number("not arrived"),
            kernel_dropped: self.number("kernel dropped"),
            decode_dropped: self.number("decode dropped"),
            display_dropped: self.number("display dropped"),
        }
    }

    fn trains(&self) -> Vec<TrainEntry> {
        let train = |text: &str| {
            let numbers: Vec<u32> = text.split('/').map(|number| number.parse().unwrap()).collect();
            TrainEntry {
                id: PartId {
                    frame: FrameId::new(numbers[0]),
                    part: numbers.get(6).map_or(0, |&part| part as u8),
                },
                first: numbers[1] as u16,
                last: numbers[2] as u16,
                span: Duration::from_micros(numbers[3].into()),
                missing_head: numbers[4] as u16,
                missing_tail: numbers[5] as u16,
            }
        };
        self.field("trains").split_whitespace().map(train).collect()
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
