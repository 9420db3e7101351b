//! Tokens that validate a receiver's address.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use siphasher::sip::SipHasher24;

use crate::frame::MediaTime;
use crate::wire::Token;

/// Makes the token of each address: a keyed hash of it and of the time (SipHash-2-4, Aumasson and Bernstein 2012).
///
/// Whoever can show the token of an address has received something there lately. The sender keeps nothing for those who
/// never come back, and a token cannot be guessed from others'.
#[derive(Clone, Debug)]
pub(crate) struct AddressToken {
    key: [u8; 16],
}

impl AddressToken {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The token that an address is told at this time.
    pub(crate) fn token(&self, source: &impl Hash, time: MediaTime) -> Token {
        self.token_of(source, slot(time))
    }

    /// Whether a token is that of this address: the one of now, or the one before.
    pub(crate) fn knows(&self, source: &impl Hash, token: Token, time: MediaTime) -> bool {
        let slot = slot(time);
        [slot, slot.wrapping_sub(1)].iter().any(|&slot| token == self.token_of(source, slot))
    }

    fn token_of(&self, source: &impl Hash, slot: u64) -> Token {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        (slot, source).hash(&mut hasher);
        // 0 is what those show who have none.
        Token::new(hasher.finish().max(1))
    }
}

fn slot(time: MediaTime) -> u64 {
    time.as_micros() / TOKEN_LASTS.as_micros() as u64
}

/// A token counts for so long, and as long again. Shorter: a receiver that reports rarely has to ping anew. Longer: who
/// had an address before, as behind a NAT, can have things sent there for longer.
const TOKEN_LASTS: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_address_and_of_late_and_never_what_nobody_has() {
        let (address_token, other) = (AddressToken::new([1; 16]), AddressToken::new([2; 16]));
        let at = |seconds: u64| MediaTime::from_micros(1_000_000 * seconds);
        let token = address_token.token(&7_u8, at(6000));
        assert_eq!(token, address_token.token(&7_u8, at(6599)));
        assert_ne!(token, address_token.token(&8_u8, at(6000)));
        assert_ne!(token, other.token(&7_u8, at(6000)));
        assert!((0..1000_u32).all(|source| address_token.token(&source, at(0)) != Token::default()));
        for (seconds, counts) in [(6000, true), (6600, true), (7199, true), (7200, false), (5999, false)] {
            assert_eq!(address_token.knows(&7_u8, token, at(seconds)), counts, "after {seconds} s");
        }
        assert!(!address_token.knows(&8_u8, token, at(6000)) && !other.knows(&7_u8, token, at(6000)));
    }
}
