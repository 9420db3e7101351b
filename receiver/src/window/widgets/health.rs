//! How far a picture can be trusted: a word, a mark and a colour, and the edge of its tile.

use std::time::Duration;

use crate::window::backend::canvas::Border;
use crate::window::draw::palette::{BAD, Colour, FAIR, GOOD};

/// How old a picture is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Age {
    /// Since its capture, or what of it exceeds the shortest delay seen; `None` without a picture.
    pub(crate) age: Option<Duration>,
    /// Whether it is too old for a live one: older than three frame times, or the stream has stopped.
    pub(crate) is_stale: bool,
}

impl Age {
    /// Whether it is so old that it is no hiccup any more.
    pub(crate) fn is_overdue(self) -> bool {
        self.is_stale && self.age.is_none_or(|age| age > OVERDUE)
    }
}

/// How a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
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
}

impl Condition {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "no new picture",
            Self::Silent => "no signal",
            Self::SourceGone => "source gone",
            Self::Ended => "ended",
            Self::Full => "full",
        }
    }

    /// Whether the picture is as new as it should be.
    pub(crate) fn is_live(self) -> bool {
        self == Self::Live
    }

    /// Its colour.
    pub(crate) fn colour(self) -> Colour {
        match self {
            Self::Live => GOOD,
            Self::Ended | Self::Full => FAIR,
            Self::Stale | Self::Silent | Self::SourceGone => BAD,
        }
    }
}

/// The mark of a colour: of a shape of its own, for who sees no difference between the colours.
pub(crate) fn mark(colour: Colour) -> &'static str {
    match colour {
        GOOD => "●",
        FAIR => "▲",
        _ => "■",
    }
}

/// The edge of a tile of this size, if it has one. It reddens while its picture grows old.
pub(crate) fn border(
    condition: Condition,
    age: Option<Duration>,
    (width, height): (u32, u32),
) -> Option<Border> {
    let colour = match condition {
        Condition::Live => return None,
        Condition::Stale => reddened(age.unwrap_or(FULLY_RED)),
        other => other.colour(),
    };
    Some(Border { colour, thickness: (width.min(height) / 120).clamp(2, 12) })
}

/// From half of it to all, so that the first red is seen at once.
fn reddened(age: Duration) -> Colour {
    let part = (age.as_secs_f64() / FULLY_RED.as_secs_f64()).min(1.0);
    let [blue, green, red] =
        [BAD[0], BAD[1], BAD[2]].map(|full| (f64::from(full) * (0.5 + part / 2.0)) as u8);
    [blue, green, red, 255]
}

/// A picture this old has stopped.
const OVERDUE: Duration = Duration::from_secs(1);
/// The age from which an edge is as red as it gets.
const FULLY_RED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use sdl2::rect::Rect;

    use super::*;

    #[test]
    fn what_is_live_has_no_edge_and_what_grows_old_reddens() {
        let edge = |condition, millis| border(condition, Some(Duration::from_millis(millis)), (1280, 720));
        assert_eq!(edge(Condition::Live, 20), None);
        let red = |millis| edge(Condition::Stale, millis).unwrap().colour[2];
        assert!(red(100) >= 128 && red(100) < red(500) && red(500) < red(1000), "{} {}", red(100), red(500));
        assert_eq!(red(60_000), red(1000));
        for (condition, colour) in
            [(Condition::Silent, BAD), (Condition::SourceGone, BAD), (Condition::Ended, FAIR)]
        {
            assert_eq!(edge(condition, 0).unwrap().colour, colour, "{condition:?}");
        }
    }

    #[test]
    fn an_edge_is_inside_its_tile() {
        for size in [(1, 1), (3, 100), (640, 360)] {
            let tile = Rect::new(5, 7, size.0, size.1);
            let border = border(Condition::Silent, None, size).unwrap();
            for side in border.sides(tile) {
                assert_eq!(side.intersection(tile), Some(side));
            }
        }
    }
}
