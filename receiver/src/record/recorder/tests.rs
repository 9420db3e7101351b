use std::fs;
use std::sync::Arc;

use proto::{FrameId, MediaTime};

use super::*;
use crate::record::testing::{TempFolder, jpeg};

fn received(millis: u64, jpeg: Vec<u8>) -> Received {
    let captured = MediaTime::from_micros(1_785_000_000_000_000 + millis * 1000);
    Received { id: FrameId::new(1), sender: 1, frame: Frame { captured, jpeg: Arc::new(jpeg) } }
}

fn keeper(temp: &TempFolder, past: Option<Duration>) -> Keeper {
    let folder = temp.0.join("new/folder");
    let options = KeepOptions { folder, past, past_bytes: 1 << 20, split: None };
    let keeper = Keeper::new(&options, &Console::silent());
    keeper.set_name("../bench 3");
    keeper
}

fn wait(answer: &Answer) -> Said {
    answer.wait(Duration::from_secs(10)).expect("an answer within ten seconds")
}

fn name(said: &Said) -> String {
    assert!(!said.is_trouble, "{}", said.text);
    said.path.as_ref().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_recording_begins_and_ends_as_it_is_told() {
    let temp = TempFolder::new("toggle");
    let keeper = keeper(&temp, None);
    keeper.offer(&received(0, jpeg(640, 480, 10)));
    assert!(keeper.status().recording.is_none() && !temp.0.join("new").exists(), "nothing is kept unasked");

    let begun = keeper.toggle_recording();
    for n in 0..30 {
        keeper.offer(&received(n * 33, jpeg(640, 480, 10)));
    }
    let said = wait(&begun);
    assert!(name(&said).starts_with("bench-3-2") && name(&said).ends_with(".mkv"), "{said:?}");
    let status = keeper.status().recording.unwrap();
    assert_eq!((status.path, status.dropped), (said.path.clone(), 0));
    let ended = wait(&keeper.toggle_recording());
    assert_eq!(ended.path, said.path);
    assert!(ended.text.contains("30 frames"), "{}", ended.text);
    assert_eq!(keeper.status().said, Some(ended));
    assert!(keeper.status().recording.is_none());

    // A second one within the same second has a name of its own.
    let begun = keeper.toggle_recording();
    keeper.offer(&received(2000, jpeg(640, 480, 10)));
    assert_ne!(wait(&begun).path, said.path);
    keeper.finish();
    assert_eq!(fs::read_dir(temp.0.join("new/folder")).unwrap().count(), 2);
    let refused = [keeper.snapshot(Some(&received(0, jpeg(8, 8, 1)).frame)), keeper.toggle_recording()];
    assert!(refused.iter().all(|answer| wait(answer).text.contains("ending")));
}

#[test]
fn snapshots_are_the_jpegs_that_came_and_each_is_a_file_of_its_own() {
    let temp = TempFolder::new("snapshot");
    let keeper = keeper(&temp, None);
    let jpegs = [jpeg(8, 8, 1), jpeg(8, 8, 2), jpeg(8, 8, 3)];
    let answers = jpegs.each_ref().map(|jpeg| keeper.snapshot(Some(&received(0, jpeg.clone()).frame)));
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
    let keeper = keeper(&temp, Some(Duration::from_secs(10)));
    assert!(wait(&keeper.save_past()).text.contains("no picture has come"));
    for n in 0..20 {
        keeper.offer(&received(n * 40, jpeg(640, 480, 10)));
    }
    let said = wait(&keeper.save_past());
    assert!(name(&said).ends_with("-past.mkv") && said.text.contains("0.8 s"), "{said:?}");
    keeper.offer(&received(800, jpeg(640, 480, 10)));
    assert_eq!(keeper.status().past.unwrap().bytes, 21 * (jpeg(640, 480, 10).capacity() as u64 + 128));
    assert!(!wait(&keeper.save_past()).is_trouble);
}

#[test]
fn what_cannot_be_done_is_said_with_the_way_out() {
    let temp = TempFolder::new("refused");
    let keeper = keeper(&temp, None);
    assert!(wait(&keeper.save_past()).text.contains("--past 10s"));
    fs::write(temp.0.join("new"), "in the way").unwrap();
    let said = wait(&keeper.snapshot(Some(&received(0, jpeg(8, 8, 1)).frame)));
    assert!(said.is_trouble && said.text.contains("--save-to"), "{said:?}");
    let said = wait(&keeper.toggle_recording());
    assert!(said.is_trouble && said.text.contains("--save-to"), "{said:?}");
    assert!(keeper.status().recording.is_none());
    fs::remove_file(temp.0.join("new")).unwrap();
    let begun = keeper.toggle_recording();
    keeper.offer(&received(0, b"no JPEG".to_vec()));
    keeper.offer(&received(0, jpeg(8, 8, 1)));
    assert!(!wait(&begun).is_trouble, "it can be begun again");
    assert_eq!(keeper.status().recording.unwrap().dropped, 1);
}
