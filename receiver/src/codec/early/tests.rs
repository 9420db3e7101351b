use proto::jpeg::cut_at_restarts;
use turbojpeg::Subsamp;

use super::*;
use crate::codec::decoder::tests::{jpeg, pixels, planes, with_restarts};
use crate::codec::target::PixelFormat;

/// The parts of a JPEG, at most so many.
fn parts(jpeg: &[u8], most: usize) -> Vec<&[u8]> {
    let cuts = cut_at_restarts(jpeg, most);
    let ends = cuts[1..].iter().copied().chain([jpeg.len()]);
    cuts.iter().zip(ends).map(|(&start, end)| &jpeg[start..end]).collect()
}

fn targets() -> [DecodeTarget; 3] {
    let pixels = DecodeTarget::whole(PixelFormat::Pixels);
    [
        DecodeTarget::whole(PixelFormat::Planes),
        pixels,
        DecodeTarget { area: Some((100, 80)), alone: false, ..pixels },
    ]
}

/// Decodes the first `early` parts before the rest.
fn decode(decoder: &mut Decoder, jpeg: &[u8], early: usize, target: DecodeTarget) -> Option<Arc<Decoded>> {
    let parts = parts(jpeg, 4);
    let mut begun = decoder.begin_early(parts[0], target, Arc::default()).ok()?;
    // The first by itself, and the others together.
    let (first, others) = parts[..early.min(parts.len())].split_at(1);
    assert!(decoder.decode_parts(&mut begun, first.iter().copied()));
    assert!(decoder.decode_parts(&mut begun, others.iter().copied()));
    assert_eq!(begun.size(), (320, 250));
    decoder.finish_early(begun, jpeg).ok()
}

#[test]
fn however_many_parts_are_decoded_before_the_rest_the_pixels_are_the_same() {
    for (subsamp, rows) in
        [(Subsamp::Sub2x2, 64), (Subsamp::Sub2x1, 16), (Subsamp::None, 8), (Subsamp::Gray, 24)]
    {
        let jpeg = with_restarts(320, 250, subsamp, rows);
        for (threads, target) in [1, 2, 4].into_iter().flat_map(|threads| targets().map(|to| (threads, to))) {
            let mut decoder = Decoder::with_threads(threads);
            let mut whole = Decoded::default();
            decoder.decode(&jpeg, target, &mut whole).unwrap();
            for early in 1..=4 {
                let picture = decode(&mut decoder, &jpeg, early, target).unwrap();
                assert!(planes(&picture) == planes(&whole), "{subsamp:?} {target:?}, {early} of 4");
                assert_eq!((picture.width(), picture.height()), (whole.width(), whole.height()));
                let rows: u32 = picture.strips().iter().map(|strip| strip.rows()).sum();
                assert_eq!(rows, picture.height(), "its strips cover it once");
            }
        }
    }
}

#[test]
fn what_cannot_be_decoded_in_strips_is_not_begun() {
    let (mut decoder, target) = (Decoder::with_threads(2), DecodeTarget::whole(PixelFormat::Planes));
    let mut begins = |first: &[u8]| {
        let begun = decoder.begin_early(first, target, Arc::default());
        begun.is_ok_and(|mut begun| decoder.decode_parts(&mut begun, std::iter::once(first)))
    };
    let striped = with_restarts(320, 250, Subsamp::Sub2x2, 64);
    let first = parts(&striped, 4)[0];
    assert!(begins(first));
    assert!(!begins(&jpeg(320, 250, Subsamp::Sub2x2)), "no restart markers");
    assert!(!begins(&first[..100]) && !begins(b"") && !begins(b"\xff\xd8"));
    assert!(!begins(&first[..first.len() - 40]), "damaged");
    // In the middle of a marker, of which nothing is known yet.
    assert!(!begins(&[first, &[0xff]].concat()));
}

#[test]
fn parts_that_do_not_follow_are_refused_and_the_picture_is_decoded_as_a_whole() {
    let target = DecodeTarget::whole(PixelFormat::Planes);
    let striped = with_restarts(320, 250, Subsamp::Sub2x2, 32);
    let parts = parts(&striped, 4);
    let mut damaged = parts[1].to_vec();
    let third = damaged.len() / 3;
    damaged[third..2 * third].fill(0x55);
    for wrong in
        [parts[0], parts[2], parts[3], &parts[1][2..], &parts[1][..parts[1].len() - 30], &damaged, b""]
    {
        let mut decoder = Decoder::with_threads(2);
        let mut begun = decoder.begin_early(parts[0], target, Arc::default()).unwrap();
        assert!(!decoder.decode_parts(&mut begun, [parts[0], wrong].into_iter()));
        let mut whole = decoder.give_up_early(begun);
        let into = Arc::get_mut(&mut whole).unwrap();
        assert!(into.strips().is_empty(), "it is no picture");
        decoder.decode(&striped, target, into).unwrap();
        assert_eq!((into.width(), into.height()), (320, 250));
    }
}

#[test]
fn the_rest_of_another_picture_does_not_finish_one() {
    let target = DecodeTarget::whole(PixelFormat::Planes);
    let one = with_restarts(320, 250, Subsamp::Sub2x2, 32);
    let others = [
        with_restarts(320, 250, Subsamp::Sub2x1, 32),
        with_restarts(320, 234, Subsamp::Sub2x2, 32),
        jpeg(320, 250, Subsamp::Sub2x2),
        one[..one.len() - 2].to_vec(),
        pixels(20, 20),
    ];
    for other in others {
        let mut decoder = Decoder::with_threads(2);
        let mut begun = decoder.begin_early(parts(&one, 4)[0], target, Arc::default()).unwrap();
        assert!(decoder.decode_parts(&mut begun, parts(&one, 4)[..2].iter().copied()));
        assert!(decoder.finish_early(begun, &other).is_err());
    }
}
