//! What of a JPEG goes into RTP/JPEG, if it can.

use thiserror::Error;

use super::header::{DYNAMIC, RtpPicture, Sampling};
use super::quantization::Tables;
use crate::geometry::MAX_FRAME_BYTES;
use crate::jpeg::{
    self, APP0, APP14, Coding, DHT, DQT, Info, JpegError, SOS, STANDARD_TABLES, is_frame_header,
};

/// Why a JPEG cannot be sent as RTP/JPEG, and the way out. Chunkcast's own format carries all of them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Illegal {
    /// It is no whole JPEG.
    #[error("it is no whole JPEG: {0}")]
    Damaged(JpegError),
    /// The headers have a byte for each side, in blocks of 8 pixels (RFC 2435 section 3.1.5).
    #[error(
        "RTP/JPEG carries sizes up to 2040x2040, in steps of 8 pixels, and this is {width}x{height}; give another \
         --size, or --format chunkcast"
    )]
    Size {
        /// In pixels.
        width: u16,
        /// In pixels.
        height: u16,
    },
    /// Types 0 and 1 are baseline (RFC 2435 section 4.1).
    #[error(
        "RTP/JPEG carries baseline JPEGs only, and this is a progressive or other one; --format chunkcast carries it"
    )]
    Coding,
    /// And have 8 bits for each sample.
    #[error("RTP/JPEG carries 8 bits for each sample, and this has {0}; --format chunkcast carries it")]
    Precision(u8),
    /// And three components.
    #[error(
        "RTP/JPEG carries pictures of three colour components, and this has {0}; --format chunkcast carries it"
    )]
    Components(u8),
    /// Which are luminance and two of colour.
    #[error(
        "RTP/JPEG carries YCbCr only, and this JPEG's components are red, green and blue; have what makes it convert them, \
         or give --format chunkcast"
    )]
    Rgb,
    /// And their colour is reduced to a half or a quarter, in one of two ways. FFmpeg's 4:2:2, of 2x2, 1x2 and 1x2, is
    /// neither: its blocks are in another order.
    #[error(
        "RTP/JPEG carries JPEGs sampled by 2x2, 1x1, 1x1 (4:2:0) or 2x1, 1x1, 1x1 (4:2:2) only, and this one is by {}; give \
         --subsampling 420 if it is encoded here, -pix_fmt yuvj420p where FFmpeg makes it, else --format chunkcast",
        in_words(.0)
    )]
    Sampling([(u8, u8); 3]),
    /// Huffman tables do not travel: the standard ones (T.81 K.3) are meant.
    #[error(
        "RTP/JPEG carries JPEGs with the standard Huffman tables only, and this has its own; where FFmpeg makes it, give \
         it -huffman default, else --format chunkcast"
    )]
    Huffman,
    /// Quantization tables are two, and both chrominances have the second.
    #[error(
        "RTP/JPEG carries two quantization tables, and this JPEG has more; --format chunkcast carries it"
    )]
    Quantization,
    /// There is one scan.
    #[error("RTP/JPEG carries JPEGs of one scan only, and this has several; --format chunkcast carries it")]
    Scans,
    /// A fragment's place in its frame has 24 bits (RFC 2435 section 3.1.2).
    #[error(
        "RTP/JPEG carries {} bytes of a picture at most, and this has {bytes}; lower --quality",
        MAX_FRAME_BYTES
    )]
    TooLarge {
        /// Of its scan.
        bytes: usize,
    },
}

impl From<JpegError> for Illegal {
    fn from(error: JpegError) -> Self {
        Self::Damaged(error)
    }
}

/// What travels of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content<'a> {
    pub(super) picture: RtpPicture,
    pub(super) tables: Tables,
    /// The entropy-coded data of its scan, restart markers included.
    pub(super) data: &'a [u8],
}

impl<'a> Content<'a> {
    /// Reads a JPEG, and refuses what a receiver would not show as it is.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Illegal> {
        let info = jpeg::scan(bytes)?;
        let sampling = check(&info)?;
        let mut found = ScanHeaders::default();
        let mut at = 2;
        let scan = loop {
            let (marker, body) = jpeg::next_marker(bytes, at)?;
            if jpeg::stands_alone(marker) {
                at = body;
                continue;
            }
            let (segment, after) = jpeg::segment(bytes, body)?;
            match marker {
                DQT => found.quantization(segment)?,
                DHT => found.huffman(segment)?,
                SOS => break (segment, after),
                _ if is_frame_header(marker) => found.components = components(segment)?,
                APP0 => found.is_jfif |= segment.len() >= 14 && segment.starts_with(b"JFIF\0"),
                APP14 if segment.len() >= 12 && segment.starts_with(b"Adobe") => {
                    found.adobe_transform = Some(segment[11]);
                }
                _ => {}
            }
            at = after;
        };
        if found.is_rgb() {
            return Err(Illegal::Rgb);
        }
        let (header, from) = scan;
        let tables = found.tables_of(header)?;
        let to = jpeg::end_of_scan(bytes, from).ok_or(JpegError::CutShort)?;
        // Another scan would be behind it.
        if has_scan(&bytes[..info.end], to)? {
            return Err(Illegal::Scans);
        }
        let data = &bytes[from..to];
        if data.is_empty() {
            return Err(JpegError::CutShort.into());
        }
        if data.len() > MAX_FRAME_BYTES {
            return Err(Illegal::TooLarge { bytes: data.len() });
        }
        let restart_interval = Some(info.restart_interval).filter(|&interval| interval > 0);
        let picture =
            RtpPicture { sampling, q: DYNAMIC, width: info.width, height: info.height, restart_interval };
        Ok(Self { picture, tables, data })
    }
}

fn check(info: &Info) -> Result<Sampling, Illegal> {
    let &Info { width, height, components, sampling, precision, coding, .. } = info;
    if coding != Coding::Baseline {
        return Err(Illegal::Coding);
    }
    if precision != 8 {
        return Err(Illegal::Precision(precision));
    }
    if components != 3 {
        return Err(Illegal::Components(components));
    }
    let fits = |side: u16| side <= LARGEST_SIDE && side.is_multiple_of(8);
    if !fits(width) || !fits(height) {
        return Err(Illegal::Size { width, height });
    }
    match sampling {
        [(2, 1), (1, 1), (1, 1)] => Ok(Sampling::Yuv422),
        [(2, 2), (1, 1), (1, 1)] => Ok(Sampling::Yuv420),
        _ => Err(Illegal::Sampling(sampling)),
    }
}

/// Sampling factors as people write them.
fn in_words(sampling: &[(u8, u8); 3]) -> String {
    sampling.map(|(horizontal, vertical)| format!("{horizontal}x{vertical}")).join(", ")
}

/// One of the three components in a frame header.
#[derive(Clone, Copy, Debug, Default)]
struct Component {
    id: u8,
    quantization: u8,
}

fn components(segment: &[u8]) -> Result<[Component; 3], JpegError> {
    let content = segment.get(6..15).ok_or(JpegError::BadSegment)?;
    let mut components = [Component::default(); 3];
    for (component, bytes) in components.iter_mut().zip(content.chunks_exact(3)) {
        *component = Component { id: bytes[0], quantization: bytes[2] };
    }
    Ok(components)
}

/// What stands before a scan: tables, the components of its frame, and what says which colours these are.
#[derive(Debug, Default)]
struct ScanHeaders<'a> {
    quantization: [Option<&'a [u8]>; 4],
    /// Of each class, DC and AC: 16 counts, then the values.
    huffman: [[Option<&'a [u8]>; 4]; 2],
    components: [Component; 3],
    is_jfif: bool,
    /// What an Adobe marker says of the components: 0 is as they are, 1 YCbCr.
    adobe_transform: Option<u8>,
}

impl<'a> ScanHeaders<'a> {
    /// Whether decoders take the components for red, green and blue, as libjpeg and so most of them decide it: JFIF has
    /// YCbCr only, then Adobe's marker counts, then the components' names.
    fn is_rgb(&self) -> bool {
        match self.adobe_transform {
            _ if self.is_jfif => false,
            Some(transform) => transform == 0,
            None => self.components.map(|component| component.id) == *b"RGB",
        }
    }

    /// Notes the tables of a DQT segment (T.81 B.2.4.1).
    fn quantization(&mut self, mut segment: &'a [u8]) -> Result<(), JpegError> {
        while let [head, rest @ ..] = segment {
            let size = if head >> 4 == 0 { 64 } else { 128 };
            let (table, rest) = rest.split_at_checked(size).ok_or(JpegError::BadSegment)?;
            *self.quantization.get_mut(usize::from(head & 15)).ok_or(JpegError::BadSegment)? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// Notes the tables of a DHT segment (T.81 B.2.4.2).
    fn huffman(&mut self, mut segment: &'a [u8]) -> Result<(), JpegError> {
        while let [head, rest @ ..] = segment {
            let counts = rest.get(..16).ok_or(JpegError::BadSegment)?;
            let values: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let (table, rest) = rest.split_at_checked(16 + values).ok_or(JpegError::BadSegment)?;
            let class = self.huffman.get_mut(usize::from(head >> 4)).ok_or(JpegError::BadSegment)?;
            *class.get_mut(usize::from(head & 15)).ok_or(JpegError::BadSegment)? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// The quantization tables of a scan with this header (T.81 B.2.3), if it is of all components with the Huffman
    /// tables that a receiver will take.
    fn tables_of(&self, header: &[u8]) -> Result<Tables, Illegal> {
        if header.first() != Some(&3) {
            return Err(Illegal::Scans);
        }
        let listed = header.get(1..7).ok_or(JpegError::BadSegment)?.chunks_exact(2);
        for (component, (listed, is_chrominance)) in
            self.components.iter().zip(listed.zip([false, true, true]))
        {
            if listed[0] != component.id {
                return Err(JpegError::BadSegment.into());
            }
            for (class, number) in [listed[1] >> 4, listed[1] & 15].into_iter().enumerate() {
                if !self.is_standard(class, number, is_chrominance) {
                    return Err(Illegal::Huffman);
                }
            }
        }
        let [luminance, blue, red] = self.components.map(|component| {
            let table = self.quantization.get(usize::from(component.quantization)).copied().flatten();
            table.ok_or(JpegError::BadSegment)
        });
        let (blue, red) = (blue?, red?);
        if blue != red {
            return Err(Illegal::Quantization);
        }
        Ok(Tables::new([luminance?, blue]).ok_or(JpegError::BadSegment)?)
    }

    /// Whether a Huffman table is the standard one for this use. One that is missing is, if it has the usual number.
    fn is_standard(&self, class: usize, number: u8, is_chrominance: bool) -> bool {
        match self.huffman[class].get(usize::from(number)) {
            Some(Some(table)) => *table == standard(class, is_chrominance),
            Some(None) => number == u8::from(is_chrominance),
            None => false,
        }
    }
}

/// A standard Huffman table: 16 counts, then the values.
fn standard(class: usize, is_chrominance: bool) -> &'static [u8] {
    let mut tables = ScanHeaders::default();
    let content = &STANDARD_TABLES[4..];
    tables.huffman(content).expect("the standard tables are in order");
    tables.huffman[class][usize::from(is_chrominance)].expect("all four standard tables are there")
}

/// Whether a scan begins at or behind `at`.
fn has_scan(bytes: &[u8], mut at: usize) -> Result<bool, JpegError> {
    loop {
        let (marker, body) = jpeg::next_marker(bytes, at)?;
        match marker {
            SOS => return Ok(true),
            jpeg::EOI => return Ok(false),
            _ if jpeg::stands_alone(marker) => at = body,
            _ => at = jpeg::segment(bytes, body)?.1,
        }
    }
}

/// 255 blocks.
const LARGEST_SIDE: u16 = 2040;

#[cfg(test)]
mod tests {
    use super::super::jfif;
    use super::*;

    fn picture(sampling: Sampling, width: u16, height: u16) -> RtpPicture {
        RtpPicture { sampling, q: DYNAMIC, width, height, restart_interval: None }
    }

    fn file(picture: &RtpPicture, tables: &Tables, data: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        jfif::emit(picture, tables, &mut file);
        file.extend_from_slice(data);
        file.extend_from_slice(&jfif::END);
        file
    }

    fn good() -> Vec<u8> {
        file(&picture(Sampling::Yuv420, 640, 480), &Tables::of_quality(80), &[1, 2, 0xff, 0, 0xff, 0xd0, 3])
    }

    /// Where a segment's marker stands.
    fn find(jpeg: &[u8], marker: u8) -> usize {
        let mut at = 2;
        while jpeg[at + 1] != marker {
            at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        }
        at
    }

    fn with(at: usize, byte: u8) -> Vec<u8> {
        let mut jpeg = good();
        jpeg[at] = byte;
        jpeg
    }

    #[test]
    fn what_travels_is_the_data_of_the_scan_and_what_makes_its_headers_anew() {
        for restart_interval in [None, Some(40)] {
            for sampling in [Sampling::Yuv420, Sampling::Yuv422] {
                let picture = RtpPicture { restart_interval, ..picture(sampling, 2040, 8) };
                let (tables, data) = (Tables::of_quality(30), [1, 2, 3]);
                let file = file(&picture, &tables, &data);
                let content = Content::of(&file).unwrap();
                assert_eq!(content, Content { picture, tables, data: &data });
            }
        }
    }

    #[test]
    fn the_standard_huffman_tables_may_be_left_out_and_others_are_refused() {
        let jpeg = good();
        let at = find(&jpeg, DHT);
        let without = [&jpeg[..at], &jpeg[at + STANDARD_TABLES.len()..]].concat();
        assert_eq!(Content::of(&without), Content::of(&jpeg));
        // Luminance's last value; then a scan in which luminance has the tables of chrominance.
        assert_eq!(Content::of(&with(at + 4 + 28, 0x0c)), Err(Illegal::Huffman));
        assert_eq!(Content::of(&with(find(&jpeg, SOS) + 6, 0x11)), Err(Illegal::Huffman));
        let mut other_number = without.clone();
        let scan = find(&other_number, SOS);
        other_number[scan + 6] = 0x22;
        assert_eq!(Content::of(&other_number), Err(Illegal::Huffman));
    }

    #[test]
    fn three_quantization_tables_are_two_if_both_chrominances_have_the_same() {
        let jpeg = good();
        let (second, frame) = (find(&jpeg, DQT) + 69, find(&jpeg, 0xc0));
        let mut third = jpeg[second..second + 69].to_vec();
        third[4] = 2;
        let mut three = [&jpeg[..second], &third, &jpeg[second..]].concat();
        three[69 + frame + 18] = 2;
        assert_eq!(Content::of(&three), Content::of(&jpeg));
        three[second + 20] ^= 1;
        assert_eq!(Content::of(&three), Err(Illegal::Quantization));
    }

    #[test]
    fn each_picture_that_cannot_be_carried_is_refused_by_name() {
        let frame = find(&good(), 0xc0);
        let size = |width, height| Err(Illegal::Size { width, height });
        let sampling = |factors| Err(Illegal::Sampling(factors));
        for (jpeg, error) in [
            (with(frame + 1, 0xc2), Err(Illegal::Coding)),
            (with(frame + 1, 0xc9), Err(Illegal::Coding)),
            (with(frame + 4, 12), Err(Illegal::Precision(12))),
            (with(frame + 6, 0xe1), size(640, 481)),
            (with(frame + 8, 0x84), size(644, 480)),
            (with(frame + 11, 0x11), sampling([(1, 1), (1, 1), (1, 1)])),
            (with(frame + 11, 0x12), sampling([(1, 2), (1, 1), (1, 1)])),
            (with(frame + 14, 0x21), sampling([(2, 2), (2, 1), (1, 1)])),
        ] {
            assert_eq!(Content::of(&jpeg).map(|_| ()), error);
        }
        let large = file(&picture(Sampling::Yuv422, 2048, 480), &Tables::of_quality(80), &[1]);
        assert_eq!(Content::of(&large), size(2048, 480).map(|()| unreachable!()));
        let grey =
            [&good()[..frame], &[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0], &good()[frame + 19..]]
                .concat();
        assert_eq!(Content::of(&grey), Err(Illegal::Components(1)));
        assert_eq!(Content::of(b"no"), Err(Illegal::Damaged(JpegError::NoStart)));
    }

    #[test]
    fn the_other_way_of_ffmpeg_to_sample_4_2_2_is_refused_for_what_it_is() {
        let (mut jpeg, frame) = (good(), find(&good(), 0xc0));
        (jpeg[frame + 14], jpeg[frame + 17]) = (0x12, 0x12);
        let refusal = Content::of(&jpeg).unwrap_err().to_string();
        for words in ["this one is by 2x2, 1x2, 1x2", "-pix_fmt yuvj420p"] {
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn components_that_decoders_take_for_red_green_and_blue_are_refused() {
        let jpeg = good();
        let adobe = |transform| {
            let head = [0xff, APP14, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0];
            [&head[..], &[transform]].concat()
        };
        let (jfif, rest) = jpeg[2..].split_at(18);
        let with = |segments: &[&[u8]]| [&jpeg[..2], &segments.concat(), rest].concat();
        for (jpeg, is_rgb) in [
            (with(&[]), false),
            (with(&[&adobe(0)]), true),
            (with(&[&adobe(1)]), false),
            (with(&[jfif, &adobe(0)]), false),
        ] {
            let refusal = is_rgb.then_some(Illegal::Rgb);
            assert_eq!(Content::of(&jpeg).err(), refusal);
            // The same, with components that are named so.
            let mut named = jpeg;
            let (frame, scan) = (find(&named, 0xc0), find(&named, SOS));
            for (nth, name) in b"RGB".iter().enumerate() {
                (named[frame + 10 + 3 * nth], named[scan + 5 + 2 * nth]) = (*name, *name);
            }
            let says_nothing = find(&named, DQT) == 2;
            assert_eq!(Content::of(&named).err(), if says_nothing { Some(Illegal::Rgb) } else { refusal });
        }
    }

    #[test]
    fn several_scans_are_refused() {
        let jpeg = good();
        let scan = find(&jpeg, SOS);
        let twice = [&jpeg[..jpeg.len() - 2], &jpeg[scan..]].concat();
        assert_eq!(Content::of(&twice), Err(Illegal::Scans));
        let one = [&jpeg[..scan], &[0xff, SOS, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2], &jfif::END].concat();
        assert_eq!(Content::of(&one), Err(Illegal::Scans));
        let comment = [&jpeg[..jpeg.len() - 2], &[0xff, 0xfe, 0, 4, 1, 2], &jfif::END].concat();
        assert_eq!(Content::of(&comment), Content::of(&jpeg));
    }

    #[test]
    fn no_damage_does_harm() {
        let jpeg = good();
        for length in 0..jpeg.len() {
            assert!(Content::of(&jpeg[..length]).is_err(), "{length} bytes");
        }
        for bit in 0..jpeg.len() * 8 {
            let mut flipped = jpeg.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _either = Content::of(&flipped);
        }
    }
}
