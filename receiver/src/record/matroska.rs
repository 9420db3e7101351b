//! One Matroska file with one track of JPEGs (RFC 9559).
//!
//! A frame is with the kernel when [`MatroskaFile::write`] returns, so that what kills the program costs no frame. What
//! makes the file seekable (index, duration, lengths) is written at the end, into room that was left for it and behind
//! the frames; a file without it plays all the same.

mod cues;
mod ebml;
mod head;

use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use proto::jpeg::{JpegHead, with_huffman_tables};
use proto::sys::create_own;
use proto::{Frame, MediaTime};

use cues::Cues;
use head::{DEFAULT_DURATION, DURATION, INFO, Offsets, TRACK_NUMBER, TRACKS, seek_head, start};

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
const KEYFRAME: u8 = 0x80;

const CLUSTER: ebml::Id = 0x1f43_b675;
const TIMESTAMP: ebml::Id = 0xe7;
const SIMPLE_BLOCK: ebml::Id = 0xa3;
const CUES: ebml::Id = cues::CUES;

#[cfg(test)]
mod tests;
