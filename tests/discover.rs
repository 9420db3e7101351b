//! Senders announce themselves, and receivers find them, on hosts of their own.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod common;

use std::time::{Duration, Instant};

use common::lab::Lab;
use common::running::{Running, program};
use common::{alone, figure, pause};
use receiver::discover::{Browser, Change, Found};

#[test]
fn senders_are_found_by_name_with_what_they_send_and_gone_when_they_end() {
    let _alone = alone();
    let Some(lab) = Lab::up(3) else { return };
    let browser = browser(&lab, "host2");
    let begun = Instant::now();
    let door =
        lab.sender("host0", &["--name", "door", "--source", "pattern", "--size", "640x480", "--fps", "25"]);
    let found = until(&browser, &door, |all| all.iter().any(|s| s.size.is_some() && !s.addresses.is_empty()));
    figure("a sender is found after ms", begun.elapsed().as_millis());
    assert_eq!((&*found[0].name, found[0].size, found[0].fps), ("door", Some((640, 480)), Some(25.0)));
    assert_eq!(found[0].addresses[0], "10.77.0.1:9001".parse().unwrap(), "{found:?}");

    // One that has the same name, and sends to a group only.
    let group = ["--dest", "239.255.10.1:9000", "--interface", "eth0"];
    let hall = lab.sender("host1", &[&["--name", "door", "--source", "pattern"], &group[..]].concat());
    let found = until(&browser, &hall, |all| all.len() == 2);
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

    assert!(door.interrupt().status.success());
    until(&browser, &hall, |all| all.len() == 1);
    assert!(hall.interrupt().status.success());
    let begun = Instant::now();
    while !browser.list().is_empty() {
        assert!(begun.elapsed() < SOON, "{:?}", browser.list());
        pause(10);
    }
}

#[test]
fn what_is_found_and_gone_is_told_as_it_happens() {
    let _alone = alone();
    let Some(lab) = Lab::up(2) else { return };
    let (tell, told) = std::sync::mpsc::channel();
    let browser = lab.on("host1", || Browser::start(None, move |change| drop(tell.send(change))).unwrap());
    let sender = lab.sender("host0", &["--source", "pattern", "--name", "a.b \\c"]);
    let first = told.recv_timeout(SOON).unwrap();
    let is_named = |found: &Found| found.name == "a.b \\c" && found.instance == found.name;
    assert!(matches!(&first, Change::Found(found) if is_named(found)), "{first:?}");
    // It is heard by two families of addresses, in whichever order.
    pause(1000);
    assert!(told.try_iter().all(|change| matches!(change, Change::Changed(_))));
    sender.interrupt();
    let last = told.recv_timeout(SOON).unwrap();
    assert!(matches!(last, Change::Gone(_)), "{last:?}");
    drop(browser);
    assert!(told.recv_timeout(SOON).is_err(), "nobody is left to tell");
}

#[test]
fn with_nothing_but_loopback_it_works_on_one_computer() {
    let _alone = alone();
    let Some(lab) = Lab::up(1) else { return };
    lab.run("host0", &["ip", "link", "del", "eth0"]);
    let _sender = lab.sender("host0", &["--name", "alone", "--source", "pattern"]);
    let listed = list(&lab, "host0");
    assert!(listed.contains("alone") && listed.contains("127.0.0.1:9001"), "{listed}");
}

#[test]
fn who_does_not_want_to_be_found_is_not_and_that_nobody_is_found_is_told_with_the_way_out() {
    let _alone = alone();
    let Some(lab) = Lab::up(2) else { return };
    let _sender = lab.sender("host0", &["--source", "pattern", "--announce", "off"]);
    let program = program("receiver");
    let script = format!("{} list --for 1s 2>&1; echo status $?", program.display());
    let said = lab.run("host1", &["sh", "-c", &script]);
    assert!(said.contains("no sender was found") && said.contains("--connect"), "{said}");
    assert!(said.ends_with("status 1\n"), "{said}");
}

/// What `receiver list` says on `host`.
fn list(lab: &Lab, host: &str) -> String {
    lab.run(host, &[program("receiver").to_str().unwrap(), "list"])
}

fn browser(lab: &Lab, host: &str) -> Browser {
    lab.on(host, || Browser::start(None, |_| ()).unwrap())
}

/// Waits until those that are found are so.
fn until(browser: &Browser, sender: &Running, what: impl Fn(&[Found]) -> bool) -> Vec<Found> {
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
