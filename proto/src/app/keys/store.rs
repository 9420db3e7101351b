//! Which key opens which sender: a receiver remembers it by the sender's name.

use std::path::PathBuf;

use anyhow::Result;
use zeroize::Zeroizing;

use super::name_file::{NameFile, Remembered};
use super::prompt::TypedKey;
use crate::keys::{Key, KeyId};

/// The keys that were typed, with the names of the senders that they open. A name in it is never shown unkeyed again.
#[derive(Debug)]
pub struct KeyStore(NameFile<TypedKey>);

impl Remembered for TypedKey {
    const HEAD: &'static str =
        "# Keys of Chunkcast senders, by their names. Keep it as you keep passwords.\n";
    const WHAT: &'static str = "key";

    fn read(text: &str) -> Result<Self> {
        Self::of_kept(text)
    }

    fn kept(&self) -> Zeroizing<String> {
        self.kept.clone()
    }
}

impl KeyStore {
    /// The user's own, from its file if there is one; `None` where there is no place for it.
    ///
    /// # Errors
    /// If it cannot be read: what it forbids is not to be forgotten.
    pub fn open() -> Result<Option<Self>> {
        let file = NameFile::open("known-keys")?;
        Ok(file.has_place().then_some(Self(file)))
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

    /// All keys, each once.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for typed in self.0.values() {
            if keys.iter().all(|key| key.id() != typed.key.id()) {
                keys.push(typed.key.clone());
            }
        }
        keys
    }

    /// The key that a name was opened with last; who has that name without it is somebody else.
    pub fn key_of(&self, name: &str) -> Option<KeyId> {
        self.0.get(name).map(|typed| typed.key.id())
    }

    /// Keeps a key that was typed, for the sender of this name. Where it is full, the one that was kept first goes.
    ///
    /// # Errors
    /// If the file cannot be written; then it is known until the program ends.
    pub fn keep(&mut self, name: &str, typed: TypedKey) -> Result<()> {
        self.0.keep(name, typed)
    }

    /// Forgets a name; says whether it was known.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn forget(&mut self, name: &str) -> Result<bool> {
        self.0.forget(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::name_file::MOST_NAMES;
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
        (0..=MOST_NAMES).for_each(|number| store.keep(&number.to_string(), code.clone()).unwrap());
        let store = KeyStore::at(path.clone()).unwrap();
        assert_eq!(store.0.count(), MOST_NAMES);
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
