//! Key files: a code or a phrase a line, for their owner's eyes only.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use zeroize::Zeroizing;

use super::prompt::read_key;
use crate::keys::Key;
use crate::sys::{make_whole, random_bytes};

/// The keys in a file, at least one. Empty lines, and those that begin with #, are passed over.
///
/// # Errors
/// If it cannot be read, others can read it, or a line is no key, with the way out.
pub fn read_key_file(path: &Path) -> Result<Vec<Key>> {
    let shown = path.display();
    let text = read_secret(path)?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(|(at, line)| read_key(line).with_context(|| format!("{shown}, line {}", at + 1)));
    let keys = keys.take(MOST_KEYS).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() {
        bail!("{shown} has no key in it; make one: sender key new --key-file {shown}");
    }
    Ok(keys)
}

/// What is in a file that nobody but its owner may read.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>> {
    let shown = path.display();
    let open = || {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    let file = open().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            anyhow!("there is no key file {shown}; make one: sender key new --key-file {shown}")
        }
        _ => anyhow!("the key file {shown} cannot be read: {error}"),
    })?;
    let about = file.metadata().with_context(|| format!("the key file {shown}"))?;
    if !about.is_file() {
        bail!("{shown} is no file; a key file has the code of twelve words in it");
    }
    // Credentials of systemd may be read by the service's group, which nobody else is in.
    let others = about.mode() & 0o077;
    if others & !0o040 != 0 || (others != 0 && about.uid() != 0) {
        bail!("others on this computer may read or change {shown}; keep it to yourself: chmod 600 {shown}");
    }
    let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize));
    let read = File::take(file, MOST_BYTES).read_to_string(&mut text);
    let read = read.map_err(|_| anyhow!("{shown} is no key file: it has bytes in it that are no text"))?;
    if read as u64 == MOST_BYTES {
        bail!("{shown} is too large for a key file");
    }
    Ok(text)
}

/// Makes a key file with this code. What is there already is kept.
///
/// # Errors
/// If there is something already, or the system refuses.
pub fn write_key_file(path: &Path, code: &str) -> Result<()> {
    let shown = path.display();
    make_key_file(path, code).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("{shown} is there already, and is kept: name another file, or remove it first")
        }
        _ => anyhow!("the key file {shown} cannot be made: {error}"),
    })
}

/// The same, for who takes what is there already.
pub(super) fn make_key_file(path: &Path, code: &str) -> io::Result<()> {
    make_secret(path, &Zeroizing::new(format!("{HEAD}{code}\n")))
}

/// Makes a file for its owner's eyes only, as [`make_whole`] does.
pub(super) fn make_secret(path: &Path, text: &str) -> io::Result<()> {
    let unique = u64::from_ne_bytes(random_bytes().map_err(io::Error::other)?);
    let partial = path.with_extension(format!("{unique:016x}.part"));
    make_whole(path, &partial, 0o600, text.as_bytes())
}

/// The words that stand for a new key's random bytes.
pub fn new_code(bytes: &[u8; 16]) -> Zeroizing<String> {
    Key::code(bytes)
}

/// Where a program keeps a file of keys if it is told no other place.
///
/// # Errors
/// If there is no place.
pub fn default_key_file(name: &OsStr) -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // systemd has made it for the service alone (systemd.exec(5)).
    let folder = variable("STATE_DIRECTORY").or_else(|| {
        let config = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        Some(config?.join("chunkcast"))
    });
    let folder = folder.context("there is no home folder to keep keys in; name a place: --key-file FILE")?;
    Ok(folder.join(name))
}

/// Makes the folder of a [`default_key_file`], if it is not there.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))
}

const HEAD: &str = "# A Chunkcast key. Whoever has it looks and speaks: keep it as you keep a password.\n";
/// One for each sender that can be told apart in a window, many times over.
const MOST_KEYS: usize = 256;
pub(super) const MOST_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("chunkcast-keys-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_key_file_is_made_once_and_read_again_and_is_its_owners_alone() {
        let folder = folder("made");
        let path = folder.join("door.key");
        let code = new_code(&[5; 16]);
        write_key_file(&path, &code).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_key_file(&path).unwrap()[0].id(), Key::from_code(&code).unwrap().id());
        let error = write_key_file(&path, &code).unwrap_err().to_string();
        assert!(error.contains("there already") && !error.contains(&**code), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_key_file_is_refused_with_the_way_out() {
        let folder = folder("refused");
        let path = folder.join("door.key");
        let refused = || format!("{:#}", read_key_file(&path).unwrap_err());
        assert!(refused().contains("sender key new"), "{}", refused());
        let put = |bytes: &[u8], mode| {
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        put(b"# nothing\n\n", 0o600);
        assert!(refused().contains("no key in it"), "{}", refused());
        put(b"abandon abandon\n", 0o600);
        assert!(refused().contains("line 1") && !refused().contains("abandon"), "{}", refused());
        put(b"\xff\xfe", 0o600);
        assert!(refused().contains("no text"), "{}", refused());
        put(&[b'a'; 70_000], 0o600);
        assert!(refused().contains("too large"), "{}", refused());
        put(new_code(&[1; 16]).as_bytes(), 0o604);
        assert!(refused().contains("chmod 600"), "{}", refused());
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
        assert!(refused().contains("is no file"), "{}", refused());
        fs::remove_dir_all(folder).unwrap();
    }
}
