//! Golden sealed datagrams: `tests/sealed/*.txt` hold them beside what they are when they are opened, or why they are not.
//!
//! They were made from the protocol document by another program, and another implementation can be checked with them.
#![cfg(feature = "keys")]
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proto::SessionId;
use proto::keys::{Key, ReceiverKeys, Refusal, SenderKeys, Suite};
use proto::wire::{self, Datagram};

#[test]
fn golden_sealed_datagrams_are_opened_and_refused_as_they_say() {
    let goldens = Golden::all();
    for golden in goldens.values() {
        let opened = golden.end(&goldens).open(golden).map_err(name);
        let meant = match golden.get("refused") {
            Some(why) => Err(why.to_owned()),
            None => Ok(golden.plain_at_its_end()),
        };
        assert_eq!(opened, meant, "{}", golden.name);
    }
}

#[test]
fn what_is_sealed_is_the_golden_datagram() {
    let goldens = Golden::all();
    // What comes of billions of datagrams, none is sealed for.
    let is_near =
        |golden: &&Golden| golden.get("refused").is_none() && (1..5000).contains(&golden.number("count"));
    let near: Vec<_> = goldens.values().filter(is_near).collect();
    assert!(near.len() >= 40, "only {} can be sealed", near.len());
    for golden in near {
        assert_eq!(golden.sealed(&goldens), golden.bytes("datagram"), "{}", golden.name);
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused_and_the_true_one_still_opened() {
    let goldens = Golden::all();
    for golden in goldens.values().filter(|golden| golden.get("refused").is_none()) {
        let mut end = golden.end(&goldens);
        let whole = golden.bytes("datagram");
        for length in 0..whole.len() {
            assert!(end.open_bytes(&whole[..length], golden).is_err(), "{} cut to {length}", golden.name);
        }
        let mut flipped = whole.clone();
        for bit in 0..whole.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(end.open_bytes(&flipped, golden).is_err(), "{} with bit {bit} flipped", golden.name);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(end.open(golden).is_ok(), "{}", golden.name);
        assert_eq!(end.open(golden), Err(Refusal::Replayed), "{}", golden.name);
    }
}

/// One file: a comment, `key: value` lines, and blocks of bytes.
struct Golden {
    name: String,
    fields: BTreeMap<String, String>,
}

/// Whom a datagram comes to.
enum Opens {
    Receiver(Box<ReceiverKeys>),
    Sender(SenderKeys),
}

impl Opens {
    fn open(&mut self, golden: &Golden) -> Result<Vec<u8>, Refusal> {
        self.open_bytes(&golden.bytes("datagram"), golden)
    }

    /// Opens something else at the time of this one.
    fn open_bytes(&mut self, datagram: &[u8], golden: &Golden) -> Result<Vec<u8>, Refusal> {
        let now = start() + Duration::from_micros(golden.number("at"));
        let mut datagram = datagram.to_vec();
        match self {
            Self::Receiver(keys) => keys.open(&mut datagram, now).map(|plain| plain.to_vec()),
            Self::Sender(keys) => keys.open(&mut datagram, now).map(|(plain, _)| plain.to_vec()),
        }
    }
}

impl Golden {
    fn all() -> BTreeMap<String, Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sealed");
        let files = fs::read_dir(folder).unwrap().map(|entry| Self::read(&entry.unwrap().path()));
        let all: BTreeMap<_, _> = files.map(|golden| (golden.name.clone(), golden)).collect();
        assert!(all.len() >= 103, "only {} were found", all.len());
        all
    }

    fn read(path: &Path) -> Self {
        let (mut fields, mut block) = (BTreeMap::new(), String::new());
        for line in fs::read_to_string(path).unwrap().lines().filter(|line| !line.starts_with('#')) {
            if let Some(bytes) = line.strip_prefix(' ') {
                let field: &mut String = fields.get_mut(&block).unwrap();
                field.push_str(bytes);
                continue;
            }
            let (key, value) = line.split_once(':').unwrap();
            key.clone_into(&mut block);
            fields.insert(block.clone(), value.trim().to_owned());
        }
        Self { name: path.file_stem().unwrap().to_string_lossy().into_owned(), fields }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        let text = self.get(key).unwrap_or_else(|| panic!("{} has no {key}", self.name));
        let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    }

    /// A decimal number; 0 where it is not said.
    fn number(&self, key: &str) -> u64 {
        self.get(key).map_or(0, |text| text.parse().unwrap())
    }

    /// Eight bytes; zeros where they are not said.
    fn word_or_0(&self, key: &str) -> u64 {
        self.get(key).map_or(0, |_| u64::from_be_bytes(self.bytes(key).try_into().unwrap()))
    }

    fn key(&self) -> Key {
        Key::from_random(&self.bytes("key").try_into().unwrap())
    }

    fn sender(&self) -> SenderKeys {
        let suite = if self.number("suite") == 1 { Suite::Aes } else { Suite::ChaCha };
        let session = SessionId::new(self.word_or_0("session"));
        SenderKeys::new(self.key(), session, self.bytes("salt").try_into().unwrap(), suite)
    }

    fn is_for_receiver(&self) -> bool {
        self.get("opens") == Some("receiver")
    }

    /// The end that it comes to, after what comes before.
    fn end(&self, goldens: &BTreeMap<String, Self>) -> Opens {
        let subscribes = self.get("subscribes") == Some("yes");
        let mut end = match self.is_for_receiver() {
            true => {
                let keys = ReceiverKeys::new(vec![self.key()], self.word_or_0("number"), subscribes);
                Opens::Receiver(Box::new(keys))
            }
            false => Opens::Sender(self.sender()),
        };
        for before in self.get("after").unwrap_or_default().split_whitespace() {
            let before = &goldens[before];
            match &mut end {
                Opens::Receiver(keys) if !before.is_for_receiver() => {
                    let mut sealed = Vec::new();
                    assert!(keys.seal(&before.as_said(), &mut sealed));
                    assert_eq!(sealed, before.bytes("datagram"), "{}", before.name);
                }
                end => drop(end.open(before).unwrap_or_else(|why| panic!("{}: {why}", before.name))),
            }
        }
        end
    }

    /// What this crate makes of `plain`.
    fn sealed(&self, goldens: &BTreeMap<String, Self>) -> Vec<u8> {
        let (plain, to) = (self.as_said(), self.word_or_0("to"));
        if !self.is_for_receiver() {
            let mut keys = ReceiverKeys::new(vec![self.key()], self.word_or_0("number"), false);
            let hello = &goldens[if self.number("suite") == 1 { "aes-hello" } else { "chacha-hello" }];
            keys.open(&mut hello.bytes("datagram"), start()).unwrap();
            return self.after_others(|sealed| keys.seal(&plain, sealed));
        }
        let mut keys = self.sender();
        let stream = self.number("stream");
        if stream == 0 {
            return self.after_others(|sealed| keys.seal_reply(to, &plain, sealed));
        }
        (1..stream).for_each(|_| drop(keys.stream(Some(to))));
        let mut sealer = keys.stream(Some(to)).unwrap();
        self.after_others(|sealed| sealer.seal(&plain, sealed))
    }

    /// What `seal` makes after as many others as its count says.
    fn after_others(&self, mut seal: impl FnMut(&mut Vec<u8>) -> bool) -> Vec<u8> {
        let mut sealed = Vec::new();
        for _ in 0..self.number("count") {
            sealed.clear();
            assert!(seal(&mut sealed));
        }
        sealed
    }

    /// `plain` as the end says it: a receiver's clock begins at 0, and its subscribes have nothing behind them.
    fn as_said(&self) -> Vec<u8> {
        let mut plain = self.bytes("plain");
        if !self.is_for_receiver() {
            less(&mut plain[28..36], self.word_or_0("number"));
            let subscribe = if plain[3] == 11 { plain.len() - 8 } else { plain.len() };
            plain.truncate(subscribe);
        }
        plain
    }

    /// `plain` as it is opened: a pong tells a receiver the time that its own clock had.
    fn plain_at_its_end(&self) -> Vec<u8> {
        let mut plain = self.bytes("plain");
        if plain[3] == 8 {
            let header = Datagram::parse(&plain).unwrap().header;
            less(&mut plain[48..56], self.word_or_0("number"));
            wire::emit(&header, &mut plain);
        }
        plain
    }
}

/// When all begins.
fn start() -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    *START
}

fn less(field: &mut [u8], number: u64) {
    let value = u64::from_be_bytes((&*field).try_into().unwrap());
    field.copy_from_slice(&value.wrapping_sub(number).to_be_bytes());
}

/// As the document calls it.
fn name(refusal: Refusal) -> String {
    let name = match refusal {
        Refusal::Unkeyed => "unkeyed",
        Refusal::Malformed => "malformed",
        Refusal::WrongKey(_) => "wrong_key",
        Refusal::Early => "early",
        Refusal::Forged => "forged",
        Refusal::Replayed => "replayed",
        Refusal::Unproven => "unproven",
        _ => "something else",
    };
    name.to_owned()
}
