//! What is wrong is said, with what to do: by the doctors, and by the programs while they run.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::running::{Running, program, receiver, sender};
use crate::common::{beside_others, free_port, pause};

/// What a doctor says, in one line, and whether it says that all is well.
fn doctor(name: &str, arguments: &[&str]) -> (String, bool) {
    let mut command = Command::new(program(name));
    command.arg("doctor").args(arguments).env("SDL_VIDEODRIVER", "dummy");
    let ended = command.output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    let context = format!("{}: {said}{}", ended.status, String::from_utf8_lossy(&ended.stderr));
    assert!(said.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{context}");
    assert_eq!(ended.status.code(), Some(said.contains("\n  attention").into()), "{context}");
    (said.split_whitespace().collect::<Vec<_>>().join(" "), ended.status.success())
}

fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "says nothing of {word:?}: {said}");
    }
}

/// Waits until the program has said this.
fn wait_for(running: &Running, words: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while !running.said().contains(words) {
        assert!(Instant::now() < until, "says nothing of {words:?}: {}", running.said());
        pause(50);
    }
}

/// Waits until the program's statistics have this in their diagnosis.
fn wait_for_diagnosis(running: &Running, words: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    let diagnosis = || running.stats().and_then(|stats| Some(stats["diagnosis"].as_str()?.to_owned()));
    while !diagnosis().is_some_and(|diagnosis| diagnosis.contains(words)) {
        assert!(Instant::now() < until, "not {words:?} but {:?}", diagnosis());
        pause(50);
    }
}

#[test]
fn a_receiver_to_which_nothing_comes_is_told_where_to_look() {
    let at = format!("127.0.0.1:{}", free_port());
    let (said, is_well) = doctor("receiver", &["--listen", &at, "--for", "300ms"]);
    says(
        &said,
        &[
            "is free",
            "receive buffer",
            "Firewall",
            "Display",
            "a screen",
            "nothing arrives",
            "--dest",
            "tcpdump -ni any udp port",
        ],
    );
    assert!(!is_well);
}

#[test]
fn a_receiver_to_which_something_else_comes_is_told_what_and_from_where() {
    let at = format!("127.0.0.1:{}", free_port());
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let from = other.local_addr().unwrap();
    let doctor = std::thread::spawn({
        let at = at.clone();
        move || doctor("receiver", &["--listen", &at, "--for", "2s"])
    });
    while !doctor.is_finished() {
        let _ = other.send_to(b"who is there?", &at);
        pause(50);
    }
    let (said, is_well) = doctor.join().unwrap();
    says(&said, &[&format!("datagrams from {from}: not Chunkcast's"), "none of them is a sender's"]);
    assert!(!is_well);
}

#[test]
fn a_receiver_is_told_of_a_sender_that_is_well() {
    let _turn = beside_others();
    let at = format!("127.0.0.1:{}", free_port());
    let sender = sender(&["--dest", &at, "--source", "pattern", "--size", "320x240", "--name", "bench 3"]);
    wait_for(&sender, "session");
    let (said, _) = doctor("receiver", &["--listen", &at, "--for", "1s"]);
    says(
        &said,
        &[
            "a sender \"bench 3\" at 127.0.0.1:",
            "frames arrived whole",
            "clock is known to within",
            "0 were lost",
        ],
    );
    assert!(!said.contains("nothing arrives"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it() {
    let port = free_port();
    let at = format!("127.0.0.1:{port}");
    let running = receiver(&["--listen", &at, "--output", "none"]);
    let (said, _) = doctor("receiver", &["--listen", &at]);
    says(&said, &["taken by a receiver that runs"]);
    assert!(!said.contains("Listening"), "{said}");
    running.kill();
    let _taken = UdpSocket::bind(&at).unwrap();
    let (said, is_well) = doctor("receiver", &["--listen", &at]);
    says(&said, &[&format!("port {port} is taken by "), "choose another port with --listen"]);
    assert!(!is_well);
}

#[test]
fn a_sender_is_told_whether_anybody_answers() {
    let at = format!("127.0.0.1:{}", free_port());
    let (said, is_well) = doctor("sender", &["--dest", &at]);
    says(&said, &["reached at 127.0.0.1", "MTU 1500", "no program listens on port"]);
    assert!(!is_well);
    let _receiver = receiver(&["--listen", &at, "--output", "none"]);
    let (said, is_well) = doctor("sender", &["--dest", &at]);
    says(&said, &[&format!("{at} answers: datagrams pass both ways")]);
    assert!(is_well, "{said}");
    let (said, is_well) = doctor("sender", &["--dest", &at, "--interface", "none97"]);
    says(&said, &["none97", "there are: lo"]);
    assert!(!is_well);
    says(&doctor("sender", &[]).0, &["Network interfaces", "Cameras", "sender doctor --dest"]);
}

#[test]
fn a_doctor_does_not_disturb_a_stream() {
    let _turn = beside_others();
    let at = format!("127.0.0.1:{}", free_port());
    let receiver = receiver(&["--listen", &at, "--output", "none"]);
    let sender = sender(&["--dest", &at, "--source", "pattern", "--size", "320x240"]);
    wait_for(&receiver, "receiving from");
    let (said, _) = doctor("sender", &["--dest", &at]);
    says(&said, &["nobody answers", "a receiver that shows another sender"]);
    let (sent, received) = (sender.interrupt(), receiver.interrupt());
    assert_eq!(
        (received.totals()["sessions"].as_u64(), received.totals()["frames"]["lost"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(sent.totals()["frames"]["refused"], 0);
}

#[test]
fn while_they_run_both_say_what_is_lost_where_and_who_watches() {
    let _turn = beside_others();
    let at = format!("127.0.0.1:{}", free_port());
    let receiver =
        receiver(&["--listen", &at, "--output", "none", "--resend", "off", "--impair", "loss=3%,seed=7"]);
    let sender = sender(&["--dest", &at, "--source", "pattern", "--size", "640x480", "--fec", "off"]);
    wait_for(&receiver, "of the frames are lost on the network, anywhere in them");
    wait_for_diagnosis(&receiver, "lost on the network");
    wait_for(&sender, &format!("viewer {at} watches"));
    wait_for(&sender, &format!("viewer {at}: "));
    wait_for_diagnosis(&sender, "lost on the network");
    receiver.kill();
    wait_for(&sender, &format!("viewer {at} is gone"));
    let lines = sender.said().matches(&format!("viewer {at}: ")).count();
    assert!(lines <= 3, "{lines} lines: {}", sender.said());
}

#[test]
fn that_nothing_comes_or_comes_back_is_said_once() {
    let _turn = beside_others();
    let (here, there) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let receiver = receiver(&["--listen", &here, "--output", "none", "--duration", "8s"]);
    let sender = sender(&["--dest", &there, "--source", "pattern", "--size", "160x120", "--duration", "8s"]);
    let (received, sent) = (receiver.end_within(15), sender.end_within(15));
    assert_eq!(received.said.matches("receiver: nothing arrives").count(), 1, "{}", received.said);
    says(received.totals()["diagnosis"].as_str().unwrap(), &["nothing arrives"]);
    assert_eq!(sent.said.matches("nothing comes back").count(), 1, "{}", sent.said);
    assert!(sent.totals()["diagnosis"].is_null(), "{}", sent.totals());
}
