//! Who has logged in, by what his cookie says.

use std::collections::VecDeque;

use anyhow::Result;
use ring::hmac::{self, HMAC_SHA256};

use crate::sys::random_bytes;

/// Those who have logged in since the program began.
///
/// Of a cookie only a keyed hash is kept and compared: how much of two hashes is alike says nothing of how much of a
/// cookie is right.
#[derive(Debug)]
pub(super) struct Sessions {
    secret: hmac::Key,
    /// Who asked last is last.
    tags: VecDeque<[u8; TAG_BYTES]>,
}

impl Sessions {
    /// None.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn new() -> Result<Self> {
        let secret = hmac::Key::new(HMAC_SHA256, &random_bytes::<TAG_BYTES>()?);
        Ok(Self { secret, tags: VecDeque::new() })
    }

    /// Begins one, and returns what its cookie is to say. Where there are too many, the one that has not asked for
    /// longest ends.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn begin(&mut self) -> Result<String> {
        let token = format!("{:032x}", u128::from_ne_bytes(random_bytes()?));
        let tag = self.tag(&token);
        if self.tags.len() == MOST {
            self.tags.pop_front();
        }
        self.tags.push_back(tag);
        Ok(token)
    }

    /// Whether a cookie says so.
    pub(super) fn is_one(&mut self, token: &str) -> bool {
        let tag = self.tag(token);
        let at = self.tags.iter().position(|known| *known == tag);
        // Who asks goes to the end.
        let found = at.and_then(|at| self.tags.remove(at));
        self.tags.extend(found);
        found.is_some()
    }

    fn tag(&self, token: &str) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(hmac::sign(&self.secret, token.as_bytes()).as_ref());
        tag
    }
}

/// Of SHA-256.
const TAG_BYTES: usize = 32;
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_known_where_it_was_given_and_nowhere_else() {
        let (mut sessions, mut other) = (Sessions::new().unwrap(), Sessions::new().unwrap());
        let token = sessions.begin().unwrap();
        assert_eq!(token.len(), 32);
        assert!(sessions.is_one(&token) && !other.is_one(&token));
        for wrong in
            ["", "0", &token[1..], &token.to_uppercase().replace(char::is_numeric, "0"), &format!("{token}0")]
        {
            assert!(!sessions.is_one(wrong), "{wrong}");
        }
        assert_ne!(sessions.begin().unwrap(), token);
    }

    #[test]
    fn only_so_many_are_remembered_and_who_asks_stays() {
        let mut sessions = Sessions::new().unwrap();
        let (first, second) = (sessions.begin().unwrap(), sessions.begin().unwrap());
        for _ in 0..2 * MOST {
            sessions.begin().unwrap();
            assert!(sessions.is_one(&first));
        }
        assert!(!sessions.is_one(&second) && sessions.tags.len() == MOST);
    }
}
