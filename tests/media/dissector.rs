//! The Wireshark dissector says of each datagram what this crate reads from it: of the golden ones, and of a stream
//! that was captured.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::running::{receiver, sender};
use crate::common::{Folder, beside_others, free_port, pause, root, skip};
use proto::MAX_PARTS;
use proto::wire::{Body, Datagram};

#[test]
fn golden_datagrams_are_shown_as_they_are_read() {
    let folder = root().join("proto/tests/vectors");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let datagrams: Vec<_> = files.iter().map(|file| bytes_of(file)).collect();
    let folder = Folder::new();
    let pcap = folder.join("golden.pcap");
    std::fs::write(&pcap, classic_pcap(&datagrams)).unwrap();
    let Some(packets) = dissect(&pcap) else { return };
    assert_eq!(packets.len(), datagrams.len());
    for ((file, datagram), shown) in files.iter().zip(&datagrams).zip(&packets) {
        compare(&file.display().to_string(), datagram, shown);
    }
}

#[test]
fn a_captured_stream_is_shown_as_it_was_sent() {
    let _turn = beside_others();
    let folder = Folder::new();
    let captured = captured(&folder, |to| {
        // More than the parity makes up for, so that some is requested.
        let viewer = receiver(&["--listen", to, "--output", "none", "--impair", "loss=20%,seed=7"]);
        let card = ["--source", "pattern", "--size", "320x240", "--dest", to, "--frames", "60"];
        sender(&[&card[..], &["--fec", "10", "--mtu", "600"]].concat()).end_within(10).totals();
        viewer.interrupt().totals();
    });
    let Some(pcap) = captured else { return };
    let packets = dissect(&pcap).unwrap();
    let mut kinds: HashMap<String, u32> = HashMap::new();
    for shown in &packets {
        let datagram = from_hex(&shown["udp.payload"]);
        compare(&format!("{shown:?}"), &datagram, shown);
        *kinds.entry(shown["chunkcast.kind"].clone()).or_default() += 1;
    }
    // Data, parity, hellos, a goodbye, reports, requests, pings, pongs, and what was sent again.
    for kind in ["1", "2", "3", "4", "5", "6", "7", "8", "10"] {
        assert!(kinds.contains_key(kind), "no datagram of kind {kind} was captured: {kinds:?}");
    }
}

/// Captures what a stream to a free address is, both ways; `None` if that is not possible here.
pub(crate) fn captured(folder: &Folder, stream: impl FnOnce(&str)) -> Option<String> {
    let pcap = folder.join("stream.pcapng");
    let port = free_port();
    let mut capture = Command::new("tshark");
    // Both ways: what goes back goes to the sender's port, from this one.
    capture.args(["-i", "lo", "-f", &format!("udp port {port}"), "-w", &pcap, "-a", "duration:20"]);
    let mut capture = match capture.stdout(Stdio::null()).stderr(Stdio::piped()).spawn() {
        Ok(capture) => capture,
        Err(error) => {
            skip(&format!("tshark: {error}"), false);
            return None;
        }
    };
    let mut said = BufReader::new(capture.stderr.take().unwrap()).lines().map_while(Result::ok);
    if !said.any(|line| line.contains("Capturing on")) {
        capture.wait().unwrap();
        skip("tshark may not capture on lo", true);
        return None;
    }
    // It says so before its child has begun.
    pause(1000);
    stream(&format!("127.0.0.1:{port}"));
    pause(500);
    let pid = rustix::process::Pid::from_raw(capture.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    capture.wait().unwrap();
    Some(pcap)
}

/// What tshark shows must be what this crate reads, or that there is something wrong.
pub(crate) fn compare(name: &str, bytes: &[u8], shown: &HashMap<&str, String>) {
    let is = |field: &str, value: String| assert_eq!(shown[field], value, "{field} of {name}");
    let datagram = match Datagram::parse(bytes) {
        Ok(datagram) => datagram,
        Err(error) => {
            let is_shown = shown["_ws.col.Protocol"] == "Chunkcast";
            assert!(!is_shown || !shown["_ws.expert"].is_empty(), "{name} is refused: {error}: {shown:?}");
            return;
        }
    };
    let header = datagram.header;
    is("_ws.col.Protocol", "Chunkcast".to_owned());
    is("chunkcast.kind", bytes[3].to_string());
    is("chunkcast.session", format!("0x{}", header.session));
    is("chunkcast.frame", header.frame.get().to_string());
    is("chunkcast.part", header.part.to_string());
    is("chunkcast.parts", header.parts.to_string());
    is("chunkcast.index", header.index.to_string());
    is("chunkcast.data_chunks", header.data_chunks.to_string());
    is("chunkcast.parity_chunks", header.parity_chunks.to_string());
    is("chunkcast.length", header.length.to_string());
    is("chunkcast.captured", header.captured.as_micros().to_string());
    assert!(["1", "True"].contains(&&*shown["chunkcast.checksum.right"]), "{name}");
    let is_known = !matches!(datagram.body, Body::Unknown) && usize::from(header.parts) <= MAX_PARTS;
    assert_eq!(shown["_ws.expert"].is_empty(), is_known, "{name}: {shown:?}");
    match datagram.body {
        Body::Data { chunk, .. } => is("chunkcast.chunk", hex(chunk)),
        Body::Parity { chunk, checksum, .. } => {
            is("chunkcast.chunk", hex(chunk));
            is("chunkcast.parity.checksum", format!("0x{checksum:08x}"));
        }
        Body::Hello(hello) => {
            is("chunkcast.hello.name", hello.name.to_owned());
            is("chunkcast.hello.viewers", text(hello.invitation.map(|it| it.viewers)));
            is("chunkcast.hello.report_every", text(hello.invitation.map(|it| it.report_every.as_millis())));
            // In front of a signer, one that is not known is 0.
            let unknown = hello.signer.map(|_| 0).or_else(|| hello.capture_error.map(|_| 0));
            is(
                "chunkcast.hello.interval",
                text(hello.interval.map(|interval| interval.as_micros()).or(unknown)),
            );
            is("chunkcast.hello.signer", text(hello.signer.map(|signer| hex(signer.as_bytes()))));
            is("chunkcast.hello.capture_error", text(hello.capture_error.map(|error| error.as_micros())));
        }
        Body::Report(report) => {
            is("chunkcast.report.delivered", report.counts.delivered.to_string());
            is("chunkcast.report.arrived", report.counts.arrived.to_string());
            is("chunkcast.report.missing", report.counts.missing.to_string());
            is("chunkcast.report.display_dropped", report.counts.display_dropped.to_string());
            is("chunkcast.train.frame", list(report.trains().map(|train| train.id.frame.get().to_string())));
            is("chunkcast.train.part", list(report.trains().map(|train| train.id.part.to_string())));
            is("chunkcast.train.last", list(report.trains().map(|train| train.last.to_string())));
        }
        Body::Resend(resend) => {
            is("chunkcast.resend.needed", resend.needed.to_string());
            is("chunkcast.resend.first", list(resend.ranges().map(|range| range.start.to_string())));
            is("chunkcast.resend.chunks", list(resend.ranges().map(|range| range.len().to_string())));
        }
        Body::Ping(_) | Body::Pong(_) | Body::Subscribe(_) | Body::SubscribeReply(_) => {
            is("chunkcast.token", format!("0x{}", hex(&bytes[40..48])));
        }
        Body::Goodbye | Body::Gone | Body::Unknown => {}
    }
}

const FIELDS: &[&str] = &[
    "_ws.col.Protocol",
    "_ws.expert",
    "udp.payload",
    "chunkcast.kind",
    "chunkcast.session",
    "chunkcast.frame",
    "chunkcast.part",
    "chunkcast.parts",
    "chunkcast.index",
    "chunkcast.data_chunks",
    "chunkcast.parity_chunks",
    "chunkcast.length",
    "chunkcast.captured",
    "chunkcast.checksum.right",
    "chunkcast.chunk",
    "chunkcast.parity.checksum",
    "chunkcast.hello.name",
    "chunkcast.hello.viewers",
    "chunkcast.hello.report_every",
    "chunkcast.hello.interval",
    "chunkcast.hello.signer",
    "chunkcast.hello.capture_error",
    "chunkcast.token",
    "chunkcast.report.delivered",
    "chunkcast.report.arrived",
    "chunkcast.report.missing",
    "chunkcast.report.display_dropped",
    "chunkcast.train.frame",
    "chunkcast.train.part",
    "chunkcast.train.last",
    "chunkcast.resend.needed",
    "chunkcast.resend.first",
    "chunkcast.resend.chunks",
    "chunkcast.key_id",
    "chunkcast.stream",
    "chunkcast.count",
    "chunkcast.receiver",
    "chunkcast.suite",
    "chunkcast.sealed",
];

/// What tshark shows of each packet, by field; `None` if it is not there.
pub(crate) fn dissect(pcap: &str) -> Option<Vec<HashMap<&'static str, String>>> {
    let mut command = Command::new("tshark");
    let script = format!("lua_script:{}", root().join("scripts/chunkcast.lua").display());
    command.args(["-r", pcap, "-X", &script, "-o", "udp.try_heuristic_first:TRUE", "-T", "fields"]);
    command.args(["-E", "separator=|", "-E", "aggregator=,"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("tshark: {error}"), false);
            return None;
        }
    };
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !complaints.contains("Lua"), "{complaints}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let values = |line: &str| line.split('|').map(str::to_owned).collect::<Vec<_>>();
    Some(lines.lines().map(|line| FIELDS.iter().copied().zip(values(line)).collect()).collect())
}

/// Packets of IPv4 and UDP with these payloads, in the file format that every tool reads.
pub(crate) fn classic_pcap(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    // Magic, version 2.4, no time zone, the most bytes of a packet, and that they begin with IP.
    let head: [u32; 6] = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101];
    file.extend(head.iter().flat_map(|word| word.to_be_bytes()));
    for datagram in datagrams {
        let udp = u16::try_from(8 + datagram.len()).unwrap();
        let packet = u32::from(udp) + 20;
        file.extend([0, 0, packet, packet].iter().flat_map(|word: &u32| word.to_be_bytes()));
        file.extend([0x45, 0]);
        file.extend((udp + 20).to_be_bytes());
        file.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        file.extend([40_000_u16, 40_001, udp, 0].iter().flat_map(|word| word.to_be_bytes()));
        file.extend(datagram);
    }
    file
}

fn bytes_of(file: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(file).unwrap();
    let (_, datagram) = text.split_once("datagram:").unwrap();
    from_hex(&datagram.split_whitespace().collect::<String>())
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
