//! A file of any bytes as a source of pictures: a Y4M or MJPEG stream, once or in a loop. What it gives is whole.

use std::fs;
use std::sync::LazyLock;

use proto::sys::Stop;
use sender::{InputStream, NextPicture, Picture, Source};

use super::scratch;

pub fn run(data: &[u8]) {
    let Some((&flags, content)) = data.split_first() else { return };
    let (is_y4m, repeats) = (flags & 1 == 0, flags & 2 != 0);
    let path = scratch(if is_y4m { "source.y4m" } else { "source.mjpeg" });
    let magic: &[u8] = if is_y4m { b"YUV4MPEG2 " } else { b"" };
    fs::write(&path, [magic, content].concat()).expect("there is room for a small file");
    if let Ok(mut stream) = InputStream::open(&path, repeats) {
        let _ = (stream.describe(), stream.timing());
        for _ in 0..MOST_PICTURES {
            let Ok(NextPicture::Picture(captured)) = stream.next(&STOP) else { break };
            match captured.picture {
                Picture::Jpeg(jpeg) => assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.len() >= 4),
                Picture::Raw(raw) => assert_eq!(raw.data.len(), raw.layout.bytes(raw.width, raw.height)),
            }
        }
        let _ = stream.dropped();
    }
    fs::remove_file(&path).expect("it is ours");
}

static STOP: LazyLock<Stop> = LazyLock::new(|| Stop::new().expect("there is room for a file"));
const MOST_PICTURES: usize = 20;
