//! One encoded picture with its capture time.

use super::media_time::MediaTime;
use super::pool::Buffer;

/// Bytes of a [`Signature`].
pub const SIGNATURE_BYTES: usize = 64;

/// A signature of a picture: Ed25519 (RFC 8032).
pub type Signature = [u8; SIGNATURE_BYTES];

/// One JPEG on its way to be sent, or as it arrived. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When the picture was taken, on the sender's clock.
    pub captured: MediaTime,
    /// The JPEG, from its start marker to its end marker, byte for byte.
    pub jpeg: Buffer,
    /// Its sender's signature, if it has one. Whoever takes in frames checks it.
    pub signature: Option<Signature>,
}
