//! Which key opens which sender: a receiver remembers it by the sender's name.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use zeroize::Zeroizing;

use super::file::{MOST_BYTES, default_key_file, make_folder, read_secret};
use super::prompt::TypedKey;
use crate::keys::{Key, KeyId};
use crate::names::printable;
use crate::sys::replace_whole;

/// The keys that were typed, with the names of the senders that they open. A name in it is never shown unkeyed again.
#[derive(Debug)]
pub struct KeyStore {
    path: PathBuf,
    entries: Vec<StoredKey>,
}

struct StoredKey {
    /// What the sender calls itself.
    name: String,
    typed: TypedKey,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.name, self.typed.key)
    }
}

impl KeyStore {
    /// The user's own, from its file if there is one; `None` where there is no place for it.
    ///
    /// # Errors
    /// If it cannot be read: what it forbids is not to be forgotten.
    pub fn open() -> Result<Option<Self>> {
        default_key_file(OsStr::new("known-keys")).ok().map(Self::at).transpose()
    }

    /// The one in this file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn at(path: PathBuf) -> Result<Self> {
        if !path.exists() {
            return Ok(Self { path, entries: Vec::new() });
        }
        let text = read_secret(&path)?;
        let entry = |(at, line): (usize, &str)| {
            let (name, text) = line.split_once('\t').unwrap_or_default();
            let typed =
                TypedKey::of_kept(text).with_context(|| format!("{}, line {}", path.display(), at + 1))?;
            Ok(StoredKey { name: name.to_owned(), typed })
        };
        // What has no tab in it is a comment.
        let lines = text.lines().enumerate().filter(|(_, line)| line.contains('\t'));
        let entries = lines.take(MOST_ENTRIES).map(entry).collect::<Result<_>>()?;
        Ok(Self { path, entries })
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All keys, each once.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for entry in &self.entries {
            if keys.iter().all(|key| key.id() != entry.typed.key.id()) {
                keys.push(entry.typed.key.clone());
            }
        }
        keys
    }

    /// The key that a name was opened with last; who has that name without it is somebody else.
    pub fn key_of(&self, name: &str) -> Option<KeyId> {
        let name = printable(name);
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.typed.key.id())
    }

    /// Keeps a key that was typed, for the sender of this name.
    ///
    /// # Errors
    /// If the file cannot be written; then it is known until the program ends.
    pub fn keep(&mut self, name: &str, typed: TypedKey) -> Result<()> {
        let name = printable(name);
        self.entries.retain(|entry| entry.name != name);
        self.entries.truncate(MOST_ENTRIES - 1);
        self.entries.insert(0, StoredKey { name, typed });
        self.write()
    }

    /// Forgets a name; says whether it was known.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn forget(&mut self, name: &str) -> Result<bool> {
        let (name, before) = (printable(name), self.entries.len());
        self.entries.retain(|entry| entry.name != name);
        let was_known = self.entries.len() < before;
        if was_known {
            self.write()?;
        }
        Ok(was_known)
    }

    fn write(&mut self) -> Result<()> {
        let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize));
        text.push_str(HEAD);
        // What does not fit would make the whole file unreadable: those that were kept first go.
        self.entries.retain(|StoredKey { name, typed }| {
            let line = [name, "\t", &typed.kept, "\n"];
            let fits = text.len() + line.iter().map(|part| part.len()).sum::<usize>() < MOST_BYTES as usize;
            line.iter().filter(|_| fits).for_each(|part| text.push_str(part));
            fits
        });
        make_folder(&self.path)?;
        let partial = self.path.with_extension("part");
        let written = replace_whole(&self.path, &partial, 0o600, text.as_bytes());
        written.with_context(|| format!("the key is not kept: {} cannot be written", self.path.display()))
    }
}

const HEAD: &str = "# Keys of Chunkcast senders, by their names. Keep it as you keep passwords.\n";
/// More senders than one network has; each takes 400 bytes.
const MOST_ENTRIES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_by_the_senders_name_and_forgotten_by_it() {
        let path = std::env::temp_dir().join(format!("chunkcast-store-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let codes = [1, 2].map(|byte| TypedKey::read(&Key::code(&[byte; 16])).unwrap());
        let keys = [1, 2].map(|byte| Key::from_random(&[byte; 16]));
        let mut store = KeyStore::at(path.clone()).unwrap();
        store.keep("door", codes[0].clone()).unwrap();
        store.keep("bench\t\n3", codes[1].clone()).unwrap();
        store.keep("door", codes[1].clone()).unwrap();
        let mut store = KeyStore::at(path.clone()).unwrap();
        assert_eq!((store.key_of("door"), store.key_of("line")), (Some(keys[1].id()), None));
        assert_eq!(store.key_of("bench\t\n3"), Some(keys[1].id()));
        assert_eq!(store.keys().len(), 1);
        assert!(store.forget("door").unwrap() && !store.forget("door").unwrap());
        assert_eq!(KeyStore::at(path.clone()).unwrap().key_of("door"), None);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn as_many_names_are_kept_as_there_is_room_for_the_latest_first() {
        let path = std::env::temp_dir().join(format!("chunkcast-many-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let code = TypedKey::read(&Key::code(&[1; 16])).unwrap();
        let mut store = KeyStore::at(path.clone()).unwrap();
        (0..=MOST_ENTRIES).for_each(|number| store.keep(&number.to_string(), code.clone()).unwrap());
        let store = KeyStore::at(path.clone()).unwrap();
        assert_eq!(store.entries.len(), MOST_ENTRIES);
        assert_eq!((store.key_of("0"), store.key_of("1").is_some()), (None, true));
        let phrase = TypedKey::read(&"purple otters juggle ".repeat(40)).unwrap();
        let mut store = store;
        (0..100).for_each(|number| store.keep(&format!("long {number}"), phrase.clone()).unwrap());
        let store = KeyStore::at(path.clone()).expect("it can be read again");
        assert_eq!((store.key_of("long 0"), store.key_of("long 99").is_some()), (None, true));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_phrase_is_stretched_once_and_opens_the_page_as_before() {
        let phrase = "nine purple otters juggle\tin Reykjavik";
        let path = std::env::temp_dir().join(format!("chunkcast-phrase-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        KeyStore::at(path.clone()).unwrap().keep("door", TypedKey::read(phrase).unwrap()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let words = text.trim_end().rsplit_once('\t').unwrap().1;
        // What stands behind the phrase counts, so it was not stretched again.
        let (other, words_of_other) = Key::stretched("eleven green badgers whistle over Lisbon").unwrap();
        std::fs::write(&path, text.replace(words, &words_of_other)).unwrap();
        let key = KeyStore::at(path.clone()).unwrap().keys().remove(0);
        assert!(key.id() == other.id() && key.is_made_of(phrase));
        // One of before, or typed into the file, has only the phrase.
        std::fs::write(&path, format!("door\t{phrase}\n")).unwrap();
        assert_eq!(
            KeyStore::at(path.clone()).unwrap().key_of("door"),
            Some(Key::from_phrase(phrase).unwrap().id())
        );
        std::fs::remove_file(path).unwrap();
    }
}
