//! Opens files for writing: never blocking, and never through another user's link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// What a path that a person named leads to.
#[derive(Debug)]
pub enum OpenedPath {
    /// A file that is empty now, or a device.
    File(File),
    /// A named pipe that somebody reads. Writing to it never blocks.
    Pipe(File),
    /// A named pipe that nobody reads yet.
    Unread,
}

/// Opens what a person named for writing: a file is emptied, or made with `mode` as far as the user's mask allows.
/// Nobody is waited for, whatever it is.
///
/// A link is followed if it was made by this user, by root, or by whoever has the folder: another user's could lead to
/// what is not to be written over.
///
/// # Errors
/// The system's, or that a link is another user's.
pub fn open_target(path: &Path, mode: u32) -> io::Result<OpenedPath> {
    refuse_links_of_others(path)?;
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode).custom_flags(flags);
    match options.open(path) {
        Ok(file) if file.metadata()?.file_type().is_fifo() => Ok(OpenedPath::Pipe(file)),
        Ok(file) => {
            // Whoever writes to anything else may wait as usual.
            fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
            Ok(OpenedPath::File(file))
        }
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) && is_pipe(path) => {
            Ok(OpenedPath::Unread)
        }
        Err(error) => Err(error),
    }
}

/// Whether it is a named pipe, as far as that can be told.
pub fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Makes a file for pictures under a name that the program has chosen. Nothing may be there yet, not even a link.
///
/// # Errors
/// The system's.
pub fn create_own(path: &Path) -> io::Result<File> {
    create(path, PICTURES_MODE)
}

/// Writes `bytes` to the file `partial`, which then is called `path`: whoever reads that sees all of it or nothing.
/// What had these names before is gone; where it led to, if it was a link, is as before.
///
/// # Errors
/// The system's; then no part of it is left.
pub fn replace_whole(path: &Path, partial: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = create(partial, mode)?.write_all(bytes).and_then(|()| fs::rename(partial, path));
    written.inspect_err(|_| drop(fs::remove_file(partial)))
}

/// The same, but what is called `path` already stays ([`ErrorKind::AlreadyExists`]): of two programs that begin together
/// one makes it, and the other finds it whole.
///
/// # Errors
/// The system's; then no part of it is left.
pub fn make_whole(path: &Path, partial: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(partial, mode)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| name_new(partial, path));
    written.inspect_err(|_| drop(fs::remove_file(partial)))
}

/// Calls the file `partial` `path` instead, if nothing is called so.
fn name_new(partial: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, partial, CWD, path, RenameFlags::NOREPLACE) {
        // Not every file system knows that (NFS); those that do not have links.
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(partial, path)?;
            fs::remove_file(partial)
        }
        named => Ok(named?),
    }
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn refuse_links_of_others(path: &Path) -> io::Result<()> {
    let link = match path.symlink_metadata() {
        Ok(link) if link.file_type().is_symlink() => link,
        _ => return Ok(()),
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let owners = [rustix::process::geteuid().as_raw(), 0, folder.metadata()?.uid()];
    if owners.contains(&link.uid()) {
        return Ok(());
    }
    let why = "it is a link that another user has made; remove it, or write to what it leads to";
    Err(io::Error::new(ErrorKind::PermissionDenied, why))
}

/// For the user and the group: pictures of a camera are not everybody's.
pub const PICTURES_MODE: u32 = 0o640;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("chunkcast-files-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_named_pipe_is_opened_once_somebody_reads_it_and_a_file_is_emptied() {
        let folder = Folder::new("targets");
        let (pipe, file) = (folder.0.join("pipe"), folder.0.join("file"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(is_pipe(&pipe) && matches!(open_target(&pipe, PICTURES_MODE).unwrap(), OpenedPath::Unread));
        let mut reader = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&pipe)
            .unwrap();
        let OpenedPath::Pipe(mut opened) = open_target(&pipe, PICTURES_MODE).unwrap() else {
            panic!("somebody reads it")
        };
        opened.write_all(b"abc").unwrap();
        let mut read = [0; 3];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"abc");

        fs::write(&file, "before").unwrap();
        assert!(matches!(open_target(&file, PICTURES_MODE).unwrap(), OpenedPath::File(_)) && !is_pipe(&file));
        assert_eq!(fs::read(&file).unwrap(), b"");
        assert!(matches!(open_target(Path::new("/dev/null"), PICTURES_MODE).unwrap(), OpenedPath::File(_)));
        assert!(
            open_target(&folder.0, PICTURES_MODE).is_err()
                && open_target(&folder.0.join("no/such"), PICTURES_MODE).is_err()
        );
    }

    #[test]
    fn no_name_of_ours_is_written_through_a_link() {
        let folder = Folder::new("links");
        let (theirs, name, partial) =
            (folder.0.join("theirs"), folder.0.join("a.jpg"), folder.0.join(".part"));
        fs::write(&theirs, "theirs").unwrap();
        symlink(&theirs, &partial).unwrap();
        symlink(&theirs, &name).unwrap();
        assert_eq!(create_own(&name).unwrap_err().kind(), ErrorKind::AlreadyExists);
        replace_whole(&name, &partial, PICTURES_MODE, b"ours").unwrap();
        assert_eq!(
            (fs::read(&theirs).unwrap(), fs::read(&name).unwrap()),
            (b"theirs".to_vec(), b"ours".to_vec())
        );
        let metadata = name.symlink_metadata().unwrap();
        assert!(metadata.is_file() && metadata.permissions().mode() & 0o037 == 0, "{metadata:?}");
        assert!(!partial.exists());
    }

    #[test]
    fn a_link_is_followed_unless_another_user_made_it() {
        let folder = Folder::new("whose");
        let (target, link) = (folder.0.join("target"), folder.0.join("link"));
        symlink(&target, &link).unwrap();
        assert!(
            matches!(open_target(&link, PICTURES_MODE).unwrap(), OpenedPath::File(_)) && target.is_file(),
            "our own"
        );
        // Only root can make a link another user's.
        let other = Some(54321);
        if std::os::unix::fs::lchown(&link, other, other).is_ok() {
            let error = open_target(&link, PICTURES_MODE).unwrap_err();
            assert!(error.to_string().contains("another user"), "{error}");
        }
    }
}
