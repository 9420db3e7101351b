//! The list of the senders that were found, to choose one from.

use std::time::Duration;

use sdl2::rect::Rect;

use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::painter::{GLYPH, Painter, shortened, width};
use crate::window::draw::palette::{ACCENT, Colour, FAINT, GROUND, HEAD, RAISED, TEXT};
use crate::window::widgets::overlay::letter_scale;

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
    window: (u32, u32),
    entries: &[Entry<'_>],
    selected: Option<usize>,
    waited: Duration,
) -> Vec<Rect> {
    let mut painter = bitmap.begin(window, GROUND);
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
        top += page.entry_height() + page.scale * BETWEEN;
        areas.push(area);
    }
    top += page.scale * AIR;
    if entries.len() > areas.len() {
        page.line(&mut painter, top, &format!("and {} more", entries.len() - areas.len()), TEXT);
        top += page.scale * LINE;
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
    let height = page.scale * (TITLE + LINE * NONE_FOUND.len() as u32);
    let page = Page { top: painter.size().1.saturating_sub(height) / 2, ..page };
    let dots = ".".repeat(1 + (waited.as_millis() / 500 % 3) as usize);
    let Some(mut top) = page.title(painter, &format!("looking for senders{dots}")) else { return };
    for line in help {
        page.line(painter, top, line, TEXT);
        top += page.scale * LINE;
    }
}

/// How the list is laid out in a window.
struct Page {
    scale: u32,
    left: u32,
    top: u32,
    across: u32,
    is_roomy: bool,
}

impl Page {
    /// Letters as large as everything fits with; where nothing else helps, entries take one line instead of two.
    fn of((width, height): (u32, u32), entries: u32) -> Self {
        let units = |is_roomy: bool| TITLE + entries * (entry_units(is_roomy) + BETWEEN) + AIR + 2 * LINE;
        let fits = |scale: u32, is_roomy| scale * WIDE <= width && scale * units(is_roomy) <= height;
        let scales = || (1..=letter_scale(height) + 1).rev();
        let roomy = scales().find(|&scale| fits(scale, true));
        let (scale, is_roomy) = match roomy {
            Some(scale) => (scale, true),
            None => (scales().find(|&scale| fits(scale, false)).unwrap_or(1), false),
        };
        let across = (scale * WIDE).min(width);
        let top = height.saturating_sub(scale * units(is_roomy)) / 2;
        Self { scale, left: (width - across) / 2, top, across, is_roomy }
    }

    fn entry_height(&self) -> u32 {
        self.scale * entry_units(self.is_roomy)
    }

    /// Writes what the page is about; returns where what follows begins. `None` if there is no room even for that.
    fn title(&self, painter: &mut Painter<'_>, text: &str) -> Option<u32> {
        let scale = self.scale;
        // A title that fits is written larger.
        let larger = if 2 * scale * width(text) <= self.across && self.is_roomy { 2 * scale } else { scale };
        let text = shortened(text, (self.across / (GLYPH * larger)) as usize);
        if text.is_empty() {
            return None;
        }
        painter.text((self.left, self.top), &text, larger, HEAD);
        painter.fill((self.left, self.top + scale * (2 * GLYPH + 6)), (self.across, scale), ACCENT);
        Some(self.top + scale * TITLE)
    }

    fn line(&self, painter: &mut Painter<'_>, top: u32, text: &str, colour: Colour) {
        let text = shortened(text, (self.across / (GLYPH * self.scale)) as usize);
        painter.text((self.left, top), &text, self.scale, colour);
    }

    fn entry(
        &self,
        painter: &mut Painter<'_>,
        area: Rect,
        index: usize,
        entry: &Entry<'_>,
        is_selected: bool,
    ) {
        let (scale, at) = (self.scale, (area.x() as u32, area.y() as u32));
        if is_selected {
            painter.fill(at, area.size(), RAISED);
            painter.fill(at, (2 * scale, area.height()), ACCENT);
        } else {
            painter.fill((at.0, at.1 + area.height() - 1), (area.width(), 1), FAINT);
        }
        let top = at.1 + scale * INSET;
        let left = at.0 + scale * 2 * GLYPH;
        painter.text((at.0 + scale * GLYPH, top), &(index + 1).to_string(), scale, ACCENT);
        let text = left + scale * 2 * GLYPH;
        let columns = (area.width().saturating_sub(text - at.0) / (GLYPH * scale)).saturating_sub(1) as usize;
        let details = details(entry);
        if self.is_roomy {
            painter.text((text, top), &shortened(entry.name, columns), scale, HEAD);
            painter.text((text, top + scale * LINE), &shortened(&details, columns), scale, TEXT);
        } else {
            let name = shortened(entry.name, columns);
            let left = columns.saturating_sub(name.chars().count() + 2);
            painter.text((text, top), &name, scale, HEAD);
            let after = text + scale * (width(&name) + 2 * GLYPH);
            painter.text((after, top), &shortened(&details, left), scale, TEXT);
        }
    }
}

fn details(entry: &Entry<'_>) -> String {
    let size = entry.size.map(|(width, height)| format!("{width}x{height}"));
    let fps = entry.fps.map(|fps| format!("{} fps", (fps * 100.0).round() / 100.0));
    let parts: Vec<String> = size.into_iter().chain(fps).chain([entry.address.to_owned()]).collect();
    parts.join("  ")
}

fn entry_units(is_roomy: bool) -> u32 {
    2 * INSET + GLYPH + if is_roomy { LINE } else { 0 }
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

/// All at scale 1.
const WIDE: u32 = GLYPH * 50;
const TITLE: u32 = 32;
const LINE: u32 = 13;
const INSET: u32 = 6;
const BETWEEN: u32 = 2;
const AIR: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::find;

    const FOUND: [Entry<'static>; 12] =
        [Entry { name: "door", size: Some((1280, 720)), fps: Some(29.97), address: "192.168.1.7:41000" }; 12];

    #[test]
    fn each_entry_can_be_read_where_it_can_be_clicked() {
        let mut bitmap = Bitmap::default();
        let areas = draw(&mut bitmap, (960, 540), &FOUND[..3], Some(1), Duration::ZERO);
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
        let mut bitmap = Bitmap::default();
        assert_eq!(draw(&mut bitmap, (960, 540), &FOUND, None, Duration::ZERO).len(), MOST);
        assert!(find(&bitmap, "and 3 more").is_some());
    }

    #[test]
    fn while_none_is_found_it_says_what_to_do() {
        let mut bitmap = Bitmap::default();
        assert!(draw(&mut bitmap, (960, 540), &[], None, Duration::ZERO).is_empty());
        let title = find(&bitmap, "looking for senders").unwrap();
        assert!(find(&bitmap, "--listen PORT").is_none(), "there may be one any moment");
        draw(&mut bitmap, (960, 540), &[], None, SOON);
        assert!(find(&bitmap, "--listen PORT").is_some());
        assert_eq!(find(&bitmap, "looking for senders"), Some(title), "it stays where it was");
    }

    #[test]
    fn any_window_will_do() {
        let mut bitmap = Bitmap::default();
        for window in [(0, 0), (1, 1), (8, 8), (160, 120), (120, 500), (700, 90), (3840, 2160)] {
            let whole = Rect::new(0, 0, window.0, window.1);
            for count in [0, 1, 4, 12] {
                let areas = draw(&mut bitmap, window, &FOUND[..count], Some(0), SOON);
                assert!(areas.iter().all(|area| area.intersection(whole) == Some(*area)), "{window:?}");
                assert_eq!(bitmap.size(), window);
            }
        }
    }
}
