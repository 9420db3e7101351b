//! What sealing and opening cost: no allocation, once a session is known.

use std::time::Duration;

use crate::allocations::allocations;
use proto::Random;
use proto::keys::{Key, ReceiverKeys, SenderKeys, Suite};
use proto::wire::{self, Header, Kind};
use proto::{FrameId, MediaTime, SessionId};

#[test]
#[allow(clippy::disallowed_methods, reason = "some instant to count from; nothing depends on which")]
fn sealing_and_opening_both_ways_allocate_nothing_nor_does_what_is_refused() {
    let (key, session, now) = (Key::from_random(&[1; 16]), SessionId::new(5), std::time::Instant::now());
    let mut keys = SenderKeys::new(key.clone(), session, [2; 16], Suite::fastest());
    let mut stream = keys.stream(None).unwrap();
    let mut receiver = ReceiverKeys::new(vec![key], 77, false);
    let (mut sealed, mut said) = (Vec::with_capacity(2000), Vec::with_capacity(2000));
    let hello = datagram(Kind::Hello, b"\0\x04door");
    let (chunk, ping) = (datagram(Kind::Data, &[7; 1400]), datagram(Kind::Ping, &[0; 24]));
    let mut random = Random::new(1);
    let mut both_ways = |number: u64| {
        let now = now + Duration::from_millis(number);
        for plain in [&hello, &chunk, &chunk] {
            sealed.clear();
            assert!(stream.seal(plain, &mut sealed));
            let at = random.below(sealed.len() as u64) as usize;
            sealed[at] ^= 4;
            // A changed hello may introduce another session, of which something is made to look at it.
            if plain != &hello {
                assert!(receiver.open(&mut sealed, now).is_err());
            }
            sealed.clear();
            assert!(stream.seal(plain, &mut sealed));
            assert!(receiver.open(&mut sealed, now).is_ok());
        }
        said.clear();
        assert!(receiver.seal(&ping, &mut said));
        assert!(keys.open(&mut said, now).is_ok());
    };
    (0..100).for_each(&mut both_ways);
    let before = allocations();
    (100..2000).for_each(&mut both_ways);
    assert_eq!(allocations() - before, 0);
}

fn datagram(kind: Kind, body: &[u8]) -> Vec<u8> {
    let header = Header::control(kind, SessionId::new(5), FrameId::new(1), MediaTime::from_micros(1));
    let mut datagram = vec![0; wire::HEADER_BYTES];
    datagram.extend_from_slice(body);
    let length = body.len() as u32;
    wire::emit(&Header { length, parts: 1, data_chunks: 1, ..header }, &mut datagram);
    datagram
}
