//! One Matroska file with one track of JPEGs (RFC 9559).
//!
//! A frame is with the kernel when [`MatroskaFile::write`] returns, so that what kills the program costs no frame. What
//! makes the file seekable (index, duration, lengths) is written at the end, into room that was left for it and behind
//! the frames; a file without it plays all the same.

mod cues;
mod ebml;

use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use proto::jpeg::{JpegHead, with_huffman_tables};
use proto::sys::create_own;
use proto::{Frame, MediaTime};

use cues::Cues;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct MatroskaFile {
    file: File,
    places: Offsets,
    size: (u16, u16),
    /// How long the file is: where the next bytes go.
    length: u64,
    first: MediaTime,
    last: MediaTime,
    /// When the last frame is shown, in milliseconds since the first.
    shown: u64,
    frames: u64,
    cluster: Option<Cluster>,
    cues: Cues,
    /// The headers of one block, and of its cluster if it begins one.
    headers: Vec<u8>,
    synced: Instant,
}

/// A second of frames, at most.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    at: u64,
    begins: u64,
}

/// Where in the file that is which is written at the end.
#[derive(Clone, Copy, Debug, Default)]
struct Offsets {
    /// The first byte in the segment: positions in the file's own index count from here.
    segment: u64,
    seek_head: u64,
    info: u64,
    tracks: u64,
    duration: u64,
    frame_duration: u64,
}

impl MatroskaFile {
    /// Makes the file, which must not exist, for pictures like the one with these headers, taken then.
    pub(super) fn create(path: &Path, head: &JpegHead, first: MediaTime) -> io::Result<Self> {
        let mut file = create_own(path)?;
        let size = (head.info.width, head.info.height);
        let (start, places) = start(size, first);
        // Where there is no room even for that, no file is left that holds nothing.
        file.write_all(&start).inspect_err(|_| drop(fs::remove_file(path)))?;
        Ok(Self {
            file,
            places,
            size,
            length: start.len() as u64,
            first,
            last: first,
            shown: 0,
            frames: 0,
            cluster: None,
            cues: Cues::default(),
            headers: Vec::new(),
            synced: Instant::now(),
        })
    }

    /// Width and height of its pictures, in pixels.
    pub(super) fn size(&self) -> (u16, u16) {
        self.size
    }

    /// How many frames are in it.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// How many bytes it would have if it ended after one more frame of `bytes` bytes.
    pub(super) fn length_with(&self, bytes: usize) -> u64 {
        self.length + bytes as u64 + MOST_HEADERS + self.cues.most_bytes()
    }

    /// How much later than its first picture, and than its last, this one was taken, in microseconds.
    pub(super) fn since(&self, captured: MediaTime) -> (i64, i64) {
        (captured.micros_since(self.first), captured.micros_since(self.last))
    }

    /// From its first picture to its last.
    pub(super) fn span(&self) -> Duration {
        Duration::from_millis(self.shown)
    }

    /// Appends a frame with these headers. One that seems to have been taken before the last is shown right after it.
    ///
    /// # Errors
    /// The system's. What was written before stays whole, and [`Self::finish`] can still be called.
    pub(super) fn write(&mut self, frame: &Frame, head: &JpegHead) -> io::Result<()> {
        let micros = u64::try_from(frame.captured.micros_since(self.first)).unwrap_or(0);
        let earliest = if self.frames == 0 { 0 } else { self.shown + 1 };
        let shown = ((micros + 500) / 1000).max(earliest);
        let parts = with_huffman_tables(&frame.jpeg, head);
        let bytes: usize = parts.iter().map(|part| part.len()).sum();

        self.headers.clear();
        let cluster = match self.cluster {
            Some(cluster) if shown - cluster.begins < CLUSTER_MILLIS => cluster,
            _ => {
                self.end_cluster()?;
                ebml::id(&mut self.headers, CLUSTER);
                self.headers.extend_from_slice(&ebml::UNKNOWN_SIZE);
                ebml::uint(&mut self.headers, TIMESTAMP, shown);
                Cluster { at: self.length, begins: shown }
            }
        };
        ebml::id(&mut self.headers, SIMPLE_BLOCK);
        ebml::size(&mut self.headers, BLOCK_HEADER + bytes as u64);
        let [high, low] = ((shown - cluster.begins) as u16).to_be_bytes();
        self.headers.extend_from_slice(&[TRACK_NUMBER | 0x80, high, low, KEYFRAME]);

        let [a, b, c] = parts.map(IoSlice::new);
        write_all(&mut self.file, &mut [IoSlice::new(&self.headers), a, b, c])?;
        if self.cluster.is_none() {
            self.cues.add(shown, cluster.at - self.places.segment);
        }
        self.length += (self.headers.len() + bytes) as u64;
        self.cluster = Some(cluster);
        self.last = self.last.max(frame.captured);
        self.shown = shown;
        self.frames += 1;
        self.sync_if_due()
    }

    /// Ends the file in order. After a failed write, what that left behind is cut off first, and what then still cannot
    /// be written is left out: the frames before it stay playable.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.end_cluster()?;
        let mut seek = vec![(INFO, self.places.info), (TRACKS, self.places.tracks)];
        let cues_at = self.length;
        let cues = self.cues.element();
        let indexed = self.file.write_all_at(&cues, cues_at);
        match indexed {
            Ok(()) => {
                self.length += cues.len() as u64;
                seek.push((CUES, cues_at));
            }
            Err(_) => self.file.set_len(self.length)?,
        }
        let mut patch = Vec::new();
        let last = self.frame_nanos().map_or(0.0, |nanos| nanos as f64 / 1e6);
        ebml::bytes(&mut patch, DURATION, &(self.shown as f64 + last).to_be_bytes());
        self.file.write_all_at(&patch, self.places.duration)?;
        self.file.write_all_at(&seek_head(&seek, self.places.segment), self.places.seek_head)?;
        let segment = ebml::patched_size(self.length - self.places.segment);
        self.file.write_all_at(&segment, self.places.segment - 8)?;
        self.file.sync_data()?;
        indexed
    }

    /// Says how long the cluster is. Whoever plays the file can then pass over it.
    fn end_cluster(&mut self) -> io::Result<()> {
        let Some(cluster) = self.cluster.take() else { return Ok(()) };
        let body = cluster.at + CLUSTER_HEADER;
        self.file.write_all_at(&ebml::patched_size(self.length - body), body - 8)?;
        self.patch_frame_duration()
    }

    /// Says how many frames a second there are, by what they were so far: without it, players make something up.
    fn patch_frame_duration(&self) -> io::Result<()> {
        let Some(nanos) = self.frame_nanos() else { return Ok(()) };
        let mut patch = Vec::new();
        ebml::bytes(&mut patch, DEFAULT_DURATION, &nanos.to_be_bytes());
        self.file.write_all_at(&patch, self.places.frame_duration)
    }

    /// The mean time from frame to frame, in nanoseconds.
    fn frame_nanos(&self) -> Option<u64> {
        let span = u64::try_from(self.last.micros_since(self.first)).ok()?;
        let nanos = span.checked_mul(1000)?.checked_div(self.frames.checked_sub(1)?)?;
        (nanos > 0).then_some(nanos)
    }

    fn sync_if_due(&mut self) -> io::Result<()> {
        if self.synced.elapsed() < SYNC_EVERY {
            return Ok(());
        }
        let synced = self.file.sync_data();
        self.synced = Instant::now();
        synced
    }
}

/// What stands before the frames.
fn start(size: (u16, u16), first: MediaTime) -> (Vec<u8>, Offsets) {
    let (mut out, mut places) = (Vec::new(), Offsets::default());
    ebml::master(&mut out, EBML, |out| {
        ebml::bytes(out, DOC_TYPE, b"matroska");
        ebml::uint(out, DOC_TYPE_VERSION, 4);
        ebml::uint(out, DOC_TYPE_READ_VERSION, 2);
    });
    ebml::id(&mut out, SEGMENT);
    out.extend_from_slice(&ebml::UNKNOWN_SIZE);
    places.segment = out.len() as u64;
    places.seek_head = places.segment;
    ebml::void(&mut out, SEEK_HEAD_ROOM);
    places.info = out.len() as u64;
    ebml::master(&mut out, INFO, |out| {
        ebml::uint(out, TIMESTAMP_SCALE, 1_000_000);
        ebml::bytes(out, MUXING_APP, APP.as_bytes());
        ebml::bytes(out, WRITING_APP, APP.as_bytes());
        if let Some(date) = date_utc(first) {
            ebml::bytes(out, DATE_UTC, &date.to_be_bytes());
        }
        ebml::void(out, DURATION_ROOM);
    });
    places.duration = (out.len() - DURATION_ROOM) as u64;
    places.tracks = out.len() as u64;
    ebml::master(&mut out, TRACKS, |out| ebml::master(out, TRACK_ENTRY, |out| track(out, size)));
    places.frame_duration = (out.len() - FRAME_DURATION_ROOM) as u64;
    (out, places)
}

/// The one track. Its last element is the room for the time from frame to frame.
fn track(out: &mut Vec<u8>, (width, height): (u16, u16)) {
    ebml::uint(out, TRACK_NUMBER_ID, TRACK_NUMBER.into());
    ebml::uint(out, TRACK_UID, 1);
    ebml::uint(out, TRACK_TYPE, 1);
    ebml::uint(out, FLAG_LACING, 0);
    ebml::bytes(out, LANGUAGE, b"und");
    ebml::bytes(out, CODEC_ID, b"V_MJPEG");
    ebml::master(out, VIDEO, |out| {
        ebml::uint(out, FLAG_INTERLACED, 2);
        ebml::uint(out, PIXEL_WIDTH, width.into());
        ebml::uint(out, PIXEL_HEIGHT, height.into());
        // JFIF: BT.601's matrix (H.273 calls that of 625 lines 5), over the full range.
        ebml::master(out, COLOUR, |out| {
            ebml::uint(out, MATRIX_COEFFICIENTS, 5);
            ebml::uint(out, RANGE, 2);
        });
    });
    ebml::void(out, FRAME_DURATION_ROOM);
}

/// Where the parts of the file are, in exactly the room that was left for it.
fn seek_head(parts: &[(ebml::Id, u64)], segment: u64) -> Vec<u8> {
    let mut out = Vec::new();
    ebml::master(&mut out, SEEK_HEAD, |out| {
        for (id, at) in parts {
            ebml::master(out, SEEK, |out| {
                ebml::bytes(out, SEEK_ID, &id.to_be_bytes());
                ebml::uint(out, SEEK_POSITION, at - segment);
            });
        }
    });
    let left = SEEK_HEAD_ROOM - out.len();
    ebml::void(&mut out, left);
    out
}

/// Nanoseconds since the year 2001 began, which is how EBML dates; `None` if that is out of its range.
fn date_utc(time: MediaTime) -> Option<i64> {
    i64::try_from(time.as_micros()).ok()?.checked_sub(YEAR_2001_MICROS)?.checked_mul(1000)
}

fn write_all(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Times in a block are of 16 bits; a whole second is what is lost at most when the power goes.
const CLUSTER_MILLIS: u64 = 1000;
/// How much the disk is behind at most.
const SYNC_EVERY: Duration = Duration::from_secs(3);
/// A cluster's identifier and length.
const CLUSTER_HEADER: u64 = 12;
/// Track, time and flags.
const BLOCK_HEADER: u64 = 4;
/// What a frame takes besides its JPEG: headers of cluster and block, Huffman tables.
const MOST_HEADERS: u64 = 500;
const TRACK_NUMBER: u8 = 1;
const KEYFRAME: u8 = 0x80;
const SEEK_HEAD_ROOM: usize = 96;
const DURATION_ROOM: usize = 11;
const FRAME_DURATION_ROOM: usize = 12;
const YEAR_2001_MICROS: i64 = 978_307_200_000_000;
const APP: &str = concat!("Chunkcast ", env!("CARGO_PKG_VERSION"));

const EBML: ebml::Id = 0x1a45_dfa3;
const DOC_TYPE: ebml::Id = 0x4282;
const DOC_TYPE_VERSION: ebml::Id = 0x4287;
const DOC_TYPE_READ_VERSION: ebml::Id = 0x4285;
const SEGMENT: ebml::Id = 0x1853_8067;
const SEEK_HEAD: ebml::Id = 0x114d_9b74;
const SEEK: ebml::Id = 0x4dbb;
const SEEK_ID: ebml::Id = 0x53ab;
const SEEK_POSITION: ebml::Id = 0x53ac;
const INFO: ebml::Id = 0x1549_a966;
const TIMESTAMP_SCALE: ebml::Id = 0x2a_d7b1;
const MUXING_APP: ebml::Id = 0x4d80;
const WRITING_APP: ebml::Id = 0x5741;
const DATE_UTC: ebml::Id = 0x4461;
const DURATION: ebml::Id = 0x4489;
const TRACKS: ebml::Id = 0x1654_ae6b;
const TRACK_ENTRY: ebml::Id = 0xae;
const TRACK_NUMBER_ID: ebml::Id = 0xd7;
const TRACK_UID: ebml::Id = 0x73c5;
const TRACK_TYPE: ebml::Id = 0x83;
const FLAG_LACING: ebml::Id = 0x9c;
const LANGUAGE: ebml::Id = 0x22_b59c;
const CODEC_ID: ebml::Id = 0x86;
const DEFAULT_DURATION: ebml::Id = 0x23_e383;
const VIDEO: ebml::Id = 0xe0;
const FLAG_INTERLACED: ebml::Id = 0x9a;
const PIXEL_WIDTH: ebml::Id = 0xb0;
const PIXEL_HEIGHT: ebml::Id = 0xba;
const COLOUR: ebml::Id = 0x55b0;
const MATRIX_COEFFICIENTS: ebml::Id = 0x55b1;
const RANGE: ebml::Id = 0x55b9;
const CLUSTER: ebml::Id = 0x1f43_b675;
const TIMESTAMP: ebml::Id = 0xe7;
const SIMPLE_BLOCK: ebml::Id = 0xa3;
const CUES: ebml::Id = cues::CUES;

#[cfg(test)]
mod tests;
