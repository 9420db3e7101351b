//! What was measured, as it is told to people.

use std::io::{self, Write};

use super::histogram_text::histogram;
use super::summary::{GlassPercentiles, LEAST, StampVerdict, Summary};

/// Why there is no figure, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooFewSamples {
    /// Nothing was there to look for the strip in.
    #[error("no figure: no picture was shown; `receiver doctor` and `receiver list` say what arrives")]
    NoPicture,
    /// Nothing of it was ever read.
    #[error(
        "no figure: the strip was found in none of {0} pictures; point the camera at the window so that all four \
         codes are in its picture, as large and sharp as can be, and without reflections"
    )]
    NoStrip(u64),
    /// Something was.
    #[error(
        "no figure: only {samples} samples, of at least {LEAST} (codes were read in {read} of {searched} pictures); \
         keep the camera still, nearer or sharper, and measure for longer"
    )]
    TooFew { samples: usize, read: u64, searched: u64 },
}

impl TooFewSamples {
    /// What is missing; `None` if there is a figure.
    pub(crate) fn of(summary: &Summary) -> Option<Self> {
        let pictures = summary.pictures;
        match () {
            () if summary.has_figure() => None,
            () if pictures.searched == 0 => Some(Self::NoPicture),
            () if pictures.with_strip == 0 => Some(Self::NoStrip(pictures.searched)),
            () => Some(Self::TooFew {
                samples: summary.samples.len(),
                read: pictures.with_strip,
                searched: pictures.searched,
            }),
        }
    }
}

/// Writes what was measured, for people. There must be a figure.
pub(crate) fn write_report(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let (width, height) = summary.size;
    let count = summary.samples.len();
    let of = if count < summary.wanted { format!(" of {}", summary.wanted) } else { String::new() };
    let seconds = summary.lasted.as_secs_f64();
    let sender = &summary.sender;
    writeln!(
        out,
        "From glass to glass: {count}{of} samples in {seconds:.1} s, {width}x{height} from {sender}\n"
    )?;
    let totals: Vec<_> = summary.samples.iter().map(|sample| sample.total).collect();
    writeln!(out, "{}", histogram(&totals))?;
    writeln!(out, "  {:22} {:>8} {:>8} {:>8}", "ms", "p50", "p95", "p99")?;
    let mut row = |name: &str, percentiles: GlassPercentiles| {
        let GlassPercentiles { p50, p95, p99 } = percentiles;
        let [p50, p95, p99] =
            [p50, p95, p99].map(|value| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}")));
        writeln!(out, "  {name:22} {p50:>8} {p95:>8} {p99:>8}")
    };
    row("glass to glass", summary.total())?;
    if let (Some(camera), Some(chunkcast)) = (summary.camera(), summary.chunkcast()) {
        row("  camera, to its stamp", camera)?;
        row("  Chunkcast", chunkcast)?;
    }
    row("  screen, drawing", summary.screen())?;
    writeln!(out)?;
    for paragraph in remarks(summary) {
        writeln!(out, "{}", wrapped(&paragraph))?;
    }
    Ok(())
}

/// What is to be known of the figures.
fn remarks(summary: &Summary) -> Vec<String> {
    let error = summary.error();
    let mut remarks = vec![format!(
        "Each sample is known to ±{error:.1} ms, half a tick of the strip. What the screen takes from being given a \
         picture to showing it is in the total once, as it is for a person; of the parts it is in the camera's."
    )];
    if summary.total().p99.is_none() {
        remarks.push("- stands where there are too few samples: p95 needs 20, p99 needs 100.".into());
    }
    remarks.push(match summary.verdict() {
        StampVerdict::Agree { bar } => format!(
            "The stamps agree with it, within ±{bar:.1} ms: what is told as latency is Chunkcast and drawing, and \
             what comes before is the camera's."
        ),
        StampVerdict::Late { bar, by } => format!(
            "The stamps agree with it, within ±{bar:.1} ms, but come late: pictures are stamped {by:.1} ms after they \
             were taken, more than a frame. The camera, or what its pictures pass before the sender, holds them; the \
             latency on the picture does not know of that."
        ),
        StampVerdict::Ahead { bar, by } => format!(
            "The stamps do NOT agree with it: pictures are stamped {by:.1} ms (±{bar:.1}) before they can have been \
             taken, so the latency on the picture is too long by at least that. The camera's driver gives a wrong \
             time; report it with what `sender cameras` says of it."
        ),
        StampVerdict::Unknown => "Whether the stamps agree cannot be said: the sender's clock is not known, as there is \
             nothing to learn it by (--feedback off, a one-way link, or RTP)."
            .into(),
    });
    remarks
}

/// Broken into lines that every terminal has room for.
fn wrapped(text: &str) -> String {
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if column > 0 && column + 1 + long > COLUMNS {
            lines.push('\n');
            column = 0;
        }
        if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += long;
    }
    lines
}

const COLUMNS: usize = 79;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::summary::PictureCounts;
    use crate::measure::summary::tests::summary;

    fn text(summary: &Summary) -> String {
        let mut text = Vec::new();
        write_report(summary, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_is_told_fits_a_terminal_and_has_all_figures() {
        for (camera, says) in [
            (Some(12.0), "The stamps agree with it, within ±3.0 ms: what"),
            (Some(200.0), "stamped 200.0 ms after"),
            (Some(-40.0), "do NOT agree"),
            (None, "cannot be said"),
        ] {
            let text = text(&summary(200, 250.0, camera));
            assert!(text.lines().all(|line| line.chars().count() <= 79), "{text}");
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for word in ["200 samples in 14.0 s, 1280x720 from bench 3", "259.9 268.9 269.7", "±2.5 ms", says]
            {
                assert!(words.contains(word), "nothing of {word}: {text}");
            }
            assert_eq!(words.contains("camera, to its stamp"), camera.is_some());
        }
    }

    #[test]
    fn what_too_few_samples_do_not_tell_is_not_told() {
        let few = text(&summary(50, 250.0, Some(1.0)));
        assert!(few.contains("50 of 200 samples") && few.contains("p99 needs 100"), "{few}");
        let row = few.lines().find(|line| line.starts_with("  glass to glass")).unwrap();
        assert!(row.ends_with(" -"), "{row}");
    }

    #[test]
    fn without_samples_there_is_a_way_out_and_no_figure() {
        assert_eq!(TooFewSamples::of(&summary(LEAST, 1.0, None)), None);
        let with = |samples, searched, with_strip| {
            let pictures = PictureCounts { shown: searched, searched, with_strip };
            let summary = Summary { pictures, ..summary(samples, 50.0, Some(1.0)) };
            TooFewSamples::of(&summary).unwrap().to_string()
        };
        assert!(with(0, 0, 0).contains("no picture was shown"));
        assert!(with(0, 70, 0).contains("none of 70 pictures; point the camera"));
        assert!(with(9, 70, 30).contains("only 9 samples, of at least 10 (codes were read in 30 of 70"));
    }
}
