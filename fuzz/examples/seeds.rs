//! Makes the fuzzer's seeds anew: `cargo run --example fuzz_seeds`.

use std::fs;
use std::io::Result;
use std::path::PathBuf;

use proto::discovery::mdns::{Name, Section, Writer};
use proto::keys::Key;
use proto::{Pool, Random};
use sender::{Encoder, Layout, RawPicture, Subsampling};

fn main() -> Result<()> {
    pictures()?;
    datagrams()?;
    requests()?;
    sources()?;
    announcements()?;
    messages()?;
    codes()?;
    phrases()?;
    known_keys()?;
    // What these make of bytes is a story, and any bytes tell one.
    for target in ["recv", "send", "rtp", "clock", "keep", "keyed", "segments"] {
        for seed in 0..6 {
            let mut bytes = vec![0; 60 << seed];
            Random::new(seed).fill(&mut bytes);
            write(target, &format!("story-{seed}"), &bytes)?;
        }
    }
    // Frames come and are heard in turn.
    write("recv", "in-order", &[&[0][..], &[1, 1, 0, 2, 3, 0, 255, 0, 120].repeat(20)].concat())?;
    write("send", "in-order", &[&[2][..], &[2, 1, 5, 0, 0, 90, 3, 0, 0, 0, 0].repeat(20)].concat())?;
    write(
        "rtp",
        "in-order",
        &[&[0; 6][..], &[5, 16, 200, 5, 16, 200, 5, 1, 90, 0, 130].repeat(10)].concat(),
    )?;
    write("keep", "in-order", &[&[3, 4][..], b"door", &[4, 200, 20, 90, 5, 255].repeat(10)].concat())?;
    // Each in turn, unchanged, to the group's receiver and to the subscriber; now and then patience ends.
    let in_turn = |number: u8| {
        let step = if number % 8 == 1 { 240 } else { 9 };
        [[step, number, 0, 0], [9, number, 0, 1]].concat()
    };
    write("keyed", "in-order", &(0..=255).flat_map(in_turn).collect::<Vec<u8>>())?;
    let last_first: Vec<u8> = (0..=255).rev().flat_map(|number| [9, number, 0, 2]).collect();
    write("keyed", "last-first", &last_first)?;
    write("clock", "in-order", &[80, 9, 9, 9, 40, 1, 50, 0].repeat(20))
}

fn write(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = root().join("fuzz/seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What senders and receivers say by multicast DNS, each behind who says it and when.
fn messages() -> Result<()> {
    let (kind, host) = (name("_chunkcast._udp.local"), name("h2.local"));
    let server = kind.under(b"door").expect("it is a name");
    let everything = |ttl| {
        let mut writer = Writer::response();
        writer.pointer(Section::Answer, &kind, ttl, &server);
        writer.service(Section::Answer, &server, ttl, 9001, &host);
        writer.text(Section::Answer, &server, ttl, b"\x03v=1\x09name=door\x18session=0000000000000abc");
        writer.address(Section::Additional, &host, ttl, [10, 0, 0, 1].into());
        writer.finish()
    };
    let mut probe = Writer::query();
    probe.question(&server, 255);
    probe.service(Section::Authority, &server, 120, 9002, &host);
    let mut question = Writer::query();
    question.question(&kind, 12);
    question.pointer(Section::Answer, &kind, 4500, &server);
    let said = [everything(120), probe.finish(), question.finish(), everything(0)];
    let timed = |message: &Vec<u8>| {
        let [high, low] = (message.len() as u16).to_be_bytes();
        [&[7, 60, high, low][..], message].concat()
    };
    for (number, message) in said.iter().enumerate() {
        write("mdns", &format!("message-{number}"), &timed(message))?;
    }
    write("mdns", "all", &said.iter().flat_map(timed).collect::<Vec<u8>>())
}

fn name(text: &str) -> Name {
    Name::dotted(text).expect("it is a name")
}

/// Behind a byte of flags for the decoder.
fn pictures() -> Result<()> {
    let all = [
        ("gray", jpeg(Layout::Gray, None, 40, 24)),
        ("yuv420", jpeg(Layout::Rgb, Some(Subsampling::Yuv420), 48, 33)),
        ("yuv422", jpeg(Layout::Rgb, Some(Subsampling::Yuv422), 33, 17)),
        ("yuv444", jpeg(Layout::Rgb, Some(Subsampling::Yuv444), 17, 24)),
        ("one-block", jpeg(Layout::Gray, None, 1, 1)),
        ("bands", jpeg(Layout::Gray, None, 640, 480)),
    ];
    for (number, (name, jpeg)) in all.iter().enumerate() {
        let flags = [0x00, 0x01, 0x33, 0x52, 0x08, 0x08][number];
        write("decode", name, &[&[flags], &jpeg[..]].concat())?;
        write("jpeg", name, jpeg)?;
    }
    // A stream with something between its pictures.
    write("jpeg", "stream", &[&all[0].1[..], b"--frame\r\n\r\n", &all[1].1, &all[2].1[..50]].concat())
}

fn jpeg(layout: Layout, subsampling: Option<Subsampling>, width: u32, height: u32) -> Vec<u8> {
    // Plain where it is large, so that its JPEG is small.
    let is_large = width > 100;
    let data =
        (0..layout.bytes(width, height)).map(|i| if is_large { 90 } else { (i * 7 % 256) as u8 }).collect();
    let raw = RawPicture { layout, width, height, data: std::sync::Arc::new(data) };
    let mut encoder = Encoder::new(subsampling).expect("there is memory").with_threads(3);
    encoder.encode(&raw, 50, &mut Pool::new(1)).expect("it is a picture").to_vec()
}

/// The golden datagrams, and what changes the sender's own.
fn datagrams() -> Result<()> {
    let folder = root().join("proto/tests/vectors");
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let Some((_, hex)) = text.split_once("datagram:\n") else { continue };
        let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        let datagram = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8);
        let bytes: Vec<_> = std::iter::once(0).chain(datagram).collect();
        if bytes.len() < 400 {
            write("wire", &path.file_stem().unwrap_or_default().to_string_lossy(), &bytes)?;
        }
    }
    for n in 0..4_u8 {
        write("wire", &format!("changed-{n}"), &[1, n * 5, n, n * 3, 9, 9, n, 1, 2, 3])?;
    }
    Ok(())
}

/// What may be typed for a key, and near to it.
fn codes() -> Result<()> {
    let code = Key::code(&std::array::from_fn(|at| at as u8));
    write("codes", "golden", code.as_bytes())?;
    write("codes", "shouted", code.to_uppercase().replace(' ', " - ").as_bytes())?;
    write("codes", "eleven", code.rsplit_once(' ').map_or(&b""[..], |(words, _)| words.as_bytes()))?;
    write("codes", "other-order", code.split(' ').rev().collect::<Vec<_>>().join("\n").as_bytes())?;
    write("codes", "key-id", b"279bad49b66cfcef")?;
    write("codes", "random", &[5; 16])?;
    write("codes", "phrase", b"qwertyuiop")
}

/// What a person may think of, too short each.
fn phrases() -> Result<()> {
    write("phrases", "keys", b"qwertyuiop")?;
    write("phrases", "date", b"1 Apr 2026")?;
    write("phrases", "name", "Reykjav\u{ed}k".as_bytes())?;
    write("phrases", "word", b"otters")
}

/// Files of known keys, each behind the name that is kept then.
fn known_keys() -> Result<()> {
    let [code, other] = [5, 6].map(|byte| Key::code(&[byte; 16]));
    let phrase = "nine purple otters juggle in Reykjavik";
    let (_, stretched) = Key::stretched(phrase).expect("it is not guessed");
    let of = |lines: &[&str]| [&b"\x04door"[..], lines.concat().as_bytes()].concat();
    write("known_keys", "none", b"\x04door")?;
    write("known_keys", "codes", &of(&["# two\n", "door\t", &code, "\nbench\t", &other, "\n"]))?;
    write("known_keys", "phrase", &of(&["door\t", phrase, "\t", &stretched, "\n"]))?;
    write("known_keys", "slip", &of(&["door\t", &code.replacen(' ', " chunkcast ", 1), "\n"]))?;
    write("known_keys", "short", &of(&["door\tqwertyuiop\r\n\t\n\t\t\n"]))
}

fn requests() -> Result<()> {
    let all = [
        (
            "page",
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /page.js HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
        ),
        ("stream", "GET /stream.mjpeg?sender=1&fps=5 HTTP/1.1\r\nHost: bench3.example\r\n\r\n"),
        ("snapshot", "HEAD /snapshot.jpg?sender=0 HTTP/1.1\r\nHost: 192.0.2.7\r\nConnection: close\r\n\r\n"),
        (
            "stats",
            "GET /stats.json HTTP/1.1\r\nHost: [::1]:9\r\n\r\nGET /live.json HTTP/1.0\r\nHost: localhost\r\n\r\n",
        ),
        (
            "metrics",
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz?sender=2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
        (
            "act",
            "POST /snapshot?sender=0 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: 0\r\n\r\n",
        ),
        ("past", "POST /past?sender=1 HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\r\n"),
        ("login", "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\npassword=a+b"),
        (
            "basic",
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YTpi\r\nAccept: text/html\r\nCookie: chunkcast-0=00\r\n\r\n",
        ),
        ("elsewhere", "GET http://localhost/x%0d%0a HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        ("body", "POST /past HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ];
    all.iter().try_for_each(|(name, text)| write("http", name, text.as_bytes()))
}

/// Behind a byte of flags: whether it is a Y4M, whose first word is then put before it, and whether it repeats.
fn sources() -> Result<()> {
    let y4m = |header: &str, bytes: usize| {
        let frame = [&b"FRAME\n"[..], &vec![90; bytes]].concat();
        [&[0][..], header.as_bytes(), b"\n", &frame, &frame].concat()
    };
    write("source", "y4m-420", &y4m("W6 H4 F25:1 Ip A1:1 C420jpeg", 36))?;
    write("source", "y4m-422", &y4m("W4 H2 F30000:1001 C422", 16))?;
    write("source", "y4m-444", &y4m("W4 H2 F0:0 C444 XCOLORRANGE=FULL", 24))?;
    write("source", "y4m-mono", &y4m("W3 H3 Cmono", 9))?;
    let gray = jpeg(Layout::Gray, None, 40, 24);
    write("source", "mjpeg", &[&[1][..], &gray, &gray].concat())?;
    write("source", "mjpeg-again", &[&[3][..], &gray, b"junk"].concat())?;
    write("source", "mjpeg-cut", &[&[1][..], &gray, &gray[..60]].concat())
}

fn announcements() -> Result<()> {
    let txt = |strings: &[&str]| -> Vec<u8> {
        strings.iter().flat_map(|text| [&[text.len() as u8], text.as_bytes()].concat()).collect()
    };
    let whole =
        ["v=1", "name=bench 3", "session=abc", "size=1280x720", "fps=29.97", "group=239.255.10.1:9000"];
    write("announcement", "whole", &txt(&whole))?;
    write("announcement", "short", &txt(&["v=1", "session=1"]))?;
    write("announcement", "other-version", &txt(&["v=2", "session=1"]))?;
    write("announcement", "group6", &txt(&["V=1", "session=ffffffffffffffff", "group=[ff02::1%2]:9"]))?;
    write("announcement", "odd-name", &txt(&["v=1", "session=2", "name=\u{1b}[2J\r\n\u{202e}../x"]))
}
