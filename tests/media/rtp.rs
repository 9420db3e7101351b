//! RTP/JPEG with the real programs that speak it, both ways: what they show is, pixel for pixel, what was sent.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::album::{Album, files};
use crate::common::clip::{Clip, split, y4m};
use crate::common::collector::assert_whole_and_in_order;
use crate::common::display::Display;
use crate::common::jpegs::picture;
use crate::common::lab::Lab;
use crate::common::peer::Peer;
use crate::common::running::{
    Running, count, receiver, receiver_adds_up, run, sender, sender_adds_up, viewer,
};
use crate::common::viewer::Viewer;
use crate::common::{Folder, beside_others, figure, free_address, free_port, pause};
use turbojpeg::Subsamp;

/// What GStreamer has to be told of a stream.
const CAPS: &str = "caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26";

#[test]
fn gstreamer_shows_every_picture_that_sender_sends() {
    let _turn = beside_others();
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
    let _turn = beside_others();
    let (clip, folder) = (Clip::made(20, 640, 480), Folder::new());
    let (sender, sdp) = described(&clip, &folder);
    let Some(mut ffmpeg) = Peer::start(&player(&sdp)) else { return };
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
    let _turn = beside_others();
    let (clip, folder) = (Clip::made(20, 640, 480), Folder::new());
    let (sender, sdp) = described(&clip, &folder);
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
    let _turn = beside_others();
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

#[test]
fn receiver_shows_every_picture_that_gstreamer_sends() {
    let _turn = beside_others();
    for format in ["I420", "Y42B"] {
        let (folder, port) = (Folder::new(), free_port());
        let [sent, shown] = ["sent", "shown"].map(|name| folder.path().join(name));
        std::fs::create_dir(&sent).unwrap();
        let (listen, output) = (format!("127.0.0.1:{port}"), format!("{}/", shown.display()));
        let receiver = receiver(&["--format", "rtp", "--listen", &listen, "--output", &output]);
        let picture = format!("video/x-raw,format={format},width=640,height=480,framerate=25/1");
        let Some(mut gstreamer) = Peer::start(&[
            "gst-launch-1.0",
            "-q",
            "videotestsrc",
            "num-buffers=50",
            "is-live=true",
            "!",
            &picture,
            "!",
            "jpegenc",
            "quality=85",
            "!",
            "tee",
            "name=t",
            "t.",
            "!",
            "queue",
            "!",
            "multifilesink",
            &format!("location={}/%05d.jpg", sent.display()),
            "t.",
            "!",
            "queue",
            "!",
            "rtpjpegpay",
            "!",
            "udpsink",
            "host=127.0.0.1",
            &format!("port={port}"),
        ]) else {
            return;
        };
        assert!(gstreamer.end_within(20).0.success());
        pause(300);
        let ended = receiver.interrupt();
        let totals = ended.totals();
        receiver_adds_up(totals);
        assert_eq!((count(totals, "/frames/delivered"), count(totals, "/frames/lost")), (50, 0), "{totals}");
        assert_eq!(totals["clock"], "relative");
        assert_eq!(count(totals, "/repair/arrived"), count(totals, "/datagrams/accepted"), "{totals}");
        let numbers = Album::of(&files(&sent)).find_all(&files(&shown));
        assert_eq!(numbers, (0..50).collect::<Vec<_>>(), "{format}");
    }
}

#[test]
fn receiver_shows_every_picture_that_ffmpeg_sends_passed_on_or_encoded() {
    let _turn = beside_others();
    let (clip, folder) = (Clip::made(50, 640, 480), Folder::new());
    let (source, copy) = (folder.join("clip.mjpeg"), folder.join("copy.mjpeg"));
    clip.write(&source);
    let passed_on = ["-re", "-f", "mjpeg", "-framerate", "25", "-i", &source, "-c", "copy"];
    let encode = ["-c:v", "mjpeg", "-huffman", "default", "-q:v", "3", "-pix_fmt", "yuvj420p"];
    let encoded =
        [&["-re", "-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25:duration=2"], &encode[..]].concat();
    for (arguments, is_copied) in [(&passed_on[..], true), (&encoded[..], false)] {
        let port = free_port();
        let shown = folder.path().join(format!("shown-{is_copied}"));
        let (listen, output) = (format!("127.0.0.1:{port}"), format!("{}/", shown.display()));
        let receiver = receiver(&["--format", "rtp", "--listen", &listen, "--output", &output]);
        let to = format!("rtp://127.0.0.1:{port}?pkt_size=1400");
        let mut command = vec!["ffmpeg", "-loglevel", "error", "-y"];
        command.extend(arguments);
        command.extend(["-f", "rtp", &to]);
        if !is_copied {
            // The same encoder once more makes the same pictures.
            command.extend(&encode);
            command.push(&copy);
        }
        let Some(mut ffmpeg) = Peer::start(&command) else { return };
        let (status, said) = ffmpeg.end_within(20);
        assert!(status.success(), "{said}");
        pause(300);
        let ended = receiver.interrupt();
        receiver_adds_up(ended.totals());
        let sent = if is_copied { clip.frames.clone() } else { split(&std::fs::read(&copy).unwrap()) };
        let numbers = Album::of(&sent).find_all(&files(&shown));
        assert_eq!(numbers, (0..sent.len()).collect::<Vec<_>>(), "{}", ended.totals());
        assert_eq!(sent.len(), 50);
    }
}

#[test]
fn the_window_shows_what_arrives_by_rtp() {
    let _turn = beside_others();
    let Some(display) = Display::start(1280, 1024) else { return };
    let (to, folder) = (format!("127.0.0.1:{}", free_port()), Folder::new());
    let source = folder.join("red.mjpeg");
    std::fs::write(&source, picture(640, 480, [200, 40, 60], Subsamp::Sub2x2)).unwrap();
    let receiver = viewer(&display, &["--format", "rtp", "--listen", &to]);
    let sender = sender(&["--source", &source, "--loop", "--fps", "20", "--dest", &to, "--format", "rtp"]);
    assert!(display.comes_to(|screen| screen.shows([200, 40, 60])), "{}", receiver.said());
    sender.interrupt();
    receiver_adds_up(receiver.interrupt().totals());
}

#[test]
fn across_a_lossy_network_no_broken_picture_is_delivered_and_every_loss_has_a_name() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    lab.netlab(&["loss", "host1", "10"]);
    let clip = Arc::new(Clip::made(40, 640, 480).after_rtp());
    let folder = Folder::new();
    let source = folder.join("clip.mjpeg");
    clip.write(&source);
    let viewing = ["--format", "rtp", "--listen", "10.77.0.2:5004", "--output", "-"];
    let viewer = Viewer::on(&lab, "host1", &viewing, &clip);
    let sender = lab.sender(
        "host0",
        &["--source", &source, "--loop", "--fps", "30", "--dest", "10.77.0.2:5004", "--format", "rtp"],
    );
    pause(4000);
    let sent = sender.interrupt();
    sender_adds_up(sent.totals());
    pause(700);
    let (ended, arrivals) = viewer.finish(&clip);
    let (totals, sent) = (ended.totals(), count(sent.totals(), "/frames/sent") as usize);
    figure(&format!("1 % loss, RTP from sender, delivered of {sent}"), arrivals.len());
    let lost = (count(totals, "/frames/lost") + count(totals, "/frames/unseen")) as usize;
    // The first and the last frame may have been lost as a whole.
    assert!((arrivals.len() + lost).abs_diff(sent) <= 2, "{} + {lost} of {sent}", arrivals.len());
    assert!(lost > 5 && arrivals.len() > 30, "{totals}");
    assert!(
        ended.said.contains("leave out --format rtp at both") && !ended.said.contains("--fec"),
        "{}",
        ended.said
    );
    let percent = 100.0 * count(totals, "/repair/missing") as f64
        / (count(totals, "/repair/missing") + count(totals, "/repair/arrived")) as f64;
    assert!((0.4..2.0).contains(&percent), "{percent} % of the packets are missing");

    // FFmpeg's own, over the same network. Its loop is left out: at each seam comes a picture that the file has not.
    let longer = folder.join("longer.mjpeg");
    std::fs::write(&longer, clip.bytes().repeat(3)).unwrap();
    let viewer = Viewer::on(&lab, "host1", &viewing, &clip);
    let command = [
        "ffmpeg",
        "-loglevel",
        "error",
        "-re",
        "-f",
        "mjpeg",
        "-framerate",
        "30",
        "-i",
        &longer,
        "-c",
        "copy",
        "-f",
        "rtp",
        "rtp://10.77.0.2:5004?pkt_size=1400",
    ];
    let Some(mut ffmpeg) = lab.peer("host0", &command) else { return };
    ffmpeg.end_within(20);
    pause(700);
    let ended = viewer.running.interrupt();
    receiver_adds_up(ended.totals());
    // It sends two pictures at once now and then, of which a pipe gets the newer one.
    let arrivals = viewer.collector.finish();
    assert_whole_and_in_order(&arrivals, &clip);
    figure("1 % loss, RTP from FFmpeg, delivered of 120", arrivals.len());
    assert!(arrivals.len() > 30 && count(ended.totals(), "/frames/lost") > 5, "{}", ended.totals());
}

/// A sender that plays a clip again and again, and the file that describes its stream.
fn described(clip: &Clip, folder: &Folder) -> (Running, String) {
    let (source, sdp) = (folder.join("clip.mjpeg"), folder.join("camera.sdp"));
    clip.write(&source);
    let to = free_address();
    let sender = sender(&[
        "--source", &source, "--loop", "--fps", "25", "--dest", &to, "--format", "rtp", "--sdp", &sdp,
    ]);
    comes(&sdp);
    (sender, sdp)
}

#[test]
fn a_group_is_watched_by_receiver_and_ffmpeg_at_once() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let clip = Arc::new(Clip::made(40, 640, 480).after_rtp());
    let folder = Folder::new();
    let (source, sdp) = (folder.join("clip.mjpeg"), folder.join("group.sdp"));
    clip.write(&source);
    let group = "239.255.10.1:5004";
    let viewing = ["--format", "rtp", "--listen", group, "--interface", "eth0", "--output", "-"];
    let viewer = Viewer::on(&lab, "host1", &viewing, &clip);
    let to = ["--dest", group, "--interface", "eth0", "--format", "rtp", "--sdp", &sdp];
    let sender = lab.sender("host0", &[&["--source", &source, "--loop", "--fps", "25"], &to[..]].concat());
    comes(&sdp);
    assert!(std::fs::read_to_string(&sdp).unwrap().contains("c=IN IP4 239.255.10.1/1\r\n"));
    let Some(mut ffmpeg) = lab.peer("host2", &player(&sdp)) else { return };
    let shown = read(&mut ffmpeg);
    pause(4000);
    sender.interrupt();
    ffmpeg.end_within(5);
    let (_, arrivals) = viewer.finish(&clip);
    assert_whole_and_in_order(&arrivals, &clip);
    let numbers = Album::of(&clip.frames).find_all(&split(&shown.join().unwrap()));
    figure(
        "a group, receiver and FFmpeg, pictures in 4 s at 25 fps",
        format!("{} {}", arrivals.len(), numbers.len()),
    );
    assert!(arrivals.len() >= 90 && numbers.len() >= 25, "{} {}", arrivals.len(), numbers.len());
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

/// FFmpeg, which plays what a description names, and hands on its JPEGs.
fn player(sdp: &str) -> [&str; 14] {
    [
        "ffmpeg",
        "-loglevel",
        "error",
        "-protocol_whitelist",
        "file,rtp,udp",
        "-fflags",
        "nobuffer",
        "-i",
        sdp,
        "-c",
        "copy",
        "-f",
        "mjpeg",
        "pipe:1",
    ]
}
