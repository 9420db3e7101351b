//! Generated keys as twelve words, of the English list of BIP 39, whose last word also checks the others.

use bip39::{Language, Mnemonic};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Why some words are no code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CodeError {
    /// There are not twelve words.
    #[error("a code has twelve words; this has {0}")]
    Count(usize),
    /// A word is not in the list. It is not repeated: it may be nearly right.
    #[error("word {0} of the code is none of the list: is it written as it was given?")]
    Word(usize),
    /// All words are in the list, but not together.
    #[error("the words are no code together: one of them is wrong, or they stand in another order")]
    Check,
}

/// The words for some random bytes.
pub(super) fn write(bytes: &[u8; CODE_BYTES]) -> Zeroizing<String> {
    let mut words = Mnemonic::from_entropy_in(Language::English, bytes).expect("16 bytes make twelve words");
    let code = Zeroizing::new(words.to_string());
    words.zeroize();
    code
}

/// The random bytes that some words stand for, in any case and with any white space between them.
pub(super) fn read(text: &str) -> Result<Zeroizing<[u8; CODE_BYTES]>, CodeError> {
    let lower = Zeroizing::new(text.to_lowercase());
    let words = || lower.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let count = words().count();
    if count != WORDS {
        return Err(CodeError::Count(count));
    }
    if let Some(at) = words().position(|word| Language::English.find_word(word).is_none()) {
        return Err(CodeError::Word(at + 1));
    }
    let joined = Zeroizing::new(words().collect::<Vec<_>>().join(" "));
    let mut words =
        Mnemonic::parse_in_normalized(Language::English, &joined).map_err(|_| CodeError::Check)?;
    let (mut entropy, length) = words.to_entropy_array();
    words.zeroize();
    let mut bytes = Zeroizing::new([0; CODE_BYTES]);
    bytes.copy_from_slice(entropy.get(..length.min(CODE_BYTES)).ok_or(CodeError::Check)?);
    entropy.zeroize();
    Ok(bytes)
}

pub(super) fn is_word(word: &str) -> bool {
    Language::English.find_word(word).is_some()
}

/// Random bytes of a generated key.
pub(super) const CODE_BYTES: usize = 16;
const WORDS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_spaced_and_a_slip_is_found() {
        let code = write(&[3; CODE_BYTES]);
        assert_eq!(code.split(' ').count(), WORDS);
        assert_eq!(*read(&code).unwrap(), [3; CODE_BYTES]);
        let shouted = format!("  {}\n", code.to_uppercase().replace(' ', " - "));
        assert_eq!(*read(&shouted).unwrap(), [3; CODE_BYTES]);
        let words: Vec<&str> = code.split(' ').collect();
        assert_eq!(read(&words[..11].join(" ")).unwrap_err(), CodeError::Count(11));
        let with = |at: usize, word| {
            let mut words = words.clone();
            words[at] = word;
            read(&words.join(" ")).unwrap_err()
        };
        assert_eq!(with(4, "chunkcast"), CodeError::Word(5));
        let other = if words[0] == "zoo" { "zone" } else { "zoo" };
        assert_eq!(with(0, other), CodeError::Check);
    }

    #[test]
    fn no_message_repeats_a_word() {
        let error = read("zzz secretword c d e f g h i j k l").unwrap_err().to_string();
        assert!(!error.contains("secretword") && error.contains("word 1"), "{error}");
    }
}
