//! Takes pictures from a camera and says what came, one line for each event. The tests use it to look at the camera
//! source by itself.
#![allow(clippy::print_stdout, reason = "what it prints is all it does")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use proto::jpeg;
use proto::sys::Stop;
use sender::{CameraFormat, Layout, NextPicture, Picture, WantedMode, Which};
use v4l::video::Capture as _;

#[derive(Parser)]
struct Args {
    /// The camera's number or device file; without it, the first.
    #[arg(long)]
    camera: Option<String>,
    /// Width and height.
    #[arg(long, num_args = 2)]
    size: Option<Vec<u32>>,
    /// Pictures per second.
    #[arg(long)]
    fps: Option<f64>,
    /// Only this format: mjpeg, yuyv, nv12, i420, grey, rgb or bgr.
    #[arg(long, value_parser = format)]
    format: Option<CameraFormat>,
    /// End after this many pictures.
    #[arg(long, default_value_t = 30)]
    frames: u64,
    /// Ask it to stop after this many seconds.
    #[arg(long)]
    stop: Option<f64>,
    /// A file of JPEGs; every picture has to be one of them.
    #[arg(long)]
    among: Option<PathBuf>,
    /// First set a control of camera 0, by the name that v4l2-ctl gives it: NAME=VALUE.
    #[arg(long)]
    control: Vec<String>,
    /// Only put camera 0 into the format with this V4L2 code, as another program might leave it.
    #[arg(long)]
    leave: Option<String>,
    /// Print the cameras instead.
    #[arg(long)]
    list: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.list {
        return sender::list_cameras(&mut std::io::stdout());
    }
    if let Some(code) = &args.leave {
        let device = v4l::Device::new(0)?;
        let code = code.as_bytes().try_into().context("a code has four letters")?;
        let set = device.set_format(&v4l::Format::new(640, 480, v4l::FourCC::new(code)))?;
        println!("left in {}", set.fourcc);
        return Ok(());
    }
    for control in &args.control {
        set(control)?;
    }
    let which = args.camera.map_or(Which::First, |name| match name.parse() {
        Ok(index) => Which::Index(index),
        Err(_) => Which::Path(name.into()),
    });
    let wanted = WantedMode { size: args.size.map(|size| (size[0], size[1])), fps: args.fps };
    let file = args.among.map(std::fs::read).transpose().context("cannot read --among")?;
    let known = file.as_deref().map(pictures);

    let stop = Stop::new()?;
    let mut source = sender::open_camera_in(args.format, which, wanted)?;
    println!("opened {}", source.describe());
    let stop_at = args.stop.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    if let Some(at) = stop_at {
        let stop = stop.clone();
        std::thread::spawn(move || {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            stop.request();
        });
    }

    let (mut count, mut unknown, mut backwards) = (0, 0, 0);
    let (mut last, mut oldest) = (None, Duration::ZERO);
    let (mut ages, mut diagnosis) = (Vec::new(), None);
    while count < args.frames {
        match source.next(&stop)? {
            NextPicture::Picture(captured) => {
                if count == 0 || last.is_none() {
                    println!("picture {}", shape(&captured.picture));
                }
                count += 1;
                backwards += u32::from(last.is_some_and(|last| last >= captured.at));
                last = Some(captured.at);
                ages.push(captured.at.elapsed());
                oldest = oldest.max(captured.at.elapsed());
                let now = source.diagnosis().map(str::to_owned);
                if now != diagnosis {
                    println!(
                        "after {count}: {}",
                        now.as_deref().unwrap_or("it is as fast as it should be again")
                    );
                    diagnosis = now;
                }
                if let (Some(known), Picture::Jpeg(jpeg)) = (&known, &captured.picture) {
                    unknown += u32::from(!known.contains(&&jpeg[..]));
                }
            }
            NextPicture::Gone(why) => {
                last = None;
                println!("gone after {count}: {why}");
            }
            NextPicture::End => {
                let late = stop_at.map(|at| at.elapsed()).context("it ended by itself")?;
                println!(
                    "stopped {}, after {} ms",
                    if late < AT_ONCE { "at once" } else { "late" },
                    late.as_millis()
                );
                break;
            }
        }
    }
    let dropped = source.dropped();
    println!("oldest {} ms", oldest.as_millis());
    ages.sort_unstable();
    if let (Some(median), Some(error)) = (ages.get(ages.len() / 2), source.capture_error()) {
        println!("age {} us within {} us", median.as_micros(), error.as_micros());
    }
    println!("damaged {}, superseded {}", dropped.damaged, dropped.superseded);
    println!("done with {count} pictures, {unknown} unknown, {backwards} backwards");
    ensure!(unknown == 0 && backwards == 0, "wrong pictures");
    Ok(())
}

/// Sets a control of camera 0.
fn set(control: &str) -> anyhow::Result<()> {
    let (name, value) = control.split_once('=').context("a control is NAME=VALUE")?;
    let device = v4l::Device::new(0)?;
    let known = device.query_controls()?;
    let called = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("_").to_lowercase()
    };
    let found = known.iter().find(|known| called(&known.name) == name);
    let id = found.with_context(|| format!("no control {name}"))?.id;
    device.set_control(v4l::Control { id, value: v4l::control::Value::Integer(value.parse()?) })?;
    Ok(())
}

fn shape(picture: &Picture) -> String {
    match picture {
        Picture::Jpeg(jpeg) => {
            let size = jpeg::scan(jpeg).map(|info| format!("{}x{}", info.width, info.height));
            format!("MJPEG {}", size.unwrap_or_else(|error| error.to_string()))
        }
        Picture::Raw(raw) => {
            let whole = raw.data.len() == raw.layout.bytes(raw.width, raw.height);
            let whole = if whole { "whole" } else { "of a wrong length" };
            let (least, most) = raw.data.iter().fold((255, 0), |(a, b), &byte| (byte.min(a), byte.max(b)));
            format!("{:?} {}x{} {whole}, values {least} to {most}", raw.layout, raw.width, raw.height)
        }
    }
}

/// The JPEGs in a file that has nothing else in it.
fn pictures(mut file: &[u8]) -> Vec<&[u8]> {
    let mut pictures = Vec::new();
    while let Ok(info) = jpeg::scan(file) {
        let (picture, rest) = file.split_at(info.end);
        pictures.push(picture);
        file = rest;
    }
    pictures
}

fn format(name: &str) -> Result<CameraFormat, String> {
    Ok(match name {
        "mjpeg" => CameraFormat::Mjpeg,
        "yuyv" => CameraFormat::Raw(Layout::Yuyv),
        "nv12" => CameraFormat::Raw(Layout::Nv12),
        "i420" => CameraFormat::Raw(Layout::I420),
        "grey" => CameraFormat::Raw(Layout::Gray),
        "rgb" => CameraFormat::Raw(Layout::Rgb),
        "bgr" => CameraFormat::Raw(Layout::Bgr),
        _ => return Err("no such format".to_owned()),
    })
}

/// An emulated processor takes its time too; a wait that is not interrupted lasts far longer.
const AT_ONCE: Duration = Duration::from_millis(400);
