//! Why a camera gives fewer frames than its mode says, and what to do about it.

use std::path::Path;
use std::time::Duration;

use super::exposure::ExposureControls;
use super::mode::FrameRate;
use super::rate_watch::FrameRates;

/// Why a camera gives fewer frames than its mode says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlowCause {
    /// It may expose for longer than its mode's interval, as it does in the dark.
    AutomaticExposure,
    /// It was told to expose for longer than its mode's interval.
    LongExposure(Duration),
    /// So many of a hundred frames that it made never came.
    Lost(u32),
    /// So many of a hundred that came were not whole.
    Damaged(u32),
    /// Nobody says.
    Unknown,
}

impl SlowCause {
    /// Why there are clearly fewer; `None` if there are enough.
    pub(super) fn of(rates: &FrameRates, controls: &ExposureControls) -> Option<Self> {
        let enough = ENOUGH * rates.mode;
        if rates.whole >= enough {
            return None;
        }
        let interval = Duration::try_from_secs_f64(1.0 / rates.mode).ok()?;
        let percent = |part: f64, of: f64| (100.0 * (1.0 - part / of.max(part)).max(0.0)).round() as u32;
        let (lost, damaged) = (percent(rates.given, rates.exposed), percent(rates.whole, rates.given));
        let worse = if damaged > lost { Self::Damaged(damaged) } else { Self::Lost(lost) };
        Some(match controls.exposure {
            _ if rates.exposed >= enough => worse,
            _ if controls.may_lower_rate => Self::AutomaticExposure,
            Some(exposure) if exposure > interval => Self::LongExposure(exposure),
            _ if lost.max(damaged) >= WORTH_NAMING => worse,
            _ => Self::Unknown,
        })
    }

    /// Whether the two are of one kind, so that the second need not be told.
    pub(super) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// What to tell the user of the camera with this device file.
    pub(super) fn told(self, rates: &FrameRates, name: &str, path: &Path) -> String {
        let path = path.display();
        let why = match self {
            Self::AutomaticExposure => format!(
                "automatic exposure lowers the rate in the dark: give it more light, or `v4l2-ctl -d {path} -c \
                 exposure_dynamic_framerate=0`, which keeps the rate with darker pictures"
            ),
            Self::LongExposure(exposure) => format!(
                "it is set to expose for {} ms, longer than a frame lasts: `v4l2-ctl -d {path} -c \
                 exposure_time_absolute={}` is the longest at this rate",
                two_digits(exposure.as_secs_f64() * 1000.0),
                (10_000.0 / rates.mode) as u32,
            ),
            Self::Lost(percent) => format!(
                "{percent} % of its frames are lost on their way: the bus or this computer does not keep up. Plug it \
                 into a port or hub of its own, or ask for less with --size or --fps"
            ),
            Self::Damaged(percent) => format!(
                "{percent} % of its frames come damaged: try another cable or port, or a port of its own; `dmesg` may \
                 say more"
            ),
            Self::Unknown => {
                "its driver does not say why; try more light, another --size or --fps, or another port \
                              (`lsusb -t` shows its speed)"
                    .to_owned()
            }
        };
        let whole = FrameRate((rates.whole * 10.0).round() / 10.0);
        format!("camera {path} ({name}) gives {whole} fps instead of {}: {why}", FrameRate(rates.mode))
    }
}

fn two_digits(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Of what the mode says. Cameras are off by a few percent, and one that lowers its rate halves it or more.
const ENOUGH: f64 = 0.8;
/// Fewer of a hundred frames explain nothing.
const WORTH_NAMING: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(exposed: f64, given: f64, whole: f64) -> FrameRates {
        FrameRates { mode: 30.0, exposed, given, whole }
    }

    fn automatic(may_lower_rate: bool) -> ExposureControls {
        ExposureControls { exposure: None, is_automatic: true, may_lower_rate }
    }

    fn by_hand(millis: u64) -> ExposureControls {
        ExposureControls { exposure: Some(Duration::from_millis(millis)), ..ExposureControls::default() }
    }

    #[test]
    fn rates_and_controls_say_why() {
        let halved = rates(15.0, 15.0, 15.0);
        let none = ExposureControls::default();
        for (rates, controls, cause) in [
            (rates(30.0, 30.0, 30.0), automatic(true), None),
            (rates(25.0, 25.0, 25.0), automatic(true), None),
            (halved, automatic(true), Some(SlowCause::AutomaticExposure)),
            (halved, automatic(false), Some(SlowCause::Unknown)),
            (halved, by_hand(60), Some(SlowCause::LongExposure(Duration::from_millis(60)))),
            (halved, by_hand(10), Some(SlowCause::Unknown)),
            (halved, none, Some(SlowCause::Unknown)),
            (rates(30.0, 15.0, 15.0), automatic(true), Some(SlowCause::Lost(50))),
            (rates(30.0, 30.0, 10.0), automatic(true), Some(SlowCause::Damaged(67))),
            (rates(20.0, 15.0, 15.0), none, Some(SlowCause::Lost(25))),
            (rates(0.0, 0.0, 0.0), none, Some(SlowCause::Unknown)),
        ] {
            assert_eq!(SlowCause::of(&rates, &controls), cause, "{rates:?} {controls:?}");
        }
    }

    #[test]
    fn each_cause_is_told_with_a_way_out() {
        let told =
            |cause: SlowCause| cause.told(&rates(15.0, 15.0, 14.96), "Door Cam", Path::new("/dev/video2"));
        let dark = told(SlowCause::AutomaticExposure);
        assert!(
            dark.starts_with("camera /dev/video2 (Door Cam) gives 15 fps instead of 30: automatic"),
            "{dark}"
        );
        assert!(dark.contains("`v4l2-ctl -d /dev/video2 -c exposure_dynamic_framerate=0`"), "{dark}");
        let long = told(SlowCause::LongExposure(Duration::from_micros(66_700)));
        assert!(long.contains("66.7 ms") && long.contains("exposure_time_absolute=333`"), "{long}");
        assert!(told(SlowCause::Lost(50)).contains("50 % of its frames are lost"));
        assert!(told(SlowCause::Damaged(67)).contains("67 % of its frames come damaged"));
        assert!(told(SlowCause::Unknown).contains("does not say why"));
    }
}
