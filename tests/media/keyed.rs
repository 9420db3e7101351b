//! Keyed streams as another program has them, which was written from the specification alone (`tests/peers`): it opens
//! what this crate seals, and the other way round.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;

use proto::keys::{Key, ReceiverKeys, RefusalCounts, Suite};
use proto::wire::{Datagram, Kind};
use proto::{RecvConfig, RecvEvent, RecvOutput, RecvStream};

use crate::captured::{Captured, NUMBER, SALT, SECRET, SESSION, content, request, sealed};
use crate::common::clip::Clip;
use crate::common::running::{receiver, sender};
use crate::common::{Folder, beside_others, root, skip};
use crate::dissector::{captured, compare, dissect, from_hex, hex};

#[test]
fn the_golden_sealed_datagrams_are_opened_by_another_program_too() {
    let Some(mut python) = python("golden.py") else { return };
    let said = output(python.arg("check").arg(root().join("proto/tests/sealed")));
    assert!(said.ends_with("golden sealed datagrams\n"), "{said}");
}

#[test]
fn another_program_reads_a_captured_keyed_stream() {
    for suite in [Suite::Aes, Suite::ChaCha] {
        let Some(mut python) = python("peer.py") else { return };
        let (folder, captured) = (Folder::new(), Captured::new(suite));
        let [key, pcap] = captured.write(&folder);
        let read = output(python.args(["read", &key, &pcap]));
        let sums: Vec<_> = captured.frames.iter().map(|frame| sha256(frame, &folder)).collect();
        assert_eq!(read.lines().collect::<Vec<_>>(), sums, "{suite:?}");
    }
}

#[test]
fn a_keyed_capture_shows_what_is_readable_and_once_opened_all_of_it() {
    if python("peer.py").is_none() {
        return;
    }
    let (folder, captured) = (Folder::new(), Captured::new(Suite::Aes));
    let [key, pcap] = captured.write(&folder);
    let Some(packets) = dissect(&pcap) else { return };
    assert_eq!(packets.len(), captured.datagrams.len());
    for ((plain, _), shown) in captured.datagrams.iter().zip(&packets) {
        let is = |field: &str, value: &str| assert_eq!(shown[field], value, "{field} of {shown:?}");
        let header = Datagram::parse(plain).unwrap().header;
        is("_ws.expert", "");
        is("chunkcast.kind", &plain[3].to_string());
        is("chunkcast.frame", &header.frame.get().to_string());
        let is_receivers = matches!(header.kind, Kind::Ping | Kind::Subscribe);
        let introduces = matches!(header.kind, Kind::Hello | Kind::SubscribeReply);
        is("chunkcast.key_id", if is_receivers || introduces { "279bad49b66cfcef" } else { "" });
        is("chunkcast.suite", if introduces { "1" } else { "" });
        is("chunkcast.receiver", if is_receivers { "0x000000000000004d" } else { "" });
        assert_eq!(shown["chunkcast.stream"].is_empty(), is_receivers);
        assert!(!shown["chunkcast.count"].is_empty());
        assert!(shown["chunkcast.chunk"].is_empty() && shown["chunkcast.token"].is_empty());
    }
    // Of tshark's own kind, which the script has tshark read.
    let (packed, opened) = (folder.join("stream.pcapng"), folder.join("opened.pcap"));
    output(Command::new("tshark").args(["-r", &pcap, "-F", "pcapng", "-w", &packed]));
    let said = output(Command::new(root().join("scripts/open-capture")).args([&key, &packed, &opened]));
    assert!(said.contains(&format!("{} datagrams opened; 0 not", captured.datagrams.len())), "{said}");
    for ((plain, _), shown) in captured.datagrams.iter().zip(dissect(&opened).unwrap()) {
        assert_eq!(shown["udp.payload"], hex(plain));
        compare(&format!("{shown:?}"), plain, &shown);
    }
    // Another key opens nothing.
    std::fs::write(&key, "# not this one\n101112131415161718191a1b1c1d1e1f\n").unwrap();
    let said = output(Command::new(root().join("scripts/open-capture")).args([&key, &pcap, &opened]));
    assert!(said.contains(&format!(" 0 datagrams opened; {} not", captured.datagrams.len())), "{said}");
}

#[test]
fn what_the_programs_say_to_each_other_is_opened_and_read_by_another_program() {
    let Some(mut python) = python("peer.py") else { return };
    let _turn = beside_others();
    let (folder, clip) = (Folder::new(), Clip::made(40, 320, 240));
    let [file, code, secret, opened] =
        ["clip.mjpeg", "code", "secret", "opened.pcap"].map(|name| folder.join(name));
    clip.write(&file);
    std::fs::write(&code, Key::code(&SECRET).as_bytes()).unwrap();
    std::fs::set_permissions(&code, Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&secret, hex(&SECRET)).unwrap();
    let pcap = captured(&folder, |to| {
        let viewer = receiver(&["--listen", to, "--output", "none", "--key-file", &code]);
        let sends = ["--source", &file, "--fps", "30", "--dest", to, "--key-file", &code];
        sender(&sends).end_within(10).totals();
        viewer.interrupt().totals();
    });
    let Some(pcap) = pcap else { return };
    let read = output(python.args(["read", &secret, &pcap]));
    let sums: Vec<_> = clip.frames.iter().map(|frame| sha256(frame, &folder)).collect();
    assert_eq!(read.lines().collect::<Vec<_>>(), sums);
    let said = output(Command::new(root().join("scripts/open-capture")).args([&secret, &pcap, &opened]));
    assert!(said.contains(" datagrams opened; 0 not"), "{said}");
    let mut kinds = BTreeSet::new();
    for shown in dissect(&opened).unwrap() {
        let datagram = from_hex(&shown["udp.payload"]);
        compare(&format!("{shown:?}"), &datagram, &shown);
        kinds.insert(datagram[3]);
    }
    // Data, hellos, a goodbye, reports, pings and pongs.
    for kind in [1, 3, 4, 5, 7, 8] {
        assert!(kinds.contains(&kind), "no datagram of kind {kind} was captured: {kinds:?}");
    }
}

#[test]
fn what_another_program_seals_is_opened_and_answers() {
    for (number, suite) in [Suite::Aes, Suite::ChaCha].into_iter().enumerate() {
        let Some(mut python) = python("peer.py") else { return };
        let (folder, frame) = (Folder::new(), content(20_000, 7));
        let jpeg = folder.join("frame.jpg");
        std::fs::write(&jpeg, &frame).unwrap();
        python.args([
            "send",
            &hex(&SECRET),
            &SESSION.to_string(),
            &hex(&SALT),
            &(number + 1).to_string(),
            &jpeg,
        ]);
        let mut peer = Peer::begin(&mut python);
        let mut keys = ReceiverKeys::new(vec![Key::from_random(&SECRET)], NUMBER, false);
        let now = Instant::now();
        let mut stream = RecvStream::new(RecvConfig::default());
        let mut take = |keys: &mut ReceiverKeys, mut datagram: Vec<u8>| {
            let plain = keys.open(&mut datagram, now).unwrap_or_else(|why| panic!("{suite:?}: {why}"));
            stream.handle_datagram((), plain, now);
            plain[3]
        };
        let hello = peer.next().unwrap();
        assert_eq!(take(&mut keys, hello), 3);
        for (asked, answered) in
            [(request(Kind::Subscribe, u64::MAX, 16), 12), (request(Kind::Ping, SESSION.get(), 24), 8)]
        {
            peer.say(&sealed(&mut keys, &asked));
            let reply = peer.next().unwrap();
            assert_eq!(take(&mut keys, reply), answered);
        }
        peer.end();
        for datagram in peer.rest() {
            take(&mut keys, datagram);
        }
        let mut delivered = None;
        while let RecvOutput::Event(event) = stream.poll(now) {
            if let RecvEvent::Delivered(delivery) = event {
                delivered = Some(delivery.frame.jpeg.to_vec());
            }
        }
        assert_eq!(delivered.as_ref(), Some(&frame), "{suite:?}");
        assert_eq!(keys.counts(), RefusalCounts::default());
    }
}

/// A program of `tests/peers` that runs.
struct Peer {
    child: Child,
    to: Option<ChildStdin>,
    from: Box<dyn Iterator<Item = Vec<u8>>>,
}

impl Peer {
    fn begin(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let from = Box::new(lines.map(|line| from_hex(&line.unwrap())));
        Self { to: child.stdin.take(), child, from }
    }

    fn say(&mut self, datagram: &[u8]) {
        writeln!(self.to.as_mut().unwrap(), "{}", hex(datagram)).unwrap();
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        self.from.next()
    }

    /// Nothing more is said to it.
    fn end(&mut self) {
        self.to = None;
    }

    fn rest(mut self) -> Vec<Vec<u8>> {
        let rest = self.from.by_ref().collect();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

/// A program of `tests/peers`; `None` if it cannot run here.
fn python(program: &str) -> Option<Command> {
    let has_ciphers =
        Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    if !has_ciphers.is_ok_and(|status| status.success()) {
        skip("Python has no cryptography (Debian: python3-cryptography)", false);
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(root().join("tests/peers").join(program)).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn sha256(bytes: &[u8], folder: &Folder) -> String {
    let path = folder.join("bytes");
    std::fs::write(&path, bytes).unwrap();
    output(Command::new("sha256sum").arg(&path)).split(' ').next().unwrap().to_owned()
}
