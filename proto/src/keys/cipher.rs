//! The authenticated ciphers, of `ring`.

use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// Which cipher a session is sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// 1: AES-256-GCM (NIST SP 800-38D), the fastest where the processor has instructions for it.
    Aes,
    /// 2: ChaCha20-Poly1305 (RFC 8439), the fastest elsewhere.
    ChaCha,
}

impl Suite {
    /// The faster one on this processor.
    pub fn fastest() -> Self {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        let has_aes = std::arch::is_x86_feature_detected!("aes");
        #[cfg(target_arch = "aarch64")]
        let has_aes = std::arch::is_aarch64_feature_detected!("aes");
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
        let has_aes = false;
        if has_aes { Self::Aes } else { Self::ChaCha }
    }

    pub(super) const fn to_wire(self) -> u8 {
        match self {
            Self::Aes => 1,
            Self::ChaCha => 2,
        }
    }

    pub(super) const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Aes),
            2 => Some(Self::ChaCha),
            _ => None,
        }
    }
}

/// One secret key and its cipher. Whoever seals with it never uses a nonce twice.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(suite: Suite, secret: &[u8; SECRET_BYTES]) -> Self {
        let algorithm = match suite {
            Suite::Aes => &AES_256_GCM,
            Suite::ChaCha => &CHACHA20_POLY1305,
        };
        Self(LessSafeKey::new(UnboundKey::new(algorithm, secret).expect("both take keys of this length")))
    }

    /// Encrypts in place; returns the tag over that and over what is only authenticated, `clear`.
    pub(super) fn seal(&self, number: u64, clear: &[u8], plain: &mut [u8]) -> [u8; TAG_BYTES] {
        let tag = self.0.seal_in_place_separate_tag(nonce(number), Aad::from(clear), plain);
        // Only what is far longer than a datagram is refused.
        tag.expect("a datagram is not too long").as_ref().try_into().expect("a tag has 16 bytes")
    }

    /// Decrypts in place, if the tag at the end of `sealed` is right; returns what comes before the tag.
    pub(super) fn open<'a>(&self, number: u64, clear: &[u8], sealed: &'a mut [u8]) -> Option<&'a mut [u8]> {
        self.0.open_in_place(nonce(number), Aad::from(clear), sealed).ok()
    }
}

/// A nonce is used once with each key: whoever seals counts.
fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Bytes by which either cipher makes longer what it seals.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes of a key of either cipher.
pub(super) const SECRET_BYTES: usize = 32;
