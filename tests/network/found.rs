//! Senders are found and shown without an address on any command line: real programs on hosts of their own, and
//! windows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::clip::Clip;
use crate::common::collector::Collector;
use crate::common::display::{Area, Display, Screen};
use crate::common::lab::Lab;
use crate::common::running::Running;
use crate::common::{beside_others, figure, pause};

#[test]
fn with_nothing_typed_pictures_are_there_in_two_seconds_and_back_in_one() {
    let _turn = beside_others();
    let (Some(lab), Some(display)) = (Lab::up(3), Display::start(800, 600)) else { return };

    // The sender first.
    let mut sender = serving(&lab, "host0", "door", &[]);
    assert!(sender_serves(&sender));
    let begun = Instant::now();
    let (pipe, window) = (piped(&lab, "host1"), lab.finder("host2", Some(&display), &[]));
    both_within("sender first: pictures after ms", begun, 2000, &pipe.1, 0, &display, None);
    pipe.0.kill();
    window.kill();
    assert!(display.comes_to(|screen| number(screen).is_none()));

    // The viewers first.
    sender.kill();
    let (pipe, window) = (piped(&lab, "host1"), lab.finder("host2", Some(&display), &[]));
    assert!(display.comes_to(|screen| screen.reads("looking for senders.")), "{}", window.said());
    let begun = Instant::now();
    sender = serving(&lab, "host0", "door", &[]);
    both_within("viewers first: pictures after ms", begun, 2000, &pipe.1, 0, &display, None);

    // Killed, and started again: its numbers begin anew.
    assert!(display.comes_to(|screen| number(screen).is_some_and(|number| number > 30)));
    sender.kill();
    pause(300);
    let (last, so_far) = (number(&display.screen()), pipe.1.count());
    let begun = Instant::now();
    sender = serving(&lab, "host0", "door", &[]);
    both_within("sender restarted: back after ms", begun, 1000, &pipe.1, so_far, &display, last);

    // Nobody says goodbye for a viewer that was killed.
    let (begun, mut before) = (Instant::now(), sender.bytes_out());
    pipe.0.kill();
    window.kill();
    loop {
        pause(200);
        let now = sender.bytes_out();
        if now - before < 1000 {
            break;
        }
        assert!(begun.elapsed() < SOON, "{} bytes in 200 ms: {}", now - before, sender.said());
        before = now;
    }
    // The last of these 200 ms were quiet.
    let took = begun.elapsed() - Duration::from_millis(200);
    figure("both viewers killed: nothing is sent after ms", took.as_millis());
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(sender.interrupt().status.success());
}

#[test]
fn several_senders_are_offered_and_one_is_taken_by_number_or_name_or_all() {
    let _turn = beside_others();
    let (Some(lab), Some(display)) = (Lab::up(4), Display::start(800, 600)) else { return };
    // They are told apart by their shapes.
    let names = ["back-yard", "door", "gate"];
    let sizes = ["640x360", "320x320", "480x640"];
    let _senders: Vec<Running> = (0..3)
        .map(|n| {
            lab.sender(&format!("host{n}"), &[&CARD[..], &["--size", sizes[n], "--name", names[n]]].concat())
        })
        .collect();

    // Without a window, one should be named: that is said, and one is taken.
    let (several, collector) = piped(&lab, "host3");
    assert!(collector.wait_until(5, SOON).is_some(), "{}", several.said());
    let said = several.said();
    assert!(said.contains("back-yard, door, gate") && said.contains("receiver 'back-yard'"), "{said}");
    assert_eq!(said.matches("there are several senders").count(), 1, "{said}");
    several.kill();

    let offered = |window: &Running| {
        let all = |screen: &Screen| {
            screen.reads("3 senders were found") && names.iter().all(|name| screen.reads(name))
        };
        assert!(display.comes_to(all), "{}", window.said());
        assert!(display.comes_to(|_| window.said().contains("back-yard, door, gate")), "{}", window.said());
        let screen = display.screen();
        let places = names.map(|name| screen.find(name, screen.area()).unwrap().top);
        assert!(places.is_sorted(), "by name: {places:?}");
        let line = screen.find("320x320", screen.area()).map(|text| screen.line(text, screen.area()));
        assert_eq!(line.as_deref(), Some("320x320  15 fps  10.77.0.2:9001"));
    };
    let window = lab.finder("host3", Some(&display), &[]);
    offered(&window);
    let Some(()) = display.key("2") else { return };
    assert_eq!(display.numbers(3, Area::centred(320, 320, &display.screen()), (320, 320)).len(), 3);
    window.kill();

    let window = lab.finder("host3", Some(&display), &[]);
    offered(&window);
    display.key("a");
    let labelled = |screen: &Screen| {
        let is_live = ["● 14 fps", "● 15 fps", "● 16 fps"].iter().any(|rate| screen.reads(rate));
        is_live && names.iter().all(|name| screen.reads(name))
    };
    assert!(display.comes_to(labelled), "{}", window.said());
    window.kill();

    let window = lab.finder("host3", Some(&display), &["gate"]);
    assert_eq!(display.numbers(3, Area::centred(450, 600, &display.screen()), (480, 640)).len(), 3);
    assert!(window.interrupt().status.success());
}

#[test]
fn where_multicast_dns_is_dropped_an_address_will_do() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    ["host0", "host1"].iter().for_each(|host| lab.block_mdns(host));
    lab.run("host0", &["ip", "addr", "add", "10.77.0.101/24", "dev", "eth0"]);
    let sender = serving(&lab, "host0", "door", &[]);
    for to in ["10.77.0.1", "10.77.0.101", "10.77.0.1:9001", "fd77::1"] {
        let mut viewer = lab.finder("host1", None, &["--connect", to, "--output", "-"]);
        let collector = collect(&mut viewer);
        assert!(collector.wait_until(5, SOON).is_some(), "{to}: {}{}", viewer.said(), sender.said());
        assert!(viewer.interrupt().status.success(), "{to}");
    }
    let blind = lab.finder("host1", None, &["--output", "-"]);
    let begun = Instant::now();
    while !blind.said().contains("Where multicast DNS is blocked: receiver --connect HOST") {
        assert!(begun.elapsed() < SOON, "{}", blind.said());
        pause(20);
    }
}

#[test]
fn who_finds_a_full_sender_is_told_so_and_is_let_in_when_another_leaves() {
    let _turn = beside_others();
    let (Some(lab), Some(display)) = (Lab::up(3), Display::start(800, 600)) else { return };
    let sender = serving(&lab, "host0", "door", &["--max-viewers", "1"]);
    let (first, collector) = piped(&lab, "host1");
    assert!(collector.wait_until(1, SOON).is_some(), "{}", first.said());
    let window = lab.finder("host2", Some(&display), &[]);
    let is_full = |screen: &Screen| screen.reads("full") && screen.reads("see its --max-viewers");
    assert!(display.comes_to(is_full), "{}{}", window.said(), sender.said());
    // The terminal says it too, once, and nothing that is not so.
    let is_told = |stats: &serde_json::Value| {
        stats["diagnosis"]
            .as_str()
            .is_some_and(|said| said.contains("is full") && said.contains("--max-viewers"))
    };
    let begun = Instant::now();
    while !window.stats().is_some_and(|stats| is_told(&stats))
        || !window.said().contains("signal: the sender is full")
    {
        assert!(begun.elapsed() < SOON, "{}{:?}", window.said(), window.stats());
        pause(20);
    }
    let said = window.said();
    assert_eq!(said.matches("it has as many viewers as it may").count(), 1, "{said}");
    assert!(!said.contains("none of them is a sender's"), "{said}");
    assert!(first.interrupt().status.success());
    assert!(display.comes_to(|screen| number(screen).is_some()), "{}", window.said());
}

#[test]
fn named_senders_are_in_the_order_in_which_they_were_typed() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(4) else { return };
    let names = ["cc", "aa", "bb"];
    let _senders = [("host0", "aa"), ("host1", "bb"), ("host2", "cc")]
        .map(|(host, name)| serving(&lab, host, name, &[]));
    let viewer = lab.finder("host3", None, &[&names[..], &["--output", "none"]].concat());
    let shown = |stats: &serde_json::Value| -> Vec<String> {
        let senders = stats["senders"].as_array().cloned().unwrap_or_default();
        senders.iter().map(|sender| sender["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let begun = Instant::now();
    while viewer.stats().is_none_or(|stats| shown(&stats) != names) {
        assert!(begun.elapsed() < SOON, "{}{:?}", viewer.said(), viewer.stats().map(|stats| shown(&stats)));
        pause(20);
    }
}

#[test]
fn another_sender_that_takes_the_place_of_the_named_one_is_not_shown() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let gate = serving(&lab, "host0", "gate", &[]);
    assert!(sender_serves(&gate));
    let server = serving(&lab, "host0", "door", &[]);
    assert!(sender_serves(&server) && server.said().contains("port 9001 is taken"), "{}", server.said());
    let viewer = lab.finder("host1", None, &["gate", "--output", "none"]);
    let comes_to = |what: &str, is_so: &dyn Fn(&serde_json::Value) -> bool| {
        let begun = Instant::now();
        while !viewer.stats().is_some_and(|stats| is_so(&stats)) {
            assert!(begun.elapsed() < SOON, "{what}: {}{:?}", viewer.said(), viewer.stats());
            pause(20);
        }
        figure(what, begun.elapsed().as_millis());
    };
    let is_shown = |stats: &serde_json::Value| stats["name"] == "gate" && stats["fps"].as_f64() > Some(1.0);
    comes_to("gate is shown after ms", &is_shown);

    // Nobody says goodbye, and only the other one is started again, where this one was.
    gate.kill();
    server.kill();
    let server = serving(&lab, "host0", "door", &[]);
    assert!(sender_serves(&server));
    let why = "no sender is called gate now; door is at its address";
    comes_to("another is at its place, and not shown after ms", &|stats| {
        stats["diagnosis"] == why && stats["fps"] == 0.0
    });
    assert_eq!(viewer.said().matches(&format!("receiver: {why}\n")).count(), 1, "{}", viewer.said());
    let before = viewer.stats().unwrap()["frames"]["delivered"].clone();
    pause(1500);
    assert_eq!(viewer.stats().unwrap()["frames"]["delivered"], before, "{}", viewer.said());

    let _gate = serving(&lab, "host0", "gate", &[]);
    comes_to("it is back elsewhere, and shown after ms", &is_shown);
    assert!(viewer.stats().unwrap()["diagnosis"].is_null());
}

#[test]
fn a_sender_whose_address_changes_while_it_runs_is_followed() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let sender = serving(&lab, "host0", "door", &[]);
    let mut viewer = lab.finder("host1", None, &["door", "--output", "-"]);
    let collector = collect(&mut viewer);
    assert!(collector.wait_until(5, SOON).is_some(), "{}{}", viewer.said(), sender.said());
    let address = |does, address| lab.run("host0", &["ip", "addr", does, address, "dev", "eth0"]);
    lab.run("host0", &["sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1"]);
    address("add", "10.77.0.50/24");
    address("del", "10.77.0.1/24");
    // What is still on its way came from the old one.
    pause(300);
    let (begun, so_far) = (Instant::now(), collector.count());
    assert!(collector.wait_until(so_far + 5, SOON).is_some(), "{}{}", viewer.said(), sender.said());
    figure("a sender has another address: its pictures are there after ms", begun.elapsed().as_millis());
    assert!(viewer.said().contains("10.77.0.50:9001"), "{}", viewer.said());
}

#[test]
fn a_sender_to_a_group_is_found_and_its_group_joined() {
    let _turn = beside_others();
    let (Some(lab), Some(display)) = (Lab::up(3), Display::start(800, 600)) else { return };
    let group = ["--dest", "239.255.10.1:9000", "--interface", "eth0"];
    let sender = serving(&lab, "host0", "door", &group);
    let (viewer, collector) = piped(&lab, "host1");
    assert!(collector.wait_until(5, SOON).is_some(), "{}{}", viewer.said(), sender.said());
    assert!(viewer.said().contains("listening on 239.255.10.1:9000 by eth0"), "{}", viewer.said());
    // The port is also the one that is listened to in any case: what comes there is not shown twice.
    let window = lab.finder("host2", Some(&display), &[]);
    assert!(display.comes_to(|screen| number(screen).is_some_and(|number| number > 30)), "{}", window.said());
    pause(1500);
    assert!(number(&display.screen()).is_some(), "it is not alone any more: {}", window.said());
}

#[test]
fn a_sender_that_cannot_be_received_yet_is_tried_again() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    lab.run("host1", &["ip", "route", "del", "default"]);
    let _sender = serving(&lab, "host0", "door", &["--dest", "239.255.10.1:9000", "--interface", "eth0"]);
    let (viewer, collector) = piped(&lab, "host1");
    let says = |text: &str| {
        let begun = Instant::now();
        while !viewer.said().contains(text) {
            assert!(begun.elapsed() < SOON, "{}", viewer.said());
            pause(20);
        }
    };
    says("door is not shown: there is no route to the group");
    pause(4000);
    assert_eq!(viewer.said().matches("is not shown").count(), 1, "{}", viewer.said());
    lab.run("host1", &["ip", "route", "add", "default", "dev", "eth0"]);
    assert!(collector.wait_until(5, SOON).is_some(), "{}", viewer.said());
}

#[test]
fn a_sender_that_comes_back_with_a_group_is_joined_there() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let sender = serving(&lab, "host0", "door", &[]);
    let (viewer, collector) = piped(&lab, "host1");
    assert!(collector.wait_until(5, SOON).is_some(), "{}", viewer.said());
    assert!(sender.interrupt().status.success());
    let group = ["--dest", "239.255.10.1:9000", "--interface", "eth0"];
    let _sender = serving(&lab, "host0", "door", &group);
    let begun = Instant::now();
    while !viewer.said().contains("listening on 239.255.10.1:9000") {
        assert!(begun.elapsed() < SOON, "{}", viewer.said());
        pause(20);
    }
}

/// A sender of a test card.
fn serving(lab: &Lab, host: &str, name: &str, more: &[&str]) -> Running {
    lab.sender(host, &[&CARD, &["--size", "640x360", "--name", name], more].concat())
}

/// Waits until a sender is where it can be found.
fn sender_serves(sender: &Running) -> bool {
    let begun = Instant::now();
    while sender.stats().is_none() && begun.elapsed() < SOON {
        pause(10);
    }
    sender.stats().is_some()
}

/// A receiver on `host` without a window, and what it delivers.
fn piped(lab: &Lab, host: &str) -> (Running, Collector) {
    let mut viewer = lab.finder(host, None, &["--output", "-"]);
    let collector = collect(&mut viewer);
    (viewer, collector)
}

/// Counts what a receiver delivers, whatever it is.
fn collect(viewer: &mut Running) -> Collector {
    Collector::of(viewer, &Arc::new(Clip::of(&[])))
}

/// The number of the test card that a window on this screen shows.
fn number(screen: &Screen) -> Option<u32> {
    screen.number(Area::centred(640, 360, screen), (640, 360))
}

/// Both a pipe, after `so_far` pictures, and a window, with another session than that of picture `last`, have pictures
/// within `millis` of `begun`.
fn both_within(
    what: &str,
    begun: Instant,
    millis: u64,
    pipe: &Collector,
    so_far: usize,
    display: &Display,
    last: Option<u32>,
) {
    let (mut piped, mut shown) = (None, None);
    while (piped.is_none() || shown.is_none()) && begun.elapsed() < SOON {
        piped = piped.or_else(|| (pipe.count() > so_far).then(|| begun.elapsed()));
        let is_new = number(&display.screen()).is_some_and(|number| last.is_none_or(|last| number < last));
        shown = shown.or_else(|| is_new.then(|| begun.elapsed()));
        pause(2);
    }
    let (Some(piped), Some(shown)) = (piped, shown) else { panic!("{what}: {piped:?} {shown:?}") };
    figure(what, format!("{} piped, {} in a window", piped.as_millis(), shown.as_millis()));
    assert!(piped.max(shown) < Duration::from_millis(millis), "{what}: {piped:?} {shown:?}");
}

const CARD: [&str; 4] = ["--source", "pattern", "--fps", "15"];
const SOON: Duration = Duration::from_secs(10);
