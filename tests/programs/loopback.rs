//! Both programs over 127.0.0.1.

use std::sync::Arc;
use std::time::Duration;

use crate::common::clip::{Clip, footage, split, y4m};
use crate::common::collector::{Collector, assert_whole_and_in_order};
use crate::common::running::{count, receiver, receiver_adds_up, sender, sender_adds_up};
use crate::common::{Folder, alone, beside_others, figure, free_address, free_port, pause, seconds};

#[test]
fn a_clip_arrives_byte_for_byte_in_order_and_the_statistics_add_up() {
    let _alone = alone();
    let (folder, clip, to) = (Folder::new(), Arc::new(Clip::made(40, 640, 480)), free_address());
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
    let collector = Collector::of(&mut receiver, &clip);
    let sender = sender(&["--dest", &to, "--source", &file, "--loop", "--fps", "60", "--frames", "200"]);
    let sent = sender.end_within(10);
    pause(300);
    let received = receiver.interrupt();
    let arrivals = collector.finish();
    assert_whole_and_in_order(&arrivals, &clip);
    sender_adds_up(sent.totals());
    receiver_adds_up(received.totals());
    assert_eq!(count(sent.totals(), "/frames/sent"), 200);
    assert_eq!(count(received.totals(), "/frames/delivered") as usize, arrivals.len());
    let known = arrivals.len() as u64 + count(received.totals(), "/frames/lost");
    assert!(arrivals.len() >= 198 && known <= 200, "{} of 200 came: {}", arrivals.len(), received.totals());
    assert_eq!(received.totals()["session"], sent.totals()["session"]);
    assert!(received.totals()["source"].as_str().is_some_and(|source| source.starts_with("127.0.0.1")));
}

#[test]
fn real_footage_arrives_whole_at_30_and_at_60_frames_a_second() {
    let _alone = alone();
    let Some(file) = footage("bbb1080.mjpeg") else { return };
    let clip = Arc::new(Clip::read(&file));
    for fps in [30, 60] {
        let to = free_address();
        let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
        let collector = Collector::of(&mut receiver, &clip);
        let (fps_text, total) = (fps.to_string(), u64::from(fps * seconds()));
        let file = file.to_str().unwrap();
        let sender = sender(&[
            "--dest",
            &to,
            "--source",
            file,
            "--loop",
            "--fps",
            &fps_text,
            "--frames",
            &total.to_string(),
        ]);
        let sent = sender.end_within(u64::from(seconds()) * 2 + 5);
        pause(300);
        let received = receiver.interrupt();
        let arrivals = collector.finish();
        assert_whole_and_in_order(&arrivals, &clip);
        sender_adds_up(sent.totals());
        receiver_adds_up(received.totals());
        figure(&format!("loopback, 1080p at {fps} fps, delivered of {total}"), arrivals.len());
        assert!(arrivals.len() as f64 >= total as f64 * 0.999 - 1.0, "{}", received.totals());
    }
}

#[test]
fn frames_and_duration_end_a_program_by_themselves() {
    let _turn = beside_others();
    let to = free_address();
    let receiver_of_5 = receiver(&["--listen", &to, "--output", "none", "--frames", "5"]);
    let sender_for_a_second =
        sender(&["--dest", &to, "--source", "pattern", "--size", "320x240", "--duration", "1s"]);
    let received = receiver_of_5.end_within(5);
    assert_eq!(count(received.totals(), "/frames/delivered"), 5);
    let sent = sender_for_a_second.end_within(5);
    assert!((15..=40).contains(&count(sent.totals(), "/frames/sent")), "{}", sent.totals());
    let idle = receiver(&["--listen", &to, "--output", "none", "--duration", "300ms"]);
    assert_eq!(count(idle.end_within(5).totals(), "/frames/delivered"), 0);
}

#[test]
fn jpegs_from_a_pipe_go_as_they_come() {
    let _turn = beside_others();
    let (clip, to) = (Arc::new(Clip::made(20, 320, 240)), free_address());
    let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
    let collector = Collector::of(&mut receiver, &clip);
    let mut sender = sender(&["--dest", &to, "--source", "-"]);
    let mut pipe = sender.input();
    for (number, frame) in clip.frames.iter().enumerate() {
        std::io::Write::write_all(&mut pipe, frame).unwrap();
        // Each is there before the next is written: nothing waits for a successor.
        let came = collector.wait_until(number + 1, Duration::from_secs(2));
        assert!(came.is_some(), "frame {number} did not come");
    }
    drop(pipe);
    let sent = sender.end_within(5);
    assert_eq!(count(sent.totals(), "/frames/sent"), 20);
    receiver.interrupt();
    let arrivals = collector.finish();
    assert_whole_and_in_order(&arrivals, &clip);
    assert_eq!(arrivals.len(), 20);
}

#[test]
fn raw_pictures_from_a_pipe_come_out_as_raw_pictures() {
    let _turn = beside_others();
    let (to, width, height) = (free_address(), 322, 242);
    let pictures = y4m(10, width, height);
    let mut receiver = receiver(&["--listen", &to, "--output", "y4m:-", "--frames", "8"]);
    let mut pipe = receiver.output();
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut pipe, &mut bytes).map(|_| bytes)
    });
    let mut sender = sender(&["--dest", &to, "--source", "-", "--quality", "95"]);
    let mut pipe = sender.input();
    let header = pictures.iter().position(|&b| b == b'\n').unwrap() + 1;
    std::io::Write::write_all(&mut pipe, &pictures[..header]).unwrap();
    for picture in pictures[header..].chunks((pictures.len() - header) / 10) {
        std::io::Write::write_all(&mut pipe, picture).unwrap();
        pause(50);
    }
    drop(pipe);
    assert!(sender.end_within(5).status.success());
    let received = receiver.end_within(5);
    assert!(received.status.success());
    let out = reading.join().unwrap().unwrap();
    let line = out.iter().position(|&b| b == b'\n').unwrap() + 1;
    let head = std::str::from_utf8(&out[..line]).unwrap();
    assert!(head.starts_with("YUV4MPEG2 ") && head.contains("W322") && head.contains("H242"), "{head}");
    let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
    assert_eq!((out.len() - line) % (6 + size), 0, "whole pictures follow");
    assert_eq!((out.len() - line) / (6 + size), 8, "{}", received.totals());
    assert!(out[line..].starts_with(b"FRAME\n"));
    let (own, came) = (&pictures[header + 6..][..width * height], &out[line + 6..][..width * height]);
    let error: u64 = own.iter().zip(came).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(error < (width * height * 3) as u64, "the first picture is the first picture: {error}");
}

#[test]
fn a_folder_goes_in_and_a_folder_and_a_file_come_out() {
    let _turn = beside_others();
    let (folder, clip, to) = (Folder::new(), Clip::made(12, 320, 240), free_address());
    let (input, output, film) = (folder.join("in"), folder.join("out/"), folder.join("film.mjpeg"));
    std::fs::create_dir(&input).unwrap();
    for (number, frame) in clip.frames.iter().enumerate() {
        std::fs::write(format!("{input}/{number:03}.jpg"), frame).unwrap();
    }
    std::fs::write(format!("{input}/notes.txt"), "no picture").unwrap();
    let receiver = receiver(&["--listen", &to, "--output", &output, "--output", &film, "--output", "none"]);
    let sent = sender(&["--dest", &to, "--source", &input, "--fps", "20"]).end_within(10);
    assert_eq!(count(sent.totals(), "/frames/sent"), 12);
    pause(300);
    receiver.interrupt();
    assert_eq!(split(&std::fs::read(&film).unwrap()), clip.frames);
    let mut files: Vec<_> = std::fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.iter().all(|file| file.extension().is_some_and(|e| e == "jpg")), "{files:?}");
    let frames: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(frames, clip.frames, "files in the order of their names are the frames in order");
}

#[test]
fn several_destinations_get_every_frame_also_when_one_is_not_there() {
    let _turn = beside_others();
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(30, 640, 480)));
    let (one, two, three, nobody) =
        (free_address(), format!("[::1]:{}", free_port()), free_address(), free_address());
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let viewers = [&one, &two, &three].map(|to| {
        let mut receiver = receiver(&["--listen", to, "--output", "-"]);
        let collector = Collector::of(&mut receiver, &clip);
        (receiver, collector)
    });
    let sender = sender(&[
        "--source", &file, "--loop", "--fps", "30", "--frames", "60", "--dest", &one, "--dest", &nobody,
        "--dest", &two, "--dest", &three,
    ]);
    assert_eq!(count(sender.end_within(10).totals(), "/frames/sent"), 60);
    pause(300);
    for (receiver, collector) in viewers {
        let received = receiver.interrupt();
        let arrivals = collector.finish();
        assert_whole_and_in_order(&arrivals, &clip);
        // What this program was too slow to read is said.
        let unread = count(received.totals(), "/outputs/0/dropped");
        assert!(arrivals.len() as u64 + unread >= 59, "{} of 60 came: {}", arrivals.len(), received.totals());
    }
}

#[test]
fn whichever_end_is_killed_the_picture_is_back_within_a_second() {
    let _turn = beside_others();
    let (folder, clip, to) = (Folder::new(), Arc::new(Clip::made(40, 640, 480)), free_address());
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let sending = ["--dest", &to, "--source", &file, "--loop", "--fps", "30"];
    let listening = ["--listen", &to, "--output", "-"];
    let mut receiver_running = receiver(&listening);
    let mut collector = Collector::of(&mut receiver_running, &clip);
    let mut sender_running = sender(&sending);
    collector.wait_for(5, Duration::from_secs(5)).unwrap();
    for round in 1..=3 {
        sender_running.kill();
        pause(100);
        sender_running = sender(&sending);
        let back = collector.wait_for(1, Duration::from_secs(5)).unwrap();
        figure(&format!("sender killed and started again, round {round}: back after ms"), back.as_millis());
        assert!(back < Duration::from_secs(1), "the picture came back after {back:?}");

        receiver_running.kill();
        collector.finish();
        receiver_running = receiver(&listening);
        collector = Collector::of(&mut receiver_running, &clip);
        let back = collector.wait_for(1, Duration::from_secs(5)).unwrap();
        figure(&format!("receiver killed and started again, round {round}: back after ms"), back.as_millis());
        assert!(back < Duration::from_secs(1), "the picture came back after {back:?}");
    }
    sender_running.interrupt();
    receiver_adds_up(receiver_running.interrupt().totals());
    let arrivals = collector.finish();
    assert!(arrivals.iter().all(|arrival| arrival.number.is_some()));
}

#[test]
fn a_sender_that_pauses_is_missed_and_then_seen_again() {
    let _turn = beside_others();
    let to = free_address();
    let receiver = receiver(&["--listen", &to, "--output", "none"]);
    let sender = sender(&["--dest", &to, "--source", "pattern", "--size", "320x240"]);
    pause(1000);
    sender.signal(rustix::process::Signal::STOP);
    pause(1500);
    let before = count(&receiver.stats().unwrap(), "/frames/delivered");
    sender.signal(rustix::process::Signal::CONT);
    pause(1000);
    let after = count(&receiver.stats().unwrap(), "/frames/delivered");
    assert!(after > before + 10, "{before} frames, then {after}");
    let sent = sender.interrupt();
    sender_adds_up(sent.totals());
    // No burst of what was missed: at most what the time would hold.
    let total = count(sent.totals(), "/frames/sent");
    assert!(total < 30 * 4 + 10, "{total} frames in about 3.5 s");
}
