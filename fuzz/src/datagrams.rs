//! Datagrams as a sender makes them, and the same with fields that are other than they were.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::{Clock, Fec, Frame, MediaTime, Pace, SendConfig, SendOutput, SendStream, SessionId};

use super::Bytes;

/// Makes the checksum right again (proto/README.md, section 2).
pub(crate) fn seal(datagram: &mut [u8]) {
    if datagram.len() < HEADER {
        return;
    }
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&datagram[..SEAL]);
    hasher.update(&datagram[HEADER..]);
    datagram[SEAL..HEADER].copy_from_slice(&hasher.finalize().to_be_bytes());
}

/// Makes the header's length that of the payload.
pub(crate) fn set_length(datagram: &mut [u8]) {
    let length = (datagram.len() - HEADER) as u32;
    datagram[24..28].copy_from_slice(&length.to_be_bytes());
}

/// Bytes that go through the protocol as a JPEG does, which opens none.
pub(crate) fn content(bytes: usize, seed: u8) -> Vec<u8> {
    (0..bytes).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

/// What a stream is told of the frames' lengths, its parity and its path.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'a> {
    pub(crate) session: u64,
    pub(crate) frames: &'a [usize],
    pub(crate) fec: Fec,
    pub(crate) datagram_bytes: usize,
    pub(crate) is_group: bool,
}

impl Stream<'_> {
    /// Everything that its sender says from its first frame to its goodbyes.
    pub(crate) fn said(&self) -> Vec<Vec<u8>> {
        let start = Instant::now();
        let mut said = Vec::new();
        let config = SendConfig {
            pace: Pace::Off,
            fec: self.fec,
            datagram_bytes: self.datagram_bytes,
            is_group: self.is_group,
            name: "door".into(),
            ..SendConfig::new(SessionId::new(self.session), SECRET)
        };
        let mut stream: SendStream<u8> = SendStream::new(config, sender_clock(start), start);
        let mut now = start;
        for (i, &length) in self.frames.iter().enumerate() {
            let captured = MediaTime::from_micros(STARTED + 33_333 * i as u64);
            stream.push_frame(
                Frame { captured, jpeg: Arc::new(content(length, i as u8)), signature: None },
                now,
            );
            drain(&mut stream, now, &mut said);
            now += Duration::from_millis(33);
        }
        stream.close();
        drain(&mut stream, now, &mut said);
        drain(&mut stream, now + Duration::from_secs(1), &mut said);
        said
    }
}

fn drain(stream: &mut SendStream<u8>, now: Instant, said: &mut Vec<Vec<u8>>) {
    loop {
        match stream.poll(now) {
            SendOutput::Transmit(sent) => said.extend(apart(sent.bytes, sent.segment)),
            SendOutput::Event(_) => {}
            SendOutput::Wait(_) => return,
        }
    }
}

/// The datagrams of one transmission.
pub(crate) fn apart(bytes: &[u8], segment: usize) -> impl Iterator<Item = Vec<u8>> {
    bytes.chunks(segment.max(1)).map(<[u8]>::to_vec)
}

/// What a sender's clock shows that began at this instant.
pub(crate) fn sender_clock(start: Instant) -> Clock {
    Clock::new(start, MediaTime::from_micros(STARTED))
}

/// The same, of frames of which each `parts` are the parts of one.
pub(crate) fn in_parts(mut said: Vec<Vec<u8>>, parts: u8) -> Vec<Vec<u8>> {
    for datagram in said.iter_mut().filter(|datagram| matches!(datagram[3], 1 | 2)) {
        let number = u32::from_be_bytes([datagram[12], datagram[13], datagram[14], datagram[15]]);
        let frame = number / u32::from(parts);
        datagram[12..16].copy_from_slice(&frame.to_be_bytes());
        (datagram[16], datagram[17]) = ((number % u32::from(parts)) as u8, parts);
        datagram[28..36].copy_from_slice(&(STARTED + 33_333 * u64::from(frame)).to_be_bytes());
        seal(datagram);
    }
    said
}

/// Overwrites some fields, as the bytes say.
pub(crate) fn mutate(bytes: &mut Bytes<'_>, datagram: &mut Vec<u8>) {
    for _ in 0..bytes.below(4) {
        if datagram.len() < HEADER {
            return;
        }
        mutate_once(bytes, datagram);
    }
}

fn mutate_once(bytes: &mut Bytes<'_>, datagram: &mut Vec<u8>) {
    match bytes.u8() % 20 {
        0 => datagram[3] = KINDS[bytes.below(KINDS.len())],
        1 => {
            let session = u64::from(bytes.u8() % 5);
            datagram[4..12].copy_from_slice(&session.to_be_bytes());
        }
        2 => datagram[4..12].copy_from_slice(&bytes.u64().to_be_bytes()),
        3 => datagram[12..16].copy_from_slice(&bytes.u32().to_be_bytes()),
        4 => {
            let frame = u32::from_be_bytes([datagram[12], datagram[13], datagram[14], datagram[15]]);
            let leap = LEAPS[bytes.below(LEAPS.len())];
            datagram[12..16].copy_from_slice(&frame.wrapping_add(leap).to_be_bytes());
        }
        5 => datagram[16] = bytes.u8(),
        6 => datagram[17] = bytes.u8(),
        7 => datagram[18..20].copy_from_slice(&bytes.u16().to_be_bytes()),
        8 => datagram[20..22].copy_from_slice(&bytes.u16().to_be_bytes()),
        9 => datagram[22..24].copy_from_slice(&bytes.u16().to_be_bytes()),
        10 => datagram[24..28].copy_from_slice(&bytes.u32().to_be_bytes()),
        11 => datagram[28..36].copy_from_slice(&bytes.u64().to_be_bytes()),
        12 => {
            let at = HEADER + bytes.below(64);
            if at < datagram.len() {
                datagram[at] = bytes.u8();
            }
        }
        13 => datagram.truncate(bytes.below(datagram.len() + 1)),
        14 => {
            let count = bytes.below(64);
            datagram.extend_from_slice(bytes.take(count));
        }
        15 => datagram.resize(datagram.len() + bytes.below(200), 0),
        16 => {
            let at = 3 + bytes.below(33);
            datagram[at] ^= 1 << (bytes.u8() % 8);
        }
        17 => {
            let at = HEADER + bytes.below(40);
            if at + 8 <= datagram.len() {
                datagram[at..at + 8].copy_from_slice(&bytes.u64().to_be_bytes());
            }
        }
        18 => {
            let chunks = u16::from(bytes.u8());
            datagram[20..22].copy_from_slice(&chunks.to_be_bytes());
            let index = chunks.saturating_add(u16::from(bytes.u8()));
            datagram[18..20].copy_from_slice(&index.to_be_bytes());
        }
        _ => set_length(datagram),
    }
}

pub(crate) const SECRET: [u8; 16] = [7; 16];
/// When the senders' clocks begin.
pub(crate) const STARTED: u64 = 1_000_000_000_000;
/// The header's bytes, the last four of which are the checksum.
pub(crate) const HEADER: usize = 40;
const SEAL: usize = 36;
/// All kinds that there are, and one that there is not.
const KINDS: [u8; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255];
/// By how much frames leap, in both directions.
const LEAPS: [u32; 8] = [1, u32::MAX, 1024, 1025, 1 << 31, (1 << 31) - 1, 64, 7];
