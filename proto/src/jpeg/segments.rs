//! The segments of a JPEG, one after the other.

use std::ops::Range;

use super::markers::{EOI, SOI, SOS, end_of_scan, next_marker, segment, stands_alone};

/// A segment of a JPEG, by where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which kind it is: what stands behind 0xff.
    pub marker: u8,
    /// Where its content is, behind its marker and length.
    pub content: Range<usize>,
}

/// The segments of the JPEG at the beginning of some bytes, the data of its scans passed over. It ends with the
/// picture, or where that is damaged.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether data follow.
    in_scan: bool,
}

impl<'a> Segments<'a> {
    /// Those of the JPEG that begins with the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2, in_scan: false }
    }
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        if std::mem::take(&mut self.in_scan) {
            self.at = end_of_scan(self.bytes, self.at)?;
        }
        loop {
            let (marker, body) = next_marker(self.bytes, self.at).ok()?;
            if matches!(marker, SOI | EOI) {
                return None;
            }
            if stands_alone(marker) {
                self.at = body;
                continue;
            }
            let (content, after) = segment(self.bytes, body).ok()?;
            (self.at, self.in_scan) = (after, marker == SOS);
            return Some(Segment { marker, content: after - content.len()..after });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::headers::tests::small;
    use super::*;

    #[test]
    fn segments_are_told_with_their_content_and_data_are_passed_over() {
        let jpeg =
            small(&[0xff, 0xff, 0xe0, 0, 4, 7, 8], &[1, 0xff, 0, 0xff, 0xd0, 2, 0xff, 0xda, 0, 3, 9, 4]);
        let all: Vec<_> = Segments::new(&jpeg).collect();
        assert_eq!(all.iter().map(|segment| segment.marker).collect::<Vec<_>>(), [0xe0, 0xc0, SOS, SOS]);
        assert_eq!(jpeg[all[0].content.clone()], [7, 8]);
        assert_eq!(jpeg[all[3].content.clone()], [9]);
        assert_eq!(Segments::new(&jpeg[..30]).count(), 2, "and where it is cut they end");
    }
}
