//! The values of `--source`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, ensure};

/// A source as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spec {
    /// `camera`, `camera:N`, or a device's path.
    Camera(Which),
    /// `pattern`: the test card.
    Pattern,
    /// A file, a named pipe or a folder.
    Path(PathBuf),
    /// `-`.
    StandardInput,
}

/// Which camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first that works.
    First,
    /// The one with this number: N of `/dev/videoN`.
    Index(u32),
    /// The one with this device file, such as `/dev/v4l/by-id/...`.
    Path(PathBuf),
}

/// What the user asked of a source that can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WantedMode {
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Frames per second.
    pub fps: Option<f64>,
}

impl Spec {
    /// What was typed, of which the path of a file need not be text.
    ///
    /// # Errors
    /// As those of `from_str`.
    pub(crate) fn typed(text: OsString) -> anyhow::Result<Self> {
        text.to_str().map_or_else(|| Ok(Self::Path(PathBuf::from(&text))), str::parse)
    }
}

impl FromStr for Spec {
    type Err = anyhow::Error;

    /// Reads `camera`, `camera:N`, `/dev/videoN`, `pattern`, `-` or a path. Whether it exists is seen when it is
    /// opened.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        ensure!(!text.is_empty(), "an empty source; camera, pattern, a path or - is expected");
        Ok(match text {
            "camera" => Self::Camera(Which::First),
            "pattern" => Self::Pattern,
            "-" => Self::StandardInput,
            _ if text.starts_with("/dev/video") || text.starts_with("/dev/v4l/") => {
                Self::Camera(Which::Path(text.into()))
            }
            _ => match text.strip_prefix("camera:") {
                Some(number) => {
                    let number = number.parse().with_context(|| {
                        format!("'{number}' is no camera number; `sender cameras` lists the cameras")
                    })?;
                    Self::Camera(Which::Index(number))
                }
                None => Self::Path(text.into()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn every_kind_of_source_is_told_apart() {
        let spec = |text: &str| text.parse::<Spec>().unwrap();
        assert_eq!(spec("camera"), Spec::Camera(Which::First));
        assert_eq!(spec("camera:2"), Spec::Camera(Which::Index(2)));
        assert_eq!(spec("/dev/video1"), Spec::Camera(Which::Path("/dev/video1".into())));
        assert_eq!(spec("/dev/v4l/by-id/usb-x"), Spec::Camera(Which::Path("/dev/v4l/by-id/usb-x".into())));
        assert_eq!(spec("pattern"), Spec::Pattern);
        assert_eq!(spec("-"), Spec::StandardInput);
        assert_eq!(spec("./pattern"), Spec::Path("./pattern".into()));
    }

    #[test]
    fn a_path_need_not_be_text() {
        let path = OsString::from_vec(b"clips/t\xfcr.mjpeg".to_vec());
        assert_eq!(Spec::typed(path.clone()).unwrap(), Spec::Path(path.into()));
        assert_eq!(Spec::typed("camera:2".into()).unwrap(), Spec::Camera(Which::Index(2)));
    }

    #[test]
    fn a_bad_camera_number_is_named() {
        let error = "camera:front".parse::<Spec>().unwrap_err();
        assert!(format!("{error:#}").contains("'front'"), "{error:#}");
        assert!("".parse::<Spec>().is_err());
    }
}
