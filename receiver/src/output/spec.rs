//! What `--output` can be.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// Where frames go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OutputSpec {
    /// A window on the screen.
    #[default]
    Window,
    /// Nowhere: frames are received and counted.
    None,
    /// JPEG frames, one behind the other, to standard output.
    Frames,
    /// Decoded pictures as a Y4M stream to standard output.
    Y4m,
    /// One `.jpg` file a frame in this folder.
    Folder(PathBuf),
    /// All frames in this file, one behind the other.
    File(PathBuf),
    /// All frames in this Matroska file and its successors, with their times.
    Matroska(PathBuf),
}

/// The text names no output.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "'{0}' is no output; it can be: window, none, - (JPEG frames to standard output), y4m:- (decoded pictures to \
     standard output), FOLDER/ (one .jpg per frame; the slash makes a new folder), FILE.mkv or FILE.mjpeg"
)]
pub struct SpecError(String);

impl OutputSpec {
    /// Whether it writes to standard output, which then is no place for anything else.
    pub fn is_standard_output(&self) -> bool {
        matches!(self, Self::Frames | Self::Y4m)
    }

    /// Whether it is one that [`Outputs`](super::Outputs) writes.
    pub(super) fn has_writer(&self) -> bool {
        !matches!(self, Self::Window | Self::None)
    }
}

impl FromStr for OutputSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::try_from(OsStr::new(text))
    }
}

impl TryFrom<&OsStr> for OutputSpec {
    type Error = SpecError;

    /// A path can be any bytes.
    fn try_from(text: &OsStr) -> Result<Self, SpecError> {
        let path = Path::new(text);
        match text.to_str() {
            Some("window") => return Ok(Self::Window),
            Some("none") => return Ok(Self::None),
            Some("-") => return Ok(Self::Frames),
            Some("y4m:-") => return Ok(Self::Y4m),
            _ => {}
        }
        if text.as_bytes().ends_with(b"/") || path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let is =
            |known: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(known));
        if is("mjpeg") || is("mjpg") {
            Ok(Self::File(path.to_owned()))
        } else if is("mkv") {
            Ok(Self::Matroska(path.to_owned()))
        } else {
            Err(SpecError(text.to_string_lossy().into_owned()))
        }
    }
}

impl fmt::Display for OutputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window => f.write_str("window"),
            Self::None => f.write_str("none"),
            Self::Frames => f.write_str("-"),
            Self::Y4m => f.write_str("y4m:-"),
            Self::Folder(path) | Self::File(path) | Self::Matroska(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_output_has_its_words() {
        for (text, spec) in [
            ("window", OutputSpec::Window),
            ("none", OutputSpec::None),
            ("-", OutputSpec::Frames),
            ("y4m:-", OutputSpec::Y4m),
            ("shots/", OutputSpec::Folder("shots/".into())),
            ("/", OutputSpec::Folder("/".into())),
            ("a/b.mjpeg", OutputSpec::File("a/b.mjpeg".into())),
            ("a/b.mkv", OutputSpec::Matroska("a/b.mkv".into())),
            ("A.MKV", OutputSpec::Matroska("A.MKV".into())),
            ("A.Mjpeg", OutputSpec::File("A.Mjpeg".into())),
            ("A.MJPG", OutputSpec::File("A.MJPG".into())),
        ] {
            assert_eq!(text.parse(), Ok(spec.clone()));
            assert_eq!(spec.to_string(), text);
        }
    }

    #[test]
    fn a_path_can_be_any_bytes() {
        let name = OsStr::from_bytes(b"t\xfcr.mkv");
        assert_eq!(OutputSpec::try_from(name), Ok(OutputSpec::Matroska(name.into())));
        assert_eq!(
            OutputSpec::try_from(OsStr::from_bytes(b"\xfc/")),
            Ok(OutputSpec::Folder(OsStr::from_bytes(b"\xfc/").into()))
        );
        assert!(OutputSpec::try_from(OsStr::from_bytes(b"\xfc")).is_err());
    }

    #[test]
    fn anything_else_is_told_what_there_is() {
        for text in ["", "windows", "y4m:out", "movie.avi", "no/such/folder"] {
            let error = text.parse::<OutputSpec>().unwrap_err().to_string();
            assert!(error.contains("FOLDER/") && error.contains("y4m:-"), "{error}");
        }
    }
}
