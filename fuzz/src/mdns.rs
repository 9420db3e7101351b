//! Messages of multicast DNS, whoever sent them: what is known of it stays within its bounds, and what is said or asked
//! because of it can be read, fits into a datagram, and is not said without end.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use proto::discovery::mdns::{
    Cache, MOST_OF_ONE_SOURCE, MOST_SENDERS, Message, Name, Responder, Service, strings,
};

/// A byte of the source and one of the time before each message, and two of its length.
pub fn run(data: &[u8]) {
    let kind = Name::dotted("_chunkcast._udp.local").expect("it is a name");
    let service = Service {
        kind,
        label: "door".into(),
        host: Name::dotted("h.local").expect("it is a name"),
        port: 9001,
        address: None,
        text: b"\x03v=1".to_vec(),
    };
    let mut now = Instant::now();
    let mut cache = Cache::new(kind, &["door".into()], now);
    let mut responder = Responder::new(service, now).expect("it can be called so");
    let mut rest = data;
    while let [source, time, high, low, behind @ ..] = rest {
        let (bytes, behind) = behind.split_at(behind.len().min(usize::from(*high) << 8 | usize::from(*low)));
        rest = behind;
        now += Duration::from_millis(u64::from(*time) * 10);
        if let Some(message) = Message::parse(bytes) {
            cache.hear(1, IpAddr::from([10, 0, 0, *source]), &message, now);
            responder.hear(1, &message, now);
        }
        let said = (0..100).find(|_| responder.poll(now).is_err()).expect("it comes to an end");
        let asked = (0..100).find(|_| cache.poll(now).map(|question| check(&question)).is_err());
        assert!(said <= 4 && asked.expect("it comes to an end") <= 2);
        let all = cache.all();
        assert!(all.len() <= MOST_SENDERS && all.len() <= 256 * MOST_OF_ONE_SOURCE);
        for heard in all {
            assert!(heard.addresses.len() <= 16);
            heard.text.iter().for_each(|text| assert!(strings(text).count() <= text.len()));
        }
    }
}

fn check(message: &[u8]) {
    assert!(message.len() <= 1472, "{}", message.len());
    assert!(Message::parse(message).expect("it is one").items().count() > 0);
}
