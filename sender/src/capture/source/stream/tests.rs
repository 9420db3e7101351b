use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::picture::{Layout, Picture, RawPicture};

/// A folder that is removed when the test ends.
pub(in crate::capture::source) struct TestFolder(PathBuf);

impl TestFolder {
    pub(in crate::capture::source) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sender-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(in crate::capture::source) fn path(&self) -> &Path {
        &self.0
    }

    pub(in crate::capture::source) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A real JPEG, different for each number.
pub(in crate::capture::source) fn jpeg(number: u8) -> Vec<u8> {
    let pixels: Vec<u8> =
        (0..48 * 48).map(|at| (at as u8).wrapping_mul(number).wrapping_add(at as u8 / 3)).collect();
    let image = turbojpeg::YuvImage {
        pixels: &pixels[..],
        width: 48,
        align: 1,
        height: 48,
        subsamp: turbojpeg::Subsamp::Gray,
    };
    turbojpeg::compress_yuv(image, 80).unwrap().to_vec()
}

fn stop() -> Stop {
    Stop::new().unwrap()
}

fn file(content: &[u8]) -> File {
    let folder = TestFolder::new(&format!("file-{:?}", std::thread::current().id()));
    let path = folder.write("stream", content);
    let mut file = File::open(path).unwrap();
    file.rewind().unwrap();
    file
}

fn stored(content: &[u8], repeat: bool) -> anyhow::Result<InputStream> {
    InputStream::new(file(content), "clip".into(), repeat)
}

/// A pipe: the end to read as a source, the end to write.
fn live() -> (InputStream, File) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    (InputStream::new(read.into(), "standard input".into(), false).unwrap(), write.into())
}

fn next_jpeg(source: &mut InputStream) -> Option<Vec<u8>> {
    match source.next(&stop()).unwrap() {
        NextPicture::Picture(Captured { picture: Picture::Jpeg(jpeg), .. }) => Some(jpeg.to_vec()),
        NextPicture::End => None,
        other => panic!("{other:?}"),
    }
}

fn next_raw(source: &mut InputStream) -> Option<RawPicture> {
    match source.next(&stop()).unwrap() {
        NextPicture::Picture(Captured { picture: Picture::Raw(raw), .. }) => Some(raw),
        NextPicture::End => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_files_pictures_come_byte_for_byte_and_again_in_a_loop() {
    let pictures = [jpeg(1), jpeg(2), jpeg(3)];
    let mut source = stored(&pictures.concat(), false).unwrap();
    assert_eq!(source.timing(), Timing::Stored(None));
    for picture in &pictures {
        assert_eq!(next_jpeg(&mut source).as_ref(), Some(picture));
    }
    assert_eq!(next_jpeg(&mut source), None);

    let with_damage = [pictures.concat(), pictures[0][..300].to_vec()].concat();
    let mut source = stored(&with_damage, true).unwrap();
    for picture in pictures.iter().cycle().take(8) {
        assert_eq!(next_jpeg(&mut source).as_ref(), Some(picture));
    }
    assert_eq!(source.dropped().damaged, 2, "one each time around");
}

#[test]
fn a_large_file_is_not_loaded_whole() {
    let picture = jpeg(5);
    let count = (8 << 20) / picture.len();
    let mut source = stored(&picture.repeat(count), false).unwrap();
    let mut found = 0;
    while next_jpeg(&mut source).is_some_and(|next| next == picture) {
        found += 1;
        assert!(source.input.unused().len() <= 2 << 20);
    }
    assert_eq!(found, count);
}

#[test]
fn an_input_without_a_picture_is_an_error() {
    for content in [b"".as_slice(), b"hello", b"YUV4MPEG2 W2 H2\n", &jpeg(1)[..300]] {
        let error = stored(content, true).unwrap().next(&stop()).unwrap_err().to_string();
        assert!(error.contains("ended without a picture"), "{error}");
        let (mut source, mut pipe) = live();
        pipe.write_all(content).unwrap();
        drop(pipe);
        let error = source.next(&stop()).unwrap_err().to_string();
        assert!(error.contains("standard input ended without a picture"), "{error}");
    }
}

#[test]
fn a_picture_from_a_pipe_comes_with_its_last_byte() {
    let (mut source, mut pipe) = live();
    let picture = jpeg(7);
    let (sent, received) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        while let Some(jpeg) = next_jpeg(&mut source) {
            sent.send(jpeg).unwrap();
        }
    });
    pipe.write_all(b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n").unwrap();
    for _ in 0..3 {
        pipe.write_all(&picture[..picture.len() - 1]).unwrap();
        assert!(received.recv_timeout(Duration::from_millis(20)).is_err(), "its last byte is missing");
        pipe.write_all(&picture[picture.len() - 1..]).unwrap();
        assert_eq!(received.recv_timeout(Duration::from_secs(20)).unwrap(), picture);
    }
    pipe.write_all(&picture[..200]).unwrap();
    drop(pipe);
    reader.join().unwrap();
    assert!(received.recv().is_err(), "the last one was cut short");
}

#[test]
fn a_request_to_end_is_seen_while_waiting_for_input() {
    for begun in
        [b"".as_slice(), b"YUV4", b"YUV4MPEG2 W2 H2\n", b"YUV4MPEG2 W2 H2\nFRAME\n12", &jpeg(1)[..300]]
    {
        let (mut source, mut pipe) = live();
        pipe.write_all(begun).unwrap();
        let stop = stop();
        let asked = stop.clone();
        let reader = std::thread::spawn(move || source.next(&asked).unwrap());
        // Whether it waits already or not, it must see the request.
        std::thread::sleep(Duration::from_millis(10));
        stop.request();
        assert!(matches!(reader.join().unwrap(), NextPicture::End), "{begun:?}");
        drop(pipe);
    }
}

#[test]
fn y4m_pictures_are_read_and_stretched_to_full_range() {
    let header = b"YUV4MPEG2 W3 H3 F25:2 Ip C420jpeg\n".to_vec();
    let levels = |first: u8| -> Vec<u8> { (0..17).map(|at| first + 10 * at).collect() };
    let frame = |first: u8| [b"FRAME\n".to_vec(), levels(first)].concat();
    let with_extra = [b"FRAME Ip\n".to_vec(), levels(40)].concat();
    let mut source =
        stored(&[header, frame(16), with_extra, frame(20)[..20].to_vec()].concat(), false).unwrap();
    assert_eq!(source.timing(), Timing::Stored(Some(12.5)));
    assert!(source.describe().contains("3x3"), "{}", source.describe());
    for first in [16, 40] {
        let raw = next_raw(&mut source).unwrap();
        assert_eq!((raw.layout, raw.width, raw.height), (Layout::I420, 3, 3));
        let mut expected = levels(first);
        crate::capture::source::range::stretch_luma(&mut expected[..9]);
        crate::capture::source::range::stretch_chroma(&mut expected[9..]);
        assert_eq!(*raw.data, expected);
    }
    assert!(next_raw(&mut source).is_none(), "the last one is cut short");
}

#[test]
fn full_range_y4m_goes_as_it_is_and_loops() {
    let content = b"YUV4MPEG2 W2 H2 Cmono XCOLORRANGE=FULL\nFRAME\n\x00\x01\xfe\xff";
    let mut source = stored(content, true).unwrap();
    for _ in 0..3 {
        assert_eq!(*next_raw(&mut source).unwrap().data, [0, 1, 254, 255]);
    }
}

#[test]
fn y4m_through_a_pipe_in_any_pieces_is_the_same() {
    let content = b"YUV4MPEG2 W2 H2 Cmono XCOLORRANGE=FULL\nFRAME\nabcdFRAME x\nefgh";
    for piece in [1, 2, 5, 7, 64] {
        let (mut source, mut pipe) = live();
        let writer = std::thread::spawn(move || {
            for bytes in content.chunks(piece) {
                pipe.write_all(bytes).unwrap();
                std::thread::yield_now();
            }
        });
        assert_eq!(*next_raw(&mut source).unwrap().data, *b"abcd");
        assert_eq!(source.timing(), Timing::Live(None));
        assert_eq!(*next_raw(&mut source).unwrap().data, *b"efgh");
        assert!(next_raw(&mut source).is_none());
        writer.join().unwrap();
    }
}

#[test]
fn damaged_y4m_is_an_error_that_names_the_input() {
    let mut source = stored(b"YUV4MPEG2 W2 H2 Cmono\nFRAME\nabcdeFRAME\nabcd", false).unwrap();
    assert!(next_raw(&mut source).is_some());
    let error = format!("{:#}", source.next(&stop()).unwrap_err());
    assert!(error.contains("clip") && error.contains("FRAME"), "{error}");
    let error = format!("{:#}", stored(b"YUV4MPEG2 W2 H2 C420p10\n", false).unwrap_err());
    assert!(error.contains("more than 8 bits"), "{error}");
}

#[test]
fn a_named_pipe_without_a_writer_does_not_keep_us() {
    let folder = TestFolder::new("fifo");
    let path = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let mut source = InputStream::open(&path, false).unwrap();
    let picture = jpeg(3);
    let writer = std::thread::spawn({
        let picture = picture.clone();
        move || std::fs::write(path, picture).unwrap()
    });
    assert_eq!(next_jpeg(&mut source), Some(picture));
    assert_eq!(next_jpeg(&mut source), None);
    writer.join().unwrap();
}

#[test]
fn each_round_reads_the_file_that_has_the_place_then() {
    let folder = TestFolder::new("replaced");
    let path = folder.write("now.jpg", &jpeg(1));
    let mut source = InputStream::open(&path, true).unwrap();
    assert_eq!((next_jpeg(&mut source), next_jpeg(&mut source)), (Some(jpeg(1)), Some(jpeg(1))));
    // Put in its place, then written over, as is and after it was half written.
    std::fs::rename(folder.write("new.jpg", &jpeg(2)), &path).unwrap();
    assert_eq!(next_jpeg(&mut source), Some(jpeg(2)));
    std::fs::write(&path, jpeg(3)).unwrap();
    assert_eq!(next_jpeg(&mut source), Some(jpeg(3)));
    std::fs::write(&path, &jpeg(4)[..200]).unwrap();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            std::thread::sleep(Duration::from_millis(100));
            std::fs::write(path, jpeg(4)).unwrap();
        }
    });
    assert_eq!(next_jpeg(&mut source), Some(jpeg(4)));
    writer.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(
        matches!(source.next(&stop()).unwrap(), NextPicture::Gone(why) if why.contains("no picture now"))
    );
    std::fs::write(&path, jpeg(5)).unwrap();
    assert_eq!(next_jpeg(&mut source), Some(jpeg(5)));
}

/// Not a test but a measurement: `cargo test --release -p sender -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement"]
fn speed_of_a_pipe() {
    for (what, header, content) in [
        ("MJPEG of 200 kB", b"".to_vec(), {
            let mut picture = jpeg(1);
            let comment = [&[0xff, 0xfe, 0xff, 0xff], [7; 65533].as_slice()].concat();
            picture.splice(2..2, comment.repeat(3));
            picture
        }),
        (
            "Y4M 1080p",
            b"YUV4MPEG2 W1920 H1080 F30:1 Ip C420jpeg\n".to_vec(),
            [b"FRAME\n".to_vec(), vec![99; 1920 * 1080 * 3 / 2]].concat(),
        ),
    ] {
        let (mut source, mut pipe) = live();
        let writer = std::thread::spawn(move || {
            pipe.write_all(&header).unwrap();
            let mut times = Vec::new();
            for _ in 0..50 {
                std::thread::sleep(Duration::from_millis(15));
                let begun = Instant::now();
                pipe.write_all(&content).unwrap();
                times.push((begun, Instant::now()));
            }
            times
        });
        let mut got = Vec::new();
        while let NextPicture::Picture(captured) = source.next(&stop()).unwrap() {
            got.push((captured.at, Instant::now()));
        }
        let times = writer.join().unwrap();
        let mut whole: Vec<_> = times.iter().zip(&got).map(|((begun, _), (_, out))| *out - *begun).collect();
        let mut after: Vec<_> = got.iter().map(|(at, out)| *out - *at).collect();
        whole.sort();
        after.sort();
        println!(
            "{what}: from the first byte written to the picture {:?}, after its last byte {:?}",
            whole[25], after[25]
        );
    }
}
