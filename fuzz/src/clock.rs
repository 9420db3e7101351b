//! The sender's clock as it is learned from exchanges, the delays that are computed from it, and the subscriber,
//! whatever was answered and when.

use std::time::{Duration, Instant};

use proto::{ClockFilter, Exchange, MediaTime, SubscribeOutput, Subscriber};
use receiver::Delays;

use super::Bytes;
use super::datagrams::{HEADER, seal};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    // Steps back in time are in reach too.
    let start = Instant::now() + Duration::from_secs(1 << 20);
    let mut now = start;
    let (mut filter, mut delays, mut subscriber) = (ClockFilter::new(), Delays::new(), Subscriber::new(now));
    while !bytes.is_empty() {
        now += bytes.step();
        let shown = 1_700_000_000_000_000 + (now - start).as_micros() as u64;
        let [heard, answered, captured] = [(); 3].map(|()| time(&mut bytes, shown));
        let apart = bytes.step();
        let sent = if bytes.u8() == 0 { now + apart } else { now - apart };
        filter.add(Exchange { sent, heard, answered, received: now });
        if let Some(reading) = filter.reading(now) {
            let later = now + bytes.step();
            let _ = (reading.at(later), reading.error_at(later), reading.at(start), reading.error_at(start));
        }
        delays.set(filter.reading(now));
        let _ = (delays.learn(captured, now), delays.since(heard, now));
        answer(&mut subscriber, &mut bytes, now);
    }
}

/// A sender's time: near what it shows, or any.
fn time(bytes: &mut Bytes<'_>, shown: u64) -> MediaTime {
    MediaTime::from_micros(match bytes.u8() {
        0 => bytes.u64(),
        1 => u64::MAX,
        2 => 0,
        n => shown.wrapping_add(u64::from(n) * 37),
    })
}

fn answer(subscriber: &mut Subscriber, bytes: &mut Bytes<'_>, now: Instant) {
    let count = bytes.below(70);
    let mut datagram = bytes.take(count).to_vec();
    if datagram.len() >= HEADER {
        datagram[..4].copy_from_slice(b"Ck\x01\x0c");
        datagram[24..28].copy_from_slice(&9_u32.to_be_bytes());
        seal(&mut datagram);
    }
    if !subscriber.handle_datagram(&datagram, now) {
        subscriber.heard(now);
    }
    let mut asks = 0;
    while matches!(subscriber.poll(now), SubscribeOutput::Transmit(_)) {
        asks += 1;
        assert!(asks < 4, "it asks without end");
    }
}
