//! Any datagram: what is read of it is within it, and a flipped bit is never accepted.

use std::sync::LazyLock;

use proto::Fec;
use proto::wire::{Body, Datagram};

use super::Bytes;
use super::datagrams::{Stream, mutate, seal};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut datagram = if bytes.u8() & 1 == 0 {
        bytes.0.to_vec()
    } else {
        let mut genuine = POOL[bytes.below(POOL.len())].clone();
        mutate(&mut bytes, &mut genuine);
        genuine
    };
    if datagram.len() >= 3 && !data.len().is_multiple_of(3) {
        datagram[..3].copy_from_slice(b"Ck\x01");
    }
    seal(&mut datagram);
    let Ok(read) = Datagram::parse(&datagram) else { return };
    check(&read);
    let at = usize::from(data.first().copied().unwrap_or(0)) * 7 % datagram.len();
    let mut flipped = datagram.clone();
    flipped[at] ^= 1 << (data.len() % 8);
    assert!(Datagram::parse(&flipped).is_err(), "bit {} of byte {at} is flipped", data.len() % 8);
}

fn check(read: &Datagram<'_>) {
    match &read.body {
        Body::Data { geometry, chunk, .. } => {
            let range = geometry.range(read.header.index.into());
            assert_eq!(chunk.len(), range.len());
            assert!(range.end <= geometry.length());
        }
        Body::Parity { geometry, index, chunk, .. } => {
            assert_eq!(chunk.len(), geometry.chunk_bytes());
            assert!(*index <= 2048);
        }
        Body::Hello(hello) => assert!(hello.name.len() <= proto::wire::MAX_NAME_BYTES),
        Body::Report(report) => assert!(report.trains().count() <= 16),
        Body::Resend(request) => {
            let (mut end, mut count) = (0, 0);
            for range in request.ranges() {
                assert!(range.start >= end && !range.is_empty(), "ranges rise");
                assert!(range.end <= proto::MAX_CHUNKS);
                end = range.end;
                count += 1;
            }
            assert!(count <= 64);
        }
        _ => {}
    }
}

static POOL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let frames = &[900, 40, 3000];
    Stream { session: 1, frames, fec: Fec::Percent(40), datagram_bytes: 300, is_group: true }.said()
});
