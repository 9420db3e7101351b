//! A real window: under Xvfb, its pixels read back from the display's own memory, and under SDL's dummy driver.
//!
//! SDL is bound to one thread and one display for the life of a process, so each test runs the scenario of its name in
//! a process of its own.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![cfg(feature = "window")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::sys::Stop;
use proto::{Frame, MediaTime};
use receiver::{
    DecodeTarget, Decoded, Decoder, Delays, Feed, Feeds, KeepOptions, Keyring, Options, Origin, Picture,
    PixelFormat, ReceiveSocket, Recorder, Status, StreamState, Waker, Window,
};
use turbojpeg::{Image, Subsamp};

#[test]
fn pictures_are_letterboxed_in_their_own_colours() {
    under_xvfb("colours", "1280x1024x24", None);
}

#[test]
fn every_layout_and_size_is_shown() {
    under_xvfb("layouts", "1280x1024x24", None);
}

#[test]
fn opengl_shows_the_same() {
    under_xvfb("colours", "1280x1024x24", Some("opengl"));
    under_xvfb("layouts", "1280x1024x24", Some("opengl"));
}

#[test]
fn a_card_stands_in_for_a_missing_picture() {
    under_xvfb("card", "1280x1024x24", None);
}

#[test]
fn a_dummy_display_will_do_when_asked_for() {
    let status = scenario("dummy").env("SDL_VIDEODRIVER", "dummy").env_remove("DISPLAY").status().unwrap();
    assert!(status.success());
}

#[test]
fn without_a_display_it_says_what_to_use_instead() {
    let mut command = scenario("nowhere");
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"] {
        command.env_remove(name);
    }
    assert!(command.status().unwrap().success());
}

/// Not a test: what the tests above run, each in a process of its own.
#[test]
#[ignore = "the other tests run it, each with a display of its own"]
fn scenarios() {
    let Ok(name) = std::env::var("CHUNKCAST_SCENARIO") else { return };
    match name.as_str() {
        "nowhere" => nowhere(),
        "dummy" => with_window(|view| {
            for _ in 0..3 {
                view.show(&solid(64, 48, [10, 20, 30], Subsamp::Sub2x2));
            }
        }),
        "colours" => with_window(colours),
        "layouts" => with_window(layouts),
        "card" => with_window(card),
        other => panic!("no scenario {other}"),
    }
}

fn nowhere() {
    let Err(error) = Window::open(&Options::default()) else { panic!("there is a display") };
    let error = error.to_string();
    for words in ["--output none", "--output -", "FOLDER/", "FILE.mjpeg"] {
        assert!(error.contains(words), "{error}");
    }
}

/// A wide picture in the window that took its size, then a high one in the same window.
fn colours(view: &mut View) {
    // Values that a limited-range conversion would bring to 0 and 255.
    view.show(&solid(800, 400, [16, 16, 16], Subsamp::Sub2x2));
    let screen = view.screen();
    let (left, top) = ((screen.width - 800) / 2, (screen.height - 400) / 2);
    screen.expect(left + 5, top + 5, [16, 16, 16]);
    screen.expect(left + 794, top + 394, [16, 16, 16]);
    view.show(&solid(800, 400, [235, 235, 235], Subsamp::Sub2x1));
    view.screen().expect(left + 400, top + 200, [235, 235, 235]);
    view.show(&solid(800, 400, [200, 40, 60], Subsamp::Sub2x2));
    view.screen().expect(left + 400, top + 200, [200, 40, 60]);

    view.show(&solid(300, 600, [20, 160, 220], Subsamp::Sub2x2));
    let screen = view.screen();
    screen.expect(left + 400, top + 200, [20, 160, 220]);
    screen.expect(left + 302, top + 200, [20, 160, 220]);
    screen.expect(left + 297, top + 200, [0, 0, 0]);
    screen.expect(left + 503, top + 200, [0, 0, 0]);
}

fn layouts(view: &mut View) {
    view.show(&solid(640, 480, [90, 90, 90], Subsamp::Sub2x2));
    let screen = view.screen();
    let middle = (screen.width / 2, screen.height / 2);
    let mut id = 1;
    for format in [PixelFormat::Pixels, PixelFormat::Planes] {
        view.format = format;
        for (width, height) in [(640, 480), (641, 481), (17, 13), (1, 1)] {
            for subsamp in [Subsamp::Sub2x2, Subsamp::Sub2x1, Subsamp::None, Subsamp::Gray] {
                let grey = 40 + (id * 5 % 180) as u8;
                view.show(&solid(width, height, [grey; 3], subsamp));
                view.screen().expect(middle.0, middle.1, [grey; 3]);
                id += 1;
            }
        }
    }
    view.show(&solid(4096, 2160, [70; 3], Subsamp::Sub2x2));
    view.screen().expect(middle.0, middle.1, [70; 3]);
}

fn card(view: &mut View) {
    // Before anything has come.
    view.wait_for(|screen| screen.count(|[r, g, b]| r > 0xd0 && g > 0xd0 && b > 0xd0) > 2000);
    view.set(StreamState::Live);
    view.show(&solid(640, 480, [90, 120, 90], Subsamp::Sub2x2));
    let is_picture = |[r, g, b]: [u8; 3]| r.abs_diff(90) < 6 && g.abs_diff(120) < 6 && b.abs_diff(90) < 6;
    assert!(view.screen().count(is_picture) > 640 * 470);
    view.set(StreamState::SourceGone("the camera was unplugged".to_owned()));
    view.wait_for(|screen| screen.count(is_picture) == 0);
    // The stream is said to go on: the picture is there again before a new one comes.
    view.set(StreamState::Live);
    view.wait_for(|screen| screen.count(is_picture) > 640 * 470);
}

/// The window as the thread that decodes sees it, and the display as a person would.
struct View {
    feed: Arc<Feed>,
    waker: Waker,
    decoder: Decoder,
    format: PixelFormat,
}

/// Opens a window on this thread, and runs `drive` beside it.
fn with_window(drive: impl FnOnce(&mut View) + Send) {
    let window = Window::open(&Options::default()).unwrap();
    let (feeds, stop) = (Feeds::new(), Stop::new().unwrap());
    let link = ReceiveSocket::open_towards("127.0.0.1:9000".parse().unwrap(), None).unwrap();
    let origin = Origin {
        listen: link.local(),
        interface: None,
        buffer: link.buffer(),
        subscribes: false,
        probe: Arc::new(link.probe().unwrap()),
    };
    let options = KeepOptions { folder: ".".into(), replay: None, replay_bytes: 0, split: None };
    let recorder = Recorder::new(&options);
    let feed = feeds.add(Feed::new(Status::new("listening on", "127.0.0.1:9000"), origin, recorder, None));
    feeds.show(&feed);
    let decoder = Decoder::new();
    let (waker, format) = (window.waker(), window.format());
    let mut view = View { feed, waker, decoder, format };
    std::thread::scope(|scope| {
        let driving = {
            let stop = stop.clone();
            scope.spawn(move || {
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drive(&mut view)));
                stop.request();
                done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            })
        };
        window.run(&feeds, None, &Keyring::new(Vec::new(), None, false).unwrap(), &stop).unwrap();
        driving.join().unwrap();
    });
}

impl View {
    /// Decodes a JPEG, and waits until it was shown.
    fn show(&mut self, jpeg: &[u8]) {
        let (mut pixels, before) = (Decoded::default(), self.displayed());
        let size = self.decoder.decode(jpeg, DecodeTarget::whole(self.format), &mut pixels).unwrap();
        self.set(StreamState::Live);
        let frame = Frame { captured: MediaTime::from_micros(7), jpeg: Arc::default(), signature: None };
        let picture = Picture { frame, pixels: Arc::new(pixels) };
        self.feed.live().put_picture(picture, size, Delays::new());
        self.waker.wake();
        let until = Instant::now() + Duration::from_secs(10);
        while self.displayed() == before {
            assert!(Instant::now() < until, "the picture is not shown");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(self.displayed(), before + 1);
    }

    fn displayed(&self) -> u64 {
        self.feed.live().counters.displayed
    }

    fn set(&self, state: StreamState) {
        self.feed.live().status().state = state;
        self.waker.wake();
    }

    fn screen(&self) -> Screen {
        // X has no "done": what was asked for is on the screen once a later request was answered, and SDL waits for
        // that when it draws from shared memory, but not when it only maps or moves the window.
        std::thread::sleep(Duration::from_millis(50));
        Screen::read()
    }

    fn wait_for(&self, is_there: impl Fn(&Screen) -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !is_there(&Screen::read()) {
            assert!(Instant::now() < until, "it did not come to be seen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What is on the display: Xvfb keeps it in a file, in the format of `xwd`.
struct Screen {
    width: usize,
    height: usize,
    pitch: usize,
    pixels: Vec<u8>,
}

impl Screen {
    fn read() -> Self {
        let file = std::fs::read(std::env::var_os("CHUNKCAST_SCREEN").unwrap()).unwrap();
        let field = |n: usize| u32::from_be_bytes(file[4 * n..4 * n + 4].try_into().unwrap()) as usize;
        let (header, colours) = (field(0), field(19));
        Self {
            width: field(4),
            height: field(5),
            pitch: field(12),
            pixels: file[header + 12 * colours..].to_vec(),
        }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let bgrx = &self.pixels[y * self.pitch + 4 * x..];
        [bgrx[2], bgrx[1], bgrx[0]]
    }

    fn expect(&self, x: usize, y: usize, rgb: [u8; 3]) {
        let is = self.at(x, y);
        assert!((0..3).all(|c| is[c].abs_diff(rgb[c]) <= 6), "{is:?} at {x},{y}, not {rgb:?}");
    }

    fn count(&self, matches: impl Fn([u8; 3]) -> bool) -> usize {
        (0..self.height).map(|y| (0..self.width).filter(|&x| matches(self.at(x, y))).count()).sum()
    }
}

/// A JPEG of one colour.
fn solid(width: usize, height: usize, rgb: [u8; 3], subsamp: Subsamp) -> Vec<u8> {
    let pixels = rgb.repeat(width * height);
    let image =
        Image { pixels: &pixels[..], width, pitch: 3 * width, height, format: turbojpeg::PixelFormat::RGB };
    turbojpeg::compress(image, 95, subsamp).unwrap().to_vec()
}

/// The process that runs a scenario.
fn scenario(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "scenarios", "--ignored", "--nocapture"]).env("CHUNKCAST_SCENARIO", name);
    command
}

fn under_xvfb(name: &str, screen: &str, renderer: Option<&str>) {
    let folder = format!("{name}-{}", renderer.unwrap_or("any"));
    let Some(xvfb) = Xvfb::start(&folder, screen) else { return };
    let mut command = scenario(name);
    command.env_remove("SDL_RENDER_DRIVER");
    if let Some(renderer) = renderer {
        command.env("SDL_RENDER_DRIVER", renderer);
    }
    let status = command
        .env("DISPLAY", &xvfb.display)
        .env("CHUNKCAST_SCREEN", xvfb.folder.join("Xvfb_screen0"))
        .env_remove("SDL_VIDEODRIVER")
        .env_remove("WAYLAND_DISPLAY")
        .status()
        .unwrap();
    assert!(status.success(), "scenario {name}");
}

/// A display of its own. It ends with this value.
struct Xvfb {
    process: Child,
    display: String,
    folder: PathBuf,
}

impl Xvfb {
    /// Starts one on a free display; skips the test aloud where there is none to start, unless none may be skipped.
    fn start(name: &str, screen: &str) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("chunkcast-xvfb-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let started = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0", screen, "-fbdir"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                let must = std::env::var("CHUNKCAST_REQUIRE").is_ok_and(|required| required == "all");
                assert!(!must, "Xvfb cannot be started: {error}; install xvfb");
                eprintln!("SKIPPED {name}: Xvfb cannot be started: {error}; install xvfb");
                remove(&folder);
                return None;
            }
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { process, display: format!(":{}", line.trim()), folder })
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        remove(&self.folder);
    }
}

fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
