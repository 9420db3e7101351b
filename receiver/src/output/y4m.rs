//! Decoded pictures as a Y4M (YUV4MPEG2) stream.

mod convert;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use proto::{Latest, Taken};

use super::pipe::Pipe;
use crate::codec::{Decoded, DecodedLayout, DecodedStrip, MOST_STRIPS};
use crate::frame::Interval;

/// A stream whose first picture fixes its size, sampling and rate; the format knows no change of any.
///
/// The rate is what the sender says; where it says nothing it shows after some pictures, so the first ones are held
/// back. Pictures that are sampled otherwise than the first one are converted.
#[derive(Debug, Default)]
pub(super) struct Y4mWriter {
    begun: Option<Y4mFormat>,
    header: String,
    /// The first pictures, until the header is written, and since when there are some.
    held: Vec<Arc<Decoded>>,
    since: Option<Instant>,
    /// A picture that was converted, or one of odd size without the columns and rows that its planes have more.
    made: Vec<u8>,
}

/// What all pictures of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Y4mFormat {
    width: u32,
    height: u32,
    layout: DecodedLayout,
}

impl Y4mWriter {
    /// Writes the pictures of `inbox` until it is closed or nobody reads any more, and calls `written` for each; says
    /// whether somebody still reads.
    pub(super) fn run(
        mut self,
        inbox: &Latest<Arc<Decoded>>,
        to: &mut Pipe,
        mut written: impl FnMut(),
    ) -> Result<bool> {
        loop {
            let is_over = match inbox.take(self.patience(Instant::now())) {
                Taken::Value(picture) if self.begun.is_some() => {
                    if !self.write(&picture, to)? {
                        return Ok(false);
                    }
                    written();
                    continue;
                }
                Taken::Value(picture) => {
                    self.hold(picture, Instant::now());
                    continue;
                }
                Taken::TimedOut => false,
                Taken::Closed => true,
            };
            let held = std::mem::take(&mut self.held);
            if let Some(newest) = held.last() {
                self.begin(&held[0], newest.interval().map(|interval| interval.apart));
            }
            for picture in held {
                if !self.write(&picture, to)? {
                    return Ok(false);
                }
                written();
            }
            if is_over {
                return Ok(true);
            }
        }
    }

    fn hold(&mut self, picture: Arc<Decoded>, now: Instant) {
        self.since.get_or_insert(now);
        self.held.push(picture);
    }

    /// How long the next picture is waited for; `None` for as long as it takes.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let (since, newest) = self.since.zip(self.held.last())?;
        let bytes = |picture: &Arc<Decoded>| {
            picture.strips().iter().map(|strip| bytes(picture, strip)).sum::<usize>()
        };
        let enough =
            self.held.len() >= MOST_HELD || self.held.iter().map(bytes).sum::<usize>() >= MOST_HELD_BYTES;
        let patience = match newest.interval() {
            _ if enough => Duration::ZERO,
            Some(Interval { is_sure: true, .. }) => Duration::ZERO,
            Some(_) => LEARNING,
            None => LONGEST_LEARNING,
        };
        Some(patience.saturating_sub(now - since))
    }

    /// The first picture has the stream's header before its own.
    fn begin(&mut self, first: &Decoded, interval: Option<Duration>) {
        let (width, height) = (first.width(), first.height());
        let (layout, sampling) = match first.layout() {
            DecodedLayout::I420 => (DecodedLayout::I420, "420jpeg"),
            DecodedLayout::I422 => (DecodedLayout::I422, "422"),
            DecodedLayout::Gray => (DecodedLayout::Gray, "mono"),
            // What has no name here has all its colours in 4:4:4.
            DecodedLayout::I444 | DecodedLayout::Bgrx => (DecodedLayout::I444, "444"),
        };
        self.header = format!(
            "YUV4MPEG2 W{width} H{height} F{} Ip A1:1 C{sampling} XCOLORRANGE=FULL\nFRAME\n",
            rate(interval)
        );
        self.begun = Some(Y4mFormat { width, height, layout });
    }

    /// Writes a picture, its planes straight from where they were decoded if they can stay as they are; says whether
    /// somebody still reads.
    fn write(&mut self, picture: &Decoded, to: &mut Pipe) -> Result<bool> {
        let Some(format) = self.begun else { bail!("the stream has no header") };
        let layout = picture.layout();
        if (picture.width(), picture.height()) != (format.width, format.height) {
            bail!(
                "the pictures changed from {}x{} to {}x{}, which a Y4M stream cannot; start the receiver again",
                format.width,
                format.height,
                picture.width(),
                picture.height()
            );
        }
        let is_padded = layout.pitch(0, picture.width()) != picture.width() as usize
            || layout.rows(0, picture.height()) != picture.height() as usize;
        let is_other = layout != format.layout;
        let must_copy = is_other || is_padded || picture.strips().len() > MOST_STRIPS;
        if is_other {
            convert::convert(picture, format.layout, &mut self.made);
        } else if must_copy {
            self.trim(picture);
        }
        let mut slices = std::array::from_fn::<_, { 1 + 3 * MOST_STRIPS }, _>(|_| IoSlice::new(&[]));
        slices[0] = IoSlice::new(self.header.as_bytes());
        if must_copy {
            slices[1] = IoSlice::new(&self.made);
        } else {
            let planes =
                (0..3).flat_map(|n| picture.strips().iter().map(move |strip| picture.planes(strip)[n]));
            for (slice, plane) in slices[1..].iter_mut().zip(planes) {
                *slice = IoSlice::new(plane);
            }
        }
        let goes_on = to.write(&mut slices).context("cannot write to standard output")?;
        self.header.clear();
        self.header.push_str("FRAME\n");
        Ok(goes_on)
    }

    fn trim(&mut self, picture: &Decoded) {
        self.made.clear();
        let (layout, width) = (picture.layout(), picture.width());
        for plane in 0..3 {
            let pitch = layout.pitch(plane, width);
            let kept = if plane == 0 { width as usize } else { pitch };
            for strip in picture.strips() {
                let rows = if plane == 0 { strip.rows() as usize } else { layout.rows(plane, strip.rows()) };
                for row in picture.planes(strip)[plane].chunks(pitch.max(1)).take(rows) {
                    self.made.extend_from_slice(&row[..kept]);
                }
            }
        }
    }
}

fn bytes(picture: &Decoded, strip: &DecodedStrip) -> usize {
    picture.planes(strip).iter().map(|plane| plane.len()).sum()
}

/// A rate as the header has it: 0:0 where it is not known.
fn rate(interval: Option<Duration>) -> String {
    let Some(interval) = interval.filter(|interval| !interval.is_zero()) else { return "0:0".to_owned() };
    let rate = interval.as_secs_f64().recip();
    let whole = rate.round();
    // Captures are not that regular; cameras' rates are whole numbers.
    if whole >= 1.0 && (rate - whole).abs() < NEAR * rate {
        format!("{whole}:1")
    } else {
        format!("1000000:{}", interval.as_micros().max(1))
    }
}

/// How far a rate may be from a whole number to be taken for that.
const NEAR: f64 = 0.015;
/// For how long pictures are held back to learn the rate, and for how long if it does not show at all.
const LEARNING: Duration = Duration::from_millis(400);
const LONGEST_LEARNING: Duration = Duration::from_secs(2);
/// As many as are held back at most.
const MOST_HELD: usize = 9;
const MOST_HELD_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use proto::sys::Stop;

    use super::*;
    use crate::codec::{DecodeTarget, Decoder, PixelFormat};

    fn decoded(width: usize, height: usize, subsamp: turbojpeg::Subsamp) -> Decoded {
        let pixels: Vec<u8> = (0..3 * width * height).map(|n| (n * 7) as u8).collect();
        let format = turbojpeg::PixelFormat::RGB;
        let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: 3 * width, height, format };
        let jpeg = turbojpeg::compress(image, 90, subsamp).unwrap();
        let mut decoded = Decoded::default();
        Decoder::with_threads(1)
            .decode(&jpeg, DecodeTarget::whole(PixelFormat::Planes), &mut decoded)
            .unwrap();
        decoded
    }

    /// What is written of these pictures; `Err` how it ended, if so.
    fn written(pictures: Vec<Decoded>) -> (Vec<u8>, Result<bool>) {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut output = Pipe::from_fd(writer.as_fd(), &Stop::new().unwrap()).unwrap();
        drop(writer);
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        let inbox = Arc::new(Latest::new());
        let count = pictures.len();
        let (one_more, taken) = std::sync::mpsc::channel();
        let writing = std::thread::spawn({
            let inbox = inbox.clone();
            move || {
                let outcome = Y4mWriter::default().run(&inbox, &mut output, || {});
                one_more.send(()).unwrap();
                outcome
            }
        });
        for picture in pictures {
            let mut next = Some(Arc::new(picture));
            // The newest displaces one that nobody took; here all are to be taken.
            while let Some(picture) = next.take().filter(|_| taken.try_recv().is_err()) {
                inbox.put(picture);
                std::thread::sleep(Duration::from_millis(1));
                next = inbox.try_take();
            }
        }
        inbox.close();
        let outcome = writing.join().unwrap();
        (reading.join().unwrap().unwrap(), outcome.with_context(|| format!("{count} pictures")))
    }

    fn at_rate(mut picture: Decoded, fps: f64) -> Decoded {
        let apart = (fps > 0.0).then(|| Duration::from_secs_f64(1.0 / fps));
        picture.set_interval(apart.map(|apart| Interval { apart, is_sure: false }));
        picture
    }

    #[test]
    fn nothing_is_held_back_where_the_sender_says_its_rate() {
        let now = Instant::now();
        for (is_sure, patience) in [(true, Duration::ZERO), (false, LEARNING)] {
            let mut picture = decoded(16, 16, turbojpeg::Subsamp::Sub2x2);
            picture.set_interval(Some(Interval { apart: Duration::from_millis(40), is_sure }));
            let mut writer = Y4mWriter::default();
            writer.hold(Arc::new(picture), now);
            assert_eq!(writer.patience(now), Some(patience));
        }
    }

    const SAMPLINGS: [(turbojpeg::Subsamp, &str, usize); 6] = [
        (turbojpeg::Subsamp::Sub2x2, "C420jpeg", 17 * 13 + 2 * 9 * 7),
        (turbojpeg::Subsamp::Sub2x1, "C422", 17 * 13 + 2 * 9 * 13),
        (turbojpeg::Subsamp::None, "C444", 3 * 17 * 13),
        (turbojpeg::Subsamp::Gray, "Cmono", 17 * 13),
        (turbojpeg::Subsamp::Sub1x2, "C444", 3 * 17 * 13),
        (turbojpeg::Subsamp::Sub4x1, "C444", 3 * 17 * 13),
    ];

    #[test]
    fn the_header_says_what_follows_and_odd_sizes_have_no_padding() {
        for (subsamp, sampling, bytes) in SAMPLINGS {
            let picture = || at_rate(decoded(17, 13, subsamp), 30.0);
            let (written, outcome) = written(vec![picture(), picture()]);
            assert!(outcome.unwrap());
            let header = format!("YUV4MPEG2 W17 H13 F30:1 Ip A1:1 {sampling} XCOLORRANGE=FULL\n");
            assert!(written.starts_with(header.as_bytes()));
            assert_eq!(written.len(), header.len() + 2 * ("FRAME\n".len() + bytes), "{sampling}");
        }
    }

    #[test]
    fn a_picture_of_another_sampling_is_converted_and_one_of_another_size_ends_the_stream() {
        for (first, sampling, bytes) in SAMPLINGS {
            let pictures = SAMPLINGS.map(|(subsamp, ..)| decoded(17, 13, subsamp));
            let count = 1 + pictures.len();
            let (all, outcome) = written([decoded(17, 13, first)].into_iter().chain(pictures).collect());
            assert!(outcome.unwrap(), "{sampling}");
            let header = all.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            assert_eq!(all.len(), header + count * ("FRAME\n".len() + bytes), "{sampling}");
            let other = vec![decoded(17, 13, first), decoded(16, 16, first)];
            let error = format!("{:#}", written(other).1.unwrap_err());
            assert!(error.contains("from 17x13 to 16x16"), "{error}");
        }
        // Grey meanwhile: no colours.
        let colours = || decoded(16, 16, turbojpeg::Subsamp::Sub2x2);
        let (all, _) = written(vec![colours(), decoded(16, 16, turbojpeg::Subsamp::Gray), colours()]);
        let size = 6 + 16 * 16 * 3 / 2;
        let grey = &all[all.len() - 2 * size..all.len() - size];
        assert!(grey[6 + 16 * 16..].iter().all(|&byte| byte == 128));
    }

    #[test]
    fn the_rate_is_that_of_the_captures_as_far_as_it_is_known() {
        for (interval, expected) in [
            (None, "0:0"),
            (Some(16_667), "60:1"),
            (Some(33_333), "30:1"),
            (Some(33_100), "30:1"),
            (Some(40_000), "25:1"),
            (Some(100_000), "10:1"),
            (Some(80_000), "1000000:80000"),
            (Some(5_000_000), "1000000:5000000"),
        ] {
            assert_eq!(rate(interval.map(Duration::from_micros)), expected);
        }
        let picture = |fps| at_rate(decoded(16, 16, turbojpeg::Subsamp::Gray), fps);
        // The first picture of a sender does not tell yet.
        let (all, _) = written(vec![picture(0.0), picture(60.0)]);
        assert!(all.starts_with(b"YUV4MPEG2 W16 H16 F60:1 "), "{}", all[..60].escape_ascii());
        assert!(written(vec![picture(0.0)]).0.starts_with(b"YUV4MPEG2 W16 H16 F0:0 "));
    }

    #[test]
    fn so_many_pictures_are_held_back_and_no_more() {
        let mut stream = Y4mWriter::default();
        let (now, picture) =
            (Instant::now(), Arc::new(at_rate(decoded(16, 16, turbojpeg::Subsamp::Gray), 60.0)));
        assert_eq!(stream.patience(now), None);
        for _ in 0..MOST_HELD {
            stream.hold(picture.clone(), now);
            let expected = if stream.held.len() < MOST_HELD { LEARNING } else { Duration::ZERO };
            assert_eq!(stream.patience(now), Some(expected));
        }
        assert_eq!(stream.patience(now + LONGEST_LEARNING), Some(Duration::ZERO));
    }
}
