//! A folder with one file a frame.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proto::sys::{PICTURES_MODE, replace_whole};

/// Writes `frame-000001.jpg` and so on. A file appears under its name only when it is whole.
#[derive(Debug)]
pub(super) struct FrameFolder {
    path: PathBuf,
    written: u64,
}

impl FrameFolder {
    /// Opens the folder, and makes it if need be. Numbers go on behind those of an earlier recording.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make the folder {shown}"))?;
        let entries = fs::read_dir(path).with_context(|| format!("cannot read the folder {shown}"))?;
        let number = |name: &str| name.strip_prefix("frame-")?.strip_suffix(".jpg")?.parse().ok();
        let last = entries.flatten().filter_map(|entry| number(&entry.file_name().to_string_lossy())).max();
        Ok(Self { path: path.to_owned(), written: last.unwrap_or(0) })
    }

    pub(super) fn write(&mut self, jpeg: &[u8]) -> Result<()> {
        let whole = self.path.join(format!("frame-{:06}.jpg", self.written + 1));
        let partial = self.path.join(".frame.part");
        replace_whole(&whole, &partial, PICTURES_MODE, jpeg)
            .with_context(|| format!("cannot write {}", whole.display()))?;
        self.written += 1;
        Ok(())
    }
}
