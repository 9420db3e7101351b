//! What one frame costs: cut, put together again, and both; its parity made and used; and sealed and opened by a key.
//! `cargo bench -p proto --features keys`
//!
//! Medians of many runs on one core; a frame of 170 KB is a 1080p picture at quality 80.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use code::codec::ParityEncoder;
use code::repair::Repairer;
#[cfg(feature = "keys")]
use proto::keys::{Key, ReceiverKeys, SEALED_BYTES, SenderKeys, SignatureCheck, SigningKey, Suite};
use proto::wire::{Datagram, HEADER_BYTES};
#[cfg(feature = "keys")]
use proto::wire::{Header, Hello, Kind, SourceState, emit_control};
use proto::{
    Buffer, Clock, Fec, Frame, FrameId, Geometry, MediaTime, Pace, Random, RecvConfig, RecvEvent, RecvOutput,
    RecvStream, SendConfig, SendOutput, SendStream, SessionId, Slab, warm_up,
};

/// The code is private to the crate: its source is compiled into this program once more.
#[path = "../src/fec"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "the benchmark uses a part of it")]
mod code {
    pub(crate) mod codec;
    pub(crate) mod repair;
}
/// What that source takes from the crate.
#[allow(unused_imports, reason = "its tests take more")]
mod geometry {
    pub(crate) use proto::{Geometry, MAX_CHUNKS};
}
/// And what its tests do.
#[allow(unused_imports, reason = "only its tests take it")]
mod random {
    pub(crate) use proto::Random;
}

fn main() {
    let mut jpeg = vec![0; FRAME_BYTES];
    Random::new(1).fill(&mut jpeg);
    let jpeg = Buffer::new(jpeg);
    println!("one frame of {FRAME_BYTES} bytes, datagrams of at most {DATAGRAM_BYTES}");

    let mut slab = Slab::default();
    cut(&mut slab, &jpeg, 0);
    let datagrams = slab.len();
    bench("cut, with checksums", datagrams, |_| cut(&mut slab, &jpeg, 0));

    bench("parse, with checksums", datagrams, |_| {
        for index in 0..datagrams {
            black_box(Datagram::parse(slab.range(index..index + 1)).unwrap());
        }
    });

    // Every run needs a frame of its own: it is cut outside of the time that counts.
    let mut receiver = RecvStream::new(RecvConfig::default());
    let now = Instant::now();
    let mut number = 0;
    bench_after(
        "parse and reassemble",
        datagrams,
        &mut slab,
        |slab| {
            number += 1;
            cut(slab, &jpeg, number);
        },
        |slab| {
            let mut datagram = [0; DATAGRAM_BYTES];
            for index in 0..datagrams {
                let bytes = slab.range(index..index + 1);
                datagram[..bytes.len()].copy_from_slice(bytes);
                receiver.handle_datagram(1, &mut datagram[..bytes.len()], now);
            }
            assert_eq!(delivered(&mut receiver, now), 1);
        },
    );

    let mut sender = sender(now);
    let mut receiver = RecvStream::new(RecvConfig::default());
    let mut datagram = [0; DATAGRAM_BYTES];
    bench("SendStream to RecvStream", datagrams, |run| {
        let frame = Frame { captured: MediaTime::from_micros(run), jpeg: jpeg.clone(), signature: None };
        sender.push_frame(frame, now);
        loop {
            match sender.poll(now) {
                SendOutput::Transmit(transmit) => {
                    for bytes in transmit.bytes.chunks(transmit.segment) {
                        datagram[..bytes.len()].copy_from_slice(bytes);
                        receiver.handle_datagram(1, &mut datagram[..bytes.len()], now);
                    }
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => break,
            }
        }
        assert_eq!(delivered(&mut receiver, now), 1);
    });

    parity(&jpeg);
    #[cfg(feature = "keys")]
    {
        [Suite::Aes, Suite::ChaCha].into_iter().for_each(|suite| keyed(&jpeg, suite));
        signed(&jpeg);
    }
}

/// The frame signed, and that checked.
#[cfg(feature = "keys")]
fn signed(jpeg: &[u8]) {
    let (session, key) = (SessionId::new(1), SigningKey::from_seed(&[1; 32]));
    let mut frame =
        Frame { captured: MediaTime::from_micros(1), jpeg: Arc::new(jpeg.to_vec()), signature: None };
    bench("sign", 1, |_| key.sign(session, &mut frame));
    let mut check = SignatureCheck::default();
    check.begin(session);
    check.introduce(Some(key.signer()));
    bench("check a signature", 1, |_| assert!(check.check(&frame, None, true).is_ok()));
}

/// The datagrams of the frame sealed by this cipher, and opened; and a made-up hello, which is refused.
#[cfg(feature = "keys")]
fn keyed(jpeg: &[u8], suite: Suite) {
    let (now, session, key) = (Instant::now(), SessionId::new(1), Key::from_random(&[1; 16]));
    let mut stream = SenderKeys::new(key.clone(), session, [2; 16], suite).stream(None).unwrap();
    let mut receiver = ReceiverKeys::new(vec![key], 3, false);
    let mut greet = |sealed: &mut Vec<u8>| {
        let hello = Hello {
            state: SourceState::Live,
            name: "door",
            invitation: None,
            interval: None,
            signer: None,
            capture_error: None,
        };
        let header = Header::control(Kind::Hello, session, FrameId::new(0), MediaTime::default());
        let mut plain = Vec::new();
        emit_control(&header, Some(&hello), &mut plain);
        assert!(stream.seal(&plain, sealed));
    };
    let (mut hello, mut forged) = (Vec::new(), Vec::new());
    greet(&mut hello);
    greet(&mut forged);
    receiver.open(&mut hello, now).unwrap();

    let mut slab = Slab::default();
    let captured = MediaTime::default();
    slab.cut(jpeg, None, session, FrameId::new(0), captured, DATAGRAM_BYTES - SEALED_BYTES, |_| 0).unwrap();
    let (count, length) = (slab.len(), slab.stride() + SEALED_BYTES);
    let mut sealed = Vec::with_capacity(count * length);
    let mut seal = |sealed: &mut Vec<u8>| {
        sealed.clear();
        (0..count).for_each(|index| assert!(stream.seal(slab.range(index..index + 1), sealed)));
    };
    bench(&format!("seal {suite:?}"), count, |_| seal(black_box(&mut sealed)));
    bench_after(&format!("open {suite:?}"), count, &mut sealed, seal, |sealed| {
        sealed.chunks_mut(length).for_each(|datagram| assert!(receiver.open(datagram, now).is_ok()));
    });
    // Of another salt: its keys are derived before it is found to be forged.
    let mut number = 0_u64;
    bench(&format!("forged hello {suite:?}"), 1, |_| {
        number += 1;
        let mut hello = forged.clone();
        hello[52..60].copy_from_slice(&number.to_be_bytes());
        assert!(receiver.open(&mut hello, now).is_err());
    });
}

/// Parity of the frame at 10 %, and as many losses repaired as it can be; then the same for one chunk and the XOR.
fn parity(jpeg: &[u8]) {
    let start = Instant::now();
    warm_up();
    println!("parity tables             once {:>9.1} us", start.elapsed().as_nanos() as f64 / 1e3);

    let geometry = Geometry::cut(jpeg.len(), DATAGRAM_BYTES - HEADER_BYTES - 4).unwrap();
    let count = geometry.chunks();
    let chunks = || (0..count).map(|index| &jpeg[geometry.range(index)]);
    let (mut encoder, mut repairer) = (ParityEncoder::default(), Repairer::default());
    for (wanted, name) in [(1..1 + count.div_ceil(10), "Reed-Solomon"), (0..1, "XOR")] {
        let lost = wanted.len();
        bench(&format!("parity {lost} {name}"), count, |_| {
            encoder.encode(geometry, chunks(), wanted.clone(), |_, chunk| {
                black_box(chunk);
            });
        });

        let mut made = Vec::new();
        encoder.encode(geometry, chunks(), wanted, |index, chunk| made.push((index, chunk.to_vec())));
        let mut have = vec![u64::MAX; count.div_ceil(64)];
        let missing = (0..lost).map(|number| number * count / lost);
        missing.clone().for_each(|index| have[index / 64] &= !(1 << (index % 64)));
        let mut part = jpeg.to_vec();
        bench_after(
            &format!("repair {lost} {name}"),
            count,
            &mut part,
            |part| missing.clone().for_each(|index| part[geometry.range(index)].fill(0)),
            |part| {
                let parity = made.iter().map(|(index, chunk)| (*index, chunk.as_slice()));
                assert!(repairer.repair(geometry, part, &have, parity));
            },
        );
        assert!(part == jpeg);
    }
}

fn cut(slab: &mut Slab, jpeg: &[u8], number: u32) {
    let captured = MediaTime::from_micros(number.into());
    slab.cut(jpeg, None, SessionId::new(1), FrameId::new(number), captured, DATAGRAM_BYTES, |_| 0).unwrap();
}

fn sender(now: Instant) -> SendStream<u8> {
    let config = SendConfig {
        datagram_bytes: DATAGRAM_BYTES,
        pace: Pace::Off,
        fec: Fec::Off,
        ..SendConfig::new(SessionId::new(1), [7; 16])
    };
    SendStream::new(config, Clock::new(now, MediaTime::default()), now)
}

fn delivered(receiver: &mut RecvStream<u8>, now: Instant) -> usize {
    let mut delivered = 0;
    while let RecvOutput::Event(event) = receiver.poll(now) {
        delivered += usize::from(matches!(event, RecvEvent::Delivered(_)));
    }
    delivered
}

fn bench(name: &str, datagrams: usize, mut run: impl FnMut(u64)) {
    let mut number = 0;
    bench_after(
        name,
        datagrams,
        &mut (),
        |()| {},
        |()| {
            number += 1;
            run(number);
        },
    );
}

/// Times `run`, each time after `prepare`, for about two seconds, and prints the median and the fastest tenth.
fn bench_after<T>(
    name: &str,
    datagrams: usize,
    with: &mut T,
    mut prepare: impl FnMut(&mut T),
    mut run: impl FnMut(&mut T),
) {
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        prepare(with);
        let start = Instant::now();
        run(with);
        times.push(start.elapsed());
    }
    let times = &mut times[WARM_RUNS..];
    times.sort_unstable();
    let (median, fast) = (times[times.len() / 2], times[times.len() / 10]);
    let gigabytes = FRAME_BYTES as f64 / median.as_nanos() as f64;
    let each = median.as_nanos() / datagrams as u128;
    println!(
        "{name:<26} median {:>7.1} us, fastest tenth {:>7.1} us; {each:>4} ns a datagram, {gigabytes:.2} GB/s",
        median.as_nanos() as f64 / 1e3,
        fast.as_nanos() as f64 / 1e3,
    );
}

const FRAME_BYTES: usize = 170_000;
const DATAGRAM_BYTES: usize = 1472;
const WARM_RUNS: usize = 50;
