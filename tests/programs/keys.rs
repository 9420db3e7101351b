//! Keyed streams between the programs: who is let in, who is told why not, and that nothing forged gets in.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proto::Random;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::clip::Clip;
use crate::common::collector::{Collector, assert_whole_and_in_order};
use crate::common::running::{Running, count, receiver, receiver_adds_up, run, sender};
use crate::common::{Folder, alone, beside_others, comes_to, figure, free_address, pause};

/// A key file of its own.
fn key_file(folder: &Folder, name: &str) -> String {
    let path = folder.join(name);
    let made = run("sender", &["key", "new", "--key-file", &path]);
    assert!(made.status.success(), "{}", made.said);
    path
}

/// The code in a key file.
fn code(path: &str) -> String {
    fs::read_to_string(path).unwrap().lines().last().unwrap().to_owned()
}

/// A receiver that subscribes, with a home of its own in which these keys are known.
fn subscriber(home: &Folder, known: &str, arguments: &[&str]) -> Running {
    let store = home.path().join("chunkcast");
    fs::create_dir_all(&store).unwrap();
    if !known.is_empty() {
        fs::write(store.join("known-keys"), known).unwrap();
        fs::set_permissions(store.join("known-keys"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let under = ["env".to_owned(), format!("XDG_CONFIG_HOME={}", home.path().display())];
    Running::start("receiver", &under.each_ref().map(String::as_str), arguments)
}

fn delivered(running: &Running) -> u64 {
    running.stats().map_or(0, |stats| count(&stats, "/frames/delivered"))
}

/// What was refused, of all reasons.
fn refused(stats: &Value) -> u64 {
    stats["keyed"].as_object().map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum())
}

#[test]
fn a_clip_arrives_byte_for_byte_at_who_has_the_key() {
    let _alone = alone();
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(40, 640, 480)));
    let (file, key, to) = (folder.join("clip.mjpeg"), key_file(&folder, "key"), free_address());
    clip.write(&file);
    let mut receiver = receiver(&["--listen", &to, "--key-file", &key, "--output", "-"]);
    let collector = Collector::of(&mut receiver, &clip);
    let sender = sender(&[
        "--dest",
        &to,
        "--source",
        &file,
        "--loop",
        "--fps",
        "60",
        "--frames",
        "200",
        "--key-file",
        &key,
    ]);
    let sent = sender.end_within(10);
    pause(300);
    let received = receiver.interrupt();
    let arrivals = collector.finish();
    assert_whole_and_in_order(&arrivals, &clip);
    receiver_adds_up(received.totals());
    // Until its first hello is answered, a session is not believed to be alive.
    assert!(arrivals.len() >= 190, "{} of 200 came: {}", arrivals.len(), received.totals());
    assert_eq!(count(sent.totals(), "/keyed/forged"), 0);
}

#[test]
fn who_has_another_key_or_none_sees_nothing_and_both_ends_say_why() {
    let _beside = beside_others();
    let folder = Folder::new();
    let (key, other, at) = (key_file(&folder, "key"), key_file(&folder, "other"), free_address());
    let sender = sender(&["--serve", &at, "--source", "pattern", "--announce", "off", "--key-file", &key]);
    assert!(comes_to(|| sender.said().contains("serving")), "{}", sender.said());
    let homes = [Folder::new(), Folder::new(), Folder::new()];
    let connect = ["--connect", &at, "--output", "none"];
    let with = subscriber(&homes[0], "", &[&connect[..], &["--key-file", &key]].concat());
    let without = subscriber(&homes[1], "", &connect);
    let wrong = subscriber(&homes[2], "", &[&connect[..], &["--key-file", &other]].concat());
    assert!(comes_to(|| delivered(&with) > 10), "{}", with.said());
    assert!(comes_to(|| without.said().contains("is locked with key")), "{}", without.said());
    assert!(comes_to(|| without.said().contains("--key-file FILE")), "with the way out: {}", without.said());
    assert!(comes_to(|| wrong.said().contains("a wrong code?")), "{}", wrong.said());
    assert!(comes_to(|| sender.said().contains("has another key") || sender.said().contains("has no key")));
    assert_eq!((delivered(&without), delivered(&wrong)), (0, 0));
    assert!(without.stats().unwrap()["diagnosis"].as_str().unwrap().contains("locked"), "statistics too");
}

#[test]
fn a_sender_to_an_address_is_told_of_a_wrong_key_too() {
    let _beside = beside_others();
    let folder = Folder::new();
    let (key, other, to) = (key_file(&folder, "key"), key_file(&folder, "other"), free_address());
    let receiver = receiver(&["--listen", &to, "--key-file", &other, "--output", "none"]);
    let sender = sender(&["--dest", &to, "--source", "pattern", "--key-file", &key]);
    assert!(comes_to(|| receiver.said().contains("a wrong code?")), "{}", receiver.said());
    assert!(comes_to(|| sender.said().contains("has another key")), "{}", sender.said());
    assert_eq!(delivered(&receiver), 0);
}

#[test]
fn who_has_a_key_is_shown_no_sender_without_one() {
    let _beside = beside_others();
    let folder = Folder::new();
    let (key, at) = (key_file(&folder, "key"), free_address());
    let open = sender(&["--serve", &at, "--source", "pattern", "--announce", "off"]);
    assert!(comes_to(|| open.said().contains("serving")));
    let home = Folder::new();
    let receiver = subscriber(&home, "", &["--connect", &at, "--output", "none", "--key-file", &key]);
    assert!(comes_to(|| receiver.said().contains("sends without a key")), "{}", receiver.said());
    assert_eq!(delivered(&receiver), 0);
}

#[test]
fn a_name_that_had_a_key_is_opened_by_it_and_never_shown_without() {
    let _beside = beside_others();
    let folder = Folder::new();
    let key = key_file(&folder, "key");
    let known = format!("door\t{}\n", code(&key));
    let serve = |at: &str, more: &[&str]| {
        let given = ["--serve", at, "--source", "pattern", "--announce", "off", "--name", "door"];
        let sender = sender(&[&given[..], more].concat());
        assert!(comes_to(|| sender.said().contains("serving")), "{}", sender.said());
        sender
    };
    let (locked, open, homes) = (free_address(), free_address(), [Folder::new(), Folder::new()]);
    let _locked = serve(&locked, &["--key-file", &key]);
    let opened = subscriber(&homes[0], &known, &["--connect", &locked, "--output", "none"]);
    assert!(comes_to(|| delivered(&opened) > 10), "{}", opened.said());
    let _open = serve(&open, &[]);
    let impostor = ["--connect", &open, "--output", "none"];
    let refuses = subscriber(&homes[1], &known, &impostor);
    assert!(comes_to(|| refuses.said().contains("has no key, which")), "{}", refuses.said());
    let before = delivered(&refuses);
    pause(500);
    assert_eq!(delivered(&refuses), before, "nothing more is shown of it");
    drop(refuses);
    let forgets = subscriber(&homes[1], "", &[&impostor[..], &["--forget", "door"]].concat());
    assert!(comes_to(|| delivered(&forgets) > 10), "{}", forgets.said());
}

#[test]
fn mistakes_with_keys_are_explained_and_no_message_repeats_one() {
    let _beside = beside_others();
    let folder = Folder::new();
    let key = key_file(&folder, "key");
    let secret = code(&key);
    let slip = secret.replacen(secret.split(' ').next().unwrap(), "chunkcast", 1);
    let open = folder.join("open");
    fs::copy(&key, &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let to = free_address();
    for (arguments, expected) in [
        (&["--key", "1234"][..], "sender key new"),
        (&["--key", &slip], "word 1 of the code"),
        (&["--key-file", &open], "chmod 600"),
        (&["--key-file", "/no/such"], "sender key new --key-file /no/such"),
        (&["--key-file", &key, "--format", "rtp"], "--insecure"),
        (&["--key-file", &key, "--key", "auto"], "cannot be used with"),
    ] {
        let ended = run("sender", &[&["--dest", &to, "--source", "pattern"], arguments].concat());
        assert!(!ended.status.success() && ended.said.contains(expected), "{arguments:?}: {}", ended.said);
        assert!(!ended.said.contains(&secret[8..]), "{}", ended.said);
    }
    let ended = run("receiver", &["--listen", &to, "--output", "none", "--key", "auto"]);
    assert!(ended.said.contains("--key -"), "{}", ended.said);
    let kept = run("sender", &["key", "new", "--key-file", &key]);
    assert!(kept.said.contains("there already") && code(&key) == secret, "{}", kept.said);
    let printed = run("sender", &["key", "new"]);
    assert!(printed.status.success(), "{}", printed.said);
}

#[test]
fn nothing_of_the_picture_the_name_or_the_key_is_on_the_wire_or_in_what_is_said() {
    let _beside = beside_others();
    let (folder, clip) = (Folder::new(), Clip::made(3, 320, 240));
    let (file, key) = (folder.join("clip.mjpeg"), key_file(&folder, "key"));
    clip.write(&file);
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let sender = sender(&[
        "--dest",
        &to,
        "--source",
        &file,
        "--loop",
        "--fps",
        "30",
        "--name",
        "the-back-door",
        "--key-file",
        &key,
    ]);
    let (mut wire, mut datagram) = (Vec::new(), [0; 2048]);
    while wire.len() < 300_000 {
        let length = listener.recv(&mut datagram).unwrap();
        wire.extend_from_slice(&datagram[..length]);
    }
    let secret = code(&key);
    let jpegs = fs::read(&file).unwrap();
    let pieces = jpegs.chunks_exact(16).step_by(7).filter(|piece| piece.iter().any(|byte| *byte != piece[0]));
    let needles = pieces.map(<[u8]>::to_vec).chain([b"the-back-door".to_vec(), secret.as_bytes().to_vec()]);
    let seen: std::collections::HashSet<&[u8]> = wire.windows(16).collect();
    for needle in needles {
        let found = if needle.len() == 16 {
            seen.contains(&needle[..])
        } else {
            wire.windows(needle.len()).any(|bytes| bytes == needle)
        };
        assert!(!found, "{needle:?} is on the wire");
    }
    let word = secret.split(' ').nth(3).unwrap();
    let stats = sender.stats().map_or_else(String::new, |stats| stats.to_string());
    for (what, text) in [("a message", sender.said()), ("statistics", stats), ("ps", sender.proc("cmdline"))]
    {
        assert!(!text.contains(&format!(" {word} ")) && !text.contains(&secret), "{what}: {text}");
    }
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn who_has_a_key_leaves_no_core_dump() {
    let _beside = beside_others();
    let folder = Folder::new();
    let (key, here) = (key_file(&folder, "key"), folder.path().to_string_lossy().into_owned());
    let dumps = |name: &'static str, arguments: &[&str]| {
        let under = ["env", "-C", &here, "prlimit", "--core=unlimited:"];
        let running = Running::start(name, &under, arguments);
        assert!(comes_to(|| running.stats().is_some()), "{}", running.said());
        running.signal(Signal::ABORT);
        running.end_within(20).status.core_dumped()
    };
    let to = free_address();
    let sends = ["--dest", &to, "--source", "pattern", "--size", "160x120"];
    let listens = ["--listen", &to, "--output", "none"];
    let keyed = ["--key-file", &key];
    assert!(!dumps("sender", &[&sends[..], &keyed].concat()));
    assert!(!dumps("receiver", &[&listens[..], &keyed].concat()));
    // It is the key's doing, unless this computer keeps none at all.
    figure("core dump without a key", dumps("sender", &sends));
}

/// Everything between a sender and a receiver goes through it, so that it can send in the name of either.
struct Relay {
    /// What the sender sends to, and what the receiver hears.
    sender_side: UdpSocket,
    receiver_side: UdpSocket,
    receiver: SocketAddr,
    sender: SocketAddr,
    stop: Arc<AtomicBool>,
    recorded: JoinHandle<()>,
}

impl Relay {
    /// Relays from `at` to `receiver`; gives all that either says to `see`.
    fn start(at: UdpSocket, receiver: SocketAddr, mut see: impl FnMut(&[u8]) + Send + 'static) -> Self {
        let receiver_side = UdpSocket::bind("127.0.0.1:0").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut datagram = [0; 2048];
        at.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (length, sender) = at.recv_from(&mut datagram).unwrap();
        receiver_side.send_to(&datagram[..length], receiver).unwrap();
        let (there, back) = ((at.try_clone().unwrap(), receiver_side.try_clone().unwrap()), stop.clone());
        let recorded = std::thread::spawn(move || {
            let (at, receiver_side) = there;
            for socket in [&at, &receiver_side] {
                socket.set_nonblocking(true).unwrap();
            }
            see(&datagram[..length]);
            while !back.load(Ordering::Relaxed) {
                let mut is_idle = true;
                while let Ok(length) = at.recv(&mut datagram) {
                    see(&datagram[..length]);
                    let _ = receiver_side.send_to(&datagram[..length], receiver);
                    is_idle = false;
                }
                while let Ok(length) = receiver_side.recv(&mut datagram) {
                    see(&datagram[..length]);
                    let _ = at.send_to(&datagram[..length], sender);
                    is_idle = false;
                }
                if is_idle {
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
        });
        Self { sender_side: at, receiver_side, receiver, sender, stop, recorded }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.recorded.join().unwrap();
    }
}

/// `CHUNKCAST_ATTACKS=100000` sends so many of each kind, each way.
#[test]
fn nothing_that_is_forged_cut_flipped_or_replayed_gets_in_and_the_stream_beside_it_is_whole() {
    let _alone = alone();
    let attacks = std::env::var("CHUNKCAST_ATTACKS").map_or(3_000, |attacks| attacks.parse().unwrap());
    let folder = Folder::new();
    let (key, to) = (key_file(&folder, "key"), free_address());
    let receiver = receiver(&["--listen", &to, "--key-file", &key, "--output", "none"]);
    let at = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dest = at.local_addr().unwrap().to_string();
    let sender = sender(&[
        "--dest",
        &dest,
        "--source",
        "pattern",
        "--size",
        "640x480",
        "--quality",
        "80",
        "--key-file",
        &key,
    ]);
    let (tell, seen) = std::sync::mpsc::channel::<Vec<u8>>();
    let relay = Relay::start(at, to.parse().unwrap(), move |datagram| drop(tell.send(datagram.to_vec())));
    assert!(comes_to(|| delivered(&receiver) > 20), "{}", receiver.said());
    let quiet = receiver.stats().unwrap();
    let (fps, before) = (30.0, count(&quiet, "/frames/delivered"));
    let begun = Instant::now();
    let mut random = Random::new(1);
    let mut recorded: Vec<Vec<u8>> = seen.try_iter().collect();
    for number in 0..attacks {
        if number % 500 == 0 {
            recorded.extend(seen.try_iter());
            let surplus = recorded.len().saturating_sub(4_000);
            recorded.drain(..surplus);
        }
        let some = recorded[random.below(recorded.len() as u64) as usize].clone();
        for datagram in changed(&some, &mut random) {
            relay.receiver_side.send_to(&datagram, relay.receiver).unwrap();
            relay.sender_side.send_to(&datagram, relay.sender).unwrap();
        }
        // As much as both can look at beside the stream, so that none is lost for want of room.
        if number % 20 == 0 {
            pause(2);
        }
    }
    let took = begun.elapsed();
    pause(500);
    let stats = receiver.interrupt();
    let stats = stats.totals();
    let (after, sent) = (count(stats, "/frames/delivered"), sender.interrupt());
    relay.end();
    assert_eq!((count(stats, "/sessions"), count(stats, "/frames/lost")), (1, 0), "{stats}");
    assert_eq!(count(stats, "/frames/unseen"), 0, "{stats}");
    let expected = fps * took.as_secs_f64();
    assert!((after - before) as f64 >= expected * 0.95, "{} of {expected} in {took:?}", after - before);
    for end in [stats, sent.totals()] {
        let (all, kinds) = (refused(end), ["forged", "replayed", "malformed", "unkeyed"]);
        assert!(kinds.iter().all(|kind| count(end, &format!("/keyed/{kind}")) > 0), "{end}");
        println!("{} of {} refused, by name: {}", all, 6 * attacks, end["keyed"]);
    }
}

/// What somebody makes of a datagram who has no key: it itself again, with a bit flipped, cut, with another counter, as
/// another kind, and as if it was not sealed.
fn changed(datagram: &[u8], random: &mut Random) -> [Vec<u8>; 6] {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = datagram.to_vec();
        change(&mut changed);
        changed
    };
    let bit = random.below(datagram.len() as u64 * 8) as usize;
    let length = random.below(datagram.len() as u64) as usize;
    let (later, kind) = (1 + random.below(100_000), 1 + random.below(13) as u8);
    [
        datagram.to_vec(),
        with(&|datagram| datagram[bit / 8] ^= 1 << (bit % 8)),
        with(&|datagram| datagram.truncate(length)),
        with(&|datagram| {
            let counter = u64::from_be_bytes(datagram[36..44].try_into().unwrap());
            datagram[36..44].copy_from_slice(&(counter + later).to_be_bytes());
        }),
        with(&|datagram| datagram[3] = if datagram[3] == kind { kind + 1 } else { kind }),
        with(&|datagram| datagram[2] = 1),
    ]
}
