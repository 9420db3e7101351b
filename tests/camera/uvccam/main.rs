//! A USB camera made of software, for a Linux kernel with `vhci-hcd` and `uvcvideo`: neither hardware nor a gadget is
//! needed. To the kernel's own driver it is a real camera that gives MJPEG.
//!
//! It attaches one end of a socket pair to the kernel's USB/IP host controller and answers at the other end as a USB
//! Video Class camera with a bulk endpoint. Standard library only, and no package: `rustc -O main.rs`.
//!
//! ```text
//! uvccam [--junk] [--cut N] WIDTHxHEIGHT@FPS[,FPS...]=FILE ...
//! ```
//!
//! Each size plays the JPEGs in its file again and again; its first rate is its default. `--junk` puts the end of the
//! picture before behind each picture, as cameras do that reuse a buffer; `--cut N` cuts each Nth picture short.
//! Commands come on standard input, one a line: `stall`, `go`, `unplug`, `plug`, and `dark` and `light`, of which the
//! first halves the rate, as automatic exposure may. It runs until it is killed, which is an unplugging too.

mod descriptors;
mod exposure;
mod play;
mod usbip;

use std::io::BufRead;
use std::sync::Arc;

use descriptors::{Camera, Size};
use play::Player;
use usbip::Plugged;

fn main() {
    let camera = Arc::new(camera());
    let player = Arc::new(Player::default());
    let mut plugged = Some(Plugged::plug(&camera, &player));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input can be read");
        match line.trim() {
            "stall" => player.stall(true),
            "go" => player.stall(false),
            "dark" => player.darken(true),
            "light" => player.darken(false),
            "unplug" => drop(plugged.take()),
            "plug" if plugged.is_none() => plugged = Some(Plugged::plug(&camera, &player)),
            other => eprintln!("uvccam: it cannot {other} now"),
        }
    }
    loop {
        std::thread::park();
    }
}

/// The camera that the command line asks for.
fn camera() -> Camera {
    let mut camera = Camera { sizes: Vec::new(), has_junk: false, cut: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--junk" => camera.has_junk = true,
            "--cut" => camera.cut = args.next().and_then(|n| n.parse().ok()),
            size => camera.sizes.push(parse(size).expect("WIDTHxHEIGHT@FPS[,FPS...]=FILE")),
        }
    }
    assert!(!camera.sizes.is_empty(), "a camera has at least one size");
    camera
}

fn parse(size: &str) -> Option<Size> {
    let (spec, file) = size.split_once('=')?;
    let (size, rates) = spec.split_once('@')?;
    let (width, height) = size.split_once('x')?;
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let intervals = rates.split(',').map(|fps| Some((1e7 / fps.parse::<f64>().ok()?) as u32));
    Some(Size {
        width: width.parse().ok()?,
        height: height.parse().ok()?,
        intervals: intervals.collect::<Option<_>>()?,
        pictures: pictures(&bytes),
    })
}

/// The JPEGs in a file that has nothing else in it, and whose pictures have no thumbnails.
fn pictures(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut pictures = Vec::new();
    while let Some(at) = bytes.windows(2).position(|marker| marker == [0xff, 0xd9]) {
        let (picture, rest) = bytes.split_at(at + 2);
        pictures.push(picture.to_vec());
        bytes = rest;
    }
    assert!(!pictures.is_empty(), "the file has pictures");
    pictures
}
