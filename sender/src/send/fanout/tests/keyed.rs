//! Streams to viewers that have the key.

use proto::keys::{Key, ReceiverKeys, SenderKeys, Suite};

use super::*;

/// Whoever has recorded what a receiver said to a run before can say it again from a viewer's address.
#[test]
fn what_is_said_from_a_viewers_address_by_who_shows_no_token_takes_no_stream_from_it() {
    let (mut setup, to) = Setup::serving(2);
    let key = Key::from_random(&[1; 16]);
    let keys = SenderKeys::new(key.clone(), SESSION, [2; 16], Suite::Aes);
    setup.fanout.lock(Some(Keyed::new(keys)));
    let mut viewer = Viewer::new(to);
    let mut receiver = ReceiverKeys::new(vec![key.clone()], 7, true);
    let said = |receiver: &mut ReceiverKeys, viewer: &mut Viewer, later| {
        let (mut sealed, now) = (Vec::new(), Instant::now() + later);
        while let SubscribeOutput::Transmit(subscribe) = viewer.subscriber.poll(now) {
            sealed.clear();
            assert!(receiver.seal(subscribe, &mut sealed));
            viewer.socket.send_to(&sealed, viewer.to).unwrap();
        }
    };
    let shown = |receiver: &mut ReceiverKeys, viewer: &mut Viewer| {
        let (mut chunks, mut place) = (0, [0; 2000]);
        while let Ok(length) = viewer.socket.recv(&mut place) {
            // The reply to the other is for that one alone.
            let Ok(opened) = receiver.open(&mut place[..length], Instant::now()) else { continue };
            if !viewer.subscriber.handle_datagram(opened, Instant::now()) {
                viewer.subscriber.heard(Instant::now());
                chunks += u32::from(matches!(Datagram::parse(opened).unwrap().body, Body::Data { .. }));
            }
        }
        chunks
    };
    for _ in 0..2 {
        said(&mut receiver, &mut viewer, Duration::ZERO);
        setup.receive();
        shown(&mut receiver, &mut viewer);
    }
    for captured in 1..=3 {
        // Both are read at once.
        said(&mut receiver, &mut viewer, Duration::from_millis(600));
        let mut recorded = ReceiverKeys::new(vec![key.clone()], 100 + captured, true);
        let subscriber = std::mem::replace(&mut viewer.subscriber, Subscriber::new(Instant::now()));
        said(&mut recorded, &mut viewer, Duration::ZERO);
        viewer.subscriber = subscriber;
        setup.receive();
        setup.push(captured);
        assert!(shown(&mut receiver, &mut viewer) > 0, "frame {captured}");
    }
}
