use std::ops::Range;
use std::sync::Arc;

use proto::jpeg::scan_head;

use super::head::*;
use super::*;
use crate::record::testing::{TempFolder, jpeg};

/// The elements in a part of a file: identifiers, and where their bodies are. An unknown length is the rest.
fn elements(file: &[u8], within: Range<usize>) -> Vec<(ebml::Id, Range<usize>)> {
    let (mut at, mut found) = (within.start, Vec::new());
    while at < within.end {
        let id_octets = file[at].leading_zeros() as usize + 1;
        let id = file[at..at + id_octets].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        at += id_octets;
        let octets = file[at].leading_zeros() as usize + 1;
        let coded = file[at..at + octets].iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
        let size = coded & !(1 << (7 * octets));
        at += octets;
        let is_unknown = size == (1 << (7 * octets)) - 1;
        let end = if is_unknown { within.end } else { at + size as usize };
        assert!(end <= within.end, "element {id:x} ends outside of its parent");
        found.push((id, at..end));
        at = end;
    }
    found
}

fn child(file: &[u8], within: &Range<usize>, id: ebml::Id) -> Range<usize> {
    let children = elements(file, within.clone());
    children.into_iter().find(|(found, _)| *found == id).unwrap_or_else(|| panic!("no {id:x}")).1
}

fn uint(file: &[u8], at: Range<usize>) -> u64 {
    file[at].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Frames that were taken at these milliseconds after some time in 2026, in a file.
fn recorded(path: &Path, millis: &[u64]) -> MatroskaFile {
    let frame = |ms: u64| Frame {
        captured: MediaTime::from_micros(START + ms * 1000),
        jpeg: Arc::new(jpeg(640, 480, 1000)),
        signature: None,
    };
    let head = scan_head(&frame(0).jpeg).unwrap();
    let mut file = MatroskaFile::create(path, &head, MediaTime::from_micros(START)).unwrap();
    for &ms in millis {
        file.write(&frame(ms), &head).unwrap();
    }
    file
}

/// When each frame is shown, cluster by cluster.
fn times(file: &[u8], segment: &Range<usize>) -> Vec<Vec<u64>> {
    let clusters = elements(file, segment.clone()).into_iter().filter(|(id, _)| *id == CLUSTER);
    clusters
        .map(|(_, cluster)| {
            let begins = uint(file, child(file, &cluster, TIMESTAMP));
            let blocks = elements(file, cluster).into_iter().filter(|(id, _)| *id == SIMPLE_BLOCK);
            blocks
                .map(|(_, block)| {
                    assert_eq!((file[block.start], file[block.start + 3]), (0x81, 0x80));
                    begins + uint(file, block.start + 1..block.start + 3)
                })
                .collect()
        })
        .collect()
}

#[test]
fn a_finished_file_says_where_everything_is_and_how_long() {
    let temp = TempFolder::new("finished");
    let path = temp.0.join("a.mkv");
    let millis: Vec<u64> = (0..100).map(|n| n * 40).collect();
    recorded(&path, &millis).finish().unwrap();
    let file = fs::read(&path).unwrap();

    let top = elements(&file, 0..file.len());
    assert_eq!(top.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [EBML, SEGMENT]);
    let segment = &top[1].1;
    assert_eq!(segment.end, file.len(), "the segment is as long as it says");
    let seek_head = child(&file, segment, SEEK_HEAD);
    let mut named = Vec::new();
    for (_, seek) in elements(&file, seek_head) {
        let id = uint(&file, child(&file, &seek, SEEK_ID)) as ebml::Id;
        let at = segment.start + uint(&file, child(&file, &seek, SEEK_POSITION)) as usize;
        assert_eq!(file[at..at + 4], id.to_be_bytes());
        named.push(id);
    }
    assert_eq!(named, [INFO, TRACKS, CUES]);

    let info = child(&file, segment, INFO);
    let duration = child(&file, &info, DURATION);
    assert_eq!(f64::from_be_bytes(file[duration].try_into().unwrap()), 4000.0);
    let date = child(&file, &info, DATE_UTC);
    assert_eq!(uint(&file, date), (START - YEAR_2001_MICROS as u64) * 1000);
    let track = child(&file, &child(&file, segment, TRACKS), TRACK_ENTRY);
    assert_eq!(uint(&file, child(&file, &track, DEFAULT_DURATION)), 40_000_000);
    let video = child(&file, &track, VIDEO);
    let size = [PIXEL_WIDTH, PIXEL_HEIGHT].map(|id| uint(&file, child(&file, &video, id)));
    assert_eq!(size, [640, 480]);

    let clusters = times(&file, segment);
    assert_eq!(clusters.concat(), millis);
    assert!(clusters.iter().all(|cluster| cluster.len() == 25), "a second each");
    let cues = child(&file, segment, CUES);
    for ((_, point), cluster) in elements(&file, cues).into_iter().zip(&clusters) {
        assert_eq!(uint(&file, child(&file, &point, 0xb3)), cluster[0]);
        let at = uint(&file, child(&file, &child(&file, &point, 0xb7), 0xf1)) as usize + segment.start;
        assert_eq!(file[at..at + 4], CLUSTER.to_be_bytes());
    }
}

#[test]
fn a_file_that_was_never_finished_has_every_frame() {
    let temp = TempFolder::new("unfinished");
    let path = temp.0.join("a.mkv");
    let millis: Vec<u64> = (0..60).map(|n| n * 33).collect();
    let unfinished = recorded(&path, &millis);
    let file = fs::read(&path).unwrap();
    drop(unfinished);
    let segment = elements(&file, 0..file.len())[1].1.clone();
    assert_eq!(times(&file, &segment).concat(), millis);
    let track = child(&file, &child(&file, &segment, TRACKS), TRACK_ENTRY);
    assert_eq!(uint(&file, child(&file, &track, DEFAULT_DURATION)), 33_000_000, "known after a second");
}

#[test]
fn times_rise_whatever_the_sender_says() {
    let temp = TempFolder::new("times");
    let path = temp.0.join("a.mkv");
    // Pauses, steps back, and frames within one millisecond.
    let said = [0, 40, 20, 40, 41, 41, 70_000, 69_900, 70_040];
    recorded(&path, &said).finish().unwrap();
    let file = fs::read(&path).unwrap();
    let segment = elements(&file, 0..file.len())[1].1.clone();
    let shown = times(&file, &segment).concat();
    assert_eq!(shown, [0, 40, 41, 42, 43, 44, 70_000, 70_001, 70_040]);

    let (head, odd) = (scan_head(&jpeg(16, 16, 9)).unwrap(), MediaTime::from_micros(u64::MAX));
    let mut file = MatroskaFile::create(&temp.0.join("b.mkv"), &head, odd).unwrap();
    for captured in [odd, MediaTime::from_micros(0), MediaTime::from_micros(u64::MAX / 2)] {
        file.write(&Frame { captured, jpeg: Arc::new(jpeg(16, 16, 9)), signature: None }, &head).unwrap();
    }
    file.finish().unwrap();
}

#[test]
fn nothing_is_written_over() {
    let temp = TempFolder::new("over");
    let path = temp.0.join("a.mkv");
    recorded(&path, &[0]).finish().unwrap();
    let before = fs::read(&path).unwrap();
    let head = scan_head(&jpeg(16, 16, 9)).unwrap();
    let error = MatroskaFile::create(&path, &head, MediaTime::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert!(fs::read(&path).unwrap() == before);
}

/// In July 2026.
const START: u64 = 1_785_000_000_000_000;
