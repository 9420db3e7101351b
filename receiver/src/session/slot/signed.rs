//! Who signs what comes in a slot.

use std::time::Duration;

use proto::keys::SignatureCheck;
use proto::wire::Signer;
use proto::{RateLimiter, SessionId};

use super::super::signers::Signers;

/// Who signs what comes in a slot.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) check: SignatureCheck,
    /// Who signed under its sender's name before.
    pub(super) expected: Option<Signer>,
    /// Who has signed the last picture.
    pub(super) signer: Option<Signer>,
    /// Whether nothing is shown because of it.
    pub(super) is_refusing: bool,
    pub(super) complaints: RateLimiter,
}

impl Signed {
    pub(super) fn nobody() -> Self {
        Self {
            check: SignatureCheck::default(),
            expected: None,
            signer: None,
            is_refusing: false,
            complaints: RateLimiter::new(COMPLAIN_EVERY),
        }
    }

    /// Whether it is known who signs: what another sent is not to be looked at.
    pub(super) fn is_expected(&self) -> bool {
        self.expected.or(self.signer).is_some()
    }

    pub(super) fn begin(&mut self, session: SessionId) {
        self.check.begin(session);
        (self.expected, self.signer) = (None, None);
    }

    pub(super) fn introduce(&mut self, name: &str, signer: Option<Signer>, signers: &Signers) {
        self.check.introduce(signer);
        self.expected = signers.signer_of(name);
    }
}

/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
