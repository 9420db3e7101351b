use turbojpeg::{Compressor, Image, Subsamp};

use super::*;
use crate::codec::bounds::MOST_PIXELS;
use crate::codec::picture::Pictures;
use crate::codec::target::PixelFormat;

/// Edges and colours everywhere; R, G, B.
pub(in crate::codec) fn pixels(width: usize, height: usize) -> Vec<u8> {
    (0..width * height)
        .flat_map(|at| {
            let (x, y) = (at % width, at / width);
            [(x * 3 + y) as u8, (y * 5) as u8 ^ x as u8, ((x / 9 + y / 7) % 2 * 200) as u8]
        })
        .collect()
}

fn encode(pixels: &[u8], width: usize, height: usize, subsamp: Subsamp) -> Vec<u8> {
    let image = Image { pixels, width, pitch: 3 * width, height, format: turbojpeg::PixelFormat::RGB };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.set_quality(85).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

pub(in crate::codec) fn jpeg(width: usize, height: usize, subsamp: Subsamp) -> Vec<u8> {
    encode(&pixels(width, height), width, height, subsamp)
}

/// A picture encoded in strips of `rows` rows each, put together with restart markers between them.
pub(in crate::codec) fn with_restarts(width: usize, height: usize, subsamp: Subsamp, rows: usize) -> Vec<u8> {
    let pixels = pixels(width, height);
    let strips: Vec<Vec<u8>> = (0..height)
        .step_by(rows)
        .map(|top| encode(&pixels[3 * width * top..], width, rows.min(height - top), subsamp))
        .collect();
    let data = |jpeg: &[u8]| 2 + jpeg.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 12;
    let (mcu_width, mcu_height) = match subsamp {
        Subsamp::Sub2x2 => (16, 16),
        Subsamp::Sub2x1 => (16, 8),
        _ => (8, 8),
    };
    let interval = width.div_ceil(mcu_width) * (rows / mcu_height);
    let data_at = |jpeg: &[u8]| if subsamp == Subsamp::Gray { data(jpeg) - 4 } else { data(jpeg) };
    let mut whole = vec![0xff, 0xd8, 0xff, 0xdd, 0, 4, (interval >> 8) as u8, interval as u8];
    whole.extend_from_slice(&strips[0][2..data_at(&strips[0])]);
    let height_at = whole.windows(2).position(|two| two == [0xff, 0xc0]).unwrap() + 5;
    whole[height_at..height_at + 2].copy_from_slice(&(height as u16).to_be_bytes());
    for (number, strip) in strips.iter().enumerate() {
        if number > 0 {
            whole.extend_from_slice(&[0xff, 0xd0 + ((number - 1) % 8) as u8]);
        }
        whole.extend_from_slice(&strip[data_at(strip)..strip.len() - 2]);
    }
    whole.extend_from_slice(&[0xff, 0xd9]);
    whole
}

fn decode(decoder: &mut Decoder, jpeg: &[u8], format: PixelFormat) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    decoder.decode(jpeg, DecodeTarget::whole(format), &mut decoded).map(|_| decoded)
}

/// The three planes, put together from all strips.
pub(in crate::codec) fn planes(decoded: &Decoded) -> [Vec<u8>; 3] {
    let mut whole: [Vec<u8>; 3] = Default::default();
    for strip in decoded.strips() {
        for (whole, part) in whole.iter_mut().zip(decoded.planes(strip)) {
            whole.extend_from_slice(part);
        }
    }
    whole
}

/// Replaces the first occurrence of a two-byte marker.
fn patch(jpeg: &[u8], from: [u8; 2], to: [u8; 2]) -> Vec<u8> {
    let at = jpeg.windows(2).position(|two| two == from).unwrap();
    let mut patched = jpeg.to_vec();
    patched[at..at + 2].copy_from_slice(&to);
    patched
}

/// Takes all segments with this marker out.
fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let (mut kept, mut at) = (jpeg[..2].to_vec(), 2);
    while jpeg[at + 1] != 0xda {
        let after = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != marker {
            kept.extend_from_slice(&jpeg[at..after]);
        }
        at = after;
    }
    kept.extend_from_slice(&jpeg[at..]);
    kept
}

/// What the library itself makes of a JPEG of this sampling.
fn oracle(jpeg: &[u8]) -> Vec<u8> {
    let mut decompressor = turbojpeg::Decompressor::new().unwrap();
    let header = decompressor.read_header(jpeg).unwrap();
    let length = turbojpeg::yuv_pixels_len(header.width, 1, header.height, header.subsamp).unwrap();
    let mut yuv = turbojpeg::YuvImage {
        pixels: vec![0; length],
        width: header.width,
        align: 1,
        height: header.height,
        subsamp: header.subsamp,
    };
    decompressor.decompress_to_yuv(jpeg, yuv.as_deref_mut()).unwrap();
    yuv.pixels
}

#[test]
fn every_sampling_and_odd_sizes_are_decoded() {
    let mut decoder = Decoder::with_threads(1);
    let samplings = [
        (Subsamp::Sub2x2, DecodedLayout::I420),
        (Subsamp::Sub2x1, DecodedLayout::I422),
        (Subsamp::None, DecodedLayout::I444),
        (Subsamp::Gray, DecodedLayout::Gray),
    ];
    for (width, height) in [(1, 1), (17, 13), (64, 48), (16, 1), (1, 33)] {
        for (subsamp, layout) in samplings {
            let jpeg = jpeg(width, height, subsamp);
            let decoded = decode(&mut decoder, &jpeg, PixelFormat::Planes).unwrap();
            assert_eq!((decoded.width() as usize, decoded.height() as usize), (width, height));
            assert_eq!(decoded.layout(), layout);
            assert_eq!(planes(&decoded).concat(), oracle(&jpeg), "{width}x{height} {subsamp:?}");
            let pixels = decode(&mut decoder, &jpeg, PixelFormat::Pixels).unwrap();
            assert_eq!(
                (pixels.layout(), planes(&pixels)[0].len()),
                (DecodedLayout::Bgrx, 4 * width * height)
            );
        }
    }
}

#[test]
fn a_sampling_without_a_layout_of_its_own_is_decoded_to_pixels() {
    let mut decoder = Decoder::with_threads(1);
    for subsamp in [Subsamp::Sub1x2, Subsamp::Sub4x1] {
        let decoded = decode(&mut decoder, &jpeg(50, 30, subsamp), PixelFormat::Planes).unwrap();
        assert_eq!((decoded.layout(), planes(&decoded)[0].len()), (DecodedLayout::Bgrx, 4 * 50 * 30));
    }
}

#[test]
fn pixels_are_those_that_were_encoded() {
    let grey_ramp: Vec<u8> = (0..64 * 64).flat_map(|at| [(at % 64 * 4) as u8; 3]).collect();
    let jpeg = encode(&grey_ramp, 64, 64, Subsamp::Sub2x2);
    let decoded = decode(&mut Decoder::with_threads(1), &jpeg, PixelFormat::Pixels).unwrap();
    for (bgrx, rgb) in planes(&decoded)[0].chunks(4).zip(grey_ramp.chunks(3)) {
        assert!((0..3).all(|c| bgrx[c].abs_diff(rgb[c]) < 8), "{bgrx:?} for {rgb:?}");
    }
}

#[test]
fn what_cameras_leave_out_or_add_makes_no_difference() {
    let mut decoder = Decoder::with_threads(1);
    let plain = jpeg(160, 120, Subsamp::Sub2x1);
    let picture = oracle(&plain);
    let bare = without(&plain, 0xc4);
    assert!(bare.len() < plain.len());
    let stale = [&plain[..], &[0, 0, 7, 0xff, 0xd9, 0xff, 0xd8, 1]].concat();
    let thumbnail = jpeg(16, 16, Subsamp::Sub2x2);
    let length = ((thumbnail.len() + 2) as u16).to_be_bytes();
    let with_thumbnail = [&plain[..2], &[0xff, 0xe1], &length, &thumbnail, &plain[2..]].concat();
    let padded = [&plain[..plain.len() - 2], &[0x00, 0x00], &plain[plain.len() - 2..]].concat();
    for (what, jpeg) in [
        ("no Huffman tables", bare),
        ("bytes after the end", stale),
        ("a thumbnail", with_thumbnail),
        ("bytes before the end marker", padded),
        ("restart markers", with_restarts(160, 120, Subsamp::Sub2x1, 8)),
    ] {
        let decoded = decode(&mut decoder, &jpeg, PixelFormat::Planes)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        // Strips of one picture were encoded one by one, from the same pixels: the same blocks.
        assert!(planes(&decoded).concat() == picture, "{what}");
    }
}

#[test]
fn strips_decoded_side_by_side_give_the_same_pixels() {
    let mut alone = Decoder::with_threads(1);
    for (width, height, subsamp, rows) in [
        (640, 480, Subsamp::Sub2x2, 16),
        (640, 480, Subsamp::Sub2x1, 240),
        (641, 487, Subsamp::Sub2x2, 48),
        (641, 487, Subsamp::Sub2x2, 128),
        (641, 487, Subsamp::None, 96),
        (641, 487, Subsamp::None, 8),
        (800, 600, Subsamp::Gray, 8),
        (1280, 480, Subsamp::Sub2x1, 8),
    ] {
        let jpeg = with_restarts(width, height, subsamp, rows);
        // Of many strips, one thread decodes the picture as a whole.
        let of_many = with_restarts(width, height, subsamp, if subsamp == Subsamp::Sub2x2 { 16 } else { 8 });
        for threads in 2..=4 {
            let mut decoder = Decoder::with_threads(threads);
            for format in [PixelFormat::Planes, PixelFormat::Pixels] {
                let whole = decode(&mut alone, &of_many, format).unwrap();
                assert_eq!(whole.strips().len(), 1);
                for _ in 0..2 {
                    let decoded = decode(&mut decoder, &jpeg, format).unwrap();
                    let intervals = height.div_ceil(rows);
                    let strips = if intervals <= 8 { intervals } else { threads };
                    assert_eq!(decoded.strips().len(), strips);
                    assert!(decoded.strips().iter().all(|strip| strip.first_row() % 2 == 0));
                    assert!(
                        planes(&decoded) == planes(&whole),
                        "{width}x{height} {subsamp:?} {threads} {format:?}"
                    );
                }
            }
        }
    }
}

/// Few intervals are decoded each by itself, many as a whole, where there is one thread.
#[test]
fn one_thread_gives_the_same_pixels_by_strips_and_as_a_whole_at_every_scale() {
    let mut decoder = Decoder::with_threads(1);
    for (width, height, subsamp, few) in
        [(641, 487, Subsamp::Sub2x2, 80), (641, 487, Subsamp::Sub2x1, 128), (320, 239, Subsamp::Gray, 32)]
    {
        for area in [None, Some((320, 200)), Some((100, 100)), Some((9, 9))] {
            let mut decode = |rows| {
                let mut decoded = Decoded::default();
                let target = DecodeTarget { format: PixelFormat::Pixels, area, alone: false };
                decoder.decode(&with_restarts(width, height, subsamp, rows), target, &mut decoded).unwrap();
                decoded
            };
            let (strips, whole) = (decode(few), decode(16));
            assert_eq!((strips.strips().len(), whole.strips().len()), (height.div_ceil(few), 1));
            assert_eq!((strips.width(), strips.height()), (whole.width(), whole.height()));
            assert!(planes(&strips) == planes(&whole), "{width}x{height} {subsamp:?} in {area:?}");
        }
    }
}

#[test]
fn a_damaged_strip_refuses_the_picture_and_only_that_one() {
    let mut decoder = Decoder::with_threads(4);
    let good = with_restarts(640, 480, Subsamp::Sub2x2, 16);
    let last = good.windows(2).rposition(|two| (0xd0..0xd8).contains(&two[1]) && two[0] == 0xff).unwrap();
    let mut bad = good.clone();
    bad.drain(last + 4..bad.len() - 2);
    for _ in 0..3 {
        assert!(decode(&mut decoder, &bad, PixelFormat::Planes).is_err());
        assert!(decode(&mut decoder, &good, PixelFormat::Planes).is_ok());
    }
}

#[test]
fn a_large_picture_is_decoded() {
    let jpeg = jpeg(4096, 2160, Subsamp::Sub2x2);
    let decoded = decode(&mut Decoder::with_threads(1), &jpeg, PixelFormat::Planes).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (4096, 2160));
}

#[test]
fn what_is_refused_is_refused_by_name_and_the_next_picture_decodes() {
    let mut decoder = Decoder::with_threads(2);
    let good = jpeg(64, 64, Subsamp::Sub2x2);
    let progressive = {
        let mut compressor = Compressor::new().unwrap();
        compressor.set_progressive(true).unwrap();
        let pixels = pixels(64, 64);
        let image = Image {
            pixels: &pixels[..],
            width: 64,
            pitch: 3 * 64,
            height: 64,
            format: turbojpeg::PixelFormat::RGB,
        };
        compressor.compress_to_vec(image).unwrap()
    };
    let sof = good.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let with = |offset: usize, bytes: &[u8]| {
        let mut patched = good.clone();
        patched[sof + offset..sof + offset + bytes.len()].copy_from_slice(bytes);
        patched
    };
    for (jpeg, words) in [
        (progressive, "progressive"),
        (patch(&good, [0xff, 0xc0], [0xff, 0xc9]), "arithmetic"),
        (patch(&good, [0xff, 0xc0], [0xff, 0xc3]), "lossless"),
        (with(4, &[12]), "12 bits"),
        (with(5, &[0xff, 0xdc, 0xff, 0xdc]), "65500x65500"),
        (with(5, &[0x1f, 0xff, 0x1f, 0xff]), "36 megapixels"),
        (with(5, &[0, 0]), "zero"),
        (with(9, &[2]), "2 colour components"),
        (good[..good.len() / 2].to_vec(), "cut short"),
        (Vec::new(), "start marker"),
        ([&good[..good.len() / 2], &[0xff, 0xd9]].concat(), "damaged"),
    ] {
        let error = decode(&mut decoder, &jpeg, PixelFormat::Planes).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} should say {words:?}");
        assert!(decode(&mut decoder, &good, PixelFormat::Planes).is_ok(), "after {words}");
    }
}

#[test]
fn data_of_another_sampling_than_the_header_says_are_damage_and_padding_is_not() {
    let mut decoder = Decoder::with_threads(1);
    for (claimed, subsamp) in [(0x11, Subsamp::Sub2x2), (0x21, Subsamp::None), (0x22, Subsamp::Sub2x1)] {
        let good = jpeg(640, 480, subsamp);
        let sof = good.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        let mut bad = good.clone();
        bad[sof + 11] = claimed;
        for format in [PixelFormat::Planes, PixelFormat::Pixels] {
            let error = decode(&mut decoder, &bad, format).unwrap_err();
            assert!(matches!(error, DecodeError::Damaged(_)), "{claimed:x} for {subsamp:?}: {error}");
            for padding in [&[0; 1000][..], &[7, 8, 9]] {
                let (data, end) = good.split_at(good.len() - 2);
                let padded = [data, padding, end].concat();
                assert!(decode(&mut decoder, &padded, format).is_ok(), "{} bytes", padding.len());
            }
        }
    }
}

#[test]
fn every_truncation_is_refused_and_the_next_picture_decodes() {
    let mut decoder = Decoder::with_threads(1);
    let good = jpeg(320, 240, Subsamp::Sub2x1);
    for length in (0..good.len()).step_by(100) {
        assert!(decode(&mut decoder, &good[..length], PixelFormat::Planes).is_err(), "{length} bytes");
        let ended = [&good[..length], &[0xff, 0xd9]].concat();
        assert!(
            decode(&mut decoder, &ended, PixelFormat::Planes).is_err(),
            "{length} bytes and an end marker"
        );
        assert!(decode(&mut decoder, &good, PixelFormat::Planes).is_ok());
    }
}

#[test]
fn no_sampling_factors_write_past_the_buffer() {
    let mut decoder = Decoder::with_threads(1);
    let good = jpeg(64, 64, Subsamp::Sub2x2);
    let sof = good.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let factors = [0x11, 0x12, 0x21, 0x22, 0x14, 0x41, 0x44, 0x13, 0x31, 0x33, 0x24, 0x42];
    for luma in factors {
        for chroma in factors {
            for other in [chroma, 0x11] {
                let mut odd = good.clone();
                (odd[sof + 11], odd[sof + 14], odd[sof + 17]) = (luma, chroma, other);
                for format in [PixelFormat::Planes, PixelFormat::Pixels] {
                    // Whether it is refused is up to the data; what counts is that nothing is overwritten, and that a
                    // picture that is given out has all its bytes.
                    if let Ok(decoded) = decode(&mut decoder, &odd, format) {
                        let bytes: usize = planes(&decoded).iter().map(Vec::len).sum();
                        assert_eq!(bytes, decoded.layout().bytes(64, 64));
                    }
                }
            }
        }
    }
    assert!(decode(&mut decoder, &good, PixelFormat::Planes).is_ok());
}

#[test]
fn a_picture_that_is_not_of_the_shape_it_should_have_is_not_decoded() {
    let mut engine = Engine::default();
    let shape = ExpectedJpeg { width: 64, rows: 64, layout: DecodedLayout::I420, scale: Scale::Full };
    let mut buffer = vec![0xa5; DecodedLayout::I420.bytes(64, 64) + 4096];
    for (jpeg, why) in [
        (jpeg(64, 64, Subsamp::None), "another sampling"),
        (jpeg(64, 80, Subsamp::Sub2x2), "higher"),
        (jpeg(80, 64, Subsamp::Sub2x2), "wider"),
    ] {
        assert_eq!(engine.decode(&jpeg, shape, &mut buffer), Err(DecodeError::Contradictory), "{why}");
        assert!(buffer.iter().all(|&byte| byte == 0xa5), "{why}");
    }
    assert_eq!(engine.decode(&jpeg(64, 64, Subsamp::Sub2x2), shape, &mut buffer), Ok(()));
}

#[test]
fn a_picture_that_is_shown_small_is_decoded_no_larger_than_that_needs() {
    let (mut decoder, jpeg) = (Decoder::with_threads(2), jpeg(1280, 720, Subsamp::Sub2x2));
    for (area, size) in [
        ((1280, 720), (1280, 720)),
        ((641, 361), (1280, 720)),
        ((640, 360), (640, 360)),
        ((426, 240), (640, 360)),
        ((320, 900), (320, 180)),
        ((200, 100), (320, 180)),
        ((9, 9), (160, 90)),
    ] {
        let mut decoded = Decoded::default();
        let target = DecodeTarget { format: PixelFormat::Pixels, area: Some(area), alone: false };
        assert_eq!(
            decoder.decode(&jpeg, target, &mut decoded),
            Ok((1280, 720)),
            "the size is the picture's own"
        );
        assert_eq!((decoded.width(), decoded.height()), size, "for {area:?}");
        let planes = DecodeTarget { format: PixelFormat::Planes, ..target };
        decoder.decode(&jpeg, planes, &mut decoded).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (1280, 720), "hardware scales planes");
    }
}

#[test]
fn damaged_bytes_never_panic_and_never_spoil_the_next_picture() {
    let mut decoder = Decoder::with_threads(2);
    let good = with_restarts(640, 480, Subsamp::Sub2x2, 48);
    let mut state = 7u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for _ in 0..60 {
        let mut bad = good.clone();
        for _ in 0..4 {
            // Half of the damage is in the headers.
            let at = if random(2) == 0 { random(700) } else { random(bad.len()) };
            bad[at] = random(256) as u8;
        }
        let _ = decode(&mut decoder, &bad, PixelFormat::Planes);
        assert!(decode(&mut decoder, &good, PixelFormat::Planes).is_ok());
    }
}

#[test]
fn buffers_are_reused() {
    let jpeg = with_restarts(640, 480, Subsamp::Sub2x2, 48);
    let (mut decoder, mut pictures) = (Decoder::with_threads(3), Pictures::default());
    let mut addresses = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let mut picture = pictures.take();
        decoder
            .decode(
                &jpeg,
                DecodeTarget::whole(PixelFormat::Planes),
                std::sync::Arc::get_mut(&mut picture).unwrap(),
            )
            .unwrap();
        addresses.extend(picture.strips().iter().map(|strip| strip.pixels.as_ptr()));
        pictures.keep(&picture);
    }
    assert_eq!(addresses.len(), 3);
}

/// Puts bytes behind the start marker.
fn with_first(jpeg: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&jpeg[..2], bytes, &jpeg[2..]].concat()
}

/// A segment with this marker and content.
fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker], &length[..], content].concat()
}

/// The same picture with these three bytes at the end of its scan's header.
fn with_scan_tail(jpeg: &[u8], tail: [u8; 3]) -> Vec<u8> {
    let mut changed = jpeg.to_vec();
    let header = proto::jpeg::Segments::new(jpeg).find(|segment| segment.marker == 0xda).unwrap();
    changed[header.content.end - 3..header.content.end].copy_from_slice(&tail);
    changed
}

fn adobe(transform: u8) -> Vec<u8> {
    segment(0xee, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat())
}

fn jfif(major: u8, minor: u8) -> Vec<u8> {
    segment(0xe0, &[b"JFIF\0", &[major, minor, 0, 0, 1, 0, 1, 0, 0][..]].concat())
}

#[test]
fn odd_header_fields_cost_nothing_and_hide_no_damage() {
    let mut decoder = Decoder::with_threads(2);
    let profile = |part: u8| segment(0xe2, &[b"ICC_PROFILE\0", &[part, 7][..], &[9; 40]].concat());
    for (width, subsamp) in
        [(160, Subsamp::Sub2x1), (96, Subsamp::Sub2x2), (96, Subsamp::Gray), (720, Subsamp::None)]
    {
        let plain = jpeg(width, width, subsamp);
        let bare = without(&plain, 0xe0);
        let picture = oracle(&plain);
        for (what, odd) in [
            ("JFIF 2.01", with_first(&bare, &jfif(2, 1))),
            ("JFIF 0.02", with_first(&bare, &jfif(0, 2))),
            ("JFIF twice, of two versions", with_first(&plain, &jfif(9, 9))),
            ("Adobe transform 2", with_first(&bare, &adobe(2))),
            ("Adobe transform 255, and JFIF", with_first(&plain, &adobe(255))),
            ("a colour profile in parts of which some are missing", with_first(&plain, &profile(3))),
            ("a colour profile with a part twice", with_first(&plain, &[profile(1), profile(1)].concat())),
            ("a scan up to coefficient 0", with_scan_tail(&plain, [0, 0, 0])),
            ("a scan of bits that are not there", with_scan_tail(&plain, [1, 5, 0x21])),
            (
                "all of it",
                with_scan_tail(&with_first(&bare, &[jfif(3, 0), adobe(7), profile(2)].concat()), [0; 3]),
            ),
        ] {
            let decoded = decode(&mut decoder, &odd, PixelFormat::Planes)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(planes(&decoded).concat() == picture, "{what}");
            assert!(decode(&mut decoder, &odd, PixelFormat::Pixels).is_ok(), "{what}");
            // Some of the data are missing; then the warning of the header is not what counts.
            let cut = [&odd[..odd.len() * 2 / 3], &[0xff, 0xd9]].concat();
            for format in [PixelFormat::Planes, PixelFormat::Pixels] {
                let error = decode(&mut decoder, &cut, format).unwrap_err();
                assert!(matches!(error, DecodeError::Damaged(_)), "{what}, cut: {error}");
            }
        }
    }
}

#[test]
fn what_is_left_of_another_picture_before_the_end_is_no_damage() {
    let mut decoder = Decoder::with_threads(1);
    let good = jpeg(320, 240, Subsamp::Sub2x2);
    let (data, end) = good.split_at(good.len() - 2);
    let different: Vec<u8> = (1..=64).collect();
    for count in [17, 40, 64] {
        let padded = [data, &different[..count], end].concat();
        assert!(decode(&mut decoder, &padded, PixelFormat::Planes).is_ok(), "{count} bytes");
    }
}

/// A picture of middle grey whose components have these sampling factors.
fn grey(width: u16, height: u16, factors: [u8; 3]) -> Vec<u8> {
    let most = |of: fn(u8) -> u8| factors.into_iter().map(of).max().unwrap();
    let (across, down) = (most(|f| f >> 4), most(|f| f & 15));
    let mcus = width.div_ceil(8 * u16::from(across)) * height.div_ceil(8 * u16::from(down));
    let blocks: u16 = factors.into_iter().map(|f| u16::from(f >> 4) * u16::from(f & 15)).sum();
    let data = vec![0; usize::from(mcus * blocks * 2).div_ceil(8)];
    let scan = [segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]), data].concat();
    let mut jpeg = made_of_scans(width, height, 3, &[], &scan);
    let sof = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    for (number, factors) in factors.into_iter().enumerate() {
        jpeg[sof + 11 + 3 * number] = factors;
    }
    jpeg
}

#[test]
fn a_ratio_of_samples_is_the_same_however_it_is_spelled() {
    let mut decoder = Decoder::with_threads(3);
    for (factors, layout) in [
        ([0x12, 0x12, 0x12], DecodedLayout::I444),
        ([0x21, 0x21, 0x21], DecodedLayout::I444),
        ([0x13, 0x13, 0x13], DecodedLayout::I444),
        ([0x22, 0x12, 0x12], DecodedLayout::I422),
        ([0x22, 0x21, 0x21], DecodedLayout::Bgrx),
        ([0x22, 0x11, 0x11], DecodedLayout::I420),
        ([0x41, 0x11, 0x11], DecodedLayout::Bgrx),
        ([0x41, 0x21, 0x21], DecodedLayout::Bgrx),
        ([0x42, 0x11, 0x11], DecodedLayout::Bgrx),
        ([0x22, 0x11, 0x12], DecodedLayout::Bgrx),
    ] {
        let odd = grey(100, 60, factors);
        let decoded = decode(&mut decoder, &odd, PixelFormat::Planes)
            .unwrap_or_else(|error| panic!("{factors:x?}: {error}"));
        assert_eq!(decoded.layout(), layout, "{factors:x?}");
        let pixels = decode(&mut decoder, &odd, PixelFormat::Pixels).unwrap();
        assert!(
            planes(&pixels)[0].chunks(4).all(|bgrx| bgrx[..3].iter().all(|&c| c.abs_diff(128) < 3)),
            "{factors:x?}"
        );
    }
}

#[test]
fn what_can_be_shown_as_pixels_can_be_shown_where_planes_are_wanted() {
    let mut decoder = Decoder::with_threads(1);
    let factors = [0x11, 0x12, 0x21, 0x22, 0x14, 0x41, 0x13, 0x31, 0x24, 0x42];
    let mut shown = 0;
    for luma in factors {
        for (blue, red) in factors.into_iter().flat_map(|blue| [(blue, blue), (blue, 0x11)]) {
            let odd = grey(96, 96, [luma, blue, red]);
            let as_pixels = decode(&mut decoder, &odd, PixelFormat::Pixels).map(|_| ());
            let as_planes = decode(&mut decoder, &odd, PixelFormat::Planes).map(|_| ());
            assert_eq!(
                as_pixels.is_ok(),
                as_planes.is_ok(),
                "{luma:x} {blue:x} {red:x}: {as_pixels:?} {as_planes:?}"
            );
            shown += usize::from(as_planes.is_ok());
        }
    }
    assert!(shown > 10, "{shown}");
}

/// A JPEG of such a size whose data are what `scans` say, one after the other.
fn made_of_scans(width: u16, height: u16, components: u8, tables: &[u8], scans: &[u8]) -> Vec<u8> {
    let [w1, w0] = width.to_be_bytes();
    let [h1, h0] = height.to_be_bytes();
    let mut frame = vec![8, h1, h0, w1, w0, components];
    (1..=components).for_each(|id| frame.extend_from_slice(&[id, 0x11, 0]));
    // One code of one bit in each table: everything is the end of a block at once.
    let one = |class: u8| segment(0xc4, &[&[class, 1][..], &[0; 16]].concat());
    let quantization = segment(
        0xdb,
        &[1; 65][..].iter().enumerate().map(|(n, &v)| if n == 0 { 0 } else { v }).collect::<Vec<_>>(),
    );
    [
        &[0xff, 0xd8],
        &quantization[..],
        &one(0),
        &one(0x10),
        tables,
        &segment(0xc0, &frame),
        scans,
        &[0xff, 0xd9],
    ]
    .concat()
}

/// A scan of one component, without data.
fn scan_of(component: u8) -> Vec<u8> {
    segment(0xda, &[1, component, 0, 0, 63, 0])
}

/// How much of the processor this thread has had.
fn processor_time() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Decodes each of `pictures` alone, and returns the longest that one took.
fn slowest(count: u32) -> std::time::Duration {
    let mut decoder = Decoder::with_threads(1);
    let mut state = 2u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut slowest = std::time::Duration::ZERO;
    for number in 0..count {
        // As many small numbers as large ones.
        let magnitude = random(16);
        let scans = if number == 0 { 100_000 } else { 2 + random(2 << magnitude).min(99_998) };
        let (width, height) = (1 + random(8192), 1 + random(8192));
        let components = if random(4) == 0 { 1 } else { 3 };
        let which = random(3);
        let turn: Vec<u8> = if which == 0 { scan_of(1) } else { (1..=3).flat_map(scan_of).collect() };
        let all = turn.len() / scan_of(1).len();
        let scan = &turn.repeat(scans as usize / all + 1)[..scans as usize * scan_of(1).len()];
        let picture = made_of_scans(width as u16, height as u16, components, &[], scan);
        let format = if random(2) == 0 { PixelFormat::Planes } else { PixelFormat::Pixels };
        let before = processor_time();
        let outcome = decode(&mut decoder, &picture, format).map(|_| ());
        let took = processor_time() - before;
        slowest = slowest.max(took);
        if scans > u32::from(components) && width * height <= MOST_PIXELS {
            let expected = DecodeError::Scans { scans, components };
            assert_eq!(outcome, Err(expected), "{width}x{height}, {scans} scans");
        }
    }
    slowest
}

#[test]
fn many_scans_are_refused_by_name_and_cost_no_time() {
    let slowest = slowest(1000);
    assert!(slowest < std::time::Duration::from_millis(50), "{slowest:?}");
}

/// The same ten times as often: `cargo test --release -p receiver -- --ignored --nocapture many_scans`.
#[test]
#[ignore = "takes a minute"]
fn ten_thousand_pictures_of_many_scans() {
    println!("slowest of 10000: {:?}", slowest(10_000));
}

#[test]
fn several_scans_of_an_ordinary_picture_are_decoded_and_of_a_huge_one_refused() {
    let mut decoder = Decoder::with_threads(1);
    let blocks = |side: u32| vec![0; (side.div_ceil(8).pow(2) as usize * 2).div_ceil(8)];
    let apart = |side: u16, order: &[u8]| -> Vec<u8> {
        let scan = |&component: &u8| [scan_of(component), blocks(u32::from(side))].concat();
        made_of_scans(side, side, 3, &[], &order.iter().map(scan).collect::<Vec<_>>().concat())
    };
    assert!(decode(&mut decoder, &apart(640, &[1, 2, 3]), PixelFormat::Planes).is_ok());
    assert!(decode(&mut decoder, &apart(640, &[3, 1, 2]), PixelFormat::Pixels).is_ok());
    let refused = Err(DecodeError::TooLargeForScans { width: 2048, height: 2048 });
    for order in [&[1, 2, 3][..], &[1, 2], &[2]] {
        assert_eq!(
            decode(&mut decoder, &apart(2048, order), PixelFormat::Planes).map(|_| ()),
            refused,
            "{order:?}"
        );
    }
}

#[test]
fn tables_and_markers_without_end_are_refused_by_name_and_cost_no_time() {
    let mut decoder = Decoder::with_threads(1);
    let scan = [segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]), vec![0; 64 * 64 * 6 / 8 / 64 + 1]].concat();
    let table = segment(0xc4, &[&[1, 1][..], &[0; 16]].concat());
    let tables_in_one = segment(0xc4, &[&[1, 1][..], &[0; 16]].concat().repeat(3600));
    for (what, again) in [
        ("Huffman tables", table),
        ("Huffman tables in one segment", tables_in_one),
        ("quantization tables", segment(0xdb, &[1; 65])),
        ("restart intervals", segment(0xdd, &[0, 0])),
        ("empty comments", segment(0xfe, &[])),
        ("markers alone", vec![0xff, 0x01]),
        ("fill", vec![0xff; 100]),
    ] {
        let tables = again.repeat((4 << 20) / again.len());
        let picture = made_of_scans(64, 64, 3, &tables, &scan);
        let before = processor_time();
        let error = decode(&mut decoder, &picture, PixelFormat::Planes).unwrap_err();
        let took = processor_time() - before;
        assert!(matches!(error, DecodeError::Tables { .. }), "{what}: {error}");
        assert!(took < std::time::Duration::from_millis(50), "{what}: {took:?}");
        let few = made_of_scans(64, 64, 3, &again.repeat(1 + 1000 / again.len()), &scan);
        let decoded = decode(&mut decoder, &few, PixelFormat::Planes).map(|_| ());
        assert!(decoded.is_ok() || again.len() > 60_000, "{what}: {decoded:?}");
    }
    // What decoders jump over may be long: a colour profile, notes of the camera.
    let notes = segment(0xe1, &[0; 65_000]).repeat(16);
    assert!(decode(&mut decoder, &made_of_scans(64, 64, 3, &notes, &scan), PixelFormat::Planes).is_ok());
}
