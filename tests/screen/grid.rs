//! Many senders in one window, as a person sees them: both real programs, and the pixels of a real X server.

use crate::common::display::{Area, Display, RED, Screen};
use crate::common::running::{Running, sender, viewer, window_adds_up};
use crate::common::{Folder, beside_others, comes_to, free_address, pause};

#[test]
fn nine_senders_at_nine_ports_are_seen_moving_and_each_comes_up_alone() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 720) else { return };
    let at: Vec<String> = (0..9).map(|_| free_address()).collect();
    let listen: Vec<&str> = at.iter().flat_map(|at| ["--listen", at.as_str()]).collect();
    let receiver = viewer(&display, &listen);
    let mut senders: Vec<Option<Running>> =
        at.iter().zip(NAMES).map(|(to, name)| Some(card(to, name, "320x180"))).collect();
    let tiles = all_there(&display, &receiver, 9);
    for (tile, name) in tiles.iter().zip(NAMES) {
        assert_advances(&display, *tile);
        assert!(label_says(&display.screen(), *tile, name), "{name}: {}", receiver.said());
    }

    // One comes up alone, by its key or a click; and all are there again.
    let full = display.screen().area();
    let Some(()) = display.key("5") else { return };
    assert!(display.comes_to(|screen| number(screen, full).is_some()), "{}", receiver.said());
    assert_advances(&display, full);
    display.key("g");
    all_there(&display, &receiver, 9);
    display.click(tiles[2]);
    assert!(display.comes_to(|screen| number(screen, full).is_some()), "{}", receiver.said());
    display.click(full);
    all_there(&display, &receiver, 9);

    // One is gone; the others do not mind.
    senders[3].take().unwrap().kill();
    let is_gone =
        |screen: &Screen| label_says(screen, tiles[3], "■ no signal") && screen.edge(tiles[3]) == Some(RED);
    assert!(display.comes_to(is_gone), "{}", receiver.said());
    for (number, tile) in tiles.iter().enumerate().filter(|(number, _)| *number != 3) {
        assert_advances(&display, *tile);
        assert_eq!(display.screen().edge(*tile), None, "tile {number}");
    }
    senders[3] = Some(card(&at[3], NAMES[3], "320x180"));
    all_there(&display, &receiver, 9);

    // In a smaller window of another shape.
    display.resize(900, 600);
    assert!(display.comes_to(|screen| screen.tiles().first().is_some_and(|tile| tile.width < 300)));
    for tile in all_there(&display, &receiver, 9) {
        assert_advances(&display, tile);
    }
    window_adds_up(receiver.interrupt().totals());
}

#[test]
fn at_one_port_each_sender_has_a_tile_which_it_finds_again_and_a_tenth_is_reported() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 720) else { return };
    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to]);
    let mut senders = vec![card(&to, NAMES[0], "320x180")];
    let alone_at = Area::centred(320, 180, &display.screen());
    assert!(display.comes_to(|screen| number(screen, alone_at).is_some()), "{}", receiver.said());
    // The window, which took that one's size, grows with the second.
    for name in &NAMES[1..4] {
        senders.push(card(&to, name, "320x180"));
        labelled(&display, &receiver, &NAMES[..senders.len()]);
    }

    senders.remove(1).kill();
    pause(100);
    senders.insert(1, card(&to, NAMES[1], "320x180"));
    labelled(&display, &receiver, &NAMES[..4]);
    let [second, ..] = &display.screen().tiles()[1..] else { panic!("no tiles") };
    let is_live = |screen: &Screen| label_says(screen, *second, " fps") && screen.edge(*second).is_none();
    assert!(display.comes_to(is_live), "{}", receiver.said());

    senders.extend(NAMES[4..].iter().map(|name| card(&to, name, "320x180")));
    assert!(display.comes_to(|screen| screen.tiles().len() == 9), "{}", receiver.said());
    let _tenth = card(&to, "tenth", "320x180");
    assert!(display.comes_to(|_| receiver.said().contains("also sends here and is not shown")));
    // Of those that came at once, any may have been the first.
    let are_there = |screen: &Screen| {
        let tiles = screen.tiles();
        let is_there = |name: &&str| tiles.iter().any(|tile| label_says(screen, *tile, name));
        tiles.len() == 9 && NAMES.iter().all(is_there)
    };
    assert!(display.comes_to(are_there), "{}", receiver.said());
    window_adds_up(receiver.interrupt().totals());
}

#[test]
fn one_key_records_all_that_is_shown_or_ends_what_is_recorded_of_it() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 360) else { return };
    let folder = Folder::new();
    let at = [free_address(), free_address()];
    let arguments = ["--listen", &at[0], "--listen", &at[1], "--save-to", &folder.join("kept")];
    let receiver = viewer(&display, &arguments);
    let _senders: Vec<Running> =
        at.iter().zip(["one", "two"]).map(|(to, name)| card(to, name, "320x180")).collect();
    all_there(&display, &receiver, 2);
    let says = |what: &str, times: usize| comes_to(|| receiver.said().matches(what).count() == times);
    let Some(()) = display.key("1") else { return };
    display.key("r");
    assert!(says("recording to", 1), "{}", receiver.said());
    display.key("g");
    display.key("r");
    assert!(says("recorded ", 1), "{}", receiver.said());
    display.key("r");
    assert!(says("recording to", 3), "{}", receiver.said());
    display.key("r");
    assert!(says("recorded ", 3), "{}", receiver.said());
    assert!(receiver.interrupt().status.success());
}

#[test]
fn with_room_for_one_the_next_takes_over_when_the_first_is_silent() {
    let _turn = beside_others();
    let Some(display) = Display::start(640, 360) else { return };
    let to = free_address();
    let receiver = viewer(&display, &["--listen", &to, "--max-senders", "1", "--overlay", "small"]);
    let first = card(&to, "first", "640x360");
    assert!(display.comes_to(|screen| screen.reads("first")), "{}", receiver.said());
    let _second = card(&to, "second", "640x360");
    assert!(display.comes_to(|_| receiver.said().contains("also sends here and is not shown")));
    pause(1000);
    assert!(display.screen().reads("first") && !display.screen().reads("second"));
    first.kill();
    assert!(display.comes_to(|screen| screen.reads("second")), "{}", receiver.said());
}

/// A sender of a test card.
fn card(to: &str, name: &str, size: &str) -> Running {
    sender(&["--dest", to, "--name", name, "--source", "pattern", "--size", size, "--fps", "10"])
}

/// Waits until so many tiles show a test card; returns where they are.
fn all_there(display: &Display, receiver: &Running, count: usize) -> Vec<Area> {
    let are_there = |screen: &Screen| {
        let tiles = screen.tiles();
        tiles.len() == count && tiles.iter().all(|tile| number(screen, *tile).is_some())
    };
    assert!(display.comes_to(are_there), "{:?}: {}", display.screen().tiles(), receiver.said());
    display.screen().tiles()
}

/// Waits until there is a tile for each of these names, in this order.
fn labelled(display: &Display, receiver: &Running, names: &[&str]) {
    let are_there = |screen: &Screen| {
        let tiles = screen.tiles();
        tiles.len() == names.len()
            && tiles.iter().zip(names).all(|(tile, name)| label_says(screen, *tile, name))
    };
    assert!(display.comes_to(are_there), "{names:?}: {}", receiver.said());
}

fn assert_advances(display: &Display, tile: Area) {
    let numbers = display.numbers(3, tile, (320, 180));
    assert!(numbers.len() == 3 && numbers.is_sorted_by(|a, b| a < b), "{numbers:?} at {tile:?}");
}

fn number(screen: &Screen, tile: Area) -> Option<u32> {
    screen.number(tile, (320, 180))
}

/// Whether a text is in the strip at the bottom of a tile.
fn label_says(screen: &Screen, tile: Area, text: &str) -> bool {
    let height = LABEL.min(tile.height);
    screen.find(text, Area { top: tile.top + tile.height - height, height, ..tile }).is_some()
}

const NAMES: [&str; 9] =
    ["atrium", "bridge", "cellar", "door", "east", "foyer", "garage", "hangar", "ice-rink"];
/// The height of the strip in pixels, at most.
const LABEL: usize = 28;
