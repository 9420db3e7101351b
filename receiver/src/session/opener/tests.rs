use proto::keys::{SenderKeys, StreamSealer, Suite};
use proto::wire::{self, Header, Hello, Kind, SourceState};
use proto::{FrameId, MediaTime, SessionId};

use super::*;

const SESSION: SessionId = SessionId::new(7);

fn hello(name: &str) -> Vec<u8> {
    let header = Header::control(Kind::Hello, SESSION, FrameId::new(1), MediaTime::from_micros(1));
    let hello = Hello {
        state: SourceState::Live,
        name,
        invitation: None,
        interval: None,
        signer: None,
        capture_error: None,
    };
    let mut datagram = Vec::new();
    wire::emit_control(&header, Some(&hello), &mut datagram);
    datagram
}

fn goodbye(session: u64) -> Vec<u8> {
    let header =
        Header::control(Kind::Goodbye, SessionId::new(session), FrameId::new(1), MediaTime::from_micros(2));
    let mut datagram = vec![0; wire::HEADER_BYTES];
    wire::emit(&header, &mut datagram);
    datagram
}

fn sealed(stream: &mut StreamSealer, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(stream.seal(plain, &mut sealed));
    sealed
}

#[test]
fn where_a_sender_seals_nothing_unsealed_is_believed_though_others_are_open() {
    let key = Key::from_random(&[1; 16]);
    let keyring = Arc::new(Keyring::new(Vec::new(), None, false).unwrap());
    keyring.enter(&Key::code(&[1; 16]), None).unwrap();
    let mut opener = Opener::new(&keyring, false, "").unwrap();
    assert!(!opener.is_strict);
    let [at, elsewhere] = ["192.0.2.1:9001", "192.0.2.2:9001"].map(|at| at.parse().unwrap());
    let now = Instant::now();
    let mut stream = SenderKeys::new(key, SESSION, [9; 16], Suite::Aes).stream(None).unwrap();
    assert!(opener.open(at, &mut goodbye(8), now).is_ok(), "nothing is sealed yet");
    assert!(opener.open(at, &mut sealed(&mut stream, &hello("door")), now).is_ok());
    // From its address, of its session, and both.
    for (from, session) in [(at, 8), (elsewhere, SESSION.get()), (at, SESSION.get())] {
        assert_eq!(opener.open(from, &mut goodbye(session), now), Err(Refusal::Unkeyed), "{from} {session}");
    }
    assert_eq!(opener.counts().unwrap().unkeyed, 3);
    // Another sender has no key.
    assert!(opener.open(elsewhere, &mut goodbye(8), now).is_ok());
    // It may have the address one day.
    assert!(opener.open(at, &mut goodbye(8), now + SEALING_FOR).is_ok());
}

#[test]
fn rtp_passes_whatever_its_numbers_are() {
    let keyring = Arc::new(Keyring::new(Vec::new(), None, false).unwrap());
    let mut opener = Opener::new(&keyring, false, "").unwrap();
    let from = "192.0.2.1:5004".parse().unwrap();
    for sequence in 0..=u16::MAX {
        let [high, low] = sequence.to_be_bytes();
        let mut packet = [0x80, 26, high, low, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 1, 80, 8, 8];
        assert_eq!(opener.open(from, &mut packet, Instant::now()), Ok(0..20), "{sequence:#x}");
    }
    assert!(opener.counts().is_none());
}
