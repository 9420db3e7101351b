//! A decoded picture, and the buffers it lives in.

use std::sync::Arc;

use crate::frame::Interval;

/// How the pixels of a [`Decoded`] are laid out. YUV is full range (JFIF).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DecodedLayout {
    /// Planes Y, U, V; chroma halved both ways, rounded up. Y has an even number of columns and rows: where the
    /// picture's is odd, one more that is not to be shown.
    #[default]
    I420,
    /// Planes Y, U, V; chroma halved horizontally, rounded up. Y has an even number of columns, as above.
    I422,
    /// Planes Y, U, V of one size.
    I444,
    /// One plane, Y.
    Gray,
    /// One plane of four bytes a pixel: B, G, R and one without meaning.
    Bgrx,
}

impl DecodedLayout {
    /// Bytes from one row of a plane (0 to 2) to the next; 0 where there is no such plane.
    pub fn pitch(self, plane: usize, width: u32) -> usize {
        let width = width as usize;
        match (self, plane) {
            (Self::Bgrx, 0) => 4 * width,
            (Self::I420 | Self::I422, 0) => width.next_multiple_of(2),
            (Self::Gray | Self::I444, 0) | (Self::I444, 1 | 2) => width,
            (Self::I420 | Self::I422, 1 | 2) => width.div_ceil(2),
            _ => 0,
        }
    }

    /// Rows in a plane (0 to 2) of a picture or strip with `rows` rows; 0 where there is no such plane.
    pub fn rows(self, plane: usize, rows: u32) -> usize {
        let rows = rows as usize;
        match (self, plane) {
            (Self::I420, 0) => rows.next_multiple_of(2),
            (_, 0) | (Self::I422 | Self::I444, 1 | 2) => rows,
            (Self::I420, 1 | 2) => rows.div_ceil(2),
            _ => 0,
        }
    }

    /// Bytes of all planes of a picture of this size.
    pub fn bytes(self, width: u32, rows: u32) -> usize {
        (0..3).map(|plane| self.pitch(plane, width) * self.rows(plane, rows)).sum()
    }
}

/// A decoded picture: one or more strips, from the top down.
#[derive(Debug, Default)]
pub struct Decoded {
    width: u32,
    height: u32,
    layout: DecodedLayout,
    interval: Option<Interval>,
    strips: Vec<DecodedStrip>,
    /// How many of `strips` are of this picture; the others keep their buffers for a later one.
    used: usize,
    whole: bool,
}

/// Some rows of a picture, over its full width. All but the last have an even number of rows.
#[derive(Debug, Default)]
pub struct DecodedStrip {
    first_row: u32,
    rows: u32,
    pub(super) pixels: Vec<u8>,
}

impl Decoded {
    /// Width in pixels; 0 if there is no picture.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels; 0 if there is no picture.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// How the pixels of each strip are laid out.
    pub fn layout(&self) -> DecodedLayout {
        self.layout
    }

    /// How far the captures of its sender are apart, as far as that was known when it was decoded.
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// Says how far the captures of its sender are apart.
    pub fn set_interval(&mut self, interval: Option<Interval>) {
        self.interval = interval;
    }

    /// The strips, from the top down; none if there is no picture.
    pub fn strips(&self) -> &[DecodedStrip] {
        if self.whole { &self.strips[..self.used] } else { &[] }
    }

    /// The three planes of a strip; a plane that the layout lacks is empty.
    pub fn planes<'a>(&self, strip: &'a DecodedStrip) -> [&'a [u8]; 3] {
        let bytes = |plane| self.layout.pitch(plane, self.width) * self.layout.rows(plane, strip.rows);
        let (first, rest) = strip.pixels.split_at(bytes(0));
        let (second, third) = rest.split_at(bytes(1));
        [first, second, third]
    }

    /// Fills this picture with pixels that somebody else draws, as one strip of `DecodedLayout::Bgrx`.
    pub fn draw(&mut self, width: u32, height: u32, draw: impl FnOnce(&mut [u8])) {
        let strip = &mut self.begin(width, height, DecodedLayout::Bgrx, 1)[0];
        strip.place(0, height);
        strip.pixels.resize(DecodedLayout::Bgrx.bytes(width, height), 0);
        draw(&mut strip.pixels);
        self.finish();
    }

    pub(super) fn clear(&mut self) {
        (self.width, self.height, self.used, self.whole) = (0, 0, 0, false);
    }

    /// The strips to be filled; it is no picture until [`Self::finish`].
    pub(super) fn begin(
        &mut self,
        width: u32,
        height: u32,
        layout: DecodedLayout,
        strips: usize,
    ) -> &mut [DecodedStrip] {
        (self.width, self.height, self.layout, self.whole) = (width, height, layout, false);
        self.set_strips(strips)
    }

    /// Has so many strips from now on; those before stay as they are.
    pub(super) fn set_strips(&mut self, strips: usize) -> &mut [DecodedStrip] {
        self.used = strips;
        if self.strips.len() < strips {
            self.strips.resize_with(strips, DecodedStrip::default);
        }
        self.strips_mut()
    }

    pub(super) fn strips_mut(&mut self) -> &mut [DecodedStrip] {
        &mut self.strips[..self.used]
    }

    pub(super) fn finish(&mut self) {
        self.whole = true;
    }
}

impl DecodedStrip {
    /// Its first row in the picture; even.
    pub fn first_row(&self) -> u32 {
        self.first_row
    }

    /// How many rows it has.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    pub(super) fn place(&mut self, first_row: u32, rows: u32) {
        (self.first_row, self.rows) = (first_row, rows);
    }
}

/// Reuses decoded pictures, so that a steady stream allocates nothing.
///
/// Who shows or writes a picture holds an `Arc` of it; once all have dropped theirs, its buffers are filled again.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    kept: Vec<Arc<Decoded>>,
}

impl Pictures {
    /// A picture that nobody else holds, to be decoded into with [`Arc::get_mut`].
    pub(crate) fn take(&mut self) -> Arc<Decoded> {
        match self.kept.iter_mut().position(|picture| Arc::get_mut(picture).is_some()) {
            Some(at) => self.kept.swap_remove(at),
            None => Arc::default(),
        }
    }

    /// Remembers `picture`, so that it is reused when its last holder is done.
    pub(crate) fn keep(&mut self, picture: &Arc<Decoded>) {
        if self.kept.len() == MOST_KEPT {
            self.kept.swap_remove(0);
        }
        self.kept.push(picture.clone());
    }
}

/// One shown, one waiting to be shown, one being written, one being decoded, and one to spare.
const MOST_KEPT: usize = 5;
