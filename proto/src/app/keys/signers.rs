//! Who signs whose pictures: a receiver remembers it by the sender's name; and the key that a sender signs with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use zeroize::Zeroizing;

use super::file::{make_folder, make_secret, read_secret};
use super::name_file::{NameFile, Remembered};
use crate::keys::SigningKey;
use crate::names::printable;
use crate::sys::random_bytes;
use crate::wire::{Signer, parse_hex, write_hex};

/// The key in this file, which is made if it is not there.
///
/// # Errors
/// If it cannot be read or made, others can read it, or it is no such key, with the way out.
pub fn signing_key(path: &Path) -> Result<SigningKey> {
    let shown = path.display();
    if !path.exists() {
        let seed = Zeroizing::new(random_bytes::<32>()?);
        make_folder(path)?;
        match make_secret(path, &Zeroizing::new(format!("{SIGNING_HEAD}{KIND}{}\n", *hex(&*seed)))) {
            Ok(()) => {
                tracing::info!("a signing key was made: {shown}. Receivers know this sender by it: keep it");
            }
            // Another sender has just made it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => bail!("the signing key {shown} cannot be made: {error}"),
        }
    }
    let text = read_secret(path)?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let seed = lines.next().and_then(|line| line.trim().strip_prefix(KIND)).and_then(parse_hex);
    let seed = seed.map(Zeroizing::new).ok_or_else(|| {
        anyhow!("{shown} has no signing key in it; name a file that is not there, and one is made")
    })?;
    Ok(SigningKey::from_seed(&seed))
}

/// Who signed last under which name. A name in it is not shown with pictures of anybody else.
#[derive(Debug)]
pub struct SignerStore(NameFile<Signer>);

impl Remembered for Signer {
    const HEAD: &'static str = "# Who signs the pictures of Chunkcast senders, by their names.\n";
    const WHAT: &'static str = "signer";

    fn read(text: &str) -> Result<Self> {
        parse_hex(text.trim()).map(Self::new).context("that is no signer; remove the line")
    }

    fn kept(&self) -> Zeroizing<String> {
        hex(self.as_bytes())
    }
}

impl SignerStore {
    /// The user's own, from its file if there is one. Where there is no place for it, it is known until the program
    /// ends.
    ///
    /// # Errors
    /// If it cannot be read: what it forbids is not to be forgotten.
    pub fn open() -> Result<Self> {
        NameFile::open("known-signers").map(Self)
    }

    /// The one in this file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn at(path: PathBuf) -> Result<Self> {
        NameFile::at(path).map(Self)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.count() == 0
    }

    /// Who signed under this name.
    pub fn signer_of(&self, name: &str) -> Option<Signer> {
        self.0.get(name).copied()
    }

    /// Remembers who signs under this name. Where it is full, no other name is forgotten for it: whoever makes up names
    /// would so free the one that he wants.
    ///
    /// # Errors
    /// If it is full; or if the file cannot be written, and then it is known until the program ends.
    pub fn keep(&mut self, name: &str, signer: Signer) -> Result<()> {
        if self.0.get(name).is_none() && self.0.count() >= MOST_SIGNERS {
            let name = printable(name);
            bail!(
                "who signs for {name:?} is not remembered: {MOST_SIGNERS} names are; receiver --forget NAME"
            );
        }
        self.0.keep(name, signer)
    }

    /// Forgets a name; says whether it was known.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn forget(&mut self, name: &str) -> Result<bool> {
        self.0.forget(name)
    }
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    write_hex(&mut *text, bytes).expect("a string takes all");
    text
}

const KIND: &str = "ed25519 ";
const SIGNING_HEAD: &str =
    "# A Chunkcast signing key. Whoever has it can speak as this sender: keep it as you keep a password.\n";
/// More senders than one network has; with the longest names they fit into what is read again.
const MOST_SIGNERS: usize = 200;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("chunkcast-signers-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn a_signing_key_is_made_once_and_is_the_same_from_then_on() {
        let folder = folder("made");
        let path = folder.join("door.sign");
        let made = signing_key(&path).unwrap().signer();
        assert_eq!(signing_key(&path).unwrap().signer(), made);
        assert_ne!(signing_key(&folder.join("bench.sign")).unwrap().signer(), made);
        for text in ["", "ed25519 12\n", "abandon abandon\n", "ed25519 é0\n"] {
            fs::write(&path, text).unwrap();
            let error = signing_key(&path).unwrap_err().to_string();
            assert!(error.contains("no signing key in it"), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn senders_that_begin_at_once_sign_with_one_key() {
        let folder = folder("at-once");
        let path = folder.join("door.sign");
        let made = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| signing_key(&path).map(|key| key.signer()))).collect();
            makers.into_iter().map(|maker| maker.join().unwrap().unwrap()).collect::<Vec<_>>()
        });
        assert!(made.iter().all(|signer| *signer == made[0]), "{made:?}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_signer_is_kept_by_the_senders_name_and_forgotten_by_it() {
        let folder = folder("kept");
        let path = folder.join("known-signers");
        let [one, other] = [1, 2].map(|byte| Signer::new([byte; 32]));
        let mut store = SignerStore::at(path.clone()).unwrap();
        assert!(store.is_empty());
        store.keep("door", one).unwrap();
        store.keep("bench\t\n3", one).unwrap();
        store.keep("door", other).unwrap();
        let mut store = SignerStore::at(path.clone()).unwrap();
        assert_eq!((store.signer_of("door"), store.signer_of("line")), (Some(other), None));
        assert_eq!(store.signer_of("bench\t\n3"), Some(one));
        assert!(store.forget("door").unwrap() && !store.forget("door").unwrap());
        assert_eq!(SignerStore::at(path.clone()).unwrap().signer_of("door"), None);
        // Names that somebody makes up push none out, and the file can be read again.
        let longest = |number: usize| format!("{number:03}{}", "\u{7}".repeat(61));
        let kept =
            (0..2 * MOST_SIGNERS).filter(|number| store.keep(&longest(*number), other).is_ok()).count();
        assert_eq!(kept, MOST_SIGNERS - 1);
        let store = SignerStore::at(path.clone()).unwrap();
        assert_eq!((store.0.count(), store.signer_of("bench\t\n3")), (MOST_SIGNERS, Some(one)));
        fs::write(&path, "door\tnobody\n").unwrap();
        assert!(SignerStore::at(path).unwrap_err().to_string().contains("line 1"));
        fs::remove_dir_all(folder).unwrap();
    }
}
