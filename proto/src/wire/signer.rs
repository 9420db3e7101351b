//! Who signs pictures.

use std::fmt;

use super::hex::write_hex;

/// Whoever signs a stream's pictures: an Ed25519 public key (RFC 8032). It is shown by its first eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signer([u8; SIGNER_BYTES]);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0[..8])
    }
}

impl Signer {
    /// The one with this public key.
    pub const fn new(key: [u8; SIGNER_BYTES]) -> Self {
        Self(key)
    }

    /// The public key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes of a signer's public key.
pub(crate) const SIGNER_BYTES: usize = 32;
