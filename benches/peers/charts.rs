//! Charts of what was measured, as SVG: how latencies are distributed, and what is left at each loss.

use std::path::Path;

use anyhow::Context;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::feeder::Run;
use crate::pairs::OURS;
use crate::table::{ARRIVED, Measured, P99, of_pair};

/// Draws a chart of each kind of measurement into `folder`, and one of all that passed a bad network; returns their
/// number.
pub(crate) fn draw(measured: &[Measured], folder: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for one in measured {
        distribution(one, &folder.join(format!("{}.svg", file_name(one.kind))))?;
    }
    let repaired: Vec<_> = measured.iter().filter(|one| one.kind.starts_with(REPAIR)).collect();
    if !repaired.is_empty() {
        delivered(&repaired, &folder.join("delivered.svg"))?;
    }
    Ok(measured.len() + usize::from(!repaired.is_empty()))
}

/// How many per cent of the pictures came within which time, all runs together.
fn distribution(measured: &Measured, path: &Path) -> anyhow::Result<()> {
    let names = measured.pairs.iter().map(|(name, _)| *name);
    let longest = names.filter_map(|name| of_pair(&measured.pairs, name, P99)).fold(1.0, f64::max);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = builder(&area, measured.kind).build_cartesian_2d(0.0..longest * 1.1, 0.0..100.0)?;
    chart.configure_mesh().light_line_style(WHITE).x_desc("latency, ms").y_desc("% of pictures").draw()?;
    for (number, (name, runs)) in measured.pairs.iter().enumerate() {
        let style = style(number, name);
        chart
            .draw_series(LineSeries::new(within(runs), style))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present().with_context(|| format!("cannot write {}", path.display()))
}

/// Latencies, each with how many per cent of what was sent came as soon.
fn within(runs: &[Run]) -> Vec<(f64, f64)> {
    let mut latencies: Vec<f64> = runs.iter().flat_map(|run| run.latency_ms.iter().copied()).collect();
    latencies.sort_by(f64::total_cmp);
    let sent: usize = runs.iter().map(|run| run.sent).sum();
    let part = |at: usize| (at + 1) as f64 * 100.0 / sent.max(1) as f64;
    latencies.into_iter().enumerate().map(|(at, latency)| (latency, part(at))).collect()
}

/// What each pair delivers over each bad network.
fn delivered(measured: &[&Measured], path: &Path) -> anyhow::Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let caption = "repair: whole pictures that arrive";
    let last = measured.len() as f64 - 1.0;
    let mut chart = builder(&area, caption).build_cartesian_2d(-0.3..last + 0.3, 0.0..104.0)?;
    let network = |x: &f64| {
        let is_one = (x - x.round()).abs() < 0.01 && *x > -0.1;
        let kind = measured.get(x.round().max(0.0) as usize).filter(|_| is_one).map(|one| one.kind);
        kind.and_then(|kind| kind.strip_prefix(REPAIR)).unwrap_or_default().to_owned()
    };
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(measured.len())
        .x_label_formatter(&network)
        .y_desc("% of pictures")
        .draw()?;
    let pairs = measured.first().map_or(&[][..], |first| &first.pairs);
    for (number, (name, _)) in pairs.iter().enumerate() {
        let style = style(number, name);
        let points: Vec<_> = (0..)
            .zip(measured)
            .filter_map(|(at, one)| Some((f64::from(at), of_pair(&one.pairs, name, ARRIVED)?)))
            .collect();
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, style.filled())))?;
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present().with_context(|| format!("cannot write {}", path.display()))
}

fn builder<'a, 'b>(
    area: &'a DrawingArea<SVGBackend<'b>, Shift>,
    caption: &str,
) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.caption(caption, ("sans-serif", 16)).margin(12).x_label_area_size(40).y_label_area_size(50);
    builder
}

/// Chunkcast is drawn thicker than the others.
fn style(number: usize, name: &str) -> ShapeStyle {
    let width = if name == OURS { 3 } else { 1 };
    COLOURS[number % COLOURS.len()].stroke_width(width)
}

fn file_name(kind: &str) -> String {
    let words = kind.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// What the kinds of measurement begin with that pass a bad network.
const REPAIR: &str = "repair: ";
const SIZE: (u32, u32) = (760, 380);
/// Told apart by the colour-blind too (M. Okabe and K. Ito, "Color Universal Design", 2008).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(0, 0, 0),
];
