//! Frames that travel in parts, between the programs.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use proto::{Pool, Random};
use sender::{Encoder, Layout, RawPicture};

use crate::common::clip::Clip;
use crate::common::collector::{Collector, assert_whole_and_in_order};
use crate::common::running::{count, receiver, receiver_adds_up, sender, sender_adds_up};
use crate::common::subscriber::SubscribedViewer;
use crate::common::{Folder, beside_others, free_address};

#[test]
fn a_picture_that_is_encoded_here_travels_in_parts_and_comes_out_as_the_jpeg_that_it_is() {
    let (folder, pictures) = (Folder::new(), pictures());
    let file = folder.join("pictures.y4m");
    std::fs::write(&file, y4m(&pictures)).unwrap();
    arrives_in_parts(&["--source", &file, "--quality", "80"], &encoded(&pictures));
}

#[test]
fn a_jpeg_with_restart_markers_travels_in_parts_and_comes_out_byte_for_byte() {
    let (folder, clip) = (Folder::new(), encoded(&pictures()));
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    arrives_in_parts(&["--source", &file], &clip);
}

/// Both to a receiver, and to a viewer that counts the parts.
fn arrives_in_parts(source: &[&str], clip: &Arc<Clip>) {
    let _turn = beside_others();
    let (to, port) = (free_address(), free_address());
    let mut receiver = receiver(&["--listen", &to, "--output", "-"]);
    let collector = Collector::of(&mut receiver, clip);
    let arguments = ["--dest", &to, "--serve", &port, "--announce", "off", "--loop", "--fps", "20"];
    let sender = sender(&[&arguments[..], source].concat());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let viewer = SubscribedViewer::by(socket, port.parse().unwrap());
    assert!(viewer.wait_for(40, Duration::from_secs(20)).is_some(), "{} frames came", viewer.count());
    // The first go whole, as long as the viewer has not said that it takes parts.
    let (frames, parts) = (viewer.count(), viewer.parts());
    assert!(parts >= frames, "{parts} parts came before their frames were whole, of {frames} frames");
    viewer.leave();
    let sent = sender.interrupt();
    let received = receiver.interrupt();
    let arrivals = collector.finish();
    assert_whole_and_in_order(&arrivals, clip);
    assert!(arrivals.len() >= 30, "{} frames came: {}", arrivals.len(), received.totals());
    sender_adds_up(sent.totals());
    receiver_adds_up(received.totals());
    assert_eq!(count(sent.totals(), "/frames/refused"), 0);
}

/// Pictures of noise, which makes large JPEGs; no two are alike.
fn pictures() -> Vec<RawPicture> {
    let mut random = Random::new(12);
    let picture = |_| {
        let mut data = vec![0; Layout::I420.bytes(WIDTH, HEIGHT)];
        random.fill(&mut data);
        RawPicture { layout: Layout::I420, width: WIDTH, height: HEIGHT, data: Arc::new(data) }
    };
    (0..8).map(picture).collect()
}

fn y4m(pictures: &[RawPicture]) -> Vec<u8> {
    let mut file =
        format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F20:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n").into_bytes();
    for picture in pictures {
        file.extend_from_slice(b"FRAME\n");
        file.extend_from_slice(&picture.data);
    }
    file
}

/// What the sender makes of them.
fn encoded(pictures: &[RawPicture]) -> Arc<Clip> {
    let (mut encoder, mut pool) = (Encoder::new(None).unwrap(), Pool::new(1));
    let frames = pictures.iter().map(|picture| encoder.encode(picture, 80, &mut pool).unwrap());
    Arc::new(Clip::of(&frames.flat_map(|jpeg| jpeg.to_vec()).collect::<Vec<_>>()))
}

const WIDTH: u32 = 800;
const HEIGHT: u32 = 600;
