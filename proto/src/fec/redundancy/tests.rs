//! The policy against what it promises: chances, evidence, memory.

use super::binomial::more_than;
use super::*;
use crate::random::Random;
use crate::t0;

const FRAME: usize = 119;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A stream of 30 frames a second over a path that loses each chunk with `loss` in a million, or what `lost` says, with
/// ten reports a second, for `seconds`. Returns the shares of parity sent and of frames it could not repair, in
/// percent, over the second half.
fn stream(
    redundancy: &mut Redundancy,
    seconds: u64,
    mut lost: impl FnMut() -> bool,
    t0: Instant,
) -> (f64, f64) {
    let (mut parity, mut broken, mut counted) = (0, 0, 0);
    let (mut arrived, mut missing) = (0, 0);
    for number in 0..seconds * 30 {
        let now = t0 + Duration::from_secs(number) / 30;
        let extra = redundancy.chunks(FRAME);
        let lost_data = (0..FRAME).filter(|_| lost()).count();
        let lost_all = lost_data + (0..extra).filter(|_| lost()).count();
        arrived += (FRAME - lost_data) as u64;
        missing += lost_data as u64;
        if number >= seconds * 15 {
            counted += 1;
            parity += extra;
            broken += usize::from(lost_data > 0 && lost_all > extra);
        }
        if number % 3 == 2 {
            redundancy.heard(arrived, missing, true, now);
            (arrived, missing) = (0, 0);
        }
    }
    let share = |of: usize, all: usize| of as f64 * 100.0 / all as f64;
    (share(parity, counted * FRAME), share(broken, counted))
}

fn random_loss(ppm: u64, seed: u64) -> impl FnMut() -> bool {
    let mut random = Random::new(seed);
    move || random.below(1_000_000) < ppm
}

#[test]
fn choices_are_read_and_written() {
    let choices = [("off", Fec::Off), ("auto", Fec::Auto), ("1", Fec::Percent(1)), ("50%", Fec::Percent(50))];
    for (text, fec) in choices {
        assert_eq!(text.parse(), Ok(fec));
        assert_eq!(fec.to_string().parse(), Ok(fec));
    }
    for text in ["", "0", "51", "-1", "%", "10%%", "1.5", "on", "256"] {
        let error = text.parse::<Fec>().unwrap_err().to_string();
        assert_eq!(error, format!("parity is off, auto, or a percentage from 1 to 50; not {text:?}"));
    }
}

#[test]
fn a_share_is_rounded_up_and_small_frames_are_protected() {
    assert_eq!(parity_for(FRAME, 10), 12);
    assert_eq!(parity_for(120, 10), 12);
    assert_eq!(parity_for(121, 10), 13);
    assert_eq!([1, 2, 9].map(|chunks| parity_for(chunks, 1)), [1, 1, 1]);
    assert_eq!([1, 5, 10_000].map(|chunks| parity_for(chunks, 50)), [1, 3, 2048]);
}

#[test]
fn the_chance_of_losing_too_many_is_that_of_the_binomial() {
    /// Counted pattern by pattern.
    fn slow(lost: u32, trials: u32, loss: f64) -> f64 {
        let patterns = (0_u32..1 << trials).map(u32::count_ones).filter(|&count| count > lost);
        patterns.map(|count| loss.powi(count as i32) * (1.0 - loss).powi((trials - count) as i32)).sum()
    }
    for trials in 1..=12 {
        for lost in 0..=trials {
            for loss in [0.0001, 0.01, 0.2, 0.5, 0.9] {
                let (fast, slow) =
                    (more_than(lost as usize, trials as usize, loss), slow(lost, trials, loss));
                assert!((fast - slow).abs() < 1e-9, "{lost} of {trials} at {loss}: {fast}, {slow}");
            }
        }
    }
    // Where the likeliest term is too small for a float, the normal approximation: 60 is 1.9 standard deviations.
    let tail = more_than(1060, 20_000, 0.05);
    assert!((0.02..0.04).contains(&tail), "{tail}");
}

#[test]
fn enough_is_enough_and_one_less_is_not() {
    for data in [1, 2, 10, 119, 600, MAX_CHUNKS] {
        for loss in [0.0002, 0.01, 0.05, 0.2] {
            for chance in [MAY_REQUEST, MUST_NOT_FAIL] {
                let most = most_parity(data);
                let parity = enough(data, most, loss, chance);
                assert!(parity == most || more_than(parity, data + parity, loss) <= chance);
                assert!(parity == 0 || more_than(parity - 1, data + parity - 1, loss) > chance);
            }
        }
    }
    assert_eq!(enough(FRAME, 64, 0.01, 0.01), 4);
    assert_eq!(enough(MAX_CHUNKS, 2048, 0.2, 0.01), 2048);
}

#[test]
fn off_is_none_and_a_percentage_stays_whatever_is_reported() {
    let now = t0();
    for (fec, parity) in [(Fec::Off, 0), (Fec::Percent(10), 12)] {
        let mut redundancy = Redundancy::new(fec, true);
        assert_eq!(redundancy.chunks(FRAME), parity);
        redundancy.heard(500, 500, true, now);
        assert_eq!(redundancy.chunks(FRAME), parity);
    }
}

#[test]
fn a_tenth_goes_out_blind_while_nobody_reports() {
    let t0 = t0();
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    assert_eq!((redundancy.chunks(FRAME), redundancy.chunks(3)), (12, 1));
    redundancy.heard(400, 0, true, t0);
    assert_eq!(redundancy.chunks(FRAME), 0);
    redundancy.forget_reports();
    assert_eq!(redundancy.chunks(FRAME), 12, "the last viewer has left");
}

#[test]
fn a_path_that_has_shown_itself_clean_gets_none_unless_nobody_can_be_asked() {
    for (resend_answered, at_first, later) in [(true, 0, 0), (false, 3, 3)] {
        let t0 = t0();
        let mut redundancy = Redundancy::new(Fec::Auto, resend_answered);
        redundancy.heard(360, 0, true, t0);
        assert_eq!(redundancy.chunks(FRAME), at_first);
        stream(&mut redundancy, 60, || false, t0);
        assert_eq!(redundancy.chunks(FRAME), later);
    }
}

#[test]
fn what_random_loss_asks_for_is_sent_and_repairs_what_it_should() {
    for (ppm, resend_answered, overhead, broken) in [
        (1_000, true, 0.7..2.0, 1.0),
        (10_000, true, 3.0..6.0, 2.0),
        (50_000, true, 9.0..14.0, 2.0),
        (10_000, false, 4.0..7.0, 0.2),
        (50_000, false, 12.0..18.0, 0.2),
    ] {
        let mut redundancy = Redundancy::new(Fec::Auto, resend_answered);
        let (sent, failed) = stream(&mut redundancy, 120, random_loss(ppm, ppm), t0());
        println!("{ppm} ppm, resends {resend_answered}: {sent:.2} % sent, {failed:.2} % not repaired");
        assert!(overhead.contains(&sent) && failed <= broken, "{ppm}: {sent} % sent, {failed} % failed");
    }
}

#[test]
fn bursts_of_20_in_2000_look_like_one_percent() {
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    let mut count = 0;
    let lost = || {
        count += 1;
        count % 2000 < 20
    };
    let (sent, _) = stream(&mut redundancy, 60, lost, t0());
    println!("bursts: {sent:.2} % sent, loss {:?}", redundancy.loss());
    assert!((3.0..6.5).contains(&sent), "{sent}");
}

#[test]
fn loss_is_followed_up_at_once_and_down_slowly() {
    let t0 = t0();
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    stream(&mut redundancy, 60, || false, t0);
    let mut now = t0 + Duration::from_secs(60);
    redundancy.heard(3420, 180, true, now);
    let up = redundancy.loss();
    assert!((0.025..0.05).contains(&up), "{up}");
    for _ in 0..100 {
        now += ms(100);
        redundancy.heard(360, 0, true, now);
    }
    let later = redundancy.loss() / up;
    assert!((later - (-1.0_f64).exp()).abs() < 0.01, "after 10 s: {later} of it");
}

#[test]
fn half_a_second_of_small_reports_is_enough_to_be_followed() {
    let t0 = t0();
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    stream(&mut redundancy, 60, || false, t0);
    for report in 0..5 {
        redundancy.heard(342, 18, true, t0 + Duration::from_secs(60) + ms(report * 100));
    }
    assert!(redundancy.loss() > 0.02, "{:?}", redundancy.loss());
}

#[test]
fn a_report_of_few_chunks_does_not_swing_it() {
    let now = t0();
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    redundancy.heard(9, 1, true, now);
    assert!(redundancy.loss() < 0.03, "one of ten: {:?}", redundancy.loss());
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    redundancy.heard(10_000, 0, true, now);
    redundancy.heard(0, 1, true, now);
    assert!(redundancy.loss() < f64::from(CLEAN_PPM) / 1e6, "{:?}", redundancy.loss());
}

#[test]
fn absurd_reports_neither_panic_nor_stay() {
    let t0 = t0();
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    redundancy.heard(0, 0, true, t0);
    redundancy.heard(u64::MAX, u64::MAX, true, t0);
    redundancy.heard(0, u64::MAX, true, t0 - ms(500));
    assert_eq!(redundancy.loss(), MOST_LOSS);
    for chunks in [0, 1, 2, FRAME, MAX_CHUNKS, MAX_CHUNKS + 1, usize::MAX] {
        let parity = redundancy.chunks(chunks);
        assert!(parity <= most_parity(chunks.min(MAX_CHUNKS)), "{parity} for {chunks}");
    }
    stream(&mut redundancy, 120, || false, t0);
    assert!(redundancy.loss() < 0.001, "{:?}", redundancy.loss());
}

#[test]
fn a_steady_stream_computes_nothing() {
    let t0 = t0();
    let mut redundancy = Redundancy::new(Fec::Auto, true);
    for _ in 0..20 {
        redundancy.heard(3564, 36, true, t0);
    }
    for chunks in 100..100 + REMEMBERED {
        redundancy.chunks(chunks);
    }
    let before = redundancy.needed;
    assert!(before.iter().all(|&(chunks, parity)| chunks > 0 && parity > 0));
    redundancy.heard(3564, 36, true, t0);
    assert_eq!(redundancy.needed, before);
}
