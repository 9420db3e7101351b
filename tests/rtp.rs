//! RTP/JPEG with the real programs that speak it, both ways: what they show is, pixel for pixel, what was sent.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod common;

use std::io::Read;
use std::time::{Duration, Instant};

use common::album::{Album, files};
use common::clip::{Clip, split, y4m};
use common::peer::Peer;
use common::running::{count, run, sender, sender_adds_up};
use common::{Folder, alone, figure, free_port, pause};

/// What GStreamer has to be told of a stream.
const CAPS: &str = "caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26";

#[test]
fn gstreamer_shows_every_picture_that_sender_sends() {
    let _alone = alone();
    let (clip, folder, port) = (Clip::made(40, 640, 480), Folder::new(), free_port());
    let (shown, source) = (folder.path().join("shown"), folder.join("clip.mjpeg"));
    std::fs::create_dir(&shown).unwrap();
    clip.write(&source);
    let Some(gstreamer) = Peer::start(&[
        "gst-launch-1.0",
        "-q",
        "udpsrc",
        &format!("port={port}"),
        "buffer-size=4194304",
        CAPS,
        "!",
        "rtpjpegdepay",
        "!",
        "multifilesink",
        &format!("location={}/%05d.jpg", shown.display()),
    ]) else {
        return;
    };
    let gstreamer = gstreamer.when_listening(port);
    let to = format!("127.0.0.1:{port}");
    let sent = sender(&["--source", &source, "--fps", "25", "--dest", &to, "--format", "rtp"]).end_within(10);
    sender_adds_up(sent.totals());
    assert_eq!(count(sent.totals(), "/frames/sent"), 40, "{}", sent.said);
    pause(300);
    gstreamer.interrupt();
    let numbers = Album::of(&clip.frames).find_all(&files(&shown));
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
}

#[test]
fn ffmpeg_plays_what_the_sdp_describes_and_ends_with_the_sender() {
    let _alone = alone();
    let (clip, folder, port) = (Clip::made(20, 640, 480), Folder::new(), free_port());
    let (source, sdp) = (folder.join("clip.mjpeg"), folder.join("camera.sdp"));
    clip.write(&source);
    let to = format!("127.0.0.1:{port}");
    let sender = sender(&[
        "--source", &source, "--loop", "--fps", "25", "--dest", &to, "--format", "rtp", "--sdp", &sdp,
    ]);
    comes(&sdp);
    let Some(mut ffmpeg) = Peer::start(&[
        "ffmpeg",
        "-loglevel",
        "error",
        "-protocol_whitelist",
        "file,rtp,udp",
        "-fflags",
        "nobuffer",
        "-i",
        &sdp,
        "-c",
        "copy",
        "-f",
        "mjpeg",
        "pipe:1",
    ]) else {
        return;
    };
    let shown = read(&mut ffmpeg);
    pause(3000);
    sender_adds_up(sender.interrupt().totals());
    // The goodbye is what ends it.
    let (status, said) = ffmpeg.end_within(5);
    assert!(status.success(), "{said}");
    let numbers = Album::of(&clip.frames).find_all(&split(&shown.join().unwrap()));
    figure("FFmpeg, pictures in 3 s at 25 fps", numbers.len());
    assert!(numbers.len() >= 25, "{} pictures", numbers.len());
    assert!(numbers.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 20), "{numbers:?}");
}

// Debian's VLC is built without the library that it otherwise reads SDP with, and has FFmpeg's for it.
#[test]
fn vlc_shows_what_the_sdp_describes() {
    let _alone = alone();
    let (clip, folder, port) = (Clip::made(20, 640, 480), Folder::new(), free_port());
    let (source, sdp) = (folder.join("clip.mjpeg"), folder.join("camera.sdp"));
    clip.write(&source);
    let to = format!("127.0.0.1:{port}");
    let sender = sender(&[
        "--source", &source, "--loop", "--fps", "25", "--dest", &to, "--format", "rtp", "--sdp", &sdp,
    ]);
    comes(&sdp);
    // VLC refuses to be root.
    let as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "HOME=/tmp"];
    let under: &[&str] = if rustix::process::geteuid().is_root() { &as_nobody } else { &[] };
    let Some(mut vlc) = Peer::under(
        under,
        &[
            "cvlc",
            "-q",
            "--no-audio",
            "--network-caching=200",
            "--demux=avformat",
            &sdp,
            "--sout=#std{access=file,mux=mpjpeg,dst=-}",
            "vlc://quit",
        ],
    ) else {
        return;
    };
    let shown = read(&mut vlc);
    pause(4000);
    sender.interrupt();
    let (_, said) = vlc.end_within(10);
    let shown = split(&shown.join().unwrap());
    figure("VLC, pictures in 4 s at 25 fps", shown.len());
    assert!(shown.len() >= 25, "{} pictures: {said}", shown.len());
    Album::of(&clip.frames).find_all(&shown);
}

#[test]
fn pictures_encoded_here_in_bands_are_legal_and_those_that_cannot_be_carried_are_refused_with_the_way_out() {
    let _alone = alone();
    let (folder, port) = (Folder::new(), free_port());
    let to = format!("127.0.0.1:{port}");
    let rtp =
        |more: &[&str]| run("sender", &[&["--dest", &to, "--format", "rtp", "--frames", "5"], more].concat());
    // 1280x720 is cut into bands where there are cores for them, and has restart markers then.
    let card = rtp(&["--source", "pattern", "--fps", "50", "--stats-interval", "200ms"]);
    assert_eq!(count(card.totals(), "/frames/sent"), 5, "{}", card.said);

    let odd = folder.join("odd.y4m");
    std::fs::write(&odd, y4m(5, 644, 480)).unwrap();
    let full = folder.join("full.y4m");
    let header = b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C444\n".to_vec();
    let pictures = (0..5).flat_map(|n| [b"FRAME\n".to_vec(), vec![90 + n; 640 * 480 * 3]].concat());
    std::fs::write(&full, [header, pictures.collect()].concat()).unwrap();
    for (source, more, way_out) in [
        (&odd, &[][..], "644x480; give another --size, or --format chunkcast"),
        (&full, &[][..], "--subsampling 420"),
        (&full, &["--subsampling", "420"][..], ""),
    ] {
        let ended = rtp(&[&["--source", source, "--stats-interval", "200ms"], more].concat());
        let refused = count(ended.totals(), "/frames/refused");
        assert_eq!(refused == 0, way_out.is_empty(), "{}", ended.said);
        assert!(ended.said.contains(way_out), "{}", ended.said);
        sender_adds_up(ended.totals());
    }
}

fn comes(file: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    while !std::path::Path::new(file).exists() {
        assert!(Instant::now() < until, "no {file}");
        pause(5);
    }
}

/// Reads all that a program writes, until it ends.
fn read(peer: &mut Peer) -> std::thread::JoinHandle<Vec<u8>> {
    let mut pipe = peer.output();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}
