//! How far a picture can be trusted, in a word, a mark and a colour; and the edge of its tile that says so too.

use std::time::Duration;

use sdl2::rect::Rect;

use super::palette::{BAD, Colour, FAIR, GOOD, HEAD};

/// How a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Pictures come.
    Live,
    /// The next picture is overdue.
    Stale,
    /// Nothing comes, or nothing has come yet.
    Silent,
    /// The sender says that it has no pictures to send.
    SourceGone,
    /// The sender has said goodbye.
    Ended,
    /// The sender serves as many viewers as it may.
    Full,
    /// The picture stands still because the user wants it to.
    Paused,
}

/// What a tile's edge is to say besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Emphasis {
    /// Nothing.
    #[default]
    None,
    /// The mouse is over it.
    Hovered,
    /// Keys act on it.
    Selected,
}

/// A tile's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Border {
    /// It covers what is below.
    pub(super) colour: Colour,
    /// In pixels.
    pub(super) thickness: u32,
}

impl Condition {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "no new picture",
            Self::Silent => "no signal",
            Self::SourceGone => "source gone",
            Self::Ended => "ended",
            Self::Full => "full",
            Self::Paused => "paused",
        }
    }

    /// Whether the picture is as new as it should be.
    pub(super) fn is_live(self) -> bool {
        self == Self::Live
    }

    /// Its colour.
    pub(super) fn colour(self) -> Colour {
        match self {
            Self::Live => GOOD,
            Self::Ended | Self::Full | Self::Paused => FAIR,
            Self::Stale | Self::Silent | Self::SourceGone => BAD,
        }
    }
}

/// The mark of a colour: of a shape of its own, for who sees no difference between the colours.
pub(super) fn mark(colour: Colour) -> &'static str {
    match colour {
        GOOD => "●",
        FAIR => "▲",
        _ => "■",
    }
}

/// The edge of a tile of this size, if it has one. It reddens while its picture grows old.
pub(super) fn border(
    condition: Condition,
    age: Option<Duration>,
    emphasis: Emphasis,
    (width, height): (u32, u32),
) -> Option<Border> {
    let thickness = (width.min(height) / 120).clamp(2, 12);
    let (colour, thickness) = match (condition.colour(), emphasis) {
        (GOOD, Emphasis::None) => return None,
        (GOOD, Emphasis::Hovered) => (HEAD, thickness.div_ceil(3)),
        (GOOD, Emphasis::Selected) => (HEAD, thickness.div_ceil(2)),
        (BAD, _) if condition == Condition::Stale => (reddened(age.unwrap_or(FULLY_RED)), thickness),
        (colour, _) => (colour, thickness),
    };
    Some(Border { colour, thickness })
}

impl Border {
    /// Its four sides, inside of a tile.
    pub(super) fn sides(&self, tile: Rect) -> [Rect; 4] {
        let (width, height) = tile.size();
        let (across, down) = (self.thickness.min(width), self.thickness.min(height));
        let (x, y) = (tile.x(), tile.y());
        [
            Rect::new(x, y, width, down),
            Rect::new(x, tile.bottom() - down as i32, width, down),
            Rect::new(x, y, across, height),
            Rect::new(tile.right() - across as i32, y, across, height),
        ]
    }
}

/// From half of it to all, so that the first red is seen at once.
fn reddened(age: Duration) -> Colour {
    let part = (age.as_secs_f64() / FULLY_RED.as_secs_f64()).min(1.0);
    let [blue, green, red] =
        [BAD[0], BAD[1], BAD[2]].map(|full| (f64::from(full) * (0.5 + part / 2.0)) as u8);
    [blue, green, red, 255]
}

/// The age from which an edge is as red as it gets.
const FULLY_RED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_live_has_no_edge_and_what_grows_old_reddens() {
        let edge = |condition, millis, emphasis| {
            border(condition, Some(Duration::from_millis(millis)), emphasis, (1280, 720))
        };
        assert_eq!(edge(Condition::Live, 20, Emphasis::None), None);
        let red = |millis| edge(Condition::Stale, millis, Emphasis::None).unwrap().colour[2];
        assert!(red(100) >= 128 && red(100) < red(500) && red(500) < red(1000), "{} {}", red(100), red(500));
        assert_eq!(red(60_000), red(1000));
        for condition in [Condition::Silent, Condition::SourceGone] {
            assert_eq!(edge(condition, 0, Emphasis::Selected).unwrap().colour, BAD, "red comes first");
        }
        assert_eq!(edge(Condition::Paused, 0, Emphasis::None).unwrap().colour, FAIR);
        let thickness = |emphasis| edge(Condition::Live, 0, emphasis).unwrap().thickness;
        assert!(thickness(Emphasis::Hovered) < thickness(Emphasis::Selected));
    }

    #[test]
    fn an_edge_is_inside_its_tile() {
        for size in [(1, 1), (3, 100), (640, 360)] {
            let tile = Rect::new(5, 7, size.0, size.1);
            let border = border(Condition::Silent, None, Emphasis::None, size).unwrap();
            for side in border.sides(tile) {
                assert_eq!(side.intersection(tile), Some(side));
            }
        }
    }
}
