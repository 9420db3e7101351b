//! What both programs cost beside those of another build, with nothing switched on: processor time per frame, memory.
//!
//!   CHUNKCAST_BASE=FOLDER cargo test --release --test screen idle_cost:: -- --ignored --nocapture
//!
//! FOLDER holds the other build's `sender` and `receiver`. About eight minutes. What a frame costs without a window is
//! a fraction of a millisecond, and differs by a tenth between runs of the same program where other programs run.
//! Instructions do not: `valgrind --tool=callgrind receiver --output none --frames 60`, and the same with 300, differ
//! by those of 240 frames.

use std::path::{Path, PathBuf};

use crate::common::clip::footage;
use crate::common::display::Display;
use crate::common::running::{Running, program};
use crate::common::{alone, figure, free_port, pause, seconds};

#[test]
#[ignore = "compares release builds for minutes, and needs another one"]
fn with_nothing_switched_on_a_frame_costs_what_it_did() {
    let _alone = alone();
    let Some(base) = std::env::var_os("CHUNKCAST_BASE").map(PathBuf::from) else {
        eprintln!("SKIPPED: CHUNKCAST_BASE does not say where the other build's programs are");
        return;
    };
    let Some(footage) = footage("bbb1080.mjpeg") else { return };
    let clip = ["--source", footage.to_str().unwrap(), "--loop"];
    let card = ["--source", "pattern", "--size", "1280x720"];
    let own = program("sender").parent().unwrap().to_owned();
    for (what, screen, output, source, fps) in [
        ("1080p30 delivered to nobody", None, "none", &clip[..], "30"),
        ("1080p60 delivered to nobody", None, "none", &clip[..], "60"),
        ("1080p60 into a pipe", None, "-", &clip[..], "60"),
        ("1080p30 in a window of its size", Some((1920, 1080)), "window", &clip[..], "30"),
        ("1080p60 in a window of its size", Some((1920, 1080)), "window", &clip[..], "60"),
        ("1080p30 in a smaller window", Some((1280, 720)), "window", &clip[..], "30"),
        ("a 720p30 card encoded", None, "none", &card[..], "30"),
    ] {
        let display = match screen.map(|(width, height)| Display::start(width, height)) {
            Some(None) => return,
            display => display.flatten(),
        };
        let run = Run { display: display.as_ref(), output, source, fps };
        // In turns, so that whatever else the machine does meets both alike.
        let (then, now): (Vec<_>, Vec<_>) = (0..PAIRS).map(|_| (run.cost(&base), run.cost(&own))).unzip();
        figure(what, "");
        for (number, figure_of) in FIGURES.into_iter().enumerate() {
            let median = |costs: &[[f64; 4]]| {
                let mut values: Vec<_> = costs.iter().map(|cost| cost[number]).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            let (then, now) = (median(&then), median(&now));
            figure(figure_of, format!("{then:.3}, now {now:.3}: {:.2}", now / then));
            assert!(now <= then * MOST, "{what}: {figure_of} {then:.3}, now {now:.3}");
        }
    }
}

struct Run<'a> {
    display: Option<&'a Display>,
    output: &'a str,
    source: &'a [&'a str],
    fps: &'a str,
}

impl Run<'_> {
    /// [`FIGURES`] of one run.
    fn cost(&self, folder: &Path) -> [f64; 4] {
        let to = format!("127.0.0.1:{}", free_port());
        let listen = ["--listen", &to, "--output", self.output];
        let mut receiver = Running::of(folder, "receiver", self.display, &listen);
        let mut pipe = receiver.output();
        let reader = std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()).unwrap());
        pause(500);
        let arguments = [&["--dest", &to, "--fps", self.fps], self.source].concat();
        let sender = Running::of(folder, "sender", None, &arguments);
        pause(1500);
        let before = [&receiver, &sender].map(Running::scheduled_time);
        let seconds = seconds().min(20);
        pause(u64::from(seconds) * 1000);
        let after = [&receiver, &sender].map(Running::scheduled_time);
        let memory = [&receiver, &sender].map(|program| program.memory_mib("VmRSS"));
        assert!(sender.interrupt().status.success() && receiver.interrupt().status.success());
        let bytes = reader.join().unwrap();
        assert!(self.output != "-" || bytes > 0);
        // Frames are as many as the rate says: neither is asked for statistics, which cost too.
        let frames = f64::from(seconds) * self.fps.parse::<f64>().unwrap();
        let cost = |number: usize| (after[number] - before[number]).as_secs_f64() * 1e3 / frames;
        [cost(0), cost(1), memory[0], memory[1]]
    }
}

const FIGURES: [&str; 4] = [
    "  receiver, ms of processor time per frame",
    "  sender, ms of processor time per frame",
    "  receiver, MiB",
    "  sender, MiB",
];
const PAIRS: usize = 5;
/// What is more is no chance.
const MOST: f64 = 1.15;
