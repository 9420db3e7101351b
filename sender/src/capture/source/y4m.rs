//! Y4M: raw YUV pictures in a file or a pipe, each behind a line of text.

use anyhow::{Context, bail, ensure};
use proto::Pool;
use proto::sys::Stop;

use super::input::{Input, Read, ReaderStep};
use super::range::{stretch_chroma, stretch_luma};
use crate::picture::{Layout, Picture, RawPicture, unique};

/// What every Y4M stream begins with.
pub(super) const MAGIC: &[u8] = b"YUV4MPEG2 ";

/// Reads raw pictures, each straight into the buffer it goes on in.
#[derive(Debug)]
pub(super) struct Y4m {
    header: Y4mHeader,
}

/// What the first line says of all pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Y4mHeader {
    pub(super) layout: Layout,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Frames per second.
    pub(super) rate: Option<f64>,
    /// Whether black is 0 and white 255, and not 16 and 235.
    pub(super) full_range: bool,
}

impl Y4m {
    /// Reads the first line. `None` if the program was asked to end meanwhile.
    pub(super) fn begin(input: &mut Input, stop: &Stop) -> anyhow::Result<Option<Self>> {
        loop {
            if let Some(length) = input.unused().iter().take(LONGEST_LINE).position(|&byte| byte == b'\n') {
                let header = Y4mHeader::parse(&input.unused()[..length])?;
                input.used(length + 1);
                return Ok(Some(Self { header }));
            }
            ensure!(input.unused().len() < LONGEST_LINE, "the Y4M header does not end");
            match input.fill(stop)? {
                Read::More => {}
                Read::Stopped => return Ok(None),
                Read::End => bail!("the Y4M input ends within its header"),
            }
        }
    }

    pub(super) fn header(&self) -> &Y4mHeader {
        &self.header
    }

    /// Waits for the next whole picture.
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        pool: &mut Pool,
        stop: &Stop,
    ) -> anyhow::Result<ReaderStep> {
        let Y4mHeader { layout, width, height, full_range, .. } = self.header;
        match read_frame_line(input, stop)? {
            Read::More => {}
            Read::Stopped => return Ok(ReaderStep::Stopped),
            Read::End => return Ok(ReaderStep::End),
        }
        let mut buffer = pool.take();
        let data = unique(&mut buffer);
        data.resize(layout.bytes(width, height), 0);
        match input.fill_exactly(data, stop)? {
            Read::More => {}
            Read::Stopped => return Ok(ReaderStep::Stopped),
            Read::End => return Ok(ReaderStep::CutShort),
        }
        if !full_range {
            let (luma, chroma) = data.split_at_mut(width as usize * height as usize);
            stretch_luma(luma);
            stretch_chroma(chroma);
        }
        Ok(ReaderStep::Picture(Picture::Raw(RawPicture { layout, width, height, data: pool.share(buffer) })))
    }
}

/// Reads the line before a picture, and nothing of the picture, which goes into its own buffer.
fn read_frame_line(input: &mut Input, stop: &Stop) -> anyhow::Result<Read> {
    loop {
        let unused = input.unused();
        let known = unused.len().min(FRAME.len());
        ensure!(unused[..known] == FRAME[..known], "the Y4M input is damaged: a line FRAME is expected");
        if let Some(length) = unused.iter().take(LONGEST_LINE).position(|&byte| byte == b'\n') {
            input.used(length + 1);
            return Ok(Read::More);
        }
        ensure!(unused.len() < LONGEST_LINE, "the Y4M input is damaged: a line FRAME does not end");
        // The shortest line is FRAME and its end; longer ones are rare.
        let most = (FRAME.len() + 1).saturating_sub(unused.len()).max(1);
        let read = input.fill_at_most(most, stop)?;
        if read != Read::More {
            return Ok(read);
        }
    }
}

impl Y4mHeader {
    /// Reads the first line, without its end.
    fn parse(line: &[u8]) -> anyhow::Result<Self> {
        let line = std::str::from_utf8(line).context("the Y4M header is not text")?;
        let (mut width, mut height, mut rate, mut full_range) = (None, None, None, false);
        let mut layout = Layout::I420;
        for field in line.split(' ').skip(1).filter(|field| !field.is_empty()) {
            let (kind, value) = field.split_at(field.chars().next().map_or(0, char::len_utf8));
            match kind {
                "W" => width = Some(side(value)?),
                "H" => height = Some(side(value)?),
                "F" => rate = self::rate(value)?,
                "C" => layout = self::layout(value)?,
                "I" => ensure!(
                    matches!(value, "p" | "?"),
                    "the Y4M input is interlaced; ffmpeg's filter `-vf yadif` makes it progressive"
                ),
                "X" => full_range |= value == "COLORRANGE=FULL",
                // The aspect of pixels, and what later versions may add.
                _ => {}
            }
        }
        let width = width.context("the Y4M header has no width (W)")?;
        let height = height.context("the Y4M header has no height (H)")?;
        Ok(Self { layout, width, height, rate, full_range })
    }
}

fn side(value: &str) -> anyhow::Result<u32> {
    let side = value.parse().ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
    side.with_context(|| {
        format!("the Y4M header says a size of '{value}'; 1 to {LARGEST_SIDE} pixels are taken")
    })
}

/// A rate as `30000:1001`; `0:0` means unknown.
fn rate(value: &str) -> anyhow::Result<Option<f64>> {
    let numbers =
        value.split_once(':').and_then(|(n, d)| Some((n.parse::<u32>().ok()?, d.parse::<u32>().ok()?)));
    let (frames, seconds) = numbers
        .with_context(|| format!("the Y4M header says a rate of '{value}'; such as 30:1 is expected"))?;
    Ok((frames > 0 && seconds > 0).then(|| f64::from(frames) / f64::from(seconds)))
}

fn layout(value: &str) -> anyhow::Result<Layout> {
    Ok(match value {
        // They differ in where chroma samples lie, by less than a pixel.
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Layout::I420,
        "422" => Layout::I422,
        "444" => Layout::I444,
        "mono" => Layout::Gray,
        _ => {
            let deep = value.contains('p') || value.starts_with("mono");
            let what = if deep { ", with more than 8 bits," } else { "" };
            bail!(
                "Y4M pixels of kind C{value}{what} are not taken; `ffmpeg ... -pix_fmt yuv420p` makes some that are"
            )
        }
    })
}

const FRAME: &[u8] = b"FRAME";
const LONGEST_LINE: usize = 1024;
/// In pixels. A picture of this width and height is 100 to 200 MB.
const LARGEST_SIDE: u32 = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> anyhow::Result<Y4mHeader> {
        Y4mHeader::parse(line.as_bytes())
    }

    #[test]
    fn headers_are_read() {
        let read =
            header("YUV4MPEG2 W640 H480 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED");
        let rate = Some(30_000.0 / 1001.0);
        let expected = Y4mHeader { layout: Layout::I420, width: 640, height: 480, rate, full_range: false };
        assert_eq!(read.unwrap(), expected);
        assert!(header("YUV4MPEG2 W2 H2 XCOLORRANGE=FULL").unwrap().full_range);
        assert_eq!(header("YUV4MPEG2 W2 H2 F0:0").unwrap().rate, None);
        for (name, layout) in [("422", Layout::I422), ("444", Layout::I444), ("mono", Layout::Gray)] {
            assert_eq!(header(&format!("YUV4MPEG2 W2 H2 C{name}")).unwrap().layout, layout);
        }
    }

    #[test]
    fn what_is_not_taken_is_named_with_the_way_out() {
        for (line, word) in [
            ("W2 H2 C420p10", "yuv420p"),
            ("W2 H2 C444alpha", "yuv420p"),
            ("W2 H2 It", "yadif"),
            ("W0 H2", "'0'"),
            ("W2 H99999", "'99999'"),
            ("W2 H-2", "'-2'"),
            ("W2", "height"),
            ("H2", "width"),
            ("W2 H2 F30", "'30'"),
        ] {
            let error = header(&format!("YUV4MPEG2 {line}")).unwrap_err().to_string();
            assert!(error.contains(word), "{line}: {error}");
        }
        let error = header("YUV4MPEG2 W2 H2 C420p10").unwrap_err().to_string();
        assert!(error.contains("more than 8 bits"), "{error}");
    }
}
