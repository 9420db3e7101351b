//! The list of senders to choose from, shown in place of all tiles.

mod list;

use std::time::Duration;

use anyhow::Result;
use sdl2::EventPump;
use sdl2::keyboard::Keycode;
use sdl2::rect::Rect;

use crate::codec::Decoded;
use crate::discovery::{Finder, FoundSender, whereabouts};
use crate::window::backend::canvas::{Canvas, Drawing};
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::font::Fonts;
use crate::window::draw::grid;
use list::Entry;

/// The list of senders.
#[derive(Default)]
pub(crate) struct SenderPicker {
    bitmap: Bitmap,
    /// The picker as a picture.
    picture: Decoded,
    found: Vec<FoundSender>,
    selected: Option<usize>,
    areas: Vec<Rect>,
    /// The window's size, the seconds waited and how many letters were looked for when it was drawn last.
    drawn: Option<((u32, u32), u64, u32)>,
}

/// What the user did to the list.
pub(crate) enum Choice {
    /// These are to be shown.
    Show(Vec<FoundSender>),
    /// Another one is selected, or nothing has changed.
    Stay,
    /// It was nothing to do with the list.
    Other,
}

impl SenderPicker {
    /// Draws it, if it does not say the same already.
    pub(crate) fn draw(
        &mut self,
        canvas: &mut impl Canvas,
        fonts: &Fonts,
        size: (u32, u32),
        finder: &Finder,
        pump: &EventPump,
    ) -> Result<()> {
        let (found, waited) = (finder.found(), finder.waited());
        // While nobody is there, it says for how long.
        let seconds = if found.is_empty() { waited.as_secs() } else { 0 };
        let answers = fonts.answers();
        if self.drawn == Some((size, seconds, answers)) && self.found == found {
            return Ok(());
        }
        self.found = found;
        self.selected = self.selected.filter(|&at| at < self.found.len());
        self.lay_out(fonts, size, waited);
        let (bitmap, area) = (&self.bitmap, Rect::new(0, 0, size.0, size.1));
        self.picture.draw(size.0, size.1, |pixels| pixels.copy_from_slice(bitmap.pixels()));
        canvas.draw(0, &Drawing { area, picture: &self.picture, layers: [None; 3], border: None }, pump)?;
        canvas.present(pump)?;
        self.drawn = Some((size, seconds, answers));
        Ok(())
    }

    fn lay_out(&mut self, fonts: &Fonts, size: (u32, u32), waited: Duration) {
        let places: Vec<String> = self.found.iter().map(whereabouts).collect();
        let entry = |(found, address)| {
            let FoundSender { instance: name, size, fps, .. }: &FoundSender = found;
            Entry {
                name,
                size: size.map(|(width, height)| (width.into(), height.into())),
                fps: *fps,
                address,
            }
        };
        let entries: Vec<Entry<'_>> =
            self.found.iter().zip(places.iter().map(String::as_str)).map(entry).collect();
        self.areas = list::draw(&mut self.bitmap, fonts, size, &entries, self.selected, waited);
    }

    /// Has it drawn again.
    pub(crate) fn redraw(&mut self) {
        self.drawn = None;
    }

    /// A key while the list is shown: `digit` is the number it stands for, from 0.
    pub(crate) fn key(&mut self, key: Keycode, digit: Option<usize>) -> Choice {
        let last = self.found.len().checked_sub(1);
        match (key, last) {
            (_, Some(last)) if digit.is_some_and(|digit| digit <= last) => self.show(digit),
            (Keycode::Return | Keycode::KpEnter, Some(_)) => self.show(self.selected),
            (Keycode::A, Some(_)) => Choice::Show(self.found.clone()),
            (Keycode::Down, Some(last)) => self.select(self.selected.map_or(0, |at| (at + 1).min(last))),
            (Keycode::Up, Some(_)) => self.select(self.selected.map_or(0, |at| at.saturating_sub(1))),
            _ => Choice::Other,
        }
    }

    /// A click while the list is shown.
    pub(crate) fn click(&self, x: i32, y: i32) -> Choice {
        self.show(grid::hit(&self.areas, x, y))
    }

    fn select(&mut self, at: usize) -> Choice {
        self.selected = Some(at);
        self.redraw();
        Choice::Stay
    }

    fn show(&self, at: Option<usize>) -> Choice {
        at.and_then(|at| self.found.get(at)).map_or(Choice::Stay, |found| Choice::Show(vec![found.clone()]))
    }
}
