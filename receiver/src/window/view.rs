//! The window at work: events in, pictures or a card out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::host::Stop;
use proto::{Latest, Taken};
use sdl2::event::{Event, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::video::{FullscreenType, WindowPos};
use sdl2::{EventPump, Sdl, VideoSubsystem};

use super::{Picture, Screen, Shown, Status, card, fit};
use crate::decode::Decoded;

/// What is on the screen, and what is to be.
pub(super) struct View<'a, S> {
    screen: S,
    pump: EventPump,
    video: &'a VideoSubsystem,
    sdl: &'a Sdl,
    picture: Option<Picture>,
    card: Decoded,
    /// What the card says, while it is shown.
    on_card: Option<Vec<String>>,
    title: String,
    /// The window has taken the size of the first picture, or the user gave it one.
    is_sized: bool,
    /// Where the window was, and its size, before it took the full screen.
    windowed: Option<((i32, i32), (u32, u32))>,
    must_draw: bool,
}

impl<'a, S: Screen> View<'a, S> {
    pub(super) fn new(screen: S, pump: EventPump, video: &'a VideoSubsystem, sdl: &'a Sdl) -> Self {
        Self {
            screen,
            pump,
            video,
            sdl,
            picture: None,
            card: Decoded::default(),
            on_card: None,
            title: String::new(),
            is_sized: false,
            windowed: None,
            must_draw: true,
        }
    }

    pub(super) fn run(
        mut self,
        inbox: &Latest<Picture>,
        status: &Mutex<Status>,
        stop: &Stop,
        mut shown: impl FnMut(Shown),
    ) -> Result<()> {
        let mut refreshed: Option<Instant> = None;
        self.follow_fullscreen();
        while !stop.is_requested() {
            if let Taken::Value(picture) = inbox.take(Some(Duration::ZERO)) {
                self.fit_window(&picture.pixels);
                let started = Instant::now();
                self.screen.show(&picture.pixels, &self.pump)?;
                let presented_at = Instant::now();
                let Picture { id, captured, decoded_at, .. } = picture;
                shown(Shown { id, captured, decoded_at, presented_at, present: presented_at - started });
                self.picture = Some(picture);
                self.on_card = None;
                self.must_draw = false;
            }
            if self.must_draw || refreshed.is_none_or(|at| at.elapsed() >= REFRESH) {
                refreshed = Some(Instant::now());
                self.refresh(status)?;
            }
            let wait = refreshed.map_or(REFRESH, |at| REFRESH.saturating_sub(at.elapsed()));
            let mut next = self.pump.wait_event_timeout(wait.as_millis() as u32 + 1);
            while let Some(event) = next {
                if self.is_over(&event) {
                    return Ok(());
                }
                next = self.pump.poll_event();
            }
        }
        Ok(())
    }

    /// Brings the title up to date, and what is shown while no picture comes.
    fn refresh(&mut self, status: &Mutex<Status>) -> Result<()> {
        let (title, lines) = {
            let status = status.lock().unwrap_or_else(PoisonError::into_inner);
            (status.title(), status.card(Instant::now()))
        };
        if title != self.title {
            self.screen.window().set_title(&title)?;
            self.title = title;
        }
        match (lines, &self.picture) {
            // The stream is live: its newest picture stays, and is drawn again where the window lost it.
            (None, Some(picture)) if self.must_draw || self.on_card.is_some() => {
                self.screen.show(&picture.pixels, &self.pump)?;
                self.on_card = None;
            }
            (None, Some(_)) => {}
            (lines, _) => {
                let lines = lines.unwrap_or_else(|| vec!["waiting for a picture".to_owned()]);
                if self.must_draw || self.on_card.as_ref() != Some(&lines) {
                    let (width, height) = self.screen.window().drawable_size();
                    card::draw(&mut self.card, width, height, &lines);
                    self.screen.show(&self.card, &self.pump)?;
                    self.on_card = Some(lines);
                }
            }
        }
        self.must_draw = false;
        Ok(())
    }

    /// Handles what the user did; says whether it was to end.
    fn is_over(&mut self, event: &Event) -> bool {
        match event {
            Event::Quit { .. } | Event::Window { win_event: WindowEvent::Close, .. } => return true,
            Event::KeyDown { keycode: Some(Keycode::Q | Keycode::Escape), repeat: false, .. } => return true,
            Event::KeyDown { keycode: Some(Keycode::F), repeat: false, .. } => self.toggle_fullscreen(),
            Event::Window {
                win_event: WindowEvent::Exposed | WindowEvent::SizeChanged(..) | WindowEvent::Restored,
                ..
            } => self.must_draw = true,
            Event::Window { win_event: WindowEvent::Resized(..), .. } => {
                self.is_sized = true;
                self.must_draw = true;
            }
            _ => {}
        }
        false
    }

    fn toggle_fullscreen(&mut self) {
        let window = self.screen.window();
        // A window manager that refuses leaves the window as it is.
        if window.fullscreen_state() == FullscreenType::Off {
            self.windowed = Some((window.position(), window.size()));
            // Where there is no window manager, nobody else gives it the screen's place and size.
            if let Ok(screen) = window.display_index().and_then(|display| self.video.display_bounds(display))
            {
                let _ = place(window, (screen.x(), screen.y()), screen.size());
            }
            let _ = window.set_fullscreen(FullscreenType::Desktop);
        } else {
            let _ = window.set_fullscreen(FullscreenType::Off);
            match self.windowed.take() {
                Some((position, size)) => drop(place(window, position, size)),
                // It was never anything but full screen: the next picture gives it a size.
                None => self.is_sized = false,
            }
        }
        self.follow_fullscreen();
        self.must_draw = true;
    }

    /// On the full screen, nothing but the picture.
    fn follow_fullscreen(&mut self) {
        let windowed = self.screen.window().fullscreen_state() == FullscreenType::Off;
        self.sdl.mouse().show_cursor(windowed);
    }

    /// Gives the window the size of its first picture, or as much of it as the desktop has room for.
    fn fit_window(&mut self, picture: &Decoded) {
        if std::mem::replace(&mut self.is_sized, true) {
            return;
        }
        let window = self.screen.window();
        let room = window.display_index().and_then(|display| self.video.display_usable_bounds(display));
        if let (FullscreenType::Off, Ok(room)) = (window.fullscreen_state(), room) {
            let (width, height) = fit::inside((picture.width(), picture.height()), room.size());
            if window.set_size(width, height).is_ok() {
                window.set_position(WindowPos::Centered, WindowPos::Centered);
            }
        }
    }
}

fn place(window: &mut sdl2::video::Window, (x, y): (i32, i32), (width, height): (u32, u32)) -> Result<()> {
    window.set_position(WindowPos::Positioned(x), WindowPos::Positioned(y));
    Ok(window.set_size(width, height)?)
}

/// Title and card change no more often than a person can read.
const REFRESH: Duration = Duration::from_millis(500);
