//! What lies at the ends of counts, memory and times.

use super::*;

fn subscribe() -> Vec<u8> {
    let header = Header::control(
        Kind::Subscribe,
        SessionId::new(u64::MAX),
        FrameId::new(0),
        MediaTime::from_micros(1),
    );
    let mut plain = Vec::new();
    let subscribe = Subscribe { token: Token::default(), leaves: false };
    wire::emit_with(&header, &mut plain, |body| subscribe.emit(body));
    plain
}

fn reply() -> Vec<u8> {
    control(Kind::SubscribeReply, 2, |body| {
        SubscribeReply { token: Token::new(4), status: SubscribeStatus::ShowToken }.emit(body);
    })
}

fn said(receiver: &mut ReceiverKeys, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(receiver.seal(plain, &mut sealed));
    sealed
}

#[test]
fn a_pong_for_another_run_proves_nothing_though_both_clocks_show_the_same() {
    let mut keys = sender(1);
    let mut stream = keys.stream(None).unwrap();
    let hello = sealed(&mut stream, &hello(1, true));
    // It was recorded: the same clock, of a receiver with another number.
    let mut earlier = ReceiverKeys::new(vec![key(1)], NUMBER + 1, false);
    opened(&mut earlier, &hello, t0()).unwrap();
    let asked = keys
        .open(&mut said(&mut earlier, &ping(42)), t0())
        .map(|(plain, _)| Datagram::parse(plain).unwrap().header.captured.as_micros());
    let recorded = sealed(&mut stream, &pong(asked.unwrap()));
    let chunk = sealed(&mut stream, &data(b"chunk"));
    assert_eq!(opened(&mut earlier, &recorded, t0()).unwrap(), pong(42), "its own clock");
    assert!(opened(&mut earlier, &chunk, t0()).is_ok());
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    opened(&mut receiver, &hello, t0()).unwrap();
    said(&mut receiver, &ping(42));
    opened(&mut receiver, &recorded, t0()).unwrap();
    assert_eq!(opened(&mut receiver, &chunk, t0()), Err(Refusal::Unproven));
}

#[test]
fn a_subscribe_is_no_shorter_than_its_reply() {
    let mut keys = sender(1);
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, true);
    let mut answered = Vec::new();
    assert!(keys.seal_reply(NUMBER, &reply(), &mut answered));
    let asked = said(&mut receiver, &subscribe());
    assert!(answered.len() <= asked.len(), "{} for {}", answered.len(), asked.len());
    assert!(keys.open(&mut asked.clone(), t0()).is_ok());
}

#[test]
fn replies_go_on_beyond_what_one_secret_seals() {
    let mut keys = sender(1);
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, true);
    for replies in [(1 << 32) - 2, (1 << 32) - 1, 1 << 32, 1 << 35] {
        keys.replies = replies;
        let mut answered = Vec::new();
        assert!(keys.seal_reply(NUMBER, &reply(), &mut answered));
        assert_eq!(opened(&mut receiver, &answered, t0()), Ok(reply()), "{replies}");
    }
    keys.replies = (1 << 40) - 1;
    assert!(!keys.seal_reply(NUMBER, &reply(), &mut Vec::new()));
}

#[test]
fn first_requests_of_many_displace_nobody_who_speaks_in_the_session() {
    let mut keys = sender(1);
    let mut receiver = ReceiverKeys::new(vec![key(1)], NUMBER, false);
    opened(&mut receiver, &sealed(&mut keys.stream(None).unwrap(), &hello(1, true)), t0()).unwrap();
    let [recorded, next] = [1, 2].map(|at| said(&mut receiver, &ping(at)));
    assert!(keys.open(&mut recorded.clone(), t0()).is_ok());
    for number in 1..3000 {
        let mut other = ReceiverKeys::new(vec![key(1)], NUMBER + number, true);
        let later = t0() + Duration::from_millis(number);
        assert!(keys.open(&mut said(&mut other, &subscribe()), later).is_ok());
        // Nor does what is forged in its name make it one that speaks in the session.
        let mut forged = next.clone();
        forged[52..60].copy_from_slice(&(NUMBER + number).to_be_bytes());
        assert_eq!(keys.open(&mut forged, later).map(|_| ()), Err(Refusal::Forged));
    }
    assert_eq!(keys.receivers(), 1024);
    let later = t0() + Duration::from_secs(4);
    assert_eq!(keys.open(&mut recorded.clone(), later).map(|_| ()), Err(Refusal::Replayed));
}
