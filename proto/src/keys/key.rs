//! The long-term key, and what is derived of it.

use std::fmt;

use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::hmac::{self, HMAC_SHA256};
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
    /// Of the code or phrase that it was made of.
    tag: hmac::Tag,
}

impl Key {
    /// The key with these random bytes.
    pub fn from_random(bytes: &[u8; CODE_BYTES]) -> Self {
        Self::of(bytes, bytes)
    }

    /// The key that these words stand for: the twelve of a generated code.
    ///
    /// # Errors
    /// Says which word is wrong.
    pub fn from_code(text: &str) -> Result<Self, CodeError> {
        Ok(Self::from_random(&*code::read::<CODE_BYTES>(text)?))
    }

    /// The key that comes of a phrase of one's own; it takes a tenth of a second and 64 MiB, so that guessing does too.
    ///
    /// # Errors
    /// If it is guessed too easily.
    pub fn from_phrase(phrase: &str) -> Result<Self, PhraseError> {
        Ok(Self::stretched(phrase)?.0)
    }

    /// The same, and the 24 words that stand for what it comes to.
    ///
    /// # Errors
    /// If it is guessed too easily.
    pub fn stretched(phrase: &str) -> Result<(Self, Zeroizing<String>), PhraseError> {
        let secret = phrase::stretch(phrase)?;
        Ok((Self::of(&*secret, &compared(phrase)), code::write(&*secret)))
    }

    /// The key of a phrase that was stretched to these 24 words before.
    ///
    /// # Errors
    /// Says which word is wrong.
    pub fn from_stretched(words: &str, phrase: &str) -> Result<Self, CodeError> {
        Ok(Self::of(&*code::read::<SECRET_BYTES>(words)?, &compared(phrase)))
    }

    /// The twelve words that stand for these random bytes.
    pub fn code(bytes: &[u8; CODE_BYTES]) -> Zeroizing<String> {
        code::write(bytes)
    }

    /// Whether it was made of this code or phrase.
    ///
    /// A phrase is not stretched for that, which would cost whoever is asked more than whoever asks: what is compared
    /// is a keyed hash of the text. It takes as long for any two texts of one length: what is done before the hash
    /// depends on the text alone, and two hashes are compared in constant time.
    pub fn is_made_of(&self, text: &str) -> bool {
        hmac::verify(&tagging(&self.master), &compared(text), self.tag.as_ref()).is_ok()
    }

    /// Whether a word is one of those that codes are made of.
    pub fn is_code_word(word: &str) -> bool {
        code::is_word(word)
    }

    /// What tells it from others.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key of a secret that came of this text.
    fn of(secret: &[u8], text: &[u8]) -> Self {
        let mut master = Zeroizing::new([0; SECRET_BYTES]);
        fill(&Salt::new(HKDF_SHA256, MASTER).extract(secret), &[b"master"], &mut *master);
        let mut id = [0; KEY_ID_BYTES];
        fill(&Salt::new(HKDF_SHA256, ID).extract(&*master), &[b"id"], &mut id);
        let tag = hmac::sign(&tagging(&master), text);
        Self { master, id: KeyId::new(id), tag }
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

/// What is compared of a text: a code's bytes, however it is spaced, or a phrase's letters.
fn compared(text: &str) -> Zeroizing<Vec<u8>> {
    let code = code::read::<CODE_BYTES>(text);
    Zeroizing::new(code.map_or_else(|_| text.trim().as_bytes().to_vec(), |bytes| bytes.to_vec()))
}

/// Tags a key's text.
fn tagging(master: &[u8; SECRET_BYTES]) -> hmac::Key {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    fill(&Salt::new(HKDF_SHA256, TEXT).extract(master), &[b"text"], &mut *secret);
    hmac::Key::new(HMAC_SHA256, &*secret)
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
const TEXT: &[u8] = b"chunkcast 2 text";

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

    #[test]
    fn a_key_knows_the_text_that_it_was_made_of_and_no_other() {
        let bytes = [7; CODE_BYTES];
        let code = Key::code(&bytes);
        for key in [Key::from_random(&bytes), Key::from_code(&code).unwrap()] {
            assert!(key.is_made_of(&code) && key.is_made_of(&code.replace(' ', "-").to_uppercase()));
            let words: Vec<&str> = code.split(' ').collect();
            for wrong in ["", &words[..11].join(" "), &Key::code(&[8; CODE_BYTES]), "\u{7}\u{7}\u{7}"] {
                assert!(!key.is_made_of(wrong), "{wrong}");
            }
        }
        let phrase = "nine purple otters juggle in Reykjavik";
        let key = Key::from_phrase(phrase).unwrap();
        assert!(key.is_made_of(phrase) && key.is_made_of(&format!(" {phrase}\n")));
        assert!(!key.is_made_of("nine purple otters juggle in Reykjavi") && !key.is_made_of(&code));
    }
}
