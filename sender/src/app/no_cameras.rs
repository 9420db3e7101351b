//! In place of the list of cameras, in a sender that was built without them.

use std::io::Write;

use proto::app::Checklist;

/// Says that there are none.
///
/// # Errors
/// If nobody reads it.
pub fn list_cameras(out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "This sender was built without cameras (the feature \"camera\").")?;
    writeln!(out, "Send the test card, a file or a pipe: --source pattern, a path, or -")?;
    Ok(())
}

/// There is none to be looked at.
#[allow(clippy::unnecessary_wraps, reason = "it stands for one that can fail")]
pub(super) fn check_cameras(_: &mut Checklist<'_>) -> anyhow::Result<()> {
    Ok(())
}
