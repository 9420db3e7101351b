//! Senders announce themselves, and receivers find them, on hosts of their own, whatever else is announced.

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::common::lab::Lab;
use crate::common::liar::Liar;
use crate::common::running::{Running, count, program};
use crate::common::{alone, beside_others, figure, pause};
use proto::SessionId;
use proto::discovery::Mark;
use receiver::{Browser, BrowserChange, FoundSender};

#[test]
fn senders_are_found_by_name_with_what_they_send_and_gone_when_they_end() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let browser = browser(&lab, "host2");
    let begun = Instant::now();
    let server =
        lab.sender("host0", &["--name", "door", "--source", "pattern", "--size", "640x480", "--fps", "25"]);
    let found =
        until(&browser, &server, |all| all.iter().any(|s| s.size.is_some() && !s.addresses.is_empty()));
    figure("a sender is found after ms", begun.elapsed().as_millis());
    assert_eq!((&*found[0].name, found[0].size, found[0].fps), ("door", Some((640, 480)), Some(25.0)));
    assert_eq!(found[0].addresses[0], "10.77.0.1:9001".parse().unwrap(), "{found:?}");

    // One that has the same name, and sends to a group only.
    let group = ["--dest", "239.255.10.1:9000", "--interface", "eth0"];
    let door = lab.sender("host1", &[&["--name", "door", "--source", "pattern"], &group[..]].concat());
    let found = until(&browser, &door, |all| all.len() == 2);
    let other = found.iter().find(|sender| sender.group.is_some()).unwrap_or_else(|| panic!("{found:?}"));
    assert_eq!((&*other.instance, &*other.name), ("door (2)", "door"), "{found:?}");
    assert_eq!((other.group, other.addresses.len()), (Some("239.255.10.1:9000".parse().unwrap()), 0));

    let begun = Instant::now();
    let listed = list(&lab, "host2");
    figure("receiver list takes ms", begun.elapsed().as_millis());
    assert!(
        listed.contains("door") && listed.contains("640x480") && listed.contains("10.77.0.1:9001"),
        "{listed}"
    );
    assert!(listed.contains("door (2)") && listed.contains("239.255.10.1:9000"), "{listed}");

    assert!(server.interrupt().status.success());
    until(&browser, &door, |all| all.len() == 1);
    assert!(door.interrupt().status.success());
    let begun = Instant::now();
    while !browser.list().is_empty() {
        assert!(begun.elapsed() < SOON, "{:?}", browser.list());
        pause(10);
    }
}

#[test]
fn what_is_found_and_gone_is_told_as_it_happens() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let (tell, told) = std::sync::mpsc::channel();
    let browser = lab.on("host1", || Browser::start(None, move |change| drop(tell.send(change))).unwrap());
    let sender = lab.sender("host0", &["--source", "pattern", "--name", "a.b \\c"]);
    let first = told.recv_timeout(SOON).unwrap();
    let is_named = |found: &FoundSender| found.name == "a.b \\c" && found.instance == found.name;
    assert!(matches!(&first, BrowserChange::Found(found) if is_named(found)), "{first:?}");
    // It is heard by two families of addresses, in whichever order.
    pause(1000);
    assert!(told.try_iter().all(|change| matches!(change, BrowserChange::Changed(_))));
    sender.interrupt();
    let last = told.recv_timeout(SOON).unwrap();
    assert!(matches!(last, BrowserChange::Gone(_)), "{last:?}");
    drop(browser);
    assert!(told.recv_timeout(SOON).is_err(), "nobody is left to tell");
}

#[test]
fn with_nothing_but_loopback_it_works_on_one_computer() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(1) else { return };
    lab.run("host0", &["ip", "link", "del", "eth0"]);
    let _sender = lab.sender("host0", &["--name", "alone", "--source", "pattern"]);
    let listed = list(&lab, "host0");
    assert!(listed.contains("alone") && listed.contains("127.0.0.1:9001"), "{listed}");
}

#[test]
fn who_does_not_want_to_be_found_is_not_and_that_nobody_is_found_is_told_with_the_way_out() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let _sender = lab.sender("host0", &["--source", "pattern", "--announce", "off"]);
    let program = program("receiver");
    let script = format!("{} list --for 1s 2>&1; echo status $?", program.display());
    let said = lab.run("host1", &["sh", "-c", &script]);
    assert!(said.contains("no sender was found") && said.contains("--connect"), "{said}");
    assert!(said.ends_with("status 1\n"), "{said}");
}

#[test]
fn nothing_that_is_announced_moves_or_ends_a_stream_that_is_heard() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let _door = lab.sender("host0", &card("door"));
    let _other = lab.sender("host2", &[&card("other")[..], &["--announce", "off"]].concat());
    let viewer = lab.finder("host1", None, &["door", "--output", "none"]);
    delivers(&viewer, 5);
    let addresses: Vec<IpAddr> =
        browser(&lab, "host1").wait_for("door").addresses.iter().map(|at| at.ip()).collect();
    let mut liar = Liar::on(&lab, "host2", "10.77.0.3".parse().unwrap());
    let begun = Instant::now();
    let before = delivered(&viewer);
    for number in 0..40 {
        // It is elsewhere; another one is where it is; it sends to a group, and to another one.
        liar.announce("door", &["10.77.0.3".parse().unwrap()], 9001, None);
        liar.announce("evil", &addresses, 9001, None);
        liar.announce("door", &addresses, 9001, Some(&format!("239.1.{number}.1:5000")));
        pause(100);
    }
    let (seconds, frames) = (begun.elapsed().as_secs_f64(), delivered(&viewer) - before);
    let said = viewer.said();
    assert!(frames as f64 > seconds * FPS * 0.9, "{frames} in {seconds} s: {said}");
    let stats = viewer.stats().unwrap();
    assert_eq!((&stats["source"], &stats["name"]), (&"10.77.0.1:9001".into(), &"door".into()), "{said}");
    assert_eq!(said.matches("receiving from").count(), 1, "{said}");
    let groups = lab.run("host1", &["ip", "maddr", "show", "dev", "eth0"]);
    assert!(!groups.contains("239.1."), "{groups}");
    // It is said once, after a while in which it might have gone there.
    liar.announce("door", &["10.77.0.3".parse().unwrap()], 9001, None);
    let is_told = || viewer.said().contains("door is announced at several addresses");
    let begun = Instant::now();
    while !is_told() {
        assert!(begun.elapsed() < 2 * SOON, "{}", viewer.said());
        pause(20);
    }
}

#[test]
fn a_sender_that_fell_silent_is_gone_back_to_from_wherever_it_was_said_to_be() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let server = lab.sender("host0", &card("door"));
    let _other = lab.sender("host2", &[&card("door")[..], &["--announce", "off"]].concat());
    let viewer = lab.finder("host1", None, &["door", "--output", "none"]);
    delivers(&viewer, 5);
    Liar::on(&lab, "host2", "10.77.0.3".parse().unwrap()).announce(
        "door",
        &["10.77.0.3".parse().unwrap()],
        9001,
        None,
    );
    pause(500);
    lab.run("host0", &["ip", "link", "set", "eth0", "down"]);
    let shows = |source: &str| {
        let begun = Instant::now();
        while viewer.stats().is_none_or(|stats| stats["source"] != source) {
            assert!(begun.elapsed() < SOON, "{source}: {}{}", viewer.said(), server.said());
            pause(20);
        }
    };
    shows("10.77.0.3:9001");
    lab.run("host0", &["ip", "link", "set", "eth0", "up"]);
    shows("10.77.0.1:9001");
}

#[test]
fn made_up_senders_keep_no_true_one_out() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let named = lab.finder("host1", None, &["late", "--output", "none"]);
    let any = lab.finder("host1", None, &["--output", "none"]);
    let browser = browser(&lab, "host1");
    pause(500);
    let mut liar = Liar::on(&lab, "host2", "10.77.0.3".parse().unwrap());
    for number in 0..300 {
        liar.announce(&format!("a {number}"), &["10.77.0.3".parse().unwrap()], 9001 + number, None);
        pause(2);
    }
    let _late = lab.sender("host0", &card("late"));
    browser.wait_for("late");
    assert!(browser.list().len() <= 17, "{:?}", browser.list().len());
    delivers(&named, 5);
    // Who named nobody has the one that is there, and is told that there are others.
    delivers(&any, 5);
    assert_eq!(any.stats().unwrap()["name"], "late", "{}", any.said());
    assert_eq!(any.said().matches("there are several senders").count(), 1, "{}", any.said());
}

#[test]
fn who_is_in_no_network_of_ours_is_not_asked() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let viewer = lab.finder("host1", None, &["ghost", "--output", "none"]);
    pause(300);
    let mut liar = Liar::on(&lab, "host0", "10.77.0.1".parse().unwrap());
    liar.announce("ghost", &["8.8.8.8".parse().unwrap(), "127.0.0.1".parse().unwrap()], 53, None);
    let begun = Instant::now();
    while !viewer.said().contains("ghost is not shown: it announces no address in a network of this computer")
    {
        assert!(begun.elapsed() < SOON, "{}", viewer.said());
        pause(20);
    }
    assert!(!viewer.said().contains("connecting to"), "{}", viewer.said());
}

#[test]
fn a_flood_of_announcements_costs_little_and_hides_nobody_for_long() {
    let _alone = alone();
    let Some(lab) = Lab::up(3) else { return };
    let server = lab.sender("host0", &card("door"));
    let viewer = lab.finder("host1", None, &["door", "--output", "none"]);
    let browser = browser(&lab, "host1");
    delivers(&viewer, 5);
    let programs = [&server, &viewer];
    let before = programs.map(|program| (program.memory_mib("VmRSS"), program.processor_time()));
    let mut liar = Liar::on(&lab, "host2", "10.77.0.3".parse().unwrap());
    // 20 Mbit/s, and names of senders among them.
    let (begun, mut number) = (Instant::now(), 0u32);
    while begun.elapsed() < FLOOD {
        liar.fill();
        liar.announce(&format!("x {number}"), &["10.77.0.3".parse().unwrap()], 1, None);
        number += 1;
        let due = begun + Duration::from_millis(10 * u64::from(number) / 3);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    for (program, (memory, time)) in programs.iter().zip(before) {
        let (more, time) = (program.memory_mib("VmRSS") - memory, program.processor_time() - time);
        figure("a flood of announcements: MiB more", more);
        figure("processor time, ms in 5 s", time.as_millis());
        assert!(more < 32.0 && time < FLOOD / 4, "{more} MiB, {time:?}: {}", program.said());
    }
    let late = lab.sender("host2", &card("late"));
    browser.wait_for("late");
    for program in [viewer, server, late] {
        let begun = Instant::now();
        assert!(program.interrupt().status.success());
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_sender_that_cannot_announce_itself_says_so_and_so_does_its_doctor() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(1) else { return };
    let taken = lab.on("host0", || UdpSocket::bind("0.0.0.0:5353").unwrap());
    let sender = lab.sender("host0", &card("door"));
    let why = "cannot announce this sender by multicast DNS: another program has UDP port 5353 for itself";
    let begun = Instant::now();
    while !sender.said().contains(why) {
        assert!(begun.elapsed() < SOON, "{}", sender.said());
        pause(20);
    }
    let doctor = || {
        let script = format!("{} doctor; true", program("sender").display());
        lab.run("host0", &["sh", "-c", &script]).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = doctor();
    assert!(said.contains(why) && said.contains("receiver --connect HOST"), "{said}");
    drop(taken);
    let said = doctor();
    assert!(said.contains("a sender is announced by lo, eth0"), "{said}");
    let begun = Instant::now();
    while !sender.said().contains("this sender is announced by multicast DNS now") {
        assert!(begun.elapsed() < 2 * SOON, "{}", sender.said());
        pause(20);
    }
}

#[test]
fn a_host_of_this_network_is_known_by_its_name_without_the_systems_help() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let sender = lab.sender("host0", &card("door"));
    browser(&lab, "host1").wait_for("door");
    // Each sender has a host's name of its own.
    let session = sender.stats().unwrap()["session"].as_str().unwrap().to_owned();
    let session = SessionId::new(u64::from_str_radix(&session, 16).unwrap());
    let host = format!("Chunkcast-{}.local", Mark::of(session));
    let viewer = lab.finder("host1", None, &["--connect", &host, "--output", "none"]);
    delivers(&viewer, 5);
}

trait WaitFor {
    fn wait_for(&self, name: &str) -> FoundSender;
}

impl WaitFor for Browser {
    /// Waits until a sender of this name is found with its addresses.
    fn wait_for(&self, name: &str) -> FoundSender {
        let begun = Instant::now();
        loop {
            let found =
                self.list().into_iter().find(|found| found.name == name && !found.addresses.is_empty());
            if let Some(found) = found {
                return found;
            }
            assert!(begun.elapsed() < SOON, "{:?}", self.list());
            pause(10);
        }
    }
}

/// Options of a sender of a small test card.
fn card(name: &str) -> [&str; 8] {
    ["--source", "pattern", "--size", "320x240", "--fps", "15", "--name", name]
}

/// Waits until so many more frames are delivered.
fn delivers(viewer: &Running, frames: u64) {
    let (begun, before) = (Instant::now(), delivered(viewer));
    while delivered(viewer) < before + frames {
        assert!(begun.elapsed() < 2 * SOON, "{}", viewer.said());
        pause(20);
    }
}

fn delivered(viewer: &Running) -> u64 {
    viewer.stats().map_or(0, |stats| count(&stats, "/frames/delivered"))
}

/// What `receiver list` says on `host`.
fn list(lab: &Lab, host: &str) -> String {
    lab.run(host, &[program("receiver").to_str().unwrap(), "list"])
}

fn browser(lab: &Lab, host: &str) -> Browser {
    lab.on(host, || Browser::start(None, |_| ()).unwrap())
}

/// Waits until those that are found are so.
fn until(browser: &Browser, sender: &Running, what: impl Fn(&[FoundSender]) -> bool) -> Vec<FoundSender> {
    let begun = Instant::now();
    loop {
        let found = browser.list();
        if what(&found) {
            return found;
        }
        assert!(begun.elapsed() < SOON, "{found:?}: {}", sender.said());
        pause(10);
    }
}

const SOON: Duration = Duration::from_secs(10);
const FPS: f64 = 15.0;
const FLOOD: Duration = Duration::from_secs(5);
