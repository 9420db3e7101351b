//! Decoded pictures as a Y4M (YUV4MPEG2) stream.

use std::io::IoSlice;

use anyhow::{Context, Result, bail};

use super::pipe::Pipe;
use crate::decode::{Decoded, Layout};

/// A stream whose first picture fixes its size and sampling; the format knows no change of either.
#[derive(Debug, Default)]
pub(super) struct Stream {
    begun: Option<(u32, u32, Layout)>,
    header: String,
    /// A picture of odd size, without the columns and rows that its planes have more.
    trimmed: Vec<u8>,
}

impl Stream {
    /// Writes a picture, its planes straight from where they were decoded; says whether somebody still reads.
    pub(super) fn write(&mut self, picture: &Decoded, to: &mut Pipe) -> Result<bool> {
        self.begin(picture)?;
        let layout = picture.layout();
        let is_padded = layout.pitch(0, picture.width()) != picture.width() as usize
            || layout.rows(0, picture.height()) != picture.height() as usize;
        let must_copy = is_padded || picture.strips().len() > MOST_STRIPS;
        if must_copy {
            self.trim(picture);
        }
        let mut slices = std::array::from_fn::<_, { 1 + 3 * MOST_STRIPS }, _>(|_| IoSlice::new(&[]));
        slices[0] = IoSlice::new(self.header.as_bytes());
        if must_copy {
            slices[1] = IoSlice::new(&self.trimmed);
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

    /// The first picture has the stream's header before its own; every other must be like it.
    fn begin(&mut self, picture: &Decoded) -> Result<()> {
        let is = (picture.width(), picture.height(), picture.layout());
        let (width, height, layout) = is;
        match self.begun {
            Some(begun) if begun == is => Ok(()),
            Some(begun) => bail!(
                "the pictures changed from {} to {}, which a Y4M stream cannot; start the receiver again",
                described(begun),
                described(is)
            ),
            None => {
                let sampling = match layout {
                    Layout::I420 => "420jpeg",
                    Layout::I422 => "422",
                    Layout::I444 => "444",
                    Layout::Gray => "mono",
                    Layout::Bgrx => {
                        bail!("Y4M has no name for the colour sampling of these pictures; use --output -")
                    }
                };
                self.header = format!(
                    "YUV4MPEG2 W{width} H{height} {RATE} Ip A1:1 C{sampling} XCOLORRANGE=FULL\nFRAME\n"
                );
                self.begun = Some(is);
                Ok(())
            }
        }
    }

    fn trim(&mut self, picture: &Decoded) {
        self.trimmed.clear();
        let (layout, width) = (picture.layout(), picture.width());
        for plane in 0..3 {
            let pitch = layout.pitch(plane, width);
            let kept = if plane == 0 { width as usize } else { pitch };
            for strip in picture.strips() {
                let rows = if plane == 0 { strip.rows() as usize } else { layout.rows(plane, strip.rows()) };
                for row in picture.planes(strip)[plane].chunks(pitch.max(1)).take(rows) {
                    self.trimmed.extend_from_slice(&row[..kept]);
                }
            }
        }
    }
}

fn described((width, height, layout): (u32, u32, Layout)) -> String {
    format!("{width}x{height} {layout:?}")
}

/// Pictures come when they come, and the format wants a number.
const RATE: &str = "F30:1";
/// As many as the decoder makes.
const MOST_STRIPS: usize = 4;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use proto::host::Stop;

    use super::*;
    use crate::decode::{Aim, Decoder, Form};

    fn decoded(width: usize, height: usize, subsamp: turbojpeg::Subsamp) -> Decoded {
        let pixels: Vec<u8> = (0..3 * width * height).map(|n| (n * 7) as u8).collect();
        let format = turbojpeg::PixelFormat::RGB;
        let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: 3 * width, height, format };
        let jpeg = turbojpeg::compress(image, 90, subsamp).unwrap();
        let mut decoded = Decoded::default();
        Decoder::with_threads(1).decode(&jpeg, Aim::whole(Form::Planes), &mut decoded).unwrap();
        decoded
    }

    #[test]
    fn the_header_says_what_follows_and_odd_sizes_have_no_padding() {
        for (subsamp, sampling, bytes) in [
            (turbojpeg::Subsamp::Sub2x2, "C420jpeg", 17 * 13 + 2 * 9 * 7),
            (turbojpeg::Subsamp::Sub2x1, "C422", 17 * 13 + 2 * 9 * 13),
            (turbojpeg::Subsamp::None, "C444", 3 * 17 * 13),
            (turbojpeg::Subsamp::Gray, "Cmono", 17 * 13),
        ] {
            let (mut reader, writer) = std::io::pipe().unwrap();
            let mut output = Pipe::from_fd(writer.as_fd(), &Stop::new().unwrap()).unwrap();
            let mut stream = Stream::default();
            let picture = decoded(17, 13, subsamp);
            for _ in 0..2 {
                assert!(stream.write(&picture, &mut output).unwrap());
            }
            let other = decoded(16, 16, subsamp);
            assert!(stream.write(&other, &mut output).unwrap_err().to_string().contains("17x13"));
            drop((output, writer));
            let mut written = Vec::new();
            reader.read_to_end(&mut written).unwrap();
            let header = format!("YUV4MPEG2 W17 H13 F30:1 Ip A1:1 {sampling} XCOLORRANGE=FULL\n");
            assert!(written.starts_with(header.as_bytes()));
            assert_eq!(written.len(), header.len() + 2 * ("FRAME\n".len() + bytes), "{sampling}");
        }
    }
}
