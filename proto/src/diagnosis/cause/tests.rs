use std::time::{Duration, Instant};

use super::super::monitor::Monitor;
use super::*;
use crate::stats::DatagramCounts;
use crate::t0;

/// Ten seconds of a stream that is well: 300 frames of 100 datagrams.
fn well() -> Counters {
    let datagrams = DatagramCounts { received: 30_150, accepted: 30_000, control: 150, ..Default::default() };
    Counters {
        datagrams: Some(datagrams),
        delivered: 300,
        announced: 300,
        arrived: 30_000,
        questions: 100,
        answers: 100,
        port: 9000,
        ..Counters::default()
    }
}

/// The same, where so many frames were lost and so many datagrams missing.
pub(crate) fn lossy(lost: u64, missing: u64, missing_at_end: u64) -> Counters {
    Counters { delivered: 300 - lost, lost, missing, missing_at_end, arrived: 30_000 - missing, ..well() }
}

pub(crate) fn counted(counts: DatagramCounts) -> Counters {
    Counters { datagrams: Some(counts), port: 9000, ..Counters::default() }
}

pub(crate) fn first(counters: &Counters) -> Option<Cause> {
    explain(counters).first().copied()
}

pub(crate) fn network(percent: f64, missing: Missing) -> Cause {
    Cause::Network { percent, missing, is_wireless: false, is_group: false, is_rtp: false }
}

/// What was counted, and what explains it.
pub(crate) fn cases() -> Vec<(&'static str, Counters, Cause)> {
    let received = |received| DatagramCounts { received, ..Default::default() };
    let d = DatagramCounts::default();
    let hellos = DatagramCounts { received: 50, control: 50, ..d };
    vec![
        ("silence", counted(d), Cause::NothingArrives { port: 9000, is_group: false }),
        (
            "silence in a group",
            Counters { is_group: true, ..counted(d) },
            Cause::NothingArrives { port: 9000, is_group: true },
        ),
        ("noise", counted(DatagramCounts { malformed: 7, ..received(7) }), Cause::NotOurs { datagrams: 7 }),
        (
            "another version",
            counted(DatagramCounts { unknown: 6, malformed: 1, ..received(7) }),
            Cause::OtherVersion { datagrams: 6 },
        ),
        (
            "RTP of something else",
            Counters {
                not_taken: Some(NotTaken::PayloadType(96)),
                ..counted(DatagramCounts { unknown: 7, ..received(7) })
            },
            Cause::NotTaken { datagrams: 7, why: NotTaken::PayloadType(96) },
        ),
        (
            "only damage",
            counted(DatagramCounts { bad_checksum: 7, ..received(7) }),
            Cause::Damaged { datagrams: 7 },
        ),
        (
            "hellos only",
            Counters { announced: 300, questions: 9, answers: 9, ..counted(hellos) },
            Cause::LargeDatagrams { frames: 300 },
        ),
        (
            "a full buffer",
            Counters { kernel_dropped: 900, ..lossy(30, 1000, 500) },
            Cause::KernelBuffer { dropped: 900, percent: 10.0, is_large: false },
        ),
        (
            "a reader that stands still",
            Counters { kernel_dropped: 900, ..counted(d) },
            Cause::KernelBuffer { dropped: 900, percent: 100.0, is_large: false },
        ),
        (
            "a reader that is too slow",
            Counters { kernel_dropped: 900, buffer: Some(WANTED_BUFFER), ..lossy(30, 1000, 500) },
            Cause::KernelBuffer { dropped: 900, percent: 10.0, is_large: true },
        ),
        ("two thirds of each frame gone", lossy(300, 20_000, 15_000), network(100.0, Missing::Ends)),
        ("nine tenths of each frame gone", lossy(300, 27_000, 15_000), network(100.0, Missing::Ends)),
        ("nine tenths of all gone", lossy(300, 27_000, 13_500), network(100.0, Missing::Anywhere)),
        ("one burst in a second half", lossy(2, 20, 20), network(100.0 / 150.0, Missing::Anywhere)),
        ("loss anywhere", lossy(30, 300, 160), network(10.0, Missing::Anywhere)),
        ("loss at the ends", lossy(30, 300, 290), network(10.0, Missing::Ends)),
        ("interruptions", Counters { unseen: 29, ..lossy(30, 80, 50) }, network(10.0, Missing::WholeFrames)),
        ("a reported outage", lossy(30, 0, 0), network(10.0, Missing::WholeFrames)),
        (
            "flipped bits",
            Counters {
                datagrams: Some(DatagramCounts { bad_checksum: 299, ..well().datagrams.unwrap() }),
                ..lossy(30, 300, 150)
            },
            Cause::Damaged { datagrams: 299 },
        ),
        (
            "a socket that refuses",
            Counters { send_errors: 3, ..lossy(30, 300, 160) },
            Cause::SenderSocket { errors: 3 },
        ),
        ("a slow decoder", Counters { undecoded: 30, ..well() }, Cause::SlowDecode { percent: 10.0 }),
        ("a slow screen", Counters { unshown: 150, ..well() }, Cause::SlowDisplay { percent: 50.0 }),
        ("a jump", Counters { clock_jumps: 1, ..well() }, Cause::ClockJumped),
        (
            "a second sender",
            Counters {
                datagrams: Some(DatagramCounts { foreign: 8000, ..well().datagrams.unwrap() }),
                ..well()
            },
            Cause::OtherSender { datagrams: 8000 },
        ),
        ("a one-way link", Counters { answers: 0, ..well() }, Cause::OneWay),
        ("repaired loss", lossy(0, 3000, 1500), Cause::Repaired { percent: 10.0 }),
    ]
}

#[test]
fn what_was_counted_is_explained() {
    for (what, counters, cause) in cases() {
        assert_eq!(first(&counters), Some(cause), "{what}");
    }
}

#[test]
fn nothing_is_said_when_all_is_well() {
    for (what, counters) in [
        ("all is well", well()),
        ("a restart costs a frame", lossy(1, 60, 40)),
        ("one frame in ten seconds at 300 a second", Counters { delivered: 3000, ..lossy(2, 5, 3) }),
        ("a little loss that is repaired", lossy(0, 900, 450)),
        ("a picture now and then is not shown", Counters { unshown: 10, undecoded: 4, ..well() }),
        ("dropped and repaired", Counters { kernel_dropped: 40, ..lossy(0, 40, 20) }),
        ("nobody asks", Counters { questions: 0, answers: 0, ..well() }),
        (
            "a sender that waits for its camera",
            counted(DatagramCounts { received: 50, control: 50, ..Default::default() }),
        ),
        (
            "what is left of a stream that ended",
            counted(DatagramCounts { received: 9, late: 9, ..Default::default() }),
        ),
        ("a sender's own view, before any report", Counters::default()),
    ] {
        assert_eq!(explain(&counters), [], "{what}");
    }
}

#[test]
fn of_several_causes_the_one_that_lost_more_stands_first() {
    let causes = explain(&Counters { kernel_dropped: 100, undecoded: 30, ..lossy(30, 1000, 500) });
    assert!(
        matches!(causes[..], [Cause::Network { .. }, Cause::KernelBuffer { .. }, Cause::SlowDecode { .. }]),
        "{causes:?}"
    );
}

#[test]
fn counts_that_begin_anew_are_taken_for_nothing() {
    let before = lossy(30, 300, 150);
    let since = well().since(&before);
    assert_eq!((since.lost, since.missing, since.delivered), (0, 0, 30));
    assert_eq!(Counters::default().since(&before), Counters::default());
}

/// Looks once a second at what `totals` makes of the time; what was said, and in which second.
fn watch(seconds: u64, totals: impl Fn(u64) -> (Counters, bool)) -> (Vec<(u64, Cause)>, Monitor) {
    let (start, mut said): (Instant, Vec<(u64, Cause)>) = (t0(), Vec::new());
    let mut watch = Monitor::new(&totals(0).0, start);
    for second in 1..=seconds {
        let (totals, is_over) = totals(second);
        let cause = watch.look(&totals, is_over, start + Duration::from_secs(second));
        said.extend(cause.map(|cause| (second, cause)));
    }
    (said, watch)
}

/// Totals after so many seconds, of which each brought a tenth of `ten_seconds`.
fn after(seconds: u64, ten_seconds: &Counters) -> Counters {
    let part = |count: u64| count * seconds / 10;
    let d = ten_seconds.datagrams.unwrap();
    let datagrams = DatagramCounts {
        received: part(d.received),
        accepted: part(d.accepted),
        control: part(d.control),
        ..Default::default()
    };
    Counters {
        datagrams: Some(datagrams),
        delivered: part(ten_seconds.delivered),
        lost: part(ten_seconds.lost),
        missing: part(ten_seconds.missing),
        missing_at_end: part(ten_seconds.missing_at_end),
        arrived: part(ten_seconds.arrived),
        ..Counters { datagrams: None, questions: 0, answers: 0, announced: 0, ..*ten_seconds }
    }
}

#[test]
fn great_loss_is_reported_soon_and_then_rarely() {
    let (said, watch) = watch(30, |second| (after(second, &lossy(60, 600, 300)), false));
    let seconds: Vec<u64> = said.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [2, 12, 22]);
    assert_eq!(watch.found(), Some(network(20.0, Missing::Anywhere)));
}

#[test]
fn little_loss_is_found_in_ten_seconds_and_forgotten_after_ten_without() {
    let (said, watch) = watch(24, |second| {
        (if second < 12 { after(second, &lossy(2, 5, 3)) } else { after(second, &well()) }, false)
    });
    assert_eq!(said.len(), 1);
    assert!((5..=10).contains(&said[0].0), "{said:?}");
    assert_eq!(watch.found(), None);
}

#[test]
fn silence_is_spoken_of_once_after_five_seconds_and_again_when_it_comes_again() {
    let nothing = Cause::NothingArrives { port: 9000, is_group: false };
    let (said, watch) = watch(60, |second| (after(second.clamp(20, 30) - 20, &well()), false));
    assert_eq!(said, [(5, nothing), (35, nothing)]);
    assert_eq!(watch.found(), Some(nothing));
}

#[test]
fn an_end_is_no_silence_and_loses_nothing() {
    let (said, watch) = watch(60, |second| (after(second.min(10), &well()), second >= 10));
    assert_eq!((said, watch.found()), (vec![], None));
}

#[test]
fn a_sender_knows_no_silence_of_its_receivers() {
    let reported = |second| Counters { datagrams: None, port: 0, ..after(second, &lossy(60, 600, 300)) };
    let (said, _) = watch(10, |second| (reported(second), false));
    assert_eq!(said, [(2, network(20.0, Missing::Anywhere))]);
    assert_eq!(watch(20, |_| (Counters::default(), false)).0, []);
}
