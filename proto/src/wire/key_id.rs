//! What tells keys apart.

use std::fmt;

use super::hex::{parse_hex, write_hex};

/// Tells keys apart without saying anything of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl KeyId {
    /// The id with these bytes.
    pub const fn new(id: [u8; KEY_ID_BYTES]) -> Self {
        Self(id)
    }

    /// As it stands in datagrams.
    pub fn bytes(&self) -> [u8; KEY_ID_BYTES] {
        self.0
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

/// Bytes of a key's id.
pub(crate) const KEY_ID_BYTES: usize = 8;
