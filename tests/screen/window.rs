//! What a person sees: both real programs, and the pixels of the receiver's window on a real X server.

use crate::common::display::{Area, Display, Screen};
use crate::common::running::{count, sender, viewer, window_adds_up};
use crate::common::{Folder, beside_others, comes_to, free_address, pause};
use rustix::process::Signal;

#[test]
fn the_test_card_is_seen_moving_and_comes_back_when_its_sender_was_killed() {
    let _turn = beside_others();
    let Some(display) = Display::start(1600, 900) else { return };
    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to]);
    let pattern = ["--dest", &to, "--source", "pattern", "--size", "1280x720"];
    let mut sender_running = sender(&pattern);
    // The window takes the picture's size, so that each of its pixels is one of the picture's.
    let (area, size) = (Area::centred(1280, 720, &display.screen()), (1280, 720));
    // More than it counts, started again, before the receiver believes in the restart.
    let mut seen = display.numbers(45, area, size);
    assert_advances(&seen, 45);

    // Started again at once: the numbers begin anew, in the same window.
    sender_running.kill();
    sender_running = sender(&pattern);
    let last = *seen.last().unwrap();
    let is_new = |number: Option<u32>| number.is_some_and(|number| number < last);
    assert!(display.comes_to(|screen| is_new(screen.number(area, size))), "{}", receiver.said());
    seen = display.numbers(15, area, size);
    assert_advances(&seen, 15);

    // Started again after the card has taken the picture's place.
    sender_running.kill();
    assert!(display.comes_to(|screen| screen.has_card(area)), "{}", receiver.said());
    sender_running = sender(&pattern);
    seen = display.numbers(15, area, size);
    assert_advances(&seen, 15);

    sender_running.interrupt();
    // It said goodbye: there is no need to wait for silence.
    assert!(display.comes_to(|screen| screen.has_card(area)), "{}", receiver.said());
    let ended = receiver.interrupt();
    assert!(count(ended.totals(), "/frames/displayed") >= 45, "{}", ended.totals());
    assert_eq!(count(ended.totals(), "/frames/refused"), 0, "{}", ended.totals());
    window_adds_up(ended.totals());
}

#[test]
fn without_a_sender_a_card_says_so_and_a_signal_ends_it() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    for signal in [Signal::TERM, Signal::INT] {
        let to = free_address();
        let receiver = viewer(&display, &["--listen", &to]);
        // Wherever the window is, and whatever its size: it has more pixels than this.
        let letters = |screen: &Screen| screen.letters() > 1000;
        assert!(display.comes_to(letters), "no card: {}", receiver.said());
        let (screen, says) = (display.screen(), format!("listening on {to}"));
        assert!(screen.reads("no signal"));
        let line = screen.find(&says, screen.area()).map(|text| screen.line(text, screen.area()));
        assert_eq!(line.as_ref(), Some(&says));
        receiver.signal(signal);
        let ended = receiver.end_within(5);
        assert!(ended.status.success(), "{signal:?}: {} {}", ended.status, ended.said);
        assert_eq!(count(ended.totals(), "/frames/displayed"), 0);
        assert!(display.comes_to(|screen| screen.letters() == 0), "the window is gone");
    }
}

#[test]
fn q_ends_it_and_f_fills_the_screen_and_gives_it_back() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    let (to, size) = (free_address(), (640, 512));
    let receiver = viewer(&display, &["--listen", &to]);
    let _sender = sender(&["--dest", &to, "--source", "pattern", "--size", "640x512"]);
    let windowed = Area::centred(640, 512, &display.screen());
    assert_advances(&display.numbers(5, windowed, size), 5);
    let Some(()) = display.key("f") else { return };
    let full = display.screen().area();
    assert_advances(&display.numbers(5, full, size), 5);
    display.key("f");
    assert_advances(&display.numbers(5, windowed, size), 5);
    display.key("q");
    let ended = receiver.end_within(5);
    assert!(ended.status.success(), "{} {}", ended.status, ended.said);
    // A picture that was there when the key was typed is seen before and after it.
    assert!(count(ended.totals(), "/frames/displayed") >= 13, "{}", ended.totals());
    window_adds_up(ended.totals());
}

#[test]
fn keys_do_the_same_whatever_alphabet_they_write() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 512) else { return };
    // The places of S and Q on most keyboards.
    for (layout, keep, quit) in
        [("ru", "39", "24"), ("gr", "39", "24"), ("il", "39", "24"), ("fr", "39", "38")]
    {
        let (folder, to) = (Folder::new(), free_address());
        let receiver = viewer(&display, &["--listen", &to, "--save-to", &folder.join("")]);
        let _sender = sender(&["--dest", &to, "--source", "pattern", "--size", "640x512"]);
        assert_advances(&display.numbers(3, display.screen().area(), (640, 512)), 3);
        let Some(()) = display.layout(layout) else { return };
        pause(200);
        let Some(()) = display.key(keep) else { return };
        let is_kept = || std::fs::read_dir(folder.path()).unwrap().count() == 1;
        assert!(comes_to(is_kept), "{layout}: {}", receiver.said());
        display.key(quit);
        let ended = receiver.end_within(5);
        assert!(ended.status.success(), "{layout}: {} {}", ended.status, ended.said);
    }
}

#[test]
fn when_the_display_goes_away_recordings_are_finished_and_the_program_ends_in_order() {
    let _turn = beside_others();
    for _ in 0..3 {
        let Some(display) = Display::start(640, 512) else { return };
        let (folder, to) = (Folder::new(), free_address());
        let film = folder.join("film.mkv");
        let receiver = viewer(&display, &["--listen", &to, "--output", "window", "--output", &film]);
        let _sender = sender(&["--dest", &to, "--source", "pattern", "--size", "640x512", "--fps", "60"]);
        assert_advances(&display.numbers(3, display.screen().area(), (640, 512)), 3);
        drop(display);
        let ended = receiver.end_within(10);
        assert_eq!(ended.status.code(), Some(1), "{} {}", ended.status, ended.said);
        assert!(ended.said.contains("the display has gone away"), "{}", ended.said);
        assert!(!ended.said.contains("X connection"), "{}", ended.said);
        let last = ended.stats.last().unwrap();
        assert_eq!(last["final"], true, "{last}");
        let frames = count(last, "/outputs/0/written");
        // What is finished says how long it is, behind the two bytes of this element's name and one of its length.
        let bytes = std::fs::read(&film).unwrap();
        let at = bytes.windows(3).position(|bytes| bytes == [0x44, 0x89, 0x88]).expect("a duration");
        let millis = f64::from_be_bytes(bytes[at + 3..at + 11].try_into().unwrap());
        assert!(frames > 0 && millis > 0.0, "{frames} frames, {millis} ms: {}", ended.said);
    }
}

#[test]
fn on_the_full_screen_the_picture_is_as_large_as_the_screen() {
    let _turn = beside_others();
    // The first has the screen's shape; beside the second are bars.
    for (card, size, shown) in [("640x512", (640, 512), (1280, 1024)), ("1280x720", (1280, 720), (1280, 720))]
    {
        let Some(display) = Display::start(1280, 1024) else { return };
        let to = free_address();
        let receiver = viewer(&display, &["--listen", &to, "--fullscreen"]);
        let full = display.screen().area();
        assert!(display.comes_to(|screen| screen.has_card(full)), "no card: {}", receiver.said());
        let _sender = sender(&["--dest", &to, "--source", "pattern", "--size", card]);
        let area = Area::centred(shown.0, shown.1, &display.screen());
        assert_advances(&display.numbers(10, area, size), 10);
        let screen = display.screen();
        // The card's lowest rows have no black in their middle.
        let bottom = area.top + area.height - 8;
        assert_ne!(screen.at(area.width / 2, bottom), [0, 0, 0], "the picture reaches down to there");
        if area.top > 0 {
            assert_eq!(screen.at(area.width / 2, area.top - 2), [0, 0, 0], "a bar above");
            assert_eq!(screen.at(area.width / 2, area.top + area.height + 2), [0, 0, 0], "a bar below");
        }
        pause(50);
        assert!(receiver.interrupt().status.success());
    }
}

/// `count` numbers were seen, each larger than the one before: newer pictures, and never an older one.
fn assert_advances(numbers: &[u32], count: usize) {
    assert_eq!(numbers.len(), count, "the strip stands still or is not there: {numbers:?}");
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}
