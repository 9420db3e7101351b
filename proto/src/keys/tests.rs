//! Both ends together: what goes through, and what does not.

use std::time::{Duration, Instant};

use super::*;
use crate::frame::MediaTime;
use crate::seq::{FrameId, SessionId};
use crate::t0;
use crate::wire::{
    self, Body, Datagram, Header, Hello, Invitation, Kind, Pong, SourceState, Subscribe, SubscribeReply,
    SubscribeStatus, Token,
};

mod limits;
mod recordings;

const SESSION: SessionId = SessionId::new(0x1234_5678_9abc_def0);
const NUMBER: u64 = 77;

fn key(byte: u8) -> Key {
    Key::from_random(&[byte; 16])
}

fn sender(byte: u8) -> SenderKeys {
    SenderKeys::new(key(byte), SESSION, [9; 16], Suite::Aes)
}

fn control(kind: Kind, captured: u64, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let header = Header::control(kind, SESSION, FrameId::new(5), MediaTime::from_micros(captured));
    let mut datagram = Vec::new();
    wire::emit_with(&header, &mut datagram, body);
    datagram
}

fn hello(captured: u64, listens: bool) -> Vec<u8> {
    let invitation =
        Invitation { is_group: true, resends: true, viewers: 1, report_every: Duration::from_millis(100) };
    let hello = Hello {
        state: SourceState::Live,
        name: "door",
        invitation: listens.then_some(invitation),
        interval: None,
        signer: None,
        capture_error: None,
    };
    let header = Header::control(Kind::Hello, SESSION, FrameId::new(5), MediaTime::from_micros(captured));
    let mut datagram = Vec::new();
    wire::emit_control(&header, Some(&hello), &mut datagram);
    datagram
}

fn data(chunk: &[u8]) -> Vec<u8> {
    let header = Header {
        parts: 1,
        is_signed: false,
        data_chunks: 1,
        length: chunk.len() as u32,
        ..Header::control(Kind::Data, SESSION, FrameId::new(5), MediaTime::from_micros(1))
    };
    let mut datagram = vec![0; wire::HEADER_BYTES];
    datagram.extend_from_slice(chunk);
    wire::emit(&header, &mut datagram);
    datagram
}

fn ping(captured: u64) -> Vec<u8> {
    control(Kind::Ping, captured, |body| wire::emit_ping(Token::default(), body))
}

/// A pong that answers what was sent at this time.
fn pong(asked: u64) -> Vec<u8> {
    let (asked, heard) = (MediaTime::from_micros(asked), MediaTime::from_micros(1));
    control(Kind::Pong, 3, |body| Pong { token: Token::new(1), asked, heard }.emit(body))
}

fn sealed(sealer: &mut StreamSealer, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(sealer.seal(plain, &mut sealed));
    sealed
}

/// What comes out of it at the other end.
fn opened(keys: &mut ReceiverKeys, sealed: &[u8], now: Instant) -> Result<Vec<u8>, Refusal> {
    keys.open(&mut sealed.to_vec(), now).map(|plain| plain.to_vec())
}

#[test]
fn what_is_sealed_is_opened_as_it_was_and_shows_nothing_of_it() {
    for suite in [Suite::Aes, Suite::ChaCha] {
        let sender = SenderKeys::new(key(1), SESSION, [9; 16], suite);
        let mut stream = sender.stream(None).unwrap();
        let mut receiver = ReceiverKeys::new(vec![key(2), key(1)], NUMBER, false);
        let (hello, chunk) = (hello(1, false), data(b"a chunk of a picture"));
        let first = sealed(&mut stream, &hello);
        assert_eq!(locked_by(&first), Some(key(1).id()));
        assert_eq!(opened(&mut receiver, &first, t0()).unwrap(), hello);
        let second = sealed(&mut stream, &chunk);
        assert_eq!(second.len(), chunk.len() + SEALED_BYTES);
        assert!(!second.windows(5).any(|bytes| bytes == b"chunk"));
        assert_eq!(opened(&mut receiver, &second, t0()).unwrap(), chunk);
        assert_eq!(receiver.counts(), RefusalCounts::default());
    }
}

#[test]
fn every_cut_every_flipped_bit_and_every_copy_is_refused_and_the_true_one_still_goes_through() {
    let mut stream = sender(1).stream(None).unwrap();
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    let first = sealed(&mut stream, &hello(1, false));
    let second = sealed(&mut stream, &data(b"a chunk of a picture"));
    for datagram in [first, second] {
        for length in 0..datagram.len() {
            assert!(opened(&mut receiver, &datagram[..length], t0()).is_err());
        }
        for bit in 0..datagram.len() * 8 {
            let mut flipped = datagram.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(opened(&mut receiver, &flipped, t0()).is_err(), "bit {bit}");
        }
        assert!(opened(&mut receiver, &datagram, t0()).is_ok());
        assert_eq!(opened(&mut receiver, &datagram, t0()), Err(Refusal::Replayed));
    }
}

#[test]
fn what_another_key_another_session_or_the_other_direction_has_sealed_is_refused_by_name() {
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    let other = sealed(&mut sender(2).stream(None).unwrap(), &hello(1, false));
    assert_eq!(opened(&mut receiver, &other, t0()), Err(Refusal::WrongKey(key(2).id())));
    let mut stream = sender(1).stream(None).unwrap();
    let early = sealed(&mut stream, &data(b"chunk"));
    assert_eq!(opened(&mut receiver, &early, t0()), Err(Refusal::Early));
    opened(&mut receiver, &sealed(&mut stream, &hello(1, false)), t0()).unwrap();
    assert_eq!(opened(&mut receiver, &hello(2, false), t0()), Err(Refusal::Unkeyed));
    // Its own, thrown back at it.
    let mut own = Vec::new();
    assert!(receiver.seal(&ping(3), &mut own));
    assert_eq!(opened(&mut receiver, &own, t0()), Err(Refusal::Malformed));
    own[3] = Kind::Pong.to_wire();
    assert_eq!(opened(&mut receiver, &own, t0()), Err(Refusal::Malformed));
    // For one receiver, thrown at all.
    let for_one = sealed(&mut sender(1).stream(Some(NUMBER)).unwrap(), &data(b"chunk"));
    assert_eq!(opened(&mut receiver, &for_one, t0() + Duration::from_secs(1)), Err(Refusal::Forged));
}

#[test]
fn what_a_receiver_says_is_opened_once_and_by_its_sender_alone() {
    let (mut sender, mut other) = (sender(1), sender(2));
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, true);
    let header = Header::control(
        Kind::Subscribe,
        SessionId::new(u64::MAX),
        FrameId::new(0),
        MediaTime::from_micros(1),
    );
    let mut plain = Vec::new();
    let subscribe = Subscribe { token: Token::default(), leaves: false };
    wire::emit_with(&header, &mut plain, |body| subscribe.emit(body));
    let mut asked = Vec::new();
    assert!(receiver.seal(&plain, &mut asked));
    let open = |sender: &mut SenderKeys, sealed: &[u8]| {
        sender.open(&mut sealed.to_vec(), t0()).map(|(plain, number)| (plain.to_vec(), number))
    };
    assert_eq!(open(&mut other, &asked), Err(Refusal::WrongKey(key(1).id())));
    // On the wire its clock begins at its number.
    let (opened_there, number) = open(&mut sender, &asked).unwrap();
    let read = Datagram::parse(&opened_there).unwrap();
    assert_eq!((number, read.header.captured.as_micros()), (NUMBER, NUMBER + 1));
    assert_eq!(read.body, Body::Subscribe(subscribe));
    assert_eq!(open(&mut sender, &asked), Err(Refusal::Replayed));
    assert_eq!(open(&mut sender, &plain), Err(Refusal::Unkeyed));
    // The reply is for this receiver alone, and is longer than what it answers by nothing.
    let reply = control(Kind::SubscribeReply, 2, |body| {
        SubscribeReply { token: Token::new(4), status: SubscribeStatus::ShowToken }.emit(body)
    });
    let mut answered = Vec::new();
    assert!(sender.seal_reply(NUMBER, &reply, &mut answered));
    let mut another = ReceiverKeys::new(vec![key(1)], NUMBER + 1, true);
    assert_eq!(opened(&mut another, &answered, t0()), Err(Refusal::Forged));
    assert_eq!(opened(&mut receiver, &answered, t0()), Ok(reply));
    // Now it knows the session.
    let mut pinged = Vec::new();
    assert!(receiver.seal(&ping(3), &mut pinged));
    assert_eq!(open(&mut sender, &pinged), Ok((ping(NUMBER + 3), NUMBER)));
}

#[test]
fn a_recording_of_a_session_is_not_shown_where_the_sender_can_be_asked() {
    let (sender, t0) = (sender(1), t0());
    let mut stream = sender.stream(None).unwrap();
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    let says_hello = sealed(&mut stream, &hello(1, true));
    opened(&mut receiver, &says_hello, t0).unwrap();
    let chunk = data(b"chunk");
    let show = |receiver: &mut ReceiverKeys, stream: &mut StreamSealer, now| {
        opened(receiver, &sealed(stream, &chunk), now).map(|_| ())
    };
    assert_eq!(show(&mut receiver, &mut stream, t0), Err(Refusal::Unproven));
    assert!(receiver.seal(&ping(42), &mut Vec::new()));
    opened(&mut receiver, &sealed(&mut stream, &pong(NUMBER + 41)), t0).unwrap();
    assert_eq!(show(&mut receiver, &mut stream, t0), Err(Refusal::Unproven), "an answer to something else");
    opened(&mut receiver, &sealed(&mut stream, &pong(NUMBER + 42)), t0).unwrap();
    assert_eq!(show(&mut receiver, &mut stream, t0), Ok(()));
    // Where nothing is answered for a second, it is shown, and said not to be proven.
    let mut deaf = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    opened(&mut deaf, &sealed(&mut stream, &hello(2, true)), t0).unwrap();
    let later = t0 + Duration::from_secs(1);
    assert_eq!(show(&mut deaf, &mut stream, later), Ok(()));
    assert!(deaf.cannot_tell(SESSION, later));
}

#[test]
fn another_stream_of_the_session_counts_only_when_this_one_is_silent_or_it_answers() {
    let (sender, t0) = (sender(1), t0());
    let [mut mine, mut others] = [(); 2].map(|()| sender.stream(None).unwrap());
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    opened(&mut receiver, &sealed(&mut mine, &hello(1, false)), t0).unwrap();
    let chunk = data(b"chunk");
    assert_eq!(opened(&mut receiver, &sealed(&mut others, &chunk), t0), Err(Refusal::Replayed));
    let later = t0 + Duration::from_millis(500);
    // By a hello, and by none that was said before the last that came.
    for recorded in [chunk.clone(), hello(1, false)] {
        assert_eq!(opened(&mut receiver, &sealed(&mut others, &recorded), later), Err(Refusal::Replayed));
    }
    assert!(opened(&mut receiver, &sealed(&mut others, &hello(2, false)), later).is_ok());
    assert!(opened(&mut receiver, &sealed(&mut others, &chunk), later).is_ok());
    assert_eq!(opened(&mut receiver, &sealed(&mut mine, &chunk), later), Err(Refusal::Replayed));
    assert!(receiver.seal(&ping(42), &mut Vec::new()));
    let other = sealed(&mut mine, &pong(NUMBER + 41));
    assert_eq!(opened(&mut receiver, &other, later), Err(Refusal::Replayed), "an answer to something else");
    assert!(opened(&mut receiver, &sealed(&mut mine, &pong(NUMBER + 42)), later).is_ok());
    assert!(opened(&mut receiver, &sealed(&mut mine, &chunk), later).is_ok());
}

#[test]
fn a_key_that_the_sender_names_is_used_if_it_is_known_and_else_named() {
    let mut receiver = ReceiverKeys::new(vec![key(1), key(2)], NUMBER, true);
    let locked = |byte: u8| {
        control(Kind::SubscribeReply, 2, |body| {
            let status = SubscribeStatus::Locked(key(byte).id());
            SubscribeReply { token: Token::default(), status }.emit(body);
        })
    };
    assert_eq!(opened(&mut receiver, &locked(3), t0()), Err(Refusal::WrongKey(key(3).id())));
    assert_eq!(opened(&mut receiver, &locked(2), t0()), Err(Refusal::Early));
    let header = Header::control(
        Kind::Subscribe,
        SessionId::new(u64::MAX),
        FrameId::new(0),
        MediaTime::from_micros(1),
    );
    let (mut plain, mut asked) = (Vec::new(), Vec::new());
    wire::emit_with(&header, &mut plain, |body| {
        Subscribe { token: Token::default(), leaves: false }.emit(body)
    });
    assert!(receiver.seal(&plain, &mut asked));
    assert!(sender(2).open(&mut asked, t0()).is_ok());
    assert!(matches!(Datagram::parse(&plain).unwrap().body, Body::Subscribe(_)));
}
