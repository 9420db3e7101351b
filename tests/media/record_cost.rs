//! What recording costs: processor time of a receiver with a window, with and without a recording beside it.

use crate::common::clip::footage;
use crate::common::display::Display;
use crate::common::running::{count, sender, viewer};
use crate::common::{Folder, alone, figure, free_port, pause, seconds};

#[test]
#[ignore = "measures a release build for minutes; scripts/acceptance runs it"]
fn recording_1080p60_costs_at_most_5_percent_more_processor_time() {
    let _alone = alone();
    let Some(footage) = footage("bbb1080.mjpeg") else { return };
    let Some(display) = Display::start(1920, 1080) else { return };
    let footage = footage.to_str().unwrap();
    // In turns, so that whatever else the machine does meets both alike.
    let (mut without, mut with): (Vec<f64>, Vec<f64>) =
        (0..PAIRS).map(|_| (cost(&display, footage, false), cost(&display, footage, true))).unzip();
    let (without, with) = (median(&mut without), median(&mut with));
    figure("1080p60 in a window: processor time per frame, ms", format!("{without:.2}"));
    figure("  and recorded", format!("{with:.2}"));
    assert!(with <= without * 1.05, "{with:.2} ms with a recording, {without:.2} ms without");
}

/// Milliseconds of processor time for each frame that arrives.
fn cost(display: &Display, footage: &str, recorded: bool) -> f64 {
    let (folder, to) = (Folder::new(), format!("127.0.0.1:{}", free_port()));
    let film = folder.join("film.mkv");
    let mut arguments = vec!["--listen", &to, "--output", "window"];
    if recorded {
        arguments.extend(["--output", &film]);
    }
    let receiver = viewer(display, &arguments);
    let sender = sender(&["--dest", &to, "--source", footage, "--loop", "--fps", "60"]);
    let look = || {
        let stats = receiver.stats().expect("statistics");
        (receiver.processor_time(), count(&stats, "/frames/delivered"))
    };
    pause(2000);
    let (time_before, frames_before) = look();
    pause(u64::from(seconds().min(20)) * 1000);
    let (time, frames) = look();
    drop(sender);
    let ended = receiver.interrupt();
    if recorded {
        assert_eq!(count(ended.totals(), "/outputs/0/dropped"), 0, "{}", ended.said);
        assert_eq!(count(ended.totals(), "/outputs/0/written"), count(ended.totals(), "/frames/delivered"));
    }
    (time - time_before).as_secs_f64() * 1e3 / (frames - frames_before) as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const PAIRS: usize = 5;
