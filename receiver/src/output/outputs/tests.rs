use std::fs;

use proto::{Frame, FrameId, MediaTime};

use super::*;
use crate::record::TempFolder;

fn frame(byte: u8) -> Received {
    let jpeg = Arc::new(vec![byte; 1000]);
    Received {
        id: FrameId::new(1),
        sender: 1,
        frame: Frame { captured: MediaTime::default(), jpeg, signature: None },
    }
}

fn start(specs: &[OutputSpec]) -> (Outputs, Stop) {
    let stop = Stop::new().unwrap();
    (Outputs::start(specs, None, &stop).unwrap(), stop)
}

#[test]
fn a_folder_and_a_file_get_every_frame() {
    let temp = TempFolder::new("recordings");
    let (folder, file) = (temp.0.join("a/shots"), temp.0.join("all.mjpeg"));
    for round in 0..2 {
        let (outputs, stop) = start(&[OutputSpec::Folder(folder.clone()), OutputSpec::File(file.clone())]);
        for byte in 0..20 {
            outputs.offer(&frame(byte));
        }
        outputs.finish().unwrap();
        assert!(!stop.is_requested());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 20 * (round + 1), "an earlier recording stays");
    }
    assert_eq!(fs::read(folder.join("frame-000020.jpg")).unwrap(), vec![19; 1000]);
    let all: Vec<u8> = (0..20).flat_map(|byte| vec![byte; 1000]).collect();
    assert!(fs::read(&file).unwrap() == all, "written over, not appended to");
}

#[test]
fn a_full_disk_ends_its_output_and_the_program_if_it_was_the_last() {
    let full = OutputSpec::File("/dev/full".into());
    let (outputs, stop) = start(std::slice::from_ref(&full));
    outputs.offer(&frame(1));
    assert!(stop.wait(std::time::Duration::from_secs(10)));
    let error = format!("{:#}", outputs.finish().unwrap_err());
    assert!(error.contains("/dev/full") && error.contains("space"), "{error}");

    let temp = TempFolder::new("beside-full");
    let (outputs, stop) = start(&[full, OutputSpec::Folder(temp.0.clone())]);
    for byte in 0..5 {
        outputs.offer(&frame(byte));
    }
    assert!(outputs.finish().is_err());
    assert_eq!(fs::read_dir(&temp.0).unwrap().count(), 5);
    drop(stop);
}

#[test]
fn what_cannot_be_opened_is_said_at_once() {
    let stop = Stop::new().unwrap();
    let error =
        Outputs::start(&[OutputSpec::File("/no/such/folder/x.mjpeg".into())], None, &stop).unwrap_err();
    assert!(format!("{error:#}").contains("/no/such/folder/x.mjpeg"));
    let error = Outputs::start(&[OutputSpec::Frames, OutputSpec::Y4m], None, &stop).unwrap_err();
    assert!(error.to_string().contains("standard output"));
}
