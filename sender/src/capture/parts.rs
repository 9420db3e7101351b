//! Cuts JPEGs that a source gives into parts, where they have restart markers.

use proto::jpeg::cut_at_restarts;
use proto::{Frame, FramePart};

/// Gives out a frame in its parts: a receiver decodes the first while the others still arrive. What has no restart
/// markers, or is small, is one part.
pub(super) fn in_parts(frame: Frame, mut give: impl FnMut(FramePart)) {
    let most = (frame.jpeg.len() / LEAST_PART_BYTES).min(MOST_PARTS);
    if most < 2 {
        return give(frame.into());
    }
    let cuts = cut_at_restarts(&frame.jpeg, most);
    let ends = cuts[1..].iter().copied().chain([frame.jpeg.len()]);
    for ((part, &start), end) in (0..).zip(&cuts).zip(ends) {
        give(FramePart {
            captured: frame.captured,
            part,
            parts: cuts.len() as u8,
            buffer: frame.jpeg.clone(),
            range: start..end,
            signature: None,
        });
    }
}

/// Enough that only a quarter of the decoding is left when the last has come; more would each gain less than its
/// headers and parity cost.
const MOST_PARTS: usize = 4;
/// Smaller parts are there soon after the one before in any case.
const LEAST_PART_BYTES: usize = 24 << 10;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::{FrameInParts, MediaTime, Pool};

    use super::*;
    use crate::encode::Encoder;
    use crate::picture::{Layout, RawPicture};

    fn frame(bands: usize, quality: u8) -> Frame {
        let data = (0..640 * 960u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let raw = RawPicture { layout: Layout::Gray, width: 640, height: 960, data: Arc::new(data) };
        let mut encoder = Encoder::new(None).unwrap().with_bands(bands);
        let jpeg = encoder.encode(&raw, quality, &mut Pool::new(1)).unwrap();
        Frame { captured: MediaTime::from_micros(7), jpeg, signature: None }
    }

    #[test]
    fn a_jpeg_with_restart_markers_goes_in_parts_that_are_it_and_one_without_as_it_is() {
        for (bands, expected) in [(4, 4), (1, 1)] {
            let (frame, mut given) = (frame(bands, 80), None::<FrameInParts>);
            in_parts(frame.clone(), |part| match &mut given {
                Some(given) => assert!(given.add(part)),
                none => *none = Some(FrameInParts::begin(part)),
            });
            let given = given.unwrap();
            assert_eq!((given.parts(), given.is_whole()), (expected, true));
            let whole = given.whole(&mut Pool::new(1)).unwrap();
            assert!(whole.jpeg == frame.jpeg && Arc::ptr_eq(&whole.jpeg, &frame.jpeg), "nothing was copied");
        }
    }
}
