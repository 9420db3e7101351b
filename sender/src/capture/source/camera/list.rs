//! Lists the cameras.

use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use nokhwa::utils::{ApiBackend, CameraIndex};
use v4l::Device;
use v4l::capability::Flags;

use super::sys::{self, Capability};

/// A video device that is, or may be, a camera.
#[derive(Debug)]
pub(crate) struct FoundCamera {
    /// Its number, as in `/dev/videoN`.
    pub index: u32,
    /// Its device file.
    pub path: PathBuf,
    /// What it says of itself, or why it could not be asked.
    pub identity: io::Result<CameraIdentity>,
}

/// What tells one camera from another, and stays the same when it is unplugged and plugged in again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CameraIdentity {
    /// What it is called.
    pub name: String,
    /// Where it is plugged in.
    pub bus: String,
}

/// All cameras, by number. A device that is no camera (the metadata node beside each USB camera, a codec, an output) is
/// left out; one that cannot be opened is not, so that the user can be told why.
pub(crate) fn cameras() -> Vec<FoundCamera> {
    let mut indices = indices();
    indices.sort_unstable();
    indices.dedup();
    indices.into_iter().filter_map(found).collect()
}

/// The numbers of all video devices.
///
/// nokhwa panics if something in /dev has an unforeseen name; then every number that there could be is tried.
fn indices() -> Vec<u32> {
    let listed = catch_unwind(|| nokhwa::query(ApiBackend::Video4Linux));
    match listed {
        Ok(Ok(cameras)) => cameras
            .iter()
            .filter_map(|camera| match camera.index() {
                CameraIndex::Index(index) => Some(*index),
                CameraIndex::String(_) => None,
            })
            .collect(),
        _ => (0..MOST_DEVICES).collect(),
    }
}

fn found(index: u32) -> Option<FoundCamera> {
    let path = path_of(index);
    match Device::with_path(&path).and_then(|device| identify(&device)) {
        Ok(Some(identity)) => Some(FoundCamera { index, path, identity: Ok(identity) }),
        Ok(None) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(FoundCamera { index, path, identity: Err(error) }),
    }
}

/// The device file of the camera with this number.
pub(super) fn path_of(index: u32) -> PathBuf {
    Path::new("/dev").join(format!("video{index}"))
}

/// What a device says of itself; `None` if it is no camera that can be streamed from.
pub(super) fn identify(device: &Device) -> io::Result<Option<CameraIdentity>> {
    let Capability { name, bus, flags, .. } = sys::capability(device)?;
    let is_camera =
        flags.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) && !flags.contains(Flags::VIDEO_M2M);
    Ok(is_camera.then_some(CameraIdentity { name, bus }))
}

/// More than a kernel gives numbers to by default for cameras; V4L2 itself ends at 255.
const MOST_DEVICES: u32 = 64;
