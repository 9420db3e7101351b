use std::sync::Arc;
use std::time::Instant;

use turbojpeg::{PixelFormat, decompress, read_header};

use super::*;
use crate::picture::unique;

const SIZES: [(u32, u32); 7] = [(1, 1), (2, 2), (17, 13), (16, 16), (63, 65), (160, 121), (240, 90)];

/// A smooth coloured picture: red grows to the right, green downwards, blue falls along the diagonal.
fn rgb(width: u32, height: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let (x, y) = (x * 255 / width.max(2), y * 255 / height.max(2));
        [x as u8, y as u8, (255 - (x + y) / 2) as u8]
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

/// The same picture in another layout, by the formulas of JFIF.
fn picture(layout: Layout, width: u32, height: u32) -> RawPicture {
    let pixels = rgb(width, height);
    let (w, h) = (width as usize, height as usize);
    let yuv: Vec<[f32; 3]> = pixels
        .chunks_exact(3)
        .map(|p| {
            let [r, g, b] = [0, 1, 2].map(|i| f32::from(p[i]));
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402]
        })
        .collect();
    let plane = |channel: usize, across: usize, down: usize| -> Vec<u8> {
        let mut plane = Vec::new();
        for y in (0..h).step_by(down) {
            for x in (0..w).step_by(across) {
                let near = |dx: usize, dy: usize| yuv[(y + dy).min(h - 1) * w + (x + dx).min(w - 1)][channel];
                let sum = near(0, 0) + near(across - 1, 0) + near(0, down - 1) + near(across - 1, down - 1);
                plane.push((sum / 4.0).round().clamp(0.0, 255.0) as u8);
            }
        }
        plane
    };
    let data = match layout {
        Layout::I420 => [plane(0, 1, 1), plane(1, 2, 2), plane(2, 2, 2)].concat(),
        Layout::I422 => [plane(0, 1, 1), plane(1, 2, 1), plane(2, 2, 1)].concat(),
        Layout::I444 => [plane(0, 1, 1), plane(1, 1, 1), plane(2, 1, 1)].concat(),
        Layout::Gray => plane(0, 1, 1),
        Layout::Nv12 => {
            let pairs = plane(1, 2, 2).into_iter().zip(plane(2, 2, 2)).flat_map(|(u, v)| [u, v]);
            plane(0, 1, 1).into_iter().chain(pairs).collect()
        }
        Layout::Yuyv => {
            let (y, u, v) = (plane(0, 1, 1), plane(1, 2, 1), plane(2, 2, 1));
            let line = |row: usize| (0..w.div_ceil(2)).map(move |pair| (row, pair));
            let at = |row, column: usize| y[row * w + column.min(w - 1)];
            (0..h)
                .flat_map(line)
                .flat_map(|(row, pair)| {
                    let chroma = row * w.div_ceil(2) + pair;
                    [at(row, 2 * pair), u[chroma], at(row, 2 * pair + 1), v[chroma]]
                })
                .collect()
        }
        Layout::Rgb => pixels,
        Layout::Bgr => pixels.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]).collect(),
    };
    assert_eq!(data.len(), layout.bytes(width, height));
    RawPicture { layout, width, height, data: Arc::new(data) }
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let error: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 / (error / a.len() as f64).max(1e-9)).log10()
}

fn pixels(jpeg: &[u8], format: PixelFormat) -> Vec<u8> {
    let image = decompress(jpeg, format).unwrap();
    image
        .pixels
        .chunks_exact(image.pitch)
        .flat_map(|row| row[..image.width * format.size()].to_vec())
        .collect()
}

const LAYOUTS: [Layout; 8] = [
    Layout::I420,
    Layout::I422,
    Layout::I444,
    Layout::Gray,
    Layout::Yuyv,
    Layout::Nv12,
    Layout::Rgb,
    Layout::Bgr,
];
const SUBSAMPLINGS: [Option<Subsampling>; 4] =
    [None, Some(Subsampling::Yuv420), Some(Subsampling::Yuv422), Some(Subsampling::Yuv444)];

#[test]
fn every_layout_at_every_size_comes_back_as_the_same_picture() {
    let mut pool = Pool::new(1);
    for (width, height) in SIZES {
        let (gray, colours) = (picture(Layout::Gray, width, height), rgb(width, height));
        for layout in LAYOUTS {
            let raw = picture(layout, width, height);
            for subsampling in SUBSAMPLINGS {
                let mut encoder = Encoder::new(subsampling).unwrap().with_threads(2);
                let jpeg = encoder.encode(&raw, 95, &mut pool).unwrap();
                let header = read_header(&jpeg).unwrap();
                assert_eq!((header.width, header.height), (width as usize, height as usize));
                let luma = psnr(&pixels(&jpeg, PixelFormat::GRAY), &gray.data);
                assert!(luma > 35.0, "{layout:?} {width}x{height} {subsampling:?}: luma {luma:.1} dB");
                // In a picture of a few pixels neighbours differ much, and subsampled colour must be wrong.
                if width > 60 && layout != Layout::Gray {
                    let colour = psnr(&pixels(&jpeg, PixelFormat::RGB), &colours);
                    assert!(colour > 35.0, "{layout:?} {width}x{height} {subsampling:?}: {colour:.1} dB");
                }
            }
        }
    }
}

#[test]
fn subsampling_is_the_pictures_own_unless_less_is_asked_for() {
    let sampled = |layout, wanted| {
        let mut encoder = Encoder::new(wanted).unwrap();
        let jpeg = encoder.encode(&picture(layout, 32, 32), 80, &mut Pool::new(1)).unwrap();
        read_header(&jpeg).unwrap().subsamp
    };
    let (less, more) = (Some(Subsampling::Yuv420), Some(Subsampling::Yuv444));
    assert_eq!(sampled(Layout::Yuyv, None), Subsamp::Sub2x1);
    assert_eq!(sampled(Layout::Yuyv, less), Subsamp::Sub2x2);
    assert_eq!(sampled(Layout::I444, None), Subsamp::None);
    assert_eq!(sampled(Layout::I444, Some(Subsampling::Yuv422)), Subsamp::Sub2x1);
    assert_eq!(sampled(Layout::I420, more), Subsamp::Sub2x2);
    assert_eq!(sampled(Layout::Rgb, None), Subsamp::Sub2x2);
    assert_eq!(sampled(Layout::Rgb, more), Subsamp::None);
    assert_eq!(sampled(Layout::Gray, more), Subsamp::Gray);
}

#[test]
fn bands_decode_to_exactly_the_pixels_of_one_scan() {
    let mut pool = Pool::new(2);
    let (width, height) = (647, 487);
    for layout in LAYOUTS {
        let raw = picture(layout, width, height);
        let whole = Encoder::new(None).unwrap().with_bands(1).encode(&raw, 80, &mut pool).unwrap();
        let whole = pixels(&whole, PixelFormat::RGB);
        for threads in [2, 3, 9] {
            let mut encoder = Encoder::new(None).unwrap().with_threads(threads);
            let jpeg = encoder.encode(&raw, 80, &mut pool).unwrap();
            let info = proto::jpeg::scan(&jpeg).unwrap();
            assert_ne!(info.restart_interval, 0);
            assert_eq!((info.end, u32::from(info.height)), (jpeg.len(), height));
            assert!(whole == pixels(&jpeg, PixelFormat::RGB), "{layout:?} on {threads} threads");
        }
    }
}

#[test]
fn impossible_pictures_are_refused_and_good_ones_still_work() {
    let mut encoder = Encoder::new(None).unwrap();
    let mut pool = Pool::new(1);
    let good = picture(Layout::I420, 640, 480);
    for (width, height) in [(0, 480), (640, 0), (65_501, 1), (642, 480)] {
        let bad = RawPicture { width, height, ..good.clone() };
        assert!(encoder.encode(&bad, 80, &mut pool).is_err(), "{width}x{height}");
        assert!(encoder.encode(&good, 80, &mut pool).is_ok());
    }
    for quality in [0, 101] {
        assert!(encoder.encode(&good, quality, &mut pool).is_err(), "quality {quality}");
    }
}

#[test]
fn buffers_are_used_again_and_pictures_given_back() {
    let mut encoder = Encoder::new(None).unwrap().with_threads(2);
    let mut pool = Pool::new(2);
    let raw = picture(Layout::Nv12, 640, 480);
    let first = encoder.encode(&raw, 80, &mut pool).unwrap().as_ptr();
    assert_eq!(encoder.encode(&raw, 80, &mut pool).unwrap().as_ptr(), first);
    assert_eq!(Arc::strong_count(&raw.data), 1);
}

/// Not a test but a measurement: `cargo test --release -p sender -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement"]
fn speed_of_encoding() {
    for layout in [Layout::I420, Layout::Yuyv, Layout::Nv12, Layout::Rgb] {
        for (width, height) in [(640, 480), (1280, 720), (1920, 1080)] {
            let mut raw = picture(layout, width, height);
            let mut random = 1u32;
            for byte in unique(&mut raw.data) {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = byte.saturating_add((random >> 29) as u8);
            }
            for threads in [1, 2] {
                let mut encoder = Encoder::new(None).unwrap().with_threads(threads);
                let mut pool = Pool::new(2);
                let mut times: Vec<_> = (0..60)
                    .map(|_| {
                        let begun = Instant::now();
                        encoder.encode(&raw, 80, &mut pool).unwrap();
                        begun.elapsed()
                    })
                    .collect();
                times.sort();
                let size = encoder.encode(&raw, 80, &mut pool).unwrap().len();
                println!(
                    "{layout:?} {width}x{height} on {threads}: fastest {:?}, median {:?}, {size} bytes",
                    times[0], times[30]
                );
            }
        }
    }
}

#[test]
fn each_picture_has_the_quality_asked_for_it() {
    let (mut encoder, mut pool) = (Encoder::new(None).unwrap().with_threads(3).with_bands(3), Pool::new(1));
    let raw = picture(Layout::I420, 1280, 720);
    let sizes = [90, 40, 40, 90].map(|quality| encoder.encode(&raw, quality, &mut pool).unwrap().len());
    assert!(sizes[0] == sizes[3] && sizes[1] == sizes[2] && sizes[1] < sizes[0], "{sizes:?}");
}
