//! A file with all frames, one behind the other.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proto::host::Console;

/// An `.mjpeg` file being written.
#[derive(Debug)]
pub(super) struct MjpegFile {
    path: PathBuf,
    file: File,
}

impl MjpegFile {
    /// Makes the file. One that is there is written over, as other recorders do; it is said.
    pub(super) fn create(path: &Path, console: &Console) -> Result<Self> {
        let shown = path.display();
        if path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
            console.say(format_args!("writing over {shown}"));
        }
        let file = File::create(path).with_context(|| format!("cannot write {shown}"))?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(super) fn write(&mut self, jpeg: &[u8]) -> Result<()> {
        self.file.write_all(jpeg).with_context(|| format!("cannot write {}", self.path.display()))
    }
}
