//! What larger and more frequent pictures cost: Chunkcast alone, JPEG in and out.

use std::path::Path;

use anyhow::Context;

use crate::clip::Jpegs;
use crate::feeder::{self, Feed, WARM_SECONDS};
use crate::pairs::Pair;
use crate::table::{ARRIVED, CPU_RX, CPU_TX, Figure, Measured, P50, P99};

/// Every size at every rate, in turn. A cliff shows as a row that stands out from its neighbours.
pub(crate) fn measure(
    pair: &Pair,
    (clips, folder): (&Path, &Path),
    (runs, seconds): (usize, u32),
) -> anyhow::Result<Measured> {
    let clips = CLIPS.map(|(file, names)| Jpegs::read(&clips.join(file)).map(|clip| (clip, names)));
    let clips = clips.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    for (clip, names) in &clips {
        let bytes: usize = clip.frames.iter().map(Vec::len).sum();
        println!("{} and so on: {} KB a picture", names[0], bytes / clip.frames.len() / 1000);
    }
    let cases =
        clips.iter().flat_map(|(clip, names)| RATES.into_iter().zip(*names).map(move |case| (clip, case)));
    let mut pairs: Vec<_> = cases.clone().map(|(_, (_, name))| (name, Vec::new())).collect();
    for turn in 1..=runs {
        for ((clip, (fps, name)), (_, done)) in cases.clone().zip(&mut pairs) {
            eprintln!("run {turn} of {runs}: {name}");
            let feed = Feed { fps, warm_seconds: WARM_SECONDS, seconds, wire: None };
            done.push(
                feeder::jpegs(pair, clip, feed, folder)
                    .with_context(|| format!("{name} could not be measured"))?,
            );
        }
    }
    let kind = "sizes: JPEG in, JPEG out, loopback";
    Ok(Measured { kind, seconds, figures: &FIGURES, pairs, goals: Vec::new() })
}

const RATES: [u32; 3] = [30, 60, 120];
const CLIPS: [(&str, [&str; 3]); 3] = [
    ("bbb720.mjpeg", ["720p 30 fps", "720p 60 fps", "720p 120 fps"]),
    ("bbb1080.mjpeg", ["1080p 30 fps", "1080p 60 fps", "1080p 120 fps"]),
    ("bbb2160.mjpeg", ["2160p 30 fps", "2160p 60 fps", "2160p 120 fps"]),
];
const FIGURES: [Figure; 5] = [ARRIVED, P50, P99, CPU_TX, CPU_RX];
