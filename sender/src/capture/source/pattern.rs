//! A moving test card, drawn by the program itself: pictures without a camera.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use proto::Pool;
use proto::framecode::Strip;
use proto::sys::Stop;

use super::card::{Card, CardCanvas};
use super::{NextPicture, Source, Timing, WantedMode};
use crate::picture::{Captured, Layout, Picture, RawPicture, unique};

/// Colour bars, a moving bar, and the picture's number and time of day: for people, and in a [`Strip`] for programs.
#[derive(Debug)]
pub(crate) struct Pattern {
    width: u32,
    height: u32,
    fps: f64,
    strip: Strip,
    card: Card,
    number: u32,
    pool: Pool,
}

impl Pattern {
    /// A test card of the wanted size and rate; 1280x720 at 30 fps if nothing is wanted.
    ///
    /// Fails if the size is not from 64x64 to 4096x2160, or the rate not above 0 and at most 1000.
    pub(crate) fn new(wanted: WantedMode) -> anyhow::Result<Self> {
        let (width, height) = wanted.size.unwrap_or((1280, 720));
        let fps = wanted.fps.unwrap_or(30.0);
        let strip = Strip::of(width, height).filter(|_| width <= 4096 && height <= 2160);
        let Some(strip) = strip else {
            anyhow::bail!("--size {width}x{height}: the test card takes 64x64 to 4096x2160");
        };
        ensure!(fps > 0.0 && fps <= 1000.0, "--fps {fps}: the test card takes rates above 0, up to 1000");
        let card = Card::new(width as usize, height as usize, strip.height());
        Ok(Self { width, height, fps, strip, card, number: 0, pool: Pool::new(POOLED) })
    }
}

impl Source for Pattern {
    /// Draws a picture at once; the caller keeps the rate.
    fn next(&mut self, stop: &Stop) -> anyhow::Result<NextPicture> {
        if stop.is_requested() {
            return Ok(NextPicture::End);
        }
        let at = Instant::now();
        let time_of_day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut buffer = self.pool.take();
        let data = unique(&mut buffer);
        self.card.copy_to(data);
        let mut canvas = CardCanvas::new(data, self.width as usize, self.height as usize);
        self.card.draw_moving(&mut canvas, self.number, time_of_day);
        self.strip.draw(data, self.width as usize, self.number);
        self.number = self.number.wrapping_add(1);
        let data = self.pool.share(buffer);
        let picture = RawPicture { layout: Layout::I420, width: self.width, height: self.height, data };
        Ok(NextPicture::Picture(Captured { picture: Picture::Raw(picture), at }))
    }

    fn describe(&self) -> String {
        format!("test card {}x{} at {} fps", self.width, self.height, self.fps)
    }

    fn timing(&self) -> Timing {
        Timing::Stored(Some(self.fps))
    }
}

/// Pictures that may be under way at once: one being encoded, one waiting, one being drawn, and one to spare.
const POOLED: usize = 4;

#[cfg(test)]
mod tests {
    use proto::framecode::read_strip;

    use super::*;
    use crate::encode::Encoder;

    fn pattern(width: u32, height: u32) -> anyhow::Result<Pattern> {
        Pattern::new(WantedMode { size: Some((width, height)), fps: None })
    }

    fn draw(pattern: &mut Pattern) -> RawPicture {
        match pattern.next(&Stop::new().unwrap()).unwrap() {
            NextPicture::Picture(Captured { picture: Picture::Raw(raw), .. }) => raw,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn its_number_survives_jpeg_at_low_quality_at_every_size() {
        let mut encoder = Encoder::new(None).unwrap();
        for (width, height) in [(64, 64), (97, 131), (320, 240), (640, 480), (1280, 720), (1921, 1079)] {
            let mut pattern = pattern(width, height).unwrap();
            for number in 0..3 {
                let raw = draw(&mut pattern);
                assert_eq!(raw.data.len(), Layout::I420.bytes(width, height));
                let jpeg = encoder.encode(&raw, 30, &mut Pool::new(1)).unwrap();
                let image = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::GRAY).unwrap();
                let size = (width, height);
                assert_eq!(read_strip(&image.pixels, image.pitch, size, size), Some(number), "{size:?}");
            }
        }
    }

    #[test]
    fn sizes_and_rates_have_bounds() {
        for (width, height) in [(0, 0), (63, 64), (64, 63), (4097, 64), (64, 2161)] {
            let error = pattern(width, height).unwrap_err().to_string();
            assert!(error.contains(&format!("{width}x{height}")), "{error}");
        }
        assert!(pattern(4096, 2160).is_ok());
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Pattern::new(WantedMode { size: None, fps: Some(fps) }).is_err(), "{fps}");
        }
    }

    #[test]
    fn pictures_differ_and_their_buffers_are_used_again() {
        let mut pattern = pattern(320, 240).unwrap();
        let (first, second) = (draw(&mut pattern), draw(&mut pattern));
        assert!(first.data[320 * 200..] != second.data[320 * 200..], "the bar moves");
        let address = first.data.as_ptr();
        drop(first);
        assert_eq!(draw(&mut pattern).data.as_ptr(), address);
    }

    /// Not a test but a measurement: `cargo test --release -p sender -- --ignored --nocapture speed`.
    #[test]
    #[ignore = "a measurement"]
    fn speed_of_drawing_1080p() {
        let mut pattern = pattern(1920, 1080).unwrap();
        let mut times: Vec<_> = (0..100)
            .map(|_| {
                let begun = Instant::now();
                draw(&mut pattern);
                begun.elapsed()
            })
            .collect();
        times.sort();
        println!("draw 1080p: fastest {:?}, median {:?}", times[0], times[50]);
    }
}
