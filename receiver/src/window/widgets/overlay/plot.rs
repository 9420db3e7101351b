//! Small running plots of the last half minute.

use crate::window::draw::font;
use crate::window::draw::painter::Painter;
use crate::window::draw::palette::{ACCENT, Colour, FAINT, FAIR, TEXT};
use crate::window::widgets::history::{PlotHistory, STEPS, Sample};

/// What is plotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// Its middle, and faintly the one in a hundred that is slower.
    Latency,
    /// Frames lost, of a hundred.
    Loss,
}

impl Plot {
    /// Draws it this wide, under a line that says what it is and what its height stands for.
    pub(crate) fn draw(
        self,
        painter: &mut Painter<'_>,
        (left, top): (u32, u32),
        across: u32,
        size: u32,
        history: &PlotHistory,
    ) {
        let fonts = painter.fonts();
        let highest = history.samples().filter_map(|sample| self.highest(&sample)).fold(0.0, f64::max);
        let (what, ceiling, unit) = match self {
            Self::Latency => ("latency", ceiling(highest, 10.0), "ms"),
            Self::Loss => ("loss", ceiling(highest, 1.0), "%"),
        };
        let height_is = format!("{ceiling} {unit}");
        painter.text((left, top), what, size, TEXT);
        if self == Self::Latency {
            let middle = left + fonts.width(what, size) + size;
            painter.text((middle, top), "p50", size, ACCENT);
            painter.text((middle + fonts.width("p50", size) + size * 3 / 4, top), "p99", size, SLOWER);
        }
        painter.text((left + across - fonts.width(&height_is, size), top), &height_is, size, TEXT);
        let thick = (size / 10).max(1);
        let area = Area { left, top: top + line(size), width: across, height: box_height(size), thick };
        painter.fill((left, area.top), (across, 1), FAINT);
        painter.fill((left, area.top + area.height - 1), (across, 1), FAINT);
        match self {
            Self::Latency => {
                area.curve(painter, history.samples().map(|sample| sample.p99), ceiling, SLOWER);
                area.curve(painter, history.samples().map(|sample| sample.p50), ceiling, ACCENT);
            }
            Self::Loss => {
                area.bars(painter, history.samples().map(|sample| sample.loss_percent), ceiling, FAIR)
            }
        }
    }

    fn highest(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Latency => sample.p99.or(sample.p50),
            Self::Loss => sample.loss_percent,
        }
    }
}

/// The least of 1, 2, 5, 10, 20 and so on that is not below the highest value, so that a plot's height rarely changes.
fn ceiling(highest: f64, least: f64) -> f64 {
    let steps = (0..10).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)));
    steps.filter(|&step| step >= least).find(|&step| step >= highest).unwrap_or(1e10)
}

struct Area {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    /// Of lines.
    thick: u32,
}

impl Area {
    /// A line through the values, broken where there is none.
    fn curve(
        &self,
        painter: &mut Painter<'_>,
        values: impl Iterator<Item = Option<f64>>,
        ceiling: f64,
        colour: Colour,
    ) {
        let mut before = None;
        for (step, value) in values.enumerate() {
            let point = value.map(|value| {
                let height = self.part(value, ceiling).min(self.height - self.thick.min(self.height));
                (self.at(step), self.top + self.height - self.thick - height)
            });
            if let Some(point) = point {
                painter.line(before.unwrap_or(point), point, self.thick, colour);
            }
            before = point;
        }
    }

    /// A bar for each value above 0.
    fn bars(
        &self,
        painter: &mut Painter<'_>,
        values: impl Iterator<Item = Option<f64>>,
        ceiling: f64,
        colour: Colour,
    ) {
        for (step, value) in values.enumerate().filter_map(|(step, value)| Some((step, value?))) {
            if value > 0.0 {
                // Never so low that it is not seen.
                let height = self.part(value, ceiling).max(self.thick);
                let (left, right) = (self.at(step), self.at(step + 1));
                let wide = (right - left).saturating_sub(self.thick.min(right - left - 1)).max(1);
                painter.fill((left, self.top + self.height - height), (wide, height), colour);
            }
        }
    }

    fn part(&self, value: f64, ceiling: f64) -> u32 {
        (f64::from(self.height) * (value / ceiling).clamp(0.0, 1.0)).round() as u32
    }

    /// Where a step begins.
    fn at(&self, step: usize) -> u32 {
        self.left + (self.width as usize * step / STEPS) as u32
    }
}

/// Of a plot with what is written over it.
pub(crate) fn height(size: u32) -> u32 {
    line(size) + box_height(size)
}

/// Of what is written over it.
fn line(size: u32) -> u32 {
    font::height(size) + size / 8
}

fn box_height(size: u32) -> u32 {
    size * 2
}

/// Of the slower curve.
pub(super) const SLOWER: Colour = [0xa0, 0x96, 0xb0, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plots_height_is_a_round_figure() {
        for (highest, least, is) in [
            (0.0, 10.0, 10.0),
            (10.0, 10.0, 10.0),
            (10.1, 10.0, 20.0),
            (33.0, 10.0, 50.0),
            (90_000.0, 10.0, 1e5),
            (0.4, 1.0, 1.0),
        ] {
            assert_eq!(ceiling(highest, least), is, "{highest}");
        }
    }
}
