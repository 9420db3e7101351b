//! The index of a Matroska file: at which time which cluster begins (RFC 9559 section 5.1.5).

use super::ebml;

/// Clusters that a player can go to.
#[derive(Debug, Default)]
pub(super) struct Cues {
    /// (milliseconds, position in the segment)
    points: Vec<(u64, u64)>,
    /// Of so many clusters, one more times doubled, one is kept.
    thinned: u32,
    clusters: u64,
}

impl Cues {
    /// Adds a cluster. In a long file only every second, fourth and so on is kept, so that the index stays small.
    pub(super) fn add(&mut self, millis: u64, position: u64) {
        let every = 1_u64 << self.thinned;
        if self.clusters.is_multiple_of(every) {
            if self.points.len() == MOST_POINTS {
                let mut number = 0;
                self.points.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.thinned += 1;
            }
            self.points.push((millis, position));
        }
        self.clusters += 1;
    }

    /// More bytes than the element will have.
    pub(super) fn most_bytes(&self) -> u64 {
        (self.points.len() as u64 + 2) * MOST_POINT_BYTES
    }

    /// The element, to be written behind the clusters.
    pub(super) fn element(&self) -> Vec<u8> {
        let mut out = Vec::new();
        ebml::master(&mut out, CUES, |out| {
            for (millis, position) in &self.points {
                ebml::master(out, CUE_POINT, |out| {
                    ebml::uint(out, CUE_TIME, *millis);
                    ebml::master(out, CUE_TRACK_POSITIONS, |out| {
                        ebml::uint(out, CUE_TRACK, 1);
                        ebml::uint(out, CUE_CLUSTER_POSITION, *position);
                    });
                });
            }
        });
        out
    }
}

/// More than four hours, second by second.
const MOST_POINTS: usize = 16_384;
/// Three headers, and numbers of 8, 1 and 8 bytes.
const MOST_POINT_BYTES: u64 = 28;

pub(super) const CUES: ebml::Id = 0x1c53_bb6b;
const CUE_POINT: ebml::Id = 0xbb;
const CUE_TIME: ebml::Id = 0xb3;
const CUE_TRACK_POSITIONS: ebml::Id = 0xb7;
const CUE_TRACK: ebml::Id = 0xf7;
const CUE_CLUSTER_POSITION: ebml::Id = 0xf1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_recording_has_an_index_that_is_bounded_and_even() {
        let mut cues = Cues::default();
        for second in 0..100_000 {
            cues.add(second * 1000, second * 7);
            assert!(cues.points.len() <= MOST_POINTS);
        }
        assert!(cues.points.len() > MOST_POINTS / 2 - 1);
        assert!(cues.points.windows(2).all(|pair| pair[1].0 - pair[0].0 == 8000), "every eighth second");
        assert!(cues.element().len() as u64 <= cues.most_bytes());
    }
}
