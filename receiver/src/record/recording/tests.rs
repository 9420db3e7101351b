use std::sync::Arc;

use proto::{FrameId, MediaTime};

use super::*;
use crate::record::testing::{TempFolder, jpeg};

fn frame(millis: u64, jpeg: Vec<u8>) -> Received {
    let captured = MediaTime::from_micros(1_785_000_000_000_000 + millis * 1000);
    Received {
        id: FrameId::new(1),
        sender: 1,
        frame: Frame { captured, jpeg: Arc::new(jpeg), signature: None },
    }
}

/// Records frames, and returns the files' names.
fn recorded(
    temp: &TempFolder,
    split: Option<Split>,
    frames: impl IntoIterator<Item = Received>,
) -> Vec<String> {
    let mut recording = Recording::to(&temp.0.join("door.mkv"), split).unwrap();
    let frames = frames.into_iter().filter(|frame| recording.write(frame).unwrap()).count();
    recording.finish().unwrap();
    assert_eq!(recording.progress().frames(), frames as u64);
    let mut names: Vec<_> = fs::read_dir(&temp.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_new_file_begins_when_the_size_changes_or_the_clock_jumps() {
    let temp = TempFolder::new("changes");
    let frames = [
        frame(0, jpeg(640, 480, 10)),
        frame(40, jpeg(640, 480, 10)),
        frame(80, jpeg(320, 240, 10)),
        // A little back is the same session still.
        frame(60, jpeg(320, 240, 10)),
        frame(50_000, jpeg(320, 240, 10)),
        frame(1000, jpeg(320, 240, 10)),
        frame(1000 + 3_700_000, jpeg(320, 240, 10)),
    ];
    let names = recorded(&temp, None, frames);
    assert_eq!(names, ["door-0002.mkv", "door-0003.mkv", "door-0004.mkv", "door.mkv"]);
}

#[test]
fn a_new_file_begins_when_another_sender_takes_over() {
    let temp = TempFolder::new("senders");
    let of = |sender, millis| Received { sender, ..frame(millis, jpeg(640, 480, 10)) };
    let names = recorded(&temp, None, [of(1, 0), of(1, 40), of(2, 80), of(2, 120), of(1, 160)]);
    assert_eq!(names, ["door-0002.mkv", "door-0003.mkv", "door.mkv"]);
}

#[test]
fn a_file_is_as_long_or_as_large_as_it_is_to_be() {
    let (by_time, by_size) = (TempFolder::new("by-time"), TempFolder::new("by-size"));
    let frames = || (0..100).map(|n| frame(n * 40, jpeg(640, 480, 90_000)));
    assert_eq!(recorded(&by_time, Some(Split::Time(Duration::from_secs(2))), frames()).len(), 2);
    let names = recorded(&by_size, Some(Split::Size(1_000_000)), frames());
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let bytes = fs::metadata(by_size.0.join(&name)).unwrap().len();
        assert!((90_000..=1_000_000).contains(&bytes), "{name}: {bytes}");
    }
}

#[test]
fn an_earlier_recording_stays() {
    let temp = TempFolder::new("stays");
    for files in 1..4 {
        assert_eq!(recorded(&temp, None, [frame(0, jpeg(8, 8, 1))]).len(), files);
    }
}

#[test]
fn without_pictures_there_is_no_file() {
    let temp = TempFolder::new("nothing");
    assert!(recorded(&temp, None, [frame(0, b"no JPEG".to_vec())]).is_empty());
}

#[test]
fn where_nothing_can_be_written_that_is_said_at_once() {
    let error = Recording::to(Path::new("/no/such/folder/a.mkv"), None).unwrap_err();
    assert!(format!("{error:#}").contains("/no/such/folder/a.mkv"));
}

#[test]
fn a_pipe_is_refused_with_the_way_out() {
    let temp = TempFolder::new("fifo");
    let path = temp.0.join("door.mkv");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let error = Recording::to(&path, None).unwrap_err().to_string();
    assert!(error.contains("door.mjpeg") && error.contains("--output -"), "{error}");
}

/// Makes a sender's n-th frame.
type Made = fn(u64) -> Received;

#[test]
fn a_sender_that_changes_with_every_frame_has_a_file_a_second_and_few_messages() {
    // Times that leap, sizes that alternate, senders that take turns, and times that leap by as much as a file is long.
    let leaps = |n: u64| frame(n * 7_200_000, jpeg(640, 480, 10));
    let sizes = |n: u64| frame(n * 40, jpeg(640, 480 + 8 * (n % 2) as u16, 10));
    let turns = |n: u64| Received { sender: (n % 2) as u32, ..frame(n * 40, jpeg(640, 480, 10)) };
    let splits = |n: u64| frame(n * 1000, jpeg(640, 480, 10));
    let by_time = Some(Split::Time(Duration::from_secs(1)));
    let all: [(&str, Option<Split>, Made); 4] =
        [("leaps", None, leaps), ("sizes", None, sizes), ("turns", None, turns), ("splits", by_time, splits)];
    for (name, split, of) in all {
        let temp = TempFolder::new(&format!("limited-{name}"));
        let begun = Instant::now();
        let names = recorded(&temp, split, (0..500).map(of));
        let most = FILES_AT_ONCE as usize + begun.elapsed().as_secs() as usize + 1;
        assert!((2..=most).contains(&names.len()), "{name}: {} files", names.len());
    }
}

#[test]
fn what_changes_once_is_recorded_whole_however_soon() {
    let temp = TempFolder::new("once");
    let mut recording = Recording::to(&temp.0.join("door.mkv"), None).unwrap();
    let frames = (0..100).map(|n| frame(n * 40, jpeg(640, if n < 50 { 480 } else { 360 }, 10)));
    assert!(frames.into_iter().all(|frame| recording.write(&frame).unwrap()));
}

#[test]
fn the_past_has_as_many_files_as_it_has_seconds() {
    let temp = TempFolder::new("past-changes");
    let names = Names::new(&temp.0, "past", EXTENSION);
    let mut recording = Recording::new(names, None).of_replay(Duration::from_secs(20));
    let frames = (0..20).map(|n| frame(n * 1000, jpeg(640, 480 + 8 * (n % 2) as u16, 10)));
    assert!(frames.into_iter().all(|frame| recording.write(&frame).unwrap()));
}
