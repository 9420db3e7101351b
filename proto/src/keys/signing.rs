//! Pictures signed by their sender: who else has the stream's key cannot speak as it.
//!
//! What is signed is the BLAKE3 hash of the JPEG with its session and capture time. A receiver remembers by the
//! sender's name who has signed its pictures (as SSH does with hosts), and hands on nothing else under that name.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use thiserror::Error;

use crate::frame::{Frame, MediaTime, Signature};
use crate::seq::SessionId;
use crate::wire::Signer;

/// What signs a sender's pictures.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key that is made of these random bytes (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("every seed of 32 bytes makes a key"))
    }

    /// As receivers know it.
    pub fn signer(&self) -> Signer {
        let key = self.0.public_key().as_ref().first_chunk();
        Signer::new(*key.expect("the key of an Ed25519 pair has 32 bytes"))
    }

    /// Signs a frame of this session.
    pub fn sign(&self, session: SessionId, frame: &mut Frame) {
        frame.signature = self.signature(session, frame.captured, std::iter::once(&frame.jpeg[..]));
    }

    /// The signature of a frame of this session whose JPEG is these pieces, one behind the other; always there is one.
    pub fn signature<'a>(
        &self,
        session: SessionId,
        captured: MediaTime,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Option<Signature> {
        self.0.sign(&statement(session, captured, pieces)).as_ref().first_chunk().copied()
    }
}

/// Whether the pictures of a stream are its sender's own.
#[derive(Debug, Default)]
pub struct SignatureCheck {
    session: Option<SessionId>,
    is_introduced: bool,
    /// Who signs them, as its hello says.
    claimed: Option<Signer>,
    /// Who signed the first of this session.
    proven: Option<Signer>,
    newest: MediaTime,
}

/// Why a frame is not handed on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// It is not signed, and its sender signs.
    #[error("a picture is not signed")]
    Missing,
    /// Who signs is not known yet.
    #[error("it is not known yet who signs")]
    Unknown,
    /// Somebody else signs than before under this name.
    #[error("pictures are signed by another, {0}")]
    Other(Signer),
    /// The signature is not of this picture.
    #[error("a signature is forged")]
    Forged,
    /// It was captured before one that was handed on already.
    #[error("a picture is sent again")]
    Old,
}

impl SignatureCheck {
    /// A session begins.
    pub fn begin(&mut self, session: SessionId) {
        *self = Self { session: Some(session), ..Self::default() };
    }

    /// Its hello says who signs its pictures, if anybody does.
    pub fn introduce(&mut self, signer: Option<Signer>) {
        (self.is_introduced, self.claimed) = (true, signer);
    }

    /// Who has signed this frame, if it is to be handed on. `expected` is who signed under the sender's name before;
    /// `waits` has a frame refused that comes before its sender's name.
    ///
    /// # Errors
    /// Why it is not to be handed on.
    pub fn check(
        &mut self,
        frame: &Frame,
        expected: Option<Signer>,
        waits: bool,
    ) -> Result<Option<Signer>, SignatureError> {
        // In one session nobody takes over, whatever name is said in it.
        let expected = self.proven.or(expected);
        let (Some(session), Some(signature)) = (self.session, &frame.signature) else {
            let must_be_signed = expected.or(self.claimed).is_some();
            return match (must_be_signed, waits && !self.is_introduced) {
                (true, _) => Err(SignatureError::Missing),
                (false, true) => Err(SignatureError::Unknown),
                (false, false) => Ok(None),
            };
        };
        let signer = expected.or(self.claimed).ok_or(SignatureError::Unknown)?;
        if !is_signed_by(&signer, session, frame, signature) {
            let other = self.claimed.filter(|claimed| *claimed != signer);
            return Err(other.map_or(SignatureError::Forged, SignatureError::Other));
        }
        if frame.captured < self.newest {
            return Err(SignatureError::Old);
        }
        (self.proven, self.newest) = (Some(signer), frame.captured);
        Ok(self.proven)
    }
}

fn is_signed_by(signer: &Signer, session: SessionId, frame: &Frame, signature: &Signature) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, signer.as_bytes());
    let pieces = std::iter::once(&frame.jpeg[..]);
    key.verify(&statement(session, frame.captured, pieces), signature).is_ok()
}

/// What is signed of a frame.
fn statement<'a>(
    session: SessionId,
    captured: MediaTime,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> [u8; STATEMENT_BYTES] {
    let mut hasher = blake3::Hasher::new();
    pieces.for_each(|piece| {
        hasher.update(piece);
    });
    let mut statement = [0; STATEMENT_BYTES];
    let (context, rest) = statement.split_at_mut(CONTEXT.len());
    context.copy_from_slice(CONTEXT);
    rest[..8].copy_from_slice(&session.get().to_be_bytes());
    rest[8..16].copy_from_slice(&captured.as_micros().to_be_bytes());
    rest[16..].copy_from_slice(hasher.finalize().as_bytes());
    statement
}

/// A signature of something else is none of a picture.
const CONTEXT: &[u8; 20] = b"chunkcast picture 1\0";
const STATEMENT_BYTES: usize = CONTEXT.len() + 8 + 8 + 32;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SESSION: SessionId = SessionId::new(7);

    fn frame(micros: u64, jpeg: &[u8]) -> Frame {
        let captured = MediaTime::from_micros(micros);
        Frame { captured, jpeg: Arc::new(jpeg.to_vec()), signature: None }
    }

    fn signed(key: &SigningKey, micros: u64, jpeg: &[u8]) -> Frame {
        let mut frame = frame(micros, jpeg);
        key.sign(SESSION, &mut frame);
        frame
    }

    fn check_of(session: SessionId, signer: Option<Signer>) -> SignatureCheck {
        let mut check = SignatureCheck::default();
        check.begin(session);
        check.introduce(signer);
        check
    }

    #[test]
    fn a_picture_is_its_signers_in_one_session_at_one_time_and_as_it_is() {
        let (key, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let good = signed(&key, 5, b"picture");
        let by = Some(key.signer());
        let check = |frame: &Frame, session, by| check_of(session, by).check(frame, None, false);
        assert_eq!(check(&good, SESSION, by), Ok(by));
        for forged in [
            signed(&other, 5, b"picture"),
            Frame { captured: MediaTime::from_micros(6), ..good.clone() },
            Frame { jpeg: Arc::new(b"pictures".to_vec()), ..good.clone() },
            Frame { signature: Some([0; 64]), ..good.clone() },
        ] {
            assert_eq!(check(&forged, SESSION, by), Err(SignatureError::Forged));
        }
        assert_eq!(check(&good, SessionId::new(8), by), Err(SignatureError::Forged));
        assert_eq!(
            check(&Frame { signature: None, ..good.clone() }, SESSION, by),
            Err(SignatureError::Missing)
        );
        assert_eq!(check(&good, SESSION, None), Err(SignatureError::Unknown));
        assert_eq!(check(&frame(5, b"picture"), SESSION, None), Ok(None));
    }

    #[test]
    fn whoever_signed_under_a_name_before_is_believed_and_nobody_else() {
        let (key, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let expected = Some(key.signer());
        let by_other =
            check_of(SESSION, Some(other.signer())).check(&signed(&other, 1, b"p"), expected, true);
        assert_eq!(by_other, Err(SignatureError::Other(other.signer())));
        let unsigned = check_of(SESSION, None).check(&frame(1, b"p"), expected, true);
        assert_eq!(unsigned, Err(SignatureError::Missing));
        // A hello in its name that was forged changes nothing.
        let mut check = check_of(SESSION, Some(other.signer()));
        assert_eq!(check.check(&signed(&key, 1, b"p"), expected, true), Ok(expected));
        check.introduce(None);
        assert_eq!(check.check(&frame(2, b"p"), None, true), Err(SignatureError::Missing));
        assert_eq!(check.check(&signed(&key, 2, b"p"), None, true), Ok(expected));
    }

    #[test]
    fn what_was_handed_on_does_not_come_again_and_what_comes_before_its_name_may_have_to_wait() {
        let key = SigningKey::from_seed(&[1; 32]);
        let mut check = check_of(SESSION, Some(key.signer()));
        assert!(check.check(&signed(&key, 1, b"first"), None, true).is_ok());
        assert!(check.check(&signed(&key, 9, b"second"), None, true).is_ok());
        assert_eq!(check.check(&signed(&key, 1, b"first"), None, true), Err(SignatureError::Old));
        check.begin(SESSION);
        assert_eq!(check.check(&frame(1, b"p"), None, true), Err(SignatureError::Unknown));
        assert_eq!(check.check(&frame(1, b"p"), None, false), Ok(None));
    }

    /// As the specification has it.
    #[test]
    fn a_known_picture_has_a_known_signature() {
        let key = SigningKey::from_seed(&[1; 32]);
        let frame = signed(&key, 1_700_000_000_000_000, b"\xff\xd8 picture \xff\xd9");
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(key.signer().as_bytes()),
            "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
        );
        assert_eq!(
            hex(&frame.signature.unwrap()),
            "ac5e4ff2913411ac9b5155c686bae845c658f8d0fd6add4b0dbc13f29a897eb9\
             22b9788c3142bc86ddaa3d3bf7a5545adcffe0d41b858a5a4a7cfa37ea33a70d"
        );
    }
}
