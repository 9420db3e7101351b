//! The strip as cameras see it: turned, scaled, blurred, compressed, covered.

use proto::Random;
use turbojpeg::{Compressor, Image, OutputBuf, PixelFormat, Subsamp};

use super::*;
use crate::codec::{DecodeTarget, Decoder, PixelFormat as Wanted};
use crate::measure::code::{QUIET, SIDE, lane_of};

/// How a camera sees a strip.
#[derive(Clone, Copy, Debug)]
struct View {
    size: (usize, usize),
    /// Pixels on a side of a square.
    scale: f64,
    /// How far it is turned, in degrees.
    turned: f64,
    /// How much narrower it is at its far end: seen from the side.
    aside: f64,
    /// Pixels over which the lens smears each point, on each side.
    blur: usize,
    dark: f64,
    light: f64,
    quality: i32,
}

const STRAIGHT: View = View {
    size: (1280, 720),
    scale: 8.0,
    turned: 0.0,
    aside: 0.0,
    blur: 0,
    dark: 0.0,
    light: 255.0,
    quality: 90,
};
const RUN: u64 = 31_415_926;

/// What is on the screen: the squares of each lane, and how dark each is.
fn screen(run: RunNumber, ticks: [u64; LANES]) -> Vec<Vec<f64>> {
    let mut lanes = vec![Vec::new(); LANES];
    for tick in ticks {
        lanes[lane_of(tick)] = run.squares(tick).into_iter().map(f64::from).collect();
    }
    lanes
}

/// A picture of it.
fn film(lanes: &[Vec<f64>], view: View) -> Vec<u8> {
    let (width, height) = view.size;
    let (whole, high) = ((SIDE + 2 * QUIET) as f64, (SIDE + 2 * QUIET) as f64);
    let (sin, cos) = view.turned.to_radians().sin_cos();
    let darkness = |x: f64, y: f64| -> Option<f64> {
        let (dx, dy) = (x - width as f64 / 2.0, y - height as f64 / 2.0);
        let (u, v) = ((dx * cos + dy * sin) / view.scale, (dy * cos - dx * sin) / view.scale);
        let u = u / (1.0 - view.aside * u / (whole * LANES as f64));
        let v = v / (1.0 - view.aside * u / (whole * LANES as f64));
        let (u, v) = (u + whole * LANES as f64 / 2.0, v + high / 2.0);
        if u < 0.0 || v < 0.0 || u >= whole * LANES as f64 || v >= high {
            return None;
        }
        let lane = (u / whole) as usize;
        let (column, row) = ((u - whole * lane as f64) as usize, v as usize);
        let inside = QUIET..QUIET + SIDE;
        let is_code = inside.contains(&column) && inside.contains(&row);
        Some(if is_code { lanes[lane][(row - QUIET) * SIDE + column - QUIET] } else { 0.0 })
    };
    let mut pixels = vec![0.0; width * height];
    for (at, pixel) in pixels.iter_mut().enumerate() {
        let (x, y) = ((at % width) as f64, (at / width) as f64);
        // A wall with a pattern, around the screen.
        let around = 90.0 + 30.0 * f64::from((at % width / 40 + at / width / 40).is_multiple_of(2));
        let light = |(dx, dy)| {
            let dark = darkness(x + dx, y + dy);
            dark.map_or(around, |dark| view.light + (view.dark - view.light) * dark)
        };
        *pixel = [(0.25, 0.75), (0.75, 0.25)].map(light).iter().sum::<f64>() / 2.0;
    }
    for _ in 0..2 {
        pixels = blurred(&pixels, width, 1, view.blur);
        pixels = blurred(&pixels, width, width, view.blur);
    }
    pixels.iter().map(|&light| light as u8).collect()
}

/// Each pixel the mean of those around it, in rows or columns.
fn blurred(pixels: &[f64], width: usize, step: usize, reach: usize) -> Vec<f64> {
    let mean = |at: usize| {
        let (place, end) = if step == 1 { (at % width, width) } else { (at / width, pixels.len() / width) };
        let (from, to) = (place.saturating_sub(reach), (place + reach).min(end - 1));
        let first = at - (place - from) * step;
        (0..=to - from).map(|n| pixels[first + n * step]).sum::<f64>() / (to - from + 1) as f64
    };
    (0..pixels.len()).map(mean).collect()
}

/// What is read of a picture that was compressed and decoded as the window does it.
fn read(pixels: &[u8], view: View, run: RunNumber) -> Option<StripReading> {
    let (width, height) = view.size;
    let image = Image { pixels, width, pitch: width, height, format: PixelFormat::GRAY };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(view.quality).unwrap();
    compressor.set_subsamp(Subsamp::Gray).unwrap();
    let mut jpeg = OutputBuf::new_owned();
    compressor.compress(image, &mut jpeg).unwrap();
    let (mut picture, mut search) = (Decoded::default(), StripSearch::new(run));
    let target = DecodeTarget::whole(if view.blur > 0 { Wanted::Planes } else { Wanted::Pixels });
    Decoder::with_threads(1).decode(&jpeg, target, &mut picture).unwrap();
    let first = search.read(&picture);
    // The second time, it is known where to look.
    assert_eq!(search.read(&picture), first, "{view:?}");
    first
}

#[test]
fn a_strip_is_found_turned_scaled_blurred_and_compressed() {
    let run = RunNumber::new(RUN);
    let lanes = screen(run, [100, 101, 102, 103]);
    let small = View { size: (640, 480), scale: 4.0, ..STRAIGHT };
    for view in [
        STRAIGHT,
        View { quality: 30, ..STRAIGHT },
        View { turned: 7.0, quality: 30, ..STRAIGHT },
        View { turned: -33.0, quality: 30, scale: 6.0, ..STRAIGHT },
        View { turned: 91.0, quality: 30, scale: 5.0, ..STRAIGHT },
        View { turned: 180.0, quality: 30, ..STRAIGHT },
        View { blur: 2, quality: 30, turned: 3.0, ..STRAIGHT },
        View { aside: 0.2, quality: 30, turned: 5.0, scale: 7.0, ..STRAIGHT },
        View { dark: 90.0, light: 170.0, quality: 30, turned: 12.0, ..STRAIGHT },
        View { quality: 30, turned: 11.0, ..small },
        View { quality: 60, turned: 45.0, scale: 3.0, ..small },
        View { size: (1920, 1080), scale: 14.0, blur: 4, turned: -17.0, quality: 30, ..STRAIGHT },
    ] {
        let found = read(&film(&lanes, view), view, run);
        let found = found.unwrap_or_else(|| panic!("nothing is found: {view:?}"));
        assert_eq!((found.tick, found.codes), (103, LANES), "{view:?}");
    }
}

#[test]
fn of_a_picture_larger_than_is_searched_every_second_pixel_does() {
    let run = RunNumber::new(RUN);
    let view = View { size: (2600, 1000), scale: 17.0, turned: 4.0, quality: 30, ..STRAIGHT };
    let found = read(&film(&screen(run, [8, 5, 6, 7]), view), view, run).unwrap();
    assert_eq!((found.tick, found.codes), (8, LANES));
}

#[test]
fn what_is_covered_or_just_changing_leaves_the_others() {
    let run = RunNumber::new(RUN);
    let view = View { turned: 5.0, quality: 30, ..STRAIGHT };
    let mut covered = film(&screen(run, [100, 101, 102, 103]), view);
    for (at, pixel) in covered.iter_mut().enumerate() {
        if at % 1280 < 500 {
            *pixel = 40;
        }
    }
    // The two on the right, of ticks 102 and 103.
    assert_eq!(read(&covered, view, run).map(|found| (found.tick, found.codes)), Some((103, 2)));

    // The exposure lasted over the change from tick 100 to tick 104, for half of it each.
    let (mut before, after) = (screen(run, [100, 101, 102, 103]), screen(run, [104, 101, 102, 103]));
    for (before, after) in before[0].iter_mut().zip(&after[0]) {
        *before = (*before + after) / 2.0;
    }
    let found = read(&film(&before, view), view, run).unwrap();
    let is_old_or_new = found.codes == LANES && !found.is_changing;
    assert!(is_old_or_new || (found.codes, found.tick, found.is_changing) == (3, 103, true), "{found:?}");
}

#[test]
fn nobody_elses_strip_is_taken_for_this_one_nor_what_is_none() {
    let (run, other) = (RunNumber::new(RUN), RunNumber::new(RUN + 1));
    let foreign = film(&screen(other, [100, 101, 102, 103]), STRAIGHT);
    assert_eq!(read(&foreign, STRAIGHT, run), None);
    assert!(read(&foreign, STRAIGHT, other).is_some());
    let none = film(&vec![vec![0.0; SIDE * SIDE]; LANES], STRAIGHT);
    assert_eq!(read(&none, STRAIGHT, run), None);
    let mut random = Random::new(5);
    let noise: Vec<u8> = (0..1280 * 720).map(|_| random.next() as u8).collect();
    assert_eq!(read(&noise, STRAIGHT, run), None);
    let tiny = View { size: (16, 8), ..STRAIGHT };
    assert_eq!(read(&[9; 128], tiny, run), None);
}

#[test]
fn the_strip_in_the_picture_on_the_screen_is_not_the_one_on_the_screen() {
    let code = |tick, side| FoundCode { tick, side, middle: (0.0, 0.0) };
    let strip = |codes: &[FoundCode], usual| {
        strip_of(codes.to_vec(), usual).map(|(reading, _)| (reading.tick, reading.codes))
    };
    let both = [code(90, 99.0), code(91, 101.0), code(103, 198.0), code(102, 204.0), code(100, 200.0)];
    assert_eq!(strip(&both, 0.0), Some((103, 3)));
    // One that was read wrongly, or is older than a whole strip, does not count.
    assert_eq!(strip(&[code(103, 200.0), code(99, 200.0), code(103, 200.0)], 0.0), Some((103, 1)));
    assert_eq!(strip(&both[..2], 204.0), None, "the strip itself cannot be read");
    assert_eq!(strip(&both[..2], 120.0), Some((91, 2)));
    assert_eq!(strip(&[], 0.0), None);
}

#[test]
fn it_is_looked_for_where_it_was_and_after_that_in_vain_everywhere() {
    let run = RunNumber::new(RUN);
    let lanes = screen(run, [100, 101, 102, 103]);
    let view = View { size: (1280, 720), scale: 4.5, ..STRAIGHT };
    let pixels = film(&lanes, view);
    let picture = |moved: usize| {
        let mut picture = Decoded::default();
        picture.draw(1280, 720, |into| {
            for (at, pixel) in into.chunks_exact_mut(4).enumerate() {
                pixel[1] = pixels[(at + moved * 1280) % pixels.len()];
            }
        });
        picture
    };
    let mut search = StripSearch::new(run);
    assert_eq!(search.read(&picture(0)).map(|found| found.codes), Some(LANES));
    let near = search.near.clone().unwrap();
    assert!(near.rows.len() < 400 && near.columns.len() < 1000 && near.each == 1, "{near:?}");
    assert_eq!(search.read(&picture(20)).map(|found| found.codes), Some(LANES), "it has moved a little");
    assert_eq!(search.read(&picture(250)), None, "it has moved far");
    assert_eq!(search.read(&picture(250)).map(|found| found.codes), Some(LANES));
}
