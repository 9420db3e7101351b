//! The list of the senders that were found, to choose one from.

use std::time::Duration;

use sdl2::rect::Rect;

use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::font::{self, Fonts, height};
use crate::window::draw::painter::Painter;
use crate::window::draw::palette::{ACCENT, Colour, FAINT, GROUND, HEAD, RAISED, TEXT};
use crate::window::widgets::overlay::{SMALLEST, letter_size};

/// A sender in the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Width and height of its pictures, if it said so.
    pub(crate) size: Option<(u32, u32)>,
    /// Pictures per second, if it said so.
    pub(crate) fps: Option<f64>,
    /// Where it is.
    pub(crate) address: &'a str,
}

/// Draws the list over a whole window; without entries, that they are looked for since `waited`. Returns where in the
/// window each entry is that could be drawn, at most [`MOST`].
pub(crate) fn draw(
    bitmap: &mut Bitmap,
    fonts: &Fonts,
    window: (u32, u32),
    entries: &[Entry<'_>],
    selected: Option<usize>,
    waited: Duration,
) -> Vec<Rect> {
    let mut painter = bitmap.begin(fonts, window, GROUND);
    if entries.is_empty() {
        draw_none(&mut painter, waited);
        return Vec::new();
    }
    let page = Page::of(window, entries.len().min(MOST) as u32);
    let Some(mut top) = page.title(&mut painter, &title(entries.len())) else { return Vec::new() };
    let mut areas = Vec::new();
    for (index, entry) in entries.iter().take(MOST).enumerate() {
        if top + page.entry_height() > window.1 {
            break;
        }
        let area = Rect::new(page.left as i32, top as i32, page.across, page.entry_height());
        page.entry(&mut painter, area, index, entry, selected == Some(index));
        top += page.entry_height() + between(page.size);
        areas.push(area);
    }
    top += air(page.size);
    if entries.len() > areas.len() {
        page.line(&mut painter, top, &format!("and {} more", entries.len() - areas.len()), TEXT);
        top += pitch(page.size);
    }
    page.line(&mut painter, top, HINT, TEXT);
    areas
}

fn title(count: usize) -> String {
    if count == 1 { "one sender was found".to_owned() } else { format!("{count} senders were found") }
}

fn draw_none(painter: &mut Painter<'_>, waited: Duration) {
    let help = if waited >= SOON { NONE_FOUND } else { &[] };
    let page = Page::of(painter.size(), 2);
    // It stays in its place when more is said.
    let height = title_height(page.size) + pitch(page.size) * NONE_FOUND.len() as u32;
    let page = Page { top: painter.size().1.saturating_sub(height) / 2, ..page };
    let dots = ".".repeat(1 + (waited.as_millis() / 500 % 3) as usize);
    let Some(mut top) = page.title(painter, &format!("looking for senders{dots}")) else { return };
    for line in help {
        page.line(painter, top, line, TEXT);
        top += pitch(page.size);
    }
}

/// How the list is laid out in a window.
struct Page {
    /// Of letters.
    size: u32,
    left: u32,
    top: u32,
    across: u32,
    is_roomy: bool,
}

impl Page {
    /// Letters as large as everything fits with; where nothing else helps, entries take one line instead of two.
    fn of((width, height): (u32, u32), entries: u32) -> Self {
        let needed = |size: u32, is_roomy: bool| {
            let entry = entry_height(size, is_roomy) + between(size);
            title_height(size) + entries * entry + air(size) + 2 * pitch(size)
        };
        let fits = |size: u32, is_roomy| WIDE * size <= width && needed(size, is_roomy) <= height;
        let sizes = || font::sizes(SMALLEST, letter_size((width, height)) * 5 / 4);
        let roomy = sizes().find(|&size| fits(size, true));
        let (size, is_roomy) = match roomy {
            Some(size) => (size, true),
            None => (sizes().find(|&size| fits(size, false)).unwrap_or(SMALLEST), false),
        };
        let across = (size * WIDE).min(width);
        let top = height.saturating_sub(needed(size, is_roomy)) / 2;
        Self { size, left: (width - across) / 2, top, across, is_roomy }
    }

    fn entry_height(&self) -> u32 {
        entry_height(self.size, self.is_roomy)
    }

    /// Writes what the page is about; returns where what follows begins. `None` if there is no room even for that.
    fn title(&self, painter: &mut Painter<'_>, text: &str) -> Option<u32> {
        let (fonts, size) = (painter.fonts(), self.size);
        // A title that fits is written larger.
        let larger = size * 3 / 2;
        let is_larger = self.is_roomy && fonts.width(text, larger) <= self.across;
        let larger = if is_larger { larger } else { size };
        let text = fonts.shortened(text, larger, self.across);
        if text.is_empty() {
            return None;
        }
        painter.text((self.left, self.top), &text, larger, HEAD);
        let rule = self.top + title_height(size) - size / 2 - rule(size);
        painter.fill((self.left, rule), (self.across, self::rule(size)), ACCENT);
        Some(self.top + title_height(size))
    }

    fn line(&self, painter: &mut Painter<'_>, top: u32, text: &str, colour: Colour) {
        let text = painter.fonts().shortened(text, self.size, self.across);
        painter.text((self.left, top), &text, self.size, colour);
    }

    fn entry(
        &self,
        painter: &mut Painter<'_>,
        area: Rect,
        index: usize,
        entry: &Entry<'_>,
        is_selected: bool,
    ) {
        let (fonts, size) = (painter.fonts(), self.size);
        let at = (area.x() as u32, area.y() as u32);
        if is_selected {
            painter.fill(at, area.size(), RAISED);
            painter.fill(at, (2 * rule(size), area.height()), ACCENT);
        } else {
            painter.fill((at.0, at.1 + area.height() - 1), (area.width(), 1), FAINT);
        }
        let top = at.1 + inset(size);
        painter.text((at.0 + size * 2 / 3, top), &(index + 1).to_string(), size, ACCENT);
        let left = at.0 + 2 * size;
        let room = area.width().saturating_sub(left - at.0 + size / 2);
        let details = details(entry);
        let name = fonts.shortened(entry.name, size, room);
        painter.text((left, top), &name, size, HEAD);
        if self.is_roomy {
            let details = fonts.shortened(&details, size, room);
            painter.text((left, top + pitch(size)), &details, size, TEXT);
        } else {
            let taken = fonts.width(&name, size) + size;
            let details = fonts.shortened(&details, size, room.saturating_sub(taken));
            painter.text((left + taken, top), &details, size, TEXT);
        }
    }
}

fn details(entry: &Entry<'_>) -> String {
    let size = entry.size.map(|(width, height)| format!("{width}x{height}"));
    let fps = entry.fps.map(|fps| format!("{} fps", (fps * 100.0).round() / 100.0));
    let parts: Vec<String> = size.into_iter().chain(fps).chain([entry.address.to_owned()]).collect();
    parts.join("  ")
}

/// With the rule below it and the air below that.
fn title_height(size: u32) -> u32 {
    height(size * 3 / 2) + size + rule(size)
}

fn entry_height(size: u32, is_roomy: bool) -> u32 {
    2 * inset(size) + height(size) + if is_roomy { pitch(size) } else { 0 }
}

/// From one line to the next.
fn pitch(size: u32) -> u32 {
    height(size) + size / 5
}

/// Above and below what an entry says.
fn inset(size: u32) -> u32 {
    size / 2
}

fn between(size: u32) -> u32 {
    size / 5
}

/// Above what is below the entries.
fn air(size: u32) -> u32 {
    size * 3 / 4
}

fn rule(size: u32) -> u32 {
    (size / 10).max(1)
}

/// As many as there are keys for.
pub(crate) const MOST: usize = 9;
const HINT: &str = "1-9 or click: show one   a: all";
const NONE_FOUND: &[&str] = &[
    "none found yet: start a sender on a computer of",
    "this network, or give the receiver",
    "--connect HOST or --listen PORT",
];
const SOON: Duration = Duration::from_secs(3);

/// How wide the list is, in ems.
const WIDE: u32 = 28;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::{find, fonts};

    const FOUND: [Entry<'static>; 12] =
        [Entry { name: "door", size: Some((1280, 720)), fps: Some(29.97), address: "192.168.1.7:41000" }; 12];

    #[test]
    fn each_entry_can_be_read_where_it_can_be_clicked() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        let areas = draw(&mut bitmap, &fonts, (960, 540), &FOUND[..3], Some(1), Duration::ZERO);
        assert_eq!(areas.len(), 3);
        assert!(find(&bitmap, "3 senders were found").is_some() && find(&bitmap, HINT).is_some());
        for (index, area) in areas.iter().enumerate() {
            let number =
                find(&bitmap, &format!("{} ", index + 1)).map(|found| (found.x as i32, found.y as i32));
            assert!(number.is_some_and(|number| area.contains_point(number)), "{number:?} in {area:?}");
        }
        let name = find(&bitmap, "door").unwrap();
        assert!(areas[0].contains_point((name.x as i32, name.y as i32)));
        assert!(find(&bitmap, "1280x720  29.97 fps  192.168.1.7:41000").is_some());
        let ground = |area: &Rect| {
            let (x, y) = (area.right() as usize - 2, area.top() as usize + 2);
            bitmap.pixels()[y * bitmap.pitch() + 4 * x..][..4].to_vec()
        };
        assert_eq!([&areas[0], &areas[1], &areas[2]].map(ground), [GROUND, RAISED, GROUND]);
    }

    #[test]
    fn more_than_there_are_keys_for_are_counted() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        assert_eq!(draw(&mut bitmap, &fonts, (960, 540), &FOUND, None, Duration::ZERO).len(), MOST);
        assert!(find(&bitmap, "and 3 more").is_some());
    }

    #[test]
    fn while_none_is_found_it_says_what_to_do() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        assert!(draw(&mut bitmap, &fonts, (960, 540), &[], None, Duration::ZERO).is_empty());
        let title = find(&bitmap, "looking for senders").unwrap();
        assert!(find(&bitmap, "--listen PORT").is_none(), "there may be one any moment");
        draw(&mut bitmap, &fonts, (960, 540), &[], None, SOON);
        assert!(find(&bitmap, "--listen PORT").is_some());
        assert_eq!(find(&bitmap, "looking for senders"), Some(title), "it stays where it was");
    }

    #[test]
    fn any_window_will_do() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        for window in [(0, 0), (1, 1), (8, 8), (160, 120), (120, 500), (700, 90), (3840, 2160)] {
            let whole = Rect::new(0, 0, window.0, window.1);
            for count in [0, 1, 4, 12] {
                let areas = draw(&mut bitmap, &fonts, window, &FOUND[..count], Some(0), SOON);
                assert!(areas.iter().all(|area| area.intersection(whole) == Some(*area)), "{window:?}");
                assert_eq!(bitmap.size(), window);
            }
        }
    }
}
