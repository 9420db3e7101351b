//! Where the tiles of a grid are.

use sdl2::rect::Rect;

use super::fit::letterbox;

/// So many tiles of one size in a window, as large as they can be with this shape: rows from the top, the last one
/// centred. They are inside the window and do not overlap.
///
/// It is empty where the window has too few pixels for one of each.
pub(crate) fn layout(tiles: usize, window: (u32, u32), shape: (u32, u32)) -> Vec<Rect> {
    // The most columns first: where two arrangements are as good, the wider one is.
    let best = (1..=tiles as u32).rev().filter_map(|columns| Grid::new(tiles, columns, window, shape));
    let Some(grid) = best.reduce(|best, grid| if grid.area() > best.area() { grid } else { best }) else {
        return Vec::new();
    };
    (0..tiles as u32).map(|tile| grid.tile(tile, tiles as u32, window)).collect()
}

/// The tile at a point of the window.
pub(crate) fn hit(tiles: &[Rect], x: i32, y: i32) -> Option<usize> {
    tiles.iter().position(|tile| tile.contains_point((x, y)))
}

struct Grid {
    columns: u32,
    rows: u32,
    /// Width and height of a tile.
    tile: (u32, u32),
    gap: u32,
}

impl Grid {
    /// `None` if the window has no room for it.
    fn new(tiles: usize, columns: u32, window: (u32, u32), shape: (u32, u32)) -> Option<Self> {
        let rows = u32::try_from(tiles).ok()?.div_ceil(columns);
        // Where pixels are few, none are given away.
        let is_tiny = window.0 < LEAST * columns || window.1 < LEAST * rows;
        let gap = if is_tiny { 0 } else { (window.0.min(window.1) / GAPS).max(1) };
        let share = |room: u32, count: u32| (room.saturating_sub((count - 1) * gap)) / count;
        let room = (share(window.0, columns), share(window.1, rows));
        (room.0 > 0 && room.1 > 0).then(|| Self { columns, rows, tile: letterbox(shape, room).size(), gap })
    }

    fn area(&self) -> u64 {
        u64::from(self.tile.0) * u64::from(self.tile.1)
    }

    fn tile(&self, number: u32, of: u32, window: (u32, u32)) -> Rect {
        let (row, column) = (number / self.columns, number % self.columns);
        let in_row = self.columns.min(of - row * self.columns);
        let place = |room: u32, size: u32, count: u32, index: u32| {
            let all = count * size + (count - 1) * self.gap;
            ((room - all) / 2 + index * (size + self.gap)) as i32
        };
        let (x, y) =
            (place(window.0, self.tile.0, in_row, column), place(window.1, self.tile.1, self.rows, row));
        Rect::new(x, y, self.tile.0, self.tile.1)
    }
}

/// A gap is this part of the window's shorter side.
const GAPS: u32 = 180;
/// Below this many pixels a tile there are no gaps.
const LEAST: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: (u32, u32) = (16, 9);

    fn arrangement(tiles: usize, window: (u32, u32)) -> Vec<usize> {
        let areas = layout(tiles, window, WIDE);
        areas.chunk_by(|a, b| a.y() == b.y()).map(<[Rect]>::len).collect()
    }

    #[test]
    fn tiles_are_arranged_as_the_window_is_shaped() {
        let desktop = (1920, 1080);
        for (tiles, rows) in [
            (1, &[1][..]),
            (2, &[2]),
            (3, &[2, 1]),
            (4, &[2, 2]),
            (5, &[3, 2]),
            (6, &[3, 3]),
            (9, &[3, 3, 3]),
            (10, &[4, 4, 2]),
        ] {
            assert_eq!(arrangement(tiles, desktop), rows, "{tiles} tiles");
        }
        assert_eq!(arrangement(3, (600, 1200)), [1, 1, 1], "an upright window");
        assert_eq!(arrangement(4, (2000, 200)), [4], "a flat one");
    }

    #[test]
    fn one_tile_is_the_letterbox() {
        for window in [(1280, 720), (800, 800), (3, 3), (1, 1000)] {
            assert_eq!(layout(1, window, WIDE), [letterbox(WIDE, window)]);
        }
    }

    #[test]
    fn tiles_are_equal_inside_apart_and_centred_whatever_the_window() {
        let windows = [
            (1920, 1080),
            (1280, 720),
            (1279, 719),
            (333, 777),
            (160, 120),
            (64, 64),
            (31, 17),
            (8, 8),
            (1, 64),
            (64, 1),
            (7680, 4320),
            (1, 1),
        ];
        for window in windows {
            for shape in [(16, 9), (4, 3), (1, 1), (9, 16), (8192, 1), (1, 8192), (0, 0)] {
                for tiles in 0..=64 {
                    check(tiles, window, shape);
                }
            }
        }
    }

    fn check(tiles: usize, window: (u32, u32), shape: (u32, u32)) {
        let areas = layout(tiles, window, shape);
        let context = format!("{tiles} tiles of {shape:?} in {window:?}: {areas:?}");
        if areas.is_empty() {
            assert!(tiles == 0 || window.0.min(window.1) < 8, "{context}");
            return;
        }
        assert_eq!(areas.len(), tiles, "{context}");
        let whole = Rect::new(0, 0, window.0, window.1);
        let (mut left, mut right) = (i32::MAX, 0);
        for (index, area) in areas.iter().enumerate() {
            assert_eq!(area.size(), areas[0].size(), "{context}");
            assert_eq!(area.intersection(whole), Some(*area), "{context}");
            assert!(areas[..index].iter().all(|other| !other.has_intersection(*area)), "{context}");
            let middle = area.center();
            assert_eq!(hit(&areas, middle.x(), middle.y()), Some(index), "{context}");
            (left, right) = (left.min(area.left()), right.max(area.right()));
        }
        let (above, below) = (areas[0].top(), window.1 as i32 - areas[tiles - 1].bottom());
        assert!(above.abs_diff(below) <= 1, "{context}");
        assert!(left.abs_diff(window.0 as i32 - right) <= 1, "{context}");
    }

    #[test]
    fn between_the_tiles_nothing_is_hit() {
        let areas = layout(4, (1280, 720), WIDE);
        assert_eq!(hit(&areas, 0, 0), None);
        assert_eq!(hit(&areas, 640, 360), None);
        assert_eq!(hit(&areas, 639 - 20, 100), Some(0));
        assert_eq!(hit(&areas, 1200, 700), Some(3));
    }
}
