//! A receiver's file of known keys with anything in it: it is read, or refused without repeating what is in it; and what
//! is kept in it then is read back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use proto::app::keys::{KeyStore, TypedKey};
use proto::keys::Key;

use super::phrases::SHORT;
use super::{Bytes, repeated, scratch};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let count = bytes.below(40);
    let name = String::from_utf8_lossy(bytes.take(count)).into_owned();
    let file = bytes.0;
    let text = String::from_utf8_lossy(file);
    if text.lines().any(takes_long) {
        return;
    }
    let path = scratch("known-keys");
    fs::write(&path, file).expect("there is room for it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    match KeyStore::at(path.clone()) {
        Err(error) => {
            let said = format!("{error:#}").replace(&*path.to_string_lossy(), "");
            for (_, key) in text.lines().filter_map(|line| line.split_once('\t')) {
                assert_eq!(repeated(&said, key), None, "{said}");
            }
        }
        Ok(mut store) => {
            assert!(store.keys().len() <= MOST_ENTRIES);
            store.keep(&name, CODE.clone()).expect("it can be written");
            let mut again = KeyStore::at(path.clone()).expect("what was written can be read");
            assert_eq!(again.key_of(&name), Some(CODE.key().id()));
            assert!(again.forget(&name).expect("it can be written"));
            assert_eq!(KeyStore::at(path.clone()).expect("it can be read").key_of(&name), None);
        }
    }
    fs::remove_file(path).expect("it is ours");
}

/// Whether a line may have a phrase that is stretched, for a tenth of a second: shorter ones are guessed easily, and
/// what is nearly a code is refused as one.
fn takes_long(line: &str) -> bool {
    let Some((_, key)) = line.split_once('\t') else { return false };
    let is_kept =
        || key.rsplit_once('\t').is_some_and(|(phrase, words)| Key::from_stretched(words, phrase).is_ok());
    let words = || key.split_whitespace();
    let is_like_a_code =
        words().count() == 12 && words().filter(|word| !Key::is_code_word(word)).count() <= 2;
    key.trim().chars().count() > SHORT && !is_like_a_code && !is_kept()
}

static CODE: LazyLock<TypedKey> =
    LazyLock::new(|| TypedKey::read(&Key::code(&[7; 16])).expect("it is a code"));

const MOST_ENTRIES: usize = 256;
