//! How light the pixels of a picture are, as far as they are looked at, and the codes that can be read in them.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rqrr::PreparedImage;

use super::code::RunNumber;
use crate::codec::{Decoded, DecodedLayout};

/// Part of a picture, possibly smaller than it was.
#[derive(Debug, Default)]
pub(crate) struct Luma {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    from: Excerpt,
}

/// What part of a picture is looked at, and how closely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
    /// So many columns and rows make one.
    pub(crate) each: usize,
}

/// A code of this run that was read in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FoundCode {
    pub(crate) tick: u64,
    /// About how long its sides are, in pixels of the picture.
    pub(crate) side: f64,
    /// Where its middle is, from the left and from the top.
    pub(crate) middle: (f64, f64),
}

impl Luma {
    /// Takes over a part of a picture.
    pub(crate) fn take(&mut self, picture: &Decoded, excerpt: Excerpt) {
        let (layout, each) = (picture.layout(), excerpt.each.max(1));
        let right = excerpt.columns.end.min(picture.width() as usize);
        let columns = excerpt.columns.start.min(right)..right;
        (self.width, self.height) = (columns.len() / each, 0);
        // Green is the most of luma, and in the codes all of it.
        let (step, green) = if layout == DecodedLayout::Bgrx { (4, 1) } else { (1, 0) };
        let pitch = layout.pitch(0, picture.width()).max(1);
        let (mut sums, mut summed) = (vec![0_u32; self.width], 0);
        self.pixels.clear();
        for strip in picture.strips() {
            let [plane, ..] = picture.planes(strip);
            let rows = plane.chunks_exact(pitch).take(strip.rows() as usize);
            for (row, y) in rows.zip(strip.first_row() as usize..) {
                if !excerpt.rows.contains(&y) {
                    continue;
                }
                let pixels = row[step * columns.start..step * columns.end].iter().skip(green).step_by(step);
                if each == 1 {
                    self.pixels.extend(pixels);
                    self.height += 1;
                    continue;
                }
                for (at, pixel) in pixels.take(self.width * each).enumerate() {
                    sums[at / each] += u32::from(*pixel);
                }
                summed += 1;
                if summed == each {
                    let whole = (each * each) as u32;
                    self.pixels.extend(sums.iter_mut().map(|sum| (std::mem::take(sum) / whole) as u8));
                    (self.height, summed) = (self.height + 1, 0);
                }
            }
        }
        self.from = Excerpt { columns, each, ..excerpt };
    }

    /// The codes of this run that can be read in it.
    pub(crate) fn codes(&self, run: RunNumber) -> Vec<FoundCode> {
        if self.width < SMALLEST || self.height < SMALLEST {
            return Vec::new();
        }
        // What is in pictures is others' choice, and the crate that reads codes was made for those that people print: of
        // a hundred thousand made-up pictures, six failed an assertion of it.
        catch_unwind(AssertUnwindSafe(|| self.read(run))).unwrap_or_default()
    }

    fn read(&self, run: RunNumber) -> Vec<FoundCode> {
        let at = |x, y| self.pixels[y * self.width + x];
        let mut image = PreparedImage::prepare_from_greyscale(self.width, self.height, at);
        // The crate takes any three marks for those of a code: memory grows with the square of their number.
        if (0..self.height).map(|y| marks_in(self.width, |x| image.get_pixel_at(x, y) == 1)).sum::<usize>()
            > MOST_MARKS
        {
            return Vec::new();
        }
        let each = self.from.each as f64;
        let read = |grid: rqrr::Grid<_>| {
            let (_, text) = grid.decode().ok()?;
            let tick = run.tick(&text)?;
            let corners = grid.bounds.map(|corner| (f64::from(corner.x) * each, f64::from(corner.y) * each));
            let side = |from: usize| {
                let (from, to) = (corners[from], corners[(from + 1) % 4]);
                (to.0 - from.0).hypot(to.1 - from.1)
            };
            let mean = |all: [f64; 4]| all.iter().sum::<f64>() / 4.0;
            let middle = (
                mean(corners.map(|corner| corner.0)) + self.from.columns.start as f64,
                mean(corners.map(|corner| corner.1)) + self.from.rows.start as f64,
            );
            Some(FoundCode { tick, side: mean([0, 1, 2, 3].map(side)), middle })
        };
        image.detect_grids().into_iter().filter_map(read).collect()
    }
}

/// How often a row crosses what may be the mark in the corner of a code: dark and light runs of 1, 1, 3, 1 and 1 squares,
/// more or less.
fn marks_in(width: usize, is_dark: impl Fn(usize) -> bool) -> usize {
    let (mut runs, mut long, mut count) = ([0; 5], 0, 0);
    let mut ended = |long: usize, was_dark: bool| {
        runs.rotate_left(1);
        runs[4] = long;
        let square = (runs[0] + runs[1] + runs[3] + runs[4]) / 4;
        let is_near = |run: usize, squares: usize| run.abs_diff(squares * square) <= square * 3 / 4;
        let is_mark = was_dark
            && runs[0] > 0
            && is_near(runs[2], 3)
            && [0, 1, 3, 4].iter().all(|&at| is_near(runs[at], 1));
        count += usize::from(is_mark);
    };
    for x in 0..width {
        if x > 0 && is_dark(x) != is_dark(x - 1) {
            ended(long, is_dark(x - 1));
            long = 0;
        }
        long += 1;
    }
    if width > 0 {
        ended(long, is_dark(width - 1));
    }
    count
}

/// Rows that may cross marks. A strip as large as can be has 500, and the strips in pictures of it as many.
const MOST_MARKS: usize = 1500;
/// No code can be read in less.
const SMALLEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_picture_is_taken_as_it_is_or_smaller() {
        let (mut picture, mut luma) = (Decoded::default(), Luma::default());
        picture.draw(6, 5, |pixels| {
            for (at, pixel) in pixels.chunks_exact_mut(4).enumerate() {
                pixel[1] = (10 * (at / 6) + at % 6) as u8;
            }
        });
        luma.take(&picture, Excerpt { columns: 1..4, rows: 2..9, each: 1 });
        assert_eq!((luma.width, luma.height), (3, 3));
        assert_eq!(luma.pixels, [21, 22, 23, 31, 32, 33, 41, 42, 43]);
        luma.take(&picture, Excerpt { columns: 0..99, rows: 0..99, each: 2 });
        assert_eq!((luma.width, luma.height), (3, 2));
        assert_eq!(luma.pixels, [5, 7, 9, 25, 27, 29]);
        luma.take(&picture, Excerpt { columns: 50..99, rows: 0..99, each: 1 });
        assert_eq!((luma.width, luma.codes(RunNumber::new(0)).len()), (0, 0));
        luma.take(&Decoded::default(), Excerpt { columns: 0..9, rows: 0..9, each: 1 });
        assert_eq!((luma.width, luma.height), (0, 0));
    }

    #[test]
    fn marks_are_counted_in_rows() {
        let count = |row: &str| {
            let row = row.as_bytes();
            marks_in(row.len(), |x| row[x] == b'#')
        };
        assert_eq!(count("..# ### #..# ### #"), 2);
        assert_eq!((count("##..######..##"), count("###.#######..##")), (1, 1));
        assert_eq!(count("#.#.#.#.#.########"), 0);
        assert_eq!((count(""), count("#####")), (0, 0));
    }

    #[test]
    fn a_picture_that_is_full_of_marks_takes_no_time() {
        let (mut picture, mut luma) = (Decoded::default(), Luma::default());
        picture.draw(640, 480, |pixels| {
            for (at, pixel) in pixels.chunks_exact_mut(4).enumerate() {
                let (x, y) = ((at % 640 / 2 % 9) as i32 - 4, (at / 640 / 2 % 9) as i32 - 4);
                pixel[1] = if [2, 4].contains(&x.abs().max(y.abs())) { 230 } else { 20 };
            }
        });
        luma.take(&picture, Excerpt { columns: 0..640, rows: 0..480, each: 1 });
        let began = std::time::Instant::now();
        assert_eq!(luma.codes(RunNumber::new(0)), []);
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
