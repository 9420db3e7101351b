//! The documents' recipes, run as they stand there: on computers with the addresses that they name, by the real
//! programs, until pictures arrive. There is no camera here, so the test card stands in where a recipe is about one.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::clip::Clip;
use crate::common::peer::is_installed;
use crate::common::recipes::{Recipe, recipes};
use crate::common::stage::{HOSTS, RecipeRun, Stage};
use crate::common::{Folder, beside_others, comes_to_within, figure, pause, root, skip};

/// How it is known that a recipe works.
enum How {
    /// It is run here: pictures of so many senders arrive at each receiver, and these files are made.
    Run { senders: usize, makes: &'static [&'static str] },
    /// By what this names.
    By(&'static str),
    /// The same commands stand in docs/recipes.md too, and are run from there.
    Again,
}

const fn run(senders: usize) -> How {
    How::Run { senders, makes: &[] }
}

/// All recipes, in order; those of one title as often as it has blocks.
const RECIPES: &[(&str, How)] = &[
    // README.md
    ("Chunkcast", How::By("scripts/test; scripts/demo is run by hand")),
    ("Quick start", run(1)),
    ("Quick start", How::By("scripts/test-headless")),
    ("Choose among several senders", How::Again),
    ("Only I may look", How::Again),
    ("Connect by address", How::Again),
    ("Multicast to many screens", How::Again),
    ("Record", How::Again),
    ("Watch in a browser", How::Again),
    ("Pipe frames to other programs", How::Again),
    // docs/recipes.md
    ("Try it without a camera", run(1)),
    ("Choose among several senders", run(2)),
    ("Connect by address", run(2)),
    ("Send to a fixed address", run(2)),
    ("Multicast to many screens", run(1)),
    ("Multicast to many screens", run(1)),
    ("Send over IPv6", run(1)),
    ("Only I may look", run(1)),
    ("Type the code instead", How::By("tests/programs/recipes_keys.rs")),
    ("A group with a key", run(1)),
    ("Several senders, one key", run(2)),
    ("Several senders, each with its own key", run(2)),
    ("Change a key", run(1)),
    ("Nobody poses as the sender", run(1)),
    ("A key for a service", How::By("tests/programs/recipes_keys.rs")),
    ("A key for a service", How::By("tests/programs/recipes_keys.rs")),
    ("Choose a camera and its mode", run(1)),
    ("Loop a file", run(2)),
    ("Send anything that FFmpeg reads", run(1)),
    ("Share a screen", run(1)),
    ("Record", How::Run { senders: 1, makes: &["door.mkv"] }),
    ("Instant replay", How::Run { senders: 1, makes: &["clips"] }),
    ("Record on a computer without a screen", How::Run { senders: 1, makes: &["door.mkv"] }),
    ("Save frames as files", How::Run { senders: 1, makes: &["door", "door.mjpeg"] }),
    ("Make an MP4", How::Run { senders: 0, makes: &["door-mjpeg.mp4", "door.mp4"] }),
    ("Watch in a browser", run(1)),
    ("Pipe frames to other programs", How::Run { senders: 1, makes: &["door.mp4"] }),
    ("Pipe frames to other programs", How::Run { senders: 1, makes: &["door.mp4"] }),
    ("Log statistics", How::Run { senders: 1, makes: &["sender.json"] }),
    ("One-way links", run(1)),
    ("Slow paths", run(1)),
    ("Multicast with some bad paths", run(1)),
    ("Simulate a bad network", run(1)),
    ("Play a sender in VLC, FFmpeg or GStreamer", run(0)),
    ("Receive from GStreamer or FFmpeg", run(1)),
    ("Receive from GStreamer or FFmpeg", run(1)),
    ("Stream beyond the LAN", How::By("tests/media/recipes_media.rs")),
    ("Stream beyond the LAN", How::By("tests/media/recipes_media.rs")),
    ("Record H.264", How::By("tests/media/recipes_media.rs")),
    ("Process frames with OpenCV in Python", How::By("tests/media/recipes_media.rs")),
    // docs/troubleshooting.md
    ("Troubleshooting", How::By("tests/programs/doctor.rs")),
    ("Troubleshooting", How::By("tests/programs/messages.rs")),
    // docs/window.md
    ("From glass to glass", How::By("tests/screen/measure.rs")),
    // docs/browser.md
    ("With a key", How::By("tests/programs/web_key.rs")),
    ("Encrypted", How::By("tests/programs/web_tls.rs")),
    // docs/system.md
    ("A package", How::By("scripts/test-package")),
    ("Options in a file", How::By("tests/programs/system.rs")),
    ("At boot", How::By("scripts/test-package")),
    ("Seeing what is on the wire", How::By("tests/media/dissector.rs")),
    ("Seeing what is on the wire", How::By("tests/media/keyed.rs")),
];

#[test]
fn every_recipe_is_run_by_a_test() {
    let all = recipes();
    let written: Vec<&str> = all.iter().map(|recipe| &*recipe.title).collect();
    let known: Vec<&str> = RECIPES.iter().map(|(title, _)| *title).collect();
    assert_eq!(written, known, "the recipes of the documents, and those that a test is known to run");
    let is_run = |wanted: &Recipe| {
        let mut recipes = all.iter().zip(RECIPES).filter(|(recipe, _)| recipe.document == "docs/recipes.md");
        recipes.any(|(recipe, (_, how))| matches!(how, How::Run { .. }) && recipe.commands == wanted.commands)
    };
    for (recipe, (title, how)) in all.iter().zip(RECIPES) {
        match how {
            How::Run { .. } => {}
            How::Again => assert!(is_run(recipe), "{title}: not as in docs/recipes.md: {recipe:?}"),
            How::By(file) => {
                let file = file.split(';').next().unwrap();
                assert!(root().join(file).exists(), "{title}: {file}");
            }
        }
    }
}

#[test]
fn pictures_arrive_by_each_recipe() {
    let _turn = beside_others();
    for tool in ["ffmpeg", "ffplay", "vlc", "gst-launch-1.0", "python3"] {
        if !is_installed(tool) {
            return skip(&format!("no {tool} here"), false);
        }
    }
    let files = Files::made();
    let to_run: Vec<(Recipe, &How)> = recipes()
        .into_iter()
        .zip(RECIPES.iter().map(|(_, how)| how))
        .filter(|(_, how)| matches!(how, How::Run { .. }))
        .collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_possible = std::thread::scope(|scope| {
        let work = || {
            let Some(stage) = Stage::set() else { return false };
            while let Some((recipe, how)) = to_run.get(next.fetch_add(1, Ordering::Relaxed)) {
                println!("{}", recipe.title);
                let How::Run { senders, makes } = how else { unreachable!("others were left out") };
                attempt(&stage, recipe, *senders, makes, &files);
                done.fetch_add(1, Ordering::Relaxed);
            }
            true
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let worked: Vec<bool> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        worked.into_iter().all(|worked| worked)
    });
    if is_possible {
        figure("recipes run", done.load(Ordering::Relaxed));
        assert_eq!(done.load(Ordering::Relaxed), to_run.len());
    }
}

/// Runs a recipe's commands in their order, each where it says or belongs.
fn attempt(stage: &Stage, recipe: &Recipe, senders: usize, makes: &[&str], files: &Files) {
    let mut run = RecipeRun::begin(stage, &files.for_recipe(recipe));
    let (mut receivers, mut started) = (0, 0);
    for command in &recipe.commands {
        // What is `target/release/sender` to a reader is what this test was built with.
        let text =
            command.text.replace("target/release/", "").replace("v4l2src", "videotestsrc is-live=true");
        for host in hosts(&text, &command.comment) {
            match Kind::of(&text) {
                Kind::Build => {}
                Kind::Receiver => {
                    run.start(host, &text);
                    receivers += 1;
                }
                Kind::Sender => {
                    run.start(host, &text);
                    started += 1;
                }
                Kind::Player => {
                    run.comes("camera.sdp");
                    let (before, bound) = (stage.datagrams_read(host), stage.sockets(host));
                    run.start(host, &text);
                    // A player that was never started here looks through its plugins first: on a busy computer for
                    // long.
                    let read = || stage.datagrams_read(host) - before;
                    let is_fed = comes_to_within(90, || read() >= 50);
                    assert!(is_fed, "{text} has read {} datagrams: {}", read(), run.said_last());
                    run.end_last();
                    // The next one wants the same ports, and on a busy computer a killed one has them for a while.
                    assert!(comes_to_within(20, || stage.sockets(host) <= bound), "{text} does not end");
                }
                Kind::Other => {
                    run.senders_run(started);
                    // Time to be known to others.
                    pause(if receivers == 0 { 1000 * u64::from(started > 0) } else { 0 });
                    if receivers > 0 {
                        run.pictures_arrive(receivers, senders);
                    }
                    run.start(host, &text);
                    run.finish_last();
                }
                Kind::Source => run.start(host, &text),
            }
        }
    }
    run.pictures_arrive(receivers, senders);
    for port in recipe.commands.iter().filter_map(|command| command.text.split("--http ").nth(1)) {
        let port = port.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(stage.health(2, port), "ok");
        assert_eq!(stage.health(0, port), "ok");
    }
    for name in makes {
        run.comes(name);
    }
    run.end();
}

/// What a command is, and so what is to be awaited of it.
enum Kind {
    /// It made the programs that are tested.
    Build,
    /// It receives until it is ended.
    Receiver,
    /// It sends until it is ended.
    Sender,
    /// It sends what a receiver takes, and is somebody else's.
    Source,
    /// It plays what arrives.
    Player,
    /// It ends by itself.
    Other,
}

impl Kind {
    fn of(text: &str) -> Self {
        let is_first = |part: &str, program: &str| part.trim().split(' ').next() == Some(program);
        if is_first(text, "cargo") {
            Self::Build
        } else if text == "receiver list" || text.starts_with("sender key ") {
            Self::Other
        } else if text.split('|').any(|part| is_first(part, "receiver")) {
            Self::Receiver
        } else if text.split('|').any(|part| is_first(part, "sender")) {
            Self::Sender
        } else if text.contains("rtp://") || text.contains("udpsink") {
            Self::Source
        } else if text.contains(".sdp") || text.contains("udpsrc") {
            Self::Player
        } else {
            Self::Other
        }
    }
}

/// Where a command runs: on the computers that are named behind it, or else with the first camera or screen.
fn hosts(text: &str, comment: &str) -> Vec<usize> {
    let named: Vec<usize> = (0..HOSTS.len())
        .filter(|&host| {
            comment.replace(" and .", " and 192.168.1.").split([' ', ',']).any(|word| word == HOSTS[host])
        })
        .collect();
    match Kind::of(text) {
        _ if !named.is_empty() => named,
        Kind::Sender | Kind::Source => vec![0],
        _ => vec![2],
    }
}

/// What the recipes take to be there.
struct Files(Folder);

impl Files {
    fn made() -> Self {
        let folder = Folder::new();
        let clip = Clip::made(25, 320, 240);
        clip.write(&folder.join("clip.mjpeg"));
        std::fs::create_dir(folder.join("pictures")).unwrap();
        for (number, jpeg) in clip.frames.iter().enumerate() {
            std::fs::write(folder.join(&format!("pictures/{number:03}.jpg")), jpeg).unwrap();
        }
        for (size, seconds, codec, name) in
            [("320x240", "60", "libx264", "film.mp4"), ("64x64", "26", "mjpeg", "door.mkv")]
        {
            let source = format!("testsrc2=size={size}:rate=15:duration={seconds}");
            let made = Command::new("ffmpeg")
                .args(["-v", "error", "-f", "lavfi", "-i", &source, "-c:v", codec, "-preset", "ultrafast"])
                .arg(folder.join(name))
                .output()
                .unwrap();
            assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
        }
        Self(folder)
    }

    /// Those that a recipe reads. Others of the same names it is to make.
    fn for_recipe(&self, recipe: &Recipe) -> Vec<(&'static str, String)> {
        let is_read = |name: &str| {
            let words = [format!("--source {name}"), format!("-i {name}")];
            recipe.commands.iter().any(|command| words.iter().any(|word| command.text.contains(word)))
        };
        let names = ["clip.mjpeg", "pictures", "film.mp4", "door.mkv"].into_iter();
        names.filter(|name| is_read(name)).map(|name| (name, self.0.join(name))).collect()
    }
}

/// More would keep each other waiting.
const AT_ONCE: usize = 3;
