//! Rows of text and plots, in a dark panel as large as they are.

use sdl2::rect::Rect;

use super::plot;
use super::rows::Row;
use crate::window::draw::bitmap::Bitmap;
use crate::window::draw::painter::{GLYPH, Painter, shortened};
use crate::window::draw::palette::{Colour, HEAD, PANEL, TEXT};
use crate::window::widgets::history::History;

/// Draws as many rows as the tile has room for. Returns the panel's place in the tile. With `is_wide`, its width does not
/// depend on what it says, so that it stands still while figures change.
pub(crate) fn draw(
    bitmap: &mut Bitmap,
    tile: (u32, u32),
    rows: &[Row],
    history: &History,
    is_wide: bool,
) -> Option<Rect> {
    let room = Room::of(tile, if is_wide { COLUMNS } else { NARROW });
    let columns = if is_wide { room.columns.min(COLUMNS) } else { room.columns };
    let lines: Vec<Line<'_>> = rows.iter().flat_map(|row| lines(row, columns)).collect();
    let mut bottom = 0;
    let lines: Vec<(u32, &Line<'_>)> = lines
        .iter()
        .map_while(|line| {
            let top = bottom;
            bottom += line.height();
            (bottom <= room.units).then_some((top, line))
        })
        .collect();
    let (last_top, last) = lines.last()?;
    let longest = lines.iter().map(|(_, line)| line.letters()).max()?;
    let columns = if is_wide { columns } else { longest };
    if columns == 0 {
        return None;
    }
    let scale = room.scale;
    // The last line's leading is no more than air.
    let size = (GLYPH * columns + 2 * PADDING, last_top + last.height() - LEADING + 2 * PADDING);
    let size = (scale * size.0, scale * size.1);
    let mut painter = bitmap.begin(size, PANEL);
    for (top, line) in lines {
        line.draw(&mut painter, scale * (PADDING + top), columns, scale, history);
    }
    Some(Rect::new(room.margin as i32, room.margin as i32, size.0, size.1))
}

/// What a tile has room for.
struct Room {
    scale: u32,
    /// In pixels, on each side.
    margin: u32,
    /// Letters beside one another.
    columns: u32,
    /// Height in pixels of scale 1.
    units: u32,
}

impl Room {
    /// Letters grow with the tile; they are smaller where so many of them would not be beside one another.
    fn of((width, height): (u32, u32), columns: u32) -> Self {
        let margin = (height / 60).clamp(1, 40);
        let inside =
            |size: u32, scale: u32| (size.saturating_sub(2 * margin) / scale).saturating_sub(2 * PADDING);
        let fits = |scale: &u32| inside(width, *scale) / GLYPH >= columns;
        let scale = (1..=letter_scale(height)).rev().find(fits).unwrap_or(1);
        let units = inside(height, scale) + LEADING;
        Self { scale, margin, columns: inside(width, scale) / GLYPH, units }
    }
}

/// The scale at which letters on a picture of this height are read without effort.
pub(crate) fn letter_scale(height: u32) -> u32 {
    ((height + 360) / 540).clamp(1, 8)
}

/// A row, or a part of it, that is on one line.
enum Line<'a> {
    Text { label: &'a str, from: u32, parts: Vec<(String, Colour)> },
    Plot(&'a plot::Plot),
    Gap,
}

/// The lines of a row, each with no more letters than there are columns.
fn lines(row: &Row, columns: u32) -> Vec<Line<'_>> {
    let columns = columns as usize;
    match row {
        Row::Parts { parts, least } => {
            vec![Line::Text { label: "", from: 0, parts: fitted(parts, *least, columns) }]
        }
        Row::Head { name, word, colour } => {
            let word = shortened(word, columns);
            let room = (columns - word.chars().count()).saturating_sub(1);
            let name = shortened(name, room);
            let gap = columns - name.chars().count() - word.chars().count();
            let parts = vec![(name, HEAD), (" ".repeat(gap), HEAD), (word, *colour)];
            vec![Line::Text { label: "", from: 0, parts }]
        }
        Row::Figure { label, value, colour } => {
            // Where columns are few, there is less air between the two.
            let from = if columns < NARROW as usize { LABEL - 2 } else { LABEL };
            wrapped(value, columns.saturating_sub(from as usize))
                .into_iter()
                .enumerate()
                .map(|(number, text)| {
                    let label = if number == 0 { label } else { "" };
                    Line::Text { label, from, parts: vec![(text.to_owned(), *colour)] }
                })
                .collect()
        }
        Row::Plot(plot) if columns >= LABEL as usize * 2 => vec![Line::Plot(plot)],
        Row::Plot(_) => Vec::new(),
        Row::Gap => vec![Line::Gap],
    }
}

/// The parts that fit beside one another, two letters apart.
fn fitted(parts: &[(String, Colour)], least: usize, columns: usize) -> Vec<(String, Colour)> {
    let letters = |text: &str| text.chars().count();
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let mut left = columns.saturating_sub(letters(&first.0).min(least));
    let rest: Vec<_> = rest
        .iter()
        .map_while(|(text, colour)| {
            left = left.checked_sub(2 + letters(text))?;
            Some((format!("  {text}"), *colour))
        })
        .collect();
    let taken: usize = rest.iter().map(|(text, _)| letters(text)).sum();
    std::iter::once((shortened(&first.0, columns - taken), first.1)).chain(rest).collect()
}

/// Cuts a text at spaces, and where there are none, anywhere.
fn wrapped(text: &str, columns: usize) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    // What aligns a figure is given up where it would cost a line.
    if text.trim_start().chars().count() <= columns && text.chars().count() > columns {
        rest = text.trim_start();
    }
    while columns > 0 && !rest.is_empty() {
        let end = rest.char_indices().nth(columns).map_or(rest.len(), |(at, _)| at);
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
    fn height(&self) -> u32 {
        match self {
            Self::Text { .. } => GLYPH + LEADING,
            Self::Plot(_) => plot::HEIGHT + LEADING,
            Self::Gap => LEADING,
        }
    }

    fn letters(&self) -> u32 {
        match self {
            Self::Text { from, parts, .. } => {
                from + parts.iter().map(|(text, _)| text.chars().count() as u32).sum::<u32>()
            }
            Self::Plot(_) | Self::Gap => 0,
        }
    }

    fn draw(&self, painter: &mut Painter<'_>, top: u32, columns: u32, scale: u32, history: &History) {
        let column = |number: u32| scale * (PADDING + GLYPH * number);
        match self {
            Self::Text { label, from, parts } => {
                let label = shortened(label, (*from as usize).saturating_sub(1));
                painter.text((column(0), top), &label, scale, TEXT);
                let mut at = *from;
                for (text, colour) in parts {
                    painter.text((column(at), top), text, scale, *colour);
                    at += text.chars().count() as u32;
                }
            }
            Self::Plot(plot) => plot.draw(painter, (column(0), top), columns, scale, history),
            Self::Gap => {}
        }
    }
}

/// Letters across the panel of all figures, and of those the ones before a figure.
const COLUMNS: u32 = 38;
const LABEL: u32 = 10;
/// Letters that the small panel should have room for.
const NARROW: u32 = 24;
/// Around the text, at scale 1.
const PADDING: u32 = 6;
/// Between lines, at scale 1.
const LEADING: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_words_and_addresses_anywhere() {
        assert_eq!(wrapped("   12 by parity, 3 by resend", 20), ["   12 by parity, 3", "by resend"]);
        assert_eq!(wrapped("   12 by parity", 15), ["   12 by parity"]);
        assert_eq!(wrapped("[2001:db8::7]:41000", 10), ["[2001:db8:", ":7]:41000"]);
        assert_eq!(wrapped("über", 3), ["übe", "r"]);
        assert_eq!(wrapped("anything", 0), [""; 0]);
    }

    #[test]
    fn a_name_is_shortened_before_what_follows_is_left_out() {
        let parts =
            [("the-back-door".to_owned(), HEAD), ("34 ms".to_owned(), HEAD), ("30.0 fps".to_owned(), HEAD)];
        let line = |columns| fitted(&parts, 6, columns).into_iter().map(|part| part.0).collect::<String>();
        assert_eq!(line(40), "the-back-door  34 ms  30.0 fps");
        assert_eq!(line(25), "the-bac…  34 ms  30.0 fps");
        assert_eq!(line(19), "the-back-do…  34 ms");
        assert_eq!(line(5), "the-…");
    }
}
