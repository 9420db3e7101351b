//! Secrets as words: a generated key as twelve, a stretched phrase as 24, of the English list of BIP 39, whose last word
//! also checks the others.

use bip39::{Language, Mnemonic};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Why some words are no code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CodeError {
    /// There are more or fewer words.
    #[error("a code has twelve words; this has {0}")]
    Count(usize),
    /// A word is not in the list. It is not repeated: it may be nearly right.
    #[error("word {0} of the code is none of the list: is it written as it was given?")]
    Word(usize),
    /// All words are in the list, but not together.
    #[error("the words are no code together: one of them is wrong, or they stand in another order")]
    Check,
}

/// The words for some bytes: 16 or 32.
pub(super) fn write(bytes: &[u8]) -> Zeroizing<String> {
    let mut words =
        Mnemonic::from_entropy_in(Language::English, bytes).expect("16 bytes make twelve words, 32 make 24");
    let code = Zeroizing::new(words.to_string());
    words.zeroize();
    code
}

/// The bytes that some words stand for, in any case and with any white space between them.
pub(super) fn read<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, CodeError> {
    let lower = Zeroizing::new(text.to_lowercase());
    let words = || lower.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let count = words().count();
    // 32 bits of each 33 are not for checking, and a word has 11.
    if count != N * 3 / 4 {
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
    let mut bytes = Zeroizing::new([0; N]);
    bytes.copy_from_slice(entropy.get(..length).filter(|bytes| bytes.len() == N).ok_or(CodeError::Check)?);
    entropy.zeroize();
    Ok(bytes)
}

pub(super) fn is_word(word: &str) -> bool {
    Language::English.find_word(word).is_some()
}

/// Random bytes of a generated key.
pub(super) const CODE_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_spaced_and_a_slip_is_found() {
        let code = write(&[3; CODE_BYTES]);
        assert_eq!(code.split(' ').count(), 12);
        assert_eq!(*read(&code).unwrap(), [3; CODE_BYTES]);
        let shouted = format!("  {}\n", code.to_uppercase().replace(' ', " - "));
        assert_eq!(*read(&shouted).unwrap(), [3; CODE_BYTES]);
        let words: Vec<&str> = code.split(' ').collect();
        assert_eq!(read::<CODE_BYTES>(&words[..11].join(" ")).unwrap_err(), CodeError::Count(11));
        let with = |at: usize, word| {
            let mut words = words.clone();
            words[at] = word;
            read::<CODE_BYTES>(&words.join(" ")).unwrap_err()
        };
        assert_eq!(with(4, "chunkcast"), CodeError::Word(5));
        let other = if words[0] == "zoo" { "zone" } else { "zoo" };
        assert_eq!(with(0, other), CodeError::Check);
    }

    #[test]
    fn what_a_phrase_comes_to_has_twice_as_many_words() {
        let words = write(&[3; 32]);
        assert_eq!((words.split(' ').count(), *read(&words).unwrap()), (24, [3; 32]));
        assert_eq!(read::<CODE_BYTES>(&words).unwrap_err(), CodeError::Count(24));
    }

    #[test]
    fn no_message_repeats_a_word() {
        let error = read::<CODE_BYTES>("zzz secretword c d e f g h i j k l").unwrap_err().to_string();
        assert!(!error.contains("secretword") && error.contains("word 1"), "{error}");
    }
}
