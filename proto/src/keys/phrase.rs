//! Keys of a phrase of one's own, stretched by Argon2id (RFC 9106), so that guessing takes as long as it can.

use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;
use zeroize::Zeroizing;

use super::cipher::SECRET_BYTES;

/// Why a phrase makes no key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PhraseError {
    /// Whoever has one datagram can guess at leisure.
    #[error(
        "the phrase is guessed too easily: use more and rarer words, or have a code made: sender key new"
    )]
    Weak,
    /// The system has no memory for it.
    #[error("the phrase cannot be stretched: {0}")]
    Stretch(String),
}

/// The secret that comes of a phrase.
///
/// The salt is the same for all: a salt that a sender announced would have whoever forges announcements make each
/// receiver work for a tenth of a second and 64 MiB at each. What it costs: who guesses, guesses for everybody at once.
pub(super) fn stretch(phrase: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, PhraseError> {
    let phrase = phrase.trim();
    if bits(phrase) < LEAST_BITS {
        return Err(PhraseError::Weak);
    }
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(SECRET_BYTES));
    let params = params.map_err(|error| PhraseError::Stretch(error.to_string()))?;
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let stretched = argon.hash_password_into(phrase.as_bytes(), SALT, &mut *secret);
    stretched.map_err(|error| PhraseError::Stretch(error.to_string()))?;
    Ok(secret)
}

/// How many guesses a phrase takes, as a power of two.
fn bits(phrase: &str) -> f64 {
    let estimate = zxcvbn::zxcvbn(phrase, &["chunkcast", "camera", "sender", "receiver"]);
    estimate.guesses_log10() / std::f64::consts::LOG10_2
}

const LEAST_BITS: f64 = 40.0;
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const SALT: &[u8] = b"chunkcast 2 phrase";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_easily_is_refused_with_the_way_out() {
        for weak in
            ["", "1234", "password1", "camera camera", "qwertyuiop", "2026-11-29", "aaaaaaaaaaaaaaaaaa"]
        {
            assert_eq!(stretch(weak).unwrap_err(), PhraseError::Weak, "{weak}");
        }
        assert!(PhraseError::Weak.to_string().contains("sender key new"));
        let one = stretch("nine purple otters juggle in Reykjavik").unwrap();
        assert_eq!(one, stretch(" nine purple otters juggle in Reykjavik\n").unwrap());
        assert_ne!(one, stretch("nine purple otters juggle in Ljubljana").unwrap());
    }
}
