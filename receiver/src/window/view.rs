//! The window at work: events in, pictures or cards out.

use std::time::{Duration, Instant};

use anyhow::Result;
use proto::sys::Stop;
use sdl2::event::{Event, EventType, WindowEvent};
use sdl2::keyboard::{Keycode, Mod, Scancode};
use sdl2::mouse::MouseButton;
use sdl2::rect::Rect;

use super::backend::canvas::{Canvas, Layer};
use super::coded_strip::CodedStrip;
use super::context::WindowContext;
use super::draw::bitmap::Bitmap;
use super::draw::grid;
use super::keys::{Action, digit, meant};
use super::size::{self, Extent};
use super::tile::Tile;
use super::tile_overlay::Style;
use super::widgets::help;
use super::widgets::key_entry::{KeyEntry, Typed};
use super::widgets::picker::{Choice, SenderPicker};
use crate::discovery::Finder;

/// What is on the screen, and what is to be.
pub(super) struct View<'a, C> {
    canvas: C,
    context: WindowContext<'a>,
    tiles: Vec<Tile>,
    /// The tile that has the whole window; `None`: all of them, in a grid.
    full: Option<usize>,
    /// Where the tiles are was said for a window of this size.
    arranged: Option<(u32, u32)>,
    /// Whether the window is off the screen.
    is_minimised: bool,
    /// The list of senders.
    picker: SenderPicker,
    /// Whether the user wants to see the list.
    wants_picker: bool,
    /// The list of keys, and where it is, while the user wants to see it.
    help: (Bitmap, Option<Rect>),
    wants_help: bool,
    /// Where a code is typed.
    entry: KeyEntry,
    title: String,
    extent: Extent,
    /// The strip of codes, while times are measured by it: then one sender alone is shown, beside it.
    strip: Option<CodedStrip>,
}

impl<'a, C: Canvas> View<'a, C> {
    pub(super) fn new(canvas: C, context: WindowContext<'a>, strip: Option<CodedStrip>) -> Self {
        Self {
            canvas,
            context,
            tiles: Vec::new(),
            full: None,
            arranged: None,
            is_minimised: false,
            picker: SenderPicker::default(),
            wants_picker: false,
            help: (Bitmap::default(), None),
            wants_help: false,
            entry: KeyEntry::default(),
            title: String::new(),
            extent: Extent::default(),
            strip,
        }
    }

    pub(super) fn run(mut self, stop: &Stop) -> Result<()> {
        let done = self.work(stop);
        // Nobody wakes the window from now on.
        self.context.waiting.bell.end();
        self.canvas.window().hide();
        done
    }

    fn work(&mut self, stop: &Stop) -> Result<()> {
        size::follow_fullscreen(self.canvas.window(), &self.context);
        while !stop.is_requested() {
            let until = self.refresh()?;
            let mut next =
                self.context.waiting.event(&mut self.context.pump, until.min(Instant::now() + LONGEST));
            while let Some(event) = next {
                if self.is_over(&event) {
                    return Ok(());
                }
                next = self.context.pump.poll_event();
            }
        }
        Ok(())
    }

    /// Draws what has changed; returns when something changes by itself.
    fn refresh(&mut self) -> Result<Instant> {
        if self.tiles.len() != self.context.feeds.count() {
            let known = self.tiles.len();
            let new = self.context.feeds.tiles().into_iter().skip(known);
            self.tiles.extend(new.map(|feed| Tile::new(feed, self.context.fonts.clone())));
            self.arranged = None;
        }
        let now = Instant::now();
        for tile in &mut self.tiles {
            tile.take(now);
            tile.look(now);
        }
        if self.tiles.iter().any(Tile::is_locked) {
            let lines = self.entry.lines();
            self.tiles.iter_mut().for_each(|tile| tile.say_of_key(&lines));
        } else {
            self.entry.answered(None);
        }
        match self.strip {
            Some(_) => self.extent.fit_strip(self.canvas.window(), &self.context),
            None => self.extent.fit(self.canvas.window(), &self.context, &self.tiles),
        }
        self.arrange();
        self.retitle()?;
        match self.shown_finder() {
            Some(finder) => {
                let size = self.canvas.window().drawable_size();
                self.picker.draw(&mut self.canvas, &self.context.fonts, size, finder, &self.context.pump)?;
            }
            None => self.draw(now)?,
        }
        let strip =
            self.strip.as_ref().filter(|_| self.shown_finder().is_none()).map(CodedStrip::next_change);
        let next = self.tiles.iter().filter_map(|tile| tile.next_change(now)).chain(strip).min();
        Ok(next.map_or(now + LONGEST, |next| next.min(now + LONGEST)))
    }

    /// Who looks for senders, while the list of them is what is to be seen.
    fn shown_finder(&self) -> Option<&'a Finder> {
        self.context.finder.filter(|_| self.tiles.is_empty() || self.wants_picker)
    }

    fn draw(&mut self, now: Instant) -> Result<()> {
        let style = Style { detail: self.context.detail, is_in_grid: self.alone().is_none() };
        let (mut drawn, mut first) = (false, 0);
        if let Some(strip) = &mut self.strip {
            drawn = strip.draw(&mut self.canvas, &self.context, now)?;
            first = CodedStrip::DRAWINGS;
        }
        for (number, tile) in (first..).zip(&mut self.tiles) {
            if tile.is_due(style, now) {
                let (bitmap, at) = &self.help;
                let above = at.map(|at| Layer { bitmap, at: (at.x(), at.y()) });
                tile.draw(&mut self.canvas, number, above, &self.context.pump)?;
                drawn = true;
            }
        }
        if drawn {
            self.canvas.present(&self.context.pump)?;
            let at = Instant::now();
            for tile in &mut self.tiles {
                let times = tile.presented(at);
                if let (Some(strip), Some(times)) = (&self.strip, times) {
                    tile.shown_picture(times).into_iter().for_each(|picture| strip.picture_shown(picture));
                }
            }
            // After the pictures: the next code is made then.
            if let Some(strip) = &mut self.strip {
                strip.presented(at);
            }
        }
        Ok(())
    }

    /// Gives each tile its place, where that may have changed.
    fn arrange(&mut self) {
        let size = self.canvas.window().drawable_size();
        if self.arranged == Some(size) {
            return;
        }
        self.arranged = Some(size);
        self.canvas.clear();
        self.picker.redraw();
        self.help.1 =
            if self.wants_help { help::draw(&mut self.help.0, &self.context.fonts, size) } else { None };
        self.full = self.full.filter(|&full| full < self.tiles.len());
        let alone = self.alone();
        let is_hidden = self.is_minimised || self.shown_finder().is_some();
        let shape = self.tiles.iter().find_map(Tile::size).unwrap_or(USUAL_SHAPE);
        let whole = Rect::new(0, 0, size.0, size.1);
        let whole = self.strip.as_mut().map_or(whole, |strip| strip.arrange(size));
        let areas = match alone {
            Some(_) => Vec::new(),
            None => grid::layout(self.tiles.len(), size, shape),
        };
        for (number, tile) in self.tiles.iter_mut().enumerate() {
            tile.place(match alone {
                // Behind the list nothing is seen, nor where there is no window; so nothing is decoded.
                _ if is_hidden => None,
                Some(alone) => (alone == number).then_some(whole),
                None => areas.get(number).copied(),
            });
        }
    }

    /// The tile that is shown alone.
    fn alone(&self) -> Option<usize> {
        match self.tiles.len() {
            0 => None,
            1 => Some(0),
            _ if self.strip.is_some() => Some(0),
            _ => self.full,
        }
    }

    fn retitle(&mut self) -> Result<()> {
        let title = match self.alone() {
            Some(number) => {
                let tile = &self.tiles[number];
                tile.status.title(&tile.samples.now)
            }
            None if self.tiles.is_empty() => "Chunkcast".to_owned(),
            None => format!("Chunkcast - {} senders", self.tiles.len()),
        };
        if title != self.title {
            self.canvas.window().set_title(&title)?;
            self.title = title;
        }
        Ok(())
    }

    /// Handles what the user did; says whether it was to end.
    fn is_over(&mut self, event: &Event) -> bool {
        match event {
            Event::Quit { .. } | Event::Window { win_event: WindowEvent::Close, .. } => return true,
            Event::TextInput { text, .. } if self.entry.is_open() => self.entry.add(text),
            Event::KeyDown { keycode: Some(key), keymod, .. } if self.entry.is_open() => {
                self.type_code(*key, *keymod);
            }
            Event::KeyDown { keycode, scancode, repeat: false, .. } => {
                let is_typed = |key| Scancode::from_keycode(key).is_some();
                return meant(*keycode, *scancode, is_typed).is_some_and(|key| self.is_last_key(key));
            }
            Event::MouseButtonDown { mouse_btn: MouseButton::Left, x, y, .. } => self.click(*x, *y),
            Event::Window { win_event: WindowEvent::Exposed | WindowEvent::SizeChanged(..), .. } => {
                self.arranged = None;
            }
            Event::Window { win_event: WindowEvent::Minimized | WindowEvent::Hidden, .. } => {
                (self.is_minimised, self.arranged) = (true, None);
            }
            Event::Window { win_event: WindowEvent::Restored | WindowEvent::Shown, .. } => {
                (self.is_minimised, self.arranged) = (false, None);
            }
            Event::Window { win_event: WindowEvent::Resized(..), .. } => {
                self.extent.is_the_users();
                self.arranged = None;
            }
            _ => {}
        }
        false
    }

    /// Handles a key; says whether it was the last.
    fn is_last_key(&mut self, key: Keycode) -> bool {
        if self.shown_finder().is_some() {
            let choice = self.picker.key(key, digit(key));
            if !matches!(choice, Choice::Other) {
                self.follow(choice);
                return false;
            }
        }
        match Action::of(key) {
            Some(Action::Back) if self.wants_picker || self.wants_help => {
                (self.wants_picker, self.wants_help, self.arranged) = (false, false, None);
            }
            Some(Action::Back) if self.full.is_some() && self.tiles.len() > 1 => self.show_alone(None),
            Some(Action::Quit | Action::Back) => return true,
            Some(Action::Fullscreen) => {
                self.extent.toggle_fullscreen(self.canvas.window(), &self.context);
                self.arranged = None;
            }
            Some(Action::All) => self.show_alone(None),
            Some(Action::One(number)) if number < self.tiles.len() => {
                self.show_alone((self.full != Some(number)).then_some(number));
            }
            Some(Action::Detail) => self.context.detail = self.context.detail.next(),
            Some(Action::Help) => (self.wants_help, self.arranged) = (!self.wants_help, None),
            Some(Action::List) if self.context.finder.is_some() => {
                (self.wants_picker, self.arranged) = (!self.wants_picker, None);
            }
            Some(Action::Key) => {
                let wanted = self.context.keyring.wanted().filter(|_| self.tiles.iter().any(Tile::is_locked));
                wanted.into_iter().for_each(|wanted| self.entry.begin(wanted));
                // What this key writes comes after it, and is no part of the code.
                if let Ok(events) = self.context.sdl.event() {
                    events.flush_event(EventType::TextInput);
                }
            }
            Some(Action::Record) => self.record(),
            Some(Action::Replay) => self.each_shown(|tile| drop(tile.feed.recorder.save_replay())),
            Some(Action::Snapshot) => self.each_shown(|tile| drop(tile.feed.recorder.snapshot(tile.frame()))),
            Some(Action::One(_) | Action::List) | None => {}
        }
        false
    }

    /// Goes on with a code that is being typed.
    fn type_code(&mut self, key: Keycode, held: Mod) {
        match self.entry.key(key, held) {
            Typed::Nothing => {}
            Typed::Paste => {
                let pasted = self.context.video.clipboard().clipboard_text();
                pasted.into_iter().for_each(|text| self.entry.add(&text));
            }
            Typed::Whole(code, wanted) => {
                let entered = self.context.keyring.enter(&code, Some(wanted));
                self.entry.answered(entered.err().map(|error| format!("{error:#}")));
            }
        }
    }

    /// Records all that is shown; or if any of it is recorded already, ends that.
    fn record(&self) {
        let is_recorded = |tile: &Tile| tile.feed.recorder.status().recording.is_some();
        let any = self.tiles.iter().any(|tile| tile.area().is_some() && is_recorded(tile));
        self.each_shown(|tile| {
            if is_recorded(tile) == any {
                drop(tile.feed.recorder.toggle_recording());
            }
        });
    }

    /// Keeps something of what is shown: of one sender, or of all.
    fn each_shown(&self, keep: impl Fn(&Tile)) {
        self.tiles.iter().filter(|tile| tile.area().is_some()).for_each(keep);
    }

    /// Does what was chosen from the list of senders.
    fn follow(&mut self, choice: Choice) {
        if let (Choice::Show(chosen), Some(finder)) = (choice, self.context.finder) {
            finder.choose(&chosen);
            (self.wants_picker, self.arranged) = (false, None);
        }
    }

    /// Brings up the tile that was clicked, or all of them again.
    fn click(&mut self, x: i32, y: i32) {
        let (x, y) = self.in_pixels(x, y);
        if self.shown_finder().is_some() {
            let choice = self.picker.click(x, y);
            return self.follow(choice);
        }
        let hit = |tile: &Tile| tile.area().is_some_and(|area| area.contains_point((x, y)));
        let number = self.tiles.iter().position(hit);
        self.show_alone(number.filter(|_| self.full.is_none()));
    }

    /// A point of the window in its pixels, of which there are more on some displays.
    fn in_pixels(&mut self, x: i32, y: i32) -> (i32, i32) {
        let window = self.canvas.window();
        let (points, pixels) = (window.size(), window.drawable_size());
        let scaled = |at: i32, points: u32, pixels: u32| {
            (i64::from(at) * i64::from(pixels) / i64::from(points.max(1))) as i32
        };
        (scaled(x, points.0, pixels.0), scaled(y, points.1, pixels.1))
    }

    fn show_alone(&mut self, number: Option<usize>) {
        self.full = number.filter(|_| self.tiles.len() > 1);
        self.arranged = None;
    }
}

/// Title, figures and cards change no more often than a person can read.
const LONGEST: Duration = Duration::from_millis(500);
/// Of a tile whose pictures are not known.
const USUAL_SHAPE: (u32, u32) = (16, 9);
