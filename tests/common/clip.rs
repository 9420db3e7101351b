//! Pictures to send: made here, or real footage.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::jpeg::Splitter;
use proto::rtp::{RtpRecvConfig, RtpRecvStream, RtpSendConfig, RtpSendStream};
use proto::{Clock, Frame, MediaTime, Pace, RecvEvent, SendOutput};

/// JPEG frames of which no two are alike, so that each is known again.
pub(crate) struct Clip {
    pub(crate) frames: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, usize>,
}

impl Clip {
    /// The frames of an `.mjpeg` stream.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let frames = split(bytes);
        let numbers: HashMap<_, _> = frames.iter().cloned().enumerate().map(|(i, jpeg)| (jpeg, i)).collect();
        assert_eq!(numbers.len(), frames.len(), "the frames are not distinct");
        Self { frames, numbers }
    }

    pub(crate) fn read(path: &Path) -> Self {
        Self::of(&std::fs::read(path).unwrap())
    }

    /// `count` pictures of `width` x `height`: stripes that move, and noise so that they are as large as a camera's.
    pub(crate) fn made(count: usize, width: usize, height: usize) -> Self {
        let mut noise = 1_u32;
        let frames: Vec<u8> = (0..count)
            .flat_map(|number| {
                let mut pixels = vec![0; width * height * 3];
                for (at, pixel) in pixels.chunks_exact_mut(3).enumerate() {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let stripe = [60, 180][(at % width + number * 8) / 32 % 2];
                    pixel.fill(stripe + (noise >> 27) as u8);
                    pixel[2] = (at / width * 255 / height) as u8;
                }
                let format = turbojpeg::PixelFormat::RGB;
                let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
                turbojpeg::compress(image, 85, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec()
            })
            .collect();
        Self::of(&frames)
    }

    /// The same pictures with the headers that a receiver of RTP/JPEG makes.
    pub(crate) fn after_rtp(&self) -> Self {
        Self::of(&self.frames.iter().flat_map(|jpeg| through_rtp(jpeg)).collect::<Vec<_>>())
    }

    /// Which frame this is; `None` if it is none of them, byte for byte.
    pub(crate) fn number(&self, jpeg: &[u8]) -> Option<usize> {
        self.numbers.get(jpeg).copied()
    }

    /// All frames, one behind the other.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.frames.concat()
    }

    /// Writes the frames to an `.mjpeg` file.
    pub(crate) fn write(&self, path: &str) {
        std::fs::write(path, self.bytes()).unwrap();
    }
}

/// What a receiver of RTP/JPEG makes of a JPEG.
pub(crate) fn through_rtp(jpeg: &[u8]) -> Vec<u8> {
    let now = Instant::now();
    let clock = Clock::new(now, MediaTime::default());
    let config = RtpSendConfig {
        ssrc: 1,
        sequence: 0,
        timestamp: 0,
        datagram_bytes: 1472,
        overhead_bytes: 66,
        pace: Pace::Off,
        max_bitrate: None,
        reports_to: None,
        name: String::new(),
    };
    let mut sender: RtpSendStream<()> = RtpSendStream::new(config, clock);
    let mut receiver = RtpRecvStream::new(RtpRecvConfig { deadline: Duration::from_secs(1), clock });
    sender.push_frame(
        Frame { captured: MediaTime::default(), jpeg: Arc::new(jpeg.to_vec()), signature: None },
        now,
    );
    while let SendOutput::Transmit(transmit) = sender.poll(now) {
        for packet in transmit.bytes.chunks(transmit.segment) {
            receiver.handle_datagram_arrived((), packet, now, now);
        }
    }
    let delivered = std::iter::from_fn(|| receiver.next_event()).find_map(|event| match event {
        RecvEvent::Delivered(delivery) => Some(delivery),
        _ => None,
    });
    delivered.expect("a legal JPEG").frame.jpeg.to_vec()
}

/// Cuts an `.mjpeg` stream into its frames.
pub(crate) fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut splitter, mut rest, mut frames) = (Splitter::new(usize::MAX), bytes.to_vec(), Vec::new());
    let mut taken = 0;
    while let Some(range) = splitter.next(&rest[..]) {
        frames.push(rest[range.clone()].to_vec());
        taken += range.end;
        rest.drain(..range.end);
        splitter.removed(range.end);
    }
    assert!(taken > 0 || bytes.is_empty(), "no JPEG in {} bytes", bytes.len());
    frames
}

/// Where the real footage `name` is; `None`, said aloud, if it cannot be had here.
pub(crate) fn footage(name: &str) -> Option<PathBuf> {
    let made = Command::new(super::root().join("scripts/clip")).arg(name).output().unwrap();
    if !made.status.success() {
        super::skip(&format!("no real footage: {}", String::from_utf8_lossy(&made.stderr).trim()), false);
        return None;
    }
    Some(String::from_utf8(made.stdout).unwrap().trim().into())
}

/// A Y4M stream of 4:2:0 pictures with something in them, full range as JPEG is, so that nothing is converted.
pub(crate) fn y4m(count: usize, width: usize, height: usize) -> Vec<u8> {
    let mut out =
        format!("YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n").into_bytes();
    for number in 0..count {
        out.extend_from_slice(b"FRAME\n");
        out.extend((0..width * height).map(|at| ((at % width + at / width + number * 9) % 220) as u8 + 16));
        out.extend(std::iter::repeat_n(128, width.div_ceil(2) * height.div_ceil(2) * 2));
    }
    out
}
