//! What a camera's controls say of its exposure.

use std::time::Duration;

use v4l::v4l_sys::{
    V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CID_EXPOSURE_AUTO, V4L2_CID_EXPOSURE_AUTO_PRIORITY,
    v4l2_exposure_auto_type_V4L2_EXPOSURE_APERTURE_PRIORITY, v4l2_exposure_auto_type_V4L2_EXPOSURE_AUTO,
};

/// What a camera's controls say of its exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExposureControls {
    /// How long each row is exposed; `None` if nobody can tell.
    pub(super) exposure: Option<Duration>,
    /// Whether the camera sets it by itself.
    pub(super) is_automatic: bool,
    /// Whether it may then expose for longer than its rate allows.
    pub(super) may_lower_rate: bool,
}

impl ExposureControls {
    /// By what `read` says of each control, which is nothing where there is no such control.
    pub(super) fn read(read: impl Fn(u32) -> Option<i32>) -> Self {
        let mode = read(V4L2_CID_EXPOSURE_AUTO).and_then(|mode| u32::try_from(mode).ok());
        let is_automatic = mode.is_some_and(|mode| AUTOMATIC.contains(&mode));
        // While the camera sets it, many cameras go on telling what was set by hand before.
        let exposure = if is_automatic { None } else { read(V4L2_CID_EXPOSURE_ABSOLUTE) };
        Self {
            exposure: exposure.and_then(exposure_of),
            is_automatic,
            may_lower_rate: is_automatic && read(V4L2_CID_EXPOSURE_AUTO_PRIORITY) == Some(1),
        }
    }
}

/// The exposure of a control's value, if it can be one.
fn exposure_of(value: i32) -> Option<Duration> {
    let exposure = Duration::from_micros(u64::try_from(value).ok()?.checked_mul(100)?);
    (exposure > Duration::ZERO && exposure <= LONGEST).then_some(exposure)
}

/// The modes in which the camera sets how long it exposes; in the others the aperture at most.
const AUTOMATIC: [u32; 2] =
    [v4l2_exposure_auto_type_V4L2_EXPOSURE_AUTO, v4l2_exposure_auto_type_V4L2_EXPOSURE_APERTURE_PRIORITY];
/// No camera that gives a stream exposes for longer.
const LONGEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn controls(mode: Option<i32>, absolute: Option<i32>, priority: Option<i32>) -> ExposureControls {
        ExposureControls::read(|id| match id {
            V4L2_CID_EXPOSURE_AUTO => mode,
            V4L2_CID_EXPOSURE_ABSOLUTE => absolute,
            V4L2_CID_EXPOSURE_AUTO_PRIORITY => priority,
            _ => None,
        })
    }

    #[test]
    fn an_exposure_counts_that_was_set_by_hand() {
        let ms = Duration::from_millis;
        for by_hand in [None, Some(1), Some(2)] {
            let told = controls(by_hand, Some(156), Some(1));
            assert_eq!(
                (told.exposure, told.is_automatic, told.may_lower_rate),
                (Some(ms(15) + ms(6) / 10), false, false)
            );
        }
        for by_itself in [0, 3] {
            let told = controls(Some(by_itself), Some(156), Some(1));
            assert_eq!((told.exposure, told.is_automatic, told.may_lower_rate), (None, true, true));
            assert!(!controls(Some(by_itself), Some(156), Some(0)).may_lower_rate);
            assert!(!controls(Some(by_itself), Some(156), None).may_lower_rate);
        }
        assert_eq!(controls(None, None, None), ExposureControls::default());
    }

    #[test]
    fn absurd_values_are_none() {
        for absurd in [0, -1, i32::MIN, i32::MAX, 100_001] {
            assert_eq!(controls(Some(1), Some(absurd), None).exposure, None, "{absurd}");
        }
        assert!(!controls(Some(-1), None, Some(1)).is_automatic);
    }
}
