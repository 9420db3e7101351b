//! What is recorded is what came, with its times, and other programs play it: also after kill -9, and after the disk
//! was full. FFmpeg and mpv are the real ones.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::clip::{Clip, split};
use crate::common::collector::Collector;
use crate::common::jpegs::{picture, without};
use crate::common::running::{Running, count, receiver, sender};
use crate::common::wire::Wire;
use crate::common::{Folder, alone, beside_others, comes_to, figure, free_address, pause, skip};
use proto::{Random, jpeg};
use rustix::process::Signal;
use turbojpeg::Subsamp;

#[test]
fn a_recording_has_every_frame_byte_for_byte_and_its_time_and_can_be_sought() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    let (folder, clip, to) = (Folder::new(), Arc::new(Clip::made(90, 320, 240)), free_address());
    let film = folder.join("film.mkv");
    let mut receiver = receiver(&["--listen", &to, "--output", &film, "--output", "-"]);
    let collector = Collector::of(&mut receiver, &clip);
    let mut wire = Wire::to(&to);
    // 25 pictures a second, but for a pause and some that came unevenly.
    let taken: Vec<u64> = (0..90).map(|n| n * 40 + if n < 45 { n % 3 * 5 } else { 2000 }).collect();
    for (number, (jpeg, millis)) in clip.frames.iter().zip(&taken).enumerate() {
        wire.send_taken(START + millis * 1000, jpeg);
        collector.wait_until(number + 1, Duration::from_secs(5)).unwrap();
    }
    let ended = receiver.interrupt();
    assert_eq!(count(ended.totals(), "/outputs/0/written"), 90, "{}", ended.said);
    assert_eq!(times(&film), taken);
    assert!(frames(&film) == clip.frames, "not byte for byte what was sent");

    let seconds: f64 = probe(&film, "format=duration").trim().parse().unwrap();
    assert!((5.56..5.68).contains(&seconds), "{seconds} s");
    let stream = probe(&film, "stream=codec_name,width,height,color_range,color_space,avg_frame_rate");
    assert!(stream.contains("mjpeg,320,240,pc,bt470bg,"), "{stream}");
    assert!(!stream.contains("0/0"), "it has no frame rate: {stream}");
    let made = probe(&film, "format_tags=creation_time");
    assert!(made.starts_with("2026-07-25T"), "{made}");
    // The index leads there; what is before it is not read.
    let sought = ffmpeg(&["-ss", "5", "-i", &film, "-frames:v", "1"]);
    let number = clip.number(&sought).expect("one of the frames");
    assert!(taken[number].abs_diff(5000) <= 1000, "{} ms instead of 5 s", taken[number]);
    play(&film);
}

#[test]
fn pictures_without_huffman_tables_are_recorded_with_the_standard_ones() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    let (folder, to) = (Folder::new(), free_address());
    let film = folder.join("film.mkv");
    let receiver = receiver(&["--listen", &to, "--output", &film]);
    let mut wire = Wire::to(&to);
    for (sampling, millis) in [(Subsamp::Sub2x1, 0), (Subsamp::Sub2x2, 40), (Subsamp::Gray, 80)] {
        let whole = picture(640, 480, [200, 40, 90], sampling);
        wire.send_taken(START + millis * 1000, &without(&whole, 0xc4));
    }
    until(&receiver, |stats| count(stats, "/outputs/0/written") == 3);
    receiver.interrupt();
    for (recorded, sampling) in frames(&film).iter().zip([Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Gray]) {
        let whole = picture(640, 480, [200, 40, 90], sampling);
        assert!(jpeg::scan(recorded).unwrap().has_huffman_tables);
        let pixels = |jpeg: &[u8]| turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB).unwrap().pixels;
        assert!(pixels(recorded) == pixels(&whole));
    }
}

#[test]
fn a_new_file_begins_when_it_is_to_and_each_plays_by_itself() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    let (folder, to) = (Folder::new(), free_address());
    let sizes = [(320, 240), (160, 120)].map(|(width, height)| Clip::made(50, width, height));
    let film = folder.join("film.mkv");
    for round in 0..2 {
        let receiver = receiver(&["--listen", &to, "--output", &film, "--split", "1s"]);
        let mut wire = Wire::to(&to);
        for (n, jpeg) in sizes.iter().flat_map(|clip| &clip.frames).enumerate() {
            wire.send_taken(START + n as u64 * 40_000, jpeg);
            pause(2);
        }
        until(&receiver, |stats| count(stats, "/outputs/0/written") == 100);
        let said = receiver.interrupt().said;
        assert!(
            said.contains(&format!("film-{:04}.mkv: the pictures are now 160x120", 4 * round + 3)),
            "{said}"
        );
        // Two seconds of each size; and the second time, an earlier recording stays.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4 * (round + 1));
    }
    for number in 1..=8 {
        let name = if number == 1 { film.clone() } else { folder.join(&format!("film-{number:04}.mkv")) };
        let clip = &sizes[(number - 1) / 2 % 2];
        assert!(frames(&name) == clip.frames[(number - 1) % 2 * 25..][..25], "{name}");
        assert_eq!(times(&name)[0], 0);
    }
}

#[test]
fn a_sender_that_takes_over_has_a_file_of_its_own_and_one_that_is_restarted_goes_on() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    let (folder, to) = (Folder::new(), free_address());
    let clips = [30, 20].map(|count| Clip::made(count, 320, 240));
    let film = folder.join("film.mkv");
    let receiver = receiver(&["--listen", &to, "--output", "none", "--output", &film]);
    let mut sent = 0;
    // Another takes the place when it is free, and has the same clock.
    for (name, session, clip, from) in [("door", 1, 0, 0), ("door", 2, 0, 15), ("bench", 3, 1, 0)] {
        let mut wire = Wire::called(name, session, "127.0.0.1", &to);
        pause(600);
        for jpeg in &clips[clip].frames[from..][..15] {
            wire.send_taken(START + sent * 40_000, jpeg);
            sent += 1;
            pause(5);
        }
        until(&receiver, |stats| count(stats, "/outputs/0/written") == sent);
    }
    let said = receiver.interrupt().said;
    assert!(said.contains("film-0002.mkv: another sender has taken over"), "{said}");
    assert!(
        frames(&film) == clips[0].frames && frames(&folder.join("film-0002.mkv")) == clips[1].frames[..15]
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_just_happened_is_written_at_a_signal_while_it_goes_on() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    let (folder, clip, to) = (Folder::new(), Clip::made(60, 320, 240), free_address());
    let clips = folder.join("clips");
    let arguments = ["--listen", &to, "--output", "none", "--past", "1m", "--save-to", &clips];
    let receiver = receiver(&arguments);
    let mut wire = Wire::to(&to);
    let files = || {
        let entries = std::fs::read_dir(&clips).into_iter().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let mut known: Vec<std::path::PathBuf> = Vec::new();
    let saved = |times: usize| receiver.said().matches("saved the past").count() == times;
    for (round, wanted) in [30, 60].into_iter().enumerate() {
        for (n, jpeg) in clip.frames.iter().enumerate().take(wanted).skip(wanted - 30) {
            wire.send_taken(START + n as u64 * 40_000, jpeg);
            pause(2);
        }
        until(&receiver, |stats| count(stats, "/frames/delivered") == wanted as u64);
        assert!(files().len() == round, "nothing is written unasked");
        receiver.signal(Signal::USR1);
        let patience = Instant::now() + Duration::from_secs(10);
        while !saved(round + 1) {
            assert!(Instant::now() < patience, "{}", receiver.said());
            pause(10);
        }
        // Both may be of one second: then the second one has a number.
        let film = files().into_iter().find(|film| !known.contains(film)).unwrap();
        known.push(film.clone());
        let name = film.to_str().unwrap();
        assert!(name.contains("-past") && name.ends_with(".mkv"), "{name}");
        assert!(frames(film.to_str().unwrap()) == clip.frames[..wanted], "lossless, and from the beginning");
    }
    receiver.interrupt();
}

#[test]
fn a_recording_that_is_killed_plays_to_its_last_whole_second() {
    let turn = alone();
    if !has_players() {
        return;
    }
    let (clip, mut random) = (Clip::made(121, 160, 120), Random::new(0x6b69_6c6c));
    let (folder, mut killed) = (Folder::new(), Vec::new());
    for round in 0..KILLS / AT_ONCE {
        let mut running: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let (to, film) = (free_address(), folder.join(&format!("{round}-{n}.mkv")));
                let receiver = receiver(&["--listen", &to, "--output", &film]);
                (Wire::to(&to), receiver, film, 1 + random.below(120))
            })
            .collect();
        let (begun, mut sent) = (Instant::now(), 0);
        while !running.is_empty() {
            for (wire, ..) in &mut running {
                wire.send_taken(START + sent * FRAME_MICROS, &clip.frames[sent as usize]);
            }
            sent += 1;
            // While the frame is being put together, or written, or both.
            for (_, receiver, film, _) in running.extract_if(.., |(.., lives)| *lives <= sent) {
                receiver.kill();
                killed.push((film, sent));
            }
            let due = begun + Duration::from_micros(sent * FRAME_MICROS);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    assert_eq!(killed.len(), KILLS);
    // To look at them takes no less, and is in no hurry.
    drop(turn);
    let _turn = beside_others();
    let least = killed.iter().map(|(film, sent)| assert_plays(film, &clip, *sent)).min().unwrap();
    figure(&format!("{KILLS} recordings killed with -9: of the last 60 frames, kept at worst"), least);
}

/// The file of a receiver that was killed when `sent` frames had been sent has all but those of the last second.
/// Returns how many of those it has.
fn assert_plays(film: &str, clip: &Clip, sent: u64) -> u64 {
    if sent <= 60 && std::fs::metadata(film).map_or(0, |file| file.len()) < 400 {
        return 60 - sent;
    }
    let (frames, times) = (frames(film), times(film));
    assert_eq!(frames.len(), times.len());
    assert!(frames.len() as u64 + 60 >= sent, "{film}: {} of {sent} frames", frames.len());
    for (n, (jpeg, time)) in frames.iter().zip(&times).enumerate() {
        assert!(*jpeg == clip.frames[n], "{film}: frame {n} is not what was sent");
        assert!((n as u64 * FRAME_MICROS).abs_diff(time * 1000) <= 500, "{film}: frame {n} at {time} ms");
    }
    (frames.len() as u64 + 60).saturating_sub(sent)
}

#[test]
fn a_player_plays_what_was_killed() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    let (folder, clip, to) = (Folder::new(), Clip::made(120, 160, 120), free_address());
    let film = folder.join("film.mkv");
    let receiver = receiver(&["--listen", &to, "--output", &film]);
    let mut wire = Wire::to(&to);
    for (n, jpeg) in clip.frames.iter().enumerate() {
        wire.send_taken(START + n as u64 * FRAME_MICROS, jpeg);
        pause(2);
    }
    until(&receiver, |stats| count(stats, "/outputs/0/written") == 120);
    receiver.kill();
    // Its last block is cut short, too.
    let file = std::fs::OpenOptions::new().write(true).open(&film).unwrap();
    file.set_len(file.metadata().unwrap().len() - 100).unwrap();
    assert!(frames(&film) == clip.frames[..119]);
    play(&film);
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_view() {
    let _turn = beside_others();
    if !has_players() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return skip("a small disk needs root", true);
    }
    let folder = Folder::new();
    // A disk of a megabyte, that only this receiver sees.
    let script = format!("mount -t tmpfs -o size=1m none {} && exec \"$@\"", folder.join(""));
    let said = ends_the_recording_only(&folder, &["unshare", "--mount", "sh", "-c", &script, "sh"]);
    assert!(said.contains("No space left on device") && said.contains("make room there"), "{said}");
}

#[test]
fn so_does_the_largest_file_that_is_allowed() {
    let _turn = beside_others();
    if has_players() {
        let script = "ulimit -f 1024 && exec \"$@\"";
        let said = ends_the_recording_only(&Folder::new(), &["sh", "-c", script, "sh"]);
        assert!(said.contains("File too large"), "{said}");
    }
}

#[test]
fn it_is_said_which_senders_are_not_recorded() {
    let _turn = beside_others();
    let (folder, to) = (Folder::new(), [free_address(), free_address()]);
    let arguments = ["--listen", &to[0], "--listen", &to[1], "--output", &folder.join("film.mkv")];
    let receiver = receiver(&arguments);
    let card = ["--source", "pattern", "--size", "160x120", "--dest"];
    let senders = to.each_ref().map(|to| sender(&[&card[..], &[to]].concat()));
    let is_said =
        || receiver.said().contains("--output takes the first sender's frames, and none from 127.0.0.1:");
    assert!(comes_to(is_said), "{}", receiver.said());
    drop(senders);
    assert_eq!(receiver.interrupt().said.matches("--output takes").count(), 1);
}

/// Records under a command that leaves no room for all; returns what was said.
fn ends_the_recording_only(folder: &Folder, under: &[&str]) -> String {
    let (clip, to, film) = (Arc::new(Clip::made(100, 320, 240)), free_address(), folder.join("film.mkv"));
    let arguments = ["--listen", &to, "--output", &film, "--output", "-"];
    let mut receiver = Running::listening(under, &arguments);
    let collector = Collector::of(&mut receiver, &clip);
    let mut wire = Wire::to(&to);
    for (n, jpeg) in clip.frames.iter().enumerate() {
        wire.send_taken(START + n as u64 * 40_000, jpeg);
        collector.wait_until(n + 1, Duration::from_secs(5)).unwrap();
    }
    let said = receiver.said();
    let kept: usize =
        said.split("the ").find_map(|words| words.split_once(" frames before")?.0.parse().ok()).unwrap();
    let kept_film = format!("/proc/{}/root{film}", receiver.id());
    assert!((10..100).contains(&kept), "{said}");
    assert!(frames(&kept_film) == clip.frames[..kept]);
    let seconds: f64 = probe(&kept_film, "format=duration").trim().parse().unwrap();
    assert!((seconds - kept as f64 / 25.0).abs() < 0.01, "{seconds} s, {said}");
    receiver.signal(Signal::INT);
    let ended = receiver.end_within(5);
    assert!(!ended.status.success(), "an output failed: {}", ended.said);
    assert_eq!(collector.finish().len(), 100);
    said
}

/// The JPEGs in a file, as FFmpeg finds them.
fn frames(film: &str) -> Vec<Vec<u8>> {
    split(&ffmpeg(&["-i", film]))
}

/// What FFmpeg copies out of what these arguments name, as JPEGs.
fn ffmpeg(input: &[&str]) -> Vec<u8> {
    let output = ["-map", "0:v", "-c", "copy", "-f", "mjpeg", "-"];
    let done = Command::new("ffmpeg").args(["-v", "error"]).args(input).args(output).output().unwrap();
    assert!(done.status.success(), "{input:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// When each frame is shown, in milliseconds.
fn times(film: &str) -> Vec<u64> {
    let times = probe(film, "packet=pts");
    times.lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

fn probe(film: &str, entries: &str) -> String {
    let arguments = ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", film];
    let done = Command::new("ffprobe").args(arguments).output().unwrap();
    assert!(done.status.success(), "{film}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// mpv plays it to its end.
fn play(film: &str) {
    assert!(Path::new(film).exists());
    let arguments = ["--no-config", "--vo=null", "--ao=null", "--untimed", "--no-terminal", film];
    let played = Command::new("mpv").args(arguments).status().unwrap();
    assert!(played.success(), "mpv does not play {film}: {played}");
}

/// Whether what plays recordings is here; says aloud what is not.
fn has_players() -> bool {
    ["ffmpeg", "ffprobe", "mpv"].iter().all(|name| {
        let is_here = Command::new(name).arg("--version").output().is_ok();
        if !is_here {
            skip(&format!("{name} cannot be started; install it"), false);
        }
        is_here
    })
}

/// Waits until the receiver's statistics are so.
fn until(receiver: &Running, is_so: impl Fn(&serde_json::Value) -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !receiver.stats().is_some_and(|stats| is_so(&stats)) {
        assert!(Instant::now() < patience, "{:?} {}", receiver.stats(), receiver.said());
        pause(20);
    }
}

/// On 25 July 2026, in microseconds.
const START: u64 = 1_785_000_000_000_000;
/// Sixty a second.
const FRAME_MICROS: u64 = 16_667;
const KILLS: usize = 100;
/// Not more, so that two cores receive them all.
const AT_ONCE: usize = 20;
