//! `receiver measure`: what it says of a camera that films its own window, beside what that camera knows.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use crate::common::display::Display;
use crate::common::running::{Ended, sender, viewer};
use crate::common::{alone, figure, free_address};
use crate::screen_camera::{Filmed, Filming, ScreenCamera};

/// At 29 a second, not in step with the ticks.
const FILMING: Filming = Filming {
    period: Duration::from_micros(34_130),
    delay: Duration::ZERO,
    quality: 30,
    exposure: Duration::ZERO,
    covered: 0,
    mark: (992, 508),
};

#[test]
fn what_is_measured_is_what_a_camera_that_films_the_window_knows() {
    let _alone = alone();
    for delay in [0, 50, 200] {
        let Some(Run { ended, filmed, .. }) =
            run(&["--samples", SAMPLES], Filming { delay: Duration::from_millis(delay), ..FILMING })
        else {
            return;
        };
        assert!(ended.status.success(), "{}: {}", ended.status, ended.said);
        let measured = ended.stats.last().unwrap();
        let p = |part: &str, percentile: &str| measured[part][percentile].as_f64();
        let (p50, p99) = (p("glass_to_glass_ms", "p50").unwrap(), p("glass_to_glass_ms", "p99"));
        let camera = p("camera_ms", "p50").unwrap();
        let (known50, known99) = (percentile(&filmed.totals, 50), percentile(&filmed.totals, 99));
        let (held, error) = (percentile(&filmed.held, 50), filmed.error);
        let about = format!(
            "{delay} ms: p50 {p50:.2} beside {known50:.2} ±{error:.2}, p99 {p99:.2?} beside {known99:.2}; camera \
             {camera:.2} beside {held:.2}, {} samples, {} pictures seen",
            measured["samples"],
            filmed.totals.len()
        );
        figure("from glass to glass, measured", &about);
        assert_eq!(measured["samples"].to_string(), SAMPLES, "{about}");
        assert!((p50 - known50).abs() <= MEDIAN_WITHIN + error, "{about}");
        let is_close = |p99: f64| (p99 - known99).abs() <= 1e3 * FILMING.period.as_secs_f64() + error;
        assert!(p99.is_none_or(is_close) && (p99.is_some() || cfg!(debug_assertions)), "{about}");
        // What is left of the whole is the latency that the picture tells.
        let bar = measured["stamps_error_ms"].as_f64().unwrap();
        assert!((camera - held).abs() <= MEDIAN_WITHIN + error + bar, "{about}");
        let is_late = delay > 34;
        assert_eq!(measured["stamps"], if is_late { "late" } else { "agree" }, "{about}: {measured}");
    }
}

#[test]
fn where_pictures_are_exposed_for_long_the_middle_of_that_counts() {
    let _alone = alone();
    let filming =
        Filming { exposure: Duration::from_millis(20), delay: Duration::from_millis(60), ..FILMING };
    let Some(Run { ended, filmed, .. }) = run(&["--samples", SAMPLES], filming) else { return };
    assert!(ended.status.success(), "{}: {}", ended.status, ended.said);
    let measured = ended.stats.last().unwrap();
    let (p50, known50) =
        (measured["glass_to_glass_ms"]["p50"].as_f64().unwrap(), percentile(&filmed.totals, 50));
    let error = measured["error_ms"].as_f64().unwrap();
    let about = format!("20 ms exposed: p50 {p50:.2} beside {known50:.2}, each known to ±{error:.1}");
    figure("from glass to glass, measured", &about);
    // What of a code that changes is read is chance, and a busy machine's camera looks at some of an exposure only.
    assert!((p50 - known50).abs() <= error, "{about}");
}

#[test]
fn without_the_strip_there_is_no_figure() {
    let _alone = alone();
    let covered = Filming { covered: 400, ..FILMING };
    let Some(Run { ended, told, .. }) = run(&["--duration", "4s"], covered) else { return };
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert!(ended.said.contains("no figure: the strip was found in none of"), "{}", ended.said);
    assert_eq!(told, "", "{}", ended.said);
    let measured = ended.stats.last().unwrap();
    assert_eq!((&measured["samples"], &measured["glass_to_glass_ms"]["p50"]), (&0.into(), &Value::Null));
}

/// What one measurement came to.
struct Run {
    ended: Ended,
    told: String,
    filmed: Filmed,
}

/// Measures with these arguments beside a camera that films the window; `None` where there is no X server.
fn run(arguments: &[&str], filming: Filming) -> Option<Run> {
    let display = Display::start(1280, 720)?;
    let to = free_address();
    let mut receiver = viewer(&display, &[&["measure", "--listen", &to], arguments].concat());
    let mut sender = sender(&["--dest", &to, "--source", "-"]);
    let camera = ScreenCamera::start(&display.file(), sender.input(), filming);
    let mut output = receiver.output();
    let ended = receiver.end_within(150);
    let filmed = camera.end();
    sender.interrupt();
    let mut told = String::new();
    output.read_to_string(&mut told).unwrap();
    println!("{told}");
    Some(Run { ended, told, filmed })
}

/// By nearest rank.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent).div_ceil(100) - 1]
}

/// Milliseconds, beside what the camera and the watcher do not know themselves.
const MEDIAN_WITHIN: f64 = 2.0;
/// Enough for all percentiles; without optimisation, where each search takes a tenth of a second, for the median alone.
const SAMPLES: &str = if cfg!(debug_assertions) { "25" } else { "200" };
