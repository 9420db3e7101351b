//! The list of keys.

use sdl2::rect::Rect;

use super::overlay::{SMALLEST, letter_size};
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::font::{Fonts, height, sizes};
use crate::window::draw::palette::{ACCENT, FAINT, GROUND, HEAD, TEXT};

/// Draws the list of keys. Returns its place, in the middle of the window; `None` where there is no room for it.
pub(crate) fn draw(bitmap: &mut Bitmap, fonts: &Fonts, window: (u32, u32)) -> Option<Rect> {
    let fits = |page: &HelpLayout| page.size.0 <= window.0 && page.size.1 <= window.1;
    let sizes = sizes(SMALLEST, letter_size(window) * 5 / 4);
    let roomy = sizes.map(|letters| HelpLayout::of(fonts, letters, true)).find(fits);
    let page = roomy.or_else(|| Some(HelpLayout::of(fonts, SMALLEST, false)).filter(fits))?;
    let (letters, (across, down)) = (page.letters, page.size);
    let mut painter = bitmap.begin(fonts, page.size, GROUND);
    let (left, mut top) = (letters, page.title + letters / 2);
    if page.title > 0 {
        painter.text((left, letters / 2), "keys", letters, HEAD);
        painter.fill((left, top - page.title / 5), (across - 2 * left, (letters / 12).max(1)), FAINT);
    }
    for (key, action) in KEYS {
        painter.text((left, top), key, letters, ACCENT);
        painter.text((left + page.keys, top), action, letters, TEXT);
        top += page.line;
    }
    let middle = |room: u32, size: u32| ((room - size) / 2) as i32;
    Some(Rect::new(middle(window.0, across), middle(window.1, down), across, down))
}

/// How the list is laid out with letters of a size.
struct HelpLayout {
    letters: u32,
    /// From the top of the title to that of the first key; 0 without one.
    title: u32,
    /// From one key to the next.
    line: u32,
    /// From a key to what it does.
    keys: u32,
    size: (u32, u32),
}

impl HelpLayout {
    fn of(fonts: &Fonts, letters: u32, is_roomy: bool) -> Self {
        let widest = |column: fn(&(&'static str, &'static str)) -> &'static str| {
            KEYS.iter().map(|row| fonts.width(column(row), letters)).max().unwrap_or(0)
        };
        let (title, line, air) = match is_roomy {
            true => (height(letters) + letters, height(letters) + letters / 4, letters),
            false => (0, height(letters), letters / 2),
        };
        let keys = widest(|row| row.0) + letters * 3 / 2;
        let size =
            (keys + widest(|row| row.1) + 2 * letters, letters / 2 + title + KEYS.len() as u32 * line + air);
        Self { letters, title, line, keys, size }
    }
}

/// What each key does.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("i", "figures: off, small, full"),
    ("1-9, click", "show one sender alone"),
    ("g, Esc", "show all again"),
    ("k", "type the code of a locked sender"),
    ("l", "list of senders"),
    ("s", "save this picture"),
    ("p", "save what just happened"),
    ("r", "record, and stop recording"),
    ("f", "full screen"),
    ("h, ?", "these keys"),
    ("q", "quit"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::{find, fonts};

    #[test]
    fn every_key_is_there_with_what_it_does() {
        let (fonts, mut bitmap) = (fonts(), Bitmap::default());
        let area = draw(&mut bitmap, &fonts, (1280, 720)).unwrap();
        assert!(
            area.left().abs_diff(1280 - area.right()) <= 1 && area.top().abs_diff(720 - area.bottom()) <= 1
        );
        for (_, action) in KEYS {
            assert_eq!(find(&bitmap, action).map(|found| found.colour), Some(TEXT), "{action}");
        }
        let (key, action) =
            (find(&bitmap, "1-9, click").unwrap(), find(&bitmap, "show one sender alone").unwrap());
        assert_eq!((key.colour, key.y), (ACCENT, action.y));
        assert!(draw(&mut bitmap, &fonts, (320, 240)).is_some(), "in the smallest of pictures too");
        assert!(draw(&mut bitmap, &fonts, (320, 180)).is_some());
        for window in [(0, 0), (1, 1), (300, 100), (320, 240), (500, 2000), (3840, 2160)] {
            let whole = Rect::new(0, 0, window.0, window.1);
            assert!(
                draw(&mut bitmap, &fonts, window).is_none_or(|area| area.intersection(whole) == Some(area))
            );
        }
    }
}
