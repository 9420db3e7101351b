//! A histogram in letters, for a terminal.

use std::fmt::Write;

/// A row for each range of times in milliseconds, at most so many.
pub(super) fn histogram(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else { return String::new() };
    let wide = width(most - least);
    let place = |value: f64| (value / wide).floor();
    let (first, last) = (place(least), place(most));
    let rows = (last - first) as usize + 1;
    let mut counts = vec![0_usize; rows];
    for value in sorted {
        counts[(place(value) - first) as usize] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or(1);
    let digits = if wide < 1.0 { 1 } else { 0 };
    let mut text = String::new();
    let mut empty = 0;
    for (row, count) in counts.into_iter().enumerate() {
        if count == 0 {
            empty += 1;
            continue;
        }
        let from = (first + row as f64) * wide;
        match std::mem::take(&mut empty) {
            // A few empty rows show how far something lies away; many would push the rest off the screen.
            few @ 0..=FEW_EMPTY => (0..few).for_each(|back| {
                let from = from - (few - back) as f64 * wide;
                let _ = writeln!(text, "  {from:>7.digits$} ms |");
            }),
            _ => text.push_str("          ...\n"),
        }
        let bar = "#".repeat((count * LONGEST_BAR).div_ceil(highest));
        let _ = writeln!(text, "  {from:>7.digits$} ms |{bar} {count}");
    }
    text
}

/// How wide a row is: 1, 2 or 5 times a power of ten, from half a millisecond on.
fn width(span: f64) -> f64 {
    let rows = |wide: &f64| span / wide <= MOST_ROWS;
    let widths = (0..6).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)));
    std::iter::once(0.5).chain(widths).find(rows).unwrap_or(1e6)
}

const MOST_ROWS: f64 = 18.0;
const FEW_EMPTY: usize = 2;
/// With what stands before and behind it, within 80 columns.
const LONGEST_BAR: usize = 56;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_in_its_row_and_rows_are_few_and_short() {
        let values: Vec<f64> = (0..200).map(|n| 50.0 + f64::from(n) * 0.05).chain([400.0]).collect();
        let text = histogram(&values);
        assert!(text.lines().count() <= 20 && text.lines().all(|line| line.len() < 80), "{text}");
        let counts: usize =
            text.lines().filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok()).sum();
        assert_eq!(counts, values.len(), "{text}");
        assert!(text.contains("..."), "{text}");
        let text = histogram(&[1.0, 1.2, 1.3, 3.1]);
        assert_eq!(text.lines().next().unwrap().trim_end(), format!("      1.0 ms |{} 3", "#".repeat(56)));
        assert_eq!(histogram(&[]), "");
    }

    #[test]
    fn any_values_have_a_histogram() {
        for values in [&[0.0][..], &[-3.0, 9.0], &[0.0, 1e9], &[7.5; 9]] {
            assert!(histogram(values).lines().all(|line| line.chars().count() <= 80));
        }
    }
}
