//! JPEGs as cameras make them are shown; as attackers make them, they are refused by name, and the next good one is
//! shown. Both programs, and the pixels of the receiver's window on a real X server.

use std::io::Write;

use crate::common::display::Display;
use crate::common::jpegs::{
    app1, arithmetic, four_colours, lossless, picture, progressive, with_first, with_header, with_last,
    with_restarts, without,
};
use crate::common::running::{
    Ended, Running, count, receiver, receiver_adds_up, sender, sender_adds_up, viewer,
};
use crate::common::wire::Wire;
use crate::common::{Folder, beside_others, comes_to, free_address};
use turbojpeg::Subsamp;

/// A picture of which it is known what the middle of the screen must then show.
struct Camera {
    what: &'static str,
    jpeg: Vec<u8>,
    middle: [u8; 3],
}

/// Makes the picture of the colour with this number.
type Make<'a> = &'a dyn Fn(usize) -> Vec<u8>;

/// A picture that must be refused, in words among which are these.
struct Attack {
    what: &'static str,
    jpeg: Vec<u8>,
    words: &'static str,
    /// Its markers are in order, so that a sender, which decodes nothing, passes it on.
    passes_sender: bool,
}

#[test]
fn pictures_as_cameras_make_them_go_from_a_pipe_to_the_screen() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    let (folder, to, receiver) = showing(&display);
    let mut sender = sender(&["--dest", &to, "--source", "-"]);
    let mut pipe = sender.input();
    let pictures = cameras();
    for Camera { what, jpeg, middle } in &pictures {
        pipe.write_all(jpeg).unwrap();
        assert!(display.comes_to(|screen| screen.shows(*middle)), "{what}: {}", receiver.said());
    }
    drop(pipe);
    let sent = sender.end_within(5);
    sender_adds_up(sent.totals());
    assert_eq!(count(sent.totals(), "/errors/capture"), 0, "{}", sent.said);
    // A picture is cut at its own end: what a camera leaves behind it does not travel.
    let whole: Vec<_> = pictures.iter().map(|p| &p.jpeg[..proto::jpeg::scan(&p.jpeg).unwrap().end]).collect();
    let ended = receiver.interrupt();
    assert_counts(&ended, pictures.len(), 0);
    assert_delivered(&folder, &whole);
}

#[test]
fn pictures_as_cameras_make_them_are_shown_also_with_all_that_is_behind_them() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    let (folder, to, receiver) = showing(&display);
    let mut wire = Wire::to(&to);
    let pictures = cameras();
    for Camera { what, jpeg, middle } in &pictures {
        wire.send(jpeg);
        assert!(display.comes_to(|screen| screen.shows(*middle)), "{what}: {}", receiver.said());
    }
    assert_counts(&receiver.interrupt(), pictures.len(), 0);
    assert_delivered(&folder, &pictures.iter().map(|picture| &picture.jpeg[..]).collect::<Vec<_>>());
}

#[test]
fn each_picture_as_attackers_make_them_is_refused_by_name_and_the_next_good_one_is_shown() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    let [(before, red), (after, blue)] = [good([200, 40, 60]), good([20, 160, 220])];
    for Attack { what, jpeg, words, .. } in attacks() {
        // A receiver of its own for each: one that repeats itself would not be heard.
        let (folder, to, receiver) = showing(&display);
        let mut wire = Wire::to(&to);
        wire.send(&before);
        assert!(display.comes_to(|screen| screen.shows(red)), "before {what}: {}", receiver.said());
        wire.send(&jpeg);
        assert!(
            comes_to(|| receiver.said().contains("is not shown")),
            "{what} is not refused: {}",
            receiver.said()
        );
        let said = receiver.said();
        let line = said.lines().find(|line| line.contains("is not shown")).unwrap();
        assert!(line.contains("frame 1 ") && line.contains(words), "{what}: {line}");
        assert!(display.screen().shows(red), "{what}: the picture before it stays");
        wire.send(&after);
        assert!(display.comes_to(|screen| screen.shows(blue)), "after {what}: {}", receiver.said());
        assert_counts(&receiver.interrupt(), 2, 1);
        // Outputs that decode nothing get what was sent, whatever it is.
        assert_delivered(&folder, &[&before, &jpeg, &after]);
    }
}

#[test]
fn a_pipe_full_of_attacks_passes_through_both_programs_and_every_good_picture_is_shown() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    let (folder, to, receiver) = showing(&display);
    let mut sender = sender(&["--dest", &to, "--source", "-"]);
    let mut pipe = sender.input();
    let (mut passed, mut refused, mut shown, mut stopped) = (Vec::new(), 0, 0, 0);
    for (number, attack) in attacks().into_iter().enumerate() {
        pipe.write_all(&attack.jpeg).unwrap();
        if attack.passes_sender {
            refused += 1;
            let is_counted =
                || receiver.stats().is_some_and(|stats| count(&stats, "/frames/refused") == refused);
            assert!(comes_to(is_counted), "{} is not refused: {:?}", attack.what, receiver.stats());
            passed.push(attack.jpeg);
        } else {
            stopped += 1;
        }
        let (jpeg, middle) = good(colour(number));
        pipe.write_all(&jpeg).unwrap();
        let seen = display.comes_to(|screen| screen.shows(middle));
        assert!(seen, "after {}: {} {}", attack.what, sender.said(), receiver.said());
        passed.push(jpeg);
        shown += 1;
    }
    drop(pipe);
    let sent = sender.end_within(5);
    sender_adds_up(sent.totals());
    assert_eq!(count(sent.totals(), "/frames/sent") as usize, passed.len(), "{}", sent.totals());
    // What has no start marker never was a picture; the others are counted.
    assert_eq!(count(sent.totals(), "/errors/capture"), stopped - 1, "{}", sent.totals());
    assert!(sent.said.contains("damaged"), "{}", sent.said);
    assert_counts(&receiver.interrupt(), shown, refused);
    assert_delivered(&folder, &passed.iter().map(|jpeg| &jpeg[..]).collect::<Vec<_>>());
}

#[test]
fn who_sends_pictures_that_no_receiver_shows_is_told() {
    let folder = Folder::new();
    for (kind, jpeg) in [("progressive", progressive([0; 3])), ("arithmetic-coded", arithmetic([0; 3]))] {
        std::fs::write(folder.join("picture.jpg"), jpeg).unwrap();
        let sender = sender(&["--dest", &free_address(), "--source", &folder.join("picture.jpg"), "--loop"]);
        let is_told = || sender.said().contains(&format!("are {kind}"));
        assert!(comes_to(is_told), "{kind}: {}", sender.said());
    }
}

/// Where a receiver keeps what it was sent, where it listens, and the receiver, which shows it too.
fn showing(display: &Display) -> (Folder, String, Running) {
    let (folder, to) = (Folder::new(), free_address());
    let receiver = viewer(display, &["--listen", &to, "--output", "window", "--output", &kept(&folder)]);
    (folder, to, receiver)
}

/// Each of a colour of its own, so that it is seen which one is shown.
fn cameras() -> Vec<Camera> {
    let plain = |n: usize| picture(640, 480, colour(n), Subsamp::Sub2x2);
    let with_size = |n: usize, width, height, subsamp| picture(width, height, colour(n), subsamp);
    let make: [(&str, Make<'_>); 15] = [
        // The first gives the window its size.
        ("nothing odd", &plain),
        ("no Huffman tables", &|n| without(&plain(n), 0xc4)),
        ("bytes after the end", &|n| [&plain(n)[..], &[0, 0, 7, 0xff, 0xd9, 0xff, 0xd8, 1, 0xff]].concat()),
        ("a thumbnail with its own end marker", &|n| {
            let thumbnail = picture(160, 120, [1, 2, 3], Subsamp::Sub2x2);
            with_first(&plain(n), &app1(&[b"Exif\0\0", &thumbnail[..]].concat()))
        }),
        ("fill bytes before a marker", &|n| with_first(&plain(n), &[0xff, 0xff, 0xff])),
        ("bytes before the end marker", &|n| with_last(&plain(n), &[0, 0])),
        ("restart markers at each row of blocks", &|n| with_restarts(colour(n), 16)),
        ("restart markers at odd places", &|n| with_restarts(colour(n), 112)),
        ("4:2:2", &|n| with_size(n, 640, 480, Subsamp::Sub2x1)),
        ("4:2:2 without Huffman tables", &|n| without(&with_size(n, 1280, 720, Subsamp::Sub2x1), 0xc4)),
        ("4:4:4", &|n| with_size(n, 640, 480, Subsamp::None)),
        ("grey", &|n| picture(640, 480, grey(n), Subsamp::Gray)),
        ("1x1", &|n| with_size(n, 1, 1, Subsamp::Sub2x2)),
        ("17x13", &|n| with_size(n, 17, 13, Subsamp::Sub2x1)),
        ("4096x2160", &|n| with_size(n, 4096, 2160, Subsamp::Sub2x2)),
    ];
    let made = make.into_iter().enumerate();
    made.map(|(n, (what, make))| {
        let middle = if what == "grey" { grey(n) } else { colour(n) };
        Camera { what, jpeg: make(n), middle }
    })
    .collect()
}

fn attacks() -> Vec<Attack> {
    let black = picture(640, 480, [0; 3], Subsamp::Sub2x2);
    let half = &black[..black.len() / 2];
    let header = |offset, bytes: &[u8]| with_header(&black, offset, bytes);
    [
        ("65500x65500 in the header", header(5, &[0xff, 0xdc, 0xff, 0xdc]), "65500x65500", true),
        ("more pixels than there may be", header(5, &[0x1f, 0xff, 0x1f, 0xff]), "36 megapixels", true),
        ("no height", header(5, &[0, 0]), "width or height is zero", true),
        ("progressive", progressive([0; 3]), "progressive", true),
        ("arithmetic coding", arithmetic([0; 3]), "arithmetic", true),
        ("lossless coding", lossless([0; 3]), "lossless", true),
        ("12 bits", header(4, &[12]), "12 bits", true),
        ("four colours", four_colours(), "4 colour components", true),
        ("4:4:4 in the header, 4:2:0 in the data", header(11, &[0x11]), "damaged", true),
        ("a sampling that there is not", header(11, &[0x55]), "segments are damaged", true),
        ("a sampling that nobody uses", header(11, &[0x14, 1, 2, 0x41, 1, 3, 0x23]), "sampling", true),
        ("scan upon scan", many_scans(&black, 10_000), "10001 scans for 3 colour components", true),
        (
            "tables upon tables",
            with_first(&black, &[0xff, 0xdd, 0, 4, 0, 0].repeat(200_000)),
            "tables and markers",
            true,
        ),
        ("cut short, with an end marker", [half, &[0xff, 0xd9]].concat(), "damaged", true),
        ("nothing but markers", vec![0xff, 0xd8, 0xff, 0xd9], "its data begin before its header", true),
        ("cut short", half.to_vec(), "cut short", false),
        ("no JPEG", b"GIF89a is no JPEG".to_vec(), "start marker", false),
    ]
    .map(|(what, jpeg, words, passes_sender)| Attack { what, jpeg, words, passes_sender })
    .into()
}

/// The same with so many scans behind its own, each of a component and without data.
fn many_scans(jpeg: &[u8], scans: usize) -> Vec<u8> {
    with_last(jpeg, &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0].repeat(scans))
}

#[test]
fn a_program_told_to_end_does_so_at_once_whatever_is_being_decoded() {
    let _turn = beside_others();
    let to = free_address();
    // One that takes long as it is: 36 megapixels.
    let (width, height) = (8192u16.to_be_bytes(), 4392u16.to_be_bytes());
    let size = [8, height[0], height[1], width[0], width[1], 1, 1, 0x11, 0];
    let table = |class: u8| [&[0xff, 0xc4, 0, 20, class, 1][..], &[0; 16]].concat();
    let large = [
        &[0xff, 0xd8, 0xff, 0xdb, 0, 67, 0][..],
        &[1; 64],
        &table(0),
        &table(0x10),
        &[0xff, 0xc0, 0, 11],
        &size,
        &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0],
        &vec![0; 1024 * 549 / 4],
        &[0xff, 0xd9],
    ]
    .concat();
    let receiver = receiver(&["--listen", &to, "--output", "y4m:-"]);
    let mut wire = Wire::to(&to);
    for jpeg in [&large, &many_scans(&large, 5_000), &large] {
        wire.send(jpeg);
    }
    let is_there = || receiver.stats().is_some_and(|stats| count(&stats, "/frames/delivered") >= 2);
    assert!(comes_to(is_there), "{}", receiver.said());
    let begun = std::time::Instant::now();
    receiver.interrupt();
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
}

/// An ordinary picture, and what is in its middle.
fn good(rgb: [u8; 3]) -> (Vec<u8>, [u8; 3]) {
    (picture(640, 480, rgb, Subsamp::Sub2x2), rgb)
}

/// Colours of which any two are far apart.
fn colour(n: usize) -> [u8; 3] {
    let level = |digit: usize| 40 + 80 * (digit % 3) as u8;
    [level(n), level(n / 3 + n), level(n / 9 + 2 * n + 1)]
}

fn grey(n: usize) -> [u8; 3] {
    [80 + n as u8 * 5 / 2; 3]
}

/// A receiver delivered everything, showed so many pictures and refused so many; and ended in order.
fn assert_counts(ended: &Ended, displayed: usize, refused: u64) {
    let totals = ended.totals();
    receiver_adds_up(totals);
    assert_eq!(count(totals, "/frames/displayed") as usize, displayed, "{totals} {}", ended.said);
    assert_eq!(count(totals, "/frames/refused"), refused, "{totals} {}", ended.said);
    assert_eq!(count(totals, "/frames/delivered"), displayed as u64 + refused, "{totals}");
    assert_eq!(count(totals, "/frames/lost") + count(totals, "/frames/superseded"), 0, "{totals}");
}

/// The files in the folder are these, in this order and byte for byte.
fn assert_delivered(folder: &Folder, sent: &[&[u8]]) {
    let mut files: Vec<_> =
        std::fs::read_dir(kept(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), sent.len(), "{files:?}");
    for (file, sent) in files.iter().zip(sent) {
        assert!(std::fs::read(file).unwrap() == *sent, "{} is not what was sent", file.display());
    }
}

fn kept(folder: &Folder) -> String {
    folder.join("kept/")
}
