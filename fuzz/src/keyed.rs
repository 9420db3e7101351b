//! What comes to those who have a key, in any order: only what was sealed for them is opened, as it was, and once.

use std::sync::LazyLock;
use std::time::Instant;

use proto::keys::{Key, ReceiverKeys, SenderKeys, Suite};
use proto::wire::{self, Header, Kind};
use proto::{Fec, FrameId, MediaTime, SessionId};

use super::Bytes;
use super::datagrams::{HEADER, Stream, mutate, set_length};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut now = Instant::now();
    let mut group = ReceiverKeys::new(vec![key(2), key(1)], NUMBER, false);
    let mut subscriber = ReceiverKeys::new(vec![key(1), key(2)], NUMBER, true);
    let mut sender = sender(1, SESSION, Suite::Aes);
    let mut was_opened = vec![[false; 3]; GENUINE.len()];
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        now += bytes.step();
        let datagram = datagram(&mut bytes);
        let end = bytes.below(3);
        let mut opened = datagram.clone();
        let plain = match end {
            0 => group.open(&mut opened, now).map(|plain| plain.to_vec()),
            1 => subscriber.open(&mut opened, now).map(|plain| plain.to_vec()),
            _ => sender.open(&mut opened, now).map(|(plain, number)| {
                assert_eq!(number, NUMBER);
                plain.to_vec()
            }),
        };
        let Ok(plain) = plain else { continue };
        let at = GENUINE.iter().position(|genuine| genuine.sealed == datagram).expect("it was sealed so");
        assert!(GENUINE[at].is_for[end], "it was sealed for another");
        assert!(!std::mem::replace(&mut was_opened[at][end], true), "it was opened twice");
        // What a receiver says is on a clock that begins at its number, and its subscribes have zeros behind them.
        let is_changed = |at| end == 2 && (28..40).contains(&at);
        let said = &GENUINE[at].plain;
        assert!((0..said.len()).all(|at| said[at] == plain[at] || is_changed(at)), "it is another");
    }
}

/// A genuine one, perhaps changed; or anything.
fn datagram(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut datagram = GENUINE[bytes.below(GENUINE.len())].sealed.clone();
    match bytes.u8() {
        0..=99 => {}
        100..=139 => mutate(bytes, &mut datagram),
        140..=179 => {
            // The front of this one, and the end of another.
            let other = &GENUINE[bytes.below(GENUINE.len())].sealed;
            let at = bytes.below(datagram.len().min(other.len()));
            datagram.truncate(at);
            datagram.extend_from_slice(&other[at..]);
        }
        180..=219 => {
            let at = bytes.below(datagram.len());
            datagram[at] ^= 1 << (bytes.u8() % 8);
        }
        _ => {
            let count = bytes.below(200);
            datagram = [b"Ck\x02", bytes.take(count)].concat();
        }
    }
    datagram
}

/// What an end says, and whether the group's receiver, the subscriber and the sender open it.
struct Genuine {
    plain: Vec<u8>,
    sealed: Vec<u8>,
    is_for: [bool; 3],
}

fn key(byte: u8) -> Key {
    Key::from_random(&[byte; 16])
}

fn sender(key_byte: u8, session: u64, suite: Suite) -> SenderKeys {
    SenderKeys::new(key(key_byte), SessionId::new(session), [9; 16], suite)
}

/// All that was sealed: by senders of two sessions, and of a key that nobody here has; and by a receiver.
static GENUINE: LazyLock<Vec<Genuine>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (byte, session, suite) in [(1, SESSION, Suite::Aes), (2, 7, Suite::ChaCha), (3, 8, Suite::Aes)] {
        let mut sender = sender(byte, session, suite);
        for to in [None, Some(NUMBER)] {
            let mut stream = sender.stream(to).expect("it has streams");
            let frames = &[900, 40, 3000];
            let said =
                Stream { session, frames, fec: Fec::Percent(40), datagram_bytes: 300, is_group: false };
            for plain in said.said() {
                let mut sealed = Vec::new();
                assert!(stream.seal(&plain, &mut sealed));
                all.push(Genuine {
                    plain,
                    sealed,
                    is_for: [byte < 3 && to.is_none(), byte < 3 && to.is_some(), false],
                });
            }
        }
        let (plain, mut sealed) = (control(Kind::SubscribeReply, session, 9), Vec::new());
        assert!(sender.seal_reply(NUMBER, &plain, &mut sealed));
        all.push(Genuine { plain, sealed, is_for: [byte < 3, byte < 3, false] });
    }
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, true);
    let introduced = all.iter().filter(|genuine| genuine.is_for[1]).map(|genuine| genuine.sealed.clone());
    for mut sealed in introduced.collect::<Vec<_>>() {
        // Hellos and replies are believed at once.
        let _ = receiver.open(&mut sealed, Instant::now());
    }
    let kinds = [
        (Kind::Subscribe, u64::MAX, 16),
        (Kind::Subscribe, SESSION, 16),
        (Kind::Ping, SESSION, 24),
        (Kind::Report, SESSION, 46),
    ];
    for (kind, session, bytes) in kinds {
        let (plain, mut sealed) = (control(kind, session, bytes), Vec::new());
        assert!(receiver.seal(&plain, &mut sealed));
        all.push(Genuine { plain, sealed, is_for: [false, false, true] });
    }
    all
});

/// One of a kind that is no chunk, with zeros for its body.
fn control(kind: Kind, session: u64, bytes: usize) -> Vec<u8> {
    let mut datagram = vec![0; HEADER + bytes];
    let header = Header::control(kind, SessionId::new(session), FrameId::new(5), MediaTime::from_micros(1));
    wire::emit(&header, &mut datagram);
    set_length(&mut datagram);
    super::datagrams::seal(&mut datagram);
    datagram
}

const SESSION: u64 = 5;
const NUMBER: u64 = 0x1122_3344_5566_7788;
const MOST_STEPS: usize = 600;
