//! Names of recorded files.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Zoned;
use proto::sys::create_own;
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Names for files that belong together: `door.mkv`, `door-0002.mkv` and so on. Never one that is taken.
#[derive(Clone, Debug)]
pub(super) struct Names {
    folder: PathBuf,
    stem: OsString,
    extension: String,
    next: u32,
}

impl Names {
    /// `stem` in `folder`.
    pub(super) fn new(folder: &Path, stem: impl Into<OsString>, extension: &str) -> Self {
        Self { folder: folder.to_owned(), stem: stem.into(), extension: extension.to_owned(), next: 1 }
    }

    /// The name that was asked for; behind what is there of an earlier time, so that numbers tell the order.
    pub(super) fn behind_earlier(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        let extension = &*path.extension().unwrap_or_default().to_string_lossy();
        let stem = path.file_stem().unwrap_or_default();
        let mut names = Self::new(folder, stem, extension);
        let text = stem.to_string_lossy();
        for entry in fs::read_dir(folder)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let number = name.strip_prefix(&*text).and_then(|rest| {
                let middle = rest.strip_suffix(extension)?.strip_suffix('.')?;
                if middle.is_empty() { Some(1) } else { middle.strip_prefix('-')?.parse::<u32>().ok() }
            });
            let number = number.filter(|number| *number <= MOST_NUMBER);
            names.next = names.next.max(number.unwrap_or(0).saturating_add(1));
        }
        Ok(names)
    }

    /// Makes the file with the first name that is not taken, by `make`, which is to refuse a name that is.
    pub(super) fn create<T>(
        &mut self,
        mut make: impl FnMut(&Path) -> io::Result<T>,
    ) -> io::Result<(PathBuf, T)> {
        loop {
            let path = self.path(self.next);
            self.next = self.next.checked_add(1).ok_or(ErrorKind::AlreadyExists)?;
            match make(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => return made.map(|made| (path, made)),
            }
        }
    }

    /// The name that was tried last.
    pub(super) fn last(&self) -> PathBuf {
        self.path(self.next.saturating_sub(1))
    }

    fn path(&self, number: u32) -> PathBuf {
        let mut name = self.stem.clone();
        if number > 1 {
            name.push(format!("-{number:04}"));
        }
        name.push(".");
        name.push(&self.extension);
        self.folder.join(name)
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Writes a file that must not exist; it appears under its name only when it is whole.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let mut partial = OsString::from(".");
    partial.push(path.file_name().unwrap_or_default());
    partial.push(".part");
    let partial = path.with_file_name(partial);
    let mut file = create_own(&partial)?;
    let written = file.write_all(bytes).and_then(|()| match rename_new(&partial, path) {
        // Not every file system can refuse to write over; nobody else makes files of this name.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            fs::rename(&partial, path)
        }
        renamed => renamed,
    });
    written.inspect_err(|_| drop(fs::remove_file(&partial)))
}

fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// A sender's name, of which it is not known what is in it, as part of a file's name.
pub(super) fn safe(name: &str) -> String {
    let mut safe = String::new();
    for c in name.chars() {
        let c = if c.is_alphanumeric() || c == '_' { c } else { '-' };
        // Hyphens neither come first nor in rows, and the whole stays far from what a file's name may have.
        let is_more_of_the_same = c == '-' && (safe.is_empty() || safe.ends_with('-'));
        if !is_more_of_the_same && safe.len() + c.len_utf8() <= MOST_NAME_BYTES {
            safe.push(c);
        }
    }
    let safe = safe.trim_end_matches('-');
    if safe.is_empty() { "chunkcast".into() } else { safe.into() }
}

/// The time on this computer's wall, as `YYYYMMDD-HHMMSS`.
pub(super) fn stamp(time: &Zoned) -> String {
    time.strftime("%Y%m%d-%H%M%S").to_string()
}

const MOST_NAME_BYTES: usize = 64;
/// What is larger is a date, or somebody's joke.
const MOST_NUMBER: u32 = 999_999;

/// Makes the folder, if it is not there.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}; choose another by --save-to", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing::TempFolder;

    #[test]
    fn a_stamp_is_what_date_says() {
        for second in [0, 1_000_000_000, 1_785_000_000] {
            let date = std::process::Command::new("date")
                .args(["-d", &format!("@{second}"), "+%Y%m%d-%H%M%S"])
                .output()
                .unwrap();
            let time = jiff::Timestamp::from_second(second).unwrap().to_zoned(jiff::tz::TimeZone::system());
            assert_eq!(stamp(&time), String::from_utf8(date.stdout).unwrap().trim());
        }
    }

    #[test]
    fn a_name_from_the_network_is_a_name_and_no_path() {
        for (name, wanted) in [
            ("bench 3", "bench-3"),
            ("Tür_3", "Tür_3"),
            ("../../etc/passwd", "etc-passwd"),
            ("-rf", "rf"),
            (".hidden", "hidden"),
            ("a\0b\u{1b}[2J\n", "a-b-2J"),
            ("a\u{202e}gpj.exe", "a-gpj-exe"),
            ("", "chunkcast"),
            ("///", "chunkcast"),
        ] {
            assert_eq!(safe(name), wanted);
        }
        assert!(safe(&"ä".repeat(1000)).len() <= MOST_NAME_BYTES);
    }

    #[test]
    fn no_file_is_written_over() {
        let temp = TempFolder::new("names");
        let mut names = Names::new(&temp.0, "a", "jpg");
        for wanted in ["a.jpg", "a-0002.jpg", "a-0003.jpg"] {
            let (path, ()) = names.clone().create(|path| write_whole(path, wanted.as_bytes())).unwrap();
            assert_eq!(path, temp.0.join(wanted));
        }
        assert_eq!(fs::read(temp.0.join("a.jpg")).unwrap(), b"a.jpg");
        let (path, ()) = names.create(|path| write_whole(path, b"")).unwrap();
        assert_eq!(path, temp.0.join("a-0004.jpg"));
        assert_eq!(fs::read_dir(&temp.0).unwrap().count(), 4, "no partial file is left");
    }

    #[test]
    fn numbers_go_on_behind_those_of_an_earlier_recording() {
        let temp = TempFolder::new("earlier");
        let first = |name: &str| {
            let mut names = Names::behind_earlier(&temp.0.join(name)).unwrap();
            names.create(|path| write_whole(path, b"")).unwrap().0
        };
        assert_eq!(first("door.mkv"), temp.0.join("door.mkv"));
        assert_eq!(first("door.mkv"), temp.0.join("door-0002.mkv"));
        fs::remove_file(temp.0.join("door.mkv")).unwrap();
        fs::write(temp.0.join("door-0017.mkv"), "").unwrap();
        fs::write(temp.0.join("door-20261125-160000.mkv"), "").unwrap();
        fs::write(temp.0.join("door-20261125.mkv"), "").unwrap();
        fs::write(temp.0.join("door-x.mkv"), "").unwrap();
        assert_eq!(first("door.mkv"), temp.0.join("door-0018.mkv"));
        assert_eq!(first("doors.mkv"), temp.0.join("doors.mkv"));
        assert_eq!(first("DOOR.MKV"), temp.0.join("DOOR.MKV"));
        assert_eq!(first("DOOR.MKV"), temp.0.join("DOOR-0002.MKV"));
    }
}
