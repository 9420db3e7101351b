//! Rows of text and plots, in a dark panel as large as they are.

use sdl2::rect::Rect;

use super::plot;
use super::rows::Row;
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::font::{Fonts, height, sizes};
use crate::window::draw::painter::Painter;
use crate::window::draw::palette::{Colour, HEAD, PANEL, TEXT};
use crate::window::widgets::history::PlotHistory;

/// Draws as many rows as the tile has room for. Returns the panel's place in the tile. With `is_wide`, its width does
/// not depend on what it says, so that it stands still while figures change.
pub(crate) fn draw(
    bitmap: &mut Bitmap,
    fonts: &Fonts,
    tile: (u32, u32),
    rows: &[Row],
    history: &PlotHistory,
    is_wide: bool,
) -> Option<Rect> {
    let room = PanelSize::of(tile, is_wide);
    let size = room.size;
    let lines: Vec<Line<'_>> = rows.iter().flat_map(|row| lines(fonts, row, size, room.across)).collect();
    let mut bottom = 0;
    let lines: Vec<(u32, &Line<'_>)> = lines
        .iter()
        .map_while(|line| {
            let top = bottom;
            bottom += line.height(size);
            (bottom <= room.down).then_some((top, line))
        })
        .collect();
    let (last_top, last) = lines.last()?;
    let longest = lines.iter().map(|(_, line)| line.width(fonts, size)).max()?;
    let across = if is_wide { room.across } else { longest };
    if across == 0 {
        return None;
    }
    let padding = padding(size);
    // The last line's leading is no more than air.
    let area = (across + 2 * padding, last_top + last.height(size) - leading(size) + 2 * padding);
    let mut painter = bitmap.begin(fonts, area, PANEL);
    for (top, line) in lines {
        line.draw(&mut painter, (padding, padding + top), across, size, history);
    }
    Some(Rect::new(room.margin as i32, room.margin as i32, area.0, area.1))
}

/// What a tile has room for.
struct PanelSize {
    /// Of letters.
    size: u32,
    /// In pixels, on each side.
    margin: u32,
    /// How wide lines may be, and how high all of them, in pixels.
    across: u32,
    down: u32,
}

impl PanelSize {
    /// Letters grow with the tile; they are smaller where a line of usual length would not have room.
    fn of((width, height): (u32, u32), is_wide: bool) -> Self {
        let margin = (height / 60).clamp(1, 40);
        let ems = if is_wide { ACROSS } else { NARROW };
        let inside = |room: u32, size: u32| room.saturating_sub(2 * margin + 2 * padding(size));
        let fits = |size: &u32| inside(width, *size) >= ems * size;
        let size = sizes(SMALLEST, letter_size((width, height))).find(fits).unwrap_or(SMALLEST);
        let mut across = inside(width, size);
        let mut down = inside(height, size);
        if is_wide {
            across = across.min(ems * size);
            // A picture is to be seen, not to be read: a part of it is enough, but where letters cannot be smaller.
            let most = (width.saturating_mul(height) / PART).max(LEAST);
            down = down.min((most / (across + 2 * padding(size))).saturating_sub(2 * padding(size)));
        }
        Self { size, margin, across, down: down + leading(size) }
    }
}

/// The size of letters that are read without effort on a picture of this size.
pub(crate) fn letter_size((width, height): (u32, u32)) -> u32 {
    // A picture that is high for its width has no more room for a line.
    (height.min(width / 16 * 9) / 45).clamp(SMALLEST, LARGEST)
}

/// A row, or a part of it, that is on one line.
enum Line<'a> {
    Text { label: &'a str, from: u32, parts: Vec<(String, Colour)>, right: Option<(String, Colour)> },
    Plot(&'a plot::Plot),
    Gap,
}

/// The lines of a row, each no wider than there is room.
fn lines<'a>(fonts: &Fonts, row: &'a Row, size: u32, across: u32) -> Vec<Line<'a>> {
    match row {
        Row::Parts { parts, least } => {
            let parts = fitted(fonts, parts, *least, size, across);
            vec![Line::Text { label: "", from: 0, parts, right: None }]
        }
        Row::Head { name, word, colour } => {
            let word = fonts.shortened(word, size, across);
            let room = (across - fonts.width(&word, size)).saturating_sub(size);
            let parts = vec![(fonts.shortened(name, size, room), HEAD)];
            vec![Line::Text { label: "", from: 0, parts, right: Some((word, *colour)) }]
        }
        Row::Figure { label, value, colour } => {
            // Where there is little room, there is less air between the two.
            let from = if across < NARROW * size { LABEL * size * 9 / 10 } else { LABEL * size };
            wrapped(fonts, value, size, across.saturating_sub(from))
                .into_iter()
                .enumerate()
                .map(|(number, text)| {
                    let label = if number == 0 { label } else { "" };
                    Line::Text { label, from, parts: vec![(text.to_owned(), *colour)], right: None }
                })
                .collect()
        }
        Row::Plot(plot) if across >= 2 * LABEL * size => vec![Line::Plot(plot)],
        Row::Plot(_) => Vec::new(),
        Row::Gap => vec![Line::Gap],
    }
}

/// The parts that fit beside one another.
fn fitted(
    fonts: &Fonts,
    parts: &[(String, Colour)],
    least: usize,
    size: u32,
    across: u32,
) -> Vec<(String, Colour)> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let end = first.0.char_indices().nth(least).map_or(first.0.len(), |(at, _)| at);
    let mut left = across.saturating_sub(fonts.width(&first.0[..end], size));
    let rest: Vec<_> = rest
        .iter()
        .map_while(|(text, colour)| {
            let text = format!("{APART}{text}");
            left = left.checked_sub(fonts.width(&text, size))?;
            Some((text, *colour))
        })
        .collect();
    let taken: u32 = rest.iter().map(|(text, _)| fonts.width(text, size)).sum();
    std::iter::once((fonts.shortened(&first.0, size, across - taken), first.1)).chain(rest).collect()
}

/// Cuts a text at spaces, and where there are none, anywhere.
fn wrapped<'a>(fonts: &Fonts, text: &'a str, size: u32, room: u32) -> Vec<&'a str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    let is_wider = |text: &str| fonts.width(text, size) > room;
    // What aligns a figure is given up where it would cost a line.
    if is_wider(text) && !is_wider(text.trim_start()) {
        rest = text.trim_start();
    }
    while !rest.is_empty() {
        let ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8());
        let Some(end) = ends.take_while(|&end| !is_wider(&rest[..end])).last() else { break };
        // Spaces in front align a figure.
        let front = rest.len() - rest.trim_start().len();
        let cut = match rest[..end].rfind(' ') {
            _ if end == rest.len() => end,
            _ if rest[end..].starts_with(' ') => end,
            Some(space) if space > front => space,
            _ => end,
        };
        lines.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
    }
    lines
}

impl Line<'_> {
    /// With the leading below.
    fn height(&self, size: u32) -> u32 {
        leading(size)
            + match self {
                Self::Text { .. } => height(size),
                Self::Plot(_) => plot::height(size),
                Self::Gap => size / 4,
            }
    }

    fn width(&self, fonts: &Fonts, size: u32) -> u32 {
        match self {
            Self::Text { from, parts, .. } => {
                from + parts.iter().map(|(text, _)| fonts.width(text, size)).sum::<u32>()
            }
            Self::Plot(_) | Self::Gap => 0,
        }
    }

    fn draw(
        &self,
        painter: &mut Painter<'_>,
        (left, top): (u32, u32),
        across: u32,
        size: u32,
        history: &PlotHistory,
    ) {
        let fonts = painter.fonts();
        match self {
            Self::Text { label, from, parts, right } => {
                let label = fonts.shortened(label, size, from.saturating_sub(size / 3));
                painter.text((left, top), &label, size, TEXT);
                let mut at = left + from;
                for (text, colour) in parts {
                    painter.text((at, top), text, size, *colour);
                    at += fonts.width(text, size);
                }
                if let Some((text, colour)) = right {
                    painter.text((left + across - fonts.width(text, size), top), text, size, *colour);
                }
            }
            Self::Plot(plot) => plot.draw(painter, (left, top), across, size, history),
            Self::Gap => {}
        }
    }
}

/// Around the text.
fn padding(size: u32) -> u32 {
    size * 3 / 5
}

/// Between lines.
fn leading(size: u32) -> u32 {
    size / 8
}

/// The smallest letters that are still read.
pub(crate) const SMALLEST: u32 = 11;
const LARGEST: u32 = 64;
/// How wide the panel of all figures is, and of that the part before a figure, in ems.
const ACROSS: u32 = 19;
const LABEL: u32 = 5;
/// How wide the small panel should have room to be, in ems.
const NARROW: u32 = 14;
/// All figures cover no more than one part of so many of a picture.
const PART: u32 = 5;
/// Pixels that all figures may cover of any picture: with the smallest letters they need no more.
const LEAST: u32 = 80_000;
/// Between parts of a line.
const APART: &str = "   ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::draw::read::fonts;

    #[test]
    fn long_texts_are_cut_between_words_and_addresses_anywhere() {
        let fonts = fonts();
        for (text, room, lines) in [
            (
                "   12 by parity, 3 by resend",
                "   12 by parity, 3 by",
                &["   12 by parity, 3 by", "resend"][..],
            ),
            ("   12 by parity, 3 by resend", "   12 by parity, 3 b", &["   12 by parity, 3", "by resend"]),
            ("   12 by parity", "   12 by parity", &["   12 by parity"]),
            ("   12 by parity", "12 by parity", &["12 by parity"]),
            ("[2001:db8::7]:41000", "[2001:db8:", &["[2001:db8:", ":7]:41000"]),
            ("über", "übe", &["übe", "r"]),
            ("anything", "", &[]),
        ] {
            assert_eq!(wrapped(&fonts, text, 16, fonts.width(room, 16)), lines);
        }
    }

    #[test]
    fn a_name_is_shortened_before_what_follows_is_left_out() {
        let parts =
            [("the-back-door".to_owned(), HEAD), ("34 ms".to_owned(), HEAD), ("30.0 fps".to_owned(), HEAD)];
        let fonts = fonts();
        let line = |room| {
            let parts = fitted(&fonts, &parts, 6, 16, fonts.width(room, 16));
            parts.into_iter().map(|part| part.0).collect::<String>()
        };
        for fits in [
            "the-back-door   34 ms   30.0 fps",
            "the-bac…   34 ms   30.0 fps",
            "the-back-d…   34 ms",
            "the-…",
        ] {
            assert_eq!(line(fits), fits);
        }
    }
}
