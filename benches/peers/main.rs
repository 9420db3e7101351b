//! Chunkcast beside its peers, as black boxes, on this machine, in one run: `scripts/bench`.
//!
//! Every pair is a transmitter that reads a pipe and a viewer that writes a pipe or draws. Pairs take turns, so that
//! whatever else the machine does meets all of them; each figure is the median of the runs.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod charts;
mod child;
mod clip;
mod feeder;
mod glass;
mod hosts;
mod lab;
mod pairs;
mod repair;
mod repairers;
mod sizes;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;

use clip::{Jpegs, Pictures};
use feeder::{Feed, Run, WARM_SECONDS};
use lab::Lab;
use pairs::{Location, OURS, Pair};
use table::{CPU_RX, CPU_TX, FIGURES, Goal, MIB_RX, MIB_TX, Measured, P50, P99};

fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let folder = std::env::temp_dir().join(format!("chunkcast-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure_all(&options, &folder);
    std::fs::remove_dir_all(&folder)?;
    let measured = measured?;
    if let Some(folder) = &options.charts {
        println!("{} charts are in {}", charts::draw(&measured, folder)?, folder.display());
    }
    if let Some(path) = &options.json {
        let all = json!({
            "runs": options.runs, "cpus": std::thread::available_parallelism()?.get(),
            "measured": measured.iter().map(Measured::json).collect::<Vec<_>>(),
        });
        std::fs::write(path, format!("{all:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn measure_all(options: &Options, folder: &Path) -> anyhow::Result<Vec<Measured>> {
    let programs = programs()?;
    let seconds = options.seconds.unwrap_or(SECONDS);
    let at = |fps| Feed { fps, warm_seconds: WARM_SECONDS, seconds, wire: None };
    let mut all = Vec::new();
    let mut finish = |measured: Measured| {
        println!("{}", measured.table());
        all.push(measured);
    };
    if options.wants("transport") {
        let clip = Jpegs::read(&options.clips.join("std1080.mjpeg"))?;
        let pairs = options.chosen(pairs::transport(&programs, folder)?);
        let goals = vec![
            Goal::of_best_peer(CPU_TX, 0.35),
            Goal::of_best_peer(CPU_RX, 0.35),
            Goal::of_best_peer(P50, 0.5),
            Goal::of_best_peer(P99, 0.5),
        ];
        let pairs = take_turns(&pairs, options.runs, |pair| feeder::jpegs(pair, &clip, at(30), folder))?;
        finish(Measured {
            kind: "transport: 1080p JPEG in, JPEG out, 30 fps",
            seconds,
            figures: &FIGURES,
            pairs,
            goals,
        });
    }
    if options.wants("raw") {
        let mut clip = Pictures::read(&options.clips.join("bbb1080.y4m"))?;
        let pairs = options.chosen(pairs::raw(&programs, clip.width, clip.height, Location::Loopback)?);
        let pairs =
            take_turns(&pairs, options.runs, |pair| feeder::pictures(pair, &mut clip, at(30), folder))?;
        let goals = vec![Goal::of_best_peer(P50, 0.75)];
        finish(Measured {
            kind: "raw: 1080p picture in, picture out, 30 fps",
            seconds,
            figures: &FIGURES,
            pairs,
            goals,
        });
    }
    if options.wants("hosts") {
        match Lab::up() {
            Err(why) => println!("hosts: SKIPPED: {why:#}\n"),
            Ok(lab) => {
                let mut clip = Pictures::read(&options.clips.join("bbb1080.y4m"))?;
                let pairs = pairs::raw(&programs, clip.width, clip.height, Location::Hosts)?;
                let pairs = options.chosen(pairs);
                let amount = (options.runs, options.seconds.unwrap_or(HOSTS_SECONDS));
                hosts::measure(&lab, &pairs, &mut clip, amount, folder, &mut finish)?;
            }
        }
    }
    if options.wants("glass") {
        let mut clip = Pictures::read(&options.clips.join("bbb1080.y4m"))?;
        let pairs = options.chosen(pairs::glass(&programs, clip.width, clip.height)?);
        let pairs = take_turns(&pairs, options.runs, |pair| glass::shown(pair, &mut clip, at(30), folder))?;
        let goals = vec![Goal::of_best_peer(P50, 0.75)];
        finish(Measured {
            kind: "glass: 1080p picture in, pixels on screen, 30 fps",
            seconds,
            figures: &FIGURES,
            pairs,
            goals,
        });
    }
    if options.wants("repair") {
        match Lab::up() {
            Err(why) => println!("repair: SKIPPED: {why:#}\n"),
            Ok(lab) => {
                let clip = Jpegs::read(&options.clips.join("std1080.mjpeg"))?;
                let mut repairers = repairers::repairers(&programs);
                repairers.retain(|one| !options.peers_only || !one.ours);
                let amount = (options.runs, options.seconds.unwrap_or(REPAIR_SECONDS));
                repair::measure(&lab, &repairers, &clip, amount, folder, &mut finish)?;
            }
        }
    }
    if options.wants("sizes") && !options.peers_only {
        let pairs = pairs::transport(&programs, folder)?;
        let ours = pairs.iter().find(|pair| pair.name == OURS).context("the first pair is ours")?;
        finish(sizes::measure(ours, (&options.clips, folder), (options.runs, seconds))?);
    }
    if options.wants("memory") && !options.peers_only {
        let clip = Jpegs::read(&options.clips.join("bbb1080.mjpeg"))?;
        let pair = pairs::headless(&programs)?;
        let pairs = take_turns(&[pair], options.runs, |pair| feeder::jpegs(pair, &clip, at(60), folder))?;
        let goals = vec![Goal::absolute(MIB_TX, 40.0), Goal::absolute(MIB_RX, 40.0)];
        finish(Measured {
            kind: "memory: 1080p JPEG, 60 fps, headless",
            seconds,
            figures: &FIGURES,
            pairs,
            goals,
        });
    }
    Ok(all)
}

fn take_turns(
    pairs: &[Pair],
    runs: usize,
    mut run: impl FnMut(&Pair) -> anyhow::Result<Run>,
) -> anyhow::Result<Vec<(&'static str, Vec<Run>)>> {
    let mut all: Vec<_> = pairs.iter().map(|pair| (pair.name, Vec::new())).collect();
    for turn in 1..=runs {
        for (pair, (name, done)) in pairs.iter().zip(&mut all) {
            eprintln!("run {turn} of {runs}: {name}");
            done.push(run(pair).with_context(|| format!("{name} could not be measured"))?);
        }
    }
    Ok(all)
}

/// The folder of the release builds, which is the one above this program's own.
fn programs() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).context("this program lies in no build folder")?;
    if !folder.join("sender").exists() || !folder.join("receiver").exists() {
        bail!("no programs in {}: build them first: cargo build --release --workspace", folder.display());
    }
    Ok(folder.to_owned())
}

struct Options {
    clips: PathBuf,
    json: Option<PathBuf>,
    charts: Option<PathBuf>,
    only: Vec<String>,
    peers_only: bool,
    runs: usize,
    seconds: Option<u32>,
}

impl Options {
    fn parse() -> anyhow::Result<Self> {
        let mut options = Self {
            clips: PathBuf::new(),
            json: None,
            charts: None,
            only: Vec::new(),
            peers_only: false,
            runs: 3,
            seconds: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--clips" => options.clips = value()?.into(),
                "--json" => options.json = Some(value()?.into()),
                "--charts" => options.charts = Some(value()?.into()),
                "--only" => options.only.extend(value()?.split(',').map(String::from)),
                "--runs" => options.runs = value()?.parse()?,
                "--seconds" => options.seconds = Some(value()?.parse()?),
                "--peers" => options.peers_only = true,
                // What cargo adds.
                "--bench" => {}
                _ => bail!("unknown option {argument}: scripts/bench --help names them"),
            }
        }
        Ok(options)
    }

    fn wants(&self, kind: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == kind)
    }

    fn chosen(&self, mut pairs: Vec<Pair>) -> Vec<Pair> {
        pairs.retain(|pair| !self.peers_only || pair.name != OURS);
        pairs
    }
}

/// For how long each run is measured, unless said otherwise.
const SECONDS: u32 = 15;
/// The same between hosts: short, so that the start weighs what it weighs for who looks at it.
const HOSTS_SECONDS: u32 = 12;
/// The same on bad paths: there are five of them, with eight pairs on each.
const REPAIR_SECONDS: u32 = 8;
