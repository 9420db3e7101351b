//! Somebody who has recorded what was sealed, and can forge what is not.

use super::super::stream::StreamSealer;
use super::*;

const SECOND: u64 = 1_000_000;

/// A run of the sender of that key: its session, and a hello of it at this time on its clock.
struct RunOf {
    keys: SenderKeys,
    session: SessionId,
}

impl RunOf {
    fn new(number: u64) -> Self {
        let session = SessionId::new(number);
        Self { keys: SenderKeys::new(key(1), session, [number as u8; 16], Suite::Aes), session }
    }

    fn stream(&self, to: Option<u64>) -> StreamSealer {
        self.keys.stream(to).unwrap()
    }

    /// The same datagram, of this session.
    fn says(&self, mut plain: Vec<u8>) -> Vec<u8> {
        plain[4..12].copy_from_slice(&self.session.get().to_be_bytes());
        wire::renew_checksum(&mut plain);
        plain
    }
}

fn subscribe() -> Vec<u8> {
    let subscribe = Subscribe { token: Token::default(), leaves: false };
    let header = Header::control(
        Kind::Subscribe,
        SessionId::new(u64::MAX),
        FrameId::new(0),
        MediaTime::from_micros(1),
    );
    let mut datagram = Vec::new();
    wire::emit_with(&header, &mut datagram, |body| subscribe.emit(body));
    datagram
}

fn reply() -> Vec<u8> {
    control(Kind::SubscribeReply, 2, |body| {
        SubscribeReply { token: Token::new(4), status: SubscribeStatus::ShowToken }.emit(body)
    })
}

fn says(receiver: &mut ReceiverKeys, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(receiver.seal(plain, &mut sealed));
    sealed
}

#[test]
fn what_is_sealed_for_this_receiver_alone_needs_no_other_proof() {
    let mut stream = sender(1).stream(Some(NUMBER)).unwrap();
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, true);
    opened(&mut receiver, &sealed(&mut stream, &hello(1, true)), t0()).unwrap();
    assert!(opened(&mut receiver, &sealed(&mut stream, &data(b"chunk")), t0()).is_ok());
    assert!(!receiver.cannot_tell(SESSION, t0()));
    // Also where only a reply has come.
    let mut sender = sender(1);
    let mut answered = Vec::new();
    assert!(sender.seal_reply(NUMBER, &reply(), &mut answered));
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, true);
    opened(&mut receiver, &answered, t0()).unwrap();
    let mut stream = sender.stream(Some(NUMBER)).unwrap();
    assert!(opened(&mut receiver, &sealed(&mut stream, &data(b"chunk")), t0()).is_ok());
}

#[test]
fn a_recorded_session_is_not_shown_beside_its_successor_whichever_is_heard_first() {
    let (old, new, t0) = (RunOf::new(3), RunOf::new(4), t0());
    for is_first in [true, false] {
        let (mut recorded, mut alive) = (old.stream(None), new.stream(None));
        let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
        let (said, says) = (old.says(hello(SECOND, false)), new.says(hello(9 * SECOND, false)));
        let mut hear = |stream: &mut StreamSealer, plain: &[u8], at| {
            opened(&mut receiver, &sealed(stream, plain), t0 + Duration::from_millis(at)).map(|_| ())
        };
        if is_first {
            hear(&mut recorded, &said, 0).unwrap();
            hear(&mut recorded, &old.says(data(b"chunk")), 0).unwrap();
        }
        hear(&mut alive, &says, 10).unwrap();
        assert_eq!(hear(&mut recorded, &said, 20), Err(Refusal::Unproven));
        let refusal = if is_first { Refusal::Unproven } else { Refusal::Early };
        assert_eq!(hear(&mut recorded, &old.says(data(b"chunk")), 5000), Err(refusal));
        hear(&mut alive, &new.says(data(b"chunk")), 5001).unwrap();
        // A sender whose clock is behind may have been restarted: its hello is heard, so that it can be asked.
        assert_eq!(hear(&mut recorded, &said, 5501), Ok(()));
        assert_eq!(hear(&mut recorded, &old.says(data(b"chunk")), 9000), Err(Refusal::Unproven));
        assert_eq!(receiver.sessions(), 2);
    }
}

#[test]
fn recordings_of_many_sessions_do_not_have_the_one_that_is_alive_forgotten() {
    let (alive, t0) = (RunOf::new(1000), t0());
    let mut stream = alive.stream(None);
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    opened(&mut receiver, &sealed(&mut stream, &alive.says(hello(99 * SECOND, false))), t0).unwrap();
    // Also where it pauses, and they are heard.
    for (number, millis) in (1..=300).zip((0..).step_by(10)) {
        let old = RunOf::new(number);
        let recorded = sealed(&mut old.stream(None), &old.says(hello(number, true)));
        let _ = opened(&mut receiver, &recorded, t0 + Duration::from_millis(millis));
        assert!(receiver.sessions() <= 64);
    }
    let later = t0 + Duration::from_secs(4);
    assert!(opened(&mut receiver, &sealed(&mut stream, &alive.says(data(b"chunk"))), later).is_ok());
}

#[test]
fn whoever_names_wrong_keys_does_not_keep_a_receiver_from_subscribing() {
    let keys: Vec<_> = (1..=4).map(key).collect();
    let locked = |byte: u8| {
        control(Kind::SubscribeReply, 2, |body| {
            let status = SubscribeStatus::Locked(key(byte).id());
            SubscribeReply { token: Token::default(), status }.emit(body);
        })
    };
    let (mut sender, mut receiver) = (sender(3), ReceiverKeys::new(keys, NUMBER, true));
    let mut is_heard = false;
    for _ in 0..8 {
        let mut asked = says(&mut receiver, &subscribe());
        is_heard |= sender.open(&mut asked, t0()).is_ok();
        for named in [1, 2, 4, 3, 1, 2, 4] {
            assert_eq!(opened(&mut receiver, &locked(named), t0()), Err(Refusal::Early));
        }
    }
    assert!(is_heard);
    let mut answered = Vec::new();
    assert!(sender.seal_reply(NUMBER, &reply(), &mut answered));
    opened(&mut receiver, &answered, t0()).unwrap();
    for _ in 0..4 {
        let mut asked = says(&mut receiver, &subscribe());
        assert!(sender.open(&mut asked, t0()).is_ok(), "the key that was answered to");
    }
}
