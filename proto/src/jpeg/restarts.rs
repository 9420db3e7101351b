//! Where a JPEG can be cut at its restart markers.

use super::headers::scan_head;
use super::markers::{RST0, RST7, segment};

/// Where parts of a JPEG begin, so that there are at most `most` of about the same size: the first at its beginning,
/// and each of the others with a restart marker, before which nothing matters to what follows (T.81 F.1.1.5.1). One
/// alone where there are no such markers.
pub fn cut_at_restarts(jpeg: &[u8], most: usize) -> Vec<usize> {
    let mut cuts = vec![0];
    let Ok(head) = scan_head(jpeg) else { return cuts };
    if head.info.restart_interval == 0 {
        return cuts;
    }
    let Ok((_, data)) = segment(jpeg, head.scan_at + 2) else { return cuts };
    let each = jpeg.len() / most.max(1);
    let mut at = data;
    while cuts.len() < most {
        // Most of a part's size is passed over without being looked at. One that is a little smaller will do.
        at = at.max(cuts.len() * each - each / 8);
        let Some(found) = jpeg.get(at..).and_then(|rest| memchr::memchr(0xff, rest)) else { break };
        at += found;
        match jpeg.get(at + 1) {
            Some(RST0..=RST7) => {
                cuts.push(at);
                at += 2;
            }
            // Fill bytes, stuffed ones, and whatever else, of which the receiver will think the same.
            Some(_) => at += 1,
            None => break,
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::super::headers::tests::small;
    use super::*;

    #[test]
    fn a_jpeg_is_cut_before_restart_markers_into_parts_of_about_the_same_size() {
        let interval = [0xff, 0xdd, 0, 4, 0, 1];
        let data: Vec<u8> = (0..64u8).flat_map(|n| [7, 0xff, 0, 9, 0xff, RST0 + n % 8]).collect();
        let jpeg = small(&interval, &data);
        for most in 1..=8 {
            let cuts = cut_at_restarts(&jpeg, most);
            assert_eq!(cuts.len(), most);
            assert!(cuts[1..].iter().all(|&at| jpeg[at] == 0xff && (RST0..=RST7).contains(&jpeg[at + 1])));
            let ends = cuts[1..].iter().copied().chain([jpeg.len()]);
            let sizes: Vec<_> = cuts.iter().zip(ends).map(|(start, end)| end - start).collect();
            let (least, largest) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(most == 1 || largest - least < 100, "{sizes:?}");
        }
        assert_eq!(cut_at_restarts(&small(&[], &data), 4), [0], "it does not say that it has any");
        assert_eq!(cut_at_restarts(&small(&interval, &[7, 0xff, 0, 9]), 4), [0]);
        assert_eq!(cut_at_restarts(&jpeg[..20], 4), [0]);
    }
}
