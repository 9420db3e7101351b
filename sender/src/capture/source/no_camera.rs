//! In place of cameras, in a sender that was built without them.

use super::{Source, WantedMode, Which};

/// Says that there are no cameras.
///
/// # Errors
/// Always.
pub(crate) fn open(_: Which, _: WantedMode) -> anyhow::Result<Box<dyn Source>> {
    anyhow::bail!(
        "this sender was built without cameras (the feature \"camera\"); use --source pattern, - or a path, or let ffmpeg \
         take the camera: ffmpeg -f v4l2 -i /dev/video0 -f mjpeg - | sender --source -"
    )
}
