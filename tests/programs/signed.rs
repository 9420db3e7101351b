//! Signed pictures between the programs: who has the stream's key, and is not the sender, is not shown in its name.

use std::fs;
use std::sync::Arc;

use crate::common::clip::Clip;
use crate::common::collector::{Collector, assert_whole_and_in_order};
use crate::common::running::{Running, count, receiver_adds_up, run, sender};
use crate::common::{Folder, alone, beside_others, comes_to, free_address, pause};

/// A receiver with a home of its own, in which it remembers who signs.
fn receiver_at(home: &Folder, arguments: &[&str]) -> Running {
    let under = ["env".to_owned(), format!("XDG_CONFIG_HOME={}", home.path().display())];
    Running::start("receiver", &under.each_ref().map(String::as_str), arguments)
}

/// How many frames were delivered and not refused.
fn shown(running: &Running) -> u64 {
    let Some(stats) = running.stats() else { return 0 };
    count(&stats, "/frames/delivered") - count(&stats, "/frames/refused") - count(&stats, "/frames/hidden")
}

fn known(home: &Folder) -> String {
    fs::read_to_string(home.path().join("chunkcast/known-signers")).unwrap_or_default()
}

#[test]
fn a_signed_and_sealed_clip_arrives_byte_for_byte_over_a_path_that_loses() {
    let _alone = alone();
    let (folder, home, clip) = (Folder::new(), Folder::new(), Arc::new(Clip::made(40, 640, 480)));
    let (file, key, sign) = (folder.join("clip.mjpeg"), folder.join("key"), folder.join("sign"));
    clip.write(&file);
    assert!(run("sender", &["key", "new", "--key-file", &key]).status.success());
    let to = free_address();
    let mut receiver = receiver_at(&home, &["--listen", &to, "--key-file", &key, "--output", "-"]);
    let collector = Collector::of(&mut receiver, &clip);
    let given =
        ["--dest", &to, "--source", &file, "--loop", "--fps", "60", "--frames", "200", "--name", "door"];
    let lossy = ["--key-file", &key, "--sign", &sign, "--impair", "loss=2%,seed=7"];
    let sender = sender(&[&given[..], &lossy].concat());
    sender.end_within(10);
    pause(300);
    let received = receiver.interrupt();
    let arrivals = collector.finish();
    assert_whole_and_in_order(&arrivals, &clip);
    receiver_adds_up(received.totals());
    let repaired = ["by_parity", "by_resend"].map(|by| count(received.totals(), &format!("/repair/{by}")));
    assert!(repaired.iter().sum::<u64>() > 0, "nothing was lost: {}", received.totals());
    assert!(arrivals.len() >= 185, "{} of 200 came: {}", arrivals.len(), received.totals());
    assert_eq!(count(received.totals(), "/signature/refused"), 0, "{}", received.totals());
    assert!(known(&home).contains("door\t"), "{}", known(&home));
}

#[test]
fn under_a_name_that_signed_nobody_else_is_shown_until_it_is_forgotten() {
    let _beside = beside_others();
    let (folder, home) = (Folder::new(), Folder::new());
    let [own, other] = ["own", "other"].map(|name| folder.join(name));
    let serve = |more: &[&str]| {
        let at = free_address();
        let given = ["--serve", &at, "--source", "pattern", "--announce", "off", "--name", "door"];
        let sender = sender(&[&given[..], more].concat());
        assert!(comes_to(|| sender.said().contains("serving")), "{}", sender.said());
        (sender, at)
    };
    let watch = |at: &str, more: &[&str]| {
        receiver_at(&home, &[&["--connect", at, "--output", "none"][..], more].concat())
    };
    let (first, at) = serve(&["--sign", &own]);
    let receiver = watch(&at, &[]);
    assert!(comes_to(|| shown(&receiver) > 10 && known(&home).contains("door\t")), "{}", receiver.said());
    drop((first, receiver));

    let (_unsigned, unsigned_at) = serve(&[]);
    let (_other, other_at) = serve(&["--sign", &other]);
    let (_own, own_at) = serve(&["--sign", &own]);
    let [unsigned, by_other, by_own] = [&unsigned_at, &other_at, &own_at].map(|at| watch(at, &[]));
    assert!(comes_to(|| unsigned.said().contains("a picture is not signed")), "{}", unsigned.said());
    assert!(comes_to(|| by_other.said().contains("are signed by another")), "{}", by_other.said());
    assert!(unsigned.said().contains("receiver --forget 'door'"), "with the way out: {}", unsigned.said());
    assert!(comes_to(|| shown(&by_own) > 10), "it was restarted, and is the same: {}", by_own.said());
    assert!(comes_to(|| unsigned.stats().is_some_and(|stats| count(&stats, "/signature/refused") > 10)));
    assert_eq!((shown(&unsigned), shown(&by_other)), (0, 0));
    drop((unsigned, by_other, by_own));
    let forgets = watch(&unsigned_at, &["--forget", "door"]);
    assert!(comes_to(|| shown(&forgets) > 10), "{}", forgets.said());
}

#[test]
fn mistakes_with_signing_keys_are_explained() {
    let _beside = beside_others();
    let folder = Folder::new();
    let no_key = folder.join("no-key");
    fs::write(&no_key, "abandon\n").unwrap();
    let to = free_address();
    let open = folder.join("open");
    fs::write(&open, "ed25519 00\n").unwrap();
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    fs::set_permissions(&no_key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (arguments, expected) in [
        (&["--sign", &no_key][..], "no signing key in it"),
        (&["--sign", &open], "chmod 600"),
        (&["--sign", "/proc/none/key"], "/proc/none"),
        (&["--sign", &no_key, "--format", "rtp"], "no room for a signature"),
    ] {
        let ended = run("sender", &[&["--dest", &to, "--source", "pattern"][..], arguments].concat());
        assert!(!ended.status.success() && ended.said.contains(expected), "{arguments:?}: {}", ended.said);
    }
}
