//! The keys, shown by one of them.

use sdl2::rect::Rect;

use super::overlay::letter_scale;
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::painter::{GLYPH, width};
use crate::window::draw::palette::{ACCENT, GROUND, HEAD, TEXT};

/// Draws the list of keys. Returns its place, in the middle of the window; `None` where there is no room for it.
pub(crate) fn draw(bitmap: &mut Bitmap, window: (u32, u32)) -> Option<Rect> {
    let widest = |column: fn(&(&str, &str)) -> u32| KEYS.iter().map(column).max().unwrap_or(0);
    let (keys, deeds) = (widest(|(key, _)| width(key)), widest(|(_, action)| width(action)));
    let units = (keys + GAP + deeds + 2 * PADDING, TITLE + KEYS.len() as u32 * LINE + 2 * PADDING);
    let fits = |scale: &u32| scale * units.0 <= window.0 && scale * units.1 <= window.1;
    let scale = (1..=letter_scale(window.1)).rev().find(fits)?;
    let (across, down) = (scale * units.0, scale * units.1);
    let mut painter = bitmap.begin((across, down), GROUND);
    let (left, mut top) = (scale * PADDING, scale * PADDING);
    painter.text((left, top), "keys", scale, HEAD);
    top += scale * TITLE;
    for (key, action) in KEYS {
        painter.text((left, top), key, scale, ACCENT);
        painter.text((left + scale * (keys + GAP), top), action, scale, TEXT);
        top += scale * LINE;
    }
    let middle = |room: u32, size: u32| ((room - size) / 2) as i32;
    Some(Rect::new(middle(window.0, across), middle(window.1, down), across, down))
}

/// What each key does.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("i", "figures: off, small, full"),
    ("1-9, click", "show one sender alone"),
    ("g, Esc", "show all again"),
    ("l", "list of senders"),
    ("s", "save this picture"),
    ("p", "save what just happened"),
    ("r", "record, and stop recording"),
    ("f", "full screen"),
    ("h, ?", "these keys"),
    ("q", "quit"),
];

/// All at scale 1.
const PADDING: u32 = 8;
const GAP: u32 = 2 * GLYPH;
const LINE: u32 = 13;
const TITLE: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::find;

    #[test]
    fn every_key_is_there_with_what_it_does() {
        let mut bitmap = Bitmap::default();
        let area = draw(&mut bitmap, (1280, 720)).unwrap();
        assert!(
            area.left().abs_diff(1280 - area.right()) <= 1 && area.top().abs_diff(720 - area.bottom()) <= 1
        );
        for (_, action) in KEYS {
            assert_eq!(find(&bitmap, action).map(|found| found.colour), Some(TEXT), "{action}");
        }
        let (key, action) =
            (find(&bitmap, "1-9, click").unwrap(), find(&bitmap, "show one sender alone").unwrap());
        assert_eq!((key.colour, key.y), (ACCENT, action.y));
        assert!(draw(&mut bitmap, (320, 240)).is_some(), "in the smallest of pictures too");
        for window in [(0, 0), (1, 1), (300, 100), (320, 240), (500, 2000), (3840, 2160)] {
            let whole = Rect::new(0, 0, window.0, window.1);
            assert!(draw(&mut bitmap, window).is_none_or(|area| area.intersection(whole) == Some(area)));
        }
    }
}
