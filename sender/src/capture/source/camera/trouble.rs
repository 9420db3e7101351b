//! Why a camera gives nothing, and what to do about it.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

/// Why there are no pictures.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no such device, or not any more.
    Missing,
    /// Another program is streaming from it.
    Busy,
    /// This user may not open it.
    Forbidden,
    /// It is a video device but none that captures pictures.
    NoCamera,
    /// It has no format that can be used; these it has.
    NoFormat(Vec<String>),
    /// It runs but gave no whole picture for this long, and this many damaged ones.
    Silent(Duration, u64),
    /// Something else failed.
    Failed(io::Error),
}

impl Trouble {
    /// What to tell the user of the camera with this device file, when it cannot be opened at the start.
    pub(super) fn at_start(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Missing => format!("there is no camera {path}; {WAY_OUT}"),
            _ => self.of(&format!("camera {path}"), &path.to_string()),
        }
    }

    /// What to tell the user of a camera that gave pictures before; it is tried again by itself.
    pub(super) fn later(&self, name: &str, path: &Path) -> String {
        let camera = format!("camera {} ({name})", path.display());
        match self {
            Self::Missing => format!("{camera} is not plugged in; waiting for it to come back"),
            Self::Failed(error) => format!("{camera} failed: {error}; reopening it"),
            _ => self.of(&camera, &path.display().to_string()),
        }
    }

    fn of(&self, camera: &str, path: &str) -> String {
        match self {
            Self::Missing => format!("{camera} is not there; {WAY_OUT}"),
            Self::Busy => format!(
                "{camera} is in use by another program: `fuser -v {path}` names it. \
                 Close it, or choose another camera with --source camera:N"
            ),
            Self::Forbidden => format!(
                "no permission to open {camera}: add yourself to group video \
                 (`sudo usermod -aG video $USER`) and log in again"
            ),
            Self::NoCamera => {
                format!("{path} is no camera that pictures can be streamed from; {WAY_OUT}")
            }
            Self::NoFormat(offered) => format!(
                "{camera} has no format that can be used (it has {}; MJPEG, YUYV, NV12, YUV 4:2:0, grey, RGB and \
                 BGR can be); choose another with --source camera:N",
                if offered.is_empty() { "none".to_owned() } else { offered.join(", ") }
            ),
            Self::Silent(time, 0) => {
                format!("{camera} gives no pictures for {} s; reopening it", time.as_secs_f32())
            }
            Self::Silent(time, damaged) => format!(
                "{camera} gives no whole pictures for {} s, only {damaged} damaged; reopening it",
                time.as_secs_f32()
            ),
            Self::Failed(error) => {
                format!(
                    "cannot open {camera}: {error}. Try --size or --fps, or unplug it and plug it in again"
                )
            }
        }
    }

    /// Whether the two are of one kind, so that the second need not be told in the same outage.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NODEV | Errno::NXIO | Errno::NOENT) => Self::Missing,
            Some(Errno::BUSY) => Self::Busy,
            Some(Errno::ACCESS | Errno::PERM) => Self::Forbidden,
            // Not a video device at all.
            Some(Errno::NOTTY) => Self::NoCamera,
            _ => Self::Failed(error),
        }
    }
}

/// What to do without a camera.
pub(super) const WAY_OUT: &str =
    "list the cameras with `sender cameras`, or send the test card with --source pattern";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_become_advice() {
        let path = Path::new("/dev/video3");
        let said = |code: Errno| Trouble::from(io::Error::from(code)).at_start(path);
        assert!(said(Errno::NOENT).contains("`sender cameras`"));
        assert!(said(Errno::BUSY).contains("fuser -v /dev/video3"));
        assert!(said(Errno::ACCESS).contains("group video"));
        assert!(said(Errno::IO).contains("--size"));
    }
}
