//! The long-term key, and what is derived of it.

use std::fmt;

use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

use super::cipher::{Cipher, SECRET_BYTES, Suite};
use super::code::{self, CODE_BYTES, CodeError};
use super::layout::SALT_BYTES;
use super::phrase::{self, PhraseError};
use crate::seq::SessionId;
use crate::wire::{KEY_ID_BYTES, KeyId};

/// What opens a sender. It is erased from memory when it is dropped, and no message shows it.
#[derive(Clone)]
pub struct Key {
    master: Zeroizing<[u8; SECRET_BYTES]>,
    id: KeyId,
}

impl Key {
    /// The key with these random bytes.
    pub fn from_random(bytes: &[u8; CODE_BYTES]) -> Self {
        Self::of(bytes)
    }

    /// The key that these words stand for: the twelve of a generated code.
    ///
    /// # Errors
    /// Says which word is wrong.
    pub fn from_code(text: &str) -> Result<Self, CodeError> {
        Ok(Self::of(&*code::read(text)?))
    }

    /// The key that comes of a phrase of one's own; it takes a tenth of a second and 64 MiB, so that guessing does too.
    ///
    /// # Errors
    /// If it is guessed too easily.
    pub fn from_phrase(phrase: &str) -> Result<Self, PhraseError> {
        Ok(Self::of(&*phrase::stretch(phrase)?))
    }

    /// The twelve words that stand for these random bytes.
    pub fn code(bytes: &[u8; CODE_BYTES]) -> Zeroizing<String> {
        code::write(bytes)
    }

    /// Whether a word is one of those that codes are made of.
    pub fn is_code_word(word: &str) -> bool {
        code::is_word(word)
    }

    /// What tells it from others.
    pub fn id(&self) -> KeyId {
        self.id
    }

    fn of(secret: &[u8]) -> Self {
        let mut master = Zeroizing::new([0; SECRET_BYTES]);
        fill(&Salt::new(HKDF_SHA256, MASTER).extract(secret), &[b"master"], &mut *master);
        let mut id = [0; KEY_ID_BYTES];
        fill(&Salt::new(HKDF_SHA256, ID).extract(&*master), &[b"id"], &mut id);
        Self { master, id: KeyId::new(id) }
    }

    /// What all keys of one run of a sender are derived of.
    pub(super) fn session(&self, salt: &[u8; SALT_BYTES]) -> SessionSecret {
        SessionSecret(Salt::new(HKDF_SHA256, salt).extract(&*self.master))
    }

    /// What is asked before the sender's session is known is sealed with this.
    pub(super) fn first_request(&self, receiver: u64) -> Cipher {
        self.session(&[0; SALT_BYTES]).up(Suite::ChaCha, SessionId::new(u64::MAX), receiver)
    }
}

/// Of this the keys of a session come.
pub(super) struct SessionSecret(Prk);

impl SessionSecret {
    /// For what the sender says: in this stream, to this receiver (0: to all), from this epoch of its count on.
    pub(super) fn down(&self, suite: Suite, session: SessionId, to: u64, stream: u32, epoch: u32) -> Cipher {
        let (session, to) = (session.get().to_be_bytes(), to.to_be_bytes());
        let (stream, epoch) = (stream.to_be_bytes(), epoch.to_be_bytes());
        self.cipher(suite, &[b"down", &[suite.to_wire()], &session, &to, &stream, &epoch])
    }

    /// For what this receiver says.
    pub(super) fn up(&self, suite: Suite, session: SessionId, receiver: u64) -> Cipher {
        let (session, receiver) = (session.get().to_be_bytes(), receiver.to_be_bytes());
        self.cipher(suite, &[b"up", &[suite.to_wire()], &session, &receiver])
    }

    fn cipher(&self, suite: Suite, info: &[&[u8]]) -> Cipher {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        fill(&self.0, info, &mut *secret);
        Cipher::new(suite, &secret)
    }
}

/// HKDF-Expand (RFC 5869) with what `info` makes when it is put together.
fn fill(prk: &Prk, info: &[&[u8]], out: &mut [u8]) {
    struct Length(usize);
    impl ring::hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let made = prk.expand(info, Length(out.len())).and_then(|made| made.fill(out));
    made.expect("at most 32 bytes are derived at once");
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// The salts of HKDF-Extract for what does not come of a session.
const MASTER: &[u8] = b"chunkcast 2 key";
const ID: &[u8] = b"chunkcast 2 id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_for_one_key_and_no_message_shows_it() {
        let bytes = [7; CODE_BYTES];
        let (key, code) = (Key::from_random(&bytes), Key::code(&bytes));
        assert_eq!(Key::from_code(&code).unwrap().id(), key.id());
        assert_ne!(Key::from_random(&[8; CODE_BYTES]).id(), key.id());
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("Key({})", key.id()));
        assert_eq!(KeyId::parse(&key.id().to_string()), Some(key.id()));
        assert_eq!(KeyId::parse("0011"), None);
    }
}
