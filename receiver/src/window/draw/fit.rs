//! Sizes that keep a picture's shape.

use sdl2::rect::Rect;

use crate::codec::scaled;

/// The largest area of a window, in its middle, that has the picture's shape.
pub(crate) fn letterbox(picture: (u32, u32), window: (u32, u32)) -> Rect {
    let (width, height) = scaled(picture, window);
    Rect::new(((window.0 - width) / 2) as i32, ((window.1 - height) / 2) as i32, width, height)
}

/// The same within an area of a window.
pub(crate) fn letterbox_in(picture: (u32, u32), area: Rect) -> Rect {
    let mut inner = letterbox(picture, area.size());
    inner.offset(area.x(), area.y());
    inner
}

/// The picture's own size, or if there is no room for it, the largest of its shape.
pub(crate) fn inside(picture: (u32, u32), room: (u32, u32)) -> (u32, u32) {
    let least = |(width, height): (u32, u32)| (width.max(160), height.max(120));
    if picture.0 <= room.0 && picture.1 <= room.1 { least(picture) } else { least(scaled(picture, room)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_where_the_shapes_differ() {
        assert_eq!(letterbox((1920, 1080), (1280, 720)), Rect::new(0, 0, 1280, 720));
        assert_eq!(letterbox((640, 480), (1280, 720)), Rect::new(160, 0, 960, 720));
        assert_eq!(letterbox((1920, 1080), (800, 800)), Rect::new(0, 175, 800, 450));
        assert_eq!(letterbox((1, 8192), (3, 3)), Rect::new(1, 0, 1, 3));
    }

    #[test]
    fn a_window_is_no_larger_than_its_desktop() {
        assert_eq!(inside((640, 480), (1920, 1080)), (640, 480));
        assert_eq!(inside((3840, 2160), (1920, 1050)), (1867, 1050));
        assert_eq!(inside((1, 1), (1920, 1080)), (160, 120));
    }
}
