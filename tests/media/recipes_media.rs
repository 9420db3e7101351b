//! The recipes that pipe frames to other programs, run as they stand in docs/recipes.md.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::common::clip::Clip;
use crate::common::peer::{Peer, is_installed};
use crate::common::running::{Running, program, sender};
use crate::common::{Folder, beside_others, figure, free_port, jpegs, pause, recipes, root, skip};

#[test]
fn to_an_rtmp_server_for_viewers_past_this_network() {
    let _turn = beside_others();
    let stage = Stage::set();
    let port = free_tcp_port();
    let settings = stage.folder.join("nginx.conf");
    // Debian's nginx and its module, with a configuration of the test's own.
    let module = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
    if !std::path::Path::new(module).exists() {
        return skip("no libnginx-mod-rtmp here", false);
    }
    let live = format!("rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}");
    let pid = stage.folder.join("nginx.pid");
    let text =
        format!("load_module {module};\ndaemon off;\nmaster_process off;\npid {pid};\nevents {{}}\n{live}\n");
    std::fs::write(&settings, text).unwrap();
    let folder = stage.folder.path().to_str().unwrap();
    let Some(_server) = Peer::start(&["nginx", "-e", "stderr", "-p", folder, "-c", &settings]) else {
        return;
    };
    until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let there = format!("rtmp://127.0.0.1:{port}/live/door");
    let Some(_recipe) = stage.play("rtmp://192.168.1.30/live/door", &there) else { return };
    // Who comes before the stream is there is sent away.
    pause(1500);
    let pulled = probe(&[&there, "-read_intervals", "%+#40"]);
    assert!(pulled.starts_with("h264,640,480") && frames(&pulled) >= 20, "{pulled}");
}

#[test]
fn to_whoever_calls_by_srt() {
    let _turn = beside_others();
    let stage = Stage::set();
    let there = format!("srt://127.0.0.1:{}", free_port());
    let Some(_recipe) = stage.play("srt://0.0.0.0:9710", &there) else { return };
    pause(1000);
    let pulled = probe(&[&format!("{there}?mode=caller"), "-read_intervals", "%+#40"]);
    assert!(pulled.starts_with("h264,640,480") && frames(&pulled) >= 20, "{pulled}");
}

#[test]
fn to_a_file_as_h264_with_the_time_as_it_was() {
    let _turn = beside_others();
    let stage = Stage::set();
    let file = stage.folder.join("door-h264.mp4");
    let Some(mut recipe) = stage.play("door-h264.mp4", &file) else { return };
    pause(4000);
    // The receiver ends, and with it FFmpeg, which closes its file.
    stage.end_receiver();
    assert!(recipe.end_within(10).0.success());
    let made = probe(&[&file]);
    let seconds: f64 = made.split(',').nth(3).unwrap().trim().parse().unwrap();
    figure("H.264 file, seconds of 4", seconds);
    assert!(made.starts_with("h264,640,480"), "{made}");
    // 25 pictures a second, shown as long as they lasted.
    let rate = frames(&made) as f64 / seconds;
    assert!((2.5..4.5).contains(&seconds) && (22.0..28.0).contains(&rate), "{rate} per second: {made}");
}

#[test]
fn to_opencv_in_python() {
    let _turn = beside_others();
    let python = "/usr/bin/python3";
    if !Command::new(python).args(["-c", "import cv2"]).output().is_ok_and(|done| done.status.success()) {
        return skip("no python3-opencv here", false);
    }
    let stage = Stage::set();
    let script = root().join("scripts/examples/opencv.py");
    let there = format!("env PYTHONUNBUFFERED=1 {python} {}", script.display());
    let Some(mut recipe) = stage.play("python3 scripts/examples/opencv.py", &there) else { return };
    let mut output = BufReader::new(recipe.output());
    let mut seen = String::new();
    // Python and OpenCV take their time to start.
    let begun = Instant::now();
    while seen.lines().count() < 40 && begun.elapsed() < Duration::from_secs(20) {
        output.read_line(&mut seen).unwrap();
    }
    stage.end_receiver();
    output.read_to_string(&mut seen).unwrap();
    let (status, said) = recipe.end_within(5);
    assert!(status.success(), "{said}");
    let lines: Vec<&str> = seen.lines().collect();
    figure("OpenCV, ms until the 40th picture at 25 fps", begun.elapsed().as_millis());
    assert!(lines.len() >= 40, "{seen}{said}");
    assert!(lines.iter().all(|line| line.contains("640x480") && line.ends_with("% moved")), "{seen}");
    // The stripes move.
    let moved = |line: &&str| !line.contains(": 0.0 %");
    assert!(lines.iter().copied().filter(|line| moved(line)).count() >= 25, "{seen}");
}

#[test]
fn opencv_looks_at_pictures_with_fill_bytes_and_behind_what_is_none() {
    let _turn = beside_others();
    let python = "/usr/bin/python3";
    if !Command::new(python).args(["-c", "import cv2"]).output().is_ok_and(|done| done.status.success()) {
        return skip("no python3-opencv here", false);
    }
    let script = root().join("scripts/examples/opencv.py");
    let plain = jpegs::picture(64, 48, [200, 60, 40], turbojpeg::Subsamp::Sub2x2);
    let filled = jpegs::with_first(&plain, &[0xff, 0xff, 0xff]);
    let noise = b"no picture \xff\xd8 and more".repeat(1000);
    for before in [&[][..], &noise, &plain[..plain.len() / 2]] {
        let mut python =
            Command::new(python).arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut pipe, output) = (python.stdin.take().unwrap(), python.stdout.take().unwrap());
        let (say, said) = mpsc::channel();
        let looking =
            std::thread::spawn(move || BufReader::new(output).lines().for_each(|line| _ = say.send(line)));
        pipe.write_all(before).unwrap();
        // Of those that come together only the newest is looked at, and it takes two to see what has moved.
        let until = Instant::now() + Duration::from_secs(30);
        let seen = loop {
            pipe.write_all(&filled).unwrap();
            match said.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => break line.unwrap(),
                Err(_) => assert!(Instant::now() < until, "it looks at none"),
            }
        };
        drop(pipe);
        looking.join().unwrap();
        assert!(python.wait().unwrap().success() && seen.contains("64x48"), "{seen}");
    }
}

#[test]
fn raw_pictures_in_a_film_last_as_long_as_they_did() {
    let _turn = beside_others();
    for fps in [10, 30, 60] {
        let stage = Stage::at(fps);
        let file = stage.folder.join("door.mkv");
        // An encoder that keeps up on a busy computer.
        let (there, to) =
            ("-f yuv4mpegpipe -i - door.mp4", format!("-f yuv4mpegpipe -i - -c:v mjpeg {file}"));
        let begun = Instant::now();
        let Some(mut recipe) = stage.play(there, &to) else { return };
        pause(4000);
        stage.end_receiver();
        assert!(recipe.end_within(10).0.success());
        let lasted = begun.elapsed().as_secs_f64();
        let made = probe(&[&file]);
        let seconds: f64 = made.split(',').nth(3).unwrap().trim().parse().unwrap();
        figure(&format!("Y4M at {fps} fps, seconds of 4"), seconds);
        assert!((2.5..1.1 * lasted).contains(&seconds), "{fps} fps, {lasted} s: {made}");
    }
}

/// A sender, and a port at which the recipe's receiver listens.
struct Stage {
    folder: Folder,
    port: u16,
    _sender: Running,
}

impl Stage {
    fn set() -> Self {
        Self::at(25)
    }

    fn at(fps: u32) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let clip = folder.join("clip.mjpeg");
        Clip::made(25, 640, 480).write(&clip);
        let to = format!("127.0.0.1:{port}");
        let sender = sender(&["--source", &clip, "--loop", "--fps", &fps.to_string(), "--dest", &to]);
        Self { folder, port, _sender: sender }
    }

    /// Runs the README's recipe that has `there` in it, with `instead` in its place.
    fn play(&self, there: &str, instead: &str) -> Option<Peer> {
        if !is_installed("ffmpeg") {
            skip("no ffmpeg here", false);
            return None;
        }
        // What is `receiver` to a reader is a build of it, at a port of the test's.
        let pid = self.folder.join("receiver.pid");
        let receiver = program("receiver");
        let listen = format!("{} --listen 127.0.0.1:{}", receiver.display(), self.port);
        let recipe =
            recipes::command(there).replace(there, instead).replacen("receiver ", &format!("{listen} "), 1);
        // The shell's own process becomes the receiver, so that it can be ended alone.
        let (first, rest) = recipe.split_once(" | ").unwrap();
        let script = format!("sh -c 'echo $$ >{pid}; exec {first}' | {rest}");
        Some(Peer::start(&["sh", "-c", &script])?.when_listening(self.port))
    }

    /// Interrupts the recipe's receiver, if it still runs.
    fn end_receiver(&self) {
        let pid = std::fs::read_to_string(self.folder.join("receiver.pid")).unwrap_or_default();
        let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.trim())).unwrap_or_default();
        if name.trim() == "receiver" {
            let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
            let _gone_meanwhile = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end_receiver();
    }
}

/// What ffprobe finds: codec, width, height, seconds where they are known, and how many frames it could decode.
fn probe(arguments: &[&str]) -> String {
    let entries = "stream=codec_name,width,height,nb_read_frames:format=duration";
    let show = ["-loglevel", "error", "-select_streams", "v", "-count_frames", "-show_entries", entries];
    let mut probe = Command::new("timeout");
    probe.args(["20", "ffprobe"]).args(show).args(["-of", "csv=p=0"]).args(arguments);
    let found = probe.output().unwrap();
    let text = String::from_utf8(found.stdout).unwrap();
    let mut lines = text.lines();
    let stream: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let seconds = lines.next().unwrap_or("N/A");
    match stream[..] {
        [codec, width, height, frames] => format!("{codec},{width},{height},{seconds},{frames}"),
        _ => format!("{text} {}", String::from_utf8_lossy(&found.stderr)),
    }
}

fn frames(probed: &str) -> u32 {
    probed.rsplit(',').next().and_then(|frames| frames.trim().parse().ok()).unwrap_or(0)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        pause(20);
    }
}

fn free_tcp_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
