//! Several senders at one port, which move and are restarted: each gets its slot again.

use std::time::{Duration, Instant};

use crate::common::jpegs::picture;
use crate::common::running::{Running, count, receiver};
use crate::common::wire::Wire;
use crate::common::{beside_others, free_port, pause};
use serde_json::Value;
use turbojpeg::Subsamp;

#[test]
fn a_sender_that_moves_keeps_its_slot_and_is_said_to_be_where_it_is() {
    let _turn = beside_others();
    let (receiver, mut server, mut bench) = door_and_bench();
    let before = count(&receiver.stats().unwrap(), "/senders/1/frames/delivered");

    bench.move_to("127.0.0.2");
    send(SILENT, &mut [&mut server]);
    send(Duration::from_secs(1), &mut [&mut server, &mut bench]);
    let ended = receiver.interrupt();
    let (stats, said) = (ended.totals(), &ended.said);
    assert_eq!(stats["senders"].as_array().unwrap().len(), 2, "{said}");
    assert_eq!(stats["senders"][1]["source"], bench.address(), "{said}");
    assert!(said.contains(&format!("the sender goes on from {}", bench.address())), "{said}");
    let since = count(stats, "/senders/1/frames/delivered") - before;
    assert!(since > 30, "{since} frames since it moved: {said}");
}

#[test]
fn a_sender_that_is_restarted_takes_its_own_slot_and_not_that_of_one_that_is_silent() {
    let _turn = beside_others();
    let (receiver, server, mut bench) = door_and_bench();
    drop(server);
    send(SILENT, &mut [&mut bench]);
    let mut again = Wire::called("bench", 3, "127.0.0.1", &bench.peer());
    send(Duration::from_secs(1), &mut [&mut again]);
    let ended = receiver.interrupt();
    assert_eq!(sessions(ended.totals()), [1, 3], "{}", ended.said);
}

#[test]
fn a_sender_that_is_restarted_without_end_is_not_reported_without_end() {
    let _turn = beside_others();
    let (receiver, _door, mut bench) = door_and_bench();
    for session in 100..130 {
        // As soon as a restart is believed.
        pause(250);
        bench.restart("bench", session);
        send(Duration::from_millis(1), &mut [&mut bench]);
    }
    let ended = receiver.interrupt();
    assert_eq!(sessions(ended.totals()), [1, 129], "{}", ended.said);
    let reports = ended.said.matches("receiving from").count();
    assert!((5..20).contains(&reports), "{reports} of 30: {}", ended.said);
}

#[test]
fn who_sends_whole_frames_that_are_no_pictures_keeps_nobody_out() {
    let _turn = beside_others();
    let to = format!("127.0.0.1:{}", free_port());
    let receiver = receiver(&["--listen", &to, "--output", "none", "--max-senders", "3"]);
    let called = |name, session| Wire::called(name, session, "127.0.0.1", &to);
    let mut made_up: Vec<_> = (1..=5).map(|session| called("nobody", session)).collect();
    let mut server = called("door", 9);
    let jpeg = picture(64, 48, [200, 40, 90], Subsamp::Sub2x2);
    let patience = Instant::now() + Duration::from_secs(15);
    let mut with_door = 0;
    while with_door < 20 {
        assert!(Instant::now() < patience, "{:?}: {}", receiver.stats(), receiver.said());
        made_up.iter_mut().for_each(|sender| sender.send(b"nope"));
        // It comes when all slots are taken.
        if receiver.stats().is_some_and(|stats| sessions(&stats).len() == 3) || with_door > 0 {
            server.send(&jpeg);
        }
        with_door += u32::from(receiver.stats().is_some_and(|stats| sessions(&stats).contains(&9)));
        pause(25);
    }
    let ended = receiver.interrupt();
    assert!(sessions(ended.totals()).contains(&9), "it keeps its slot: {}", ended.said);
}

/// A receiver, and two senders that have its first slots, in this order.
fn door_and_bench() -> (Running, Wire, Wire) {
    let to = format!("127.0.0.1:{}", free_port());
    let receiver = receiver(&["--listen", &to, "--output", "none", "--max-senders", "3"]);
    let (mut server, mut bench) =
        (Wire::called("door", 1, "127.0.0.1", &to), Wire::called("bench", 2, "127.0.0.1", &to));
    send(Duration::from_millis(100), &mut [&mut server]);
    let patience = Instant::now() + Duration::from_secs(10);
    while receiver.stats().is_none_or(|stats| sessions(&stats) != [1, 2]) {
        assert!(Instant::now() < patience, "{}", receiver.said());
        send(Duration::from_millis(100), &mut [&mut server, &mut bench]);
    }
    (receiver, server, bench)
}

/// Has these send pictures for so long, 40 a second.
fn send(time: Duration, senders: &mut [&mut Wire]) {
    let jpeg = picture(64, 48, [200, 40, 90], Subsamp::Sub2x2);
    let until = Instant::now() + time;
    while Instant::now() < until {
        senders.iter_mut().for_each(|sender| sender.send(&jpeg));
        pause(25);
    }
}

/// Which sessions have a slot, in the order of the slots.
fn sessions(stats: &Value) -> Vec<u64> {
    let all = stats["senders"].as_array().into_iter().flatten();
    all.filter_map(|sender| u64::from_str_radix(sender["session"].as_str()?, 16).ok()).collect()
}

/// Longer than the silence after which a slot is free.
const SILENT: Duration = Duration::from_millis(700);
