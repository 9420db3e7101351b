//! An RTP/JPEG receiver among several sources: each packet and each frame ends in one counted way, and what is
//! delivered begins and ends as a JPEG does.

use std::time::{Duration, Instant};

use proto::rtp::{PAYLOAD_TYPE, RtpRecvConfig, RtpRecvStream};
use proto::{Clock, MAX_FRAME_BYTES, MediaTime, RecvEvent, RecvOutput};

use super::Bytes;
use super::recv::adds_up;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let start = Instant::now() + Duration::from_secs(10);
    let clock = Clock::new(start, MediaTime::from_micros(1_000_000));
    let recv = RtpRecvStream::new(RtpRecvConfig { deadline: Duration::from_millis(500), clock });
    let (sequence, timestamp) = (bytes.u16(), bytes.u32());
    let mut scene = Scene { now: start, recv, sequence, timestamp, ssrc: 1, offset: 0, delivered: 0 };
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        scene.step(&mut bytes);
        scene.drain();
    }
    scene.recv.close();
}

struct Scene {
    now: Instant,
    recv: RtpRecvStream<u8>,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    /// Where in its frame the next packet's content is.
    offset: u32,
    delivered: u64,
}

impl Scene {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let op = bytes.u8();
        match op % 8 {
            0 => {
                self.now += bytes.step();
                self.recv.handle_timeout(self.now);
            }
            1 => self.next_frame(),
            2 => match bytes.u8() % 6 {
                0 => self.sequence = bytes.u16(),
                1 => self.timestamp = bytes.u32(),
                2 => self.ssrc = (bytes.u8() & 3).into(),
                // Far in is rare: it costs a frame's whole length.
                3 => self.offset = bytes.u32() & if op & 192 == 0 { 0xff_ffff } else { 0xffff },
                4 => self.sequence = self.sequence.wrapping_sub(3),
                _ => self.offset = self.offset.saturating_sub(100),
            },
            3 => {
                let count = bytes.below(80);
                let mut rtcp = bytes.take(count).to_vec();
                if let [first, kind, _, ..] = &mut rtcp[..] {
                    *first = 0x80 | *first & 0x3f;
                    *kind = 192 + (*kind & 31);
                }
                self.hear(op >> 6, &rtcp);
            }
            4 => {
                let count = bytes.below(60);
                let datagram = bytes.take(count);
                let _ = proto::rtp::session_of(datagram);
                self.hear(op >> 6, datagram);
            }
            _ => {
                let packet = self.packet(op, bytes);
                self.hear(op >> 6 & 1, &packet);
            }
        }
    }

    fn packet(&mut self, op: u8, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let flags = bytes.u8();
        let (is_last, has_restarts) = (flags & 1 != 0, flags & 2 != 0);
        let quality = [255, 60, 128, 200][usize::from(flags >> 2 & 3)];
        let mut packet = vec![0x80, PAYLOAD_TYPE | if is_last { 0x80 } else { 0 }];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&self.timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.push(0);
        packet.extend_from_slice(&self.offset.to_be_bytes()[1..]);
        packet.extend_from_slice(&[if has_restarts { 65 } else { 1 }, quality, 4, 3]);
        if has_restarts {
            packet.extend_from_slice(&[0, flags >> 6, 255, 255]);
        }
        if self.offset == 0 && quality >= 128 {
            let tables = if flags & 16 != 0 { 128 } else { 0 };
            packet.extend_from_slice(&[0, 0, 0, tables]);
            packet.resize(packet.len() + usize::from(tables), 16);
        }
        let content = match bytes.u8() {
            255 => 60_000,
            n => usize::from(n) * 5 + 1,
        };
        packet.resize(packet.len() + content, op);
        if flags & 32 != 0 {
            for _ in 0..bytes.below(3) {
                let at = bytes.below(packet.len().min(40));
                packet[at] = bytes.u8();
            }
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.offset = (self.offset + content as u32) & 0xff_ffff;
        if is_last {
            self.next_frame();
        }
        packet
    }

    fn next_frame(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(3000);
        self.offset = 0;
    }

    fn hear(&mut self, source: u8, datagram: &[u8]) {
        self.recv.handle_datagram_arrived(source, datagram, self.now, self.now);
    }

    fn drain(&mut self) {
        while let RecvOutput::Event(event) = self.recv.poll(self.now) {
            let RecvEvent::Delivered(delivery) = event else { continue };
            self.delivered += 1;
            let jpeg = &delivery.frame.jpeg;
            assert!(jpeg.len() <= MAX_FRAME_BYTES + 2000, "{} bytes", jpeg.len());
            assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
            let _ = proto::jpeg::scan(jpeg);
        }
        adds_up(self.recv.stats());
        assert_eq!(self.recv.stats().delivered, self.delivered);
    }
}

const MOST_STEPS: usize = 300;
