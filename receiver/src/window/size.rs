//! The size of the window: that of its pictures, as the user wants it, or that of the screen.

use anyhow::Result;
use sdl2::video::{FullscreenType, Window, WindowPos};

use super::context::WindowContext;
use super::draw::fit;
use super::tile::Tile;

/// What is remembered of the window's size.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// The window has taken the size of its pictures, or the user gave it one.
    is_settled: bool,
    /// That size was for a single picture: should there be another, it is not enough.
    is_for_one: bool,
    /// Where the window was, and its size, before it took the full screen.
    windowed: Option<((i32, i32), (u32, u32))>,
}

impl Extent {
    /// The user gave it a size: no picture changes that.
    pub(super) fn is_the_users(&mut self) {
        (self.is_settled, self.is_for_one) = (true, false);
    }

    /// Gives the window the size of its first picture, or as much of it as the desktop has room for; of several, as
    /// much as a grid needs to be read.
    pub(super) fn fit(&mut self, window: &mut Window, context: &WindowContext<'_>, tiles: &[Tile]) {
        self.is_settled &= !self.is_for_one || tiles.len() == 1;
        if self.is_settled {
            return;
        }
        let wanted = match tiles {
            [only] => only.size(),
            [] => None,
            _ => Some(GRID),
        };
        let Some(wanted) = wanted else { return };
        self.is_for_one = tiles.len() == 1;
        self.is_settled = self.is_for_one || tiles.iter().all(|tile| tile.size().is_some());
        resize(window, context, wanted);
    }

    /// Gives the window a size in which a strip of codes is seen well, whatever that of the pictures beside it.
    pub(super) fn fit_strip(&mut self, window: &mut Window, context: &WindowContext<'_>) {
        if !self.is_settled {
            self.is_the_users();
            resize(window, context, GRID);
        }
    }

    /// Takes the full screen, or gives it back. A window manager that refuses leaves the window as it is.
    pub(super) fn toggle_fullscreen(&mut self, window: &mut Window, context: &WindowContext<'_>) {
        if window.fullscreen_state() == FullscreenType::Off {
            self.windowed = Some((window.position(), window.size()));
            // Where there is no window manager, nobody else gives it the screen's place and size.
            let screen = window.display_index().and_then(|display| context.video.display_bounds(display));
            if let Ok(screen) = screen {
                let _ = place(window, (screen.x(), screen.y()), screen.size());
            }
            let _ = window.set_fullscreen(FullscreenType::Desktop);
        } else {
            let _ = window.set_fullscreen(FullscreenType::Off);
            match self.windowed.take() {
                Some((position, size)) => drop(place(window, position, size)),
                // It was never anything but full screen: the next picture gives it a size.
                None => self.is_settled = false,
            }
        }
        follow_fullscreen(window, context);
    }
}

/// Gives the window this size, or as much of it as the desktop has room for.
fn resize(window: &mut Window, context: &WindowContext<'_>, wanted: (u32, u32)) {
    let room = window.display_index().and_then(|display| context.video.display_usable_bounds(display));
    if let (FullscreenType::Off, Ok(room)) = (window.fullscreen_state(), room) {
        let (width, height) = fit::inside(wanted, room.size());
        if window.size() != (width, height) && window.set_size(width, height).is_ok() {
            window.set_position(WindowPos::Centered, WindowPos::Centered);
        }
    }
}

/// On the full screen, nothing but the picture.
pub(super) fn follow_fullscreen(window: &Window, context: &WindowContext<'_>) {
    context.sdl.mouse().show_cursor(window.fullscreen_state() == FullscreenType::Off);
}

fn place(window: &mut Window, (x, y): (i32, i32), (width, height): (u32, u32)) -> Result<()> {
    window.set_position(WindowPos::Positioned(x), WindowPos::Positioned(y));
    Ok(window.set_size(width, height)?)
}

/// A window for several pictures, where there is room for it.
const GRID: (u32, u32) = (1280, 720);
