//! How many locks a frame takes on its way from the socket to the screen: decoding and drawing are to wait for each
//! other only where they must.
//!
//! Only a build with debug assertions counts, and it counts all that a process does: so the receiver runs in one of its
//! own.
#![cfg(all(debug_assertions, feature = "window"))]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use proto::{
    Clock, Decision, Frame, MediaTime, SendConfig, SendOutput, SendStream, SessionId, SubscribeServer,
};
use receiver::{Args, locks_taken, run};
use turbojpeg::{Image, PixelFormat, Subsamp};

#[test]
fn a_frame_takes_ten_locks_at_most() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "receive_frames", "--ignored", "--nocapture"])
        .env("CHUNKCAST_SCENARIO", "locks");
    let status = command.env("SDL_VIDEODRIVER", "dummy").env_remove("DISPLAY").status().unwrap();
    assert!(status.success());
}

/// Not a test: what the test above runs in a process of its own.
#[test]
#[ignore = "the other test runs it, without a display"]
fn receive_frames() {
    if std::env::var_os("CHUNKCAST_SCENARIO").is_none() {
        return;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let stats = std::env::temp_dir().join(format!("chunkcast-locks-{}.json", std::process::id()));
    let path = stats.to_str().unwrap();
    let frames = FRAMES.to_string();
    let line = ["receiver", "--connect", &address, "--frames", &frames, "--stats-json", path];
    let args = Args::try_parse_from(line).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let serving = std::thread::spawn({
        let is_over = is_over.clone();
        move || serve(&socket, &is_over)
    });
    run(&args.receive).unwrap();
    is_over.store(true, Ordering::Relaxed);
    let locks = locks_taken();
    serving.join().unwrap();
    let said = std::fs::read_to_string(&stats).unwrap();
    std::fs::remove_file(&stats).unwrap();
    let said: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let [delivered, displayed] =
        ["delivered", "displayed"].map(|name| said["frames"][name].as_u64().unwrap());
    let each = locks as f64 / delivered as f64;
    println!("{locks} locks for {delivered} frames, of which {displayed} were shown: {each:.1} each");
    assert!(displayed > FRAMES * 9 / 10, "{said}");
    // What is done now and then, and at the beginning and the end, is counted with them.
    assert!(each <= 10.0, "{each:.1} locks for each frame");
}

/// Serves one viewer until it is over, a datagram at a time, so that most of them wake the thread that receives.
fn serve(socket: &UdpSocket, is_over: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_micros(500))).unwrap();
    let begun = Instant::now();
    let clock = Clock::new(begun, MediaTime::from_micros(1_700_000_000_000_000));
    let (session, secret) = (SessionId::new(7), [7; 16]);
    let mut server = SubscribeServer::new(session, secret, 1, clock);
    let mut viewer: Option<(SocketAddr, SendStream<SocketAddr>)> = None;
    let (jpeg, mut due, mut buffer) = (Arc::new(noise()), begun, [0; 2048]);
    while !is_over.load(Ordering::Relaxed) {
        let received = socket.recv_from(&mut buffer);
        let now = Instant::now();
        if let Ok((bytes, from)) = received {
            match server.handle_datagram(from, &buffer[..bytes], now) {
                Some(Decision::Reply(reply)) => drop(socket.send_to(reply, from)),
                Some(Decision::Welcome) => {
                    let config = SendConfig { name: "noise".to_owned(), ..SendConfig::new(session, secret) };
                    (viewer, due) = (Some((from, SendStream::new(config, clock, now))), now);
                }
                Some(_) => {}
                None => {
                    viewer.iter_mut().for_each(|(_, stream)| {
                        stream.handle_datagram(from, &buffer[..bytes], now);
                    });
                }
            }
        }
        let Some((at, stream)) = &mut viewer else { continue };
        if due <= now {
            stream.push_frame(Frame { captured: clock.at(now), jpeg: jpeg.clone(), signature: None }, now);
            due += EVERY;
        }
        while let SendOutput::Transmit(transmit) = stream.poll(now) {
            let to = transmit.to.unwrap_or(*at);
            for datagram in transmit.bytes.chunks(transmit.segment) {
                let _ = socket.send_to(datagram, to);
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    }
}

/// A JPEG of which no part is like another, so that it takes some datagrams.
fn noise() -> Vec<u8> {
    let (width, height, mut seed) = (320, 180, 1_u32);
    let next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    let pixels: Vec<u8> = std::iter::repeat_with(next).take(3 * width * height).collect();
    let image = Image { pixels: &pixels[..], width, pitch: 3 * width, height, format: PixelFormat::RGB };
    turbojpeg::compress(image, 60, Subsamp::Sub2x2).unwrap().to_vec()
}

const FRAMES: u64 = 150;
const EVERY: Duration = Duration::from_millis(25);
