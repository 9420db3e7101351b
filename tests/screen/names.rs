//! Names of senders in any script, read back from the pixels of a real X server.

use crate::common::display::{Display, Screen};
use crate::common::running::{Running, sender};
use crate::common::{alone, free_address};

#[test]
fn names_are_readable_in_the_scripts_of_the_world() {
    let _alone = alone();
    let Some(display) = Display::start(1280, 720) else { return };
    let to = free_address();
    let receiver = Running::with_fonts(&display, FONTS, &["--listen", &to, "--fullscreen"]);
    let senders: Vec<Running> = NAMES.iter().map(|(name, _)| named(&to, name)).collect();
    for (name, shown) in NAMES {
        let is_there = |screen: &Screen| screen.reads(shown);
        assert!(display.comes_to(is_there), "{name} is not on the screen: {}", receiver.said());
    }
    let screen = display.screen();
    assert!(!screen.reads("?") && !screen.reads("▯"), "a letter is missing");
    assert!(receiver.interrupt().status.success());
    drop(senders);
}

#[test]
fn a_letter_that_no_font_has_is_a_box_and_a_name_without_room_ends_in_an_ellipsis() {
    let _alone = alone();
    let Some(display) = Display::start(320, 240) else { return };
    for (name, shown) in [("문 2", "▯ 2"), (&*"a name without end ".repeat(3), "a name without end")] {
        let to = free_address();
        let receiver =
            Running::with_fonts(&display, "/nonexistent", &["--listen", &to, "--overlay", "small"]);
        let _sender = named(&to, name.trim());
        assert!(display.comes_to(|screen| screen.reads(shown)), "{name}: {}", receiver.said());
        let screen = display.screen();
        assert_eq!(screen.reads("…"), name.len() > 20, "{name}");
        assert!(!screen.reads("?"));
        assert!(receiver.interrupt().status.success());
    }
}

fn named(to: &str, name: &str) -> Running {
    sender(&["--dest", to, "--name", name, "--source", "pattern", "--size", "320x180", "--fps", "10"])
}

/// What senders are called, and how that reads from left to right.
const NAMES: [(&str, &str); 6] = [
    ("현관 문", "현관 문"),
    ("дверь склада", "дверь склада"),
    ("Θύρα", "Θύρα"),
    ("שער 2", "2 רעש"),
    ("Küche Łódź", "Küche Łódź"),
    ("門前", "門前"),
];
/// The folder of `fonts/hangul.ttf`, which has the letters of the first and the last.
const FONTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
