//! Whatever is sent to a receiver's port, at full speed, a real stream goes on beside it.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::clip::Clip;
use crate::common::collector::{Collector, arrivals_in, assert_whole_and_in_order};
use crate::common::running::{count, receiver, receiver_adds_up, sender};
use crate::common::{Folder, alone, comes_to, figure, free_port, pause, seconds};
use proto::wire::{self, HEADER_BYTES, Header, Kind};
use proto::{FrameId, MediaTime, SessionId};
use rustix::process::Signal;

/// Writes the next datagram of an attack into the buffer.
type Attack = fn(&mut Noise, &[Vec<u8>], &mut Vec<u8>);

/// What is fired, and from how many ports.
const ATTACKS: [(&str, Attack, usize); 10] = [
    ("random bytes", random_bytes, 1),
    ("truncated", truncated, 1),
    ("replayed", replayed, 1),
    ("a flipped bit", flipped, 1),
    ("a mutated field, resealed", mutated_field, 1),
    ("contradictory geometry", contradictory, 1),
    ("every frame id", every_frame, 1),
    ("a million sessions", every_session, 1),
    ("goodbyes", goodbyes, 1),
    ("a million sessions from 200 ports", every_session, 200),
];

#[test]
fn a_real_stream_goes_on_beside_every_attack() {
    let _alone = alone();
    let clip = Arc::new(Clip::made(60, 1280, 720));
    let folder = Folder::new();
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let genuine = capture(&file);
    let to = format!("127.0.0.1:{}", free_port());
    // A file waits for nobody, however busy this computer is.
    let all = folder.join("all.mjpeg");
    let receiver = receiver(&["--listen", &to, "--output", &all]);
    let sender = sender(&["--dest", &to, "--source", &file, "--loop", "--fps", "30"]);
    let delivered = || receiver.stats().map_or(0, |stats| count(&stats, "/frames/delivered"));
    assert!(comes_to(|| delivered() >= 30), "the real stream begins");
    let calm = receiver.memory_mib("VmRSS");
    for (name, attack, ports) in ATTACKS {
        let (sent_before, got_before) = (count(&sender.stats().unwrap(), "/frames/sent"), delivered());
        let fired = flood(&to, &genuine, attack, ports, Duration::from_secs(seconds().div_ceil(5).into()));
        pause(500);
        let sent = count(&sender.stats().unwrap(), "/frames/sent") - sent_before;
        let got = delivered() - got_before;
        figure(&format!("{name}: {fired} datagrams, delivered of about {sent}"), got);
    }
    let peak = receiver.memory_mib("VmHWM");
    let sent = sender.interrupt();
    pause(300);
    let received = receiver.interrupt();
    let arrivals = arrivals_in(&all, &clip);
    assert_whole_and_in_order(&arrivals, &clip);
    receiver_adds_up(received.totals());
    let total = count(sent.totals(), "/frames/sent");
    figure("under all attacks: delivered, %", format!("{:.2}", arrivals.len() as f64 * 100.0 / total as f64));
    let turned_away = count(received.totals(), "/datagrams/turned_away");
    figure("under all attacks: turned away by the kernel", turned_away);
    assert!(turned_away > 10_000, "{}", received.totals());
    figure("under all attacks: memory grew by MiB", format!("{:.1}", peak - calm));
    assert!(peak - calm <= 64.0, "{calm} MiB, then {peak}");
    assert!(
        arrivals.len() as f64 >= total as f64 * 0.999,
        "{} of {total}: {}",
        arrivals.len(),
        received.totals()
    );
}

#[test]
fn a_sender_that_starts_during_an_attack_is_shown_within_two_seconds_and_both_end_within_one() {
    let _alone = alone();
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(30, 640, 480)));
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let (genuine, mut late) = (capture(&file), Vec::new());
    for (name, attack, ports) in ATTACKS {
        let to = format!("127.0.0.1:{}", free_port());
        let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
        let collector = Collector::of(&mut receiver, &clip);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| flood_until(&to, &genuine, attack, ports, || over.load(Ordering::Relaxed)));
            pause(200);
            let begun = Instant::now();
            let sender = sender(&["--dest", &to, "--source", &file, "--loop", "--fps", "30"]);
            let shown = collector.wait_for(1, Duration::from_secs(10)).map(|_| begun.elapsed());
            let ended: Vec<_> = [sender, receiver]
                .into_iter()
                .map(|program| {
                    let begun = Instant::now();
                    program.signal(Signal::TERM);
                    program.end_within(10).totals();
                    begun.elapsed()
                })
                .collect();
            over.store(true, Ordering::Relaxed);
            figure(
                &format!("{name}: a sender that starts is shown, and both end"),
                format!("{shown:?} {ended:?}"),
            );
            let is_right = shown.is_some_and(|shown| shown < Duration::from_secs(2))
                && ended.iter().all(|&ended| ended < Duration::from_secs(1));
            late.extend((!is_right).then_some((name, shown, ended)));
        });
        assert!(collector.finish().iter().all(|arrival| arrival.number.is_some()), "{name}");
    }
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn an_attacker_who_is_there_first_does_not_keep_the_real_stream_out() {
    let _alone = alone();
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(30, 320, 240)));
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let genuine = capture(&file);
    let to = format!("127.0.0.1:{}", free_port());
    let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
    let collector = Collector::of(&mut receiver, &clip);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                flood(&to, &genuine, every_session, 1, Duration::from_millis(100));
            }
        });
        pause(500);
        let sender = sender(&["--dest", &to, "--source", &file, "--loop", "--fps", "30"]);
        let waited = collector.wait_for(10, Duration::from_secs(10));
        over.store(true, Ordering::Relaxed);
        assert!(waited.is_some(), "the real stream never got through: {:?}", receiver.stats());
        sender.interrupt();
    });
    receiver.interrupt();
    assert!(collector.finish().iter().all(|arrival| arrival.number.is_some()));
}

/// Fires as fast as one core can, for so long. Returns how many datagrams went out.
fn flood(to: &str, genuine: &[Vec<u8>], attack: Attack, ports: usize, time: Duration) -> u64 {
    let start = Instant::now();
    flood_until(to, genuine, attack, ports, || start.elapsed() >= time)
}

fn flood_until(
    to: &str,
    genuine: &[Vec<u8>],
    attack: Attack,
    ports: usize,
    is_over: impl Fn() -> bool,
) -> u64 {
    let sockets: Vec<_> = (0..ports).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    sockets.iter().for_each(|socket| socket.connect(to).unwrap());
    let (mut noise, mut datagram) = (Noise(0x9e37_79b9_7f4a_7c15), Vec::new());
    let mut fired = 0;
    for socket in sockets.iter().cycle() {
        if is_over() {
            break;
        }
        attack(&mut noise, genuine, &mut datagram);
        // A full buffer on either side is what an attack is about.
        fired += u64::from(socket.send(&datagram).is_ok());
    }
    fired
}

/// Datagrams of a real sender.
fn capture(file: &str) -> Vec<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let _sender = sender(&["--dest", &to, "--source", file, "--loop", "--fps", "30"]);
    let mut buffer = [0; 65536];
    (0..200)
        .map(|_| {
            let length = socket.recv(&mut buffer).expect("a real sender's datagrams");
            buffer[..length].to_vec()
        })
        .collect()
}

fn random_bytes(noise: &mut Noise, _: &[Vec<u8>], out: &mut Vec<u8>) {
    out.clear();
    out.extend((0..noise.below(1473)).map(|_| noise.next() as u8));
}

fn truncated(noise: &mut Noise, genuine: &[Vec<u8>], out: &mut Vec<u8>) {
    replayed(noise, genuine, out);
    out.truncate(noise.below(out.len()));
}

fn replayed(noise: &mut Noise, genuine: &[Vec<u8>], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&genuine[noise.below(genuine.len())]);
}

fn flipped(noise: &mut Noise, genuine: &[Vec<u8>], out: &mut Vec<u8>) {
    replayed(noise, genuine, out);
    let bit = noise.below(out.len() * 8);
    out[bit / 8] ^= 1 << (bit % 8);
}

/// One byte of the header is another, and the checksum is right again.
fn mutated_field(noise: &mut Noise, genuine: &[Vec<u8>], out: &mut Vec<u8>) {
    replayed(noise, genuine, out);
    let at = 3 + noise.below(HEADER_BYTES - 4 - 3);
    out[at] = noise.next() as u8;
    reseal(out);
}

/// One frame, whose every datagram claims another length and another number of chunks.
fn contradictory(noise: &mut Noise, _: &[Vec<u8>], out: &mut Vec<u8>) {
    let data_chunks = noise.below(16_384) as u16 + 1;
    let length = noise.below(16 << 20) as u32 + 1;
    let header =
        Header { data_chunks, length, index: noise.below(data_chunks.into()) as u16, ..header(7, 1) };
    with_payload(header, out);
}

fn every_frame(noise: &mut Noise, _: &[Vec<u8>], out: &mut Vec<u8>) {
    with_payload(Header { frame: FrameId::new(noise.next() as u32), ..header(7, 1) }, out);
}

fn every_session(noise: &mut Noise, _: &[Vec<u8>], out: &mut Vec<u8>) {
    let frame = noise.next() as u32;
    with_payload(header(noise.next() | 1, frame), out);
}

/// Of the real session too: its number is in every datagram.
fn goodbyes(noise: &mut Noise, genuine: &[Vec<u8>], out: &mut Vec<u8>) {
    replayed(noise, genuine, out);
    out.truncate(HEADER_BYTES);
    out[3] = 4;
    reseal(out);
}

/// A chunk of the largest frame that the protocol allows.
fn header(session: u64, frame: u32) -> Header {
    Header {
        kind: Kind::Data,
        session: SessionId::new(session),
        frame: FrameId::new(frame),
        part: 0,
        parts: 1,
        is_signed: false,
        index: 0,
        data_chunks: 16_384,
        parity_chunks: 0,
        length: 16 << 20,
        captured: MediaTime::from_micros(1),
    }
}

fn with_payload(header: Header, out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER_BYTES + 1024, 0x5a);
    wire::emit(&header, out);
}

/// CRC-32 as in zlib over all but its own place, which is the header's last four bytes.
fn reseal(datagram: &mut [u8]) {
    let place = HEADER_BYTES - 4..HEADER_BYTES;
    let mut crc = !0_u32;
    for byte in datagram[..place.start].iter().chain(&datagram[place.end..]) {
        crc = CRC[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    }
    datagram[place].copy_from_slice(&(!crc).to_be_bytes());
}

const CRC: [u32; 256] = {
    let (mut table, mut byte) = ([0; 256], 0);
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Numbers that look random and are the same each time (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}
