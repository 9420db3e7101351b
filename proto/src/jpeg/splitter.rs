//! Finds whole JPEGs in a stream of bytes, each as soon as its last byte is there.

use super::{EOI, RST0, RST7, SOI, SOS, TEM};

/// Cuts a stream of JPEGs (an `.mjpeg` file, a pipe, the parts of a multipart stream) into pictures.
///
/// Bytes between pictures are passed over. A picture ends with its own end marker, so it is complete without waiting
/// for the next; a thumbnail inside a segment does not end it. A picture that is damaged, or larger than it may be,
/// is skipped and counted, and the search goes on behind its start marker.
///
/// The bytes stay with the caller: `next` is called with the same growing buffer until it reports a picture's range.
#[derive(Debug)]
pub struct Splitter {
    state: State,
    /// How far the buffer has been looked at.
    at: usize,
    /// Where the current picture begins.
    start: usize,
    largest: usize,
    damaged: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    Markers,
    Entropy,
}

impl Splitter {
    /// A splitter for pictures of at most `largest` bytes.
    pub fn new(largest: usize) -> Self {
        Self { state: State::Between, at: 0, start: 0, largest, damaged: 0 }
    }

    /// Pictures that began but were damaged or too large.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Whether a picture has begun that has not ended yet.
    pub fn inside_picture(&self) -> bool {
        self.state != State::Between
    }

    /// The range of the first whole picture in `bytes`, or `None` if more bytes are needed.
    ///
    /// After a range was returned, the caller removes everything up to its end and calls [`Self::removed`]. When `None`
    /// was returned, it may remove what lies before [`Self::keep_from`], and must then say so as well.
    pub fn next(&mut self, bytes: &[u8]) -> Option<std::ops::Range<usize>> {
        loop {
            match self.step(bytes) {
                Step::More
                    if bytes.len() - self.start.min(bytes.len()) > self.largest && self.inside_picture() =>
                {
                    self.skip();
                }
                Step::More => return None,
                Step::Damaged => self.skip(),
                Step::Go => {}
                Step::Whole(end) if end - self.start > self.largest => {
                    self.damaged += 1;
                    self.state = State::Between;
                    self.at = end;
                }
                Step::Whole(end) => {
                    self.state = State::Between;
                    self.at = end;
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
        self.at = self.at.saturating_sub(count);
        self.start = self.start.saturating_sub(count);
    }

    fn skip(&mut self) {
        self.damaged += 1;
        self.state = State::Between;
        self.at = self.start + 2;
    }

    fn step(&mut self, bytes: &[u8]) -> Step {
        match self.state {
            State::Between => self.find_start(bytes),
            State::Markers => self.read_marker(bytes),
            State::Entropy => self.skip_entropy(bytes),
        }
    }

    // A start marker is always followed by another marker: FF D8 FF.
    fn find_start(&mut self, bytes: &[u8]) -> Step {
        loop {
            let rest = &bytes[self.at.min(bytes.len())..];
            let Some(found) = memchr::memchr(0xff, rest) else {
                self.at = bytes.len();
                return Step::More;
            };
            self.at += found;
            match &bytes[self.at..] {
                [0xff, SOI, 0xff, ..] => {
                    self.start = self.at;
                    self.at += 2;
                    self.state = State::Markers;
                    return Step::Go;
                }
                [0xff] | [0xff, SOI] => return Step::More,
                _ => self.at += 1,
            }
        }
    }

    fn read_marker(&mut self, bytes: &[u8]) -> Step {
        let mut at = self.at;
        if bytes.get(at).is_some_and(|&byte| byte != 0xff) {
            return Step::Damaged;
        }
        while bytes.get(at) == Some(&0xff) {
            at += 1;
        }
        let Some(&marker) = bytes.get(at) else { return Step::More };
        at += 1;
        match marker {
            EOI => return Step::Whole(at),
            0 | SOI => return Step::Damaged,
            TEM | RST0..=RST7 => {
                self.at = at;
                return Step::Go;
            }
            _ => {}
        }
        let Some(length) = bytes.get(at..at + 2) else { return Step::More };
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length < 2 {
            return Step::Damaged;
        }
        if at + length > bytes.len() {
            return Step::More;
        }
        self.at = at + length;
        if marker == SOS {
            self.state = State::Entropy;
        }
        Step::Go
    }

    fn skip_entropy(&mut self, bytes: &[u8]) -> Step {
        loop {
            let Some(found) = memchr::memchr(0xff, &bytes[self.at..]) else {
                self.at = bytes.len();
                return Step::More;
            };
            self.at += found;
            match bytes.get(self.at + 1) {
                None => return Step::More,
                Some(0 | RST0..=RST7) => self.at += 2,
                Some(0xff) => self.at += 1,
                Some(_) => {
                    self.state = State::Markers;
                    return Step::Go;
                }
            }
        }
    }
}

enum Step {
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
    use super::super::tests::small;
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
    }
}
