//! What the window says of a picture, read back from the pixels of a real X server: how it is, how old, and what is
//! kept.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::common::clip::Clip;
use crate::common::display::{Area, Display, RED, Screen};
use crate::common::glyphs::Text;
use crate::common::running::{Running, count, sender, viewer, window_adds_up};
use crate::common::wire::Wire;
use crate::common::{Folder, beside_others, comes_to, figure, free_address, pause};
use proto::wire::SourceState;
use rustix::process::Signal;

#[test]
fn figures_are_where_they_should_be_and_nothing_is_over_the_picture_without_them() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 360) else { return };
    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to]);
    let waits = |screen: &Screen| screen.reads("no signal") && screen.reads("waiting for ");
    assert!(display.comes_to(waits), "{}", receiver.said());
    let _sender = card(&to);
    assert!(display.comes_to(|screen| number(screen).is_some()), "{}", receiver.said());
    let is_bare =
        |screen: &Screen| !NAMES.iter().any(|text| screen.reads(text)) && !screen.is_red(screen.area());
    assert!(is_bare(&display.screen()));

    let Some(()) = display.key("i") else { return };
    let says =
        |screen: &Screen| small(screen).is_some_and(|(age, fps)| age < 300 && (8.0..12.0).contains(&fps));
    assert!(display.comes_to(says), "{:?}: {}", small(&display.screen()), receiver.said());
    let name = place(&display.screen(), "door");
    assert!(name.left < 40 && name.top < 40, "{name:?}");

    display.key("i");
    let is_full = |screen: &Screen| {
        ["● live", "latency", "p99", "Mbit/s", "loss", "640x360", "shared"]
            .iter()
            .all(|text| screen.reads(text))
    };
    assert!(display.comes_to(is_full), "{}", receiver.said());
    let screen = display.screen();
    let row = |label: &str| screen.line(place(&screen, label), screen.area());
    assert!(row("interface").contains("lo"), "{}", row("interface"));
    assert!(row("from").contains("127.0.0.1:"), "{}", row("from"));
    let tops = ["door", "age", "latency", "rate", "loss", "picture"].map(|text| place(&screen, text).top);
    assert!(tops.is_sorted(), "one below the other: {tops:?}");

    display.key("i");
    assert!(display.comes_to(is_bare), "{}", receiver.said());
    display.key("h");
    let keys = |screen: &Screen| screen.reads("keys") && screen.reads("record, and stop recording");
    assert!(display.comes_to(keys), "{}", receiver.said());
    display.key("h");
    assert!(display.comes_to(is_bare), "{}", receiver.said());
}

#[test]
fn a_stopped_sender_cannot_be_mistaken_for_a_live_one() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 360) else { return };
    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to, "--overlay", "small"]);
    let sender = card(&to);
    assert!(display.comes_to(|screen| small(screen).is_some()), "{}", receiver.said());
    assert_eq!(display.numbers(12, display.screen().area(), SIZE).len(), 12);

    sender.signal(Signal::STOP);
    let begun = Instant::now();
    assert!(display.comes_to(|screen| screen.is_red(screen.area())), "{}", receiver.said());
    figure("at 10 fps: the edge is red after ms of SIGSTOP", begun.elapsed().as_millis());
    let screen = display.screen();
    assert!(!screen.has_card(screen.area()), "the edge says so before the card takes the picture's place");
    // Two looks at the age while the picture is still there.
    let first = (0..500).find_map(|_| stale(&display.screen()));
    let first = first.unwrap_or_else(|| panic!("no age is counted: {}", receiver.said()));
    let counts = |screen: &Screen| stale(screen).is_some_and(|age| age > first);
    assert!(display.comes_to(counts), "{first} ms: {}", receiver.said());
    assert!(display.comes_to(|screen| silent(screen).is_some()), "{}", receiver.said());
    assert!(display.screen().reads("no signal"));
    assert!(display.comes_to(|screen| screen.edge(screen.area()) == Some(RED)), "{}", receiver.said());
    // A busy computer may miss a second, and not all of them.
    assert!(display.comes_to(|screen| silent(screen).is_some_and(|seconds| seconds > 0)), "it counts on");
    assert!(
        silent(&display.screen()).is_some_and(|seconds| seconds <= begun.elapsed().as_secs()),
        "from then on"
    );

    sender.signal(Signal::CONT);
    let is_live = |screen: &Screen| small(screen).is_some() && !screen.is_red(screen.area());
    assert!(display.comes_to(is_live), "{}", receiver.said());
    assert_eq!(display.numbers(3, display.screen().area(), SIZE).len(), 3);
}

#[test]
fn a_source_that_pauses_while_its_sender_lives_is_told_apart_and_so_are_its_ends() {
    let _turn = beside_others();
    let Some(display) = Display::start(320, 240) else { return };
    let (to, clip) = (free_address(), Clip::made(20, 320, 240));
    let receiver = viewer(&display, &["--listen", &to]);
    let mut sender = sender(&["--dest", &to, "--source", "-", "--name", "door"]);
    let mut input = sender.input();
    let mut play = |frames: usize| {
        for jpeg in &clip.frames[..frames] {
            input.write_all(jpeg).unwrap();
            pause(60);
        }
    };
    play(15);
    let whole = display.screen().area();
    assert!(display.comes_to(has_picture), "{}", receiver.said());
    // It says hello all the time.
    assert!(display.comes_to(|screen| screen.is_red(whole)), "{}", receiver.said());
    assert!(!display.screen().reads("no new picture"), "it may be a hiccup");
    assert!(display.comes_to(|screen| screen.reads("■ no new picture")), "{}", receiver.said());
    pause(1000);
    let screen = display.screen();
    assert!(screen.is_red(whole) && screen.reads("■ no new picture") && !screen.reads("no signal"));
    play(20);
    assert!(display.comes_to(|screen| !screen.reads("no new picture")), "{}", receiver.said());
    drop(input);
    assert!(sender.end_within(5).status.success());
    assert!(
        display.comes_to(|screen| screen.reads("ended") && screen.reads("said goodbye")),
        "{}",
        receiver.said()
    );
    drop(receiver);

    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to]);
    let mut wire = Wire::to(&to);
    clip.frames[..3].iter().for_each(|jpeg| wire.send(jpeg));
    assert!(display.comes_to(has_picture), "{}", receiver.said());
    wire.say(SourceState::Gone);
    assert!(display.comes_to(|screen| screen.reads("source gone")), "{}", receiver.said());
    assert!(display.comes_to(|screen| screen.edge(whole) == Some(RED)), "{}", receiver.said());
}

#[test]
fn a_window_off_the_screen_decodes_nothing_and_is_live_again_when_it_is_back() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 360) else { return };
    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to]);
    let _sender = card(&to);
    assert!(display.comes_to(|screen| number(screen).is_some()), "{}", receiver.said());

    let counted = |what: &str| receiver.stats().map_or(0, |stats| count(&stats, &format!("/frames/{what}")));
    let Some(()) = display.minimise() else { return };
    assert!(comes_to(|| counted("hidden") > 0), "{}", receiver.said());
    // Before it, while the window was made, one may have been superseded.
    let (displayed, hidden, superseded) = (counted("displayed"), counted("hidden"), counted("superseded"));
    assert!(comes_to(|| counted("hidden") >= hidden + 5), "{}", receiver.said());
    assert_eq!(counted("displayed"), displayed);
    assert_eq!(counted("superseded"), superseded, "{}", receiver.said());

    display.restore();
    assert!(display.comes_to(|screen| number(screen).is_some()), "{}", receiver.said());
    assert_eq!(display.numbers(3, display.screen().area(), SIZE).len(), 3);
    window_adds_up(receiver.interrupt().totals());
}

#[test]
fn what_is_seen_is_kept_at_a_key() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 480) else { return };
    let (folder, to, clip) = (Folder::new(), free_address(), Clip::made(30, 640, 480));
    let film = Folder::new();
    clip.write(&film.join("film.mjpeg"));
    let receiver = viewer(&display, &["--listen", &to, "--past", "10s", "--save-to", &folder.join("")]);
    let sender = sender(&[
        "--dest",
        &to,
        "--source",
        &film.join("film.mjpeg"),
        "--loop",
        "--fps",
        "15",
        "--name",
        "door",
    ]);
    assert!(display.comes_to(has_picture), "{}", receiver.said());

    let Some(()) = display.key("s") else { return };
    assert!(display.comes_to(|screen| screen.reads("saved ")), "{}", receiver.said());
    let snapshots = files(folder.path(), "jpg");
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    assert!(clip.number(&fs::read(&snapshots[0]).unwrap()).is_some(), "not a frame that was sent");
    assert!(snapshots[0].file_name().unwrap().to_str().unwrap().starts_with("door-"), "{snapshots:?}");
    assert!(display.comes_to(|screen| !screen.reads("saved ")), "it goes by itself");

    display.key("r");
    assert!(display.comes_to(|screen| screen.reads("● REC door-")), "{}", receiver.said());
    assert!(display.comes_to(|screen| screen.reads(".mkv 00:01")), "{}", receiver.said());
    display.key("r");
    assert!(
        display.comes_to(|screen| screen.reads("recorded ") && !screen.reads("REC")),
        "{}",
        receiver.said()
    );
    assert!(plays(&files(folder.path(), "mkv")) >= 10, "{}", receiver.said());

    display.key("p");
    assert!(display.comes_to(|screen| screen.reads("saved the past ")), "{}", receiver.said());
    receiver.signal(Signal::USR1);
    assert!(display.comes_to(|_| files(folder.path(), "mkv").len() == 3), "{}", receiver.said());

    // What is not seen any more is not kept, and that is said.
    sender.interrupt();
    assert!(display.comes_to(|screen| screen.has_card(screen.area())), "{}", receiver.said());
    display.key("s");
    assert!(display.comes_to(|screen| screen.reads("no picture of now")), "{}", receiver.said());
    assert_eq!(files(folder.path(), "jpg").len(), 1);
    let said = receiver.interrupt().said;
    assert_eq!(said.matches("saved the past ").count(), 2, "{said}");
    assert!(plays(&files(folder.path(), "mkv")) >= 60, "{said}");
}

/// A sender of a test card called "door", ten pictures a second.
fn card(to: &str) -> Running {
    sender(&["--dest", to, "--name", "door", "--source", "pattern", "--size", "640x360", "--fps", "10"])
}

fn number(screen: &Screen) -> Option<u32> {
    screen.number(screen.area(), SIZE)
}

fn place(screen: &Screen, text: &str) -> Text {
    screen.find(text, screen.area()).unwrap_or_else(|| panic!("{text:?} is not on the screen"))
}

/// Whether a picture without black in its middle is shown.
fn has_picture(screen: &Screen) -> bool {
    screen.letters() == 0 && !screen.has_card(screen.area()) && !screen.shows([0; 3])
}

/// What the line over a live picture says: its age in milliseconds, and its rate.
fn small(screen: &Screen) -> Option<(u64, f64)> {
    let line = screen.line(screen.find("door", top(screen))?, screen.area());
    let mut words = line.split_whitespace().skip(1);
    let age = words.next()?.parse().ok()?;
    (words.next()? == "ms").then_some(())?;
    Some((age, words.next()?.parse().ok()?))
}

/// What the line over a picture that is too old says: its age in milliseconds.
fn stale(screen: &Screen) -> Option<u64> {
    let line = screen.line(screen.find("■ no new picture", top(screen))?, screen.area());
    line.strip_prefix("■ no new picture ")?.split_whitespace().next()?.parse().ok()
}

/// For how long the card says that there is no signal, in seconds.
fn silent(screen: &Screen) -> Option<u64> {
    let line = screen.line(screen.find("for", screen.area())?, screen.area());
    line.strip_prefix("for ")?.split_once(" s")?.0.parse().ok()
}

/// Where the line over a picture is.
fn top(screen: &Screen) -> Area {
    Area { height: screen.height.min(40), ..screen.area() }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|is| is == extension)).collect()
}

/// How many pictures there are in all of these films.
fn plays(films: &[PathBuf]) -> usize {
    let pictures = |film: &PathBuf| {
        let arguments =
            ["-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"];
        let done = Command::new("ffprobe").args(arguments).arg(film).output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{film:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap().trim().trim_end_matches(',').parse::<usize>().unwrap()
    };
    films.iter().map(pictures).sum()
}

const SIZE: (u32, u32) = (640, 360);
/// Of what is written on a picture, something.
const NAMES: [&str; 4] = ["door", "fps", "live", "keys"];
