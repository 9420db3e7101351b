//! Finds whole JPEGs in a stream of bytes, each as soon as its last byte is there.

use std::ops::Range;

use super::markers::{EOI, RST0, RST7, SOI, SOS, TEM, fill, is_frame_header};

/// Cuts a stream of JPEGs (an `.mjpeg` file, a pipe, the parts of a multipart stream) into pictures.
///
/// Bytes between pictures are passed over. A picture ends with its own end marker, so it is complete without waiting
/// for the next; a thumbnail inside a segment does not end it. A start marker may be there twice. A picture that is
/// damaged, or larger than it may be, is skipped and counted, and the search goes on where that was found: what was
/// understood as a segment holds no picture of the stream. Where a segment does not end at a marker, the picture was
/// cut within it, and the next one may begin in what looks like its content; so what is there is looked at once more,
/// and is the next picture if it reaches beyond that segment (a thumbnail does not).
///
/// No byte is looked at more than twice, whatever the bytes are.
///
/// The bytes stay with the caller: `next` is called with the same growing buffer until it reports a picture's range.
#[derive(Debug)]
pub struct Splitter {
    state: SplitState,
    /// How far the buffer has been looked at.
    at: usize,
    /// Where the marker that is read begins, fill bytes included, however little of it was there at a time.
    marker: usize,
    /// Where the current picture begins.
    start: usize,
    /// The segment that was read last, behind its marker.
    segment: Range<usize>,
    /// Whether the current picture has data.
    has_scan: bool,
    /// Up to here are segments of a picture that was cut: what ends before is no picture of the stream.
    again_until: usize,
    largest: usize,
    damaged: u64,
    too_large: u64,
    /// Steps, and the bytes that they looked at; segments are jumped over.
    #[cfg(test)]
    work: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SplitState {
    Between,
    Markers,
    Entropy,
}

/// The first whole JPEG in these bytes, as a [`Splitter`] finds it; `None` if there is none.
pub fn find(bytes: &[u8]) -> Option<Range<usize>> {
    Splitter::new(usize::MAX).next(bytes)
}

impl Splitter {
    /// A splitter for pictures of at most `largest` bytes.
    pub fn new(largest: usize) -> Self {
        Self {
            state: SplitState::Between,
            at: 0,
            marker: 0,
            start: 0,
            segment: 0..0,
            has_scan: false,
            again_until: 0,
            largest,
            damaged: 0,
            too_large: 0,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Pictures that began but were damaged or too large.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Those of them that were only too large.
    pub fn too_large(&self) -> u64 {
        self.too_large
    }

    /// Whether a picture has begun that has not ended yet.
    pub fn inside_picture(&self) -> bool {
        self.state != SplitState::Between
    }

    /// The range of the first whole picture in `bytes`, or `None` if more bytes are needed.
    ///
    /// After a range was returned, the caller removes everything up to its end and calls [`Self::removed`]. When `None`
    /// was returned, it may remove what lies before [`Self::keep_from`], and must then say so as well.
    pub fn next(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        loop {
            match self.step(bytes) {
                SplitStep::More
                    if self.inside_picture() && bytes.len().saturating_sub(self.start) > self.largest =>
                {
                    self.skip_large();
                }
                SplitStep::More => return None,
                SplitStep::Damaged => self.skip_damaged(),
                SplitStep::Go => {}
                SplitStep::Whole(end) if end <= self.again_until => self.go_on_at(end),
                SplitStep::Whole(end) if end - self.start > self.largest => {
                    self.at = end;
                    self.skip_large();
                }
                SplitStep::Whole(end) => {
                    self.go_on_at(end);
                    return Some(self.start..end);
                }
            }
        }
    }

    /// The first byte that is still needed.
    pub fn keep_from(&self) -> usize {
        if self.inside_picture() { self.start } else { self.at }
    }

    /// Says that the first `count` bytes are no longer in the buffer.
    pub fn removed(&mut self, count: usize) {
        for place in [
            &mut self.at,
            &mut self.marker,
            &mut self.start,
            &mut self.segment.start,
            &mut self.segment.end,
            &mut self.again_until,
        ] {
            *place = place.saturating_sub(count);
        }
    }

    fn go_on_at(&mut self, at: usize) {
        self.state = SplitState::Between;
        self.at = at;
    }

    fn skip_large(&mut self) {
        self.damaged += 1;
        self.too_large += 1;
        self.go_on_at(self.at);
    }

    fn skip_damaged(&mut self) {
        let Range { start, end } = self.segment.clone();
        let place = if self.state == SplitState::Markers { self.marker } else { self.at };
        let is_cut_within = place == end && start > self.start;
        // What is damaged within a segment that is looked at once more was counted with its picture.
        let is_again = self.start < self.again_until && (is_cut_within || place <= self.again_until);
        self.damaged += u64::from(!is_again);
        if is_cut_within {
            // Its content was jumped over, so that all that is looked at again is behind what was looked at before.
            self.again_until = self.again_until.max(end);
        }
        self.go_on_at(if is_cut_within { start } else { self.at });
    }

    fn step(&mut self, bytes: &[u8]) -> SplitStep {
        #[cfg(test)]
        let (from, jumps) = (self.at, self.state == SplitState::Markers);
        let step = match self.state {
            SplitState::Between => self.find_start(bytes),
            SplitState::Markers => self.read_marker(bytes),
            SplitState::Entropy => self.skip_entropy(bytes),
        };
        #[cfg(test)]
        {
            self.work += 1 + if jumps { 0 } else { self.at.saturating_sub(from) };
        }
        step
    }

    // A start marker is always followed by another marker: FF D8 FF.
    fn find_start(&mut self, bytes: &[u8]) -> SplitStep {
        loop {
            let rest = &bytes[self.at.min(bytes.len())..];
            let Some(found) = memchr::memchr(0xff, rest) else {
                self.at = bytes.len();
                return SplitStep::More;
            };
            self.at += found;
            match &bytes[self.at..] {
                [0xff, SOI, 0xff, ..] => {
                    self.start = self.at;
                    self.at += 2;
                    self.marker = self.at;
                    self.has_scan = false;
                    self.state = SplitState::Markers;
                    return SplitStep::Go;
                }
                [0xff] | [0xff, SOI] => return SplitStep::More,
                _ => self.at += 1,
            }
        }
    }

    fn read_marker(&mut self, bytes: &[u8]) -> SplitStep {
        let rest = &bytes[self.at.min(bytes.len())..];
        let fill = fill(rest);
        let Some(&marker) = rest.get(fill) else {
            // Fill is not counted again when more has come.
            self.at += fill.saturating_sub(1);
            return SplitStep::More;
        };
        let at = self.at + fill + 1;
        match marker {
            _ if fill == 0 => return SplitStep::Damaged,
            // Segments and nothing else are the rest of one that was cut.
            EOI if !self.has_scan && self.segment.start > self.start => return SplitStep::Damaged,
            EOI => return SplitStep::Whole(at),
            // Some cameras begin twice.
            SOI if bytes[self.start + 2..self.at].iter().all(|&byte| byte == 0xff) => {
                self.go_on_at(at - 2);
                return SplitStep::Go;
            }
            0 | SOI => return SplitStep::Damaged,
            TEM | RST0..=RST7 => {
                (self.at, self.marker) = (at, at);
                return SplitStep::Go;
            }
            _ => {}
        }
        let Some(&[high, low]) = bytes.get(at..at + 2) else { return SplitStep::More };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return SplitStep::Damaged;
        }
        // A picture that was cut before the length: what stands there is the start of the next.
        if [high, low] == [0xff, SOI] {
            match bytes.get(at + 2) {
                None => return SplitStep::More,
                Some(0xff) => {
                    (self.at, self.marker) = (at, at);
                    return SplitStep::Damaged;
                }
                Some(_) => {}
            }
        }
        if at + length > bytes.len() {
            return SplitStep::More;
        }
        if !is_sound(marker, &bytes[at + 2..at + length]) {
            (self.at, self.marker) = (at, at);
            return SplitStep::Damaged;
        }
        self.segment = at..at + length;
        (self.at, self.marker) = (at + length, at + length);
        if marker == SOS {
            self.has_scan = true;
            self.state = SplitState::Entropy;
        }
        SplitStep::Go
    }

    fn skip_entropy(&mut self, bytes: &[u8]) -> SplitStep {
        loop {
            let Some(found) = memchr::memchr(0xff, &bytes[self.at..]) else {
                self.at = bytes.len();
                return SplitStep::More;
            };
            self.at += found;
            match bytes.get(self.at + 1) {
                None => return SplitStep::More,
                Some(0 | RST0..=RST7) => self.at += 2,
                Some(0xff) => self.at += fill(&bytes[self.at..]) - 1,
                Some(_) => {
                    self.marker = self.at;
                    self.state = SplitState::Markers;
                    return SplitStep::Go;
                }
            }
        }
    }
}

/// Whether a header of a frame or of a scan is what it must be (T.81 B.2.2 and B.2.3). That of a scan is looked at more
/// closely, since anything may follow it.
fn is_sound(marker: u8, content: &[u8]) -> bool {
    match *content {
        [components, ref rest @ ..] if marker == SOS => {
            let Some((listed, &[start, end, bits])) = rest.split_last_chunk() else { return false };
            let is_table = |pair: &[u8]| pair[1] >> 4 <= 3 && pair[1] & 15 <= 3;
            listed.len() == 2 * usize::from(components)
                && listed.chunks(2).all(is_table)
                && start <= 63
                && end <= 63
                && bits != 0xff
        }
        _ if !is_frame_header(marker) => marker != SOS,
        [_, _, _, _, _, components, ref rest @ ..] => rest.len() == 3 * usize::from(components),
        _ => false,
    }
}

enum SplitStep {
    /// Look again, with what is there.
    Go,
    /// More bytes are needed.
    More,
    /// The picture ends before this position.
    Whole(usize),
    /// This is no JPEG after all.
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::super::headers::tests::small;
    use super::super::segments::Segments;
    use super::*;

    /// Feeds `stream` in pieces of `piece` bytes and returns the pictures found.
    fn split(stream: &[u8], piece: usize, largest: usize) -> (Vec<Vec<u8>>, u64) {
        let mut splitter = Splitter::new(largest);
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        for bytes in stream.chunks(piece) {
            buffer.extend_from_slice(bytes);
            while let Some(range) = splitter.next(&buffer) {
                found.push(buffer[range.clone()].to_vec());
                buffer.drain(..range.end);
                splitter.removed(range.end);
            }
            let keep = splitter.keep_from();
            buffer.drain(..keep);
            splitter.removed(keep);
        }
        (found, splitter.damaged())
    }

    #[test]
    fn pictures_are_found_whatever_the_pieces() {
        let thumbnail = [0xff, 0xe1, 0, 8, 0xff, SOI, 0xff, 1, 0xff, EOI];
        let pictures =
            [small(&[], &[1, 0xff, 0, 2]), small(&thumbnail, &[0xff, 0xd0, 5]), small(&[], &[7; 40])];
        let mut stream = b"--boundary\r\n\xff\xff".to_vec();
        for picture in &pictures {
            stream.extend_from_slice(picture);
            stream.extend_from_slice(&[0, 0, 0xff, 0xd8, 0, 13, 10]);
        }
        for piece in 1..stream.len() {
            assert_eq!(split(&stream, piece, 1 << 20), (pictures.to_vec(), 0), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_picture_is_whole_without_the_next_byte() {
        let picture = small(&[], &[1, 2, 3]);
        assert_eq!(split(&picture, picture.len(), 1 << 20).0.len(), 1);
    }

    #[test]
    fn a_damaged_picture_costs_only_itself() {
        let good = small(&[], &[1, 2, 3]);
        let mut stream = vec![0xff, SOI, 0xff, 0xe0, 0, 1];
        stream.extend_from_slice(&good);
        assert_eq!(split(&stream, 5, 1 << 20), (vec![good], 1));
    }

    #[test]
    fn a_picture_that_is_too_large_is_skipped() {
        let (large, good) = (small(&[], &[7; 500]), small(&[], &[1]));
        let stream = [large, good.clone()].concat();
        for piece in [1, 7, 64, 4096] {
            assert_eq!(split(&stream, piece, 200), (vec![good.clone()], 1), "in pieces of {piece}");
        }
        let mut splitter = Splitter::new(200);
        assert!(splitter.next(&stream).is_some());
        assert_eq!((splitter.damaged(), splitter.too_large()), (1, 1), "which is not damage");
    }

    /// A picture with another one in an application segment, as cameras put it there.
    fn with_thumbnail(data: u8) -> Vec<u8> {
        let thumbnail = small(&[&[0xff, 0xdb, 0, 67][..], &[1; 65]].concat(), &[9; 90]);
        let exif = [b"Exif\0\0", &thumbnail[..], &[0; 7]].concat();
        let length = (exif.len() as u16 + 2).to_be_bytes();
        small(&[&[0xff, 0xe1], &length[..], &exif].concat(), &[data; 120])
    }

    #[test]
    fn wherever_a_picture_is_cut_the_next_is_found_and_no_thumbnail() {
        let (first, second) = (with_thumbnail(1), with_thumbnail(2));
        // Where the rest of a segment's length is at a marker in the next picture by chance, nobody can tell.
        let outer = Segments::new(&first).map(|segment| segment.content.end);
        let inner = Segments::new(&first[12..]).map(|segment| 12 + segment.content.end);
        let ends: Vec<usize> = outer.chain(inner).collect();
        let is_told = |cut: &usize| ends.iter().all(|end| end <= cut || second[end - cut] != 0xff);
        let cuts: Vec<usize> = (2..first.len()).filter(is_told).collect();
        assert!(cuts.len() > 300, "{} of {}", cuts.len(), first.len());
        for cut in cuts {
            let stream = [&first[..cut], &second, &first].concat();
            for piece in [1, 50, 4096] {
                let (found, damaged) = split(&stream, piece, 1 << 20);
                assert!(found == [&second[..], &first], "cut at {cut}, in pieces of {piece}");
                // Of a start marker and fill alone no picture was lost.
                assert_eq!(damaged, u64::from(cut > 3), "cut at {cut}, in pieces of {piece}");
            }
            assert_eq!(find(&stream), Some(cut..cut + second.len()), "cut at {cut}");
        }
    }

    #[test]
    fn a_second_start_and_what_stands_before_it_cost_nothing() {
        let good = with_thumbnail(1);
        let rest = &good[good.len() / 2..];
        for before in
            [&[0xff, SOI][..], &[0xff, SOI, 0xff, 0xff], &[0; 4], &[0xff; 5], rest, &[rest, &[0, 0]].concat()]
        {
            let stream = [before, &good, before, &good].concat();
            for piece in [1, 2, 3, 4096] {
                assert_eq!(split(&stream, piece, 1 << 20), (vec![good.clone(); 2], 0), "{before:x?} {piece}");
            }
            let found = find(&stream).unwrap();
            assert_eq!(stream[found], good);
        }
        assert_eq!((find(b"no picture"), find(&good[..200])), (None, None));
    }

    #[test]
    fn whatever_the_bytes_are_the_work_grows_as_they_do() {
        // Starts within segments, one in the other; a search from each of them would take minutes, and hours for 16
        // MiB.
        for (what, start, again) in [
            ("short segments", &[][..], &[0xff, 0xe0, 0, 4, 0xff, SOI][..]),
            ("long segments", &[], &[0xff, SOI, 0xff, 0xe0, 0xff, 0xff]),
            ("segments that end together", &[], &[0xff, SOI, 0xff, 0xe0, 0x40, 0]),
            ("starts alone", &[], &[0xff, SOI, 0xff]),
            ("scans without data", &[0xff, SOI], &[0xff, SOS, 0, 8, 1, 1, 0, 0, 63, 0]),
            ("fill", &[0xff, SOI], &[0xff]),
            ("fill in data", &[0xff, SOI, 0xff, SOS, 0, 8, 1, 1, 0, 0, 63, 0, 1], &[0xff]),
        ] {
            let mut bytes = [&[0xff, SOI], start].concat();
            while bytes.len() < 2 << 20 {
                bytes.extend_from_slice(again);
            }
            let mut splitter = Splitter::new(1 << 20);
            assert_eq!(splitter.next(&bytes), None, "{what}");
            assert!(splitter.work < 4 * bytes.len(), "{what}: {} for {}", splitter.work, bytes.len());
        }
    }
}
