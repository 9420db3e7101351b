use std::fs;
use std::sync::Arc;

use proto::{FrameId, MediaTime};

use super::*;
use crate::record::testing::{TempFolder, jpeg};

fn received(millis: u64, jpeg: Vec<u8>) -> Received {
    let captured = MediaTime::from_micros(1_785_000_000_000_000 + millis * 1000);
    Received {
        id: FrameId::new(1),
        sender: 1,
        frame: Frame { captured, jpeg: Arc::new(jpeg), signature: None },
    }
}

fn recorder(temp: &TempFolder, replay: Option<Duration>) -> Recorder {
    let folder = temp.0.join("new/folder");
    let options = KeepOptions { folder, replay, replay_bytes: 1 << 20, split: None };
    let recorder = Recorder::new(&options);
    recorder.set_name("../bench 3");
    recorder
}

fn wait(answer: &Pending) -> Notice {
    answer.wait(Duration::from_secs(10)).expect("an answer within ten seconds")
}

fn name(said: &Notice) -> String {
    assert!(!said.is_trouble, "{}", said.text);
    said.path.as_ref().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_recording_begins_and_ends_as_it_is_told() {
    let temp = TempFolder::new("toggle");
    let recorder = recorder(&temp, None);
    recorder.offer(&received(0, jpeg(640, 480, 10)));
    assert!(recorder.status().recording.is_none() && !temp.0.join("new").exists(), "nothing is kept unasked");

    let begun = recorder.toggle_recording();
    for n in 0..30 {
        recorder.offer(&received(n * 33, jpeg(640, 480, 10)));
    }
    let said = wait(&begun);
    assert!(name(&said).starts_with("bench-3-2") && name(&said).ends_with(".mkv"), "{said:?}");
    let status = recorder.status().recording.unwrap();
    assert_eq!((status.path, status.dropped), (said.path.clone(), 0));
    let ended = wait(&recorder.toggle_recording());
    assert_eq!(ended.path, said.path);
    assert!(ended.text.contains("30 frames"), "{}", ended.text);
    assert_eq!(recorder.status().said, Some(ended));
    assert!(recorder.status().recording.is_none());

    // A second one within the same second has a name of its own.
    let begun = recorder.toggle_recording();
    recorder.offer(&received(2000, jpeg(640, 480, 10)));
    assert_ne!(wait(&begun).path, said.path);
    recorder.finish();
    assert_eq!(fs::read_dir(temp.0.join("new/folder")).unwrap().count(), 2);
    let refused = [recorder.snapshot(Some(&received(0, jpeg(8, 8, 1)).frame)), recorder.toggle_recording()];
    assert!(refused.iter().all(|answer| wait(answer).text.contains("ending")));
}

#[test]
fn snapshots_are_the_jpegs_that_came_and_each_is_a_file_of_its_own() {
    let temp = TempFolder::new("snapshot");
    let recorder = recorder(&temp, None);
    let jpegs = [jpeg(8, 8, 1), jpeg(8, 8, 2), jpeg(8, 8, 3)];
    let answers = jpegs.each_ref().map(|jpeg| recorder.snapshot(Some(&received(0, jpeg.clone()).frame)));
    let said = answers.each_ref().map(wait);
    for (said, jpeg) in said.iter().zip(&jpegs) {
        assert!(name(said).ends_with(".jpg"));
        assert!(fs::read(said.path.as_ref().unwrap()).unwrap() == *jpeg);
    }
    assert_eq!(fs::read_dir(temp.0.join("new/folder")).unwrap().count(), 3);
}

#[test]
fn what_just_happened_is_written_while_it_goes_on_being_kept() {
    let temp = TempFolder::new("past");
    let recorder = recorder(&temp, Some(Duration::from_secs(10)));
    assert!(wait(&recorder.save_replay()).text.contains("no picture has come"));
    for n in 0..20 {
        recorder.offer(&received(n * 40, jpeg(640, 480, 10)));
    }
    let said = wait(&recorder.save_replay());
    assert!(name(&said).ends_with("-past.mkv") && said.text.contains("0.8 s"), "{said:?}");
    recorder.offer(&received(800, jpeg(640, 480, 10)));
    assert_eq!(recorder.status().replay.unwrap().bytes, 21 * (jpeg(640, 480, 10).capacity() as u64 + 128));
    assert!(!wait(&recorder.save_replay()).is_trouble);
}

#[test]
fn what_cannot_be_done_is_said_with_the_way_out() {
    let temp = TempFolder::new("refused");
    let recorder = recorder(&temp, None);
    assert!(wait(&recorder.save_replay()).text.contains("--past 10s"));
    fs::write(temp.0.join("new"), "in the way").unwrap();
    let said = wait(&recorder.snapshot(Some(&received(0, jpeg(8, 8, 1)).frame)));
    assert!(said.is_trouble && said.text.contains("--save-to"), "{said:?}");
    let said = wait(&recorder.toggle_recording());
    assert!(said.is_trouble && said.text.contains("--save-to"), "{said:?}");
    assert!(recorder.status().recording.is_none());
    fs::remove_file(temp.0.join("new")).unwrap();
    let begun = recorder.toggle_recording();
    recorder.offer(&received(0, b"no JPEG".to_vec()));
    recorder.offer(&received(0, jpeg(8, 8, 1)));
    assert!(!wait(&begun).is_trouble, "it can be begun again");
    assert_eq!(recorder.status().recording.unwrap().dropped, 1);
}
