use std::time::{Duration, Instant};

use super::plot::SLOWER;
use super::*;
use crate::window::draw::font;
use crate::window::draw::palette::{ACCENT, BAD, Colour, FAIR, GOOD, HEAD, PANEL, TEXT};
use crate::window::draw::read::{find, fonts};
use crate::window::widgets::health::Condition;
use crate::window::widgets::history::{PlotHistory, STEP, Sample};

const DROPPED: [(&str, u64); 3] = [("not shown", 3), ("damaged", 0), ("lost", 12)];

fn figures(history: &PlotHistory) -> Figures<'_> {
    Figures {
        name: "door",
        condition: Condition::Live,
        age: Some(Duration::from_millis(34)),
        is_stale: false,
        p50: Some(12.34),
        p99: Some(18.86),
        error_ms: Some(0.21),
        is_relative: false,
        fps: 29.97,
        mbps: 24.06,
        loss_percent: 0.04,
        by_parity: 12,
        by_resend: 3,
        dropped: &DROPPED,
        size: Some((1920, 1080)),
        peer: "192.168.1.7:41000",
        interface: "eth0",
        clock: "shared",
        recording: None,
        past: None,
        note: None,
        history,
    }
}

fn history(p50: f64, p99: f64, loss: f64) -> PlotHistory {
    let start = Instant::now();
    let mut history = PlotHistory::new(start);
    for step in 0..60 {
        let sample = Sample { p50: Some(p50), p99: Some(p99), loss_percent: Some(loss) };
        history.record(start + STEP * step, sample);
    }
    history
}

#[test]
fn all_figures_are_there_in_columns() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 0.5), fonts(), Bitmap::default());
    let figures = Figures {
        recording: Some("REC door.mkv 00:12"),
        past: Some("past 10 s"),
        note: Some("door.jpg written"),
        ..figures(&history)
    };
    let area = draw(&mut bitmap, &fonts, (1920, 1080), Detail::Full, &figures).unwrap();
    assert_eq!(area.size(), bitmap.size());
    let mut top = 0;
    for (label, value) in [
        ("age", "\u{2008}34 ms"),
        ("latency", "12.3 ms  p99 18.9 ±\u{a0}0.2"),
        ("rate", "30.0 fps  24.1 Mbit/s"),
        ("loss", "\u{2007}0.0 %"),
        ("repaired", "\u{2008}12 by parity, 3 by resend"),
        ("dropped", "\u{2008}\u{2007}3 not shown"),
        ("picture", "1920x1080"),
        ("from", "192.168.1.7:41000"),
        ("interface", "eth0"),
        ("clock", "shared"),
    ] {
        let label_at = find(&bitmap, label).unwrap_or_else(|| panic!("no {label}"));
        let value_at = find(&bitmap, value).unwrap_or_else(|| panic!("no {value}"));
        assert_eq!((label_at.y, label_at.size), (value_at.y, value_at.size), "{label}");
        assert_eq!(value_at.x, label_at.x + 5 * label_at.size, "{label}");
        assert!(label_at.y > top, "{label} is below what stands before it");
        top = label_at.y;
    }
    assert!(find(&bitmap, "\u{2008}12 lost").is_some(), "each cause has a line");
    assert!(find(&bitmap, "damaged").is_none(), "what has not happened is not said");
    assert_eq!(find(&bitmap, "● REC door.mkv 00:12").unwrap().colour, BAD);
    for text in ["door", "● live", "past 10 s", "door.jpg written", "p50", "p99", "20 ms", "1 %"] {
        assert!(find(&bitmap, text).is_some(), "{text}");
    }
}

#[test]
fn what_a_camera_does_not_tell_is_in_the_bars_of_age_and_latency() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 0.0), fonts(), Bitmap::default());
    let camera = Figures { error_ms: Some(8.52), ..figures(&history) };
    draw(&mut bitmap, &fonts, (1920, 1080), Detail::Full, &camera).unwrap();
    for text in ["\u{2008}34 ms ±\u{a0}9", "12.3 ms  p99 18.9 ±\u{a0}8.5"] {
        assert!(find(&bitmap, text).is_some(), "{text}");
    }
    let relative = Figures { is_relative: true, ..camera };
    draw(&mut bitmap, &fonts, (1920, 1080), Detail::Full, &relative).unwrap();
    assert!(find(&bitmap, "\u{2008}34 ms").is_some());
}

#[test]
fn an_old_picture_is_red_and_no_state_looks_like_live() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 0.0), fonts(), Bitmap::default());
    let age = |is_stale, detail, bitmap: &mut Bitmap| {
        draw(bitmap, &fonts, (1280, 720), detail, &Figures { is_stale, ..figures(&history) });
        find(bitmap, "34 ms").unwrap().colour
    };
    for detail in [Detail::Small, Detail::Full] {
        assert_eq!((age(false, detail, &mut bitmap), age(true, detail, &mut bitmap)), (HEAD, BAD));
    }
    for (condition, words, colour) in [
        (Condition::Stale, "■ no new picture", BAD),
        (Condition::Silent, "■ no signal", BAD),
        (Condition::SourceGone, "■ source gone", BAD),
        (Condition::Ended, "▲ ended", FAIR),
        (Condition::Full, "▲ full", FAIR),
    ] {
        for detail in [Detail::Off, Detail::Small, Detail::Full] {
            draw(&mut bitmap, &fonts, (1280, 720), detail, &Figures { condition, ..figures(&history) })
                .unwrap();
            assert_eq!(find(&bitmap, words).map(|found| found.colour), Some(colour), "{words}, {detail:?}");
        }
    }
}

#[test]
fn switched_off_it_says_only_what_must_not_be_missed() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 0.0), fonts(), Bitmap::default());
    let live = figures(&history);
    assert_eq!(draw(&mut bitmap, &fonts, (1280, 720), Detail::Off, &live), None);
    assert_eq!(bitmap.size(), (0, 0), "nothing was drawn, nor allocated");
    let noted = Figures { note: Some("door.jpg written"), ..live };
    draw(&mut bitmap, &fonts, (1280, 720), Detail::Off, &noted).unwrap();
    assert!(find(&bitmap, "door.jpg written").is_some() && find(&bitmap, "34 ms").is_none());
}

#[test]
fn curves_are_as_high_as_what_they_show() {
    let (fonts, mut bitmap) = (fonts(), Bitmap::default());
    // The row of the last pixel of this colour from the right edge of the plots, and how many there are in all.
    let mut look = |history: &PlotHistory, colour| {
        draw(&mut bitmap, &fonts, (1920, 1080), Detail::Full, &figures(history)).unwrap();
        let legend = find(&bitmap, "p50").unwrap();
        let below = (legend.y + font::height(legend.size)) as usize * bitmap.pitch();
        let rows: Vec<usize> = bitmap.pixels()[below..]
            .chunks(bitmap.pitch())
            .enumerate()
            .filter(|(_, row)| row.chunks(4).any(|pixel| pixel == colour))
            .map(|(y, _)| y)
            .collect();
        (rows.first().copied(), rows.len())
    };
    let low = look(&history(2.0, 20.0, 0.0), ACCENT).0.unwrap();
    let high = look(&history(18.0, 20.0, 0.0), ACCENT).0.unwrap();
    assert!(low > high + 20, "{low} is lower than {high}");
    let (small, large) = (look(&history(2.0, 20.0, 1.2), FAIR).1, look(&history(2.0, 20.0, 2.0), FAIR).1);
    assert!(small > 0 && large > small, "{small} {large}");
    assert_eq!(look(&history(2.0, 20.0, 0.0), FAIR).1, 0, "without loss there are no bars");
    assert_eq!(look(&PlotHistory::new(Instant::now()), ACCENT).1, 0, "nothing was measured");
}

#[test]
fn whatever_the_tile_it_stays_inside_and_cuts_no_letter() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 3.0), fonts(), Bitmap::default());
    let long = Figures {
        name: "a camera with a name that somebody wrote a novel into",
        peer: "[2001:db8:1234:5678:9abc:def0:1234:5678]:41000",
        note: Some("snapshots/a camera with a name that somebody wrote a novel into.jpg written"),
        ..figures(&history)
    };
    let edges = [0, 1, 7, 14, 21, 40, 90, 160, 359, 1080];
    for width in edges {
        for height in edges {
            for detail in [Detail::Off, Detail::Small, Detail::Full] {
                for condition in [Condition::Live, Condition::Silent] {
                    let figures = Figures { condition, ..long };
                    let Some(area) = draw(&mut bitmap, &fonts, (width, height), detail, &figures) else {
                        continue;
                    };
                    assert!(area.left() >= 0 && area.right() as u32 <= width, "{area:?} in {width}x{height}");
                    assert!(
                        area.top() >= 0 && area.bottom() as u32 <= height,
                        "{area:?} in {width}x{height}"
                    );
                    assert_eq!(area.size(), bitmap.size());
                    assert_rim(&bitmap);
                }
            }
        }
    }
}

/// All around is nothing but the panel, so that no letter is cut.
fn assert_rim(bitmap: &Bitmap) {
    let (width, height) = bitmap.size();
    let row = |y: u32| &bitmap.pixels()[y as usize * bitmap.pitch()..][..bitmap.pitch()];
    let is_panel = |pixels: &[u8]| pixels.chunks(4).all(|pixel| pixel == PANEL);
    assert!(is_panel(row(0)) && is_panel(row(height - 1)));
    for y in 0..height {
        assert!(is_panel(&row(y)[..4]) && is_panel(&row(y)[4 * (width - 1) as usize..]));
    }
}

#[test]
fn small_tiles_keep_what_matters_most() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 3.0), fonts(), Bitmap::default());
    draw(&mut bitmap, &fonts, (160, 90), Detail::Full, &figures(&history)).unwrap();
    for text in ["door", "● live", "age", "34 ms", "12.3 ms"] {
        assert!(find(&bitmap, text).is_some(), "{text}");
    }
    let stale = Figures { condition: Condition::Stale, ..figures(&history) };
    draw(&mut bitmap, &fonts, (110, 90), Detail::Small, &stale).unwrap();
    assert!(find(&bitmap, "■ no new picture…").is_some(), "how it is comes before its name");
    let named = Figures { name: "the-camera-at-the-back-door", ..figures(&history) };
    draw(&mut bitmap, &fonts, (158, 135), Detail::Small, &named).unwrap();
    assert!(find(&bitmap, "the-cam…").is_some() && find(&bitmap, "34 ms").is_some());
}

#[test]
fn the_key_goes_round() {
    assert_eq!(Detail::Off.next().next().next(), Detail::Off);
}

/// Whatever there is to say, as wide and as long as it gets.
fn everything(history: &PlotHistory) -> Figures<'_> {
    const EVERY_CAUSE: [(&str, u64); 4] =
        [("not decoded", 1234), ("not shown", 31), ("foreign", 99_999), ("lost", 12)];
    Figures {
        name: "a camera with a name that somebody wrote a novel into",
        age: Some(Duration::from_millis(9999)),
        p50: Some(1234.56),
        p99: Some(9876.54),
        fps: 119.88,
        mbps: 1234.5,
        loss_percent: 12.3,
        by_parity: 123_456,
        by_resend: 1234,
        dropped: &EVERY_CAUSE,
        recording: Some("REC a-camera-at-the-back-door-2026-11-29-12-34-56.mkv 00:12"),
        past: Some("past 10 s, 123 MB"),
        note: Some("saved a-camera-at-the-back-door-2026-11-29-12-34-56.jpg"),
        ..figures(history)
    }
}

#[test]
fn all_figures_cover_at_most_a_fifth_of_a_picture() {
    let (history, fonts, mut bitmap) = (history(12.0, 18.0, 0.5), fonts(), Bitmap::default());
    let usual = Figures { dropped: &DROPPED[..1], ..figures(&history) };
    for (width, height) in [(1280, 720), (1920, 1080), (2560, 1440), (3840, 2160), (1440, 1080), (1280, 1024)]
    {
        for figures in [usual, everything(&history)] {
            let area = draw(&mut bitmap, &fonts, (width, height), Detail::Full, &figures).unwrap();
            let share = f64::from(area.width() * area.height()) / f64::from(width * height);
            assert!(share <= 0.2, "{share} of {width}x{height}");
        }
        // With what there is to say on most days, plots included, it is far less.
        let area = draw(&mut bitmap, &fonts, (width, height), Detail::Full, &usual).unwrap();
        let share = f64::from(area.width() * area.height()) / f64::from(width * height);
        assert!(share <= 0.15, "{share} of {width}x{height}");
        assert!(find(&bitmap, "1 %").is_some(), "the last plot is there");
    }
}

#[test]
fn all_that_is_written_stands_out_on_white_and_on_black() {
    let light = |channel: f64| {
        let channel = channel / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    };
    // As the accessibility guidelines of the web count it.
    let luminance = |bgr: [f64; 3]| 0.0722 * light(bgr[0]) + 0.7152 * light(bgr[1]) + 0.2126 * light(bgr[2]);
    let of = |colour: Colour| luminance([colour[0], colour[1], colour[2]].map(f64::from));
    for picture in [0.0, 255.0] {
        let alpha = f64::from(PANEL[3]) / 255.0;
        let ground = [PANEL[0], PANEL[1], PANEL[2]].map(|c| f64::from(c) * alpha + picture * (1.0 - alpha));
        for ink in [HEAD, TEXT, ACCENT, GOOD, FAIR, BAD, SLOWER] {
            let contrast = (of(ink) + 0.05) / (luminance(ground) + 0.05);
            assert!(contrast >= 4.5, "{ink:?} on a picture of {picture}: {contrast}");
        }
    }
}
