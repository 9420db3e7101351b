//! Any frames of any times and sizes as a recording: each file is made of whole elements, its times rise, and nothing
//! is written outside of the folder, whatever the sender's name is.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::{Frame, FrameId, MediaTime};
use receiver::{KeepOptions, Received, Recorder};

use super::{Bytes, scratch};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = bytes.u8();
    let around = scratch("keep");
    let folder = around.join("kept");
    let _ = fs::remove_dir_all(&around);
    let replay = Some(Duration::from_secs(3600));
    let options = KeepOptions { folder: folder.clone(), replay, replay_bytes: 32 << 20, split: None };
    let recorder = Recorder::new(&options);
    let count = bytes.below(40);
    recorder.set_name(&String::from_utf8_lossy(bytes.take(count)));
    for received in frames(flags, &mut bytes) {
        recorder.offer(&received);
    }
    let notice = recorder.save_replay().wait(Duration::from_secs(20)).expect("it is written at once");
    recorder.finish();
    drop(recorder);

    let names = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("it is ours").path()).collect()
    };
    for path in names(&folder) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are text");
        assert!(name.ends_with(".mkv") && !name.starts_with(['-', '.']) && name.len() < 150, "{name:?}");
        check(&fs::read(&path).expect("it is ours"));
    }
    let written = notice.path.is_some_and(|path| path.exists());
    assert!(notice.is_trouble || written, "{}", notice.text);
    let beside = names(&around);
    assert!(beside.iter().all(|path| *path == folder), "{beside:?}");
    let _ = fs::remove_dir_all(&around);
}

fn frames(flags: u8, bytes: &mut Bytes<'_>) -> Vec<Received> {
    let mut time = match flags % 4 {
        0 => 0,
        1 => u64::MAX - 5_000_000,
        2 => bytes.u64(),
        _ => 1_700_000_000_000_000,
    };
    let mut frames = Vec::new();
    while !bytes.is_empty() && frames.len() < MOST_FRAMES {
        let flags = bytes.u8();
        time = match flags % 8 {
            0 => bytes.u64(),
            1 => time.wrapping_sub(u64::from(bytes.u16()) * 100),
            2 => time,
            3 => time.wrapping_add(u64::from(bytes.u32()) * 1000),
            _ => time.wrapping_add(33_333),
        };
        let length = match bytes.u8() {
            255 => 17_000,
            254 => 2_100_000,
            n => n.into(),
        };
        let (width, height) = if flags & 32 != 0 { (bytes.u16(), bytes.u16()) } else { (640, 480) };
        let jpeg = if flags & 64 != 0 {
            let count = bytes.below(40);
            bytes.take(count).to_vec()
        } else {
            picture(width, height, length, flags & 16 != 0)
        };
        let id = FrameId::new(frames.len() as u32);
        let frame = Frame { captured: MediaTime::from_micros(time), jpeg: Arc::new(jpeg), signature: None };
        frames.push(Received { id, sender: u32::from(flags >> 7), frame });
    }
    frames
}

/// What a recording takes for a picture: it decodes none.
fn picture(width: u16, height: u16, length: usize, has_tables: bool) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    if has_tables {
        jpeg.extend_from_slice(&[0xff, 0xc4, 0, 3, 0]);
    }
    jpeg.extend_from_slice(&[0xff, 0xc0, 0, 17, 8]);
    jpeg.extend_from_slice(&height.max(1).to_be_bytes());
    jpeg.extend_from_slice(&width.max(1).to_be_bytes());
    jpeg.extend_from_slice(&[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    jpeg.extend_from_slice(&[0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    jpeg.resize(jpeg.len() + length, 7);
    jpeg.extend_from_slice(&[0xff, 0xd9]);
    jpeg
}

/// Walks all elements of a Matroska file (RFC 9559).
fn check(file: &[u8]) {
    let mut times = Times { cluster: 0, last: -1 };
    times.walk(file, 0..file.len());
    assert!(times.last >= 0, "a file has a frame");
}

struct Times {
    cluster: i64,
    last: i64,
}

impl Times {
    fn walk(&mut self, file: &[u8], within: std::ops::Range<usize>) {
        let mut at = within.start;
        while at < within.end {
            let (id, behind) = number(file, at, false).expect("an element has a name");
            let (size, content) = number(file, behind, true).expect("an element has a size");
            let end = content + size as usize;
            assert!(end <= within.end, "element {id:x} at {at} ends at {end}, not by {}", within.end);
            match id {
                // Those of which we know that there are others within.
                0x1a45_dfa3 | 0x1853_8067 | 0x114d_9b74 | 0x1549_a966 | 0x1654_ae6b | 0xae | 0x1f43_b675
                | 0x1c53_bb6b => self.walk(file, content..end),
                CLUSTER_TIME => {
                    self.cluster = file[content..end].iter().fold(0, |time, &b| time << 8 | i64::from(b));
                }
                SIMPLE_BLOCK => {
                    let behind = i16::from_be_bytes([file[content + 1], file[content + 2]]);
                    let time = self.cluster + i64::from(behind);
                    assert!(time > self.last, "time {time} after {}", self.last);
                    self.last = time;
                }
                _ => {}
            }
            at = end;
        }
    }
}

/// A number of EBML, and where it ends; without the mark of its length where it is a size.
fn number(file: &[u8], at: usize, is_size: bool) -> Option<(u64, usize)> {
    let first = *file.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    let start = if is_size { u64::from(first) & (0xff >> length) } else { first.into() };
    let rest = file.get(at + 1..at + length)?;
    (length <= 8).then(|| (rest.iter().fold(start, |n, &byte| n << 8 | u64::from(byte)), at + length))
}

const CLUSTER_TIME: u64 = 0xe7;
const SIMPLE_BLOCK: u64 = 0xa3;
const MOST_FRAMES: usize = 60;
